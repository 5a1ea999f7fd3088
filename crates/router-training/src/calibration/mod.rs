//! A calibration of a model file from graded answers, and how good it is.
//!
//! ```text
//! logistic    features, outcomes    -> weights of a score
//! isotonic    scores, outcomes      -> knots: from a score to a probability
//! fit         graded answers        -> Curves: half of them for weights and knots, the others for thresholds
//! folds       graded answers        -> probabilities of answers that were left out
//! figures     probabilities         -> area under the curve, calibration error, accuracy against local share
//! telling     probabilities         -> kinds of questions of which they say something
//! draws       probabilities         -> how often a threshold breaks its promise, and what it keeps local
//! ```

mod draws;
mod figures;
mod fit;
mod folds;
mod isotonic;
mod logistic;
mod random;
mod telling;

pub use draws::{Control, Drawn, draw};
pub use figures::{Share, auroc, auroc_error, calibration_error, shares};
pub use fit::{candidates, curves};
pub use folds::{Signal, out_of_fold};
use query::Estimate;
use router::confidence::Evidence;
pub use telling::telling;

/// An answer of the local model, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Graded {
    /// Of the whole answer.
    pub whole: Evidence,
    /// Of its first tokens.
    pub beginning: Evidence,
    /// What was expected of the question, by weights that were not trained with it.
    pub estimate: Option<Estimate>,
    /// The answer's score, 0 (wrong) to 1 (right).
    pub local: f32,
    /// The cloud's, 0 to 1.
    pub cloud: f32,
}

impl Graded {
    /// No worse than the cloud's answer.
    pub fn stands(&self) -> bool {
        self.local >= self.cloud
    }
}

#[cfg(test)]
mod tests;
