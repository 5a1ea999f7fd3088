//! One span where several recognizers see something.

use std::{cmp::Ordering, collections::BTreeMap};

use query::EntityKind;

use crate::detect::Span;

/// Spans without overlaps, in order of place, the same for any order of the input.
///
/// Of one kind, the likelier wins, then the longer, then the earlier. Of different kinds, the winner's kind
/// is taken for all that they cover together, so that no part of anything found stays in the open; secrets
/// win over all others.
pub(crate) fn resolve(spans: Vec<Span>) -> Vec<Span> {
    let mut by_kind: BTreeMap<EntityKind, Vec<Span>> = BTreeMap::new();
    for span in spans {
        by_kind.entry(span.kind).or_default().push(span);
    }
    let mut kept: Vec<Span> = by_kind.into_values().flat_map(best_of_kind).collect();
    kept.sort_by_key(|span| (span.range.start, span.range.end, span.kind));

    let mut resolved: Vec<Span> = Vec::new();
    for span in kept {
        match resolved.last_mut() {
            Some(last) if span.range.start < last.range.end => {
                let range = last.range.start..last.range.end.max(span.range.end);
                let winner = if stronger(&span, last).is_lt() {
                    &span
                } else {
                    &*last
                };
                *last = Span {
                    range,
                    ..winner.clone()
                };
            }
            _ => resolved.push(span),
        }
    }
    resolved
}

fn best_of_kind(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by(stronger);
    let mut kept: Vec<Span> = Vec::new();
    for span in spans {
        if !kept.iter().any(|better| better.overlaps(&span)) {
            kept.push(span);
        }
    }
    kept
}

/// Less is stronger.
fn stronger(a: &Span, b: &Span) -> Ordering {
    let is_secret =
        |span: &Span| matches!(span.kind, EntityKind::ApiKey | EntityKind::UrlCredential);
    is_secret(b)
        .cmp(&is_secret(a))
        .then(b.score.total_cmp(&a.score))
        .then(b.range.len().cmp(&a.range.len()))
        .then(a.range.start.cmp(&b.range.start))
        .then(a.kind.cmp(&b.kind))
}

impl Span {
    fn overlaps(&self, other: &Self) -> bool {
        self.range.start < other.range.end && other.range.start < self.range.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EntityKind::{ApiKey, Card, Email, Phone};

    #[track_caller]
    fn check(spans: &[(usize, usize, EntityKind, f32)], expected: &[(usize, usize, EntityKind)]) {
        let mut spans: Vec<Span> = spans
            .iter()
            .map(|&(start, end, kind, score)| Span {
                range: start..end,
                kind,
                score,
            })
            .collect();
        for _ in 0..spans.len() {
            spans.rotate_left(1);
            let resolved = resolve(spans.clone());
            let resolved: Vec<_> = resolved
                .iter()
                .map(|span| (span.range.start, span.range.end, span.kind))
                .collect();
            assert_eq!(resolved, expected);
        }
    }

    #[test]
    fn likelier_of_one_kind_wins_alone() {
        check(
            &[
                (0, 10, Phone, 0.9),
                (5, 20, Phone, 0.6),
                (20, 30, Phone, 0.6),
            ],
            &[(0, 10, Phone), (20, 30, Phone)],
        );
    }

    #[test]
    fn kinds_cover_what_they_cover_together() {
        check(&[(0, 10, Phone, 0.6), (5, 20, Card, 0.9)], &[(0, 20, Card)]);
        check(
            &[(0, 10, Phone, 0.7), (0, 10, Card, 0.7)],
            &[(0, 10, Phone)],
        );
        check(
            &[(0, 10, Card, 0.9), (10, 20, Phone, 0.9)],
            &[(0, 10, Card), (10, 20, Phone)],
        );
    }

    #[test]
    fn secrets_win() {
        check(
            &[(0, 20, Email, 1.0), (4, 9, ApiKey, 0.6)],
            &[(0, 20, ApiKey)],
        );
    }
}
