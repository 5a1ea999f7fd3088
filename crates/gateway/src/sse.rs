//! The upstream's event stream: cut into whole events, watched for its end, and written anew in fewer.
//!
//! WHATWG HTML §9.2: events end with an empty line, lines that begin with a colon are comments.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// A comment: nothing to a reader of events.
pub(crate) const HEARTBEAT: &[u8] = b":\n\n";

/// Longest event, bytes.
const MAX_EVENT: usize = 1 << 20;

/// How far the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More will come.
    Running,
    /// `data: [DONE]` came: the answer is whole.
    Done,
    /// The upstream reported an error in the stream, or sent what is no event stream.
    Failed,
}

/// Cuts a byte stream into whole events.
#[derive(Debug, Default)]
pub(crate) struct Cutter(Vec<u8>);

impl Cutter {
    /// Takes bytes in; returns the whole events among all that is held (mostly one), or nothing; none if what is held is
    /// too long for an event.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.0.extend(bytes);
        let end = end_of_events(&self.0);
        let rest = self.0.split_off(end);
        let events = std::mem::replace(&mut self.0, rest);
        (self.0.len() <= MAX_EVENT).then_some(events)
    }
}

/// The data of each whole event that has some: its lines of data, joined (§9.2.6).
pub(crate) fn data(events: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    split_events(events).filter_map(|event| {
        let lines = event.split(|&byte| byte == b'\n').filter_map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let data = line.strip_prefix(b"data:")?;
            Some(data.strip_prefix(b" ").unwrap_or(data))
        });
        let lines: Vec<&[u8]> = lines.collect();
        (!lines.is_empty()).then(|| lines.join(&b'\n'))
    })
}

/// An upstream's events, watched for their end.
#[derive(Debug)]
pub(crate) struct Events {
    cutter: Cutter,
    progress: Progress,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self {
            cutter: Cutter::default(),
            progress: Progress::Running,
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    /// Takes bytes in; returns the whole events among all that is held (mostly one), or nothing.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(mut events) = self.cutter.push(bytes) else {
            self.progress = Progress::Failed;
            return Vec::new();
        };
        let mut heard = 0;
        for event in split_events(&events) {
            for line in event.split(|&byte| byte == b'\n') {
                self.watch(line.trim_ascii());
            }
            heard += event.len();
            // What follows the end is nobody's.
            if self.progress != Progress::Running {
                break;
            }
        }
        events.truncate(heard);
        events
    }

    fn watch(&mut self, line: &[u8]) {
        if self.progress == Progress::Failed {
            return;
        }
        if let Some(data) = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii_start) {
            if data == b"[DONE]" {
                self.progress = Progress::Done;
            } else if data.starts_with(b"{\"error\"") {
                self.progress = Progress::Failed;
            }
        } else if line.starts_with(b"error:") || line == b"event: error" {
            self.progress = Progress::Failed;
        }
    }
}

/// The index after the last empty line.
fn end_of_events(bytes: &[u8]) -> usize {
    (1..bytes.len())
        .rev()
        .find(|&at| is_empty_line(bytes, at))
        .map_or(0, |at| at + 1)
}

/// Whether the byte at this index ends an empty line.
fn is_empty_line(bytes: &[u8], at: usize) -> bool {
    bytes[at] == b'\n' && (bytes[at - 1] == b'\n' || bytes[..at].ends_with(b"\n\r"))
}

/// Events on their way, texts joined: what belongs to one beat needs no envelope for each token.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    text: String,
}

impl Merged {
    /// Takes whole events. A piece of text is kept, and whatever else it is goes out as it came, after the text
    /// before it; comments go nowhere.
    pub(crate) fn push(&mut self, events: &[u8], out: &mut VecDeque<u8>) {
        for event in split_events(events) {
            let lines = event.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
            let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b":"));
            let (first, more) = (lines.next(), lines.next());
            let text = match (first, more) {
                (None, _) => continue,
                (Some(line), None) => line.strip_prefix(b"data:").and_then(text_alone),
                _ => None,
            };
            match text {
                Some(text) => self.text.push_str(&text),
                None => {
                    self.flush(out);
                    out.extend(event);
                }
            }
        }
    }

    /// The text that is kept goes out as one event.
    pub(crate) fn flush(&mut self, out: &mut VecDeque<u8>) {
        if self.text.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.text);
        let delta = json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
        out.extend(format!("data: {delta}\n\n").as_bytes());
    }

    /// Bytes of text that are kept.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }
}

/// Events with the empty line that ends each.
fn split_events(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = (1..rest.len())
            .find(|&at| is_empty_line(rest, at))
            .map_or(rest.len(), |at| at + 1);
        let (event, after) = rest.split_at(end);
        rest = after;
        Some(event)
    })
}

