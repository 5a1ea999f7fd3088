//! JSON Schema (2020-12) as a grammar of the values that it accepts.
//!
//! The grammar may be narrower than the schema (members come in the order of `properties`, and only
//! those that are named unless `additionalProperties` says otherwise), never wider. A keyword that
//! is not listed here is an error that names it: a constraint that is not kept would be taken for
//! one that is.

mod combined;
mod containers;
mod scalars;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    grammar::{Grammar, Node},
    json::Json,
};

/// Nodes of a grammar: a schema that needs more is no schema of an answer.
const MOST_NODES: usize = 500_000;
/// Schemas within schemas.
const MOST_NESTED: usize = 64;

/// Keywords that describe and do not constrain.
const ANNOTATIONS: [&str; 13] = [
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "contentMediaType",
];

const STRING: [&str; 4] = ["minLength", "maxLength", "pattern", "format"];
const NUMBER: [&str; 4] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
const ARRAY: [&str; 4] = ["items", "prefixItems", "minItems", "maxItems"];
const OBJECT: [&str; 5] = [
    "properties",
    "required",
    "additionalProperties",
    "minProperties",
    "maxProperties",
];
/// Keywords that say all, so that none may stand beside them.
const ALONE: [&str; 6] = ["$ref", "anyOf", "oneOf", "allOf", "const", "enum"];

const TYPES: [&str; 7] = [
    "object", "array", "string", "integer", "number", "boolean", "null",
];

/// A grammar of the texts of all values that `schema` accepts (not of all such texts).
pub(crate) fn compile(grammar: &mut Grammar, schema: &Value) -> Result<Node, String> {
    let json = Json::new(grammar);
    Compiler {
        grammar,
        json,
        root: schema,
        references: HashMap::new(),
        nested: 0,
    }
    .schema(schema, "#")
}

struct Compiler<'g, 's> {
    grammar: &'g mut Grammar,
    json: Json,
    root: &'s Value,
    /// `$ref` to its rule.
    references: HashMap<String, Node>,
    nested: usize,
}

impl<'s> Compiler<'_, 's> {
    fn schema(&mut self, schema: &'s Value, place: &str) -> Result<Node, String> {
        self.nested += 1;
        if self.nested > MOST_NESTED {
            return Err(format!(
                "{place}: more than {MOST_NESTED} schemas within each other"
            ));
        }
        if self.grammar.size() > MOST_NODES {
            return Err(format!("{place}: the schema is too large"));
        }
        let node = match schema {
            Value::Bool(true) => Ok(self.json.any),
            Value::Bool(false) => Err(format!("{place}: false accepts nothing")),
            Value::Object(keywords) => self.keywords(keywords, place),
            _ => Err(format!("{place}: a schema is an object or a boolean")),
        };
        self.nested -= 1;
        node
    }

    fn keywords(&mut self, keywords: &'s Map<String, Value>, place: &str) -> Result<Node, String> {
        let constraining: Vec<&str> = keywords
            .keys()
            .map(String::as_str)
            .filter(|keyword| !ANNOTATIONS.contains(keyword))
            .collect();
        if let Some(alone) = ALONE
            .iter()
            .find(|keyword| keywords.contains_key(**keyword))
        {
            let value = &keywords[*alone];
            let place = format!("{place}/{alone}");
            let types = types(keywords, &place)?;
            for other in constraining {
                let typed = other == "type" && ["const", "enum"].contains(alone);
                if other != *alone && !typed {
                    return Err(format!("{place}: {other} beside it is not supported"));
                }
            }
            return match *alone {
                "$ref" => self.reference(value, &place),
                "const" => self.constants(std::slice::from_ref(value), types, &place),
                "enum" => match value.as_array() {
                    Some(values) => self.constants(values, types, &place),
                    None => Err(format!("{place}: expected a list")),
                },
                _ => self.combined(alone, value, &place),
            };
        }
        let types = match types(keywords, place)? {
            Some(types) => types,
            None => implied(&constraining).unwrap_or(TYPES.to_vec()),
        };
        for keyword in constraining {
            let allowed = keyword == "type"
                || types
                    .iter()
                    .any(|kind| keywords_of(kind).contains(&keyword));
            if !allowed {
                return Err(format!(
                    "{place}/{keyword}: not supported for the type {}",
                    types.join(" or ")
                ));
            }
        }
        let mut options = Vec::new();
        for kind in types {
            options.push(match kind {
                "object" => self.object(keywords, place)?,
                "array" => self.array(keywords, place)?,
                "string" => self.string(keywords, place)?,
                "integer" | "number" => self.number(keywords, kind == "integer", place)?,
                "boolean" => self.json.boolean,
                _ => self.json.null,
            });
        }
        Ok(self.grammar.choice(options))
    }
}

fn types<'s>(
    keywords: &'s Map<String, Value>,
    place: &str,
) -> Result<Option<Vec<&'s str>>, String> {
    let list = match keywords.get("type") {
        None => return Ok(None),
        Some(Value::Array(list)) if !list.is_empty() => list.iter().collect(),
        Some(one) => vec![one],
    };
    let known = |kind: &&'s Value| {
        kind.as_str()
            .filter(|kind| TYPES.contains(kind))
            .ok_or_else(|| format!("{place}/type: expected one of {}", TYPES.join(", ")))
    };
    list.iter().map(known).collect::<Result<_, _>>().map(Some)
}

/// A schema without a type that has keywords of one type means that type.
fn implied(keywords: &[&str]) -> Option<Vec<&'static str>> {
    let kinds = ["object", "array", "string", "number"];
    let kind = kinds.into_iter().find(|kind| {
        keywords
            .iter()
            .any(|keyword| keywords_of(kind).contains(keyword))
    });
    kind.map(|kind| vec![kind])
}

fn keywords_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "object" => &OBJECT,
        "array" => &ARRAY,
        "string" => &STRING,
        "integer" | "number" => &NUMBER,
        _ => &[],
    }
}

fn count(keywords: &Map<String, Value>, keyword: &str, place: &str) -> Result<Option<u32>, String> {
    match keywords.get(keyword) {
        None => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|count| u32::try_from(count).ok())
            .filter(|&count| count <= 1_000_000)
            .map(Some)
            .ok_or_else(|| format!("{place}/{keyword}: expected a whole number up to 1000000")),
    }
}
