//! The page's half: seals what privacy released, opens the reply piece by piece.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures::io::AsyncRead;
use privacy::Releasable;

use crate::{
    Error, Event, Kem, KeyConfig,
    message::{Cursor, ReplyReader, padded_request},
    pipe::{Pipe, close, write_all},
};

/// A gateway key that the page has reason to trust. Only such a key can be sealed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedKey(KeyConfig);

impl VerifiedKey {
    /// Trusts a list of key configs (`application/ohttp-keys`) that the page's own origin pins, and takes
    /// its best one. Never pass configs that came from the gateway or the relay themselves: whoever
    /// operates them could hand every page a key of its own.
    ///
    /// # Errors
    /// [`Error::KeyConfig`] and [`Error::Unsupported`] as [`KeyConfig::parse`].
    pub fn pinned(list: &[u8]) -> Result<Self, Error> {
        let best = KeyConfig::parse(list)?.into_iter().next();
        // `parse` never returns an empty list; if it did, nothing would be offered.
        best.map(Self).ok_or_else(|| Error::Unsupported {
            offered: "nothing".to_owned(),
        })
    }

    /// The key that was chosen from lists that were compared.
    pub(crate) fn listed(config: KeyConfig) -> Self {
        Self(config)
    }

    /// Hex SHA-256 of the key config, for the receipt.
    pub fn fingerprint(&self) -> &str {
        self.0.fingerprint()
    }

    /// How the shared secret is made.
    pub fn kem(&self) -> Kem {
        self.0.kem()
    }
}

/// A sealed request: what the relay may carry. Only [`seal`] makes one.
#[derive(Clone)]
pub struct Sealed {
    bytes: Vec<u8>,
    text: String,
    fingerprint: String,
}

impl Sealed {
    /// What goes over the wire, media type [`crate::REQUEST_TYPE`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The plaintext JSON body that was sealed, for the receipt: exactly what the upstream gets.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Hex SHA-256 of the key config it was sealed to.
    pub fn key_fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed(<{} bytes>)", self.bytes.len())
    }
}

/// What a request says beside the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'t> {
    /// When it is sealed, seconds since 1970-01-01 00:00 UTC: a gateway takes it for a short while only, and once
    /// (RFC 9458 §6.5.1).
    pub date_s: u64,
    /// How the answer is to travel.
    pub traffic: query::Traffic,
    /// A token of Privacy Pass in base64 for URLs, for a gateway that takes one (RFC 9577 §2.2). It is inside the seal.
    pub token: Option<&'t str>,
}

/// Seals a released request to a verified key: binary HTTP `POST /v1/chat/completions` with the request as
/// JSON, always asked for as a stream with usage, padded to a power of two of at least 512 bytes.
///
/// Whoever asks again seals again: with a new ephemeral key, so that no two sealed requests are the same.
///
/// # Errors
/// [`Error::NotAttested`] if it may be sealed to another key only, [`Error::Library`] if there is no randomness.
pub fn seal(
    key: &VerifiedKey,
    releasable: &Releasable,
    terms: &Terms<'_>,
) -> Result<(Sealed, Opener), Error> {
    if let Some(attested) = releasable.only_to()
        && attested != key.fingerprint()
    {
        return Err(Error::NotAttested {
            attested: attested.to_owned(),
            key: key.fingerprint().to_owned(),
        });
    }
    let mut request = releasable.request().clone();
    request.stream = Some(true);
    request.stream_options = Some(query::StreamOptions {
        include_usage: Some(true),
    });
    let text =
        serde_json::to_string(&request).map_err(|error| Error::Library(error.to_string()))?;
    seal_text(key, text, terms)
}

/// [`seal`] without its types' promise, for this crate alone.
pub(crate) fn seal_text(
    key: &VerifiedKey,
    text: String,
    terms: &Terms<'_>,
) -> Result<(Sealed, Opener), Error> {
    let plaintext = padded_request(&text, terms)?;
    let wire = Pipe::default();
    let client = ohttp::ClientRequest::from_encoded_config(&key.0.encode())?;
    let mut sealer = client.encapsulate_stream(wire.clone())?;
    write_all(Pin::new(&mut sealer), &plaintext)?;
    close(Pin::new(&mut sealer))?;
    let reply = Pipe::default();
    let opened = Box::pin(sealer.response(reply.clone())?);
    let sealed = Sealed {
        bytes: wire.take(),
        text,
        fingerprint: key.fingerprint().to_owned(),
    };
    let opener = Opener {
        arrived: Arrived::default(),
        sealed: reply,
        opened,
        reader: ReplyReader::default(),
        failed: false,
    };
    Ok((sealed, opener))
}

