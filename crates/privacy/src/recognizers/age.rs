//! Ages of people: the number alone, so that the sentence around it still reads well.

use query::EntityKind;

use super::{is_word, word_starts};
use crate::detect::Span;

/// Nobody is older.
const OLDEST: u32 = 125;

/// Before an age: a phrase that ends the text, with spaces and a colon after it or not.
const BEFORE: [&str; 12] = [
    "aged", "age", "age is", "age of", "turned", "turning", "turns", "i am", "i'm", "i’m", "im",
    "alter",
];
/// Of these, those that also say other things: only the end of a clause after the number makes it an age.
const VAGUE: [&str; 7] = ["i am", "i'm", "i’m", "im", "turned", "turning", "turns"];
/// After an age.
const AFTER: [&str; 20] = [
    "year old",
    "years old",
    "yr old",
    "yrs old",
    "y o",
    "yo",
    "y old",
    "years young",
    "years of age",
    "month old",
    "months old",
    "week old",
    "weeks old",
    "jahre alt",
    "jähriger",
    "jährige",
    "ans",
    "años de edad",
    "anni di età",
    "year olds",
];

/// Adds ages.
pub(super) fn scan(text: &str, spans: &mut Vec<Span>) {
    for start in word_starts(text) {
        let length = text[start..].bytes().take_while(u8::is_ascii_digit).count();
        let range = start..start + length;
        let is_age = (1..=3).contains(&length)
            && text[range.clone()].parse().is_ok_and(|age: u32| age <= OLDEST)
            // `1.5`, `12:30`, `$5`, `-5`
            && !text[..start].ends_with(['.', ':', '/', '$', '€', '£', '-', '+', ','])
            && (follows(&text[..start], &text[range.end..]) || precedes(&text[range.end..]) || is_bracketed(text, start, range.end));
        if is_age {
            spans.push(Span {
                range,
                kind: EntityKind::Age,
                score: 0.7,
            });
        }
    }
}

/// `aged 34`, `age: 34`, `I just turned 34`, `I'm 34.`
fn follows(before: &str, after: &str) -> bool {
    // The longest phrase and what may stand between it and the number.
    let near = before.floor_char_boundary(before.len().saturating_sub(20));
    let lower = before[near..].to_lowercase();
    let trimmed = lower.trim_end_matches([' ', ':', '=', '"', '\'']);
    if after.starts_with(is_word) || trimmed.len() == lower.len() {
        return false;
    }
    let trimmed = trimmed.strip_suffix(" just").unwrap_or(trimmed);
    let whole = |phrase: &str| {
        trimmed
            .strip_suffix(phrase)
            .is_some_and(|rest| !rest.ends_with(is_word))
    };
    let unit = after
        .trim_start_matches([' ', '-'])
        .split(|c| !is_word(c))
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let has_decimals = after.starts_with(['.', ',', ':', '/', '%'])
        && after[1..].starts_with(|c: char| c.is_ascii_digit());
    let ends_clause = after.is_empty()
        || (after.starts_with(['.', ',', '!', '?', ';', ')', '\n']) && !has_decimals)
        || matches!(
            unit.as_str(),
            "and"
                | "now"
                | "but"
                | "male"
                | "female"
                | "m"
                | "f"
                | "from"
                | "last"
                | "this"
                | "today"
                | "yesterday"
                | "years"
        );
    !has_decimals
        && !after.starts_with('%')
        && BEFORE
            .iter()
            .any(|phrase| whole(phrase) && (ends_clause || !VAGUE.contains(phrase)))
}

/// `34 years old`, `34-year-old`, `34yo`, `34 y/o`.
fn precedes(after: &str) -> bool {
    AFTER.iter().any(|phrase| {
        let mut rest = after.trim_start_matches([' ', '-', '\u{a0}']);
        for expected in phrase.chars() {
            if expected == ' ' {
                rest = rest.trim_start_matches([' ', '-', '/', '.']);
                continue;
            }
            match rest.chars().next() {
                Some(c) if c == expected || c.to_lowercase().eq([expected]) => {
                    rest = &rest[c.len_utf8()..];
                }
                _ => return false,
            }
        }
        !rest.starts_with(is_word)
    })
}

/// `(34F)`, `(m34)` has the letter first and is no word start.
fn is_bracketed(text: &str, start: usize, end: usize) -> bool {
    let after = &text.as_bytes()[end..];
    end - start == 2
        && text[..start].ends_with(['(', '['])
        && matches!(after, [b'm' | b'M' | b'f' | b'F', b')' | b']', ..])
}
