//! Binary HTTP, RFC 9292: the request as one padded message, the reply read and written piece by piece.
//!
//! Whole messages go through `bhttp`. The reply has its own reader because `bhttp`'s stream allocates
//! whatever length a message announces and stalls when a length is split between two reads.

use crate::Error;

/// A piece of an opened reply, in order: one `Head`, any number of `Body`.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// Status and header fields; names are lower case.
    Head {
        /// HTTP status, 200 to 599.
        status: u16,
        /// Name and value.
        headers: Vec<(String, String)>,
    },
    /// Bytes of the content, never empty.
    Body(Vec<u8>),
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head { status, .. } => f
                .debug_struct("Head")
                .field("status", status)
                .finish_non_exhaustive(),
            Self::Body(bytes) => write!(f, "Body(<{} bytes>)", bytes.len()),
        }
    }
}

/// Smallest sealed request, bytes of plaintext.
#[cfg(feature = "client")]
const SMALLEST_BUCKET: usize = 512;

/// `POST /v1/chat/completions` with a JSON body, padded with zeros (RFC 9292 §3.8) to the next power of two,
/// so that the length on the wire tells only the order of magnitude.
#[cfg(feature = "client")]
pub(crate) fn padded_request(body: &str, terms: &crate::Terms<'_>) -> Result<Vec<u8>, Error> {
    let mut message = bhttp::Message::request(
        b"POST".to_vec(),
        b"https".to_vec(),
        // The gateway itself is the target.
        Vec::new(),
        b"/v1/chat/completions".to_vec(),
    );
    message.put_header("content-type", "application/json");
    message.put_header("accept", "text/event-stream");
    message.put_header("date", crate::date::format(terms.date_s));
    message.put_header(query::Traffic::FIELD, terms.traffic.name());
    if let Some(token) = terms.token {
        message.put_header("authorization", format!("PrivateToken token=\"{token}\""));
    }
    message.write_content(body);
    let mut bytes = Vec::new();
    message
        .write_bhttp(bhttp::Mode::KnownLength, &mut bytes)
        .map_err(|error| Error::Library(error.to_string()))?;
    let bucket = bytes.len().next_power_of_two().max(SMALLEST_BUCKET);
    bytes.resize(bucket, 0);
    Ok(bytes)
}

/// Reads a whole request; padding must be zeros.
#[cfg(feature = "server")]
pub(crate) fn read_request(bytes: &[u8]) -> Result<bhttp::Message, Error> {
    let mut cursor = std::io::Cursor::new(bytes);
    let message = bhttp::Message::read_bhttp(&mut cursor)
        .map_err(|_| Error::Message("the request is cut off or malformed"))?;
    let padding = usize::try_from(cursor.position())
        .ok()
        .and_then(|at| bytes.get(at..))
        .unwrap_or_default();
    if padding.iter().any(|&byte| byte != 0) {
        return Err(Error::Message("the padding is not zeros"));
    }
    if !message.control().is_request() {
        return Err(Error::Message("a response came where a request belongs"));
    }
    Ok(message)
}

/// The first byte of a reply whose content comes piece by piece (§3.2, response of indeterminate length).
#[cfg(feature = "server")]
pub(crate) const REPLY_FRAMING: u8 = 3;

/// Status and header fields, of an informational response or the final one.
#[cfg(feature = "server")]
pub(crate) fn reply_head(status: u16, headers: &[(&str, &str)], out: &mut Vec<u8>) {
    write_varint(usize::from(status), out);
    for (name, value) in headers {
        for text in [name, value] {
            write_varint(text.len(), out);
            out.extend(text.as_bytes());
        }
    }
    out.push(0); // end of the header section
}

/// One piece of content; `content` must not be empty, for that ends it.
#[cfg(feature = "server")]
pub(crate) fn reply_piece(content: &[u8]) -> Vec<u8> {
    debug_assert!(!content.is_empty());
    let mut out = Vec::with_capacity(content.len() + 8);
    write_varint(content.len(), &mut out);
    out.extend(content);
    out
}

/// End of the content, empty trailer section.
#[cfg(feature = "server")]
pub(crate) const REPLY_END: &[u8] = &[0, 0];

