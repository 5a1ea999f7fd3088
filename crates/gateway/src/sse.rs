//! The upstream's event stream: cut into whole events, padded, and watched for its end.
//!
//! WHATWG HTML §9.2: events end with an empty line, lines that begin with a colon are comments.

/// Sealed pieces hold a multiple of this many bytes, so that their lengths do not tell the lengths of tokens
/// (Weiss et al., "What Was Your Prompt? A Remote Keylogging Attack on AI Assistants", USENIX Security 2024).
pub(crate) const BUCKET: usize = 512;

/// A comment of one bucket: nothing to a reader of events.
pub(crate) fn heartbeat() -> Vec<u8> {
    let mut comment = vec![b' '; BUCKET];
    comment[0] = b':';
    comment[BUCKET - 2..].copy_from_slice(b"\n\n");
    comment
}

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
#[derive(Debug)]
pub(crate) struct Events {
    held: Vec<u8>,
    progress: Progress,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self {
            held: Vec::new(),
            progress: Progress::Running,
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    /// Takes bytes in; returns the whole events among all that is held (mostly one), padded, or nothing.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend(bytes);
        let end = end_of_events(&self.held);
        let rest = self.held.split_off(end);
        let mut events = std::mem::replace(&mut self.held, rest);
        for line in events.split(|&byte| byte == b'\n') {
            self.watch(line.trim_ascii());
        }
        if self.held.len() > MAX_EVENT {
            self.progress = Progress::Failed;
        }
        pad(&mut events);
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
        .find(|&at| {
            bytes[at] == b'\n' && (bytes[at - 1] == b'\n' || bytes[..at].ends_with(b"\n\r"))
        })
        .map_or(0, |at| at + 1)
}

/// Adds a comment up to the next multiple of [`BUCKET`].
fn pad(events: &mut Vec<u8>) {
    // The shortest comment: a colon and an empty line.
    const SHORTEST: usize = 3;
    if events.is_empty() || events.len().is_multiple_of(BUCKET) {
        return;
    }
    let padded = (events.len() + SHORTEST).next_multiple_of(BUCKET);
    events.push(b':');
    events.resize(padded - 2, b' ');
    events.extend(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "data: {\"choices\":[]}\n\n";

    /// What a reader of events sees: a comment is gone, and the empty line that ends it.
    fn seen(bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let mut lines = text.split_inclusive('\n');
        let mut seen = String::new();
        while let Some(line) = lines.next() {
            match line.starts_with(':') {
                true => assert_eq!(lines.next(), Some("\n")),
                false => seen.push_str(line),
            }
        }
        seen
    }

    #[test]
    fn whole_events_pass_padded_and_the_rest_is_held() {
        let mut events = Events::new();
        assert!(events.push(b"data: {\"cho").is_empty());
        let piece = events.push(b"ices\":[]}\n\ndata: {");
        assert_eq!(piece.len(), BUCKET);
        assert_eq!(seen(&piece), ONE);
        assert_eq!(seen(&events.push(b"}\r\n\r\n")), "data: {}\r\n\r\n");
        assert_eq!(events.progress(), Progress::Running);
        assert_eq!(seen(&events.push(b"data: [DONE]\n\n")), "data: [DONE]\n\n");
        assert_eq!(events.progress(), Progress::Done);
    }

    #[test]
    fn every_length_becomes_a_multiple_of_the_bucket() {
        for len in 1..3 * BUCKET {
            let mut bytes = vec![b'x'; len];
            pad(&mut bytes);
            assert!(
                bytes.len().is_multiple_of(BUCKET) && bytes.len() < len + BUCKET + 3,
                "{len}"
            );
        }
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
                (seen(&pieces), events.progress()),
                (stream.clone(), Progress::Done),
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
    fn text_that_only_looks_like_an_end_is_none() {
        let mut events = Events::new();
        events.push(b"data: {\"content\":\"data: [DONE] error:\"}\n\n");
        assert_eq!(events.progress(), Progress::Running);
    }
}
