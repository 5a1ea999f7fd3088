//! Keywords that say all of a schema: references, combinations and constants.

use serde_json::Value;

use super::{Compiler, Node};

impl<'s> Compiler<'_, 's> {
    pub(super) fn reference(&mut self, reference: &Value, place: &str) -> Result<Node, String> {
        let reference = reference
            .as_str()
            .ok_or_else(|| format!("{place}: expected a text"))?;
        if let Some(&rule) = self.references.get(reference) {
            return Ok(rule);
        }
        let target = match reference.strip_prefix('#') {
            Some(pointer) => self.root.pointer(pointer),
            None => {
                return Err(format!(
                    "{place}: only references into the same schema (#/…) are supported"
                ));
            }
        };
        let target = target.ok_or_else(|| format!("{place}: leads nowhere"))?;
        let rule = self.grammar.rule();
        self.references.insert(reference.to_owned(), rule);
        let node = self.schema(target, reference)?;
        self.grammar.define(rule, node);
        Ok(rule)
    }

    pub(super) fn combined(
        &mut self,
        keyword: &str,
        value: &'s Value,
        place: &str,
    ) -> Result<Node, String> {
        let schemas = value
            .as_array()
            .filter(|schemas| !schemas.is_empty())
            .ok_or_else(|| format!("{place}: expected a list of schemas"))?;
        if keyword == "allOf" && schemas.len() > 1 {
            return Err(format!(
                "{place}: more than one schema is not supported; write one"
            ));
        }
        if keyword == "oneOf" {
            for (at, a) in schemas.iter().enumerate() {
                for b in &schemas[at + 1..] {
                    if !self.disjoint(a, b) {
                        return Err(format!(
                            "{place}: two of them may accept the same value; use anyOf"
                        ));
                    }
                }
            }
        }
        let mut options = Vec::new();
        for (at, schema) in schemas.iter().enumerate() {
            options.push(self.schema(schema, &format!("{place}/{at}"))?);
        }
        Ok(self.grammar.choice(options))
    }

    /// No value is accepted by both, as far as types, constants and a common member's constants tell.
    fn disjoint(&self, a: &Value, b: &Value) -> bool {
        let (a, b) = (self.resolved(a), self.resolved(b));
        if let (Some(a), Some(b)) = (constants(a), constants(b)) {
            return !a.iter().any(|value| b.contains(value));
        }
        let kinds = |schema: &Value| match schema.get("type") {
            Some(Value::String(kind)) => Some(vec![kind.clone()]),
            _ => constants(schema).map(|values| {
                values
                    .iter()
                    .map(|value| kind_of(value).to_owned())
                    .collect()
            }),
        };
        if let (Some(a), Some(b)) = (kinds(a), kinds(b))
            && !a
                .iter()
                .any(|a| b.iter().any(|b| a == b || (is_number(a) && is_number(b))))
        {
            return true;
        }
        let members = |schema: &'_ Value| -> Vec<(String, Vec<Value>)> {
            let required = schema.get("required").and_then(Value::as_array);
            let properties = schema.get("properties").and_then(Value::as_object);
            let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
            match (required, properties) {
                (Some(required), Some(properties)) if is_object => required
                    .iter()
                    .filter_map(Value::as_str)
                    .filter_map(|name| {
                        let values = constants(self.resolved(properties.get(name)?))?;
                        Some((name.to_owned(), values))
                    })
                    .collect(),
                _ => Vec::new(),
            }
        };
        let others = members(b);
        members(a).iter().any(|(name, values)| {
            others.iter().any(|(other, theirs)| {
                name == other && !values.iter().any(|value| theirs.contains(value))
            })
        })
    }

    fn resolved<'v>(&'v self, schema: &'v Value) -> &'v Value {
        let pointer = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix('#'));
        pointer
            .and_then(|pointer| self.root.pointer(pointer))
            .unwrap_or(schema)
    }

    pub(super) fn constants(
        &mut self,
        values: &[Value],
        types: Option<Vec<&str>>,
        place: &str,
    ) -> Result<Node, String> {
        let accepted = |value: &&Value| {
            types.as_ref().is_none_or(|types| {
                let kind = kind_of(value);
                types.contains(&kind) || (kind == "integer" && types.contains(&"number"))
            })
        };
        let values: Vec<&Value> = values.iter().filter(accepted).collect();
        if values.is_empty() {
            return Err(format!("{place}: accepts nothing"));
        }
        let options = values
            .into_iter()
            .map(|value| self.constant(value))
            .collect();
        Ok(self.grammar.choice(options))
    }

    fn constant(&mut self, value: &Value) -> Node {
        match value {
            Value::String(text) => self.json.literal(self.grammar, text),
            // A value of serde's always has a text.
            other => {
                let text = other.to_string();
                self.grammar.text(&text)
            }
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_number(kind: &str) -> bool {
    kind == "integer" || kind == "number"
}

/// The values that a schema names, if it names them.
fn constants(schema: &Value) -> Option<Vec<Value>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => Some(vec![value.clone()]),
        (None, Some(Value::Array(values))) => Some(values.clone()),
        _ => None,
    }
}
