//! Decides where a query is answered. Pure: no I/O, no clock of its own.
//!
//! The privacy gate comes before the score and cannot be outvoted by it: this crate does not know how
//! personal data is found, only what was found.

pub mod confidence;
mod decide;
mod score;
mod sentences;
mod weights;

pub use decide::{LEAST_ANSWER, NoRoute, route};
pub use score::gain;
pub use weights::{Sections, WeightsError, write_sections};
