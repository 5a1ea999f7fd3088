//! The gateway's half: opens requests, seals replies piece by piece.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures::io::{AsyncRead, AsyncWrite};
use ohttp::{
    SymmetricSuite,
    hpke::{Aead, Kdf, Kem},
};

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    Error,
    message::{REPLY_END, REPLY_FRAMING, read_request, reply_head, reply_piece},
    pipe::{Pipe, close, write_all},
};

/// The gateway's private keys: of each generation one for X-Wing and one for X25519.
#[derive(Clone)]
pub struct GatewayKeys {
    /// All of X-Wing, then all of X25519, in the order in which the generations were given.
    keys: Vec<GatewayKey>,
}

/// A key and what names it in a request.
#[derive(Clone)]
struct GatewayKey {
    key_id: u8,
    kem: u16,
    config: ohttp::KeyConfig,
}

impl std::fmt::Debug for GatewayKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GatewayKeys(<redacted>)")
    }
}

/// Generations have two key ids each, and 0 is none's.
const GENERATIONS: u8 = 127;

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

    /// The keys that follow from a secret seed (RFC 9180 §7.1.3, `DeriveKeyPair`): the same seed, the same keys. They
    /// are those of generation 0.
    ///
    /// # Errors
    /// [`Error::Library`] if the sealing library refuses.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, Error> {
        Self::from_generations(&[(0, *seed)])
    }

    /// The keys of several generations, each with a number below 127 of its own, the one to be preferred first: while
    /// keys rotate, requests to the old ones still open.
    ///
    /// # Errors
    /// [`Error::Generations`] if there is none, or a number is too large or there twice; [`Error::Library`] if the
    /// sealing library refuses.
    pub fn from_generations(generations: &[(u8, [u8; 32])]) -> Result<Self, Error> {
        let numbers: Vec<u8> = generations.iter().map(|(number, _)| *number).collect();
        let distinct = (1..numbers.len()).all(|at| !numbers[..at].contains(&numbers[at]));
        if numbers.is_empty() || !distinct || numbers.iter().any(|&number| number >= GENERATIONS) {
            return Err(Error::Generations);
        }
        let kinds: [(u8, u16, Kem, &[u8]); 2] = [
            (1, 0x647a, Kem::XWing, b"tidegate gateway x-wing"),
            (2, 0x0020, Kem::X25519Sha256, b"tidegate gateway x25519"),
        ];
        let mut keys = Vec::new();
        for (first_id, kem_id, kem, label) in kinds {
            for (number, seed) in generations {
                let key_id = 2 * number + first_id;
                let suites = vec![SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm)];
                // Separate keying material, so that one key says nothing about the other.
                let material = [label, seed].concat();
                keys.push(GatewayKey {
                    key_id,
                    kem: kem_id,
                    config: ohttp::KeyConfig::derive(key_id, kem, suites, &material)?,
                });
            }
        }
        Ok(Self { keys })
    }

    /// The public half, as `application/ohttp-keys` (RFC 9458 §3.2), X-Wing first.
    ///
    /// # Errors
    /// [`Error::Library`] if the sealing library refuses.
    pub fn config_list(&self) -> Result<Vec<u8>, Error> {
        let configs: Vec<&ohttp::KeyConfig> = self.keys.iter().map(|key| &key.config).collect();
        Ok(ohttp::KeyConfig::encode_list(&configs)?)
    }

    /// Opens a whole sealed request and prepares to seal its reply.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] and [`Error::NotOffered`] if the request names other keys or suites,
    /// [`Error::Broken`], [`Error::Truncated`] or [`Error::Message`] if it is damaged.
    pub fn open(&self, sealed: &[u8]) -> Result<(Request, Sealer), Error> {
        let config = self.select(sealed)?.clone();
        let mut opened = pin!(ohttp::Server::new(config)?.decapsulate_stream(sealed));
        // Shorter than what it was sealed into: it never moves, so that wiping it leaves no copy behind.
        let mut plaintext = Zeroizing::new(Vec::with_capacity(sealed.len()));
        let mut buffer = Zeroizing::new([0; (1 << 14) + 16]);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match opened.as_mut().poll_read(&mut context, &mut buffer[..]) {
                Poll::Ready(Ok(0)) => break,
                Poll::Ready(Ok(n)) => plaintext.extend(&buffer[..n]),
                Poll::Ready(Err(error)) => return Err(error.into()),
                // A slice is never pending.
                Poll::Pending => return Err(Error::Truncated),
            }
        }
        let message = read_request(&plaintext)?;
        let request = Request::from_message(&message, replay_id(sealed))?;
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
        let named = |key: &&GatewayKey| (key.key_id, key.kem) == (key_id, kem);
        let key = self.keys.iter().find(named);
        let key = key.ok_or(Error::UnknownKey { key_id, kem })?;
        if (kdf, aead) != crate::key_config::SUITE {
            return Err(Error::NotOffered { kdf, aead });
        }
        Ok(&key.config)
    }
}

