//! Finds personal data in one text.

use std::{fmt, ops::Range};

use query::{EntityKind, PrivacyLevel};

use crate::{overlap, recognizers, tagger::Tagger};

/// A piece of personal data in a text.
#[derive(Clone, PartialEq)]
pub struct Span {
    /// Where, in UTF-8 bytes.
    pub range: Range<usize>,
    /// What.
    pub kind: EntityKind,
    /// How sure, 0 to 1.
    pub score: f32,
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {:.2}", self.kind, self.range, self.score)
    }
}

/// Less likely spans are not reported: at this score a wrong placeholder costs the answer about as much
/// as a missed value costs the person.
pub(crate) const LEAST_SCORE: f32 = 0.5;

/// Finds personal data in a text: spans in order of place, none of which overlap.
///
/// Patterns with validators (check digits, ranges, lengths) and words nearby. Names and addresses of
/// people are found by a [`Detector`] with a tagger.
pub fn detect(text: &str) -> Vec<Span> {
    let likely = recognizers::scan(text)
        .into_iter()
        .filter(|span| span.score >= LEAST_SCORE)
        .collect();
    overlap::resolve(likely)
}

/// Finds personal data in texts: by [`detect`], and, given a [`Tagger`], people, places, organisations and
/// whatever else only the words around it tell.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    tagger: Option<Tagger>,
}

impl Detector {
    /// With what was learned.
    pub fn new(tagger: Tagger) -> Self {
        Self {
            tagger: Some(tagger),
        }
    }

    /// Spans in order of place, none of which overlap. What a recognizer proves is not the tagger's to judge.
    pub fn detect(&self, text: &str, level: PrivacyLevel) -> Vec<Span> {
        let mut spans = detect(text);
        if let Some(tagger) = &self.tagger {
            let learned = tagger.tag(text, &spans, level);
            spans.extend(learned);
            spans.sort_by_key(|span| span.range.start);
        }
        spans
    }
}
