//! What happened: the events of an answer and the receipt at its end.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    EntityKind, FinishReason, PrivacyClass, Reason, Role, Route, TokenLogprob, ToolCall,
    TopicFinding, Usage, redact::Redacted,
};

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Source {
    /// The page.
    Local,
    /// The cloud.
    Cloud,
    /// Both took part: the page began, was in doubt, and the cloud gave the answer.
    Both,
}

/// Why a local answer is doubtful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum DoubtCause {
    /// The model was unsure of it.
    Unsure,
    /// There is nothing in it.
    Empty,
    /// It ends in the same words again and again.
    Loop,
    /// It ends in mid-sentence.
    CutOff,
    /// It is in another script than the question.
    OtherScript,
    /// It says that it does not answer.
    Refusal,
    /// JSON was asked for, and is not there.
    NoJson,
}

/// That a local answer may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Doubt {
    /// Why.
    pub cause: DoubtCause,
    /// How likely it stands, 0 to 1; absent without a calibration of the model file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f32>,
    /// Whether mode and privacy allow the cloud to answer instead.
    pub cloud: bool,
}

/// Exactly what left the device.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Sent {
    /// The plaintext that was sealed: the request body as the upstream gets it.
    pub text: String,
    /// Bytes on the wire, sealed and padded, of all attempts together.
    pub bytes: u32,
    /// How often it was sealed and sent: more than once where a relay or a gateway did not answer, the gateway had other
    /// keys by then, or the device's clock was wrong.
    pub attempts: u32,
    /// The relay that carried it, at the last attempt.
    pub relay: String,
    /// The gateway key it was sealed to: the hex SHA-256 of its key config.
    pub key_id: String,
    /// The gateway showed another key by one path only, which may have been made to recognize this person: a sentence
    /// that names it and the path. Nothing was sealed to that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targeted: Option<String>,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent")
            .field("text", &Redacted(&self.text))
            .field("bytes", &self.bytes)
            .field("attempts", &self.attempts)
            .field("relay", &self.relay)
            .field("key_id", &self.key_id)
            .field("targeted", &self.targeted)
            .finish()
    }
}

/// A placeholder that stood in for a value. The value itself is not recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Replaced {
    /// `[EMAIL_1]`.
    pub placeholder: String,
    /// What it stands for.
    pub kind: EntityKind,
}

/// Tokens by tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct UsageByTier {
    /// In the page.
    pub local: Usage,
    /// In the cloud, as the upstream counted.
    pub cloud: Usage,
}

/// Milliseconds since the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Timing {
    /// Until the first piece of text.
    pub first: f64,
    /// Until the end.
    pub total: f64,
}

/// What happened to one query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Receipt {
    /// Where the answer came from.
    pub source: Source,
    /// Why there: the reason that decided comes first.
    pub reasons: Vec<Reason>,
    /// How likely the local answer stands, 0 to 1, if it is `calibrated`; else the mean probability of its tokens (the
    /// exponential of the mean log-probability), which promises nothing. With `both`: of what the page began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Of so many answers of this `confidence`, that share stood when the model file was calibrated.
    pub calibrated: bool,
    /// The answer is the page's, and may be wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// What left the device; absent when nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
    /// Placeholders that left in place of values.
    pub replaced: Vec<Replaced>,
    /// How many placeholders of the answer were turned back into values.
    pub restored: u32,
    /// How many of the answer may have been meant for one that left (`Person 1`); they stay as they came.
    pub uncertain: u32,
    /// How many stood in an address (a URL, a link's target, an HTML attribute), which could have carried the
    /// value away; they stay as they came.
    pub withheld: u32,
    /// How many looked like placeholders but never left; they stay as they came.
    pub invented: u32,
    /// Placeholders that left and did not come back.
    pub dropped: Vec<String>,
    /// Tokens by tier.
    pub usage: UsageByTier,
    /// How long it took, in ms.
    pub ms: Timing,
}

/// What would leave, message by message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Preview {
    /// The messages that would leave, in order.
    pub messages: Vec<PreviewMessage>,
    /// Placeholders and what they stand for.
    pub replaced: Vec<Replaced>,
    /// What it is about that calls for care, each topic once.
    pub topics: Vec<TopicFinding>,
    /// Something in it may not leave, or not to where it would go: sending it would be refused.
    pub blocked: bool,
}

/// One message as it would leave.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PreviewMessage {
    /// Who speaks.
    pub role: Role,
    /// The text with placeholders.
    pub text: String,
    /// What was found in the original, in order of place. The original with each of these replaced is `text`.
    pub findings: Vec<PreviewFinding>,
}

/// A piece of personal data in a message, and what leaves in its place.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PreviewFinding {
    /// Start of the span in the original, in UTF-16 code units: an index of a JavaScript string.
    pub start: u32,
    /// End of the span (exclusive), in UTF-16 code units.
    pub end: u32,
    /// What it is.
    pub kind: EntityKind,
    /// How far it may go.
    pub class: PrivacyClass,
    /// How sure it is found, 0 to 1.
    pub score: f32,
    /// What leaves in its place: `[EMAIL_1]`; the text itself if it is public.
    pub leaves_as: String,
}

impl fmt::Debug for PreviewFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreviewFinding")
            .field("start", &self.start)
            .field("end", &self.end)
            .field("kind", &self.kind)
            .field("class", &self.class)
            .field("score", &self.score)
            .field("leaves_as", &Redacted(&self.leaves_as))
            .finish()
    }
}

impl fmt::Debug for PreviewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreviewMessage")
            .field("role", &self.role)
            .field("text", &Redacted(&self.text))
            .field("findings", &self.findings)
            .finish()
    }
}

/// A piece of an answer.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Piece {
    /// Which of `n` answers, from 0.
    pub index: u32,
    /// The text; may be empty when `logprobs` come for a token that is no whole character yet.
    pub text: String,
    /// The tokens since the last piece, if the request asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Vec<TokenLogprob>>,
    /// Calls that the model asks for, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCall>>,
    /// The answer was cut off before it was what `response_format` asks for: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

impl Piece {
    /// Whether it brings nothing.
    pub fn is_empty(&self) -> bool {
        *self
            == Self {
                index: self.index,
                ..Self::default()
            }
    }

    /// Text of the only answer.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece")
            .field("index", &self.index)
            .field("text", &Redacted(&self.text))
            .field("logprobs", &self.logprobs)
            .field("tool_calls", &self.tool_calls)
            .field("refusal", &self.refusal)
            .finish()
    }
}

/// What an answer is made of, in order: one `Route`, any number of `Text`, one `Done`. Before the first `Text`, other
/// `Route`s may follow: the answer that was begun did not get far, and another place goes on.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum AnswerEvent {
    /// Where it will be answered, and why.
    Route {
        /// The decision.
        route: Route,
    },
    /// A piece of an answer, real values in place.
    Text(Piece),
    /// The end.
    Done {
        /// Why it ended: one for each of `n` answers.
        finish_reasons: Vec<FinishReason>,
        /// What happened.
        receipt: Receipt,
    },
}

impl fmt::Debug for AnswerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route { route } => f.debug_struct("Route").field("route", route).finish(),
            Self::Text(piece) => f.debug_tuple("Text").field(piece).finish(),
            Self::Done {
                finish_reasons,
                receipt,
            } => f
                .debug_struct("Done")
                .field("finish_reasons", finish_reasons)
                .field("receipt", receipt)
                .finish(),
        }
    }
}
