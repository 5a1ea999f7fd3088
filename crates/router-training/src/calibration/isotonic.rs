//! From scores to probabilities that never fall.

use router::calibration::Knot;

/// Answers that one bin has at least: fewer say little about a probability.
const BIN: usize = 20;

/// A run of answers of neighbouring scores.
#[derive(Clone, Copy)]
struct Block {
    count: f64,
    scores: f64,
    hits: f64,
}

impl Block {
    fn share(self) -> f64 {
        self.hits / self.count
    }

    fn with(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            scores: self.scores + other.scores,
            hits: self.hits + other.hits,
        }
    }
}

/// Isotonic regression by pooling neighbours that fall (Ayer et al. 1955), over bins of at least [`BIN`] answers, a knot at
/// the middle of each pool (Oron and Flournoy 2017). Equal scores are in one bin.
pub(super) fn fit(scores: &[f32], outcomes: &[bool]) -> Vec<Knot> {
    let mut answers: Vec<(f32, bool)> = scores
        .iter()
        .copied()
        .zip(outcomes.iter().copied())
        .collect();
    answers.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut pools: Vec<Block> = Vec::new();
    for bin in bins(&answers) {
        let mut pool = Block {
            count: bin.len() as f64,
            scores: bin.iter().map(|answer| f64::from(answer.0)).sum(),
            hits: bin.iter().filter(|answer| answer.1).count() as f64,
        };
        while let Some(before) = pools.pop_if(|before| before.share() >= pool.share()) {
            pool = before.with(pool);
        }
        pools.push(pool);
    }
    let mut knots: Vec<Knot> = Vec::new();
    for pool in pools {
        let knot = Knot {
            score: (pool.scores / pool.count) as f32,
            probability: pool.share() as f32,
        };
        // Two bins may be closer than a number tells apart.
        if knots.last().is_none_or(|last| last.score < knot.score) {
            knots.push(knot);
        }
    }
    knots
}

/// Cuts into bins; what is left over at the end is part of the last.
fn bins(answers: &[(f32, bool)]) -> Vec<&[(f32, bool)]> {
    let mut bins = Vec::new();
    let mut rest = answers;
    while !rest.is_empty() {
        let mut end = BIN.min(rest.len());
        while end < rest.len() && rest[end].0 == rest[end - 1].0 {
            end += 1;
        }
        if rest.len() - end < BIN {
            end = rest.len();
        }
        let (bin, after) = rest.split_at(end);
        bins.push(bin);
        rest = after;
    }
    bins
}
