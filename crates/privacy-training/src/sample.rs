//! A text whose personal data is known.

use std::ops::Range;

use query::EntityKind;

/// A stretch of a text that is one piece of personal data, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The characters.
    pub text: String,
    /// What it is.
    pub kind: Option<EntityKind>,
}

/// A text in parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// In order.
    pub parts: Vec<Part>,
    /// Nobody said whether capitalised names in it are personal: training leaves them open.
    pub is_open: bool,
    /// Samples of one template are the same sentence with other values.
    pub template: Option<String>,
}

impl Sample {
    /// The whole text.
    pub fn text(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect()
    }

    /// Where what is, in UTF-8 bytes.
    pub fn spans(&self) -> Vec<(Range<usize>, EntityKind)> {
        let mut end = 0;
        self.parts
            .iter()
            .filter_map(|part| {
                let start = end;
                end += part.text.len();
                part.kind.map(|kind| (start..end, kind))
            })
            .collect()
    }

    /// Adds a part; empty ones are left out.
    pub fn push(&mut self, text: impl Into<String>, kind: Option<EntityKind>) {
        let text = text.into();
        if !text.is_empty() {
            self.parts.push(Part { text, kind });
        }
    }
}
