//! The way to the relay. Only what is sealed can take it.

use futures::{StreamExt, stream::LocalBoxStream};
use oblivious_http::Sealed;
use query::{Error, ErrorCode};
use serde::Deserialize;

/// Carries sealed requests to a relay.
#[expect(
    async_fn_in_trait,
    reason = "an engine stays on one thread: a page's worker has only one"
)]
pub trait Transport {
    /// The reply as it comes.
    type Reply: Reply;

    /// Sends; returns once the reply begins.
    ///
    /// # Errors
    /// `offline`, `relay-unavailable`, `gateway-unavailable`, `key-mismatch`: what a reply in the clear says.
    async fn post(&self, sealed: &Sealed) -> Result<Self::Reply, Error>;

    /// The gateway's signed list of keys as it comes by `path`, a URL. Neither cookies nor caches take part, and what is
    /// longer than 64 KiB or takes longer than 10 s is an error.
    ///
    /// # Errors
    /// `offline`, `relay-unavailable`, `gateway-unavailable`.
    async fn key_list(&self, path: &str) -> Result<String, Error>;

    /// The gateway's evidence for a key (its fingerprint) and a nonce, both 32 bytes in hex, through the relay. Bounded to
    /// 256 KiB and 20 s.
    ///
    /// # Errors
    /// As [`Transport::post`].
    async fn evidence(&self, key: &str, nonce: &str) -> Result<String, Error>;

    /// The relay's URL.
    fn relay(&self) -> &str;
}

/// A sealed reply as it comes. Dropping it aborts the request.
#[expect(
    async_fn_in_trait,
    reason = "an engine stays on one thread: a page's worker has only one"
)]
pub trait Reply {
    /// The next bytes, split anywhere; `None` at the end.
    ///
    /// # Errors
    /// If the connection breaks.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error>;
}

/// What an answer in the clear of this status means: a problem (RFC 9457) of the relay, or of the gateway and passed on
/// by the relay. Its title is a sentence of ours, made before anything was opened.
pub fn problem(relay: &str, status: u16, body: &[u8]) -> Error {
    #[derive(Deserialize)]
    struct Problem {
        title: String,
        code: ErrorCode,
    }
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => Error::new(problem.code, format!("relay {relay}: {}", problem.title)),
        Err(_) => Error::new(
            ErrorCode::RelayUnavailable,
            format!("relay {relay} answered HTTP {status}; try again later"),
        ),
    }
}

/// A relay in memory: what it is sent goes to a function, and what that returns comes back.
pub struct InMemory<F> {
    answer: F,
    get: Box<Get>,
}

/// What comes of a path, or of `evidence KEY NONCE`.
type Get = dyn Fn(&str) -> Result<String, Error>;

/// The reply of [`InMemory`].
pub struct InMemoryReply(LocalBoxStream<'static, Result<Vec<u8>, Error>>);

impl<F> InMemory<F>
where
    F: Fn(&[u8]) -> Result<LocalBoxStream<'static, Result<Vec<u8>, Error>>, Error>,
{
    /// A relay that answers so.
    pub fn new(answer: F) -> Self {
        let nothing = |what: &str| {
            Err(Error::new(
                ErrorCode::GatewayUnavailable,
                format!("memory: has no {what}"),
            ))
        };
        Self {
            answer,
            get: Box::new(nothing),
        }
    }

    /// The same relay, where `get` has what comes of a path to a list of keys, and of `evidence KEY NONCE`.
    #[must_use]
    pub fn with(mut self, get: impl Fn(&str) -> Result<String, Error> + 'static) -> Self {
        self.get = Box::new(get);
        self
    }
}

impl<F> Transport for InMemory<F>
where
    F: Fn(&[u8]) -> Result<LocalBoxStream<'static, Result<Vec<u8>, Error>>, Error>,
{
    type Reply = InMemoryReply;

    async fn post(&self, sealed: &Sealed) -> Result<InMemoryReply, Error> {
        (self.answer)(sealed.bytes()).map(InMemoryReply)
    }

    async fn key_list(&self, path: &str) -> Result<String, Error> {
        (self.get)(path)
    }

    async fn evidence(&self, key: &str, nonce: &str) -> Result<String, Error> {
        (self.get)(&format!("evidence {key} {nonce}"))
    }

    fn relay(&self) -> &str {
        "memory:"
    }
}

impl Reply for InMemoryReply {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.0.next().await.transpose()
    }
}
