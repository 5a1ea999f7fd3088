//! Finds personal data in one text.

use std::{fmt, ops::Range};

use query::EntityKind;

use crate::{overlap, recognizers};

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
/// people are not found.
pub fn detect(text: &str) -> Vec<Span> {
    let likely = recognizers::scan(text)
        .into_iter()
        .filter(|span| span.score >= LEAST_SCORE)
        .collect();
    overlap::resolve(likely)
}
