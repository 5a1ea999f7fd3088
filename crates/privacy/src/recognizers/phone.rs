//! Telephone numbers: E.164 with a plus, the North American plan, national numbers with a trunk zero, and
//! other digits where the words say that it is one.

use std::net::Ipv4Addr;

use query::EntityKind;

use super::{Candidate, Hit, Recognizer, digits, has_digits, is_number_part};

pub(super) const RECOGNIZER: Recognizer = Recognizer {
    kind: EntityKind::Phone,
    patterns: &[
        NORTH_AMERICAN,
        NORTH_AMERICAN_WITH_CODE,
        INTERNATIONAL,
        TRUNK_ZERO,
        ANY,
    ],
    inside: |c| is_number_part(c) || matches!(c, '+' | '/' | '(' | ')'),
    // Of the shortest national number with a trunk zero.
    needs: |run| has_digits(run, 4),
    judge,
    context: &[
        "phone",
        "phones",
        "telephone",
        "tel",
        "call",
        "calls",
        "called",
        "calling",
        "mobile",
        "cell",
        "cellphone",
        "fax",
        "whatsapp",
        "sms",
        "text",
        "dial",
        "ring",
        "reach",
        "office",
        "desk",
        "landline",
        "hotline",
        "helpline",
        "telefon",
        "handy",
        "mobil",
        "telefonnummer",
        "anrufen",
        "téléphone",
        "tél",
        "portable",
        "teléfono",
        "móvil",
        "llamar",
        "telefono",
        "cellulare",
        "telefone",
        "telefoon",
        "電話",
        "手机",
    ],
};

const NORTH_AMERICAN: &str = r"(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .\-\x{a0}\x{2010}-\x{2013}]?)[2-9][0-9]{2}[ .\-\x{a0}\x{2010}-\x{2013}]?[0-9]{4}";
/// Apart from the above, because a digit 1 in front may be something else.
const NORTH_AMERICAN_WITH_CODE: &str = r"\+?1[ .\-\x{a0}\x{2010}-\x{2013}]?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .\-\x{a0}\x{2010}-\x{2013}]?)[2-9][0-9]{2}[ .\-\x{a0}\x{2010}-\x{2013}]?[0-9]{4}";
/// A separator of a few characters between two digits: `+44 (0)20 7946 0958`.
const INTERNATIONAL: &str = r"(?:\+|\b00)[1-9](?:[ .\-/()\x{a0}\x{2010}-\x{2013}]{0,3}[0-9]){6,13}";
const TRUNK_ZERO: &str =
    r"\(?0[1-9][0-9]{0,4}\)?(?:[ .\-/\x{a0}\x{2010}-\x{2013}]{1,2}[0-9]{2,8}){1,5}";
const ANY: &str = r"\(?[0-9](?:[ .\-/()\x{a0}\x{2010}-\x{2013}]{0,2}[0-9]){5,13}";

fn judge(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    let text = candidate.as_str();
    let joined_left = candidate
        .before()
        .is_some_and(|c| c.is_alphanumeric() || c == '+');
    let candidate = &Candidate {
        range: candidate.range.start
            ..candidate.range.end + extension(&candidate.text[candidate.range.end..]),
        ..*candidate
    };
    let joined_right = candidate.after().is_some_and(|c| c.is_ascii_digit());
    if joined_left || looks_like_date(text) || text.parse::<Ipv4Addr>().is_ok() {
        return;
    }
    let digits = digits(text);
    let has_plus = text.starts_with('+');
    let separated = text.chars().any(|c| !c.is_ascii_digit());
    let is_part = joined_right || !candidate.stands_alone();
    let score = match candidate.pattern {
        0 | 1 if is_part => 0.3,
        0 | 1 if has_plus => 0.85,
        0 | 1 if separated => 0.7,
        0 | 1 => 0.3,
        // Digits may follow: too long for a telephone number, yet more likely one than not.
        2 if has_plus => 0.8,
        2 | 3 if follows_digit(candidate) => return,
        2 => 0.55,
        _ if is_part => return,
        3 if !(9..=12).contains(&digits.len()) => return,
        3 => 0.55,
        // Six digits only in pairs, as in small countries.
        _ if digits.len() == 6 && !matches!(text.as_bytes(), [_, _, b' ', _, _, b' ', _, _]) => {
            return;
        }
        _ => 0.25,
    };
    hits.push(candidate.hit(score));
}

/// The length of `x123`, ` ext. 123`, `, extension 123` at the start of a text; 0 if there is none.
fn extension(text: &str) -> usize {
    let trimmed = text.trim_start_matches([' ', ',']);
    let Some(rest) = ["extension", "ext.", "ext", "x"]
        .iter()
        .find_map(|word| trimmed.strip_prefix(word))
    else {
        return 0;
    };
    let rest = rest.trim_start_matches([' ', ':']);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let is_whole = !rest[digits..].starts_with(char::is_alphanumeric);
    if (1..=6).contains(&digits) && is_whole {
        text.len() - rest.len() + digits
    } else {
        0
    }
}

/// `3704 0044 0532`: the zero is in the middle of a longer number.
fn follows_digit(candidate: &Candidate<'_>) -> bool {
    let before = candidate.text[..candidate.range.start].trim_end_matches(' ');
    before.ends_with(|c: char| c.is_ascii_digit())
}

/// `2024-11-05 …`, `05.11.2024 …`.
fn looks_like_date(text: &str) -> bool {
    let parts: Vec<&str> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .collect();
    let year = |part: &str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    let small = |part: &str| part.len() <= 2;
    match parts[..] {
        [first, second, third, ..] => {
            (year(first) && small(second) && small(third))
                || (small(first) && small(second) && year(third))
        }
        [first, second] => year(first) && year(second),
        _ => false,
    }
}
