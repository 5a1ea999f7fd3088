//! What an answer must look like: JSON, a pattern, calls of tools.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::redact::Redacted;

/// The form of the answer, in OpenAI's shape; `regex` is our own.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum ResponseFormat {
    /// Anything.
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON that a schema accepts.
    JsonSchema {
        /// The schema.
        json_schema: JsonSchemaFormat,
    },
    /// A text that a regular expression matches as a whole.
    Regex {
        /// The expression: literals, classes, groups, alternatives and repetitions, as JavaScript writes them.
        pattern: String,
    },
}

/// A JSON Schema and its name.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct JsonSchemaFormat {
    /// A name for the schema.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The schema (2020-12). A keyword that cannot be kept is an error that names it.
    #[cfg_attr(feature = "typescript", ts(type = "Record<string, unknown> | boolean"))]
    pub schema: Value,
    /// The schema is always kept to: `false` is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

impl fmt::Debug for ResponseFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("Text"),
            Self::JsonObject => f.write_str("JsonObject"),
            Self::JsonSchema { json_schema } => {
                f.debug_tuple("JsonSchema").field(json_schema).finish()
            }
            Self::Regex { pattern } => f.debug_tuple("Regex").field(&Redacted(pattern)).finish(),
        }
    }
}

impl fmt::Debug for JsonSchemaFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonSchemaFormat")
            .field("name", &Redacted(&self.name))
            .finish_non_exhaustive()
    }
}
