//! Output that keeps to a JSON Schema, a regular expression or the signatures of tools.
//!
//! `json_schema.rs` and `regex.rs` make a grammar, `grammar.rs` follows it. Nothing is computed for the
//! whole vocabulary: a sampler asks about the most likely tokens only, and each answer is a walk over
//! a token's bytes in a table that is filled on the way.

mod grammar;
mod json;
mod json_schema;
mod numbers;
mod regex;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};

use grammar::{Grammar, Node};
pub(crate) use grammar::{Matcher, TooComplex};

use crate::{Error, tokenizer::Tokenizer};

/// What an answer must be.
#[derive(Clone, PartialEq, Eq)]
pub enum Constraint {
    /// Any JSON object.
    JsonObject,
    /// A JSON value that this JSON Schema (as a text) accepts.
    JsonSchema(String),
    /// A text that this regular expression matches as a whole.
    Regex(String),
    /// A call of one of these functions, as Hermes and Qwen write it:
    /// `<tool_call>{"name": …, "arguments": …}</tool_call>`.
    ToolCall(Vec<Function>),
}

/// A function that a model may call.
#[derive(Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// A JSON Schema (as a text) of its arguments: an object.
    pub parameters: String,
}

impl Constraint {
    /// # Errors
    /// [`Error::Constraint`] names what is not supported, and its place.
    pub(crate) fn matcher(&self) -> Result<Matcher, Error> {
        let mut grammar = Grammar::default();
        let root = self
            .compile(&mut grammar)
            .map_err(|what| Error::Constraint { what })?;
        Matcher::new(grammar, root).map_err(failed)
    }

    fn compile(&self, grammar: &mut Grammar) -> Result<Node, String> {
        match self {
            Self::JsonObject => Ok(json::Json::new(grammar).object),
            Self::JsonSchema(schema) => json_schema::compile(grammar, &parse(schema)?),
            Self::Regex(pattern) => regex::whole(grammar, pattern),
            Self::ToolCall(functions) => {
                let mut calls = Vec::new();
                for function in functions {
                    let parameters = parse(&function.parameters)
                        .and_then(|schema| json_schema::compile(grammar, &schema))
                        .map_err(|problem| format!("tool {}: {problem}", function.name))?;
                    // A text of serde's: quoted and escaped as JSON wants it.
                    let name = serde_json::Value::from(function.name.as_str());
                    let begin = format!("<tool_call>\n{{\"name\": {name}, \"arguments\": ");
                    let begin = grammar.text(&begin);
                    let end = grammar.text("}\n</tool_call>");
                    calls.push(grammar.sequence(vec![begin, parameters, end]));
                }
                Ok(grammar.choice(calls))
            }
        }
    }
}

fn parse(schema: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(schema).map_err(|error| {
        format!(
            "the schema is no JSON (line {}, column {})",
            error.line(),
            error.column()
        )
    })
}

pub(crate) fn failed(TooComplex: TooComplex) -> Error {
    Error::Constraint {
        what: "the grammar is too complex, or refers to itself without a character between"
            .to_owned(),
    }
}

/// Lets through the tokens that may come next.
pub(crate) struct Gate<'a> {
    matcher: RefCell<&'a mut Matcher>,
    tokenizer: &'a Tokenizer,
    failed: Cell<bool>,
}

impl<'a> Gate<'a> {
    pub fn new(matcher: &'a mut Matcher, tokenizer: &'a Tokenizer) -> Self {
        Self {
            matcher: RefCell::new(matcher),
            tokenizer,
            failed: Cell::new(false),
        }
    }

    /// The end of a turn may come where the text may end; other control tokens never.
    pub fn allows(&self, id: u32) -> bool {
        let mut matcher = self.matcher.borrow_mut();
        if self.tokenizer.is_end(id) {
            return matcher.complete();
        }
        let bytes = self.tokenizer.bytes(id);
        !bytes.is_empty()
            && matcher.allows(bytes).unwrap_or_else(|TooComplex| {
                self.failed.set(true);
                false
            })
    }

    /// # Errors
    /// [`Error::Constraint`] if a token could not be judged.
    pub fn check(&self) -> Result<(), Error> {
        if self.failed.get() {
            return Err(failed(TooComplex));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Schemas and expressions may hold what people wrote.
        f.write_str(match self {
            Self::JsonObject => "JsonObject",
            Self::JsonSchema(_) => "JsonSchema",
            Self::Regex(_) => "Regex",
            Self::ToolCall(_) => "ToolCall",
        })
    }
}
