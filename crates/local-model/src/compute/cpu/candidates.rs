//! The highest of many scores.

use super::{
    exponential::exponential,
    instructions::{Instructions, Job, eight, total},
};
use crate::compute::Candidates;

/// [`Candidates::of`], with the machine's instructions and for few candidates.
pub(super) struct Pick<'a> {
    pub scores: &'a [f32],
    pub count: usize,
}

impl Job for Pick<'_> {
    type Out = Candidates;

    #[inline(always)]
    fn run<S: Instructions>(self, s: S) -> Candidates {
        let top = top(self.scores, self.count);
        // A NaN is no highest score, but makes the sum one.
        let (eights, rest) = self.scores.as_chunks::<8>();
        let mut highest = s.splat(f32::NEG_INFINITY);
        for scores in eights {
            highest = s.max(highest, s.load(scores));
        }
        let highest = s.array(highest).into_iter().chain(rest.iter().copied());
        let highest = highest.fold(f32::NEG_INFINITY, f32::max);
        // Short sums in singles, so that the long one loses nothing.
        let mut sum = 0f64;
        for scores in self.scores.chunks(256) {
            let mut short = s.splat(0.0);
            for scores in scores.chunks(8) {
                let below = s.sub(s.load(&eight(scores)), s.splat(highest));
                let mut powers = s.array(exponential(s, below));
                powers[scores.len()..].fill(0.0);
                short = s.add(short, s.load(&powers));
            }
            sum += f64::from(total(s.array(short)));
        }
        Candidates {
            log_sum: highest + sum.ln() as f32,
            top,
        }
    }
}

/// The `count` highest with their ids, in order: nearly every score is below the lowest of those that
/// are kept, so that keeping them sorted costs little.
fn top(scores: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut top: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
    for (id, &score) in (0..).zip(scores) {
        let lowest = if top.len() < count { None } else { top.last() };
        if lowest.is_none_or(|lowest| score.total_cmp(&lowest.1).is_gt()) {
            let place = top.partition_point(|higher| higher.1.total_cmp(&score).is_ge());
            top.insert(place, (id, score));
            top.truncate(count);
        }
    }
    top
}
