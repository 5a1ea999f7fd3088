//! One sealed query: open, ask, seal what comes back, piece by piece.

use std::{
    pin::Pin,
    sync::PoisonError,
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
use query::{ErrorCode, Traffic};
use serde_json::{Value, json};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::{
    Gateway,
    error::{Problem, SealedError},
    reply::{Interrupted, Reply},
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
    let admitted = admit(gateway, request);
    let traffic = match &admitted {
        Ok(()) => traffic(gateway, request),
        // Nothing was asked whose lengths and times could tell anything.
        Err(_) => Ok(Traffic::Off),
    };
    let asked = admitted
        .and(traffic.clone())
        .and_then(|_| completion_request(request));
    let upstream = gateway.upstream.clone();
    let (tokens, now) = (gateway.settings.tokens.clone(), gateway.settings.now());
    let token = request.header("authorization").map(str::to_owned);
    let asking: Asking = Box::pin(async move {
        // What is not answered anyway costs no token.
        let asked = asked?;
        if let Some(tokens) = tokens {
            tokens.redeem(token.as_deref(), now).await?;
        }
        upstream.ask(asked).await
    });
    let reply = Reply::new(sealer, traffic.unwrap_or_default());
    let answering = Answering {
        stage: Stage::Asking(asking),
        beats: reply.every().map(|every| {
            let mut beats = interval(every);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beats
        }),
        reply,
        log: ReplyLog {
            started,
            request_bytes: request.body.len(),
            status: 0,
            bytes: 0,
            pieces: 0,
            whole: false,
        },
    };
    let headers = [
        (header::CONTENT_TYPE, REPLY_TYPE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(sealed_answer(answering))).into_response()
}

/// Whether this request is answered: fresh, and for the first time.
fn admit(gateway: &Gateway, request: &oblivious_http::Request) -> Result<(), SealedError> {
    let now = gateway.settings.now();
    // Nobody panics while holding the lock, so a poisoned one is whole.
    let mut admission = gateway
        .admission
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    Ok(admission.admit(now, request.date_s(), request.replay_id)?)
}

/// What the page wants, within the operator's bounds.
fn traffic(gateway: &Gateway, request: &oblivious_http::Request) -> Result<Traffic, SealedError> {
    let wanted = match request.header(Traffic::FIELD) {
        None => Traffic::default(),
        Some(name) => Traffic::named(name).ok_or_else(|| {
            let message = "tidegate-traffic: expected off, balanced or strict";
            SealedError::new(400, ErrorCode::InvalidRequest, message)
        })?,
    };
    let bounds = &gateway.settings.traffic;
    Ok(wanted.max(*bounds.start()).min(*bounds.end()))
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
    reply: Reply,
    /// None if all goes as it comes.
    beats: Option<Interval>,
    log: ReplyLog,
}

type Asking = Pin<Box<dyn Future<Output = Result<reqwest::Response, SealedError>> + Send>>;

enum Stage {
    Asking(Asking),
    Streaming(reqwest::Response),
    /// The upstream has said all.
    Ended,
}

/// The sealed head, then what the upstream says (each whole event as it comes, or cells on a beat), and the final
/// chunk after `[DONE]`; or a sealed error, if the answer does not begin. Whatever else ends the upstream's stream
/// ends this one with an error: the connection breaks, and the page sees that the final chunk is missing.
///
/// While the upstream is silent, signs of life go out: a relay (workerd for one) notices that the page went away
/// only when it writes, and the upstream should not think on for nobody.
fn sealed_answer(answering: Answering) -> impl Stream<Item = Result<Bytes, Interrupted>> {
    stream::try_unfold(answering, |mut answering| async move {
        if answering.reply.is_over() {
            return Ok(None);
        }
        let sealed = answering.next().await?;
        answering.log.whole = answering.reply.is_over();
        let sealed = answering.log.count(sealed);
        Ok(Some((sealed, answering)))
    })
}

impl Answering {
    /// The next sealed bytes.
    async fn next(&mut self) -> Result<Vec<u8>, Interrupted> {
        let Self {
            stage,
            reply,
            beats,
            log,
        } = self;
        let Some(beats) = beats else {
            loop {
                let sealed = match timeout(HEARTBEAT, stage.go_on(reply, log)).await {
                    Ok(sealed) => sealed?,
                    Err(_) => reply.alive()?,
                };
                if !sealed.is_empty() {
                    return Ok(sealed);
                }
            }
        };
        loop {
            let waits = matches!(stage, Stage::Ended) || !reply.has_room();
            // What has come is taken along by the beat that is due, and a beat that is due is not put off.
            tokio::select! {
                biased;
                _ = beats.tick() => return reply.beat(),
                sealed = stage.go_on(reply, log), if !waits => { sealed?; }
            }
        }
    }
}

impl Stage {
    /// Waits for the upstream, and hands on what came. Dropped while it waits, it has taken nothing.
    async fn go_on(
        &mut self,
        reply: &mut Reply,
        log: &mut ReplyLog,
    ) -> Result<Vec<u8>, Interrupted> {
        let (next, sealed) = match self {
            Self::Asking(asking) => match asking.as_mut().await {
                Ok(upstream) => {
                    log.status = 200;
                    let sealed = reply.begin(rate_limits(upstream.headers()))?;
                    (Self::Streaming(upstream), sealed)
                }
                Err(error) => {
                    log.status = error.status;
                    (Self::Ended, reply.refuse(&error)?)
                }
            },
            Self::Streaming(upstream) => {
                let piece = upstream.chunk().await.map_err(|_| Interrupted)?;
                let sealed = reply.upstream(&piece.ok_or(Interrupted)?)?;
                if !reply.has_heard_all() {
                    return Ok(sealed);
                }
                (Self::Ended, sealed)
            }
            Self::Ended => return Ok(Vec::new()),
        };
        *self = next;
        Ok(sealed)
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
