//! The relay as a native server.

use std::time::{Duration, Instant};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use futures::{Stream, StreamExt};
use reqwest::Url;

use crate::forward::{self, Decision, Incoming, Problem, Reply};

/// Between two chunks of a reply at most this time may pass.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(120);

/// Where requests go, and the connections that lead there.
#[derive(Clone)]
struct Relay {
    client: reqwest::Client,
    gateway: Url,
    directory: Url,
}

/// A relay to the gateway at `gateway` (its root URL, http or https).
///
/// Listen with TCP_NODELAY: without it each chunk may wait 40 ms for an acknowledgement.
///
/// # Errors
/// If `gateway` is no URL that a path can be added to, or the system's TLS roots cannot be read.
pub fn app(gateway: &str) -> Result<Router, String> {
    let at = |path| {
        Url::parse(gateway)
            .and_then(|url| url.join(path))
            .map_err(|error| {
                format!("gateway {gateway}: {error}; expected a URL such as http://127.0.0.1:8082")
            })
    };
    let directory = at(forward::DIRECTORY_PATH)?;
    let gateway = at(forward::GATEWAY_PATH)?;
    // One provider of TLS per process; a second call says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(forward::CONNECT_TIMEOUT_S))
        .read_timeout(CHUNK_TIMEOUT)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| format!("the relay's HTTP client: {error}"))?;
    Ok(Router::new().fallback(relay).with_state(Relay {
        client,
        gateway,
        directory,
    }))
}

/// Answers one request. Logged are status, bytes and times: no address, no path.
async fn relay(State(relay): State<Relay>, request: Request) -> Response {
    let started = Instant::now();
    let decision = decide(&request);
    let (mut response, sent) = match decision {
        Decision::Preflight => {
            let mut response = answer(204, None, Body::empty());
            put(&mut response, forward::PREFLIGHT_HEADERS);
            (response, 0)
        }
        Decision::Healthy => (answer(200, Some("text/plain"), Body::from("ok")), 0),
        Decision::Refuse(problem) => {
            drain(request.into_body()).await;
            (refuse(&problem), 0)
        }
        Decision::Directory => (relay.directory().await, 0),
        Decision::Forward { length } => (relay.carry(request.into_body(), length).await, length),
    };
    put(&mut response, forward::ANSWER_HEADERS);
    tracing::info!(
        status = response.status().as_u16(),
        request_bytes = sent,
        head_ms = started.elapsed().as_millis() as u64,
        "relayed"
    );
    response
}

fn decide(request: &Request) -> Decision {
    let text = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    forward::decide(&Incoming {
        method: request.method().as_str(),
        path: request.uri().path(),
        content_type: text(header::CONTENT_TYPE),
        content_length: text(header::CONTENT_LENGTH),
    })
}

impl Relay {
    /// The gateway's list of keys, fetched without a word about who asks.
    async fn directory(&self) -> Response {
        let fetch = async {
            let reply = self.client.get(self.directory.clone()).send().await.ok()?;
            let status = reply.status().as_u16();
            let content_type = reply.headers().get(header::CONTENT_TYPE).cloned();
            Some((
                status,
                content_type,
                short_body(reply, forward::MAX_DIRECTORY).await?,
            ))
        };
        let limit = Duration::from_secs(forward::DIRECTORY_TIMEOUT_S);
        let Ok(Some((status, content_type, body))) = tokio::time::timeout(limit, fetch).await
        else {
            return refuse(&Problem::unreachable(
                "the gateway's list of keys cannot be fetched; try again",
            ));
        };
        let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
        match forward::decide_directory(status, content_type, body.len()) {
            Ok(()) => answer(200, Some(forward::DIRECTORY_TYPE), Body::from(body)),
            Err(problem) => refuse(&problem),
        }
    }

