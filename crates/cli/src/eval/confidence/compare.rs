//! Probabilities against each other, on the same answers.

use router_training::{
    calibration::{Graded, auroc},
    gain::curve::{Point, Sorted},
};
use serde::Serialize;

use crate::eval::bootstrap::{draws, interval};

/// A figure and its 95% interval, by the bootstrap over answers (Efron 1979).
#[derive(Clone, Copy, Serialize)]
pub(super) struct Figure {
    value: Option<f64>,
    interval: Option<(f64, f64)>,
}

/// How well probabilities tell answers apart.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Figures {
    /// Of answers that stand against others.
    pub(super) auroc: Figure,
    /// Area under the accuracy of all answers together over the share that stays local, the surest first: 0 where the
    /// local model alone is, 1 where the cloud alone is, 0.5 for chance. None where the cloud is not better.
    pub(super) apgr: Figure,
}

/// 95% intervals of how far the last way's figures are above these, in the same draws of answers.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Below {
    auroc: Option<(f64, f64)>,
    apgr: Option<(f64, f64)>,
}

const DRAWS: usize = 500;

/// The figures of each way to make probabilities, and how far they are below the last one's.
pub(super) fn compare(graded: &[Graded], ways: &[&[f32]]) -> Vec<(Figures, Below)> {
    let figures = |times: &[u32]| -> Vec<[Option<f64>; 2]> {
        let of = |probabilities: &&[f32]| both(graded, probabilities, times);
        ways.iter().map(of).collect()
    };
    let values = figures(&vec![1; graded.len()]);

    let mut drawn = vec![[Vec::new(), Vec::new()]; ways.len()];
    let mut above = drawn.clone();
    for times in draws(DRAWS, graded.len()) {
        let figures = figures(&times);
        let Some(last) = figures.last().copied() else {
            break;
        };
        for (way, figures) in figures.iter().enumerate() {
            for at in 0..2 {
                drawn[way][at].extend(figures[at]);
                let difference = last[at].zip(figures[at]).map(|(last, other)| last - other);
                above[way][at].extend(difference);
            }
        }
    }
    let compared = values.iter().zip(drawn).zip(above);
    compared
        .map(|((values, drawn), above)| {
            let [auroc, apgr] = drawn.map(interval);
            let figure = |at: usize, interval| Figure {
                value: values[at],
                interval,
            };
            let figures = Figures {
                auroc: figure(0, auroc),
                apgr: figure(1, apgr),
            };
            let [auroc, apgr] = above.map(interval);
            (figures, Below { auroc, apgr })
        })
        .collect()
}

/// AUROC and area, each answer counted so often.
fn both(graded: &[Graded], probabilities: &[f32], times: &[u32]) -> [Option<f64>; 2] {
    let repeated = || (0..graded.len()).flat_map(|at| (0..times[at]).map(move |_| at));
    let scores: Vec<f32> = repeated().map(|at| probabilities[at]).collect();
    let stands: Vec<bool> = repeated().map(|at| graded[at].stands()).collect();
    let point = |at: usize| Point {
        predicted: -probabilities[at],
        gain: graded[at].cloud - graded[at].local,
        weak: graded[at].local,
    };
    let curve = Sorted::new((0..graded.len()).map(point)).curve(|at| times[at]);
    [auroc(&scores, &stands), curve.apgr()]
}

#[cfg(test)]
mod tests {
    use router::confidence::Evidence;

    use super::*;

    /// The first half stands.
    fn answers(count: u8) -> Vec<Graded> {
        (0..count)
            .map(|at| Graded {
                whole: Evidence::default(),
                beginning: Evidence::default(),
                estimate: None,
                local: f32::from(u8::from(at < count / 2)),
                cloud: 1.0,
            })
            .collect()
    }

    #[test]
    fn what_knows_is_above_what_does_not() {
        let graded = answers(40);
        let knows: Vec<f32> = graded.iter().map(|answer| answer.local).collect();
        let same = vec![0.5; 40];
        let compared = compare(&graded, &[&same, &knows]);
        let values = |at: usize| {
            let (Figures { auroc, apgr }, _) = compared[at];
            (auroc.value, apgr.value)
        };
        // A rule that knows keeps what stands until the middle, and loses nothing by it.
        assert_eq!(values(0), (Some(0.5), Some(0.5)));
        assert_eq!(values(1), (Some(1.0), Some(0.75)));
        assert_eq!(compared[1].0.auroc.interval, Some((1.0, 1.0)));
        let (_, below) = compared[0];
        assert_eq!(below.auroc, Some((0.5, 0.5)));
        assert!(
            below
                .apgr
                .is_some_and(|(low, high)| low > 0.1 && high < 0.4)
        );
        let (_, itself) = compared[1];
        assert_eq!(
            (itself.auroc, itself.apgr),
            (Some((0.0, 0.0)), Some((0.0, 0.0)))
        );
    }
}
