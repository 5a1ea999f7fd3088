//! One file per kind of personal data: a pattern that finds candidates, a validator that judges them, and
//! the words nearby that make it more likely. Where a table or a few lines find candidates faster than a
//! pattern, they scan the text themselves.

mod age;
mod amount;
mod api_key;
mod card;
mod coordinates;
mod crypto_address;
mod date;
mod domain;
mod email;
mod iban;
mod ip_address;
mod labelled;
mod numbers;
mod phone;
mod ssn;
mod url_credential;
mod user_name;

use std::{ops::Range, sync::LazyLock};

use query::EntityKind;
use regex_lite::Regex;

use crate::detect::Span;

pub(crate) use amount::amounts;
pub(crate) use coordinates::whole_degrees;

/// Finds one kind.
struct Recognizer {
    kind: EntityKind,
    /// Tried one by one. If a pattern has a group, the group is the candidate, else the whole match.
    patterns: &'static [&'static str],
    /// All that a pattern matches is made of these. Runs of them are searched, and nothing else of the text:
    /// matching costs more than all else here.
    inside: fn(char) -> bool,
    /// Cheap, and false of most runs that no pattern matches.
    needs: fn(&str) -> bool,
    /// Adds the parts of the candidate that are real, with a score.
    judge: fn(&Candidate<'_>, &mut Vec<Hit>),
    /// Words near the candidate that raise the score by [`CONTEXT_BONUS`]; lower case.
    context: &'static [&'static str],
}

const RECOGNIZERS: [&Recognizer; 8] = [
    &email::RECOGNIZER,
    &phone::RECOGNIZER,
    &card::RECOGNIZER,
    &iban::RECOGNIZER,
    &ssn::RECOGNIZER,
    &ip_address::RECOGNIZER,
    &url_credential::RECOGNIZER,
    &api_key::RECOGNIZER,
];

/// Adds what it finds in a text, likely or not.
type Scanner = fn(&str, &mut Vec<Span>);

const SCANNERS: [Scanner; 9] = [
    numbers::scan,
    labelled::scan,
    date::scan,
    age::scan,
    domain::scan,
    user_name::scan,
    crypto_address::scan,
    coordinates::scan,
    api_key::scan,
];

/// How much a context word adds to a score.
const CONTEXT_BONUS: f32 = 0.35;
/// How far context words reach, in bytes before and after.
const CONTEXT_BEFORE: usize = 48;
const CONTEXT_AFTER: usize = 24;

/// What a pattern found.
struct Candidate<'a> {
    text: &'a str,
    range: Range<usize>,
    /// Index into the recognizer's patterns.
    pattern: usize,
}

/// What a validator took for real.
struct Hit {
    range: Range<usize>,
    /// 0 to 1, before context.
    score: f32,
}

/// Everything that the recognizers find, overlapping and in no order, likely or not.
pub(crate) fn scan(text: &str) -> Vec<Span> {
    static COMPILED: LazyLock<Vec<Vec<Regex>>> = LazyLock::new(|| {
        RECOGNIZERS
            .iter()
            .map(|recognizer| compile(recognizer.patterns))
            .collect()
    });

    let mut spans = Vec::new();
    for scanner in SCANNERS {
        scanner(text, &mut spans);
    }
    let mut hits = Vec::new();
    for (recognizer, patterns) in RECOGNIZERS.iter().zip(COMPILED.iter()) {
        for run in runs(text, recognizer.inside) {
            if !(recognizer.needs)(&text[run.clone()]) {
                continue;
            }
            for (pattern, regex) in patterns.iter().enumerate() {
                for range in matches(regex, text, run.clone()) {
                    (recognizer.judge)(
                        &Candidate {
                            text,
                            range,
                            pattern,
                        },
                        &mut hits,
                    );
                }
            }
        }
        for Hit { range, score } in hits.drain(..) {
            let near = has_context(text, &range, recognizer.context);
            spans.push(Span {
                range,
                kind: recognizer.kind,
                score: raised(score, near),
            });
        }
    }
    spans
}

/// The longest parts of a text that are made of such characters.
fn runs(text: &str, inside: fn(char) -> bool) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(inside)?;
        let length = text[start..].find(|c| !inside(c));
        at = length.map_or(text.len(), |length| start + length);
        Some(start..at)
    })
}