    /// Streams the body to the gateway and the reply back. When the page goes away, axum drops this future or
    /// the reply's body, and the connection to the gateway with it.
    async fn carry(&self, body: Body, length: u64) -> Response {
        let mut request = self
            .client
            .post(self.gateway.clone())
            .header(header::CONTENT_LENGTH, length)
            .body(reqwest::Body::wrap_stream(body.into_data_stream()));
        for &(name, value) in forward::GATEWAY_HEADERS {
            request = request.header(name, value);
        }
        let reply = tokio::time::timeout(
            Duration::from_secs(forward::REPLY_TIMEOUT_S),
            request.send(),
        )
        .await;
        let reply = match reply {
            Err(_) => return refuse(&Problem::timeout()),
            Ok(Err(error)) if error.is_timeout() => return refuse(&Problem::timeout()),
            Ok(Err(_)) => {
                return refuse(&Problem::unreachable(
                    "the gateway cannot be reached; try again",
                ));
            }
            Ok(Ok(reply)) => reply,
        };
        let content_type = reply
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        match forward::decide_reply(reply.status().as_u16(), content_type) {
            Reply::Stream => answer(
                200,
                Some(forward::REPLY_TYPE),
                Body::from_stream(counted(reply)),
            ),
            Reply::Problem { status } => match short_body(reply, forward::MAX_PROBLEM).await {
                Some(body) => answer(status, Some(forward::PROBLEM_TYPE), Body::from(body)),
                None => refuse(&Problem::unreachable(
                    "the gateway's error is too long or was cut off",
                )),
            },
            Reply::Refuse(problem) => refuse(&problem),
        }
    }
}

/// The reply's bytes as they come. An error of the gateway's becomes an error of ours: the page must not take
/// a cut reply for a whole one.
fn counted(reply: reqwest::Response) -> impl Stream<Item = Result<Bytes, reqwest::Error>> {
    let mut log = ReplyLog {
        started: Instant::now(),
        bytes: 0,
        chunks: 0,
    };
    reply.bytes_stream().inspect(move |chunk| {
        // The whole log moves in, so that it is dropped, and written, with the stream.
        let log = &mut log;
        if let Ok(chunk) = chunk {
            log.bytes += chunk.len();
            log.chunks += 1;
        }
    })
}

/// Logs a reply when it ends, however it ends.
struct ReplyLog {
    started: Instant,
    bytes: usize,
    chunks: usize,
}

impl Drop for ReplyLog {
    fn drop(&mut self) {
        let ms = self.started.elapsed().as_millis() as u64;
        tracing::info!(
            reply_bytes = self.bytes,
            chunks = self.chunks,
            reply_ms = ms,
            "reply ended"
        );
    }
}

async fn short_body(mut reply: reqwest::Response, longest: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await.ok()? {
        body.extend(chunk);
        if body.len() > longest {
            return None;
        }
    }
    Some(body)
}

/// Reads what is refused for a while and throws it away: a connection that closes on a client still writing
/// often loses the answer.
async fn drain(body: Body) {
    let mut chunks = body.into_data_stream();
    let mut total = 0;
    let reading = async {
        while total <= 8 * forward::MAX_REQUEST
            && let Some(Ok(chunk)) = chunks.next().await
        {
            total += chunk.len() as u64;
        }
    };
    // Whoever writes slower than this loses the answer.
    let _ = tokio::time::timeout(Duration::from_secs(forward::CONNECT_TIMEOUT_S), reading).await;
}

fn refuse(problem: &Problem) -> Response {
    answer(
        problem.status,
        Some(forward::PROBLEM_TYPE),
        Body::from(problem.json()),
    )
}

fn answer(status: u16, content_type: Option<&'static str>, body: Body) -> Response {
    let mut response = Response::new(body);
    // All statuses come from `forward` or were parsed as one.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    if let Some(content_type) = content_type {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

fn put(response: &mut Response, headers: &'static [(&'static str, &'static str)]) {
    for &(name, value) in headers {
        response.headers_mut().insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
}
