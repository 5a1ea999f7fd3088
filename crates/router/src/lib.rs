//! Decides where a query is answered. Pure: no I/O, no clock of its own.
//!
//! The privacy gate comes before the scores and cannot be outvoted by them: this crate does not know how
//! personal data is found, only what was found.
//!
//! ```text
//! decide.rs      rules first, then what each place is worth
//! inputs.rs      all that a decision is made from
//! utility.rs     what each place is worth
//! schedule/      what was seen of both places so far: speed, rate limits, the device's strain
//! change.rs      what would have changed the decision
//! record.rs      a decision in a form in which it can be made again
//! sentences.rs   reasons and changes in words
//! learned.rs     what training learned
//! weights.rs     its file
//! intent/        what a question asks for
//! gain/          how much better the cloud's answer is expected to be, and how new a question is
//! confidence/    what the tokens and the text of a local answer say of it
//! calibration/   how likely a local answer stands, for one model file, and the threshold that keeps a stated risk
//! bar.rs         from which probability on it is good enough where no risk is stated
//! feedback.rs    what people do with local answers moves that threshold
//! ```

mod bar;
pub mod calibration;
mod change;
pub mod confidence;
mod decide;
pub mod feedback;
pub mod gain;
mod inputs;
pub mod intent;
mod learned;
mod record;
mod schedule;
mod sentences;
mod utility;
mod weights;

pub use bar::doubtful_below;
pub use decide::{LEAST_ANSWER, NoRoute, decide, route};
pub use inputs::{Inputs, Judgement, question};
pub use learned::Weights;
pub use query::{Estimate, Guess, Intent};
pub use record::{Decision, Record, replay};
pub use schedule::{Breaker, HeadRoom, RateLimit, Schedule, Sketch};
pub use sentences::{doubtful, reason};
pub use weights::{Sections, WeightsError, write_sections};
