//! Puts the values back into a reply, piece by piece as it comes.

use std::{collections::BTreeMap, fmt};

use query::ReplaceWith;
use zeroize::Zeroizing;

use crate::{
    link::LinkContext,
    placeholder::Placeholder,
    read::{Expect, Start, Written, read},
    replace::{Leaving, Left, Moved, Previous, Read, StandIns},
};

/// Puts values back in place of placeholders, and of what else left for them. Pieces may be split anywhere; only what
/// may be the beginning of one (some 30 characters; 80 more where placeholders say more than a number) is held back
/// until the next piece tells.
///
/// A placeholder stands for one spelling, and that very spelling is put back, or nothing: what cannot be read for
/// certain stays as it came and is counted. In an address (a URL, a link's target, an HTML attribute) it stays,
/// too: an answer that an attacker has a say in must not carry values to where an address leads.
pub struct Restorer {
    values: BTreeMap<Placeholder, Value>,
    moved: Moved,
    stand_ins: StandIns,
    /// Some of the placeholders say more than a number.
    general: bool,
    held: Zeroizing<String>,
    /// The last character before what is held.
    before: Option<char>,
    /// The last word before it.
    previous: Previous,
    context: LinkContext,
    restored: Restored,
}

struct Value {
    spelling: Zeroizing<String>,
    left: Leaving,
    came_back: bool,
}

impl Value {
    fn left_as_placeholder(&self) -> bool {
        matches!(
            self.left.way,
            ReplaceWith::Placeholder | ReplaceWith::Generalise
        )
    }
}

/// What became of the placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// How many were turned back into values, repetitions counted.
    pub count: u32,
    /// How many looked like placeholders but never left; they stay as they came.
    pub invented: u32,
    /// How many may have been meant for one that left (`Person 1`, `PERSON_1-3`); they stay as they came.
    pub uncertain: u32,
    /// How many stood in an address, which could have carried the value away; they stay as they came.
    pub withheld: u32,
    /// Those that left and did not come back.
    pub dropped: Vec<String>,
}

impl Restorer {
    /// From what left: for whom, which value, and as what.
    pub(crate) fn new<'v>(
        values: impl Iterator<Item = (Placeholder, &'v str, &'v Leaving)> + Clone,
        left: &Left,
    ) -> Self {
        let spellings = values
            .clone()
            .map(|(placeholder, spelling, _)| (placeholder, spelling));
        let moved = left.moved(spellings.clone());
        let stand_ins = left.stand_ins(spellings);
        let values: BTreeMap<Placeholder, Value> = values
            .map(|(placeholder, spelling, left)| {
                let value = Value {
                    spelling: Zeroizing::new(spelling.to_owned()),
                    left: left.clone(),
                    came_back: false,
                };
                (placeholder, value)
            })
            .collect();
        Self {
            general: values
                .values()
                .any(|value| value.left.way == ReplaceWith::Generalise),
            values,
            moved,
            stand_ins,
            held: Zeroizing::default(),
            before: None,
            previous: Previous::default(),
            context: LinkContext::default(),
            restored: Restored::default(),
        }
    }

    /// Takes the next piece; returns what is certain by now.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        self.advance(false)
    }

    /// Ends the reply; returns what was held back, and what became of the placeholders.
    pub fn finish(mut self) -> (String, Restored) {
        let rest = self.advance(true);
        let dropped = self.values.into_values().filter(|value| !value.came_back);
        self.restored.dropped = dropped.map(|value| value.left.text).collect();
        (rest, self.restored)
    }

    fn advance(&mut self, ends: bool) -> String {
        let held = std::mem::take(&mut self.held);
        let mut text = String::new();
        let mut rest = held.as_str();
        while let Some(first) = rest.chars().next() {
            let expect = Expect {
                general: self.general,
                end: ends,
            };
            let length = match read(rest, self.before, expect) {
                Start::Partial => 0,
                Start::Placeholder(written) if written.general && !self.is_general(&written) => {
                    self.keep(&rest[..first.len_utf8()], &mut text);
                    first.len_utf8()
                }
                Start::Placeholder(written) => {
                    self.restore(&written, &rest[..written.length], &mut text);
                    written.length
                }
                Start::Uncertain(placeholder, length) => {
                    let ours = self.value(placeholder).is_some();
                    self.restored.uncertain += u32::from(ours);
                    self.keep(&rest[..length], &mut text);
                    length
                }
                Start::Other => match self.other(rest, ends) {
                    Read::Partial => 0,
                    Read::Value { value, of, length } => {
                        self.came_back(of);
                        self.put_back(&value, &rest[..length], &mut text);
                        length
                    }
                    Read::Uncertain(length) => {
                        self.restored.uncertain += 1;
                        self.keep(&rest[..length], &mut text);
                        length
                    }
                    Read::Other => {
                        self.keep(&rest[..first.len_utf8()], &mut text);
                        first.len_utf8()
                    }
                },
            };
            if length == 0 {
                self.held.push_str(rest);
                break;
            }
            self.before = rest[..length].chars().next_back();
            self.previous.push(&rest[..length]);
            rest = &rest[length..];
        }
        text
    }

    /// What is no placeholder.
    fn other(&self, text: &str, ends: bool) -> Read {
        match self.moved.read(text, self.before, ends) {
            Read::Other => self.stand_ins.read(text, self.before, &self.previous, ends),
            read => read,
        }
    }

    fn restore(&mut self, written: &Written, raw: &str, text: &mut String) {
        let may_be_cut = written.open && self.is_beginning(written.placeholder);
        let Some(value) = self.value(written.placeholder) else {
            self.restored.invented += 1;
            return self.keep(raw, text);
        };
        if may_be_cut {
            self.restored.uncertain += 1;
            return self.keep(raw, text);
        }
        let spelling = value.spelling.clone();
        self.came_back(Some(written.placeholder));
        if self.put_back(&spelling, raw, text) {
            let (start, end) = written.ending;
            self.keep(&raw[start..end], text);
        }
    }

    /// A value, in the place of what is written, unless an address would carry it away.
    fn put_back(&mut self, value: &str, raw: &str, text: &mut String) -> bool {
        if self.context.carries() {
            self.restored.withheld += 1;
            self.keep(raw, text);
            return false;
        }
        self.restored.count += 1;
        text.push_str(value);
        self.context.push_value(value);
        true
    }

    fn came_back(&mut self, placeholder: Option<Placeholder>) {
        let value = placeholder.and_then(|placeholder| self.values.get_mut(&placeholder));
        if let Some(value) = value {
            value.came_back = true;
        }
    }

    /// The value of a placeholder that left.
    fn value(&self, placeholder: Placeholder) -> Option<&Value> {
        let value = self.values.get(&placeholder)?;
        value.left_as_placeholder().then_some(value)
    }

    /// Whether a part after the colon may be ours: elsewhere it is the answer's own.
    fn is_general(&self, written: &Written) -> bool {
        self.value(written.placeholder)
            .is_some_and(|value| value.left.way == ReplaceWith::Generalise)
    }

    fn keep(&mut self, raw: &str, text: &mut String) {
        self.context.push(raw);
        text.push_str(raw);
    }

    /// Whether another placeholder that left begins in the same way, as `PERSON_12` does with `PERSON_1`.
    fn is_beginning(&self, placeholder: Placeholder) -> bool {
        let stem = placeholder.stem();
        let mut others = self.values.keys().filter(|other| **other != placeholder);
        others.any(|other| other.stem().starts_with(&stem))
    }
}

impl fmt::Debug for Restorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restorer(<{} values>)", self.values.len())
    }
}
