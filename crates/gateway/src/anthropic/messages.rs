//! A conversation: turns of blocks, with the system's instructions apart from it.

use serde_json::{Value, json};

use super::request::{NOT_THERE, Unsayable};

/// The system's instructions, and the turns, of which no two in a row are of one speaker: results of tools are what the
/// user says, and all of them one turn.
pub(super) fn translate(messages: &Value) -> Result<(String, Vec<Value>), Unsayable> {
    let Some(messages) = messages.as_array() else {
        return Err(Unsayable::new("messages", "expected a list"));
    };
    let mut system = Vec::new();
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let field = |name: &str| format!("messages[{at}].{name}");
        check_fields(at, message)?;
        let text =
            text(&message["content"]).map_err(|why| Unsayable::new(field("content"), why))?;
        let (role, blocks) = match message["role"].as_str() {
            Some("system" | "developer") if turns.is_empty() => {
                system.push(text);
                continue;
            }
            Some("system" | "developer") => {
                let why = "instructions of the system come before everything else";
                return Err(Unsayable::new(field("role"), why));
            }
            Some("user") => ("user", text_block(text).into_iter().collect()),
            Some("assistant") => {
                let mut blocks: Vec<Value> = text_block(text).into_iter().collect();
                blocks.extend(calls(at, &message["tool_calls"])?);
                ("assistant", blocks)
            }
            Some("tool") => (
                "user",
                vec![result(&message["tool_call_id"], text, &field)?],
            ),
            _ => {
                let why = "expected system, user, assistant or tool";
                return Err(Unsayable::new(field("role"), why));
            }
        };
        if blocks.is_empty() {
            return Err(Unsayable::new(field("content"), "is empty"));
        }
        match turns.last_mut() {
            Some((last, turn)) if *last == role => turn.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    let turns = turns
        .into_iter()
        .map(|(role, blocks)| json!({ "role": role, "content": blocks }));
    Ok((system.join("\n\n"), turns.collect()))
}

fn check_fields(at: usize, message: &Value) -> Result<(), Unsayable> {
    let Some(fields) = message.as_object() else {
        return Err(Unsayable::new(
            format!("messages[{at}]"),
            "expected an object",
        ));
    };
    const KNOWN: [&str; 4] = ["role", "content", "tool_calls", "tool_call_id"];
    match fields
        .iter()
        .find(|(name, value)| !value.is_null() && !KNOWN.contains(&name.as_str()))
    {
        None => Ok(()),
        Some((name, _)) => Err(Unsayable::new(format!("messages[{at}].{name}"), NOT_THERE)),
    }
}

/// A text, or parts of one.
fn text(content: &Value) -> Result<String, &'static str> {
    const WHY: &str = "expected a text or parts of type text";
    match content {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            let texts = parts.iter().map(|part| match &part["type"] {
                kind if kind == "text" => part["text"].as_str().ok_or(WHY),
                _ => Err(WHY),
            });
            texts.collect()
        }
        _ => Err(WHY),
    }
}

/// Empty ones are refused there.
fn text_block(text: String) -> Option<Value> {
    (!text.is_empty()).then(|| json!({ "type": "text", "text": text }))
}

fn calls(at: usize, calls: &Value) -> Result<Vec<Value>, Unsayable> {
    let calls = match calls {
        Value::Null => return Ok(Vec::new()),
        Value::Array(calls) => calls,
        _ => {
            return Err(Unsayable::new(
                format!("messages[{at}].tool_calls"),
                "expected a list",
            ));
        }
    };
    let call = |(number, call): (usize, &Value)| {
        let field = |name: &str| format!("messages[{at}].tool_calls[{number}].{name}");
        let expected = |name: &str| Unsayable::new(field(name), "expected a text");
        let id = call["id"].as_str().ok_or_else(|| expected("id"))?;
        let function = &call["function"];
        let name = function["name"].as_str();
        let name = name.ok_or_else(|| expected("function.name"))?;
        let arguments = function["arguments"].as_str().unwrap_or_default();
        let input = match arguments.trim() {
            "" => json!({}),
            arguments => serde_json::from_str(arguments).unwrap_or_default(),
        };
        if !input.is_object() {
            let why = "expected a JSON object, as text";
            return Err(Unsayable::new(field("function.arguments"), why));
        }
        Ok(json!({ "type": "tool_use", "id": id, "name": name, "input": input }))
    };
    calls.iter().enumerate().map(call).collect()
}

