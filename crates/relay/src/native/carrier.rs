//! Carries requests to the gateway and replies back.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::header,
    response::Response,
};
use futures::{Stream, StreamExt, stream};
use reqwest::{Client, Url};
use tokio::time::{Instant, timeout, timeout_at};

use super::{answer, ask_again, record::Record, refuse};
use crate::forward::{self, Problem, Reply};

/// Between two chunks of a reply at most this time may pass.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(120);
/// Connections that wait longer for a request are not used again: the gateway closes them after 20 s.
const IDLE: Duration = Duration::from_secs(10);

/// Where requests go, and the connections that lead there.
#[derive(Clone, Debug)]
pub(super) struct Carrier {
    client: Client,
    gateway: Url,
    directory: Url,
}

impl Carrier {
    /// # Errors
    /// If `gateway` is no URL that a path can be added to, or the system's TLS roots cannot be read.
    pub(super) fn new(gateway: &str) -> Result<Self, String> {
        let at = |path| {
            Url::parse(gateway)
                .and_then(|url| url.join(path))
                .map_err(|error| {
                    format!(
                        "gateway {gateway}: {error}; expected a URL such as http://127.0.0.1:8082"
                    )
                })
        };
        // One provider of TLS per process; a second call says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(forward::CONNECT_TIMEOUT_S))
            .read_timeout(CHUNK_TIMEOUT)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| format!("the relay's HTTP client: {error}"))?;
        Ok(Self {
            client,
            gateway: at(forward::GATEWAY_PATH)?,
            directory: at(forward::DIRECTORY_PATH)?,
        })
    }

    /// The gateway's list of keys, fetched without a word about who asks.
    pub(super) async fn directory(&self, mut record: Record) -> Response {
        let fetch = async {
            let reply = self.client.get(self.directory.clone()).send().await.ok()?;
            let status = reply.status().as_u16();
            let content_type = text(&reply, header::CONTENT_TYPE).map(str::to_owned);
            let body = short_body(reply, forward::MAX_DIRECTORY).await?;
            Some((status, content_type, body))
        };
        let limit = Duration::from_secs(forward::DIRECTORY_TIMEOUT_S);
        let list = match timeout(limit, fetch).await {
            Ok(Some((status, content_type, body))) => {
                forward::decide_directory(status, content_type.as_deref(), body.len())
                    .map(|()| body)
            }
            _ => Err(Problem::unreachable(
                "the gateway's list of keys cannot be fetched; try again",
            )),
        };
        match list {
            Ok(body) => {
                record.listed();
                answer(200, Some(forward::DIRECTORY_TYPE), Body::from(body))
            }
            Err(problem) => {
                record.refused(&problem);
                refuse(&problem)
            }
        }
    }

    /// Streams the body to the gateway and the reply back. When the page goes away, axum drops this future or
    /// the reply's body, and the connection to the gateway with it.
    pub(super) async fn carry(&self, body: Body, length: u64, mut record: Record) -> Response {
        let late = Arc::new(AtomicBool::new(false));
        let mut request = self
            .client
            .post(self.gateway.clone())
            .header(header::CONTENT_LENGTH, length)
            .body(reqwest::Body::wrap_stream(in_time(body, late.clone())));
        for &(name, value) in forward::GATEWAY_HEADERS {
            request = request.header(name, value);
        }
        let limit = Duration::from_secs(forward::REPLY_TIMEOUT_S);
        let problem = match timeout(limit, request.send()).await {
            Ok(Ok(reply)) => return pass(reply, record).await,
            _ if late.load(Ordering::Relaxed) => Problem::late(),
            Err(_) => Problem::timeout(),
            Ok(Err(error)) if error.is_timeout() => Problem::timeout(),
            Ok(Err(_)) => Problem::unreachable("the gateway cannot be reached; try again"),
        };
        record.refused(&problem);
        refuse(&problem)
    }
}

/// What the gateway answered; or what is answered instead.
async fn pass(reply: reqwest::Response, mut record: Record) -> Response {
    let content_type = text(&reply, header::CONTENT_TYPE);
    let problem = match forward::decide_reply(reply.status().as_u16(), content_type) {
        Reply::Stream => {
            record.begun();
            let body = Body::from_stream(pieces(reply, record));
            return answer(200, Some(forward::REPLY_TYPE), body);
        }
        Reply::Problem { status } => {
            let retry_after = forward::retry_after(text(&reply, header::RETRY_AFTER));
            if let Some(body) = short_body(reply, forward::MAX_PROBLEM).await {
                record.passed(status);
                let mut response = answer(status, Some(forward::PROBLEM_TYPE), Body::from(body));
                ask_again(&mut response, retry_after);
                return response;
            }
            Problem::unreachable("the gateway's error is too long or was cut off")
        }
        Reply::Refuse(problem) => problem,
    };
    record.refused(&problem);
    refuse(&problem)
}

fn text(reply: &reqwest::Response, name: header::HeaderName) -> Option<&str> {
    reply.headers().get(name)?.to_str().ok()
}

/// The request's bytes as they come; an error if they do not come in time, which is then noted.
fn in_time(body: Body, late: Arc<AtomicBool>) -> impl Stream<Item = Result<Bytes, io::Error>> {
    let deadline = Instant::now() + Duration::from_secs(forward::REQUEST_TIMEOUT_S);
    stream::try_unfold(body.into_data_stream(), move |mut chunks| {
        let late = late.clone();
        async move {
            match timeout_at(deadline, chunks.next()).await {
                Ok(Some(Ok(chunk))) => Ok(Some((chunk, chunks))),
                Ok(Some(Err(error))) => Err(io::Error::other(error)),
                Ok(None) => Ok(None),
                Err(_) => {
                    late.store(true, Ordering::Relaxed);
                    Err(io::ErrorKind::TimedOut.into())
                }
            }
        }
    })
}

/// The reply's bytes as they come. An error of the gateway's becomes an error of ours: the page must not take
/// a cut reply for a whole one.
fn pieces(
    reply: reqwest::Response,
    record: Record,
) -> impl Stream<Item = Result<Bytes, io::Error>> {
    let deadline = Instant::now() + Duration::from_secs(forward::ANSWER_TIMEOUT_S);
    stream::try_unfold((reply, record), move |(mut reply, mut record)| async move {
        match timeout_at(deadline, reply.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                record.count(&chunk);
                Ok(Some((chunk, (reply, record))))
            }
            Ok(Ok(None)) => {
                record.whole();
                Ok(None)
            }
            Ok(Err(_)) | Err(_) => {
                record.cut();
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
    })
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
