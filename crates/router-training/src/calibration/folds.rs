//! Probabilities of answers that were left out of the fit.

use oorandom::Rand64;
use router::calibration::{combined_features, features};

use super::{Graded, fit::curve, random::shuffled};

/// What a probability is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The answer's tokens.
    Confidence,
    /// The expected gain and how new the question is.
    Gain,
    /// Both.
    Combined,
}

/// The probability that each answer stands, by curves that were fitted to the other parts: `parts` of equal size, by
/// `seed`. Where an answer has no estimate, its gain and novelty count as 0.
pub fn out_of_fold(graded: &[Graded], signal: Signal, parts: usize, seed: u64) -> Vec<f32> {
    let order = shuffled(graded.len(), &mut Rand64::new(seed.into()));
    let mut probabilities = vec![0.0; graded.len()];
    for part in 0..parts {
        let is_left_out = |at: usize| at % parts == part;
        let fitting: Vec<Graded> = order
            .iter()
            .enumerate()
            .filter(|&(at, _)| !is_left_out(at))
            .map(|(_, &number)| graded[number].clone())
            .collect();
        let left_out = order.iter().enumerate().filter(|&(at, _)| is_left_out(at));
        let left_out = left_out.map(|(_, &number)| number);
        let mut predict = |probability: &dyn Fn(&Graded) -> f32| {
            for number in left_out.clone() {
                probabilities[number] = probability(&graded[number]);
            }
        };
        match signal {
            Signal::Confidence => {
                let of = |answer: &Graded| features(&answer.whole);
                let curve = curve(&fitting, of);
                predict(&|answer| curve.probability(&of(answer)));
            }
            Signal::Gain => {
                let of = |answer: &Graded| {
                    let estimate = answer.estimate;
                    estimate.map_or([0.0; 2], |estimate| [estimate.gain, estimate.novelty])
                };
                let curve = curve(&fitting, of);
                predict(&|answer| curve.probability(&of(answer)));
            }
            Signal::Combined => {
                let of = |answer: &Graded| {
                    let none = query::Estimate {
                        gain: 0.0,
                        novelty: 0.0,
                    };
                    combined_features(&answer.whole, answer.estimate.unwrap_or(none))
                };
                let curve = curve(&fitting, of);
                predict(&|answer| curve.probability(&of(answer)));
            }
        }
    }
    probabilities
}
