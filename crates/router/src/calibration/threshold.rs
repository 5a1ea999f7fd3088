//! Learn then test: the lowest threshold that keeps a stated risk.
//!
//! Angelopoulos et al., "Learn then Test: Calibrating Predictive Algorithms to Achieve Risk Control"
//! (arXiv:2110.01052). Each threshold is a hypothesis, "more than the share `alpha` of what is shipped is worse"; those
//! that are rejected at a family-wise error of `delta` may be used.

use serde::{Deserialize, Serialize};

use super::at_most;

/// What was shipped from one threshold on: whole answers at least so likely, whose beginnings were not given up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tested {
    /// The threshold.
    pub at_least: f32,
    /// An answer whose beginning is less likely was given up. Of the answers that pass the threshold, few begin so.
    pub beginning: f32,
    /// Answers that were shipped.
    pub shipped: u32,
    /// Those of them that were worse than the cloud's.
    pub worse: u32,
}

/// A threshold that keeps its promise, and its price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Answers of this probability or more may be shipped.
    pub at_least: f32,
    /// The share of answers that then stay local, 0 to 1, as it was when tested.
    pub local: f32,
    /// The share of those that were worse then, 0 to 1.
    pub worse: f32,
}

/// Sequences that thresholds are tested in. One alone would end where the strictest threshold ships too few answers to
/// prove anything; more cost each a part of `delta`.
const SEQUENCES: usize = 4;

/// The lowest of the thresholds that keep the risk, or none. `tested` in falling order of probability; `of` how many
/// answers there were.
pub fn threshold(tested: &[Tested], of: u32, alpha: f32, delta: f32) -> Option<Threshold> {
    let counts = |at: &Tested| (at.shipped, at.worse);
    let lowest = certified(tested.iter().map(counts), tested.len(), alpha, delta)?;
    let tested = tested.get(lowest)?;
    let share = |part: u32, whole: u32| part as f32 / whole.max(1) as f32;
    Some(Threshold {
        at_least: tested.at_least,
        local: share(tested.shipped, of),
        worse: share(tested.worse, tested.shipped),
    })
}

/// Of `length` hypotheses, the number of the last that is rejected; `counts` are answers shipped and those of them that
/// were worse. The strictest comes first.
///
/// Given how many are shipped, how many of them are worse is binomial, so that its tail is an exact p-value. Fixed
/// sequences (Bauer 1991) begin at evenly spaced hypotheses and go on until one is not rejected, each at `delta`
/// divided by their number: whichever is wrongly rejected first in a sequence is so with at most that probability.
/// Where they begin follows from `length` alone.
pub fn certified(
    counts: impl Iterator<Item = (u32, u32)>,
    length: usize,
    alpha: f32,
    delta: f32,
) -> Option<usize> {
    if !(alpha > 0.0 && alpha < 1.0 && delta > 0.0 && delta < 1.0) {
        return None;
    }
    let level = f64::from(delta) / SEQUENCES as f64;
    let mut lowest = None;
    let mut goes_on = false;
    for (at, (shipped, worse)) in counts.enumerate() {
        // A sequence that goes on through the beginning of another rejects all that the other would.
        let begins = (0..SEQUENCES).any(|sequence| sequence * length / SEQUENCES == at);
        goes_on = (goes_on || begins)
            && shipped > 0
            && at_most(worse, shipped, f64::from(alpha)) <= level;
        if goes_on {
            lowest = Some(at);
        }
    }
    lowest
}
