//! A prompt out of a chat template's own text and the texts that people wrote.
//!
//! A chat template writes control tokens out as text. A person may write the same characters, and
//! must not thereby end a turn or speak as somebody else. So such places in a person's text, and the
//! ends of it where one could come about, are marked before the template sees it, and the marks become
//! [`Prompt::breaks`], which no control token may reach over.

use crate::{Error, tokenizer::Tokenizer};

/// Unicode's noncharacters, for use inside of a program: no text should have one.
const MARKS: std::ops::RangeInclusive<char> = '\u{fdd0}'..='\u{fdef}';

/// A rendered prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// The text.
    pub text: String,
    /// Offsets, bytes, ascending: no control token reaches over them.
    pub breaks: Vec<usize>,
}

/// Marks what could be read as control tokens.
pub(crate) struct Guard<'t> {
    pub tokenizer: &'t Tokenizer,
    mark: char,
}

impl<'t> Guard<'t> {
    /// With a mark that none of `texts` has: the template's and all that goes into it.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`] when they have all that there are.
    pub fn over<'a>(
        tokenizer: &'t Tokenizer,
        texts: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Self, Error> {
        let free = |mark: &char| !texts.clone().any(|text| text.contains(*mark));
        let mark = MARKS
            .clone()
            .find(free)
            .ok_or_else(|| Error::ChatTemplate {
                reason: "the messages have all of U+FDD0 to U+FDEF; take these noncharacters out"
                    .to_owned(),
            })?;
        Ok(Self { tokenizer, mark })
    }

    /// `text` with its marks: inside of each control token that is written out in it, and at those of its
    /// ends where it could make one together with what the template puts beside it. Where it could not there
    /// is no mark, because templates look at texts: Qwen 3's asks whether anything comes after `</think>`.
    /// Space around the text stays outside, for templates that trim.
    pub fn mark(&self, text: &str) -> String {
        let inner = text.trim();
        if inner.is_empty() {
            return text.to_owned();
        }
        let start = text.len() - text.trim_start().len();
        let end = start + inner.len();
        let before = self.tokenizer.control_may_begin_before(inner);
        let after = self.tokenizer.control_may_end_after(inner);
        let ends = [before.then_some(start), after.then_some(end)];
        self.marked(text, ends.into_iter().flatten())
    }

    /// JSON with marks in its texts. Those of messages get them at their ends, too; others, which templates
    /// compare with words of their own, only inside of control tokens.
    pub fn mark_json(&self, json: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match json {
            Value::String(text) => Value::String(self.marked(text, [])),
            Value::Array(values) => values.iter().map(|value| self.mark_json(value)).collect(),
            Value::Object(fields) => {
                let marked = |(key, value): (&String, &Value)| {
                    let value = match value {
                        Value::String(text) if key == "content" => Value::String(self.mark(text)),
                        _ => self.mark_json(value),
                    };
                    (self.marked(key, []), value)
                };
                Value::Object(fields.iter().map(marked).collect())
            }
            _ => json.clone(),
        }
    }

    /// `text` with a mark at each of the offsets, and inside of control tokens.
    fn marked(&self, text: &str, offsets: impl IntoIterator<Item = usize>) -> String {
        let mut marked = String::with_capacity(text.len() + 8);
        let mut copied = 0;
        let mut places = self.tokenizer.control_breaks(text);
        places.extend(offsets);
        places.sort_unstable();
        places.dedup();
        for at in places {
            marked.push_str(&text[copied..at]);
            marked.push(self.mark);
            copied = at;
        }
        marked.push_str(&text[copied..]);
        marked
    }

    /// Takes the marks out of what the template made.
    pub fn unmark(&self, rendered: &str) -> Prompt {
        let mut prompt = Prompt {
            text: String::with_capacity(rendered.len()),
            breaks: Vec::new(),
        };
        let mut parts = rendered.split(self.mark);
        prompt.text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            prompt.breaks.push(prompt.text.len());
            prompt.text.push_str(part);
        }
        prompt
    }
}
