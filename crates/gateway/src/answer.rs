//! One sealed query: whether it is taken, opened, and what it asks.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use oblivious_http::{REPLY_TYPE, REQUEST_TYPE, Sealer};
use query::{ErrorCode, Traffic};
use serde_json::{Value, json};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use zeroize::Zeroizing;

use crate::{
    Gateway,
    answering::{Answering, Asking},
    error::{Problem, SealedError},
    metrics::Outcome,
    record::Record,
    reply::Reply,
};

/// Largest sealed request, bytes: a padded request of 1 MiB and its envelope.
const MAX_REQUEST: usize = (1 << 20) + (16 << 10);
/// A request must have come within this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// When to ask again, seconds: a gateway that drains is replaced by another soon, and a place is free as soon as an
/// answer ends.
const RETRY_AFTER_S: u32 = 2;

/// `POST /gateway`. Dropped (because the page went away, then the relay's connection), it drops the upstream's
/// connection with it, at any point.
pub(crate) async fn answer(State(gateway): State<Gateway>, request: Request) -> Response {
    let started = Instant::now();
    let opened = match place(&gateway) {
        Ok(place) => open(&gateway, request)
            .await
            .map(|(request, sealer)| (request, sealer, place)),
        Err(problem) => {
            let _ = timeout(REQUEST_TIMEOUT, read(request.into_body(), 0)).await;
            Err(problem)
        }
    };
    match opened {
        Ok((request, sealer, place)) => reply(&gateway, request, sealer, started, place),
        Err(problem) => {
            let (status, ms) = (
                problem.status.as_u16(),
                started.elapsed().as_millis() as u64,
            );
            tracing::info!(status, code = ?problem.code, ms, "refused");
            gateway
                .settings
                .metrics
                .ended(Outcome::Failed(problem.code));
            problem.into_response()
        }
    }
}

/// Room for one more answer.
fn place(gateway: &Gateway) -> Result<OwnedSemaphorePermit, Problem> {
    if *gateway.settings.draining.borrow() {
        let title = "this gateway is about to end and takes no more requests; try again";
        return Err(Problem::unavailable(title, RETRY_AFTER_S));
    }
    gateway.places.clone().try_acquire_owned().map_err(|_| {
        let title = "the gateway has as many answers on their way as it can; try again";
        Problem::unavailable(title, RETRY_AFTER_S)
    })
}

/// Reads and opens the request.
async fn open(
    gateway: &Gateway,
    request: Request,
) -> Result<(oblivious_http::Request, Sealer), Problem> {
    let problem = |status, title| Problem::new(status, ErrorCode::InvalidRequest, title);
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
    let sealed = timeout(REQUEST_TIMEOUT, read(request.into_body(), MAX_REQUEST))
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

/// The whole body; none if it is longer than `longest` or cut off. What is too long is read on for a while and thrown
/// away: a connection that closes on a client still writing often loses the answer.
async fn read(body: Body, longest: usize) -> Option<Vec<u8>> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut total) = (Vec::new(), 0);
    while total <= 8 * MAX_REQUEST
        && let Some(chunk) = chunks.next().await
    {
        let chunk = chunk.ok()?;
        total += chunk.len();
        if total <= longest {
            bytes.extend(chunk);
        }
    }
    (total <= longest).then_some(bytes)
}

/// The reply: outside always 200, so that the relay does not learn how it went.
fn reply(
    gateway: &Gateway,
    request: oblivious_http::Request,
    sealer: Sealer,
    started: Instant,
    place: OwnedSemaphorePermit,
) -> Response {
    let metrics = gateway.settings.metrics.clone();
    let record = Record::new(metrics, started, request.body.len(), place);
    let admitted = admit(gateway, &request);
    let traffic = match &admitted {
        Ok(()) => traffic(gateway, &request),
        // Nothing was asked whose lengths and times could tell anything.
        Err(_) => Ok(Traffic::Off),
    };
    let asked = admitted
        .and(traffic.clone())
        .and_then(|_| completion_request(&request))
        .and_then(|body| gateway.upstream.said(body));
    let upstream = gateway.upstream.clone();
    let (tokens, now) = (gateway.settings.tokens.clone(), gateway.settings.now());
    let token = request.header("authorization").map(str::to_owned);
    // From here on what was asked is in the upstream's request alone.
    drop(request);
    let asking: Asking = Box::pin(async move {
        // What is not answered anyway costs no token.
        let asked = asked?;
        if let Some(tokens) = tokens {
            tokens.redeem(token.as_deref(), now).await?;
        }
        upstream.ask(asked).await
    });
    let reply = Reply::new(sealer, traffic.unwrap_or_default());
    let answering = Answering::new(asking, reply, gateway.settings.answer_limit, record);
    let headers = [
        (header::CONTENT_TYPE, REPLY_TYPE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(answering.sealed())).into_response()
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

/// The body for the upstream: the page's own bytes, unless they do not ask for a stream with usage. Wiped when it has
/// been sent.
fn completion_request(request: &oblivious_http::Request) -> Result<Bytes, SealedError> {
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
        return Ok(wiped(request.body.clone()));
    }
    fields.insert("stream".to_owned(), true.into());
    fields.insert(
        "stream_options".to_owned(),
        json!({ "include_usage": true }),
    );
    Ok(wiped(Value::Object(fields).to_string().into_bytes()))
}

/// Bytes that are overwritten when the last of those who hold them lets go.
fn wiped(bytes: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(bytes))
}
