//! JSON Schema (2020-12) as a grammar of the values that it accepts.
//!
//! The grammar may be narrower than the schema (members come in the order of `properties`, and only
//! those that are named unless `additionalProperties` says otherwise), never wider. A keyword that
//! is not listed here is an error that names it: a constraint that is not kept would be taken for
//! one that is.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    grammar::{Grammar, Node},
    json::Json,
    numbers, regex,
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

    fn reference(&mut self, reference: &Value, place: &str) -> Result<Node, String> {
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

    fn combined(&mut self, keyword: &str, value: &'s Value, place: &str) -> Result<Node, String> {
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

    fn constants(
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

    fn object(&mut self, keywords: &'s Map<String, Value>, place: &str) -> Result<Node, String> {
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

    fn array(&mut self, keywords: &'s Map<String, Value>, place: &str) -> Result<Node, String> {
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

    fn string(&mut self, keywords: &Map<String, Value>, place: &str) -> Result<Node, String> {
        let least = count(keywords, "minLength", place)?;
        let most = count(keywords, "maxLength", place)?;
        let given = |keyword: &str| match keywords.get(keyword) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(format!("{place}/{keyword}: expected a text")),
        };
        let (pattern, format) = (given("pattern")?, given("format")?);
        let several = [
            pattern.is_some(),
            format.is_some(),
            least.is_some() || most.is_some(),
        ];
        if several.iter().filter(|given| **given).count() > 1 {
            return Err(format!(
                "{place}: pattern, format and lengths are not supported beside each other"
            ));
        }
        let inner = if let Some(pattern) = pattern {
            regex::found_in_json(self.grammar, pattern, self.json.text)
                .map_err(|problem| format!("{place}/pattern: {problem}"))?
        } else if let Some(format) = format {
            let pattern = FORMATS
                .iter()
                .find(|(name, _)| *name == format)
                .map(|(_, pattern)| pattern.replace("DATE", DATE).replace("TIME", TIME))
                .ok_or_else(|| format!("{place}/format: {format} is not supported"))?;
            regex::found_in_json(self.grammar, &pattern, self.json.text)
                .map_err(|problem| format!("{place}/format: {problem}"))?
        } else {
            if most.is_some_and(|most| most < least.unwrap_or(0)) {
                return Err(format!(
                    "{place}/maxLength: less than minLength accepts nothing"
                ));
            }
            self.grammar
                .repeat(self.json.character, least.unwrap_or(0), most)
        };
        Ok(self
            .grammar
            .sequence(vec![self.json.quote, inner, self.json.quote]))
    }

    fn number(
        &mut self,
        keywords: &Map<String, Value>,
        integer: bool,
        place: &str,
    ) -> Result<Node, String> {
        let bound = |keyword: &str| match keywords.get(keyword) {
            None => Ok(None),
            Some(value) => whole_number(value).map(Some).ok_or_else(|| {
                format!("{place}/{keyword}: expected a whole number of at most 15 digits")
            }),
        };
        let [minimum, maximum, above, below] = [
            bound("minimum")?,
            bound("maximum")?,
            bound("exclusiveMinimum")?,
            bound("exclusiveMaximum")?,
        ];
        if [minimum, maximum, above, below].iter().all(Option::is_none) {
            return Ok(if integer {
                self.json.integer
            } else {
                self.json.number
            });
        }
        // Whole numbers from..=to; and between two neighbours of open..=open what has a fraction.
        let from = minimum
            .into_iter()
            .chain(above.map(|above| above + 1))
            .max();
        let to = maximum
            .into_iter()
            .chain(below.map(|below| below - 1))
            .min();
        let open_from = minimum.into_iter().chain(above).max();
        let open_to = maximum.into_iter().chain(below).min();
        let mut options = Vec::new();
        options.extend(numbers::integers(self.grammar, from, to));
        if !integer {
            options.extend(numbers::fractions(self.grammar, open_from, open_to));
        }
        if options.is_empty() {
            return Err(format!("{place}: no number is within its bounds"));
        }
        Ok(self.grammar.choice(options))
    }
}

const DATE: &str = "([12][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])))";
const TIME: &str = "(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))";
const FORMATS: [(&str, &str); 5] = [
    ("date", "^DATE$"),
    ("time", "^TIME$"),
    ("date-time", "^DATETTIME$"),
    (
        "uuid",
        "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    ),
    (
        "ipv4",
        "^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$",
    ),
];

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

/// `5` and `5.0` are whole, `5.5` is not.
fn whole_number(value: &Value) -> Option<i64> {
    const MOST: f64 = 1e15;
    let number = value.as_f64()?;
    (number.fract() == 0.0 && number.abs() < MOST).then_some(number as i64)
}
