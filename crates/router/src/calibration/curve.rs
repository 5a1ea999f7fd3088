//! From evidence to a probability: a weighted sum, then a line that never falls.

use serde::{Deserialize, Serialize};

use super::Tested;

/// A fitted curve, and what was shipped at which probability when it was tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Curve {
    /// One for each feature: their sum is the score. Fitted by logistic regression.
    pub weights: Vec<f32>,
    /// From a score to a probability, by isotonic regression (Ayer et al. 1955); between two knots a straight line, and
    /// level beyond the outermost. Scores rise, probabilities do not fall. Lines instead of steps keep answers apart that
    /// a step would make equal (Oron and Flournoy 2017, "Centered isotonic regression").
    pub knots: Vec<Knot>,
    /// What was shipped from which probability on, of answers that neither weights nor knots had seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tested: Vec<Tested>,
    /// How many such answers there were.
    #[serde(default)]
    pub of: u32,
}

/// A score and its probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knot {
    /// Weighted sum of the features.
    pub score: f32,
    /// 0 to 1.
    pub probability: f32,
}

impl Curve {
    /// How likely an answer with these features stands, 0 to 1. What is no number counts as the least.
    pub fn probability(&self, features: &[f32]) -> f32 {
        interpolate(&self.knots, self.score(features))
    }

    /// The weighted sum.
    pub fn score(&self, features: &[f32]) -> f32 {
        self.weights
            .iter()
            .zip(features)
            .map(|(weight, feature)| weight * feature)
            .sum()
    }

    /// Says what is wrong, if something is.
    pub(super) fn check(&self, weights: usize) -> Result<(), String> {
        if self.weights.len() != weights {
            return Err(format!(
                "{} weights; {weights} are needed",
                self.weights.len()
            ));
        }
        if self.knots.is_empty() {
            return Err("there are no knots".to_owned());
        }
        let numbers = self.weights.iter().chain(
            self.knots
                .iter()
                .flat_map(|knot| [&knot.score, &knot.probability]),
        );
        if let Some(number) = numbers.copied().find(|number| !number.is_finite()) {
            return Err(format!("{number} is no number"));
        }
        if !self
            .knots
            .is_sorted_by(|a, b| a.score < b.score && a.probability <= b.probability)
        {
            return Err("knots must rise".to_owned());
        }
        let outside = |probability: f32| !(0.0..=1.0).contains(&probability);
        let knots = self.knots.iter().map(|knot| knot.probability);
        let tested = self
            .tested
            .iter()
            .flat_map(|tested| [tested.at_least, tested.beginning]);
        if let Some(probability) = knots.chain(tested).find(|&value| outside(value)) {
            return Err(format!("probability {probability} is not between 0 and 1"));
        }
        if !self.tested.is_sorted_by(|a, b| {
            a.at_least > b.at_least && a.beginning >= b.beginning && a.shipped <= b.shipped
        }) {
            return Err("what was tested must be in falling order of probability".to_owned());
        }
        let more = |tested: &&Tested| tested.worse > tested.shipped || tested.shipped > self.of;
        if let Some(tested) = self.tested.iter().find(more) {
            return Err(format!(
                "{} worse of {} shipped of {} cannot be",
                tested.worse, tested.shipped, self.of
            ));
        }
        Ok(())
    }
}

fn interpolate(knots: &[Knot], score: f32) -> f32 {
    let above = knots.partition_point(|knot| knot.score <= score);
    let (Some(low), high) = (
        knots.get(above.saturating_sub(1)),
        knots.get(above.min(knots.len().saturating_sub(1))),
    ) else {
        return 0.0;
    };
    let Some(high) = high else {
        return low.probability;
    };
    let width = high.score - low.score;
    if above == 0 || width <= 0.0 {
        return low.probability;
    }
    let share = (score - low.score) / width;
    (low.probability + share * (high.probability - low.probability))
        .clamp(low.probability, high.probability)
}
