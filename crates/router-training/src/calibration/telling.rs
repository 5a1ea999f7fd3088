//! Of which kinds of questions a model's certainty says something.

use query::Intent;

use super::{Graded, auroc, auroc_error};

/// Answers that a kind has at least: fewer prove nothing.
const LEAST: usize = 50;
/// Standard errors that the area under the curve is above chance at least: 97.5% of one side.
const ERRORS: f64 = 1.96;

/// Kinds of which probabilities tell answers that stand from others better than chance. `probabilities` are of answers that
/// were left out of the fit; `kinds` what each question asks for.
pub fn telling(graded: &[Graded], probabilities: &[f32], kinds: &[Intent]) -> Vec<Intent> {
    let tells = |kind: Intent| {
        let (scores, stands): (Vec<f32>, Vec<bool>) = graded
            .iter()
            .zip(probabilities)
            .zip(kinds)
            .filter(|(_, of)| **of == kind)
            .map(|((answer, probability), _)| (*probability, answer.stands()))
            .unzip();
        let stood = stands.iter().filter(|stands| **stands).count();
        let area = auroc(&scores, &stands).unwrap_or_default();
        let error = auroc_error(area, stood, stands.len() - stood);
        stands.len() >= LEAST && area - ERRORS * error > 0.5
    };
    let kinds = Intent::NAMES.map(|(kind, _)| kind);
    kinds.into_iter().filter(|kind| tells(*kind)).collect()
}
