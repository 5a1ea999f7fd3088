//! Values that were seen elsewhere in the conversation.

use std::collections::{BTreeMap, BTreeSet};

use query::EntityKind;

use crate::detect::Span;

/// Values and their kinds. Looking for all of them takes time in the length of the text and hardly more for more
/// values.
#[derive(Default)]
pub(crate) struct Known<'a> {
    kinds: BTreeMap<&'a str, EntityKind>,
    /// How long the values are that open in this way.
    lengths: BTreeMap<&'a str, BTreeSet<usize>>,
}

impl<'a> Known<'a> {
    /// Of two kinds of a value, the first one counts.
    pub(crate) fn insert(&mut self, value: &'a str, kind: EntityKind) {
        self.kinds.entry(value).or_insert(kind);
        let lengths = self.lengths.entry(opening(value)).or_default();
        lengths.insert(value.len());
    }

    /// Adds the places where a value stands as a whole and nothing was found; `spans` are in order of place and do
    /// not overlap.
    pub(crate) fn add_to(&self, text: &str, spans: &mut Vec<Span>) {
        let mut added = Vec::new();
        let mut found = spans.iter().map(|span| &span.range).peekable();
        let mut at = 0;
        let mut before = None;
        while let Some(first) = text[at..].chars().next() {
            if let Some(range) = found.next_if(|range| range.start <= at) {
                if range.end > at {
                    before = text[..range.end].chars().next_back();
                    at = range.end;
                }
                continue;
            }
            let free = found.peek().map_or(text.len(), |range| range.start) - at;
            let length = match self.longest(before, &text[at..], free) {
                Some((length, kind)) => {
                    added.push(Span {
                        range: at..at + length,
                        kind,
                        score: 1.0,
                    });
                    length
                }
                None => first.len_utf8(),
            };
            before = text[at..at + length].chars().next_back();
            at += length;
        }
        spans.append(&mut added);
        spans.sort_by_key(|span| span.range.start);
    }

    /// The longest value at the start of `text` that takes no more than `free` bytes, and whose ends cut neither a
    /// word nor a number in two.
    fn longest(
        &self,
        before: Option<char>,
        text: &str,
        free: usize,
    ) -> Option<(usize, EntityKind)> {
        if cuts(before, text.chars().next()) {
            return None;
        }
        let lengths = self.lengths.get(opening(text))?;
        lengths.range(..=free).rev().find_map(|length| {
            let (value, after) = text.split_at_checked(*length)?;
            let kind = self.kinds.get(value)?;
            let whole = !cuts(value.chars().next_back(), after.chars().next());
            whole.then_some((*length, *kind))
        })
    }
}

/// The first word or number; the first character if it is neither.
fn opening(text: &str) -> &str {
    let word = text.find(|c: char| !c.is_alphanumeric());
    match (word, text.chars().next()) {
        (Some(0), Some(first)) => &text[..first.len_utf8()],
        (Some(end), _) => &text[..end],
        (None, _) => text,
    }
}

fn cuts(left: Option<char>, right: Option<char>) -> bool {
    let is_inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    is_inside(left) && is_inside(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use EntityKind::{Email, Person, Phone};

    #[test]
    fn stands_whole_where_nothing_was_found() {
        let mut known = Known::default();
        for (value, kind) in [
            ("Rachel", Person),
            ("Rachel Zheng", Person),
            ("+49 30", Phone),
            ("Rachel", Email),
        ] {
            known.insert(value, kind);
        }
        let text = "Rachel, Rachels, Rachel Zhengs aRachel é+49 30, +49 300 Rachel Zheng;Rachel";
        let mut spans = vec![Span {
            range: 0..6,
            kind: Email,
            score: 0.5,
        }];
        known.add_to(text, &mut spans);
        let found: Vec<_> = spans
            .iter()
            .map(|span| (&text[span.range.clone()], span.kind))
            .collect();
        assert_eq!(
            found,
            [
                ("Rachel", Email),
                ("Rachel", Person),
                ("+49 30", Phone),
                ("Rachel Zheng", Person),
                ("Rachel", Person)
            ]
        );
    }

    #[test]
    fn does_not_reach_into_what_was_found() {
        let mut known = Known::default();
        known.insert("ab cd", Person);
        known.insert("ab", Person);
        let mut spans = vec![Span {
            range: 4..6,
            kind: Email,
            score: 0.5,
        }];
        known.add_to("ab cd ab cd", &mut spans);
        let ranges: Vec<_> = spans.into_iter().map(|span| span.range).collect();
        assert_eq!(ranges, [0..2, 4..6, 6..11]);
    }
}
