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
/// Longest list of keys that is read, bytes; so long as relays pass on.
const MAX_KEY_LIST: usize = 64 << 10;
/// It must come within this time.
const KEY_LIST_LIMIT_MS: u32 = 10_000;
/// Longest evidence that is read, bytes; so long as relays pass on.
const MAX_EVIDENCE: usize = 256 << 10;
/// It must come within this time: hardware signs slowly.
const EVIDENCE_LIMIT_MS: u32 = 20_000;

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
            .map_err(|reason| unreachable(&self.relay, &reason))?;
        match reply.status() {
            200 => Ok(SealedReply { reply }),
            status => {
                let body = reply.bytes(MAX_PROBLEM).await.unwrap_or_default();
                Err(engine::problem(&self.relay, status, &body))
            }
        }
    }

    async fn key_list(&self, path: &str) -> Result<String, Error> {
        let fetch = Fetch {
            method: "GET",
            url: path,
            headers: &[],
            body: None,
            credentials: false,
            cache: RequestCache::NoStore,
        };
        short_text(fetch, MAX_KEY_LIST, KEY_LIST_LIMIT_MS).await
    }

    async fn evidence(&self, key: &str, nonce: &str) -> Result<String, Error> {
        let body = serde_json::json!({ "nonce": nonce, "key": key }).to_string();
        let fetch = Fetch {
            method: "POST",
            url: &format!("{}/evidence", self.relay.trim_end_matches('/')),
            headers: &[("content-type", "application/json")],
            body: Some(body.as_bytes()),
            credentials: false,
            cache: RequestCache::NoStore,
        };
        short_text(fetch, MAX_EVIDENCE, EVIDENCE_LIMIT_MS).await
    }

    fn relay(&self) -> &str {
        &self.relay
    }
}

/// A reply that is read whole.
async fn short_text(fetch: Fetch<'_>, longest: usize, limit_ms: u32) -> Result<String, Error> {
    let url = fetch.url;
    let mut reply = fetch
        .send_within(limit_ms)
        .await
        .map_err(|reason| unreachable(url, &reason))?;
    match reply.status() {
        200 => {
            let body = reply.bytes(longest).await;
            let body = body.map_err(|reason| unreachable(url, &reason))?;
            Ok(String::from_utf8_lossy(&body).into_owned())
        }
        status => {
            let body = reply.bytes(MAX_PROBLEM).await.unwrap_or_default();
            Err(engine::problem(url, status, &body))
        }
    }
}

fn unreachable(url: &str, reason: &str) -> Error {
    if !scope().navigator().on_line() {
        return Error::new(
            ErrorCode::Offline,
            "the device is offline; try again when it has a network",
        );
    }
    let message = format!(
        "relay {url} could not be reached ({reason}); is it up, and allowed by connect-src?"
    );
    Error::new(ErrorCode::RelayUnavailable, message)
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
