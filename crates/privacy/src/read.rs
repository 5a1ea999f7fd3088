//! Reads placeholders as models write them.
//!
//! | written | |
//! | --- | --- |
//! | `[PERSON_1]` `[person_1]` `[Person 1]` `[PERSON-1]` `[PERSON1]` `[PERSON\_1]` `\[PERSON_1\]` `［ＰＥＲＳＯＮ＿１］` `[PERSON_1's]` | certain: in square brackets, in whatever spelling |
//! | `[ADDRESS_1: Berlin]` `[ADDRESS_1: in Berlin]` | certain, where such a part may be |
//! | `PERSON_1` `PERSON_1's` `<PERSON_1>` `{{PERSON_1}}` `[PERSON_1, PERSON_2]` | certain: without them, as spelled by us |
//! | `Person 1` `person_1` `PERSON_1-3` `PERSON_1_NAME` `$PERSON_1` `row[person_1]` | uncertain: a word and a number, several persons, a variable |

use std::collections::BTreeSet;

use query::EntityKind;

use crate::{
    placeholder::{MOST_DIGITS, Placeholder, fold, mentioned},
    tagger::is_invisible,
};

/// More characters that take no room in one place are not read over: it bounds what a stream must hold back.
const MOST_INVISIBLE: usize = 2;
/// Longer parts after a colon are not read over, in bytes: for the same reason.
const LONGEST_GENERAL: usize = 80;

/// What a text starts with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A placeholder.
    Placeholder(Written),
    /// What may be meant for one, and its length in bytes.
    Uncertain(Placeholder, usize),
    /// All of it may be the first part of a placeholder.
    Partial,
    /// Something else.
    Other,
}

/// A placeholder as it was written. Lengths in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) placeholder: Placeholder,
    pub(crate) length: usize,
    /// An ending inside the brackets, which stays: `'s`.
    pub(crate) ending: (usize, usize),
    /// With a part after a colon.
    pub(crate) general: bool,
    /// The text ends with its last digit: more may have been meant.
    pub(crate) open: bool,
}

/// What may come.
#[derive(Clone, Copy, Default)]
pub(crate) struct Expect {
    /// Placeholders with a part after a colon.
    pub(crate) general: bool,
    /// Nothing after the text; then it is never [`Start::Partial`].
    pub(crate) end: bool,
}

/// Reads a placeholder at the start of `text`, which stands after the character `before`.
pub(crate) fn read(text: &str, before: Option<char>, expect: Expect) -> Start {
    let cursor = Cursor {
        text,
        at: 0,
        expect,
    };
    let start = match text.chars().next() {
        None => Err(Stop::Partial),
        Some(first) if is_invisible(first) => Err(Stop::Other),
        Some(_) => cursor.peek().and_then(|first| match first.character {
            '[' => cursor.in_square_brackets(before),
            '<' | '{' => cursor.in_other_brackets(before),
            'a'..='z' | 'A'..='Z' => cursor.bare(before),
            _ => Err(Stop::Other),
        }),
    };
    start.unwrap_or_else(|stop| match stop {
        Stop::Partial => Start::Partial,
        Stop::Other => Start::Other,
    })
}

/// Why nothing was read.
enum Stop {
    Partial,
    Other,
}

#[derive(Clone, Copy)]
struct Cursor<'t> {
    text: &'t str,
    at: usize,
    expect: Expect,
}

/// A character as ASCII where it can be, and where it ends. NUL after the end of the text.
struct Glyph {
    character: char,
    /// Behind a backslash, as Markdown has it.
    escaped: bool,
    end: usize,
}

