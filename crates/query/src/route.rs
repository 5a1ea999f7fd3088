//! Where a query is answered, and why.

use serde::{Deserialize, Serialize};

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Target {
    /// In the page.
    Local,
    /// Through relay and gateway.
    Cloud,
}

/// Why, as a code that code can match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum ReasonCode {
    /// The mode allows only the page.
    ModeLocalOnly,
    /// The mode allows only the cloud.
    ModeCloudOnly,
    /// The mode prefers the page.
    ModePreferLocal,
    /// The mode prefers the cloud.
    ModePreferCloud,
    /// Something in the query may not leave the device.
    NeverLeaves,
    /// Something in the query may leave only to an endpoint whose hardware was verified.
    NeedsAttestation,
    /// Something in the query should rather stay, and the cloud is not expected to do that much better.
    PreferNot,
    /// No cloud is configured.
    CloudNotConfigured,
    /// The device is offline.
    Offline,
    /// What finds names and addresses in a question is not there, so nothing may leave.
    DetectorNotReady,
    /// The local model is not there yet.
    LocalNotReady,
    /// The prompt is longer than the local model's context.
    LocalContextTooSmall,
    /// The request asks for what only the local model does, such as `logprobs` or `n` answers.
    OnlyLocalCan,
    /// A conversation that is too long for the local model is not to be sent to the cloud.
    OverflowIsAnError,
    /// The question looks hard for the local model.
    LooksHard,
    /// The question looks easy enough for the local model.
    LooksEasy,
}

/// One reason, with a sentence that a person understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Reason {
    /// The code.
    pub code: ReasonCode,
    /// The sentence.
    pub text: String,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Route {
    /// Where.
    pub target: Target,
    /// Why: the reason that decided comes first.
    pub reasons: Vec<Reason>,
    /// Expected gain of the cloud over the local model, 0 to 1.
    pub gain: f32,
}
