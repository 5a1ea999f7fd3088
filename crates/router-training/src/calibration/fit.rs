//! Graded answers to the curves of a calibration.

use oorandom::Rand64;
use router::calibration::{COMBINED, Curve, Curves, Tested, combined_features, features};

use super::{Graded, isotonic, logistic, random::shuffled};

/// Shares of answers, from which on thresholds are tested: 5%, 10% and so on to all.
const CANDIDATES: usize = 20;

/// Curves of whole answers and of their beginnings. Weights and knots are fitted to one half of the answers, chosen by
/// `seed`; the other half tests thresholds, so that the promise they make is about answers that no fit has seen.
/// Combined curves only where every answer has an estimate.
pub fn curves(graded: &[Graded], seed: u64) -> (Curves, Curves) {
    let order = shuffled(graded.len(), &mut Rand64::new(seed.into()));
    let (fitting, testing) = order.split_at(order.len() / 2);
    let part = |numbers: &[usize]| -> Vec<Graded> {
        numbers
            .iter()
            .map(|&number| graded[number].clone())
            .collect()
    };
    let (fitting, testing) = (part(fitting), part(testing));
    let estimated = graded.iter().all(|answer| answer.estimate.is_some());

    let both = |whole: bool| {
        let evidence = |answer: &Graded| {
            if whole {
                answer.whole
            } else {
                answer.beginning
            }
        };
        let alone = |answer: &Graded| features(&evidence(answer));
        let combined = |answer: &Graded| match answer.estimate {
            Some(estimate) => combined_features(&evidence(answer), estimate),
            None => [0.0; COMBINED],
        };
        let testing: &[Graded] = if whole { &testing } else { &[] };
        Curves {
            alone: curve(&fitting, testing, alone),
            combined: estimated.then(|| curve(&fitting, testing, combined)),
        }
    };
    (both(true), both(false))
}

/// Fits to one part and tests on the other.
pub(super) fn curve<const N: usize>(
    fitting: &[Graded],
    testing: &[Graded],
    features: impl Fn(&Graded) -> [f32; N],
) -> Curve {
    let rows: Vec<[f32; N]> = fitting.iter().map(&features).collect();
    let stands: Vec<bool> = fitting.iter().map(Graded::stands).collect();
    let mut curve = Curve {
        weights: logistic::fit(&rows, &stands).to_vec(),
        knots: Vec::new(),
        tested: Vec::new(),
        of: testing.len() as u32,
    };
    let scores: Vec<f32> = rows.iter().map(|row| curve.score(row)).collect();
    curve.knots = isotonic::fit(&scores, &stands);

    let fitted: Vec<f32> = rows.iter().map(|row| curve.probability(row)).collect();
    let tested: Vec<(f32, bool)> = testing
        .iter()
        .map(|answer| (curve.probability(&features(answer)), answer.stands()))
        .collect();
    if !tested.is_empty() {
        let test = |at_least: f32| {
            let shipped = || {
                tested
                    .iter()
                    .filter(move |(probability, _)| *probability >= at_least)
            };
            Tested {
                at_least,
                shipped: shipped().count() as u32,
                worse: shipped().filter(|(_, stands)| !stands).count() as u32,
            }
        };
        curve.tested = candidates(&fitted).into_iter().map(test).collect();
    }
    curve
}

/// Thresholds that ship 5%, 10% and so on of answers with these probabilities, in falling order; the last ships all,
/// whatever comes.
pub fn candidates(probabilities: &[f32]) -> Vec<f32> {
    let mut sorted = probabilities.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let mut thresholds: Vec<f32> = (1..CANDIDATES)
        .filter_map(|part| {
            sorted
                .get((sorted.len() * part / CANDIDATES).saturating_sub(1))
                .copied()
        })
        .chain([0.0])
        .collect();
    thresholds.dedup();
    thresholds
}
