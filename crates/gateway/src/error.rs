//! Errors in the clear (RFC 9457), before a request is opened, and sealed ones, after.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use query::ErrorCode;
use serde_json::json;

use crate::admission::Refusal;

/// RFC 9458 §5.3: the request was sealed to a key that the gateway does not have.
const KEY_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#ohttp-key";
/// RFC 9458 §6.5.2: the request's date is not within the gateway's window.
const DATE_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#date";

/// An error before the request is open: the relay can read it, so it says nothing of the content.
#[derive(Debug)]
pub(crate) struct Problem {
    pub status: StatusCode,
    pub code: ErrorCode,
    pub title: String,
    /// In so many seconds it may go better.
    pub retry_after: Option<u32>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: ErrorCode, title: impl Into<String>) -> Self {
        Self {
            status,
            code,
            title: title.into(),
            retry_after: None,
        }
    }

    /// The gateway takes nothing now, but what it has goes on.
    pub(crate) fn unavailable(title: &str, retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::GatewayUnavailable,
                title,
            )
        }
    }
}

impl From<oblivious_http::Error> for Problem {
    fn from(error: oblivious_http::Error) -> Self {
        use oblivious_http::Error as E;
        let (status, code) = match error {
            // A request to another key and a changed one look the same; a new key is the likely reason.
            E::UnknownKey { .. } | E::NotOffered { .. } | E::Broken => {
                (StatusCode::BAD_REQUEST, ErrorCode::KeyMismatch)
            }
            E::Truncated => (StatusCode::BAD_REQUEST, ErrorCode::SealBroken),
            E::Message(_) => (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal),
        };
        Self::new(status, code, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = if self.code == ErrorCode::KeyMismatch {
            KEY_PROBLEM
        } else {
            "about:blank"
        };
        let body = json!({ "type": kind, "title": self.title, "status": self.status.as_u16(), "code": self.code });
        let mut response = (
            self.status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            body.to_string(),
        )
            .into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// An error after the request is open: it travels sealed, as the reply.
#[derive(Clone, Debug)]
pub(crate) struct SealedError {
    /// The status inside the seal; outside it is 200, so that the relay does not learn it.
    pub status: u16,
    pub code: ErrorCode,
    pub message: String,
    /// What the upstream said of its rate limit.
    pub limits: Vec<(String, String)>,
    /// The gateway's date, where the request's is the problem.
    pub date: Option<u64>,
    /// What a token has to answer, where the token is the problem.
    pub challenge: Option<String>,
}

impl From<Refusal> for SealedError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Date { now } => Self {
                date: Some(now),
                ..Self::new(
                    400,
                    ErrorCode::ClockSkewed,
                    "date field in request outside of acceptable range",
                )
            },
            Refusal::Seen => Self::new(
                400,
                ErrorCode::Replayed,
                "this sealed request came before; seal it again",
            ),
            Refusal::Full => Self::new(
                503,
                ErrorCode::GatewayUnavailable,
                "more requests come than the gateway can tell from repeated ones; try again later",
            ),
        }
    }
}

impl SealedError {
    pub(crate) fn new(status: u16, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            limits: Vec::new(),
            date: None,
            challenge: None,
        }
    }

    /// The header fields of the reply.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let content_type = match self.date {
            Some(_) => "application/problem+json",
            None => "application/json",
        };
        let date = self.date.map(oblivious_http::date::format);
        let challenge = self.challenge.clone();
        [("content-type", content_type.to_owned())]
            .into_iter()
            .chain(date.map(|date| ("date", date)))
            .chain(challenge.map(|challenge| ("www-authenticate", challenge)))
            .map(|(name, value)| (name.to_owned(), value))
            .chain(self.limits.iter().cloned())
            .collect()
    }

    /// `{"error":{"code":…,"message":…}}`, and what a problem of RFC 9457 has where it is one.
    pub(crate) fn json(&self) -> String {
        let mut json = json!({ "error": { "code": self.code, "message": self.message } });
        if self.date.is_some() {
            json["type"] = DATE_PROBLEM.into();
            json["title"] = self.message.as_str().into();
            json["status"] = self.status.into();
        }
        json.to_string()
    }
}
