//! Reads surrogates in an answer.
//!
//! What left is put back where it stands as a whole. A word of it alone ("Ingrid", "Ms Solberg") stands for the same
//! word of the value, unless its neighbours make another name of it: "Ingrid Bergman", "Erik Solberg", "Solberg-Hansen"
//! and "solberg" stay.

use std::{collections::BTreeMap, ops::Bound};

use zeroize::Zeroizing;

use super::{
    Read,
    surrogate::{Part, Role},
};
use crate::{
    name,
    placeholder::{Placeholder, Subject},
};

/// Words that may stand before a family's name and are no names, as they are at the beginning of a sentence.
const BEFORE: &str = "a after and are as at because before but by can could dear did do does for from had has have \
    hello hi how i if in is it no not of on or our should since so that the their then this to was we were what \
    when where while who why with would yes you your";
/// Longer words are not told apart: it bounds what a stream must hold back, in bytes.
const LONGEST_WORD: usize = 24;

/// What left in the place of values as other values.
#[derive(Default)]
pub(crate) struct StandIns {
    texts: BTreeMap<String, StandIn>,
    /// By words in lower case; none begins another.
    words: BTreeMap<String, Word>,
}

struct StandIn {
    of: Placeholder,
    value: Zeroizing<String>,
    /// It is one word.
    is_word: bool,
    role: Role,
    /// It begins with a family's name or an initial: "Solberg, Ingrid", "I. Solberg".
    begins_late: bool,
    /// It ends with a given name: "Solberg, Ingrid".
    ends_early: bool,
}

struct Word {
    of: Placeholder,
    part: Part,
}

/// The word before, and what is between.
#[derive(Default)]
pub(crate) struct Previous {
    word: Zeroizing<String>,
    gap: Gap,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Gap {
    /// Anything else: what follows is not of one phrase with it.
    #[default]
    Apart,
    /// Nothing: the word may go on.
    Inside,
    /// A full stop.
    Dot,
    /// One blank.
    Blank,
    /// A full stop and a blank.
    DotBlank,
}

impl Previous {
    /// Text that the answer brought.
    pub(crate) fn push(&mut self, raw: &str) {
        for c in raw.chars() {
            self.gap = match (self.gap, c) {
                (gap, c) if c.is_alphanumeric() => {
                    if gap != Gap::Inside {
                        self.word.clear();
                    }
                    if self.word.len() < LONGEST_WORD {
                        self.word.push(c);
                    }
                    Gap::Inside
                }
                (Gap::Inside, '.') => Gap::Dot,
                (Gap::Inside, ' ' | '\u{a0}') => Gap::Blank,
                (Gap::Dot, ' ' | '\u{a0}') => Gap::DotBlank,
                _ => Gap::Apart,
            };
        }
    }
}

impl StandIns {
    /// From what left: for whom, which value, as what text, and the words of it.
    pub(super) fn new<'v>(
        left: impl Iterator<Item = (Placeholder, &'v str, &'v str, &'v [Part])>,
    ) -> Self {
        let mut stand_ins = Self::default();
        for (of, value, text, parts) in left {
            let role = parts.first().map_or(Role::Fragment, |part| part.role);
            let has = |word: &str, role| {
                let mut parts = parts.iter().filter(|part| part.role == role);
                parts.any(|part| part.word.eq_ignore_ascii_case(word))
            };
            let mut words = text.split(|c: char| !c.is_alphanumeric());
            let (first, last) = (words.next().unwrap_or_default(), words.next_back());
            let stand_in = StandIn {
                of,
                value: Zeroizing::new(value.to_owned()),
                is_word: text.bytes().all(|byte| byte.is_ascii_alphabetic()),
                role,
                begins_late: first.len() == 1 || has(first, Role::Family),
                ends_early: last.is_some_and(|last| has(last, Role::Given)),
            };
            stand_ins.texts.insert(text.to_owned(), stand_in);
            for part in parts {
                let words = &mut stand_ins.words;
                let word = words.entry(part.word.to_lowercase());
                let word = word.or_insert_with(|| Word {
                    of,
                    part: part.clone(),
                });
                // "Rachel" rather than "rachel".
                if part.value.contains(char::is_uppercase)
                    && !word.part.value.contains(char::is_uppercase)
                {
                    word.part.value = part.value.clone();
                }
            }
        }
        stand_ins
    }