/// What a pattern matches in a run, from left to right; its group, if it has one. What stands before the run is seen
/// by `\b`.
fn matches(regex: &Regex, text: &str, run: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let text = &text[..run.end];
    let mut at = run.start;
    std::iter::from_fn(move || {
        // Without groups to keep track of, matching is faster.
        let (whole, found) = if regex.captures_len() > 1 {
            let captures = regex.captures_at(text, at)?;
            (captures.get(0)?.range(), captures.get(1)?.range())
        } else {
            let whole = regex.find_at(text, at)?.range();
            (whole.clone(), whole)
        };
        at = whole.end;
        Some(found)
    })
}

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, and a test compiles them"
)]
fn compile(patterns: &[&str]) -> Vec<Regex> {
    patterns
        .iter()
        .map(|pattern| Regex::new(pattern).expect("a constant pattern is valid"))
        .collect()
}

fn has_context(text: &str, range: &Range<usize>, words: &[&str]) -> bool {
    let before = text.floor_char_boundary(range.start.saturating_sub(CONTEXT_BEFORE))..range.start;
    let after = range.end..text.floor_char_boundary((range.end + CONTEXT_AFTER).min(text.len()));
    [before, after].into_iter().any(|near| {
        let near = text[near].to_lowercase();
        near.split(|c: char| !c.is_alphanumeric())
            .any(|word| words.contains(&word))
    })
}

/// A score, given whether a context word is near.
fn raised(score: f32, near: bool) -> f32 {
    let bonus = if near { CONTEXT_BONUS } else { 0.0 };
    (score + bonus).min(1.0)
}

impl<'a> Candidate<'a> {
    fn as_str(&self) -> &'a str {
        &self.text[self.range.clone()]
    }

    fn before(&self) -> Option<char> {
        self.text[..self.range.start].chars().next_back()
    }

    fn after(&self) -> Option<char> {
        self.text[self.range.end..].chars().next()
    }

    /// No letter or digit touches it.
    fn is_word(&self) -> bool {
        !self.before().is_some_and(char::is_alphanumeric)
            && !self.after().is_some_and(char::is_alphanumeric)
    }

    /// It is not one part of a longer number that is joined by dots or dashes: `1.2.3.4.5`.
    fn stands_alone(&self) -> bool {
        let joins = |c: char| matches!(c, '.' | '-' | '_' | '/' | ':');
        let mut before = self.text[..self.range.start].chars().rev();
        let mut after = self.text[self.range.end..].chars();
        let joined = |chars: &mut dyn Iterator<Item = char>| {
            chars.next().is_some_and(joins) && chars.next().is_some_and(|c| c.is_ascii_digit())
        };
        self.is_word() && !joined(&mut before) && !joined(&mut after)
    }

    /// All of it, with this score.
    fn hit(&self, score: f32) -> Hit {
        Hit {
            range: self.range.clone(),
            score,
        }
    }
}

/// Part of a word or of a number that is written on. Scripts without capitals put no spaces between words,
/// so that a number may begin in the middle of them.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || c == '_'
        || (!c.is_ascii() && (c.is_lowercase() || c.is_uppercase()))
}

/// Where words begin with an ASCII letter or digit.
fn word_starts(text: &str) -> impl Iterator<Item = usize> + '_ {
    let mut inside = false;
    text.char_indices().filter_map(move |(at, c)| {
        let starts = !inside && c.is_ascii_alphanumeric();
        inside = is_word(c);
        starts.then_some(at)
    })
}

/// The ASCII digits of a text, as numbers.
fn digits(text: &str) -> Vec<u8> {
    text.bytes()
        .filter(u8::is_ascii_digit)
        .map(|byte| byte - b'0')
        .collect()
}

fn has_digits(text: &str, count: usize) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit);
    digits.take(count).count() == count
}

/// A digit, or what stands between the digits of a number that people read out in groups.
fn is_number_part(c: char) -> bool {
    c.is_ascii_digit()
        || matches!(
            c,
            ' ' | '.' | '-' | '\u{a0}' | '\u{2010}'..='\u{2013}' | '\u{202f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_compile() {
        for recognizer in RECOGNIZERS {
            assert_eq!(
                compile(recognizer.patterns).len(),
                recognizer.patterns.len()
            );
        }
    }

    #[test]
    fn context_words_are_whole_lower_case_words() {
        for word in RECOGNIZERS.iter().flat_map(|recognizer| recognizer.context) {
            assert_eq!(*word, word.to_lowercase());
            assert!(word.chars().all(char::is_alphanumeric), "{word}");
        }
        assert!(has_context("Tel: 12", &(5..7), &["tel"]));
        assert!(has_context("12 (TÉL)", &(0..2), &["tél"]));
        assert!(!has_context("hotel 12", &(6..8), &["tel"]));
    }
}