impl Cursor<'_> {
    fn in_square_brackets(mut self, before: Option<char>) -> Result<Start, Stop> {
        let opening = self.next()?;
        self.skip_space()?;
        let (placeholder, _) = self.placeholder()?;
        let ending = self.ending()?;
        self.skip_space()?;
        let general = self.general(']')?;
        let closing = self.next()?;
        if closing.character != ']' || closing.escaped != opening.escaped {
            return Err(Stop::Other);
        }
        // `row[date_1]` is an index; exactly our own spelling is ours wherever it stands.
        let index = before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let ours = match general {
            true => self.text.starts_with(&format!("[{}: ", placeholder.stem())),
            false => self.text[..self.at] == *placeholder.to_string(),
        };
        if index && !ours {
            return Ok(Start::Uncertain(placeholder, self.at));
        }
        Ok(self.written(placeholder, ending, general))
    }

    fn in_other_brackets(mut self, before: Option<char>) -> Result<Start, Stop> {
        let opening = self.next()?.character;
        let closing = if opening == '<' { '>' } else { '}' };
        let doubled = self.peek()?.character == opening;
        if doubled {
            self.next()?;
        }
        self.skip_space()?;
        let (placeholder, exact) = self.placeholder()?;
        self.skip_space()?;
        let general = self.general(closing)?;
        for _ in 0..=u8::from(doubled) {
            if self.next()?.character != closing {
                return Err(Stop::Other);
            }
        }
        if !exact {
            return Err(Stop::Other);
        }
        // `${EMAIL_1}` is a variable.
        if before == Some('$') {
            return Ok(Start::Uncertain(placeholder, self.at));
        }
        Ok(self.written(placeholder, (0, 0), general))
    }

    fn bare(mut self, before: Option<char>) -> Result<Start, Stop> {
        if before.is_some_and(char::is_alphanumeric) {
            return Err(Stop::Other);
        }
        let (placeholder, exact) = self.placeholder()?;
        let after = self.peek()?;
        let part_of_a_name = match after.character {
            '_' | '=' => true,
            // A range.
            '-' => {
                let mut ahead = self;
                ahead.next()?;
                ahead.peek()?.character.is_ascii_digit()
            }
            c => c.is_uppercase(),
        } || matches!(before, Some('_' | '$' | '%' | '&' | '.' | '\\'));
        if !exact || part_of_a_name {
            return Ok(Start::Uncertain(placeholder, self.at));
        }
        Ok(Start::Placeholder(Written {
            placeholder,
            length: self.at,
            ending: (0, 0),
            general: false,
            open: after.end == self.at,
        }))
    }

    /// In brackets.
    fn written(&self, placeholder: Placeholder, ending: (usize, usize), general: bool) -> Start {
        Start::Placeholder(Written {
            placeholder,
            length: self.at,
            ending,
            general,
            open: false,
        })
    }

    /// `: Berlin`, in whatever words, on the same line and without another placeholder.
    fn general(&mut self, closing: char) -> Result<bool, Stop> {
        if !self.expect.general || self.peek()?.character != ':' {
            return Ok(false);
        }
        self.next()?;
        let start = self.at;
        loop {
            let glyph = self.peek()?;
            match glyph.character {
                c if c == closing => break,
                '[' | ']' | '<' | '>' | '{' | '}' | '\n' | '\0' => return Err(Stop::Other),
                _ if glyph.end - start > LONGEST_GENERAL => return Err(Stop::Other),
                _ => self.at = glyph.end,
            }
        }
        let mut others = BTreeSet::new();
        mentioned(&self.text[start..self.at], &mut others);
        if others.is_empty() {
            Ok(true)
        } else {
            Err(Stop::Other)
        }
    }

    /// What stands between the brackets, and whether it is spelled as we do.
    fn placeholder(&mut self) -> Result<(Placeholder, bool), Stop> {
        let mut label = String::new();
        let mut exact = true;
        while !self.peek()?.character.is_ascii_digit() {
            match self.next()?.character {
                c @ 'A'..='Z' => label.push(c),
                c @ 'a'..='z' => {
                    label.push(c.to_ascii_uppercase());
                    exact = false;
                }
                c @ ('_' | '-' | ' ') if !label.is_empty() && !label.ends_with('_') => {
                    label.push('_');
                    exact &= c == '_';
                }
                _ => return Err(Stop::Other),
            }
            let so_far = label.trim_end_matches('_');
            let mut names = EntityKind::NAMES.iter();
            if !names.any(|(_, name)| name.starts_with(so_far)) {
                return Err(Stop::Other);
            }
        }
        let kind = EntityKind::named(label.trim_end_matches('_')).ok_or(Stop::Other)?;
        exact &= label.ends_with('_');
        let number = self.number()?;
        let mut placeholder = Placeholder {
            kind,
            number,
            alias: 1,
        };
        let mut ahead = *self;
        match ahead.alias() {
            Ok((alias, as_we_do)) => {
                *self = ahead;
                placeholder.alias = alias;
                exact &= as_we_do;
            }
            Err(Stop::Other) => {}
            Err(Stop::Partial) => return Err(Stop::Partial),
        }
        Ok((placeholder, exact))
    }

    /// From 1, without leading zeros.
    fn number(&mut self) -> Result<u32, Stop> {
        let mut number = 0;
        for _ in 0..=MOST_DIGITS {
            let Some(digit) = self.peek()?.character.to_digit(10) else {
                return if number > 0 {
                    Ok(number)
                } else {
                    Err(Stop::Other)
                };
            };
            if number == 0 && digit == 0 {
                return Err(Stop::Other);
            }
            number = number * 10 + digit;
            self.next()?;
        }
        Err(Stop::Other)
    }

    /// `_ALIAS_2`
    fn alias(&mut self) -> Result<(u32, bool), Stop> {
        let mut exact = true;
        for expected in "_ALIAS_".chars() {
            let found = self.peek()?.character;
            exact &= found == expected;
            let same = match expected {
                '_' => matches!(found, '_' | '-' | ' '),
                letter => found.eq_ignore_ascii_case(&letter),
            };
            if !same {
                return Err(Stop::Other);
            }
            self.next()?;
        }
        match self.number()? {
            // The first spelling has no such name.
            1 => Err(Stop::Other),
            alias => Ok((alias, exact)),
        }
    }

    /// A possessive.
    fn ending(&mut self) -> Result<(usize, usize), Stop> {
        let start = self.at;
        let mut ahead = *self;
        if ahead.peek()?.character == '\'' {
            ahead.next()?;
        }
        if ahead.peek()?.character == 's' {
            ahead.next()?;
            *self = ahead;
        }
        Ok((start, self.at))
    }

    fn skip_space(&mut self) -> Result<(), Stop> {
        let glyph = self.peek()?;
        if glyph.character == ' ' {
            self.at = glyph.end;
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Glyph, Stop> {
        let glyph = self.peek()?;
        self.at = glyph.end;
        Ok(glyph)
    }

    fn peek(&self) -> Result<Glyph, Stop> {
        let mut rest = self.text[self.at..].char_indices();
        for _ in 0..=MOST_INVISIBLE {
            let Some((at, raw)) = rest.next() else {
                break;
            };
            let glyph = |character: char, escaped, width: usize| Glyph {
                character: fold(character),
                escaped,
                end: self.at + at + width,
            };
            if is_invisible(raw) {
                continue;
            }
            if raw == '\\' {
                match rest.next() {
                    None if !self.expect.end => return Err(Stop::Partial),
                    Some((_, next)) if matches!(fold(next), '_' | '-' | '[' | ']') => {
                        return Ok(glyph(next, true, 1 + next.len_utf8()));
                    }
                    _ => {}
                }
            }
            return Ok(glyph(raw, false, raw.len_utf8()));
        }
        match rest.next() {
            Some(_) => Err(Stop::Other),
            None if self.expect.end => Ok(Glyph {
                character: '\0',
                escaped: false,
                end: self.at,
            }),
            None => Err(Stop::Partial),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, before: Option<char>, end: bool) -> Start {
        let general = true;
        super::read(text, before, Expect { general, end })
    }

    /// The placeholder that is read for certain, and what of the text is not part of it.
    fn certain(text: &str, before: Option<char>) -> Option<(String, &str)> {
        match read(text, before, true) {
            Start::Placeholder(Written {
                placeholder,
                length,
                ending: (start, end),
                ..
            }) => Some((
                format!("{placeholder}{}", &text[start..end]),
                &text[length..],
            )),
            _ => None,
        }
    }

    #[test]
    fn reads_what_models_write() {
        for (text, placeholder, rest) in [
            ("[EMAIL_1]", "[EMAIL_1]", ""),
            ("[EMAIL_1] and more", "[EMAIL_1]", " and more"),
            ("[PERSON_1]'s", "[PERSON_1]", "'s"),
            ("[PERSON_1]s", "[PERSON_1]", "s"),
            ("[PERSON_1's]", "[PERSON_1]'s", ""),
            ("[PERSON_1’s]", "[PERSON_1]’s", ""),
            ("[PERSON_1s]", "[PERSON_1]s", ""),
            ("[email_12]", "[EMAIL_12]", ""),
            ("[Email\\_1]", "[EMAIL_1]", ""),
            ("\\[EMAIL\\_1\\]", "[EMAIL_1]", ""),
            ("[IP_ADDRESS_3]", "[IP_ADDRESS_3]", ""),
            ("[Ip Address 3]", "[IP_ADDRESS_3]", ""),
            ("[Person 1]", "[PERSON_1]", ""),
            ("[ PERSON_1 ]", "[PERSON_1]", ""),
            ("[PERSON\u{a0}1]", "[PERSON_1]", ""),
            ("[PERSON-1]", "[PERSON_1]", ""),
            ("[PERSON\u{2011}1]", "[PERSON_1]", ""),
            ("[PERSON1]", "[PERSON_1]", ""),
            ("[PER\u{ad}SON_1]", "[PERSON_1]", ""),
            ("［ＰＥＲＳＯＮ＿１］", "[PERSON_1]", ""),
            ("【PERSON_1】は", "[PERSON_1]", "は"),
            ("[DATE_1]", "[DATE_1]", ""),
            ("[DATE_OF_BIRTH_1]", "[DATE_OF_BIRTH_1]", ""),
            ("[PERSON_1_ALIAS_2]", "[PERSON_1_ALIAS_2]", ""),
            ("[person 1 alias 2]", "[PERSON_1_ALIAS_2]", ""),
            ("PERSON_1", "[PERSON_1]", ""),
            ("PERSON\\_1.", "[PERSON_1]", "."),
            ("PERSON_1's", "[PERSON_1]", "'s"),
            ("PERSON_1s", "[PERSON_1]", "s"),
            ("PERSON_1 alias", "[PERSON_1]", " alias"),
            ("PERSON_1_ALIAS_2]", "[PERSON_1_ALIAS_2]", "]"),
            ("PERSON_1, PERSON_2]", "[PERSON_1]", ", PERSON_2]"),
            ("PERSON_1-related", "[PERSON_1]", "-related"),
            ("<PERSON_1>", "[PERSON_1]", ""),
            ("{PERSON_1}", "[PERSON_1]", ""),
            ("{{ PERSON_1 }}!", "[PERSON_1]", "!"),
            ("[ADDRESS_1: Berlin]", "[ADDRESS_1]", ""),
            ("[address 1: in Berlin, Germany]", "[ADDRESS_1]", ""),
            ("【ADDRESS_1：Berlin】", "[ADDRESS_1]", ""),
            ("[ADDRESS_1 :]", "[ADDRESS_1]", ""),
            ("[DATE_1_ALIAS_2: May 2024]", "[DATE_1_ALIAS_2]", ""),
            ("{{ADDRESS_1: Berlin}}", "[ADDRESS_1]", ""),
            ("ADDRESS_1: Berlin", "[ADDRESS_1]", ": Berlin"),
        ] {
            assert_eq!(
                certain(text, None),
                Some((placeholder.to_owned(), rest)),
                "{text}"
            );
        }
        assert!(certain("[EMAIL_1]", Some('x')).is_some());
        assert!(certain("[ADDRESS_1: Berlin]", Some('x')).is_some());
        let plain = Expect {
            general: false,
            end: true,
        };
        assert_eq!(
            super::read("[ADDRESS_1: Berlin]", None, plain),
            Start::Other
        );
    }

    #[test]
    fn says_what_it_cannot_tell() {
        for (text, before, length) in [
            ("Person 1", None, 8),
            ("person_1", None, 8),
            ("PERSON-1", None, 8),
            ("PERSON1 ", None, 7),
            ("PERSON_1-3", None, 8),
            ("PERSON_1_NAME", None, 8),
            ("PERSON_1_ALIAS", None, 8),
            ("PERSON_1X", None, 8),
            ("PERSON_1 alias 2", None, 16),
            ("PERSON_1=", None, 8),
            ("PERSON_1", Some('$'), 8),
            ("PERSON_1", Some('_'), 8),
            ("PERSON_1", Some('.'), 8),
            ("{PERSON_1}", Some('$'), 10),
            ("[person_1]", Some('w'), 10),
        ] {
            match read(text, before, true) {
                Start::Uncertain(placeholder, found) => {
                    assert_eq!((placeholder.number, found), (1, length), "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn leaves_the_rest_alone() {
        for text in [
            "",
            "[EMAIL_9999999]",
            "[EMAIL_0]",
            "[EMAIL_01]",
            "[EMAIL]",
            "[EMAIL__1]",
            "[EMAIL\\1]",
            "[EMAILS_1]",
            "[[EMAIL_1]",
            "[EMAIL_1a]",
            "[EMAIL_1, EMAIL_2]",
            "[EMAIL_1_ALIAS_1]",
            "[EMAIL_1\\]",
            "\\[EMAIL_1]",
            "[x]",
            "<EMAIL_1",
            "<email_1>",
            "<[EMAIL_1]>",
            "{EMAIL_1>",
            "\u{200b}[EMAIL_1]",
            "[PER\u{ad}\u{ad}\u{ad}SON_1]",
            "MAIL_1",
            "Emails 1",
            "[ADDRESS_1: Berlin, PERSON_2]",
            "[DATE_1: May, date 2]",
            "[DATE_1: May\n]",
            "[DATE_1: [x]]",
        ] {
            for ends in [false, true] {
                let start = read(text, None, ends);
                let open = !ends && matches!(text, "" | "<EMAIL_1");
                let expected = if open || text.is_empty() {
                    Start::Partial
                } else {
                    Start::Other
                };
                assert_eq!(start, expected, "{text}");
            }
        }
        assert_eq!(read("EMAIL_1", Some('Y'), true), Start::Other);
    }

    #[test]
    fn every_prefix_of_a_placeholder_may_become_one() {
        for (kind, _) in EntityKind::NAMES {
            for alias in [1, 23] {
                let placeholder = Placeholder {
                    kind,
                    number: 120,
                    alias,
                };
                let text = placeholder.to_string();
                for end in 0..text.len() {
                    assert_eq!(read(&text[..end], None, false), Start::Partial, "{text}");
                }
                assert_eq!(
                    certain(&text, None),
                    Some((text.clone(), "")),
                    "{placeholder}"
                );
                let bare = placeholder.stem();
                for end in 0..=bare.len() {
                    assert_eq!(read(&bare[..end], None, false), Start::Partial, "{bare}");
                }
            }
        }
    }

    #[test]
    fn what_must_be_held_back_is_bounded() {
        // The longest of everything that may be read over.
        let invisible = "\u{feff}\u{feff}";
        let longest: String =
            "［ＣＲＹＰＴＯ＿ＡＤＤＲＥＳＳ＿９９９９９９＿ＡＬＩＡＳ＿９９９９９９"
                .chars()
                .flat_map(|c| [c.to_string(), invisible.to_owned()])
                .collect();
        assert_eq!(read(&longest, None, false), Start::Partial);
        let longer = format!("{longest}＿");
        assert!(longer.len() < 400);
        assert_eq!(read(&longer, None, false), Start::Other);
        let mut general = "[DATE_1:".to_owned() + &"x".repeat(LONGEST_GENERAL);
        assert_eq!(read(&general, None, false), Start::Partial);
        general.push('x');
        assert_eq!(read(&general, None, false), Start::Other);
    }
}
