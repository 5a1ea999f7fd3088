//! The engine's way out of the page: a sealed request to a relay.

use oblivious_http::{REQUEST_TYPE, Sealed};
use query::{Error, ErrorCode};
use web_sys::RequestCache;

use crate::{
    device::scope,
    fetch::{Fetch, Reply},
};

/// Longest error in the clear that is read, bytes.
const MAX_PROBLEM: usize = 16 << 10;

/// Posts to a relay. No cookies, no referrer, no cache: nothing goes along but the sealed bytes.
#[derive(Debug)]
pub(crate) struct RelayTransport {
    relay: String,
}

impl RelayTransport {
    pub(crate) fn new(relay: String) -> Self {
        Self { relay }
    }
}

impl engine::Transport for RelayTransport {
    type Reply = SealedReply;

    async fn post(&self, sealed: &Sealed) -> Result<SealedReply, Error> {
        let fetch = Fetch {
            method: "POST",
            url: &self.relay,
            headers: &[("content-type", REQUEST_TYPE)],
            body: Some(sealed.bytes()),
            credentials: false,
            cache: RequestCache::NoStore,
        };
        let mut reply = fetch
            .send()
            .await
            .map_err(|reason| self.unreachable(&reason))?;
        match reply.status() {
            200 => Ok(SealedReply { reply }),
            status => {
                let body = reply.bytes(MAX_PROBLEM).await.unwrap_or_default();
                Err(engine::problem(&self.relay, status, &body))
            }
        }
    }

    fn relay(&self) -> &str {
        &self.relay
    }
}

impl RelayTransport {
    fn unreachable(&self, reason: &str) -> Error {
        if !scope().navigator().on_line() {
            return Error::new(
                ErrorCode::Offline,
                "the device is offline; try again when it has a network",
            );
        }
        let message = format!(
            "relay {} could not be reached ({reason}); is it up, and allowed by connect-src?",
            self.relay
        );
        Error::new(ErrorCode::RelayUnavailable, message)
    }
}

/// The sealed reply as it comes; dropping it aborts the request, which aborts the upstream's work.
pub(crate) struct SealedReply {
    reply: Reply,
}

impl engine::Reply for SealedReply {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.reply.chunk().await {
            Ok(chunk) => Ok(chunk.map(|bytes| bytes.to_vec())),
            Err(reason) => {
                let message = format!("the answer broke off before its end ({reason}); try again");
                Err(Error::new(ErrorCode::UpstreamInterrupted, message))
            }
        }
    }
}
