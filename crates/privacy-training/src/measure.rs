//! How well spans are found.

use std::{collections::BTreeMap, ops::Range};

use privacy::Detector;
use query::{EntityKind, PrivacyLevel};
use serde::Serialize;

use crate::{
    Sample,
    spans::{Fate, Found, Gold, Score, score, share},
};

/// Spans found and missed, whatever kind they were taken for, as [`score`] counts them.
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
    let (mut sum, mut characters) = (Score::default(), 0);
    for sample in samples {
        let text = sample.text();
        let place = |byte: usize| text[..byte].chars().count();
        let places = |range: &Range<usize>| place(range.start)..place(range.end);
        let real = sample.spans();
        let reported = detector.detect(&text, level);
        let gold = real.iter().map(|(range, kind)| Gold {
            range: places(range),
            kind: Some(*kind),
        });
        let found = reported.iter().map(|span| Found {
            range: places(&span.range),
            kind: span.kind,
        });
        let (gold, found): (Vec<Gold>, Vec<Found>) = (gold.collect(), found.collect());
        let length = place(text.len());
        let scored = score(length, &gold, &found);
        sum += scored.any;
        characters += length;

        let mut missed = Vec::new();
        for ((range, kind), fate) in real.into_iter().zip(scored.gold) {
            let (right, all) = report.by_kind.entry(kind).or_default();
            *all += 1;
            match fate {
                Fate::Matched => *right += 1,
                Fate::Missed | Fate::Inside => missed.push(text[range].to_owned()),
            }
        }
        let mut wrong = Vec::new();
        for index in scored.spurious {
            let span = &reported[index];
            *report.wrong.entry(span.kind).or_default() += 1;
            wrong.push(text[span.range.clone()].to_owned());
        }
        if !missed.is_empty() || !wrong.is_empty() {
            on_mistake(&text, &missed, &wrong);
        }
    }
    // Of nothing there is no share: 0.
    report.precision = sum.spans.precision().unwrap_or_default();
    report.recall = sum.spans.recall().unwrap_or_default();
    report.f2 = sum.spans.f(2.0).unwrap_or_default();
    report.masked = share(sum.characters.found, characters).unwrap_or_default();
    report
}