fn result(call: &Value, text: String, field: &impl Fn(&str) -> String) -> Result<Value, Unsayable> {
    let call = call.as_str();
    let call = call.ok_or_else(|| Unsayable::new(field("tool_call_id"), "is missing"))?;
    Ok(json!({ "type": "tool_result", "tool_use_id": call, "content": text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_with_tools() {
        let call = |id: &str, arguments: &str| json!({ "id": id, "type": "function", "function": { "name": "weather", "arguments": arguments } });
        let messages = json!([
            { "role": "system", "content": "Be brief." },
            { "role": "developer", "content": "Be kind." },
            { "role": "user", "content": [{ "type": "text", "text": "How is " }, { "type": "text", "text": "Oslo?" }] },
            { "role": "assistant", "content": "", "tool_calls": [call("1", "{\"place\":\"Oslo\"}"), call("2", "")] },
            { "role": "tool", "tool_call_id": "1", "content": "rain" },
            { "role": "tool", "tool_call_id": "2", "content": "" },
            { "role": "user", "content": "And?" },
            { "role": "assistant", "content": "Wet.", "tool_calls": null },
            { "role": "user", "content": "Thanks." },
        ]);
        let text = |text: &str| json!({ "type": "text", "text": text });
        let turn = |role: &str, content: Vec<Value>| json!({ "role": role, "content": content });
        let used = |id: &str, input: Value| json!({ "type": "tool_use", "id": id, "name": "weather", "input": input });
        let result = |id: &str, content: &str| json!({ "type": "tool_result", "tool_use_id": id, "content": content });
        let turns = vec![
            turn("user", vec![text("How is Oslo?")]),
            turn(
                "assistant",
                vec![used("1", json!({ "place": "Oslo" })), used("2", json!({}))],
            ),
            turn(
                "user",
                vec![result("1", "rain"), result("2", ""), text("And?")],
            ),
            turn("assistant", vec![text("Wet.")]),
            turn("user", vec![text("Thanks.")]),
        ];
        assert_eq!(
            translate(&messages),
            Ok(("Be brief.\n\nBe kind.".to_owned(), turns))
        );
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        let user = json!({ "role": "user", "content": "Hi" });
        for (message, field) in [
            (json!("Hi"), "messages[1]"),
            (
                json!({ "role": "system", "content": "late" }),
                "messages[1].role",
            ),
            (
                json!({ "role": "robot", "content": "Hi" }),
                "messages[1].role",
            ),
            (
                json!({ "role": "user", "content": "" }),
                "messages[1].content",
            ),
            (
                json!({ "role": "user", "content": 7 }),
                "messages[1].content",
            ),
            (
                json!({ "role": "user", "content": [{ "type": "image_url" }] }),
                "messages[1].content",
            ),
            (
                json!({ "role": "user", "content": "Hi", "name": "Ada" }),
                "messages[1].name",
            ),
            (
                json!({ "role": "tool", "content": "rain" }),
                "messages[1].tool_call_id",
            ),
            (
                json!({ "role": "assistant", "tool_calls": [{ "id": "1", "function": { "name": "a", "arguments": "[" } }] }),
                "messages[1].tool_calls[0].function.arguments",
            ),
            (
                json!({ "role": "assistant", "tool_calls": [{ "function": { "name": "a" } }] }),
                "messages[1].tool_calls[0].id",
            ),
        ] {
            let error = translate(&json!([user, message])).unwrap_err();
            assert_eq!(error.field, field);
        }
    }
}
