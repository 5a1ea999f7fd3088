//! The placeholder's form: `[EMAIL_1]`.

use std::fmt;

use query::EntityKind;

/// More digits than this are no placeholder: it bounds what a stream must hold back.
const MOST_DIGITS: usize = 6;

/// Stands for one value of one conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Placeholder {
    pub(crate) kind: EntityKind,
    /// From 1.
    pub(crate) number: u32,
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}_{}]", self.kind.name(), self.number)
    }
}

/// What a text starts with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A placeholder of this many bytes.
    Placeholder(Placeholder, usize),
    /// All of it may be the first part of a placeholder.
    Partial,
    /// Something else.
    Other,
}

/// Reads a placeholder at the start of `text`, as models write it: in any case, and with the underscore
/// escaped as Markdown does (`[email\_1]`).
pub(crate) fn read(text: &str) -> Start {
    let mut bytes = text.bytes().enumerate().peekable();
    match bytes.next() {
        None => return Start::Partial,
        Some((_, b'[')) => {}
        Some(_) => return Start::Other,
    }
    let mut label = String::new();
    let mut digits = 0;
    let mut number = 0;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if digits == 0 => match bytes.peek() {
                None | Some((_, b'_')) => {}
                Some(_) => return Start::Other,
            },
            b'_' | b'a'..=b'z' | b'A'..=b'Z' if digits == 0 => {
                label.push(byte.to_ascii_uppercase() as char);
                let possible = EntityKind::NAMES
                    .iter()
                    .any(|(_, name)| name.starts_with(label.trim_end_matches('_')));
                if !possible || label.ends_with("__") {
                    return Start::Other;
                }
            }
            b'0'..=b'9' => {
                digits += 1;
                number = number * 10 + u32::from(byte - b'0');
                if kind_of(&label).is_none() || number == 0 || digits > MOST_DIGITS {
                    return Start::Other;
                }
            }
            b']' if digits > 0 => {
                return match kind_of(&label) {
                    Some(kind) => Start::Placeholder(Placeholder { kind, number }, at + 1),
                    None => Start::Other,
                };
            }
            _ => return Start::Other,
        }
    }
    Start::Partial
}

/// All placeholders in a text.
pub(crate) fn all(text: &str) -> impl Iterator<Item = Placeholder> {
    text.match_indices('[')
        .filter_map(|(at, _)| match read(&text[at..]) {
            Start::Placeholder(placeholder, _) => Some(placeholder),
            Start::Partial | Start::Other => None,
        })
}

/// `label` is `EMAIL_`.
fn kind_of(label: &str) -> Option<EntityKind> {
    let label = label.strip_suffix('_')?;
    EntityKind::NAMES
        .iter()
        .find(|(_, name)| *name == label)
        .map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_models_write() {
        let email = |number, length| {
            Start::Placeholder(
                Placeholder {
                    kind: EntityKind::Email,
                    number,
                },
                length,
            )
        };
        for (text, expected) in [
            ("[EMAIL_1]", email(1, 9)),
            ("[EMAIL_1] and more", email(1, 9)),
            ("[email_12]", email(12, 10)),
            ("[Email\\_1]", email(1, 10)),
            (
                "[IP_ADDRESS_3]",
                Start::Placeholder(
                    Placeholder {
                        kind: EntityKind::IpAddress,
                        number: 3,
                    },
                    14,
                ),
            ),
            ("", Start::Partial),
            ("[", Start::Partial),
            ("[E", Start::Partial),
            ("[email\\", Start::Partial),
            ("[EMAIL_", Start::Partial),
            ("[EMAIL_1", Start::Partial),
            ("[EMAIL_999999", Start::Partial),
            ("[EMAIL_9999999", Start::Other),
            ("[EMAIL_0]", Start::Other),
            ("[EMAIL_01]", Start::Other),
            ("[EMAIL]", Start::Other),
            ("[EMAIL1]", Start::Other),
            ("[EMAIL__1]", Start::Other),
            ("[EMAIL\\1]", Start::Other),
            ("[EMAILS_1]", Start::Other),
            ("[[EMAIL_1]", Start::Other),
            ("[EMAIL_1a]", Start::Other),
            ("[x]", Start::Other),
            ("EMAIL_1", Start::Other),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn every_prefix_of_a_placeholder_may_become_one() {
        for (kind, _) in EntityKind::NAMES {
            let text = Placeholder { kind, number: 120 }.to_string();
            for end in 0..text.len() {
                assert_eq!(read(&text[..end]), Start::Partial, "{}", &text[..end]);
            }
            assert_eq!(
                read(&text),
                Start::Placeholder(Placeholder { kind, number: 120 }, text.len())
            );
        }
    }
}
