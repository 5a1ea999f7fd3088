//! Payment card numbers: ISO/IEC 7812 with the Luhn check and the networks' prefixes and lengths.

use std::ops::Range;

use query::EntityKind;

use super::{Candidate, Hit, Recognizer, digits, has_digits, is_number_part, numbers::check::luhn};

pub(super) const RECOGNIZER: Recognizer = Recognizer {
    kind: EntityKind::Card,
    // A run of digits with at most one separator between two; the card may be any whole groups of it.
    patterns: &[r"[0-9](?:[ .\-\x{a0}\x{2010}-\x{2013}\x{202f}]?[0-9])+"],
    inside: is_number_part,
    needs: |run| has_digits(run, SHORTEST),
    judge,
    context: &[
        "card",
        "cards",
        "credit",
        "debit",
        "visa",
        "mastercard",
        "amex",
        "discover",
        "maestro",
        "cc",
        "cvv",
        "cvc",
        "pan",
        "payment",
        "karte",
        "kreditkarte",
        "kartennummer",
        "carte",
        "tarjeta",
        "carta",
        "kaart",
    ],
};

/// Maestro's; all others have 13 or more.
const SHORTEST: usize = 12;
const LONGEST: usize = 19;

fn judge(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    if !candidate.is_word() {
        return;
    }
    let groups = groups(candidate);
    for first in 0..groups.len() {
        let mut number = String::new();
        for last in first..groups.len() {
            number.push_str(&candidate.text[groups[last].clone()]);
            if number.len() > LONGEST {
                break;
            }
            if number.len() < SHORTEST
                || !luhn(&digits(&number), 10)
                || !number.bytes().any(|digit| digit != b'0')
            {
                continue;
            }
            let lengths: Vec<usize> = groups[first..=last].iter().map(Range::len).collect();
            // One number in ten passes Luhn: without a network's prefix and shape, words must speak for it.
            let score = match (network_knows(&number), is_usual_shape(&lengths)) {
                (true, true) => 0.9,
                (true, false) => 0.4,
                (false, true) => 0.3,
                (false, false) => 0.1,
            };
            hits.push(Hit {
                range: groups[first].start..groups[last].end,
                score,
            });
        }
    }
}

/// The byte ranges of the digits between separators.
fn groups(candidate: &Candidate<'_>) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (offset, c) in candidate.as_str().char_indices() {
        let at = candidate.range.start + offset;
        match groups.last_mut() {
            Some(group) if c.is_ascii_digit() && group.end == at => group.end += 1,
            _ if c.is_ascii_digit() => groups.push(at..at + 1),
            _ => {}
        }
    }
    groups
}

/// Prefix and length belong to a network that issues such numbers.
fn network_knows(number: &str) -> bool {
    // At least 12 digits, all ASCII: the first four parse.
    let prefix: u32 = number[..4].parse().unwrap_or(0);
    match prefix {
        // Visa
        4000..=4999 => matches!(number.len(), 13 | 16 | 19),
        // Mastercard
        5100..=5599 | 2221..=2720 => number.len() == 16,
        // American Express
        3400..=3499 | 3700..=3799 => number.len() == 15,
        // Diners Club
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&number.len()),
        // JCB
        3528..=3589 => (16..=19).contains(&number.len()),
        // Discover, UnionPay
        6011 | 6440..=6599 | 6200..=6299 | 8100..=8171 => (16..=19).contains(&number.len()),
        // Maestro
        5000..=5099 | 5600..=5999 | 6000..=6999 => (12..=19).contains(&number.len()),
        // Mir
        2200..=2204 => (16..=19).contains(&number.len()),
        _ => false,
    }
}

/// In one piece, or grouped as cards print it.
fn is_usual_shape(groups: &[usize]) -> bool {
    matches!(
        groups,
        [_] | [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=3] | [4, 6, 4 | 5] | [8, 8] | [6, 10 | 13]
    )
}
