//! What the app allows, and the state of the two places that can answer.

use serde::{Deserialize, Serialize};

use crate::PrivacyRules;

/// Who may answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Mode {
    /// Only the page. The default until a cloud is configured.
    #[default]
    LocalOnly,
    /// The page, unless the cloud is expected to do much better.
    PreferLocal,
    /// The cloud, unless a rule forbids it.
    PreferCloud,
    /// Only the cloud.
    CloudOnly,
}

/// How carefully personal data is handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum PrivacyLevel {
    /// Secrets (keys, passwords, national and account numbers) and the most personal topics keep the whole query on
    /// the device.
    Careful,
    /// Everything found leaves behind a placeholder if it must; secrets that would let someone in stay.
    #[default]
    Balanced,
}

/// What to do with a conversation that is longer than the local model's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Overflow {
    /// An error.
    Error,
    /// The local model answers without the oldest turns; system messages stay.
    DropOldest,
    /// As `drop-oldest`, and the local model first writes down in a few sentences what it drops.
    Summarise,
    /// The cloud, where mode and privacy allow it; else an error.
    #[default]
    Cloud,
}

/// What the app allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Policy {
    /// Who may answer.
    pub mode: Mode,
    /// How carefully personal data is handled.
    pub privacy: PrivacyRules,
    /// What to do with a conversation that is too long for the page.
    pub overflow: Overflow,
}

/// The local model, as far as a decision needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum LocalState {
    /// Can answer; prompt and answer together fit into `context_length` tokens.
    #[serde(rename_all = "camelCase")]
    Ready {
        /// Tokens.
        context_length: u32,
    },
    /// Is being fetched or prepared.
    Loading,
    /// Is not there.
    #[default]
    Unavailable,
}

/// The device: the local model and the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DeviceState {
    /// The local model.
    pub local: LocalState,
    /// Whether the device has a network.
    pub online: bool,
    /// Tokens of the prompt as the local model counts them; 0 if it is not loaded.
    pub prompt_tokens: u32,
}

/// The cloud path, as far as a decision needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CloudState {
    /// A relay and a verified key are configured.
    pub configured: bool,
    /// What finds names and addresses in a question is there: nothing leaves without it.
    pub detector_ready: bool,
    /// Evidence of the hardware behind that key was verified, too. Nothing verifies any yet.
    pub attested: bool,
}