/// Half a SHA-256 of the header and the encapsulated key: two requests that share it are the same request, for a
/// client makes an ephemeral key for each (RFC 9458 §6.5.1).
fn replay_id(sealed: &[u8]) -> [u8; 16] {
    let encapsulated_key = match sealed.get(1..3) {
        Some([0x64, 0x7a]) => 1120,
        _ => 32,
    };
    let named = &sealed[..sealed.len().min(7 + encapsulated_key)];
    let digest: [u8; 32] = Sha256::digest(named).into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

/// An opened request. Its content is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The same for a request that comes again, and for no other.
    pub replay_id: [u8; 16],
    /// `POST`.
    pub method: String,
    /// `/v1/chat/completions`.
    pub path: String,
    /// Names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

impl Drop for Request {
    fn drop(&mut self) {
        self.body.zeroize();
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request(<{} bytes>)", self.body.len())
    }
}

impl Request {
    /// The first field of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        let field = fields.find(|(given, _)| given == name)?;
        Some(&field.1)
    }

    /// When it was sealed, as the client says: seconds since 1970-01-01 00:00 UTC.
    pub fn date_s(&self) -> Option<u64> {
        crate::date::parse(self.header("date")?)
    }

    fn from_message(message: &bhttp::Message, replay_id: [u8; 16]) -> Result<Self, Error> {
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec())
                .map_err(|_| Error::Message("a field of the request is not UTF-8"))
        };
        let control = message.control();
        Ok(Self {
            replay_id,
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

/// How many bytes of content make a chunk of `cell` bytes of plaintext, 128 to 8,192: their length takes two.
pub const fn room(cell: usize) -> usize {
    cell - 2
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

    /// As [`Sealer::head`], also for an informational response, in sealed chunks of `cell` bytes of plaintext: a
    /// field `padding` fills the last one. `cell` is 128 to 8,192. Returns each chunk.
    ///
    /// # Errors
    /// [`Error::Library`] if the sealing library refuses.
    pub fn head_in_cells(
        &mut self,
        status: u16,
        headers: &[(&str, &str)],
        cell: usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut plaintext = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            plaintext.push(REPLY_FRAMING);
        }
        let mut unpadded = plaintext.clone();
        let fields = [headers, &[("padding", "")]].concat();
        reply_head(status, &fields, &mut unpadded);
        let unpadded = unpadded.len();
        let missing = unpadded.next_multiple_of(cell) - unpadded;
        let padding = match missing {
            0..=63 => missing,
            // From 64 on a length takes one more byte to say.
            64 => missing + cell - 1,
            _ => missing - 1,
        };
        let padding = " ".repeat(padding);
        let fields = [headers, &[("padding", padding.as_str())]].concat();
        reply_head(status, &fields, &mut plaintext);
        plaintext.chunks(cell).map(|cell| self.seal(cell)).collect()
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
