//! A chat completion request as a request of the Messages API. What cannot be said there is an error that names the
//! field, and nothing is left out in silence.

use serde_json::{Map, Value, json};

use super::messages;

/// The Messages API wants to know how long an answer may be, and a page need not say.
const MAX_TOKENS: u64 = 4096;

/// A field that cannot be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsayable {
    /// `tools[0].type`.
    pub field: String,
    /// What is the matter with it.
    pub why: &'static str,
}

impl Unsayable {
    pub(super) fn new(field: impl Into<String>, why: &'static str) -> Self {
        Self {
            field: field.into(),
            why,
        }
    }
}

pub(super) const NOT_THERE: &str = "the Messages API has nothing like it";

/// Translates a request's JSON object.
///
/// # Errors
/// If a field cannot be said, or is malformed.
pub fn translate(request: &Map<String, Value>) -> Result<Map<String, Value>, Unsayable> {
    let mut out = Map::new();
    let mut choice = None;
    let mut one_call_at_most = false;
    for (name, value) in request.iter().filter(|(_, value)| !value.is_null()) {
        let expected = |why| Unsayable::new(name, why);
        match name.as_str() {
            "model" => {
                let model = value.as_str().ok_or(expected("expected a text"))?;
                out.insert(name.clone(), model.into());
            }
            "messages" => {
                let (system, messages) = messages::translate(value)?;
                if !system.is_empty() {
                    out.insert("system".to_owned(), system.into());
                }
                out.insert(name.clone(), messages.into());
            }
            // Read below; a stream with usage is what always comes.
            "max_tokens" | "max_completion_tokens" | "stream" | "stream_options" => {}
            // A wish to other upstreams as well, and of a page to its local model.
            "seed" => {}
            "temperature" => {
                let degree = value.as_f64().filter(|degree| (0.0..=1.0).contains(degree));
                degree.ok_or(expected("expected a number from 0 to 1"))?;
                out.insert(name.clone(), value.clone());
            }
            "top_p" => {
                value.as_f64().ok_or(expected("expected a number"))?;
                out.insert(name.clone(), value.clone());
            }
            "top_k" => match value.as_u64().ok_or(expected("expected a number"))? {
                // All, which is what is not said.
                0 => {}
                k => {
                    out.insert(name.clone(), k.into());
                }
            },
            "stop" => {
                out.insert("stop_sequences".to_owned(), stop(value)?);
            }
            "tools" => {
                let tools = value.as_array().ok_or(expected("expected a list"))?;
                let tools = tools.iter().enumerate().map(|(at, value)| tool(at, value));
                let tools: Vec<Value> = tools.collect::<Result<_, _>>()?;
                out.insert(name.clone(), tools.into());
            }
            "tool_choice" => choice = Some(tool_choice(value)?),
            "parallel_tool_calls" => one_call_at_most = *value == false,
            "response_format" => {
                if let Some(format) = response_format(value)? {
                    out.insert("output_config".to_owned(), json!({ "format": format }));
                }
            }
            // As if they were not there.
            "n" if *value == 1 => {}
            "logprobs" if *value == false => {}
            "frequency_penalty" | "presence_penalty" if value.as_f64() == Some(0.0) => {}
            _ => return Err(expected(NOT_THERE)),
        }
    }
    for name in ["model", "messages"] {
        if !out.contains_key(name) {
            return Err(Unsayable::new(name, "is missing"));
        }
    }
    if one_call_at_most && out.contains_key("tools") {
        let choice = choice.get_or_insert_with(|| json!({ "type": "auto" }));
        if choice["type"] != "none" {
            choice["disable_parallel_tool_use"] = true.into();
        }
    }
    if let Some(choice) = choice {
        out.insert("tool_choice".to_owned(), choice);
    }
    out.insert("max_tokens".to_owned(), max_tokens(request)?.into());
    out.insert("stream".to_owned(), true.into());
    Ok(out)
}

/// The newer name counts.
fn max_tokens(request: &Map<String, Value>) -> Result<u64, Unsayable> {
    for name in ["max_completion_tokens", "max_tokens"] {
        match request.get(name) {
            None | Some(Value::Null) => {}
            Some(value) => {
                let most = value.as_u64().filter(|&most| most > 0);
                return most.ok_or(Unsayable::new(name, "expected a number from 1 on"));
            }
        }
    }
    Ok(MAX_TOKENS)
}

fn stop(value: &Value) -> Result<Value, Unsayable> {
    match value {
        Value::String(_) => Ok(json!([value])),
        Value::Array(texts) if texts.iter().all(Value::is_string) => Ok(value.clone()),
        _ => Err(Unsayable::new("stop", "expected a text or a list of texts")),
    }
}

fn tool(at: usize, tool: &Value) -> Result<Value, Unsayable> {
    let field = |name: &str| format!("tools[{at}].{name}");
    if tool["type"] != "function" {
        return Err(Unsayable::new(field("type"), "expected function"));
    }
    let Some(function) = tool["function"].as_object() else {
        return Err(Unsayable::new(field("function"), "expected an object"));
    };
    let mut out = Map::new();
    for (name, value) in function.iter().filter(|(_, value)| !value.is_null()) {
        let name = match name.as_str() {
            "name" | "description" | "strict" => name.as_str(),
            "parameters" => "input_schema",
            _ => {
                return Err(Unsayable::new(
                    field(&format!("function.{name}")),
                    NOT_THERE,
                ));
            }
        };
        out.insert(name.to_owned(), value.clone());
    }
    if !out.contains_key("name") {
        return Err(Unsayable::new(field("function.name"), "is missing"));
    }
    // No parameters are those of an empty object.
    out.entry("input_schema")
        .or_insert_with(|| json!({ "type": "object", "properties": {} }));
    Ok(out.into())
}

