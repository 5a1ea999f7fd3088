//! Puts the values back into a reply, piece by piece as it comes.

use std::fmt;

use zeroize::Zeroizing;

use crate::placeholder::{Placeholder, Start, read};

/// Puts values back in place of placeholders. Pieces may be split anywhere; only what may be the beginning
/// of a placeholder (at most some 30 bytes) is held back until the next piece tells.
pub struct Restorer {
    values: Vec<Value>,
    held: Zeroizing<String>,
    restored: u32,
    invented: u32,
}

struct Value {
    placeholder: Placeholder,
    value: Zeroizing<String>,
    came_back: bool,
}

/// What became of the placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// How many were turned back into values, repetitions counted.
    pub count: u32,
    /// How many looked like placeholders but never left; they stay as they came.
    pub invented: u32,
    /// Those that left and did not come back.
    pub dropped: Vec<String>,
}

impl Restorer {
    pub(crate) fn new(values: Vec<(Placeholder, Zeroizing<String>)>) -> Self {
        let values = values.into_iter().map(|(placeholder, value)| Value {
            placeholder,
            value,
            came_back: false,
        });
        Self {
            values: values.collect(),
            held: Zeroizing::default(),
            restored: 0,
            invented: 0,
        }
    }

    /// Takes the next piece; returns what is certain by now.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let held = std::mem::take(&mut self.held);
        let mut text = String::new();
        let mut rest = held.as_str();
        while let Some(at) = rest.find('[') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            match read(rest) {
                Start::Partial => {
                    self.held.push_str(rest);
                    return text;
                }
                Start::Placeholder(placeholder, length) => {
                    self.restore(placeholder, &rest[..length], &mut text);
                    rest = &rest[length..];
                }
                Start::Other => {
                    text.push('[');
                    rest = &rest[1..];
                }
            }
        }
        text.push_str(rest);
        text
    }

    /// Ends the reply; returns what was held back, and what became of the placeholders.
    pub fn finish(mut self) -> (String, Restored) {
        let dropped = self
            .values
            .iter()
            .filter(|value| !value.came_back)
            .map(|value| value.placeholder.to_string());
        let restored = Restored {
            count: self.restored,
            invented: self.invented,
            dropped: dropped.collect(),
        };
        (std::mem::take(&mut *self.held), restored)
    }

    fn restore(&mut self, placeholder: Placeholder, written: &str, text: &mut String) {
        match self
            .values
            .iter_mut()
            .find(|value| value.placeholder == placeholder)
        {
            Some(value) => {
                value.came_back = true;
                self.restored += 1;
                text.push_str(&value.value);
            }
            None => {
                self.invented += 1;
                text.push_str(written);
            }
        }
    }
}

impl fmt::Debug for Restorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restorer(<{} values>)", self.values.len())
    }
}
