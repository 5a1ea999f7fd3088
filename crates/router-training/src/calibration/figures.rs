//! How good probabilities are.

use serde::Serialize;

use super::Graded;

/// The area under the receiver operating characteristic: how likely a hit has a higher score than a miss, ties counted
/// half (Mann and Whitney 1947). None unless there are both.
pub fn auroc(scores: &[f32], hits: &[bool]) -> Option<f64> {
    let mut order: Vec<(f32, bool)> = scores.iter().copied().zip(hits.iter().copied()).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut misses, mut all_hits, mut area) = (0.0, 0.0, 0.0);
    for ties in order.chunk_by(|a, b| a.0 == b.0) {
        let hit = ties.iter().filter(|(_, hit)| *hit).count() as f64;
        let missed = ties.len() as f64 - hit;
        area += hit * (misses + missed / 2.0);
        misses += missed;
        all_hits += hit;
    }
    (misses > 0.0 && all_hits > 0.0).then(|| area / (misses * all_hits))
}

/// The standard error of an area under the curve of so many hits and misses (Hanley and McNeil, "The meaning and use of
/// the area under a receiver operating characteristic curve", Radiology 143, 1982). Of no hits, or no misses, infinite.
pub fn auroc_error(area: f64, hits: usize, misses: usize) -> f64 {
    let (hits, misses) = (hits as f64, misses as f64);
    let of_two_hits = area / (2.0 - area) - area * area;
    let of_two_misses = 2.0 * area * area / (1.0 + area) - area * area;
    let variance =
        area * (1.0 - area) + (hits - 1.0) * of_two_hits + (misses - 1.0) * of_two_misses;
    if hits * misses > 0.0 {
        (variance / (hits * misses)).sqrt()
    } else {
        f64::INFINITY
    }
}

/// Bins of the calibration error.
const BINS: usize = 10;

/// Expected calibration error (Naeini et al. 2015): how far a probability is from the share of hits on average, over ten
/// bins of equal numbers of answers.
pub fn calibration_error(probabilities: &[f32], hits: &[bool]) -> f64 {
    let mut order: Vec<(f32, bool)> = probabilities
        .iter()
        .copied()
        .zip(hits.iter().copied())
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = order.len();
    let error = (0..BINS).map(|bin| {
        let answers = &order[count * bin / BINS..count * (bin + 1) / BINS];
        let sum: f64 = answers
            .iter()
            .map(|&(probability, hit)| f64::from(probability) - f64::from(u8::from(hit)))
            .sum();
        sum.abs()
    });
    error.sum::<f64>() / count.max(1) as f64
}

/// What all answers together are worth where so many stay local.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// Share of answers that stay local, 0 to 1.
    pub local: f64,
    /// Mean score of all answers, local ones and the cloud's.
    pub accuracy: f64,
    /// Share of the local ones that are worse than the cloud's.
    pub worse: f64,
}

/// One for each of `parts` + 1 shares from none to all local: those with the highest probabilities stay.
pub fn shares(graded: &[Graded], probabilities: &[f32], parts: usize) -> Vec<Share> {
    let mut order: Vec<usize> = (0..graded.len()).collect();
    order.sort_by(|&a, &b| {
        probabilities[b]
            .total_cmp(&probabilities[a])
            .then(a.cmp(&b))
    });
    let count = graded.len().max(1) as f64;
    let share = |part| {
        let (local, cloud) = order.split_at(graded.len() * part / parts);
        let score: f32 = local.iter().map(|&at| graded[at].local).sum::<f32>()
            + cloud.iter().map(|&at| graded[at].cloud).sum::<f32>();
        let worse = local.iter().filter(|&&at| !graded[at].stands()).count();
        Share {
            local: local.len() as f64 / count,
            accuracy: f64::from(score) / count,
            worse: worse as f64 / local.len().max(1) as f64,
        }
    };
    (0..=parts).map(share).collect()
}
