//! Answers a query: privacy, route, local model or sealed cloud, receipt.
//!
//! Read `answer.rs` first: it shows the whole path. Everything outside is a trait, each with a version in memory
//! beside it. Nothing here does I/O, and a future that is dropped leaves the engine as it was.

mod answer;
mod attempt;
mod check;
mod clock;
mod cloud;
mod completion;
mod consent;
mod doubt;
mod engine;
mod event_stream;
mod evidence;
mod feedback;
mod keys;
mod local_model;
mod measure;
mod overflow;
mod signals;
mod tokens;
mod transport;
mod ways;

pub use clock::{Clock, ManualClock};
pub use consent::{Always, Consent, Decision};
pub use engine::Engine;
pub use evidence::Unverified;
pub use keys::{Keys, SignedLists};
pub use local_model::{LocalAnswer, LocalModel, NoModel, OnPart, Part};
pub use signals::{FixedSignals, Signals};
pub use tokens::{NoTokens, Tokens};
pub use transport::{InMemory, InMemoryReply, Reply, Transport, problem};
