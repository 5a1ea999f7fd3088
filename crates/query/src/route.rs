//! Where a query is answered, and why.

use serde::{Deserialize, Serialize};

use crate::{Estimate, Guess};

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
    /// The question is unlike those that the expected gain was learned from, so it counts for little.
    Unfamiliar,
    /// The cloud takes long.
    CloudSlow,
    /// The local model takes long.
    LocalSlow,
    /// The cloud costs more than the answer is worth.
    CloudExpensive,
    /// The cloud's rate limit is reached, or nearly.
    CloudLimited,
    /// The cloud failed again and again.
    CloudFailing,
    /// The battery is low.
    BatteryLow,
    /// The device is hot, or slowed down.
    DeviceHot,
    /// The person asked for less data.
    DataSaver,
    /// The local model still has the conversation in its cache.
    WarmCache,
    /// The local model has room for a part of the answer only.
    LocalContextShort,
    /// The local model was sure of its answer.
    LocalConfident,
    /// The local answer is doubtful.
    LocalDoubtful,
    /// The cloud was to answer instead of a doubtful local answer, and did not.
    EscalationFailed,
    /// The cloud was not allowed to answer instead of a doubtful local answer.
    EscalationDeclined,
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

/// What a place is worth for a query: `gain` less the others. Each is a share of the best that can be gained (an
/// answer that is right instead of wrong), already weighted by the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Utility {
    /// What it is expected to answer better than the page, and what the mode adds for it.
    pub gain: f32,
    /// Money.
    pub cost: f32,
    /// Waiting.
    pub latency: f32,
    /// What it takes from the device, or from the person: a low battery, something that should rather stay.
    pub burden: f32,
    /// All of it.
    pub total: f32,
}

/// What a decision was made from. None of it can undo a rule: where something may not leave, or a place cannot
/// answer, the scores decide nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Scores {
    /// What is probably asked for; `null` without the router's weights.
    pub guess: Option<Guess>,
    /// What the cloud is expected to do better; `null` without the router's weights.
    pub estimate: Option<Estimate>,
    /// How well the answer can wait, 0 to 1.
    pub tolerance: f32,
    /// How much rather it should stay, 0 to 1; 1 is that it has to.
    pub sensitivity: f32,
    /// How dear the cloud's answer is, 0 to 1; half where it costs what the policy calls fair.
    pub cost: f32,
    /// What the page is worth.
    pub local: Utility,
    /// What the cloud is worth.
    pub cloud: Utility,
}

/// What would have to be otherwise, as a code that code can match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum ChangeCode {
    /// What keeps it here is not in the question.
    WithoutFindings,
    /// The mode is `prefer-local`.
    ModePreferLocal,
    /// The mode is `prefer-cloud`.
    ModePreferCloud,
    /// The device is online.
    Online,
    /// A cloud is configured.
    CloudConfigured,
    /// What finds names and addresses is there.
    DetectorReady,
    /// The local model is ready.
    LocalReady,
    /// The conversation is shorter.
    ShorterConversation,
    /// The request does not ask for what only the local model does.
    WithoutLocalOnly,
    /// The question is easier for the local model.
    EasierQuestion,
    /// The question is harder for the local model.
    HarderQuestion,
    /// The answer can wait.
    CanWait,
    /// The cloud costs nothing.
    FreeCloud,
    /// The cloud answers at once.
    FasterCloud,
    /// The cloud is there, and its rate limit is not reached.
    CloudAvailable,
    /// The local model answers at once.
    FasterLocal,
    /// The device is charged and cool.
    DeviceRested,
}

/// One thing that would have changed the decision, and what would have come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Change {
    /// The code.
    pub code: ChangeCode,
    /// Where it would be answered then.
    pub target: Target,
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
    /// What it was made from.
    pub scores: Scores,
    /// What would have changed it, each alone, the nearest first.
    pub changes: Vec<Change>,
}
