//! The OpenAI-compatible server behind the gateway.

use std::{
    fmt,
    time::{Duration, Instant},
};

use axum::body::Bytes;
use query::ErrorCode;
use reqwest::{Client, Response, StatusCode, Url, header};

use crate::{error::SealedError, health::Health, reply::Interrupted};

/// The upstream must be connected within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an upstream may be silent: a model may think long before its first word.
pub const SILENCE: Duration = Duration::from_secs(110);

/// Where the cloud model is asked, and with which key.
#[derive(Clone)]
pub struct Upstream {
    client: Client,
    completions: Url,
    key: Option<String>,
    health: Health,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("completions", &self.completions.as_str())
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// An OpenAI-compatible server: `base` is what its SDKs call the base URL (`https://host/v1`), `key` goes
    /// along as a bearer token. It must begin its answer, and go on with it, within `silence`.
    ///
    /// # Errors
    /// If `base` is no http or https URL, or the system's TLS roots cannot be read.
    pub fn new(base: &str, key: Option<String>, silence: Duration) -> Result<Self, String> {
        let completions = Url::parse(&format!("{}/chat/completions", base.trim_end_matches('/')))
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
            completions,
            key: key.filter(|key| !key.is_empty()),
            health: Health::default(),
        })
    }

    /// Whether it failed again and again, and only just now.
    pub(crate) fn is_down(&self, now: Instant) -> bool {
        self.health.is_down(now)
    }

    /// Asks; returns once the answer begins.
    pub(crate) async fn ask(&self, body: Bytes) -> Result<Answer, SealedError> {
        let asked = self.post(body).await;
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
            .post(self.completions.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "text/event-stream")
            .body(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
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
                Some(given) if given.starts_with(b"text/event-stream") => Ok(Answer(response)),
                _ => Err(failed(
                    "the cloud model's server does not stream; it must be OpenAI-compatible"
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

/// An answer that has begun.
#[derive(Debug)]
pub(crate) struct Answer(Response);

impl Answer {
    /// What the upstream says of its rate limit.
    pub(crate) fn limits(&self) -> Vec<(String, String)> {
        rate_limits(self.0.headers())
    }

    /// The next bytes of the event stream. Dropped while it waits, it has taken nothing.
    ///
    /// # Errors
    /// If the connection breaks, is silent for too long, or ends: it should end with an event that says so.
    pub(crate) async fn events(&mut self) -> Result<Bytes, Interrupted> {
        let piece = self.0.chunk().await.map_err(|_| Interrupted)?;
        piece.ok_or(Interrupted)
    }
}

/// Header fields that say how much of a rate limit is left, and when to ask again: the page's router keeps questions
/// back that would be refused. They are of the gateway's account, so they say something of how busy it is, and nothing
/// of who else asks.
fn rate_limits(headers: &header::HeaderMap) -> Vec<(String, String)> {
    /// More would be no rate limit, and a page reads no more.
    const MOST: usize = 12;
    const LONGEST: usize = 128;
    let is_limit = |name: &str| {
        name == "retry-after" || name.starts_with("ratelimit") || name.starts_with("x-ratelimit-")
    };
    headers
        .iter()
        .filter(|(name, value)| is_limit(name.as_str()) && value.len() <= LONGEST)
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .take(MOST)
        .collect()
}

/// What an error status of the upstream means to the page. Its body is not passed on: it may repeat the query,
/// and error messages never do.
fn refusal(status: StatusCode) -> SealedError {
    let code = status.as_u16();
    match code {
        401 | 403 => SealedError::new(
            502,
            ErrorCode::UpstreamUnauthorized,
            format!(
                "the cloud model refused the gateway's credentials ({code}); its operator must set a valid key"
            ),
        ),
        429 => SealedError::new(
            429,
            ErrorCode::UpstreamRateLimited,
            "the cloud model's rate limit is reached (429); try again later",
        ),
        400..=499 => SealedError::new(
            400,
            ErrorCode::InvalidRequest,
            format!(
                "the cloud model refused the request ({code}); check the model's name and the parameters"
            ),
        ),
        _ => SealedError::new(
            502,
            ErrorCode::UpstreamFailed,
            format!("the cloud model failed ({code}); try again later"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::rate_limits;

    #[test]
    fn only_rate_limits_are_passed_on() {
        let long = "9".repeat(129);
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("set-cookie", "account=7"),
            ("x-request-id", "42"),
            ("openai-organization", "org-1"),
            ("retry-after", "30"),
            ("ratelimit", "\"default\";r=5;t=30"),
            ("ratelimit-policy", &long),
            ("x-ratelimit-remaining-requests", "5"),
        ] {
            let value = HeaderValue::from_str(value).unwrap();
            headers.insert(HeaderName::from_static(name), value);
        }
        let mut passed = rate_limits(&headers);
        passed.sort();
        let expected = [
            ("ratelimit", "\"default\";r=5;t=30"),
            ("retry-after", "30"),
            ("x-ratelimit-remaining-requests", "5"),
        ];
        assert_eq!(
            passed,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
