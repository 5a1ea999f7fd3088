//! The placeholder's form: `[EMAIL_1]`, `[PERSON_1_ALIAS_2]`.

use std::{collections::BTreeSet, fmt};

use query::EntityKind;

use crate::tagger::is_invisible;

/// More digits than this are no placeholder: it bounds what a stream must hold back.
pub(crate) const MOST_DIGITS: usize = 6;

/// Whom or what a placeholder is about: all spellings of one value share it.
pub(crate) type Subject = (EntityKind, u32);

/// Stands for one spelling of one value of one conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Placeholder {
    pub(crate) kind: EntityKind,
    /// Which value of this kind, from 1.
    pub(crate) number: u32,
    /// Which spelling of it, from 1. Only later ones show it.
    pub(crate) alias: u32,
}

impl Placeholder {
    pub(crate) fn subject(self) -> Subject {
        (self.kind, self.number)
    }

    /// Without brackets: `EMAIL_1`.
    pub(crate) fn stem(self) -> String {
        let (kind, number) = (self.kind.name(), self.number);
        match self.alias {
            1 => format!("{kind}_{number}"),
            alias => format!("{kind}_{number}_ALIAS_{alias}"),
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.stem())
    }
}

/// Adds what a text mentions as placeholders do: a kind's name and a number, whatever stands between and around
/// them (`my-email 1`). That is more than what is ever read as a placeholder, so that nobody's words are taken
/// for one, neither by us nor by the model that answers.
pub(crate) fn mentioned(text: &str, subjects: &mut BTreeSet<Subject>) {
    let mut label = String::new();
    let mut number = String::new();
    for c in text.chars().map(fold).chain(['\0']) {
        if c.is_ascii_digit() {
            if number.len() <= MOST_DIGITS {
                number.push(c);
            }
            continue;
        }
        if !number.is_empty() {
            if let Ok(number @ 1..) = number.parse()
                && number < 10_u32.pow(MOST_DIGITS as u32)
            {
                let name = label.trim_end_matches('_');
                let kinds = EntityKind::NAMES.iter();
                let named = kinds.filter(|(_, kind)| name.ends_with(kind));
                subjects.extend(named.map(|(kind, _)| (*kind, number)));
            }
            number.clear();
            label.clear();
        }
        if c.is_alphabetic() {
            label.push(c.to_ascii_uppercase());
        } else if !is_invisible(c) && !label.ends_with('_') {
            label.push('_');
        }
        // No name is as long as half of this.
        if label.len() > 64 {
            label.drain(..label.ceil_char_boundary(32));
        }
    }
}

/// Full-width forms and typographic variants as ASCII.
pub(crate) fn fold(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' | '\u{3000}' => ' ',
        '\u{2010}'..='\u{2014}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' => '\'',
        '【' | '〔' | '⟦' => '[',
        '】' | '〕' | '⟧' => ']',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_spelling_has_the_short_name() {
        let placeholder = |alias| Placeholder {
            kind: EntityKind::Person,
            number: 7,
            alias,
        };
        assert_eq!(placeholder(1).to_string(), "[PERSON_7]");
        assert_eq!(placeholder(12).to_string(), "[PERSON_7_ALIAS_12]");
    }

    #[test]
    fn mentions_are_found_however_they_are_written() {
        for (text, expected) in [
            ("[EMAIL_1]", vec![(EntityKind::Email, 1)]),
            ("myEmail1x", vec![(EntityKind::Email, 1)]),
            (
                "e-mail\\_2, phone: 03, ＣＡＲＤ＿４",
                vec![(EntityKind::Phone, 3), (EntityKind::Card, 4)],
            ),
            ("date of\u{a0}birth – 5", vec![(EntityKind::DateOfBirth, 5)]),
            (
                "PER\u{200b}SON_6_ALIAS_2 [ip address 999999]",
                vec![
                    (EntityKind::Person, 6),
                    (EntityKind::IpAddress, 999_999),
                    (EntityKind::Address, 999_999),
                ],
            ),
            ("EMAIL_0, EMAIL_1000000, EMAIL_, EMAIL_x1, 1", vec![]),
        ] {
            let mut subjects = BTreeSet::new();
            mentioned(text, &mut subjects);
            assert_eq!(subjects, expected.into_iter().collect(), "{text}");
        }
    }
}