    /// Reads one at the start of `text`, which stands after the character `before`. `ends` says that nothing comes
    /// after the text; then it is never [`Read::Partial`].
    pub(crate) fn read(
        &self,
        text: &str,
        before: Option<char>,
        previous: &Previous,
        ends: bool,
    ) -> Read {
        if self.texts.is_empty() || before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            return Read::Other;
        }
        let at = Place {
            text,
            joined: before.is_some_and(|c| "-@#$%&\\/.+".contains(c)),
            previous,
            ends,
        };
        self.whole(&at)
            .and_then(|read| match read {
                Some(read) => Ok(read),
                None => self.word(&at),
            })
            .unwrap_or(Read::Partial)
    }

    /// All of what left; of two that begin alike the longer.
    fn whole(&self, at: &Place<'_>) -> Result<Option<Read>, Partial> {
        let Some(first) = at.text.get(..1) else {
            return Ok(None);
        };
        let from = (Bound::Included(first), Bound::Unbounded);
        let alike = self.texts.range::<str, _>(from);
        let alike = alike.take_while(|(text, _)| text.starts_with(first));
        let mut longest = None;
        for (text, stand_in) in alike {
            if at.text.starts_with(text.as_str()) && at.stands_alone(text.len())? {
                longest = Some((text.len(), stand_in));
            } else if !at.ends && text.starts_with(at.text) {
                return Err(Partial);
            }
        }
        let Some((length, stand_in)) = longest else {
            return Ok(None);
        };
        let subject = stand_in.of.subject();
        let joined = at.joined && stand_in.role != Role::Fragment;
        let joined_to_a_name = !stand_in.is_word
            && (joined
                || (stand_in.begins_late && self.has_other_name_before(at.previous, subject))
                || (stand_in.ends_early
                    && self.makes_another(at, length, subject, Role::Given)?));
        if joined_to_a_name {
            // "Erik Solberg, Ingrid": not all of it is of one name. Each word is looked at by itself.
            return Ok(None);
        }
        let another = stand_in.is_word && self.makes_another(at, length, subject, stand_in.role)?;
        Ok(Some(if at.joined || another {
            Read::Uncertain(length)
        } else {
            Read::Value {
                value: stand_in.value.clone(),
                of: Some(stand_in.of),
                length,
            }
        }))
    }

    /// A word of it.
    fn word(&self, at: &Place<'_>) -> Result<Read, Partial> {
        let raw = at.word_at(0);
        let lower = raw.to_lowercase();
        let mut after = self
            .words
            .range::<str, _>((Bound::Included(&*lower), Bound::Unbounded));
        let goes_on = raw.len() == at.text.len() && !at.ends;
        if goes_on
            && !raw.is_empty()
            && after
                .next()
                .is_some_and(|(word, _)| word.starts_with(&lower))
        {
            return Err(Partial);
        }
        let mut until = self
            .words
            .range::<str, _>((Bound::Unbounded, Bound::Included(&*lower)));
        let Some((key, word)) = until
            .next_back()
            .filter(|(word, _)| lower.starts_with(*word))
        else {
            return Ok(Read::Other);
        };
        let length = key.len();
        let written = &raw[..length];
        if goes_on && raw.len() <= length + 1 {
            return Err(Partial);
        }
        let part = &word.part;
        let upper = written.bytes().all(|byte| byte.is_ascii_uppercase());
        let certain = part.role != Role::Fragment
            && !at.joined
            && (upper || written == part.word)
            && at.stands_alone(length)?
            && !self.makes_another(at, length, word.of.subject(), part.role)?;
        if !certain {
            return Ok(Read::Uncertain(raw.len()));
        }
        let mut value = part.value.clone();
        if upper {
            value = Zeroizing::new(value.to_uppercase());
        } else if !value.contains(char::is_uppercase) && part.role != Role::Whole {
            value = capitalized(&value);
        }
        Ok(Read::Value {
            value,
            of: Some(word.of),
            length,
        })
    }

