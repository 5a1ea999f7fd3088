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
}

/// The reply of [`InMemory`].
pub struct InMemoryReply(LocalBoxStream<'static, Result<Vec<u8>, Error>>);

impl<F> InMemory<F>
where
    F: Fn(&[u8]) -> Result<LocalBoxStream<'static, Result<Vec<u8>, Error>>, Error>,
{
    /// A relay that answers so.
    pub fn new(answer: F) -> Self {
        Self { answer }
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

    fn relay(&self) -> &str {
        "memory:"
    }
}

impl Reply for InMemoryReply {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.0.next().await.transpose()
    }
}
