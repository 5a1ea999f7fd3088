//! From which probability on an answer of the page is good enough where the policy states no risk.
//!
//! A calibration was made with questions that are harder than what people ask a page, and different: how often an answer
//! stands there is no measure of how often one stands here. What carries over is how much likelier an answer that looks
//! like this is to stand than any other. So the calibration's odds are divided by those of all of its answers, and
//! multiplied by the odds that the router gives the question itself, from the gain that it expects (Saerens, Latinne and
//! Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 14, 2002). The
//! answer is doubtful where it then rather does not stand.
//!
//! Only sums, products and divisions in a fixed order: the same bits everywhere.

use crate::{Judgement, calibration::Calibration, utility::gain};

/// What is as likely as not.
const EVEN: f32 = 0.5;
/// Nothing is surer than this before an answer was seen: evidence can always say otherwise.
const LEAST: f32 = 0.05;

/// Below which [`Calibration::probability`] an answer of the page is doubtful: it then rather does not stand. None where how
/// sure the model is says nothing of its answers to questions of this kind.
pub fn doubtful_below(judgement: Judgement, calibration: &Calibration) -> Option<f32> {
    let Judgement { guess, estimate } = judgement;
    if !calibration.tells(guess.map(|guess| guess.intent)) {
        return None;
    }
    let worse = if guess.is_none() && estimate.is_none() {
        EVEN
    } else {
        bounded(gain(judgement))
    };
    let stood = calibration.stood().map_or(EVEN, bounded);
    let odds = worse / (1.0 - worse) * (stood / (1.0 - stood));
    Some(odds / (1.0 + odds))
}

fn bounded(share: f32) -> f32 {
    share.clamp(LEAST, 1.0 - LEAST)
}
