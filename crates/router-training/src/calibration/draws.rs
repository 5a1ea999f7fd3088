//! How often a threshold breaks its promise.
//!
//! The answers at hand are taken for all that there are. Calibration sets are drawn from them with replacement; each gives
//! a threshold, and all answers say what its risk really is. So nothing but the threshold is uncertain.

use oorandom::Rand64;
use router::calibration::certified;
use serde::Serialize;

use super::candidates;

/// How a threshold is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Control {
    /// Learn then test, as `router::calibration` does it.
    LearnThenTest {
        /// How likely the promise may be broken, 0 to 1.
        delta: f32,
    },
    /// The lowest threshold at which the risk of the calibration set, one worse answer added, is as stated: conformal risk
    /// control (Angelopoulos et al., arXiv:2208.02814) as it is commonly applied. It holds on average over draws; what one
    /// draw gets is a toss.
    Conformal,
}

/// What became of the draws.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drawn {
    /// Share of draws in which the real risk was above the stated one.
    pub exceeded: f64,
    /// Share of draws in which some threshold was promised.
    pub promised: f64,
    /// Share of answers that stay local, mean over all draws; 0 where nothing is promised.
    pub local: f64,
    /// The real share of those that are worse, mean over draws with a threshold.
    pub worse: Option<f64>,
}

/// Draws `draws` calibration sets of `size` answers by `seed`. `stands`: which answers are no worse than the cloud's.
pub fn draw(
    probabilities: &[f32],
    stands: &[bool],
    control: Control,
    alpha: f32,
    (draws, size, seed): (usize, usize, u64),
) -> Drawn {
    let thresholds = candidates(probabilities);
    // The strictest threshold that ships each answer.
    let first: Vec<usize> = probabilities
        .iter()
        .map(|&probability| thresholds.partition_point(|&threshold| threshold > probability))
        .collect();
    let count = |answers: &mut dyn Iterator<Item = usize>| {
        let mut counts = vec![(0_u32, 0_u32); thresholds.len()];
        for at in answers {
            if let Some((shipped, worse)) = counts.get_mut(first[at]) {
                *shipped += 1;
                *worse += u32::from(!stands[at]);
            }
        }
        for at in 1..counts.len() {
            counts[at].0 += counts[at - 1].0;
            counts[at].1 += counts[at - 1].1;
        }
        counts
    };
    let risk = |(shipped, worse): (u32, u32)| f64::from(worse) / f64::from(shipped.max(1));
    let all = count(&mut (0..stands.len()));

    let mut random = Rand64::new(seed.into());
    let (mut exceeded, mut promised, mut local, mut worse) = (0_u32, 0_u32, 0.0, 0.0);
    for _ in 0..draws {
        let mut drawn = (0..size).map(|_| random.rand_range(0..stands.len() as u64) as usize);
        let counts = count(&mut drawn);
        let found = match control {
            Control::LearnThenTest { delta } => {
                certified(counts.iter().copied(), counts.len(), alpha, delta)
            }
            Control::Conformal => counts.iter().rposition(|&(shipped, worse)| {
                f64::from(worse + 1) / f64::from(shipped + 1) <= f64::from(alpha)
            }),
        };
        if let Some(at) = found {
            promised += 1;
            exceeded += u32::from(risk(all[at]) > f64::from(alpha));
            local += f64::from(all[at].0) / stands.len() as f64;
            worse += risk(all[at]);
        }
    }
    let share = |sum: f64| sum / draws.max(1) as f64;
    Drawn {
        exceeded: share(exceeded.into()),
        promised: share(promised.into()),
        local: share(local),
        worse: (promised > 0).then(|| worse / f64::from(promised)),
    }
}
