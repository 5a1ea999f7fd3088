//! Graded answers to the curves of a calibration.

use oorandom::Rand64;
use router::{
    calibration::{COMBINED, Curve, Curves, Tested, combined_features, features},
    confidence::Evidence,
};

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

    let (whole, beginning) = pair(&fitting, &testing, |_, evidence| features(evidence));
    let combined = estimated.then(|| {
        pair(&fitting, &testing, |answer, evidence| {
            answer.estimate.map_or([0.0; COMBINED], |estimate| {
                combined_features(evidence, estimate)
            })
        })
    });
    let (whole_combined, beginning_combined) = combined.unzip();
    (
        Curves {
            alone: whole,
            combined: whole_combined,
        },
        Curves {
            alone: beginning,
            combined: beginning_combined,
        },
    )
}

/// Of answers that would be shipped, the share whose beginnings may be given up.
const LOST: f64 = 0.05;

/// The curves of whole answers and of beginnings, and what was shipped by both.
fn pair<const N: usize>(
    fitting: &[Graded],
    testing: &[Graded],
    features: impl Fn(&Graded, &Evidence) -> [f32; N],
) -> (Curve, Curve) {
    let whole_of = |answer: &Graded| features(answer, &answer.whole);
    let beginning_of = |answer: &Graded| features(answer, &answer.beginning);
    let mut whole = curve(fitting, whole_of);
    let beginning = curve(fitting, beginning_of);
    let probabilities = |answers: &[Graded]| -> Vec<(f32, f32)> {
        let of = |answer| {
            (
                whole.probability(&whole_of(answer)),
                beginning.probability(&beginning_of(answer)),
            )
        };
        answers.iter().map(of).collect()
    };
    let (fitted, tested) = (probabilities(fitting), probabilities(testing));

    let thresholds = candidates(&fitted.iter().map(|(whole, _)| *whole).collect::<Vec<f32>>());
    let mut rows: Vec<Tested> = Vec::new();
    for at_least in thresholds {
        let mut beginnings: Vec<f32> = fitted
            .iter()
            .filter(|(whole, _)| *whole >= at_least)
            .map(|(_, beginning)| *beginning)
            .collect();
        beginnings.sort_by(f32::total_cmp);
        let lost = (beginnings.len() as f64 * LOST) as usize;
        // Less is asked of the beginning where less is asked of the whole.
        let before = rows.last().map_or(1.0, |row| row.beginning);
        let least = beginnings.get(lost).copied().unwrap_or(0.0).min(before);
        let shipped = tested
            .iter()
            .zip(testing)
            .filter(|((whole, beginning), _)| *whole >= at_least && *beginning >= least);
        rows.push(Tested {
            at_least,
            beginning: least,
            shipped: shipped.clone().count() as u32,
            worse: shipped.filter(|(_, answer)| !answer.stands()).count() as u32,
        });
    }
    whole.tested = rows;
    whole.of = testing.len() as u32;
    (whole, beginning)
}

/// Fits weights, then knots.
pub(super) fn curve<const N: usize>(
    fitting: &[Graded],
    features: impl Fn(&Graded) -> [f32; N],
) -> Curve {
    let rows: Vec<[f32; N]> = fitting.iter().map(features).collect();
    let stands: Vec<bool> = fitting.iter().map(Graded::stands).collect();
    let mut curve = Curve {
        weights: logistic::fit(&rows, &stands).to_vec(),
        knots: Vec::new(),
        tested: Vec::new(),
        of: 0,
    };
    let scores: Vec<f32> = rows.iter().map(|row| curve.score(row)).collect();
    curve.knots = isotonic::fit(&scores, &stands);
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