/// The text of a chunk that brings nothing but text (and says whose it is, which the first one does).
fn text_alone(data: &[u8]) -> Option<String> {
    let mut event: Value = serde_json::from_slice(data).ok()?;
    let event = event.as_object_mut()?;
    let absent = |value: Option<&Value>| value.is_none_or(Value::is_null);
    if !absent(event.get("usage")) || !absent(event.get("error")) {
        return None;
    }
    let [choice] = event.get_mut("choices")?.as_array_mut()?.as_mut_slice() else {
        return None;
    };
    let choice = choice.as_object_mut()?;
    let first = choice.get("index").is_none_or(|index| *index == 0);
    if !first || !absent(choice.get("finish_reason")) || !absent(choice.get("logprobs")) {
        return None;
    }
    let delta = choice.get_mut("delta")?.as_object_mut()?;
    let alone = |(name, value): (&String, &Value)| {
        value.is_null() || name == "content" || (name == "role" && *value == "assistant")
    };
    if !delta.iter().all(alone) {
        return None;
    }
    match delta.get_mut("content").map(Value::take) {
        Some(Value::String(text)) => Some(text),
        None | Some(Value::Null) => Some(String::new()),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "data: {\"choices\":[]}\n\n";

    #[test]
    fn whole_events_pass_and_the_rest_is_held() {
        let mut events = Events::new();
        assert!(events.push(b"data: {\"cho").is_empty());
        assert_eq!(events.push(b"ices\":[]}\n\ndata: {"), ONE.as_bytes());
        assert_eq!(events.push(b"}\r\n\r\n"), b"data: {}\r\n\r\n");
        assert_eq!(events.progress(), Progress::Running);
        assert_eq!(events.push(b"data: [DONE]\n\n"), b"data: [DONE]\n\n");
        assert_eq!(events.progress(), Progress::Done);
    }

    #[test]
    fn split_anywhere_gives_the_same_events() {
        let stream = format!("{ONE}{ONE}data: [DONE]\r\n\r\n");
        for cut in 0..stream.len() {
            let mut events = Events::new();
            let pieces = [
                events.push(&stream.as_bytes()[..cut]),
                events.push(&stream.as_bytes()[cut..]),
            ]
            .concat();
            assert_eq!(
                (pieces, events.progress()),
                (stream.clone().into_bytes(), Progress::Done),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn errors_in_the_stream_are_seen() {
        for error in [
            "data: {\"error\":{\"code\":500}}\n\n",
            "error: {}\n\n",
            "event: error\ndata: {}\n\n",
        ] {
            let mut events = Events::new();
            events.push(ONE.as_bytes());
            events.push(error.as_bytes());
            events.push(b"data: [DONE]\n\n");
            assert_eq!(events.progress(), Progress::Failed, "{error}");
        }
    }

    #[test]
    fn what_follows_the_end_is_not_passed_on() {
        let mut events = Events::new();
        let stream = format!("data: [DONE]\n\n{ONE}event: error\n\n");
        assert_eq!(events.push(stream.as_bytes()), b"data: [DONE]\n\n");
        assert_eq!(events.progress(), Progress::Done);
    }

    #[test]
    fn text_that_only_looks_like_an_end_is_none() {
        let mut events = Events::new();
        events.push(b"data: {\"content\":\"data: [DONE] error:\"}\n\n");
        assert_eq!(events.progress(), Progress::Running);
    }

    #[test]
    fn the_data_of_an_event_is_its_lines() {
        let stream = b"event: a\ndata: one\ndata:two\n\n: comment\n\ndata:  three\r\n\r\nid: 7\n\n";
        let data: Vec<Vec<u8>> = data(stream).collect();
        assert_eq!(data, [&b"one\ntwo"[..], b" three"]);
    }

    fn merged(stream: &str) -> String {
        let (mut merged, mut out) = (Merged::default(), VecDeque::new());
        merged.push(stream.as_bytes(), &mut out);
        merged.flush(&mut out);
        String::from_utf8(out.into()).unwrap()
    }

    #[test]
    fn texts_are_joined_and_all_else_passes_as_it_is() {
        let text = |text: &str| {
            let delta = json!({ "role": "assistant", "content": text, "refusal": null });
            let choice =
                json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null });
            format!(
                "data: {}\n\n",
                json!({ "id": "7", "usage": null, "choices": [choice] })
            )
        };
        let [a, b, c] = ["", "\"Pa", "ris\u{1f5fc}\n\n"].map(text);
        let joined = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"Paris\u{1f5fc}\\n\\n\"}}]}\n\n";
        assert_eq!(merged(&format!("{a}: busy\n\n{b}{c}")), joined);
        for other in [
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[]}}]}\r\n\r\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"logprobs\":{}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":[]}}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7}}\n\n",
            "data: no JSON\ndata: of two lines\n\n",
            "event: x\ndata: {}\n\n",
            "data: [DONE]\n\n",
        ] {
            assert_eq!(
                merged(&format!("{b}{c}{other}")),
                format!("{joined}{other}")
            );
        }
    }
}
