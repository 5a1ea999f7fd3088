//! Puts the values back into a reply, piece by piece as it comes.

use std::{collections::BTreeMap, fmt};

use zeroize::Zeroizing;

use crate::{
    link::LinkContext,
    placeholder::Placeholder,
    read::{Start, Written, read},
};

/// Puts values back in place of placeholders. Pieces may be split anywhere; only what may be the beginning of a
/// placeholder (at most some 30 characters) is held back until the next piece tells.
///
/// A placeholder stands for one spelling, and that very spelling is put back, or nothing: what cannot be read for
/// certain stays as it came and is counted. In an address (a URL, a link's target, an HTML attribute) it stays,
/// too: an answer that an attacker has a say in must not carry values to where an address leads.
pub struct Restorer {
    values: BTreeMap<Placeholder, Value>,
    held: Zeroizing<String>,
    /// The last character before what is held.
    before: Option<char>,
    context: LinkContext,
    restored: Restored,
}

struct Value {
    spelling: Zeroizing<String>,
    came_back: bool,
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
    pub(crate) fn new(values: impl Iterator<Item = (Placeholder, Zeroizing<String>)>) -> Self {
        let values = values.map(|(placeholder, spelling)| {
            let value = Value {
                spelling,
                came_back: false,
            };
            (placeholder, value)
        });
        Self {
            values: values.collect(),
            held: Zeroizing::default(),
            before: None,
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
        let dropped = self.values.iter().filter(|(_, value)| !value.came_back);
        self.restored.dropped = dropped
            .map(|(placeholder, _)| placeholder.to_string())
            .collect();
        (rest, self.restored)
    }

    fn advance(&mut self, ends: bool) -> String {
        let held = std::mem::take(&mut self.held);
        let mut text = String::new();
        let mut rest = held.as_str();
        while let Some(first) = rest.chars().next() {
            let length = match read(rest, self.before, ends) {
                Start::Partial => {
                    self.held.push_str(rest);
                    break;
                }
                Start::Placeholder(written) => {
                    self.restore(&written, &rest[..written.length], &mut text);
                    written.length
                }
                Start::Uncertain(placeholder, length) => {
                    self.restored.uncertain += u32::from(self.values.contains_key(&placeholder));
                    self.keep(&rest[..length], &mut text);
                    length
                }
                Start::Other => {
                    self.keep(&rest[..first.len_utf8()], &mut text);
                    first.len_utf8()
                }
            };
            self.before = rest[..length].chars().next_back();
            rest = &rest[length..];
        }
        text
    }

    fn restore(&mut self, written: &Written, raw: &str, text: &mut String) {
        let may_be_cut = written.open && self.is_beginning(written.placeholder);
        let Some(value) = self.values.get_mut(&written.placeholder) else {
            self.restored.invented += 1;
            return self.keep(raw, text);
        };
        if may_be_cut {
            self.restored.uncertain += 1;
            return self.keep(raw, text);
        }
        value.came_back = true;
        if self.context.carries() {
            self.restored.withheld += 1;
            return self.keep(raw, text);
        }
        self.restored.count += 1;
        text.push_str(&value.spelling);
        self.context.push_value(&value.spelling);
        let (start, end) = written.ending;
        self.keep(&raw[start..end], text);
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
