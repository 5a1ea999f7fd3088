//! One sealed query: open, ask, seal what comes back, piece by piece.

use std::time::{Duration, Instant};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, stream};
use oblivious_http::{REPLY_TYPE, REQUEST_TYPE, Sealer};
use query::ErrorCode;
use serde_json::{Value, json};

use crate::{
    Gateway,
    error::{Problem, SealedError},
    sse::{Events, Progress},
};

/// Largest sealed request, bytes: a padded request of 1 MiB and its envelope.
const MAX_REQUEST: usize = (1 << 20) + (16 << 10);
/// A request must have come within this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// `POST /gateway`. Dropped (because the page went away, then the relay's connection), it drops the upstream's
/// connection with it, at any point.
pub(crate) async fn answer(State(gateway): State<Gateway>, request: Request) -> Response {
    let started = Instant::now();
    let response = match open(&gateway, request).await {
        Ok((request, sealer)) => reply(&gateway, request, sealer, started).await,
        Err(problem) => Err(problem),
    };
    response.unwrap_or_else(|problem| {
        tracing::info!(status = problem.status.as_u16(), code = ?problem.code, ms = ms(started), "refused");
        problem.into_response()
    })
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
    let sealed = tokio::time::timeout(REQUEST_TIMEOUT, to_bytes(request.into_body(), MAX_REQUEST))
        .await
        .map_err(|_| {
            problem(
                StatusCode::REQUEST_TIMEOUT,
                "the sealed request did not come within 30 s",
            )
        })?
        .map_err(|_| {
            problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the sealed request is longer than 1 MiB, or was cut off",
            )
        })?;
    Ok(gateway.keys.open(&sealed)?)
}

/// Asks the upstream and streams its answer, sealed. An error before the answer begins is sealed too.
async fn reply(
    gateway: &Gateway,
    request: oblivious_http::Request,
    mut sealer: Sealer,
    started: Instant,
) -> Result<Response, Problem> {
    let request_bytes = request.body.len();
    let asked = match completion_request(&request) {
        Ok(body) => gateway.upstream.ask(body).await,
        Err(error) => Err(error),
    };
    let body = match asked {
        Ok(upstream) => {
            let head = sealer.head(200, &[("content-type", "text/event-stream")])?;
            let log = ReplyLog {
                started,
                request_bytes,
                bytes: 0,
                pieces: 0,
                whole: false,
            };
            Body::from_stream(sealed_answer(upstream, sealer, head, log))
        }
        Err(error) => {
            tracing::info!(status = error.status, code = ?error.code, request_bytes, ms = ms(started), "failed");
            let mut bytes = sealer.head(error.status, &[("content-type", "application/json")])?;
            bytes.extend(sealer.chunk(error.json().as_bytes())?);
            bytes.extend(sealer.finish()?);
            Body::from(bytes)
        }
    };
    let headers = [
        (header::CONTENT_TYPE, REPLY_TYPE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
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
    upstream: reqwest::Response,
    sealer: Sealer,
    events: Events,
    head: Option<Vec<u8>>,
    log: ReplyLog,
}

/// The sealed head, then each whole event of the upstream's as it comes, and the final chunk after `[DONE]`.
/// Whatever else ends the upstream's stream ends this one with an error: the connection breaks, and the page
/// sees that the final chunk is missing.
fn sealed_answer(
    upstream: reqwest::Response,
    sealer: Sealer,
    head: Vec<u8>,
    log: ReplyLog,
) -> impl Stream<Item = Result<Bytes, Interrupted>> {
    let answering = Answering {
        upstream,
        sealer,
        events: Events::new(),
        head: Some(head),
        log,
    };
    stream::try_unfold(Some(answering), |answering| async move {
        let Some(mut answering) = answering else {
            return Ok(None);
        };
        if let Some(head) = answering.head.take() {
            return Ok(Some((answering.log.count(head), Some(answering))));
        }
        loop {
            let piece = answering
                .upstream
                .chunk()
                .await
                .map_err(|_| Interrupted)?
                .ok_or(Interrupted)?;
            let events = answering.events.push(&piece);
            match answering.events.progress() {
                Progress::Failed => return Err(Interrupted),
                Progress::Running if events.is_empty() => continue,
                Progress::Running => {
                    let sealed = answering.sealer.chunk(&events).map_err(|_| Interrupted)?;
                    return Ok(Some((answering.log.count(sealed), Some(answering))));
                }
                Progress::Done => {
                    let Answering {
                        mut sealer,
                        mut log,
                        ..
                    } = answering;
                    let mut sealed = sealer.chunk(&events).map_err(|_| Interrupted)?;
                    sealed.extend(sealer.finish().map_err(|_| Interrupted)?);
                    log.whole = true;
                    return Ok(Some((log.count(sealed), None)));
                }
            }
        }
    })
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

/// Logs an answer when it ends, however it ends.
struct ReplyLog {
    started: Instant,
    request_bytes: usize,
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
