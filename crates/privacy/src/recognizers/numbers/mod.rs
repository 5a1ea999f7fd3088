//! Numbers of a fixed form: one pass over the text, and a table of what may start at a word. A row is the
//! form, a check, and the words that speak for it.

mod americas;
mod asia;
pub(super) mod check;
mod europe;
#[cfg(test)]
mod tests;
mod things;

use query::EntityKind;

use super::{has_context, raised};
use crate::detect::Span;

/// One country's, or one industry's, numbers of one sort.
struct Scheme {
    kind: EntityKind,
    /// `9` a digit, `A` a letter, `X` either, `H` a hexadecimal digit; all else separates. Separators stand
    /// all or not at all: a space is any of those people write between groups, others are themselves.
    format: &'static str,
    /// Letters and digits of the format up to its first separator, and all of them.
    first: usize,
    all: usize,
    /// Score before context with the separators, and without. A check that one number in ten passes by
    /// chance stays below [`LEAST_SCORE`](crate::detect::LEAST_SCORE) without.
    grouped: f32,
    /// Zero: the separators are part of it.
    bare: f32,
    /// Judges the letters and digits, each as its value in base 36.
    valid: fn(&[u8]) -> bool,
    /// Words nearby that raise the score, besides those of the kind; the first names the scheme.
    words: &'static [&'static str],
}

const fn scheme(
    kind: EntityKind,
    format: &'static str,
    (grouped, bare): (f32, f32),
    valid: fn(&[u8]) -> bool,
    words: &'static [&'static str],
) -> Scheme {
    let (first, all) = lengths(format.as_bytes());
    Scheme {
        kind,
        format,
        first,
        all,
        grouped,
        bare,
        valid,
        words,
    }
}

/// How many letters and digits a format has up to its first separator, and how many in all.
const fn lengths(format: &[u8]) -> (usize, usize) {
    let (mut at, mut first, mut all) = (0, 0, 0);
    while at < format.len() {
        if matches!(format[at], b'9' | b'A' | b'X' | b'H') {
            all += 1;
            if all == at + 1 {
                first = all;
            }
        }
        at += 1;
    }
    (first, all)
}

const TABLES: [&[Scheme]; 4] = [
    europe::SCHEMES,
    americas::SCHEMES,
    asia::SCHEMES,
    things::SCHEMES,
];

/// More letters and digits than any format has.
const LONGEST: usize = 20;

/// Adds all numbers of known forms whose checks hold, likely or not.
pub(super) fn scan(text: &str, spans: &mut Vec<Span>) {
    let bytes = text.as_bytes();
    for start in super::word_starts(text) {
        let ends = |byte: &u8| !byte.is_ascii_alphanumeric();
        let rest = &bytes[start..];
        // Longer than any format: just as little of it fits.
        let run = rest.iter().take(LONGEST + 1).position(ends);
        let run = run.unwrap_or(rest.len().min(LONGEST + 1));
        for scheme in TABLES.iter().copied().flatten() {
            // Most do not fit by the length of the first group alone.
            if run != scheme.first && run < scheme.all {
                continue;
            }
            let Some((length, grouped)) = fits(scheme.format.as_bytes(), &bytes[start..]) else {
                continue;
            };
            let range = start..start + length;
            let score = if grouped { scheme.grouped } else { scheme.bare };
            if score == 0.0
                || !stands_alone(text, start, range.end, grouped)
                || !scheme.accepts(&text[range.clone()])
            {
                continue;
            }
            let near = has_context(text, &range, scheme.words)
                || has_context(text, &range, words_of(scheme.kind));
            spans.push(Span {
                range,
                kind: scheme.kind,
                score: raised(score, near),
            });
        }
    }
}

impl Scheme {
    /// The check holds for the letters and digits of `number`, which has the format.
    fn accepts(&self, number: &str) -> bool {
        let mut values = [0; LONGEST];
        let mut length = 0;
        // At most two digits of base 36, and no format is longer than `values`: zip ends there.
        let found = number.chars().filter_map(|c| c.to_digit(36));
        for (slot, value) in values.iter_mut().zip(found) {
            *slot = value as u8;
            length += 1;
        }
        let values = &values[..length];
        // All digits alike satisfy many a sum, and are nobody's.
        values.iter().any(|value| *value != values[0]) && (self.valid)(values)
    }
}

/// Words that speak for any number of a kind.
fn words_of(kind: EntityKind) -> &'static [&'static str] {
    match kind {
        EntityKind::NationalId => &[
            "national",
            "identity",
            "identification",
            "citizen",
            "identité",
            "identidad",
            "ausweis",
        ],
        EntityKind::TaxId => &["tax", "taxes", "taxpayer", "tin", "vat", "fiscal", "steuer"],
        EntityKind::MedicalRecord => &["patient", "health", "medicare", "medical"],
        EntityKind::LicenseNumber => &["provider", "prescriber", "physician"],
        _ => &[],
    }
}

/// The bytes that a format takes from the start of a text, and whether they are separated.
fn fits(format: &[u8], text: &[u8]) -> Option<(usize, bool)> {
    let mut at = 0;
    let mut separated = None;
    for form in format {
        let next = *text.get(at)?;
        let taken = match form {
            b'9' => next.is_ascii_digit(),
            b'A' => next.is_ascii_alphabetic(),
            b'X' => next.is_ascii_alphanumeric(),
            b'H' => next.is_ascii_hexdigit(),
            _ => {
                let length = separator(*form, &text[at..]);
                if *separated.get_or_insert(length > 0) != (length > 0) {
                    return None;
                }
                at += length;
                continue;
            }
        };
        if !taken {
            return None;
        }
        at += 1;
    }
    // A format without separators is as it should be.
    Some((at, separated == Some(true)))
}

/// The length of the separator at the start of a text; 0 where there is none.
fn separator(form: u8, text: &[u8]) -> usize {
    let is_dash = |text: &[u8]| matches!(text, [0xe2, 0x80, 0x90..=0x93, ..]);
    match (form, text) {
        (_, [first, ..]) if *first == form => 1,
        (b' ', [b'-' | b'.', ..]) => 1,
        // No-break spaces.
        (b' ', [0xc2, 0xa0, ..]) => 2,
        (b' ', [0xe2, 0x80, 0xaf, ..]) => 3,
        (b' ' | b'-', _) if is_dash(text) => 3,
        // In Sweden and Finland, of people older than a hundred.
        (b'-', [b'+', ..]) => 1,
        _ => 0,
    }
}

/// It is not a part of a longer number or word.
fn stands_alone(text: &str, start: usize, end: usize, grouped: bool) -> bool {
    let joins = |c: char| matches!(c, '.' | '-' | '/' | ':' | ',') || (grouped && c == ' ');
    let mut before = text[..start].chars().rev();
    let mut after = text[end..].chars();
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let first = before.next();
    let last = after.next();
    !(first.is_some_and(|c| matches!(c, '$' | '€' | '£'))
        || last.is_some_and(super::is_word)
        || (first.is_some_and(joins) && is_digit(before.next()))
        || (last.is_some_and(joins) && is_digit(after.next())))
}
