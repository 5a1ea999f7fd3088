//! The streamed events of the Messages API as chunks of a chat completion.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::sse::{Cutter, data};

/// More calls of tools are no answer.
const MOST_CALLS: usize = 128;

/// Translates one answer.
#[derive(Debug, Default)]
pub struct Translator {
    cutter: Cutter,
    prompt: PromptUsage,
    output_tokens: u64,
    finish: Option<&'static str>,
    /// By the order of their blocks: a block's index, and whether its arguments have begun.
    calls: Vec<(u64, bool)>,
    over: bool,
}

/// Why an answer broke off, in Anthropic's words: `overloaded_error`. None where it is no event stream of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub Option<String>);

const MALFORMED: Failure = Failure(None);

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        index: u64,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        delta: End,
        #[serde(default)]
        usage: Option<OutputUsage>,
    },
    MessageStop,
    Error {
        error: Reason,
    },
    /// `ping`, and what is new: the API asks its readers to pass over it.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    usage: PromptUsage,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct PromptUsage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputUsage {
    /// Of the answer so far.
    output_tokens: u64,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    ToolUse {
        id: String,
        name: String,
    },
    Text {
        #[serde(default)]
        text: String,
    },
    /// Thoughts, and what is new.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct End {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(rename = "type")]
    kind: String,
}

impl Translator {
    /// Takes bytes in, cut anywhere; returns whole events of a chat completion, or nothing.
    ///
    /// # Errors
    /// If the upstream reports an error, or this is no event stream of theirs. Nothing can follow.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let events = self.cutter.push(bytes).ok_or(MALFORMED)?;
        let mut out = Vec::new();
        for data in data(&events) {
            // What follows the end is nobody's.
            if self.over {
                break;
            }
            let event = serde_json::from_slice(&data).map_err(|_| MALFORMED)?;
            self.take(event, &mut out)?;
        }
        Ok(out)
    }

    fn take(&mut self, event: Event, out: &mut Vec<u8>) -> Result<(), Failure> {
        match event {
            Event::MessageStart { message } => {
                self.prompt = message.usage;
                put_delta(json!({ "role": "assistant", "content": "" }), out);
            }
            Event::ContentBlockStart {
                content_block: Block::Text { text },
                ..
            }
            | Event::ContentBlockDelta {
                delta: Delta::Text { text },
                ..
            } => {
                if !text.is_empty() {
                    put_delta(json!({ "content": text }), out);
                }
            }
            Event::ContentBlockStart {
                index,
                content_block: Block::ToolUse { id, name },
            } => {
                if self.calls.len() >= MOST_CALLS {
                    return Err(MALFORMED);
                }
                let function = json!({ "name": name, "arguments": "" });
                let call = json!({ "index": self.calls.len(), "id": id, "type": "function", "function": function });
                self.calls.push((index, false));
                put_delta(json!({ "tool_calls": [call] }), out);
            }
            Event::ContentBlockDelta {
                index,
                delta: Delta::InputJson { partial_json },
            } => {
                let call = self.call(index).ok_or(MALFORMED)?;
                if !partial_json.is_empty() {
                    self.calls[call].1 = true;
                    put_arguments(call, &partial_json, out);
                }
            }
            Event::ContentBlockStop { index } => {
                // A call without arguments is one with an empty object.
                if let Some(call) = self.call(index).filter(|&call| !self.calls[call].1) {
                    self.calls[call].1 = true;
                    put_arguments(call, "{}", out);
                }
            }
            Event::MessageDelta { delta, usage } => {
                self.finish = delta
                    .stop_reason
                    .as_deref()
                    .map(finish_reason)
                    .or(self.finish);
                self.output_tokens = usage.map_or(self.output_tokens, |usage| usage.output_tokens);
            }
            Event::MessageStop => {
                self.over = true;
                let choice = json!({ "index": 0, "delta": {}, "finish_reason": self.finish.unwrap_or("stop") });
                put(&json!({ "choices": [choice] }), out);
                put(&json!({ "choices": [], "usage": self.usage() }), out);
                out.extend(b"data: [DONE]\n\n");
            }
            Event::Error { error } => return Err(Failure(Some(error.kind))),
            Event::ContentBlockStart { .. } | Event::ContentBlockDelta { .. } | Event::Other => {}
        }
        Ok(())
    }

    fn call(&self, index: u64) -> Option<usize> {
        self.calls.iter().position(|&(block, _)| block == index)
    }

    /// Tokens in and out, in OpenAI's shape: what a cache held is part of the prompt.
    fn usage(&self) -> Value {
        let PromptUsage {
            input_tokens,
            cache_creation_input_tokens,
            cache_read_input_tokens,
        } = self.prompt;
        let cached = cache_read_input_tokens.unwrap_or_default();
        let prompt = [input_tokens, cache_creation_input_tokens]
            .into_iter()
            .flatten()
            .fold(cached, u64::saturating_add);
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": self.output_tokens,
            "total_tokens": prompt.saturating_add(self.output_tokens),
            "prompt_tokens_details": { "cached_tokens": cached },
        })
    }
}

fn finish_reason(stop_reason: &str) -> &'static str {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        // end_turn, stop_sequence, and what is new.
        _ => "stop",
    }
}

fn put_arguments(call: usize, arguments: &str, out: &mut Vec<u8>) {
    let call = json!({ "index": call, "function": { "arguments": arguments } });
    put_delta(json!({ "tool_calls": [call] }), out);
}

