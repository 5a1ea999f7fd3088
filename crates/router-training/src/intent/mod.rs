//! Intent: training and measuring.
//!
//! ```text
//! patterns   data/intents.txt, data/intent_slots.txt  -> prompts whose intent is known
//! tasks      prompts with tasks                       -> the same, where a task has one intent
//! train      prompts                                  -> IntentModel
//! measure    IntentModel, prompts                     -> accuracy, confusion, calibration
//! Recipe     all of it, once or on parts of the data
//! ```

mod measure;
mod patterns;
mod recipe;
mod tasks;
mod train;

pub use measure::{Report, measure};
pub use patterns::Patterns;
pub use recipe::{Recipe, Validation, fresh, held, read};
pub use tasks::from_tasks;
pub use train::{Options, train};

use query::Intent;

/// A prompt whose intent is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What was asked.
    pub text: String,
    /// What is asked for.
    pub intent: Intent,
    /// The pattern that it was made from, or the prompt itself: samples of one origin are alike.
    pub origin: String,
    /// The task that it belongs to, if it comes from a set.
    pub task: Option<&'static str>,
}