/// Opens the reply to one sealed request, as its bytes come, split anywhere.
///
/// What [`Opener::push`] returns is authentic and in order, but only [`Opener::finish`] tells that it is whole.
pub struct Opener {
    arrived: Arrived,
    sealed: Pipe,
    opened: Pin<Box<dyn AsyncRead>>,
    reader: ReplyReader,
    failed: bool,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener")
    }
}

impl Opener {
    /// Takes the next bytes of the sealed reply; returns what they complete.
    ///
    /// # Errors
    /// [`Error::Broken`] if a chunk was changed, repeated or reordered, [`Error::Message`] if the plaintext
    /// is no response. After an error every call is [`Error::Failed`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Error> {
        if self.failed {
            return Err(Error::Failed);
        }
        let mut events = Vec::new();
        let result = self
            .arrived
            .push(bytes, &self.sealed)
            .and_then(|()| self.drain(&mut events))
            .and_then(|ended| {
                // The final chunk opens only in `finish`; an end before it is an empty chunk, which nobody sends.
                if ended {
                    Err(Error::Message("a chunk is empty"))
                } else {
                    Ok(events)
                }
            });
        self.failed = result.is_err();
        result
    }

    /// To be called when the sealed reply has ended; returns what the final chunk held (mostly nothing).
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Broken`] if the final chunk did not come whole.
    pub fn finish(mut self) -> Result<Vec<Event>, Error> {
        if self.failed {
            return Err(Error::Failed);
        }
        self.sealed.put(&self.arrived.bytes);
        self.sealed.close();
        let mut events = Vec::new();
        let ended = self.drain(&mut events)?;
        if !ended || !self.reader.finish(&mut events)? {
            return Err(Error::Truncated);
        }
        if self.sealed.len() != 0 {
            return Err(Error::Broken);
        }
        Ok(events)
    }

    /// Reads until nothing more is there; whether it was the end.
    fn drain(&mut self, events: &mut Vec<Event>) -> Result<bool, Error> {
        let mut plaintext = [0; MAX_CHUNK];
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match self.opened.as_mut().poll_read(&mut context, &mut plaintext) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(0)) => return Ok(true),
                Poll::Ready(Ok(n)) => self.reader.push(&plaintext[..n], events)?,
                Poll::Ready(Err(error)) => return Err(error.into()),
            }
        }
    }
}

/// The largest sealed chunk: 2^14 bytes and the tag (draft-ietf-ohai-chunked-ohttp-08 §3).
const MAX_CHUNK: usize = (1 << 14) + 16;

/// The response nonce: max(Nn, Nk) of AES-128-GCM (RFC 9458 §4.4).
const NONCE: usize = 16;

/// Sealed bytes that have arrived and are not yet a whole chunk. `ohttp` gets whole chunks only: when a
/// chunk's length is split between two reads it takes the chunk for the final one.
#[derive(Default)]
struct Arrived {
    bytes: Vec<u8>,
    past_nonce: bool,
}

impl Arrived {
    /// Takes bytes in and passes whole chunks on; the final chunk has no length and stays until the end.
    fn push(&mut self, bytes: &[u8], whole: &Pipe) -> Result<(), Error> {
        self.bytes.extend(bytes);
        let mut cursor = Cursor {
            bytes: &self.bytes,
            at: 0,
        };
        let mut passed = 0;
        if !self.past_nonce && cursor.take(NONCE).is_some() {
            self.past_nonce = true;
            passed = NONCE;
        }
        let mut chunks = self.past_nonce.then_some(cursor);
        while let Some(cursor) = &mut chunks
            && let Some(len) = cursor.varint()
        {
            if len > MAX_CHUNK as u64 {
                return Err(Error::Broken);
            }
            if len == 0 || cursor.take(len as usize).is_none() {
                break;
            }
            passed = cursor.at;
        }
        whole.put(&self.bytes[..passed]);
        self.bytes.drain(..passed);
        if self.bytes.len() > MAX_CHUNK + 8 {
            return Err(Error::Broken);
        }
        Ok(())
    }
}
