//! How well spans are found.

use std::{collections::BTreeMap, ops::Range};

use privacy::Detector;
use query::{EntityKind, PrivacyLevel};
use serde::Serialize;

use crate::Sample;

/// Spans found and missed, whatever kind they were taken for. A span is found if one that was reported shares
/// at least half of what both cover together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Samples looked at.
    pub samples: usize,
    /// Share of reported spans that are right.
    pub precision: f64,
    /// Share of real spans that are found.
    pub recall: f64,
    /// Recall counts twice as much as precision.
    pub f2: f64,
    /// Share of all characters that would be masked.
    pub masked: f64,
    /// Found and all, by the kind that the data says.
    pub by_kind: BTreeMap<EntityKind, (usize, usize)>,
    /// Wrongly reported, by the kind that was reported.
    pub wrong: BTreeMap<EntityKind, usize>,
}

/// Told of a text that has mistakes: the text, what was missed, what was wrong.
pub type OnMistake<'a> = dyn FnMut(&str, &[String], &[String]) + 'a;

/// Measures a detector. `on_mistake` sees each text that has any: found, missed, wrong.
pub fn measure(
    detector: &Detector,
    level: PrivacyLevel,
    samples: &[Sample],
    on_mistake: &mut OnMistake<'_>,
) -> Report {
    let mut report = Report {
        samples: samples.len(),
        ..Report::default()
    };
    let (mut right, mut reported, mut real) = (0_usize, 0_usize, 0_usize);
    let (mut masked, mut characters) = (0_usize, 0_usize);
    for sample in samples {
        let text = sample.text();
        let found = detector.detect(&text, level);
        characters += text.chars().count();
        let covered = |range: &Range<usize>| text[range.clone()].chars().count();
        masked += found.iter().map(|span| covered(&span.range)).sum::<usize>();
        let mut free: Vec<bool> = vec![true; found.len()];
        let mut missed = Vec::new();
        for (range, kind) in sample.spans() {
            real += 1;
            let counts = report.by_kind.entry(kind).or_default();
            counts.1 += 1;
            let best = (0..found.len())
                .filter(|&place| free[place])
                .map(|place| (overlap(&found[place].range, &range), place))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            match best {
                Some((share, place)) if share >= 0.5 => {
                    free[place] = false;
                    right += 1;
                    counts.0 += 1;
                }
                _ => missed.push(text[range].to_owned()),
            }
        }
        reported += found.len();
        let mut wrong = Vec::new();
        for (span, _) in found.iter().zip(&free).filter(|(_, free)| **free) {
            *report.wrong.entry(span.kind).or_default() += 1;
            wrong.push(text[span.range.clone()].to_owned());
        }
        if !missed.is_empty() || !wrong.is_empty() {
            on_mistake(&text, &missed, &wrong);
        }
    }
    let share = |part: usize, all: usize| part as f64 / all.max(1) as f64;
    report.precision = share(right, reported);
    report.recall = share(right, real);
    report.f2 = 5.0 * report.precision * report.recall
        / (4.0 * report.precision + report.recall).max(f64::MIN_POSITIVE);
    report.masked = share(masked, characters);
    report
}

/// What two ranges share of what they cover together.
fn overlap(a: &Range<usize>, b: &Range<usize>) -> f64 {
    let shared = a.end.min(b.end).saturating_sub(a.start.max(b.start));
    let together = a.len() + b.len() - shared;
    shared as f64 / together.max(1) as f64
}
