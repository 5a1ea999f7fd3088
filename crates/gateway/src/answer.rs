//! One sealed query: open, ask, seal what comes back, piece by piece.

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, stream};
use oblivious_http::{REPLY_TYPE, REQUEST_TYPE, Sealer};
use query::ErrorCode;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    Gateway,
    error::{Problem, SealedError},
    sse::{Events, Progress, heartbeat},
    upstream::rate_limits,
};

/// Largest sealed request, bytes: a padded request of 1 MiB and its envelope.
const MAX_REQUEST: usize = (1 << 20) + (16 << 10);
/// After this much silence of the upstream's, a sign of life.
const HEARTBEAT: Duration = Duration::from_millis(400);
/// A request must have come within this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// `POST /gateway`. Dropped (because the page went away, then the relay's connection), it drops the upstream's
/// connection with it, at any point.
pub(crate) async fn answer(State(gateway): State<Gateway>, request: Request) -> Response {
    let started = Instant::now();
    match open(&gateway, request).await {
        Ok((request, sealer)) => reply(&gateway, &request, sealer, started),
        Err(problem) => {
            tracing::info!(status = problem.status.as_u16(), code = ?problem.code, ms = ms(started), "refused");
            problem.into_response()
        }
    }
}

/// Reads and opens the request.
async fn open(
    gateway: &Gateway,
    request: Request,
) -> Result<(oblivious_http::Request, Sealer), Problem> {
    let problem = |status, title: &str| Problem {
        status,
        code: ErrorCode::InvalidRequest,
        title: title.to_owned(),
    };
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|given| given.eq_ignore_ascii_case(REQUEST_TYPE)) {
        return Err(problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the gateway takes content-type message/ohttp-chunked-req",
        ));
    }
    let sealed = timeout(REQUEST_TIMEOUT, read(request.into_body()))
        .await
        .map_err(|_| {
            problem(
                StatusCode::REQUEST_TIMEOUT,
                "the sealed request did not come within 30 s",
            )
        })?
        .ok_or_else(|| {
            problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the sealed request is longer than 1 MiB, or was cut off",
            )
        })?;
    Ok(gateway.keys.open(&sealed)?)
}

/// The whole body; none if it is too long or cut off. What is too long is read on for a while and thrown away:
/// a connection that closes on a client still writing often loses the answer.
async fn read(body: Body) -> Option<Vec<u8>> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut total) = (Vec::new(), 0);
    while total <= 8 * MAX_REQUEST
        && let Some(chunk) = chunks.next().await
    {
        let chunk = chunk.ok()?;
        total += chunk.len();
        if total <= MAX_REQUEST {
            bytes.extend(chunk);
        }
    }
    (total <= MAX_REQUEST).then_some(bytes)
}

