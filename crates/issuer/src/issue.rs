//! One batch: who asks, how much is left, sign.

use std::time::{Duration, Instant};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use privacy_pass::{BATCH_REQUEST_TYPE, BATCH_RESPONSE_TYPE, Batch, Error};
use tokio::time::timeout;

use crate::{Issuer, apps::App, problem::Problem};

/// Most tokens in a batch. To sign one takes a few milliseconds.
pub const MOST: usize = 64;
/// Longest batch, in bytes.
const LONGEST: usize = MOST * 259 + 8;
/// A batch must have come within this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// `POST /token-request`.
pub(crate) async fn issue(State(issuer): State<Issuer>, request: Request) -> Response {
    let started = Instant::now();
    let app = match issuer.apps.of(request.headers()) {
        Ok(app) => app,
        Err(problem) => return problem.into_response(),
    };
    let (tokens, result) = match sign(&issuer, &app, request).await {
        Ok((tokens, signed)) => (tokens, Ok(signed)),
        Err(problem) => (0, Err(problem)),
    };
    let status = result
        .as_ref()
        .map_or_else(|why| why.status, |_| StatusCode::OK);
    tracing::info!(
        app = app.name,
        tokens,
        status = status.as_u16(),
        ms = started.elapsed().as_millis(),
        "asked for tokens"
    );
    let headers = [
        (header::CONTENT_TYPE, BATCH_RESPONSE_TYPE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    match result {
        Ok(signed) => (headers, Body::from(signed)).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// How many tokens were signed, and the answer.
async fn sign(issuer: &Issuer, app: &App, request: Request) -> Result<(usize, Vec<u8>), Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    if content_type.is_none_or(|given| given != BATCH_REQUEST_TYPE) {
        let title = format!("the issuer takes content-type {BATCH_REQUEST_TYPE}");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, title));
    }
    let body = timeout(REQUEST_TIMEOUT, to_bytes(request.into_body(), LONGEST)).await;
    let body = body.map_err(|_| {
        let title = "the batch did not come within 10 s";
        Problem::new(StatusCode::REQUEST_TIMEOUT, title)
    })?;
    let body = body.map_err(|_| {
        let title = format!("the batch asks for more than {MOST} tokens, or was cut off");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, title)
    })?;
    let batch = Batch::parse(&body, MOST).map_err(unprocessable)?;
    let tokens = batch.0.len();
    let now = issuer.now();
    let keys = issuer.keys.signing(now);
    // What cannot be signed costs the app nothing.
    if batch
        .0
        .iter()
        .any(|request| !keys.iter().any(|key| request.is_for(key)))
    {
        return Err(unprocessable(Error::OtherKey));
    }
    issuer.apps.take(app, tokens, now)?;
    // Closed never.
    let permit = issuer.signing.clone().acquire_owned().await;
    let signed = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        batch.sign(keys.iter().map(AsRef::as_ref))
    });
    let signed = signed.await.map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "signing failed; try again",
        )
    })?;
    Ok((tokens, signed.map_err(unprocessable)?))
}

/// RFC 9578 §6.2.
fn unprocessable(error: Error) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
}