/// RFC 9000 §16.
#[cfg(feature = "server")]
fn write_varint(value: usize, out: &mut Vec<u8>) {
    let value = value as u64;
    match value {
        0..=0x3f => out.push(value as u8),
        0x40..=0x3fff => out.extend((value as u16 | 0x4000).to_be_bytes()),
        0x4000..=0x3fff_ffff => out.extend((value as u32 | 0x8000_0000).to_be_bytes()),
        // No slice in memory is longer than 2^62 bytes.
        _ => out.extend((value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}

/// Most bytes of status and header fields.
#[cfg(feature = "client")]
const MAX_HEAD: usize = 64 * 1024;

/// Reads a reply as its plaintext comes, split anywhere.
#[cfg(feature = "client")]
#[derive(Default)]
pub(crate) struct ReplyReader {
    /// Bytes that are not yet a whole head or a whole length.
    pending: Vec<u8>,
    state: ReplyState,
}

#[cfg(feature = "client")]
#[derive(Clone, Copy, Default, PartialEq)]
enum ReplyState {
    /// Before the framing indicator.
    #[default]
    Framing,
    /// Before the head, or an informational response before it.
    Head {
        indeterminate: bool,
    },
    /// Before the length of a piece; `first` allows the content to be left out.
    Length {
        indeterminate: bool,
        first: bool,
    },
    Data {
        indeterminate: bool,
        remaining: u64,
    },
    /// Trailer fields and padding: nothing of ours is there.
    End,
}

#[cfg(feature = "client")]
impl ReplyReader {
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Error> {
        self.pending.extend(bytes);
        loop {
            let mut cursor = Cursor {
                bytes: &self.pending,
                at: 0,
            };
            match self.state {
                ReplyState::Framing => {
                    let indeterminate = match cursor.varint() {
                        None => return Ok(()),
                        Some(1) => false,
                        Some(3) => true,
                        Some(_) => {
                            return Err(Error::Message("a request came where a response belongs"));
                        }
                    };
                    self.state = ReplyState::Head { indeterminate };
                }
                ReplyState::Head { indeterminate } => {
                    let Some(head) = cursor.head(indeterminate)? else {
                        if self.pending.len() > MAX_HEAD {
                            return Err(Error::Message("the header fields are longer than 64 KiB"));
                        }
                        return Ok(());
                    };
                    if let Head::Final(event) = head {
                        events.push(event);
                        self.state = ReplyState::Length {
                            indeterminate,
                            first: true,
                        };
                    }
                }
                ReplyState::Length { indeterminate, .. } => {
                    let Some(remaining) = cursor.varint() else {
                        return Ok(());
                    };
                    self.state = match remaining {
                        0 => ReplyState::End,
                        _ => ReplyState::Data {
                            indeterminate,
                            remaining,
                        },
                    };
                }
                ReplyState::Data {
                    indeterminate,
                    remaining,
                } => {
                    let available = u64::try_from(self.pending.len())
                        .unwrap_or(u64::MAX)
                        .min(remaining);
                    let Some(data) = usize::try_from(available).ok().and_then(|n| cursor.take(n))
                    else {
                        return Ok(());
                    };
                    if data.is_empty() {
                        return Ok(());
                    }
                    events.push(Event::Body(data.to_vec()));
                    self.state = match remaining - available {
                        0 if indeterminate => ReplyState::Length {
                            indeterminate,
                            first: false,
                        },
                        0 => ReplyState::End,
                        remaining => ReplyState::Data {
                            indeterminate,
                            remaining,
                        },
                    };
                }
                ReplyState::End => {
                    self.pending.clear();
                    return Ok(());
                }
            }
            let consumed = cursor.at;
            self.pending.drain(..consumed);
        }
    }

    /// The message has ended; whether it is whole. §3.8 allows to leave out what is empty at the end, be it all
    /// after the status.
    pub(crate) fn finish(&mut self, events: &mut Vec<Event>) -> Result<bool, Error> {
        if matches!(self.state, ReplyState::Head { .. }) && self.ends_with_the_status() {
            self.push(&[0], events)?;
        }
        Ok(match self.state {
            ReplyState::End => true,
            ReplyState::Length { first, .. } => first && self.pending.is_empty(),
            ReplyState::Framing | ReplyState::Head { .. } | ReplyState::Data { .. } => false,
        })
    }

    /// A status, and no more.
    fn ends_with_the_status(&self) -> bool {
        let mut cursor = Cursor {
            bytes: &self.pending,
            at: 0,
        };
        cursor.varint().is_some_and(|status| status >= 200) && cursor.at == self.pending.len()
    }
}

/// What a head says.
#[cfg(feature = "client")]
enum Head {
    /// A sign of life: it is skipped.
    Informational,
    Final(Event),
}

/// Reads what is whole; `None` means that more bytes must come.
#[cfg(feature = "client")]
pub(crate) struct Cursor<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

#[cfg(feature = "client")]
impl<'a> Cursor<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(taken)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let first = *self.bytes.get(self.at)?;
        let len = 1 << (first >> 6);
        let bytes = self.take(len)?;
        let value = bytes
            .iter()
            .fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        Some(value & (u64::MAX >> (66 - 8 * len)))
    }

    fn vector(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        self.take(len)
    }

    /// Status and header fields.
    fn head(&mut self, indeterminate: bool) -> Result<Option<Head>, Error> {
        let Some(status) = self.varint() else {
            return Ok(None);
        };
        let fields = if indeterminate {
            self.fields_until_empty()
        } else {
            self.vector().and_then(|section| {
                Cursor {
                    bytes: section,
                    at: 0,
                }
                .fields_until_end()
            })
        };
        let Some(fields) = fields else {
            return Ok(None);
        };
        let status = match status {
            100..=199 => return Ok(Some(Head::Informational)),
            200..=599 => status as u16, // fits: at most 599
            _ => return Err(Error::Message("the status is not one of HTTP")),
        };
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec())
                .map_err(|_| Error::Message("a header field is not UTF-8"))
        };
        let headers = fields
            .into_iter()
            .map(|(name, value)| Ok((text(name)?, text(value)?)))
            .collect::<Result<_, Error>>()?;
        Ok(Some(Head::Final(Event::Head { status, headers })))
    }

    fn fields_until_empty(&mut self) -> Option<Vec<(&'a [u8], &'a [u8])>> {
        let mut fields = Vec::new();
        loop {
            let name = self.vector()?;
            if name.is_empty() {
                return Some(fields);
            }
            fields.push((name, self.vector()?));
        }
    }

    fn fields_until_end(&mut self) -> Option<Vec<(&'a [u8], &'a [u8])>> {
        let mut fields = Vec::new();
        while self.at < self.bytes.len() {
            fields.push((self.vector()?, self.vector()?));
        }
        Some(fields)
    }
}
