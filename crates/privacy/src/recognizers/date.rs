//! Dates in clear forms, and dates of birth: those that words call so, in any form.

use query::EntityKind;

use super::{has_context, is_word, word_starts};
use crate::detect::Span;

/// Words before a date of birth.
const BIRTH: [&str; 23] = [
    "born",
    "dob",
    "birth",
    "birthday",
    "birthdate",
    "bday",
    "birthyear",
    "geboren",
    "geb",
    "geburtsdatum",
    "né",
    "née",
    "naissance",
    "nacido",
    "nacida",
    "nacimiento",
    "nascita",
    "nascido",
    "nascida",
    "nascimento",
    "geboortedatum",
    "født",
    "född",
];
/// How far they reach, in bytes.
const REACH: usize = 40;

/// The twelve months, in languages that write dates like English, French or German; three letters of an
/// English name will do.
const MONTHS: [&[&str]; 12] = [
    &[
        "january", "januar", "janvier", "enero", "gennaio", "januari", "janeiro",
    ],
    &[
        "february",
        "februar",
        "février",
        "febrero",
        "febbraio",
        "februari",
        "fevereiro",
    ],
    &["march", "märz", "mars", "marzo", "maart", "março"],
    &["april", "avril", "abril", "aprile"],
    &["may", "mai", "mayo", "maggio", "mei", "maio"],
    &["june", "juni", "juin", "junio", "giugno", "junho"],
    &["july", "juli", "juillet", "julio", "luglio", "julho"],
    &["august", "août", "agosto", "augustus"],
    &[
        "september",
        "septembre",
        "septiembre",
        "settembre",
        "setembro",
        "sept",
    ],
    &[
        "october", "oktober", "octobre", "octubre", "ottobre", "outubro",
    ],
    &["november", "novembre", "noviembre", "novembro"],
    &[
        "december",
        "dezember",
        "décembre",
        "diciembre",
        "dicembre",
        "dezembro",
    ],
];

/// What stands at a place.
struct Found {
    length: usize,
    /// Without words that call it so: `12/03/2024` is, `1990` or `12/3/90` is not.
    clear: bool,
}

/// Adds dates and dates of birth.
pub(super) fn scan(text: &str, spans: &mut Vec<Span>) {
    let mut end = 0;
    for start in word_starts(text) {
        if start < end {
            continue;
        }
        let Some(found) = date_at(text, start) else {
            continue;
        };
        // Words reach up to the next date, not beyond.
        let near = text
            .floor_char_boundary(start.saturating_sub(REACH))
            .max(end);
        let is_birth = has_context(&text[near..start], &(start - near..start - near), &BIRTH);
        if is_birth || found.clear {
            end = start + found.length;
            spans.push(Span {
                range: start..end,
                kind: if is_birth {
                    EntityKind::DateOfBirth
                } else {
                    EntityKind::Date
                },
                score: if is_birth { 0.9 } else { 0.6 },
            });
        }
    }
}

fn date_at(text: &str, start: usize) -> Option<Found> {
    // A part of a path, a version, a price.
    if text[..start].ends_with(['-', '/', '.', '+', '#', '$', '€', '£']) {
        return None;
    }
    let rest = &text[start..];
    let found = if rest.starts_with(|c: char| c.is_ascii_digit()) {
        numeric(rest).or_else(|| day_first(rest))
    } else {
        month_first(rest)
    }?;
    let mut after = rest[found.length..].chars();
    let next = after.next();
    let runs_on = next.is_some_and(|c| is_word(c) || c == '%')
        || (next.is_some_and(|c| matches!(c, '.' | '-' | '/' | ':' | ','))
            && after.next().is_some_and(|c| c.is_ascii_digit()));
    (!runs_on).then_some(found)
}