/// The reply: outside always 200, so that the relay does not learn how it went.
fn reply(
    gateway: &Gateway,
    request: &oblivious_http::Request,
    sealer: Sealer,
    started: Instant,
) -> Response {
    let asked = completion_request(request);
    let upstream = gateway.upstream.clone();
    let asking: Asking = Box::pin(async move { upstream.ask(asked?).await });
    let log = ReplyLog {
        started,
        request_bytes: request.body.len(),
        status: 0,
        bytes: 0,
        pieces: 0,
        whole: false,
    };
    let answering = Answering {
        stage: Stage::Asking(asking),
        sealer,
        log,
    };
    let headers = [
        (header::CONTENT_TYPE, REPLY_TYPE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(sealed_answer(answering))).into_response()
}

/// The body for the upstream: the page's own bytes, unless they do not ask for a stream with usage.
fn completion_request(request: &oblivious_http::Request) -> Result<Vec<u8>, SealedError> {
    let refuse =
        |status, message| Err(SealedError::new(status, ErrorCode::InvalidRequest, message));
    if request.path != "/v1/chat/completions" {
        return refuse(404, "the gateway answers /v1/chat/completions only");
    }
    if request.method != "POST" {
        return refuse(405, "the gateway answers POST only");
    }
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(&request.body) else {
        return refuse(400, "the request's body is no JSON object");
    };
    let include_usage = fields
        .get("stream_options")
        .and_then(|options| options.get("include_usage"));
    if fields.get("stream") == Some(&Value::Bool(true)) && include_usage == Some(&Value::Bool(true))
    {
        return Ok(request.body.clone());
    }
    fields.insert("stream".to_owned(), true.into());
    fields.insert(
        "stream_options".to_owned(),
        json!({ "include_usage": true }),
    );
    Ok(Value::Object(fields).to_string().into_bytes())
}

/// An answer on its way.
struct Answering {
    stage: Stage,
    sealer: Sealer,
    log: ReplyLog,
}

type Asking = Pin<Box<dyn Future<Output = Result<reqwest::Response, SealedError>> + Send>>;

enum Stage {
    Asking(Asking),
    Streaming(reqwest::Response, Events),
}

/// The sealed head, then each whole event of the upstream's as it comes, and the final chunk after `[DONE]`; or a
/// sealed error, if the answer does not begin. Whatever else ends the upstream's stream ends this one with an
/// error: the connection breaks, and the page sees that the final chunk is missing.
///
/// While the upstream is silent, signs of life go out: a relay (workerd for one) notices that the page went away
/// only when it writes, and the upstream should not think on for nobody.
fn sealed_answer(answering: Answering) -> impl Stream<Item = Result<Bytes, Interrupted>> {
    stream::try_unfold(Some(answering), |answering| async move {
        let Some(mut answering) = answering else {
            return Ok(None);
        };
        let (sealed, goes_on) = answering.next().await?;
        let sealed = answering.log.count(sealed);
        Ok(Some((sealed, goes_on.then_some(answering))))
    })
}

impl Answering {
    /// The next sealed bytes, and whether more will come.
    async fn next(&mut self) -> Result<(Vec<u8>, bool), Interrupted> {
        let Self { stage, sealer, log } = self;
        if let Stage::Asking(asking) = stage {
            return match timeout(HEARTBEAT, asking.as_mut()).await {
                Err(_) => Ok((sealer.informational(102)?, true)),
                Ok(Ok(upstream)) => {
                    log.status = 200;
                    let limits = rate_limits(upstream.headers());
                    *stage = Stage::Streaming(upstream, Events::new());
                    let headers = head("text/event-stream", &limits);
                    Ok((sealer.head(200, &headers)?, true))
                }
                Ok(Err(error)) => {
                    log.status = error.status;
                    Ok((self.refuse(&error)?, false))
                }
            };
        }
        let Stage::Streaming(upstream, events) = stage else {
            return Err(Interrupted);
        };
        loop {
            let Ok(piece) = timeout(HEARTBEAT, upstream.chunk()).await else {
                return Ok((sealer.chunk(&heartbeat())?, true));
            };
            let piece = piece.map_err(|_| Interrupted)?.ok_or(Interrupted)?;
            let whole_events = events.push(&piece);
            match events.progress() {
                Progress::Failed => return Err(Interrupted),
                Progress::Running if whole_events.is_empty() => {}
                Progress::Running => return Ok((sealer.chunk(&whole_events)?, true)),
                Progress::Done => {
                    let mut sealed = sealer.chunk(&whole_events)?;
                    sealed.extend(sealer.finish()?);
                    log.whole = true;
                    return Ok((sealed, false));
                }
            }
        }
    }

    /// A whole sealed reply that says why there is no answer.
    fn refuse(&mut self, error: &SealedError) -> Result<Vec<u8>, Interrupted> {
        let headers = head("application/json", &error.limits);
        let mut bytes = self.sealer.head(error.status, &headers)?;
        bytes.extend(self.sealer.chunk(error.json().as_bytes())?);
        bytes.extend(self.sealer.finish()?);
        self.log.whole = true;
        Ok(bytes)
    }
}

/// The header fields inside the seal.
fn head<'h>(content_type: &'h str, limits: &'h [(String, String)]) -> Vec<(&'h str, &'h str)> {
    let limits = limits.iter();
    let limits = limits.map(|(name, value)| (name.as_str(), value.as_str()));
    std::iter::once(("content-type", content_type))
        .chain(limits)
        .collect()
}

/// The upstream's answer broke off.
#[derive(Debug)]
struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the upstream's answer broke off")
    }
}

impl std::error::Error for Interrupted {}

impl From<oblivious_http::Error> for Interrupted {
    fn from(error: oblivious_http::Error) -> Self {
        tracing::error!(%error, "sealing failed");
        Self
    }
}

/// Logs an answer when it ends, however it ends.
struct ReplyLog {
    started: Instant,
    request_bytes: usize,
    /// As sealed; 0 before the head.
    status: u16,
    bytes: usize,
    pieces: usize,
    whole: bool,
}

impl ReplyLog {
    fn count(&mut self, sealed: Vec<u8>) -> Bytes {
        self.bytes += sealed.len();
        self.pieces += 1;
        sealed.into()
    }
}

impl Drop for ReplyLog {
    fn drop(&mut self) {
        tracing::info!(
            status = self.status,
            request_bytes = self.request_bytes,
            reply_bytes = self.bytes,
            pieces = self.pieces,
            whole = self.whole,
            ms = ms(self.started),
            "answered"
        );
    }
}

fn ms(started: Instant) -> u64 {
    // An answer does not take half a billion years.
    started.elapsed().as_millis() as u64
}
