//! An OpenAI-compatible server that answers as the name of the model says ([`Plan`]).
//!
//! Where it refuses, it repeats what it was asked, in body and header: some servers do, and nothing of it may go on.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::script::{End, Plan, piece};

/// Largest request, bytes.
const MAX_REQUEST: usize = 2 << 20;

/// The upstream, and what it has seen. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Upstream {
    open: Arc<AtomicUsize>,
    /// Kept only for those who look: under load it would be the largest thing in memory.
    heard: Option<Arc<Mutex<String>>>,
}

#[derive(Deserialize)]
struct Asked {
    model: String,
}

impl Upstream {
    /// One that remembers what it was asked.
    pub fn listening_closely() -> Self {
        Self {
            heard: Some(Arc::default()),
            ..Self::default()
        }
    }

    /// All bodies that it got.
    pub fn heard(&self) -> String {
        let Some(heard) = &self.heard else {
            return String::new();
        };
        // Nobody panics while holding the lock.
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.clone()
    }

    /// Answers that have begun and not ended.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Serves on a free port of loopback, in the background; its root.
    ///
    /// # Errors
    /// If there is no port.
    pub async fn listen(&self) -> io::Result<(String, JoinHandle<io::Result<()>>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        Ok((url, tokio::spawn(self.clone().serve(listener))))
    }

    /// Serves on this listener for good: `/v1/chat/completions`, and at `/open` how many answers are on their way.
    ///
    /// # Errors
    /// As the listener's.
    async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let app = Router::new()
            .route("/v1/chat/completions", post(complete))
            .route("/open", get(open))
            .with_state(self);
        let listener = listener.tap_io(|connection| {
            // Without it a piece may wait 40 ms for an acknowledgement; then the figures say so.
            let _ = connection.set_nodelay(true);
        });
        axum::serve(listener, app).await
    }
}

async fn open(State(upstream): State<Upstream>) -> String {
    upstream.open().to_string()
}

async fn complete(State(upstream): State<Upstream>, request: Request) -> Response {
    let Ok(body) = axum::body::to_bytes(request.into_body(), MAX_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if let Some(heard) = &upstream.heard {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push_str(&String::from_utf8_lossy(&body));
    }
    let asked = serde_json::from_slice::<Asked>(&body);
    let Some((model, plan)) = asked
        .ok()
        .and_then(|asked| Some((Plan::of(&asked.model)?, asked.model)))
        .map(|(plan, model)| (model, plan))
    else {
        return refuse(StatusCode::BAD_REQUEST, "", body);
    };
    match plan.end {
        End::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            refuse(status, &model, body)
        }
        End::NoStream => refuse(StatusCode::OK, &model, body),
        _ => {
            upstream.open.fetch_add(1, Ordering::Relaxed);
            let answer = Answer {
                plan,
                started: Instant::now(),
                sent: 0,
                echo: String::from_utf8_lossy(&body).into_owned(),
                ended: false,
                open: upstream.open,
            };
            let headers = [(header::CONTENT_TYPE, "text/event-stream")];
            (headers, Body::from_stream(events(answer))).into_response()
        }
    }
}

fn refuse(status: StatusCode, model: &str, body: Bytes) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    if let Ok(echo) = HeaderValue::from_str(model) {
        headers.insert("x-request", echo);
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// An answer on its way.
struct Answer {
    plan: Plan,
    started: Instant,
    sent: u32,
    echo: String,
    ended: bool,
    open: Arc<AtomicUsize>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn events(answer: Answer) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(answer, |mut answer| async move {
        let event = answer.next().await?;
        Some((event, answer))
    })
}

impl Answer {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let Plan {
            pieces,
            every,
            letters,
            end,
        } = self.plan;
        if self.sent < pieces {
            // On a schedule: a piece that was late puts none off.
            sleep_until(self.started + every * self.sent).await;
            let delta = json!({ "content": piece(self.sent, letters) });
            self.sent += 1;
            let chunk = json!({
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "cloud-model",
                "choices": [{ "index": 0, "delta": delta, "finish_reason": null }],
            });
            return Some(Ok(format!("data: {chunk}\n\n").into()));
        }
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        match end {
            End::Whole => Some(Ok(Bytes::from_static(b"data: [DONE]\n\n"))),
            End::Cut => Some(Err(io::Error::other("cut"))),
            End::Failed => {
                let error = json!({ "error": { "message": self.echo, "code": 500 } });
                Some(Ok(format!("data: {error}\n\n").into()))
            }
            End::Silent => std::future::pending().await,
            // The last two never begin.
            End::Unfinished | End::NoStream | End::Status(_) => None,
        }
    }
}