/// `2024-03-12`, with a time or without; `12/03/2024`, `12.3.90`; a year alone.
fn numeric(text: &str) -> Option<Found> {
    let (first, first_length) = integer(text)?;
    let separator = text[first_length..].chars().next();
    let parts = separator
        .filter(|c| matches!(c, '-' | '/' | '.'))
        .and_then(|separator| {
            let (second, second_length) = integer(&text[first_length + 1..])?;
            let at = first_length + 1 + second_length;
            let (third, third_length) = integer(text[at..].strip_prefix(separator)?)?;
            Some((
                separator,
                second,
                second_length,
                third,
                third_length,
                at + 1 + third_length,
            ))
        });
    let Some((separator, second, second_length, third, third_length, length)) = parts else {
        return (first_length == 4 && is_year(first)).then_some(Found {
            length: first_length,
            clear: false,
        });
    };
    if second_length > 2 {
        return None;
    }
    if first_length == 4 && third_length <= 2 {
        let valid = is_year(first) && (1..=12).contains(&second) && (1..=31).contains(&third);
        // `2024.1.2` is a version.
        return valid.then(|| Found {
            length: length + time(&text[length..]),
            clear: separator != '.',
        });
    }
    let day_and_month = |a, b| (1..=31).contains(&a) && (1..=12).contains(&b);
    let valid = first_length <= 2
        && (day_and_month(first, second) || day_and_month(second, first))
        && match third_length {
            4 => is_year(third),
            length => length == 2,
        };
    valid.then_some(Found {
        length,
        clear: third_length == 4,
    })
}

/// `T12:00`, ` 12:00:59.25`, with a zone or without: its length, 0 if there is none.
fn time(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['T', ' ']) else {
        return 0;
    };
    let bytes = rest.as_bytes();
    let is_time = matches!(bytes, [a, b, b':', c, d, ..]
        if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()));
    if !is_time {
        return 0;
    }
    let length = rest
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | '+' | 'Z')))
        .unwrap_or(rest.len());
    1 + rest[..length].trim_end_matches(['.', ':', '+']).len()
}

/// `3 March 2024`, `3rd of March`, `3. März 2024`.
fn day_first(text: &str) -> Option<Found> {
    let (day, length) = integer(text)?;
    let mut rest = &text[length..];
    rest = ["st", "nd", "rd", "th", ".", "er"]
        .iter()
        .find_map(|ending| rest.strip_prefix(ending))
        .unwrap_or(rest);
    rest = rest.strip_prefix([' ', '-', '\u{a0}'])?;
    rest = ["of ", "de ", "di "]
        .iter()
        .find_map(|of| rest.strip_prefix(of))
        .unwrap_or(rest);
    let (month, clear) = month(rest)?;
    rest = &rest[month..];
    let year = ["-", ", ", " de ", " "]
        .iter()
        .find_map(|joint| year(rest.strip_prefix(joint)?).map(|length| joint.len() + length));
    let length = text.len() - rest.len() + year.unwrap_or(0);
    ((1..=31).contains(&day)).then_some(Found {
        length,
        clear: clear || year.is_some(),
    })
}

/// `March 3, 2024`, `March 3rd`, `March 2024`.
fn month_first(text: &str) -> Option<Found> {
    let (month, clear) = month(text)?;
    let rest = text[month..].strip_prefix('.').unwrap_or(&text[month..]);
    let rest = rest.strip_prefix([' ', '-', '\u{a0}'])?;
    let before = text.len() - rest.len();
    if let Some(length) = year(rest) {
        return Some(Found {
            length: before + length,
            clear: true,
        });
    }
    let (day, mut length) = integer(rest)?;
    length += ["st", "nd", "rd", "th"]
        .iter()
        .find(|ending| rest[length..].starts_with(**ending))
        .map_or(0, |ending| ending.len());
    let year = [", ", ",", " ", "-"].iter().find_map(|joint| {
        year(rest[length..].strip_prefix(joint)?).map(|length| joint.len() + length)
    });
    ((1..=31).contains(&day)).then_some(Found {
        length: before + length + year.unwrap_or(0),
        clear: clear || year.is_some(),
    })
}

/// The length of a month's name, and whether it can be nothing else.
fn month(text: &str) -> Option<(usize, bool)> {
    let length = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let word = text[..length].to_lowercase();
    let is_month = MONTHS.iter().any(|names| {
        names.iter().any(|name| *name == word) || (length == 3 && names[0].starts_with(&word))
    });
    // `may 3 of them`, `march 3 miles`: only the capital tells.
    let is_name = text.starts_with(char::is_uppercase)
        || !matches!(word.as_str(), "may" | "march" | "mar" | "mars");
    is_month.then_some((length, is_name))
}

/// The length of a year of four digits.
fn year(text: &str) -> Option<usize> {
    let (value, length) = integer(text)?;
    let whole = !text[length..].starts_with(is_word);
    (length == 4 && is_year(value) && whole).then_some(length)
}

fn is_year(value: u32) -> bool {
    (1900..=2099).contains(&value)
}

/// At most four digits.
fn integer(text: &str) -> Option<(u32, usize)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let value = (1..=4)
        .contains(&length)
        .then(|| text[..length].parse().ok())??;
    Some((value, length))
}
