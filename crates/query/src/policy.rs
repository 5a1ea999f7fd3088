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

/// How well an answer can wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Patience {
    /// Somebody waits and does nothing else.
    Urgent,
    /// Somebody waits.
    #[default]
    Normal,
    /// Nobody waits.
    Patient,
}

/// What counts how much where more than one place may answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Preferences {
    /// A better answer: 0 for not at all, 1 as usual, 4 at most.
    pub quality: f32,
    /// Money, 0 to 4.
    pub cost: f32,
    /// Waiting, 0 to 4.
    pub latency: f32,
    /// What an answer in the page takes from the device: battery, heat. 0 to 4.
    pub device: f32,
    /// What one answer may fairly cost, in the currency of the prices; more than 0.
    pub fair_price: f32,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            quality: 1.0,
            cost: 1.0,
            latency: 1.0,
            device: 1.0,
            fair_price: 0.01,
        }
    }
}

/// What to do with a local answer that is doubtful: less likely to stand than [`Policy::risk`] asks for, or of a
/// form that no right answer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum OnDoubt {
    /// It is given like any other.
    Ship,
    /// It is given, and the receipt says that it is doubtful.
    Mark,
    /// As long as nothing of it was shown, the cloud answers instead, where mode and privacy allow that. Else as
    /// `mark`.
    #[default]
    Escalate,
    /// As `escalate`, where the person who is asked says so. Else as `mark`.
    Ask,
}

/// How often an answer of the page may be worse than the cloud's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Risk {
    /// The share of local answers that may be worse, more than 0 and less than 1.
    pub alpha: f32,
    /// How probable it may be that the share is exceeded all the same, more than 0 and less than 1.
    pub delta: f32,
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
    /// How well the answer can wait.
    pub patience: Patience,
    /// What counts how much where more than one place may answer.
    pub preferences: Preferences,
    /// What to do with a local answer that is doubtful.
    pub on_doubt: OnDoubt,
    /// How often an answer of the page that is not doubtful may be worse than the cloud's, by the calibration of the model
    /// file. If absent, an answer is doubtful if it rather does not stand.
    pub risk: Option<Risk>,
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

/// What a device says of itself. What it does not say is `null`, and changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DeviceSignals {
    /// Charge of the battery, 0 to 1.
    pub battery: Option<f32>,
    /// Whether it is being charged.
    pub charging: Option<bool>,
    /// How hard the processor works already (Compute Pressure).
    pub pressure: Option<Pressure>,
    /// The person asked for less data.
    pub data_saver: Option<bool>,
    /// Round trip to the network's servers, in ms.
    pub round_trip: Option<f32>,
}

/// How hard a processor works, as W3C's Compute Pressure tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Pressure {
    /// Hardly.
    Nominal,
    /// More work is no trouble.
    Fair,
    /// The device is warm, or will be soon.
    Serious,
    /// The device is about to slow down.
    Critical,
}

/// What an answer in the page takes from the device now, without what only just crossed a threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Strain {
    /// The battery is low and not being charged.
    pub battery_low: bool,
    /// The processor is warm from work.
    pub hot: bool,
    /// The processor is about to slow down.
    pub too_hot: bool,
    /// The local model is much slower than it used to be on this device.
    pub slowed: bool,
    /// The person asked for less data.
    pub data_saver: bool,
    /// The network's servers are far away.
    pub far: bool,
}

/// How fast the local model is, in µs a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct LocalSpeed {
    /// For a token of the prompt.
    pub prefill: u32,
    /// For a token of the answer.
    pub decode: u32,
}

/// The device: the local model and the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DeviceState {
    /// The local model.
    pub local: LocalState,
    /// Whether the device has a network.
    pub online: bool,
    /// Tokens of the prompt as the local model counts them; 0 if it is not loaded.
    pub prompt_tokens: u32,
    /// How many of them are in its key/value cache.
    pub cached_tokens: u32,
    /// How fast it was of late; unknown before its first answers.
    pub speed: Option<LocalSpeed>,
    /// What an answer takes from the device.
    pub strain: Strain,
}

/// How fast the cloud's answers come, measured here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CloudSpeed {
    /// Until the first text, in ms: half of the answers were faster.
    pub first: u32,
    /// Until the first text, in ms: nineteen of twenty were faster.
    pub first_at_most: u32,
    /// For a token after that, in µs.
    pub token: u32,
}

/// What a model costs, for a million tokens, in the app's currency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Price {
    /// Of the prompt.
    pub input: f32,
    /// Of the answer.
    pub output: f32,
}

/// The cloud path, as far as a decision needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CloudState {
    /// A relay and a verified key are configured.
    pub configured: bool,
    /// What finds names and addresses in a question is there: nothing leaves without it.
    pub detector_ready: bool,
    /// Evidence of the hardware behind that key was verified, too. Nothing verifies any yet.
    pub attested: bool,
    /// How fast it was of late; unknown before its first answer.
    pub speed: Option<CloudSpeed>,
    /// How short its rate limit is: 0 while there is plenty, 1 where there is nothing left.
    pub scarcity: f32,
    /// It failed again and again, only just now.
    pub failing: bool,
    /// What it costs, if the app said.
    pub price: Option<Price>,
}
