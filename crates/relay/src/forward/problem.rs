//! What a relay answers itself when it refuses.

use serde::Serialize;

/// An error in the clear, RFC 9457, with Tidegate's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// A sentence for a developer.
    pub title: &'static str,
    /// One of Tidegate's error codes, as the page knows them.
    pub code: &'static str,
    /// In so many seconds it may go better: the header `retry-after`.
    #[serde(skip)]
    pub retry_after: Option<u32>,
}

/// When to ask again, seconds, where nothing better is known.
const SOON_S: u32 = 2;

impl Problem {
    /// The request is wrong.
    pub(super) fn invalid(status: u16, title: &'static str) -> Self {
        Self {
            status,
            title,
            code: "invalid-request",
            retry_after: None,
        }
    }

    /// The gateway cannot be reached or does not answer as one.
    pub fn unreachable(title: &'static str) -> Self {
        Self {
            status: 502,
            title,
            code: "gateway-unavailable",
            retry_after: None,
        }
    }

    /// The gateway did not answer in time.
    pub fn timeout() -> Self {
        Self {
            status: 504,
            title: "the gateway did not answer in time; try again",
            code: "gateway-unavailable",
            retry_after: None,
        }
    }

    /// The page did not send its request in time.
    pub fn late() -> Self {
        Self::invalid(408, "the sealed request did not come within 30 s")
    }

    /// This address asks more than its share.
    pub fn too_many(retry_after: u32) -> Self {
        Self {
            status: 429,
            title: "too many requests come from this address; wait before the next one",
            code: "relay-rate-limited",
            retry_after: Some(retry_after),
        }
    }

    /// There is no room for one more answer.
    pub fn full() -> Self {
        Self::unavailable("the relay has as many answers on their way as it can; try again")
    }

    /// The relay is about to end.
    pub fn draining() -> Self {
        Self::unavailable("this relay is about to end and takes no more requests; try again")
    }

    fn unavailable(title: &'static str) -> Self {
        Self {
            status: 503,
            title,
            code: "relay-unavailable",
            retry_after: Some(SOON_S),
        }
    }

    /// As `application/problem+json`.
    pub fn json(&self) -> String {
        // A struct of a number and two strings always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }
}
