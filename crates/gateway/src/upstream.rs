//! The server behind the gateway: OpenAI-compatible, or Anthropic's.

use std::{
    fmt,
    time::{Duration, Instant},
};

use axum::body::Bytes;
use query::ErrorCode;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{self, HeaderName, HeaderValue},
};
use zeroize::Zeroizing;

use crate::{
    anthropic::{self, Failure, Translator},
    error::SealedError,
    health::Health,
    refusal::{rate_limits, refusal, status_of},
    reply::Interrupted,
};

/// The upstream must be connected within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an upstream may be silent: a model may think long before its first word.
pub const SILENCE: Duration = Duration::from_secs(110);

/// What an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Chat completions, as OpenAI streams them.
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
}

/// Where the cloud model is asked, and with which key.
#[derive(Clone)]
pub struct Upstream {
    client: Client,
    kind: Kind,
    url: Url,
    /// The header that holds its key, if it wants one.
    key: Option<(HeaderName, HeaderValue)>,
    health: Health,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("kind", &self.kind)
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// `base` is what the SDKs of this kind of server call the base URL, with its version (`https://host/v1`); `key` goes
    /// along as a bearer token or `x-api-key`. The server must begin its answer, and go on with it, within `silence`.
    ///
    /// # Errors
    /// If `base` is no http or https URL, `key` cannot stand in a header, or the system's TLS roots cannot be read.
    pub fn new(
        kind: Kind,
        base: &str,
        key: Option<String>,
        silence: Duration,
    ) -> Result<Self, String> {
        let path = match kind {
            Kind::OpenAi => "chat/completions",
            Kind::Anthropic => "messages",
        };
        let url = Url::parse(&format!("{}/{path}", base.trim_end_matches('/')))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                format!("upstream {base:?} is no base URL; expected one such as https://host/v1")
            })?;
        // One provider of TLS per process; a second call says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(silence)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| format!("the gateway's HTTP client: {error}"))?;
        Ok(Self {
            client,
            kind,
            url,
            key: key
                .filter(|key| !key.is_empty())
                .map(|key| key_header(kind, &key))
                .transpose()?,
            health: Health::default(),
        })
    }

    /// Whether it failed again and again, and only just now.
    pub(crate) fn is_down(&self, now: Instant) -> bool {
        self.health.is_down(now)
    }

    /// A chat completion request as this upstream takes it.
    pub(crate) fn said(&self, request: Bytes) -> Result<Bytes, SealedError> {
        match self.kind {
            Kind::OpenAi => Ok(request),
            Kind::Anthropic => translated(&request),
        }
    }

    /// Asks with what [`Upstream::said`] made; returns once the answer begins.
    pub(crate) async fn ask(&self, body: Bytes) -> Result<Answer, SealedError> {
        let asked = match self.post(body).await {
            Ok(answer) => answer.begun().await,
            refused => refused,
        };
        match &asked {
            // The server failed, or what stands in front of it.
            Err(error) if error.status == 502 && error.code == ErrorCode::UpstreamFailed => {
                self.health.failed(Instant::now());
            }
            _ => self.health.answered(),
        }
        asked
    }

    /// Only the headers below go along.
    async fn post(&self, body: Bytes) -> Result<Answer, SealedError> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "text/event-stream")
            .body(body);
        if let Some((name, value)) = &self.key {
            request = request.header(name, value);
        }
        if self.kind == Kind::Anthropic {
            request = request.header("anthropic-version", anthropic::VERSION);
        }
        let failed = |message| SealedError::new(502, ErrorCode::UpstreamFailed, message);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => {
                return Err(failed(
                    "the cloud model did not answer in time; try again".to_owned(),
                ));
            }
            Err(_) => {
                return Err(failed(
                    "the gateway cannot reach the cloud model; try again later".to_owned(),
                ));
            }
        };
        let status = response.status();
        if status.is_success() {
            return match response
                .headers()
                .get(header::CONTENT_TYPE)
                .map(|value| value.as_bytes())
            {
                Some(given) if given.starts_with(b"text/event-stream") => {
                    Ok(Answer::new(response, self.kind))
                }
                _ => Err(failed(
                    "the cloud model's server does not stream; is --upstream-kind right?"
                        .to_owned(),
                )),
            };
        }
        Err(SealedError {
            limits: rate_limits(response.headers()),
            ..refusal(status)
        })
    }
}

/// Marked as sensitive, so that no library prints it.
fn key_header(kind: Kind, key: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = match kind {
        Kind::OpenAi => (header::AUTHORIZATION, format!("Bearer {key}")),
        Kind::Anthropic => (HeaderName::from_static("x-api-key"), key.to_owned()),
    };
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| "the upstream's key holds characters that no header can hold".to_owned())?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The same request for the Messages API.
fn translated(body: &[u8]) -> Result<Bytes, SealedError> {
    let invalid = |message| SealedError::new(400, ErrorCode::InvalidRequest, message);
    let request = serde_json::from_slice(body)
        .map_err(|_| invalid("the request's body is no JSON object".to_owned()))?;
    let request = anthropic::translate(&request)
        .map_err(|unsayable| invalid(format!("{}: {}", unsayable.field, unsayable.why)))?;
    let text = serde_json::Value::Object(request).to_string();
    Ok(Bytes::from_owner(Zeroizing::new(text.into_bytes())))
}

/// An answer that has begun.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response,
    /// None if the upstream speaks as the page does.
    translator: Option<Box<Translator>>,
    /// What was read to see that it begins.
    first: Bytes,
}

impl Answer {
    fn new(response: Response, kind: Kind) -> Self {
        Self {
            response,
            translator: (kind == Kind::Anthropic).then(Box::default),
            first: Bytes::new(),
        }
    }

    /// Waits for the first event of the Messages API, which may be an error although the status was none.
    async fn begun(mut self) -> Result<Self, SealedError> {
        while self.translator.is_some() && self.first.is_empty() {
            self.first = self.chunk().await.map_err(|failure| match failure.0 {
                Some(kind) => refusal(status_of(&kind)),
                None => refusal(StatusCode::BAD_GATEWAY),
            })?;
        }
        Ok(self)
    }

    /// What the upstream says of its rate limit.
    pub(crate) fn limits(&self) -> Vec<(String, String)> {
        rate_limits(self.response.headers())
    }

    /// The next bytes of the event stream, as the page reads it. Dropped while it waits, it has taken nothing.
    ///
    /// # Errors
    /// If the connection breaks, is silent for too long, or ends: it should end with an event that says so.
    pub(crate) async fn events(&mut self) -> Result<Bytes, Interrupted> {
        if !self.first.is_empty() {
            return Ok(std::mem::take(&mut self.first));
        }
        self.chunk().await.map_err(|_| Interrupted)
    }

    async fn chunk(&mut self) -> Result<Bytes, Failure> {
        let piece = self.response.chunk().await.map_err(|_| Failure(None))?;
        let piece = piece.ok_or(Failure(None))?;
        match &mut self.translator {
            None => Ok(piece),
            Some(translator) => translator.push(&piece).map(Bytes::from),
        }
    }
}