    /// Whether what stands beside a word makes it another's name.
    fn makes_another(
        &self,
        at: &Place<'_>,
        length: usize,
        subject: Subject,
        role: Role,
    ) -> Result<bool, Partial> {
        if role == Role::Family && self.has_other_name_before(at.previous, subject) {
            return Ok(true);
        }
        let rest = &at.text[length..];
        let mut letters = rest.chars();
        let blank = match letters.next() {
            Some(c @ (' ' | '\u{a0}')) => c.len_utf8(),
            None if !at.ends => return Err(Partial),
            _ => return Ok(false),
        };
        match letters.next() {
            None if !at.ends => return Err(Partial),
            Some(c) if c.is_uppercase() => {}
            _ => return Ok(false),
        }
        let next = at.word_at(length + blank);
        let goes_on = length + blank + next.len() == at.text.len() && !at.ends;
        if goes_on && next.len() < LONGEST_WORD {
            return Err(Partial);
        }
        let next = next.to_lowercase();
        let own = |word: &str| {
            self.words.get(word).is_some_and(|word| {
                word.of.subject() == subject
                    && word.part.role == Role::Family
                    && role == Role::Given
            })
        };
        let is_own = own(&next) || next.strip_suffix('s').is_some_and(own);
        Ok(next != "i" && !is_own)
    }

    /// "Erik Solberg", but "Ms Solberg", "Ingrid Solberg" and "When Solberg".
    fn has_other_name_before(&self, previous: &Previous, subject: Subject) -> bool {
        let word = previous.word.to_lowercase();
        let is_initial = word.chars().count() == 1 && previous.word.starts_with(char::is_uppercase);
        match previous.gap {
            Gap::Blank if word == "i" => false,
            Gap::Blank => {
                let own = self.words.get(&*word).is_some_and(|word| {
                    word.of.subject() == subject && word.part.role == Role::Given
                });
                previous.word.starts_with(char::is_uppercase)
                    && !own
                    && !name::is_title(&word)
                    && !BEFORE.split(' ').any(|known| known == word)
            }
            Gap::DotBlank => is_initial,
            _ => false,
        }
    }
}

/// More must come.
struct Partial;

/// Where something is read.
struct Place<'t> {
    text: &'t str,
    /// A sign before it makes a longer word of it.
    joined: bool,
    previous: &'t Previous,
    ends: bool,
}

impl Place<'_> {
    /// Whether what has this length is no part of a longer word; an `s` may follow.
    fn stands_alone(&self, length: usize) -> Result<bool, Partial> {
        let mut rest = self.text[length..].chars();
        let mut next = || match rest.next() {
            None if !self.ends => Err(Partial),
            next => Ok(next),
        };
        let mut first = next()?;
        if matches!(first, Some('s' | 'S')) {
            first = next()?;
        }
        Ok(match first {
            Some('_' | '@' | '=' | '\\') => false,
            Some(c) if c.is_alphanumeric() => false,
            Some('-' | '.' | '/' | ':') => !next()?.is_some_and(char::is_alphanumeric),
            _ => true,
        })
    }

    /// The ASCII letters from here, not more than a few.
    fn word_at(&self, start: usize) -> &str {
        let rest = &self.text[start..];
        let letters = rest.bytes().take(LONGEST_WORD);
        let length = letters.take_while(u8::is_ascii_alphabetic).count();
        &rest[..length]
    }
}

fn capitalized(text: &str) -> Zeroizing<String> {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    Zeroizing::new(first.chain(letters).collect())
}
