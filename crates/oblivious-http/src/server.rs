//! The gateway's half: opens requests, seals replies piece by piece.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures::io::{AsyncRead, AsyncWrite};
use ohttp::{
    SymmetricSuite,
    hpke::{Aead, Kdf, Kem},
};

use crate::{
    Error,
    message::{REPLY_END, REPLY_FRAMING, read_request, reply_head, reply_piece},
    pipe::{Pipe, close, write_all},
};

/// The gateway's private keys: one for X-Wing, one for X25519.
#[derive(Clone)]
pub struct GatewayKeys {
    x_wing: ohttp::KeyConfig,
    x25519: ohttp::KeyConfig,
}

impl std::fmt::Debug for GatewayKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GatewayKeys(<redacted>)")
    }
}

const X_WING_ID: u8 = 1;
const X25519_ID: u8 = 2;

impl GatewayKeys {
    /// Fresh keys.
    ///
    /// # Errors
    /// [`Error::Library`] if the system has no randomness.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| Error::Library(error.to_string()))?;
        Self::from_seed(&seed)
    }

    /// The keys that follow from a secret seed (RFC 9180 §7.1.3, `DeriveKeyPair`): the same seed, the same keys.
    ///
    /// # Errors
    /// [`Error::Library`] if the sealing library refuses.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, Error> {
        let derive = |key_id, kem, label: &[u8]| {
            let suites = vec![SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm)];
            // Separate keying material, so that one key says nothing about the other.
            ohttp::KeyConfig::derive(key_id, kem, suites, &[label, seed].concat())
        };
        Ok(Self {
            x_wing: derive(X_WING_ID, Kem::XWing, b"tidegate gateway x-wing")?,
            x25519: derive(X25519_ID, Kem::X25519Sha256, b"tidegate gateway x25519")?,
        })
    }

    /// The public half, as `application/ohttp-keys` (RFC 9458 §3.2), X-Wing first.
    ///
    /// # Errors
    /// [`Error::Library`] if the sealing library refuses.
    pub fn config_list(&self) -> Result<Vec<u8>, Error> {
        Ok(ohttp::KeyConfig::encode_list(&[
            &self.x_wing,
            &self.x25519,
        ])?)
    }

    /// Opens a whole sealed request and prepares to seal its reply.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] and [`Error::NotOffered`] if the request names other keys or suites,
    /// [`Error::Broken`], [`Error::Truncated`] or [`Error::Message`] if it is damaged.
    pub fn open(&self, sealed: &[u8]) -> Result<(Request, Sealer), Error> {
        let config = self.select(sealed)?.clone();
        let mut opened = pin!(ohttp::Server::new(config)?.decapsulate_stream(sealed));
        let mut plaintext = Vec::new();
        let mut buffer = [0; (1 << 14) + 16];
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match opened.as_mut().poll_read(&mut context, &mut buffer) {
                Poll::Ready(Ok(0)) => break,
                Poll::Ready(Ok(n)) => plaintext.extend(&buffer[..n]),
                Poll::Ready(Err(error)) => return Err(error.into()),
                // A slice is never pending.
                Poll::Pending => return Err(Error::Truncated),
            }
        }
        let request = Request::from_message(&read_request(&plaintext)?)?;
        let wire = Pipe::default();
        let sealer = Box::pin(opened.response(wire.clone())?);
        Ok((
            request,
            Sealer {
                wire,
                sealer,
                begun: false,
            },
        ))
    }

    /// The key that the request's header names (RFC 9458 §4.3). Checked here because `ohttp` would also take
    /// symmetric suites that were not offered.
    fn select(&self, sealed: &[u8]) -> Result<&ohttp::KeyConfig, Error> {
        let (header, _) = sealed.split_first_chunk::<7>().ok_or(Error::Truncated)?;
        let [
            key_id,
            kem_high,
            kem_low,
            kdf_high,
            kdf_low,
            aead_high,
            aead_low,
        ] = *header;
        let kem = u16::from_be_bytes([kem_high, kem_low]);
        let (kdf, aead) = (
            u16::from_be_bytes([kdf_high, kdf_low]),
            u16::from_be_bytes([aead_high, aead_low]),
        );
        let config = match (key_id, kem) {
            (X_WING_ID, 0x647a) => &self.x_wing,
            (X25519_ID, 0x0020) => &self.x25519,
            _ => return Err(Error::UnknownKey { key_id, kem }),
        };
        if (kdf, aead) != crate::key_config::SUITE {
            return Err(Error::NotOffered { kdf, aead });
        }
        Ok(config)
    }
}

/// An opened request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// `/v1/chat/completions`.
    pub path: String,
    /// Names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request(<{} bytes>)", self.body.len())
    }
}

impl Request {
    fn from_message(message: &bhttp::Message) -> Result<Self, Error> {
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec())
                .map_err(|_| Error::Message("a field of the request is not UTF-8"))
        };
        let control = message.control();
        Ok(Self {
            method: text(control.method().unwrap_or_default())?,
            path: text(control.path().unwrap_or_default())?,
            headers: message
                .header()
                .iter()
                .map(|field| {
                    Ok((
                        text(field.name())?.to_ascii_lowercase(),
                        text(field.value())?,
                    ))
                })
                .collect::<Result<_, Error>>()?,
            body: message.content().to_vec(),
        })
    }
}

/// Seals one reply. If it is dropped before [`Sealer::finish`], the page knows that the reply is not whole.
pub struct Sealer {
    wire: Pipe,
    sealer: Pin<Box<dyn AsyncWrite + Send>>,
    begun: bool,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// An informational response (RFC 9292 §3.5.1), any number of them before the head: a sign of life that the
    /// page's reader skips. Returns bytes for the wire.
    ///
    /// # Errors
    /// [`Error::Library`] if the sealing library refuses.
    pub fn informational(&mut self, status: u16) -> Result<Vec<u8>, Error> {
        self.head(status, &[])
    }

    /// Status and header fields, to be sealed once and before the content. Returns bytes for the wire.
    ///
    /// # Errors
    /// [`Error::Library`] if the sealing library refuses.
    pub fn head(&mut self, status: u16, headers: &[(&str, &str)]) -> Result<Vec<u8>, Error> {
        let mut plaintext = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            plaintext.push(REPLY_FRAMING);
        }
        reply_head(status, headers, &mut plaintext);
        self.seal(&plaintext)
    }

    /// A piece of the content, in a sealed chunk of its own (of several above 16 KiB).
    ///
    /// # Errors
    /// [`Error::Library`] if the sealing library refuses.
    pub fn chunk(&mut self, content: &[u8]) -> Result<Vec<u8>, Error> {
        if content.is_empty() {
            return Ok(Vec::new());
        }
        self.seal(&reply_piece(content))
    }

    /// The end of the content and the final chunk; nothing can follow. Never call it after an upstream error.
    ///
    /// # Errors
    /// [`Error::Library`] if the sealing library refuses.
    pub fn finish(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = self.seal(REPLY_END)?;
        close(self.sealer.as_mut())?;
        bytes.extend(self.wire.take());
        Ok(bytes)
    }

    fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        write_all(self.sealer.as_mut(), plaintext)?;
        Ok(self.wire.take())
    }
}
