//! What goes in and what comes out: plain data, no logic, no I/O.
//!
//! Everything that crosses a crate, the worker or the page is defined here once. The TypeScript
//! types of the npm package are derived from these (feature `typescript`), so field names are
//! those that JavaScript sees: OpenAI's shapes in snake case, our own in camel case.
//!
//! Texts are what a person wrote. `Debug` of every type that holds one is redacted.

mod attestation;
mod chat;
mod error;
mod finding;
mod format;
mod intent;
mod masks;
mod policy;
mod reaction;
mod receipt;
mod redact;
mod route;
mod rules;
mod tools;
mod traffic;

pub use attestation::Attestation;
pub use chat::{
    ChatRequest, FinishReason, Message, PromptTokensDetails, Role, SamplingParameters, Stop,
    StreamOptions, TokenLogprob, TopLogprob, Usage,
};
pub use error::{Error, ErrorCode};
pub use finding::{EntityKind, Finding, PrivacyClass, Strictest, TopicFinding};
pub use format::{JsonSchemaFormat, ResponseFormat};
pub use intent::{Estimate, Guess, Intent};
pub use masks::{HiddenText, MaskEdits, MasksEdited};
pub use policy::{
    CloudSpeed, CloudState, DeviceSignals, DeviceState, LocalSpeed, LocalState, Mode, OnDoubt,
    Overflow, Patience, Policy, Preferences, Pressure, Price, PrivacyLevel, Risk, Strain,
};
pub use reaction::{Drift, Reaction};
pub use receipt::{
    AnswerEvent, Doubt, DoubtCause, Piece, Preview, PreviewFinding, PreviewMessage, Receipt,
    Replaced, Sent, Source, Timing, UsageByTier,
};
pub use route::{Change, ChangeCode, Reason, ReasonCode, Route, Scores, Target, Utility};
pub use rules::{PrivacyRules, ReplaceWith, Term, Topic};
pub use tools::{
    FunctionCall, FunctionDefinition, FunctionName, NamedToolChoice, Tool, ToolCall, ToolChoice,
    ToolChoiceMode, ToolType,
};
pub use traffic::Traffic;