fn tool_choice(value: &Value) -> Result<Value, Unsayable> {
    let kind = match value.as_str() {
        Some("auto") => "auto",
        Some("required") => "any",
        Some("none") => "none",
        Some(_) => {
            let why = "expected auto, required, none or a function";
            return Err(Unsayable::new("tool_choice", why));
        }
        None => {
            let name = value["function"]["name"].as_str();
            let name = name.ok_or(Unsayable::new("tool_choice.function.name", "is missing"))?;
            return Ok(json!({ "type": "tool", "name": name }));
        }
    };
    Ok(json!({ "type": kind }))
}

/// None where the answer may be any text.
fn response_format(value: &Value) -> Result<Option<Value>, Unsayable> {
    match value["type"].as_str() {
        Some("text") => Ok(None),
        Some("json_schema") => match &value["json_schema"]["schema"] {
            schema @ Value::Object(_) => {
                Ok(Some(json!({ "type": "json_schema", "schema": schema })))
            }
            _ => Err(Unsayable::new(
                "response_format.json_schema.schema",
                "expected an object",
            )),
        },
        _ => Err(Unsayable::new(
            "response_format.type",
            "the Messages API has only text and json_schema; give a schema",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(request: Value) -> Result<Value, (String, &'static str)> {
        let request = request.as_object().unwrap();
        translate(request)
            .map(Value::Object)
            .map_err(|error| (error.field, error.why))
    }

    /// With what every request has.
    fn with(fields: Value) -> Value {
        let mut request = json!({
            "model": "claude",
            "messages": [{ "role": "user", "content": "Hi" }],
        });
        let fields = fields.as_object().unwrap().clone();
        request.as_object_mut().unwrap().extend(fields);
        request
    }

    #[test]
    fn what_a_page_sends_is_said() {
        let request = with(json!({
            "stream": true, "stream_options": { "include_usage": true }, "seed": 7,
            "max_tokens": 5, "max_completion_tokens": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 40,
            "stop": "END", "n": 1, "logprobs": false, "frequency_penalty": 0, "presence_penalty": 0.0,
            "logit_bias": null,
            "tools": [
                { "type": "function", "function": { "name": "now" } },
                { "type": "function", "function": {
                    "name": "weather", "description": "of a place", "strict": true,
                    "parameters": { "type": "object", "properties": { "place": { "type": "string" } } },
                } },
            ],
            "tool_choice": "required", "parallel_tool_calls": false,
            "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": { "type": "object" } } },
        }));
        let expected = json!({
            "model": "claude",
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Hi" }] }],
            "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop_sequences": ["END"],
            "tools": [
                { "name": "now", "input_schema": { "type": "object", "properties": {} } },
                {
                    "name": "weather", "description": "of a place", "strict": true,
                    "input_schema": { "type": "object", "properties": { "place": { "type": "string" } } },
                },
            ],
            "output_config": { "format": { "type": "json_schema", "schema": { "type": "object" } } },
            "tool_choice": { "type": "any", "disable_parallel_tool_use": true },
            "max_tokens": 9, "stream": true,
        });
        assert_eq!(translated(request), Ok(expected));
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let expected = json!({
            "model": "claude",
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Hi" }] }],
            "max_tokens": 4096, "stream": true,
        });
        assert_eq!(
            translated(with(
                json!({ "top_k": 0, "response_format": { "type": "text" } })
            )),
            Ok(expected)
        );
    }

    #[test]
    fn choices_of_tools() {
        for (choice, expected) in [
            (json!("auto"), json!({ "type": "auto" })),
            (json!("none"), json!({ "type": "none" })),
            (
                json!({ "type": "function", "function": { "name": "now" } }),
                json!({ "type": "tool", "name": "now" }),
            ),
        ] {
            let request = with(json!({ "tool_choice": choice }));
            assert_eq!(translated(request).unwrap()["tool_choice"], expected);
        }
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        for (fields, field, why) in [
            (json!({ "user": "somebody" }), "user", NOT_THERE),
            (json!({ "n": 2 }), "n", NOT_THERE),
            (json!({ "logprobs": true }), "logprobs", NOT_THERE),
            (
                json!({ "presence_penalty": 0.5 }),
                "presence_penalty",
                NOT_THERE,
            ),
            (json!({ "logit_bias": {} }), "logit_bias", NOT_THERE),
            (json!({ "model": 7 }), "model", "expected a text"),
            (json!({ "model": null }), "model", "is missing"),
            (json!({ "messages": null }), "messages", "is missing"),
            (
                json!({ "temperature": 1.5 }),
                "temperature",
                "expected a number from 0 to 1",
            ),
            (
                json!({ "max_tokens": 0 }),
                "max_tokens",
                "expected a number from 1 on",
            ),
            (
                json!({ "stop": [7] }),
                "stop",
                "expected a text or a list of texts",
            ),
            (
                json!({ "tools": [{ "type": "web" }] }),
                "tools[0].type",
                "expected function",
            ),
            (
                json!({ "tools": [{ "type": "function", "function": { "name": "a", "b": 1 } }] }),
                "tools[0].function.b",
                NOT_THERE,
            ),
            (
                json!({ "tool_choice": "any" }),
                "tool_choice",
                "expected auto, required, none or a function",
            ),
            (
                json!({ "response_format": { "type": "json_object" } }),
                "response_format.type",
                "the Messages API has only text and json_schema; give a schema",
            ),
        ] {
            let error = translated(with(fields)).unwrap_err();
            assert_eq!(error, (field.to_owned(), why));
        }
    }
}
