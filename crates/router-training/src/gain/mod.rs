//! Expected gain and novelty: training and measuring.
//!
//! ```text
//! Example       a prompt with scores, read
//! train         examples            -> router::gain::Gain
//!   sparse      linear least squares with a penalty (ridge), by conjugate gradients
//!   boost       trees for what the linear part leaves, from predictions for rows that it did not see
//! alike         prompts             -> which of them are nearly the same
//! split         who is left out of training, and in which round
//! curve         predicted and true  -> area under performance gap recovered, and what else a curve says
//! baseline      TF-IDF ridge, to be compared with
//! ```

pub mod alike;
pub mod baseline;
mod boost;
pub mod curve;
mod sparse;
pub mod split;
mod train;

pub use train::{Example, Options, train};
