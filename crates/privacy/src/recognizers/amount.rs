//! Amounts of money: a number with a currency beside it. Looked for only where an app's rules name them: most are
//! nobody's secret.

use query::EntityKind;

use crate::{
    detect::Span,
    replace::{amount, scan::Start},
};

/// Amounts outside of what was found, to be added to it.
pub(crate) fn amounts(text: &str, found: &[Span]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut taken = found.iter().map(|span| &span.range).peekable();
    let mut before = None;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        while taken.next_if(|range| range.end <= at).is_some() {}
        let before = before.replace(c);
        if at < end {
            continue;
        }
        end = match amount::read(&text[at..], before, true) {
            Start::Certain(amount) => at + amount.length,
            Start::Uncertain(length) => at + length,
            Start::Partial | Start::Other => continue,
        };
        if taken.peek().is_none_or(|range| range.start >= end) {
            spans.push(Span {
                range: at..end,
                kind: EntityKind::Amount,
                score: 0.9,
            });
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_currency() {
        let text = "$1,200 a month, 1.200,50 EUR or £3k; 5 apples, USD 20 and -$5.50. 12,000 dollars, $1.234, x4 €, 3 €5";
        let spans = amounts(text, &[]);
        let found: Vec<&str> = spans.iter().map(|span| &text[span.range.clone()]).collect();
        assert_eq!(
            found,
            [
                "$1,200",
                "1.200,50 EUR",
                "£3k",
                "USD 20",
                "-$5.50",
                "12,000 dollars",
                "$1.234",
                "€5",
            ]
        );
        let all = Span {
            range: 0..text.len(),
            kind: EntityKind::Card,
            score: 1.0,
        };
        assert_eq!(amounts(text, &[all]), []);
    }
}
