//! Calls of tools in an answer, as Hermes and Qwen models write them:
//! `<tool_call>{"name": …, "arguments": {…}}</tool_call>`.

use serde_json::Value;

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// Splits an answer, as it comes, into text and calls of known functions. What only looks like a
/// call is text.
pub struct ToolCalls {
    names: Vec<String>,
    held: String,
    inside: bool,
    calls: usize,
}

/// A part of an answer.
#[derive(Clone, PartialEq, Eq)]
pub enum AnswerPart {
    /// Text for the person.
    Text(String),
    /// A call.
    Call {
        /// The function's name.
        name: String,
        /// A JSON object, as text.
        arguments: String,
    },
}

impl ToolCalls {
    /// For calls of the functions with these names.
    pub fn new(names: Vec<String>) -> Self {
        Self {
            names,
            held: String::new(),
            inside: false,
            calls: 0,
        }
    }

    /// Takes more of the answer; gives what of it is decided.
    pub fn push(&mut self, text: &str) -> Vec<AnswerPart> {
        self.held.push_str(text);
        let mut parts = Vec::new();
        loop {
            let mark = if self.inside { CLOSE } else { OPEN };
            let Some(at) = self.held.find(mark) else {
                break;
            };
            let rest = self.held.split_off(at + mark.len());
            let mut before = std::mem::replace(&mut self.held, rest);
            before.truncate(at);
            if self.inside {
                parts.push(self.call(before, true));
            } else {
                parts.extend(self.text(before));
            }
            self.inside = !self.inside;
        }
        if !self.inside {
            // All but what may be the beginning of a mark.
            let safe = (0..self.held.len())
                .find(|&at| self.held.is_char_boundary(at) && OPEN.starts_with(&self.held[at..]))
                .unwrap_or(self.held.len());
            let rest = self.held.split_off(safe);
            let text = std::mem::replace(&mut self.held, rest);
            parts.extend(self.text(text));
        }
        parts
    }

    /// The answer is over: the rest. A call that was not closed counts if it is whole.
    pub fn finish(&mut self) -> Option<AnswerPart> {
        let rest = std::mem::take(&mut self.held);
        if std::mem::take(&mut self.inside) {
            Some(self.call(rest, false))
        } else {
            self.text(rest)
        }
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.calls
    }

    fn call(&mut self, text: String, closed: bool) -> AnswerPart {
        match self.parse(&text) {
            Some((name, arguments)) => {
                self.calls += 1;
                AnswerPart::Call { name, arguments }
            }
            None => AnswerPart::Text(format!("{OPEN}{text}{}", if closed { CLOSE } else { "" })),
        }
    }

    fn parse(&self, text: &str) -> Option<(String, String)> {
        let call: Value = serde_json::from_str(text.trim()).ok()?;
        let name = call.get("name")?.as_str()?;
        let arguments = match call.get("arguments") {
            None => "{}".to_owned(),
            Some(arguments @ Value::Object(_)) => arguments.to_string(),
            Some(_) => return None,
        };
        let known = self.names.iter().any(|other| other == name);
        known.then(|| (name.to_owned(), arguments))
    }

    /// Blanks beside a call are not part of the answer.
    fn text(&self, text: String) -> Option<AnswerPart> {
        let nothing = text.is_empty() || (self.calls > 0 && text.trim().is_empty());
        (!nothing).then_some(AnswerPart::Text(text))
    }
}

impl std::fmt::Debug for AnswerPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Call { name, arguments } => {
                write!(f, "Call({name}, {} bytes)", arguments.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AnswerPart, ToolCalls};

    /// `text` in brackets, calls as `name arguments`; the same wherever it is cut.
    fn check(answer: &str, expected: &[&str]) {
        for cut in (0..=answer.len()).filter(|&cut| answer.is_char_boundary(cut)) {
            let mut calls = ToolCalls::new(vec!["now".into(), "weather".into()]);
            let mut parts = calls.push(&answer[..cut]);
            parts.extend(calls.push(&answer[cut..]));
            parts.extend(calls.finish());
            let mut seen: Vec<String> = Vec::new();
            let mut after_text = false;
            for part in parts {
                match part {
                    AnswerPart::Text(text) if after_text => {
                        let last = seen.last_mut().unwrap();
                        last.truncate(last.len() - 1);
                        last.push_str(&text);
                        last.push(']');
                    }
                    AnswerPart::Text(text) => {
                        seen.push(format!("[{text}]"));
                        after_text = true;
                    }
                    AnswerPart::Call { name, arguments } => {
                        seen.push(format!("{name} {arguments}"));
                        after_text = false;
                    }
                }
            }
            assert_eq!(seen, expected, "cut at {cut}");
        }
    }

    #[test]
    fn calls_are_taken_out_of_the_text() {
        check("Just <b>text</b>.", &["[Just <b>text</b>.]"]);
        check(
            "Let me see. <tool_call>\n{\"name\": \"weather\", \"arguments\": {\"z\": \"Zürich\", \"a\": 1}}\n</tool_call>\n<tool_call>{\"name\":\"now\"}</tool_call>",
            &[
                "[Let me see. ]",
                "weather {\"z\":\"Zürich\",\"a\":1}",
                "now {}",
            ],
        );
    }

    #[test]
    fn an_unclosed_call_counts_if_it_is_whole() {
        check(
            "<tool_call>{\"name\": \"now\", \"arguments\": {}}",
            &["now {}"],
        );
        check(
            "<tool_call>{\"name\": \"now\", \"argu",
            &["[<tool_call>{\"name\": \"now\", \"argu]"],
        );
    }

    #[test]
    fn what_only_looks_like_a_call_is_text() {
        for answer in [
            "<tool_call>{\"name\": \"rm\", \"arguments\": {}}</tool_call>",
            "<tool_call>{\"name\": \"now\", \"arguments\": \"x\"}</tool_call>",
            "<tool_call>now()</tool_call>",
        ] {
            check(answer, &[&format!("[{answer}]")]);
        }
    }
}
