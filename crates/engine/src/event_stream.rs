//! Server-sent events, as they come: WHATWG HTML §9.2.6, of which chat completions use only `data`.

use query::{Error, ErrorCode};

/// Longest event, bytes: far above any piece of a chat completion.
const LONGEST: usize = 1 << 20;

/// Cuts bytes, split anywhere, into the data of events.
#[derive(Default)]
pub(crate) struct EventStream {
    line: Vec<u8>,
    data: Vec<u8>,
    after_carriage_return: bool,
}

impl EventStream {
    /// Takes the next bytes; returns the data of each event that they complete.
    ///
    /// # Errors
    /// [`ErrorCode::UpstreamFailed`] if an event is longer than a megabyte or not UTF-8.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, Error> {
        let mut events = Vec::new();
        for &byte in bytes {
            let ends_pair = std::mem::take(&mut self.after_carriage_return) && byte == b'\n';
            match byte {
                b'\n' if ends_pair => {}
                b'\n' | b'\r' => {
                    self.after_carriage_return = byte == b'\r';
                    events.extend(self.end_line()?);
                }
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > LONGEST {
                return Err(Error::new(
                    ErrorCode::UpstreamFailed,
                    "the cloud model sent an event of more than 1 MiB",
                ));
            }
        }
        Ok(events)
    }

    /// An empty line ends an event; one without data is none.
    fn end_line(&mut self) -> Result<Option<String>, Error> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let mut data = std::mem::take(&mut self.data);
            if data.pop().is_none() {
                return Ok(None);
            }
            let not_utf8 = |_| {
                Error::new(
                    ErrorCode::UpstreamFailed,
                    "the cloud model sent an event that is not UTF-8",
                )
            };
            return String::from_utf8(data).map(Some).map_err(not_utf8);
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            self.data.extend(value.strip_prefix(b" ").unwrap_or(value));
            self.data.push(b'\n');
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\ndata: {\"é\"}\r\n\r\nevent: x\rid: 1\rdata:a\rdata:  b\r\rdata\n\ndata: \n\n: pad   \n\ndata: [DONE]\n\ndata: cut";

    #[test]
    fn the_same_events_wherever_it_is_cut() {
        for cut in 0..=STREAM.len() {
            let mut stream = EventStream::default();
            let mut events = stream.push(&STREAM.as_bytes()[..cut]).unwrap();
            events.extend(stream.push(&STREAM.as_bytes()[cut..]).unwrap());
            assert_eq!(events, ["{\"é\"}", "a\n b", "", "[DONE]"], "cut at {cut}");
        }
    }

    #[test]
    fn endless_or_broken_events_are_refused() {
        let mut stream = EventStream::default();
        let error = (0..3)
            .find_map(|_| stream.push(&vec![b'x'; LONGEST / 2]).err())
            .unwrap();
        assert_eq!(error.code, ErrorCode::UpstreamFailed);
        let error = EventStream::default().push(b"data: \xff\n\n").unwrap_err();
        assert_eq!(error.code, ErrorCode::UpstreamFailed);
    }
}
