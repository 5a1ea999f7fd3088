//! Makes the weights of the `router` crate.
//!
//! ```text
//! calibration  graded local answers  -> how likely an answer stands, and the figures of that
//! corpus   JSON Lines files           -> prompts with scores, prompts with tasks
//! gain     prompts with scores        -> what the cloud's answer is worth, and how new a prompt is
//! intent   prompts with tasks         -> what a prompt asks for
//! ```
//!
//! The same seed and files give the same bytes.

pub mod calibration;
pub mod corpus;
pub mod gain;
pub mod intent;
