//! Objects and arrays.

use serde_json::{Map, Value};

use super::{Compiler, Node, count};

impl<'s> Compiler<'_, 's> {
    pub(super) fn object(
        &mut self,
        keywords: &'s Map<String, Value>,
        place: &str,
    ) -> Result<Node, String> {
        let properties = match keywords.get("properties") {
            None => None,
            Some(Value::Object(properties)) => Some(properties),
            Some(_) => return Err(format!("{place}/properties: expected an object")),
        };
        let required = names(keywords, place)?;
        let additional = match keywords.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(schema) => Some(self.schema(schema, &format!("{place}/additionalProperties"))?),
            None if properties.is_none() => Some(self.json.any),
            None => None,
        };
        let least = count(keywords, "minProperties", place)?.unwrap_or(0);
        let most = count(keywords, "maxProperties", place)?;

        // Members in order: name, grammar, required.
        let mut members = Vec::new();
        for (name, schema) in properties.into_iter().flatten() {
            // A member that is optional and can be nothing is left out.
            let optional = !required.contains(&name.as_str());
            if optional && *schema == Value::Bool(false) {
                continue;
            }
            let value = self.schema(schema, &format!("{place}/properties/{name}"))?;
            let key = self.json.literal(self.grammar, name);
            let member = self.json.member(self.grammar, key, value);
            members.push((member, !optional));
        }
        for name in &required {
            if properties.is_none_or(|properties| !properties.contains_key(*name)) {
                let value = match keywords.get("additionalProperties") {
                    Some(Value::Bool(false)) => {
                        return Err(format!(
                            "{place}/required: {name} is not among the properties"
                        ));
                    }
                    Some(_) => additional.unwrap_or(self.json.any),
                    None => self.json.any,
                };
                let key = self.json.literal(self.grammar, name);
                let member = self.json.member(self.grammar, key, value);
                members.push((member, true));
            }
        }

        if members.is_empty() {
            let Some(value) = additional else {
                if least > 0 {
                    return Err(format!("{place}/minProperties: accepts nothing"));
                }
                return Ok(self
                    .json
                    .list(self.grammar, "{", self.json.any, 0, Some(0), "}"));
            };
            // The same name twice counts once: without a count only.
            if least > 1 {
                return Err(format!(
                    "{place}/minProperties: more than 1 is not supported without properties"
                ));
            }
            let member = self.json.member(self.grammar, self.json.string, value);
            return Ok(self.json.list(self.grammar, "{", member, least, most, "}"));
        }
        let certain = members.iter().filter(|(_, required)| *required).count();
        if least as usize > certain || most.is_some() {
            return Err(format!(
                "{place}: minProperties and maxProperties are not supported beside properties"
            ));
        }
        let more = additional.map(|value| {
            let known: Vec<&str> = properties
                .into_iter()
                .flat_map(|properties| properties.keys().map(String::as_str))
                .chain(required.iter().copied())
                .collect();
            let key = self.json.string_but(self.grammar, &known);
            self.json.member(self.grammar, key, value)
        });
        Ok(self.members(&members, more))
    }

    /// `{`, members in order, each optional one left out or not, further ones, `}`.
    fn members(&mut self, members: &[(Node, bool)], more: Option<Node>) -> Node {
        let comma = self.json.comma(self.grammar);
        let nothing = self.grammar.sequence(Vec::new());
        // What may follow if nothing has come yet, and if something has.
        let (mut first, mut later) = match more {
            None => (nothing, nothing),
            Some(more) => {
                let next = self.grammar.sequence(vec![comma, more]);
                let next = self.grammar.repeat(next, 0, None);
                let begin = self.grammar.sequence(vec![more, next]);
                (self.grammar.optional(begin), next)
            }
        };
        for &(member, required) in members.iter().rev() {
            let taken_first = self.grammar.sequence(vec![member, later]);
            let taken_later = self.grammar.sequence(vec![comma, member, later]);
            (first, later) = if required {
                (taken_first, taken_later)
            } else {
                (
                    self.grammar.choice(vec![taken_first, first]),
                    self.grammar.choice(vec![taken_later, later]),
                )
            };
        }
        let (open, close) = (self.grammar.text("{"), self.grammar.text("}"));
        self.grammar
            .sequence(vec![open, self.json.space, first, self.json.space, close])
    }

    pub(super) fn array(
        &mut self,
        keywords: &'s Map<String, Value>,
        place: &str,
    ) -> Result<Node, String> {
        let least = count(keywords, "minItems", place)?.unwrap_or(0);
        let most = count(keywords, "maxItems", place)?;
        if most.is_some_and(|most| most < least) {
            return Err(format!(
                "{place}/maxItems: less than minItems accepts nothing"
            ));
        }
        let nothing_more = keywords.get("items") == Some(&Value::Bool(false));
        let item = match keywords.get("items") {
            None | Some(Value::Bool(false)) => self.json.any,
            Some(schema) => self.schema(schema, &format!("{place}/items"))?,
        };
        let Some(prefix) = keywords.get("prefixItems") else {
            let most = if nothing_more { Some(0) } else { most };
            if most.is_some_and(|most| most < least) {
                return Err(format!("{place}/items: false accepts nothing"));
            }
            return Ok(self.json.list(self.grammar, "[", item, least, most, "]"));
        };
        let prefix = prefix
            .as_array()
            .filter(|prefix| !prefix.is_empty())
            .ok_or_else(|| format!("{place}/prefixItems: expected a list of schemas"))?;
        let fixed = u32::try_from(prefix.len()).unwrap_or(u32::MAX);
        let fits = most.is_none_or(|most| most >= fixed) && (!nothing_more || least <= fixed);
        if !fits {
            return Err(format!(
                "{place}/prefixItems: minItems and maxItems leave no room for them"
            ));
        }
        let comma = self.json.comma(self.grammar);
        let mut parts = vec![self.grammar.text("["), self.json.space];
        for (at, schema) in prefix.iter().enumerate() {
            if at > 0 {
                parts.push(comma);
            }
            parts.push(self.schema(schema, &format!("{place}/prefixItems/{at}"))?);
        }
        if !nothing_more {
            let next = self.grammar.sequence(vec![comma, item]);
            let most = most.map(|most| most - fixed);
            parts.push(self.grammar.repeat(next, least.saturating_sub(fixed), most));
        }
        parts.push(self.json.space);
        parts.push(self.grammar.text("]"));
        Ok(self.grammar.sequence(parts))
    }
}

fn names<'s>(keywords: &'s Map<String, Value>, place: &str) -> Result<Vec<&'s str>, String> {
    let wrong = || format!("{place}/required: expected a list of names");
    match keywords.get("required") {
        None => Ok(Vec::new()),
        Some(Value::Array(names)) => names
            .iter()
            .map(|name| name.as_str().ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}