fn put_delta(delta: Value, out: &mut Vec<u8>) {
    put(&json!({ "choices": [{ "index": 0, "delta": delta }] }), out);
}

fn put(chunk: &Value, out: &mut Vec<u8>) {
    out.extend(format!("data: {chunk}\n\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Anthropic's documentation of streaming shows them.
    const TEXT: &str = include_str!("recorded/text.txt");
    const TOOL: &str = include_str!("recorded/tool.txt");
    const THINKING: &str = include_str!("recorded/thinking.txt");

    fn whole(stream: &str) -> Result<String, Failure> {
        let translated = Translator::default().push(stream.as_bytes());
        translated.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    /// The chunks of a whole answer, its end left out.
    fn chunks(stream: &str) -> Vec<Value> {
        let translated = whole(stream).unwrap();
        let chunks = translated.strip_suffix("data: [DONE]\n\n").unwrap();
        let events = chunks.split_terminator("\n\n");
        let data = events.map(|event| event.strip_prefix("data: ").unwrap());
        data.map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    fn delta(delta: Value) -> Value {
        json!({ "choices": [{ "index": 0, "delta": delta }] })
    }

    fn end(finish_reason: &str) -> Value {
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": finish_reason }] })
    }

    fn usage(prompt: u64, completion: u64, cached: u64) -> Value {
        json!({ "choices": [], "usage": {
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "prompt_tokens_details": { "cached_tokens": cached },
        } })
    }

    #[test]
    fn a_text() {
        let expected = [
            delta(json!({ "role": "assistant", "content": "" })),
            delta(json!({ "content": "Hello" })),
            delta(json!({ "content": "!" })),
            end("stop"),
            usage(25, 15, 0),
        ];
        assert_eq!(chunks(TEXT), expected);
    }

    #[test]
    fn a_call_of_a_tool() {
        let call = |rest: Value| {
            let mut call = json!({ "index": 0 });
            call.as_object_mut()
                .unwrap()
                .extend(rest.as_object().unwrap().clone());
            delta(json!({ "tool_calls": [call] }))
        };
        let arguments = |text: &str| call(json!({ "function": { "arguments": text } }));
        let expected = [
            delta(json!({ "role": "assistant", "content": "" })),
            delta(json!({ "content": "Okay" })),
            delta(json!({ "content": ", let's check:" })),
            call(json!({
                "id": "toolu_01T1x1fJ34qAmk2tNTrN7Up6", "type": "function",
                "function": { "name": "get_weather", "arguments": "" },
            })),
            arguments("{\"location\":"),
            arguments(" \"San Francisco, CA\"}"),
            end("tool_calls"),
            usage(472, 89, 0),
        ];
        assert_eq!(chunks(TOOL), expected);

        // One without arguments.
        let bare: String = TOOL
            .split_inclusive("\n\n")
            .filter(|event| !event.contains("input_json_delta"))
            .collect();
        assert_eq!(chunks(&bare)[4..6], [arguments("{}"), end("tool_calls")]);
    }

    #[test]
    fn thoughts_are_left_out_and_what_a_cache_held_is_counted() {
        let text = "The greatest common divisor of 1071 and 462 is **21**.";
        let expected = [
            delta(json!({ "role": "assistant", "content": "" })),
            delta(json!({ "content": text })),
            end("length"),
            usage(115, 30, 100),
        ];
        assert_eq!(chunks(THINKING), expected);
    }

    #[test]
    fn cut_anywhere_it_is_the_same() {
        for stream in [TEXT, TOOL, THINKING] {
            let expected = whole(stream).unwrap();
            for cut in 0..=stream.len() {
                let mut translator = Translator::default();
                let (first, second) = stream.as_bytes().split_at(cut);
                let mut translated = translator.push(first).unwrap();
                translated.extend(translator.push(second).unwrap());
                assert_eq!(String::from_utf8(translated).unwrap(), expected, "{cut}");
            }
            let mut translator = Translator::default();
            let bytes = stream.bytes();
            let translated = bytes.flat_map(|byte| translator.push(&[byte]).unwrap());
            assert_eq!(String::from_utf8(translated.collect()).unwrap(), expected);
        }
    }

    #[test]
    fn every_reason_to_stop_has_its_word() {
        for (stop_reason, finish_reason) in [
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("tool_use", "tool_calls"),
            ("refusal", "content_filter"),
            ("made_up", "stop"),
        ] {
            let stream = TEXT.replace("end_turn", stop_reason);
            assert_eq!(chunks(&stream)[3], end(finish_reason), "{stop_reason}");
        }
    }

    #[test]
    fn errors_are_told_and_what_is_no_event_stream_fails() {
        let overloaded = "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": \"Overloaded\"}}\n\n";
        let reason = Failure(Some("overloaded_error".to_owned()));
        assert_eq!(whole(overloaded), Err(reason));
        let too_long = "x".repeat(2 << 20);
        for stream in [
            "data: no JSON\n\n",
            "data: {\"type\":\"content_block_delta\"}\n\n",
            "data: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}}\n\n",
            &too_long,
        ] {
            assert_eq!(whole(stream), Err(MALFORMED));
        }
        // What is new is passed over.
        assert_eq!(
            whole("event: new\ndata: {\"type\":\"new\",\"x\":1}\n\n: comment\n\n"),
            Ok(String::new())
        );
    }
}
