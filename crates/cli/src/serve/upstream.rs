//! The embedded upstream: the local model behind an OpenAI-compatible endpoint.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::stream;
use local_model::{Finish, Sampling};
use query::ChatRequest;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::model::{Engine, Event, Job};
use crate::clock::now;

#[derive(Clone)]
struct Server {
    engine: Engine,
    model: Arc<str>,
}

/// `POST /v1/chat/completions`, streamed and plain, and `GET /v1/models`.
pub(super) fn app(engine: Engine, model: &str) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(models))
        .with_state(Server {
            engine,
            model: model.into(),
        })
}

async fn models(State(server): State<Server>) -> Json<Value> {
    Json(json!({
        "object": "list",
        "data": [{ "id": &*server.model, "object": "model", "created": 0, "owned_by": "tidegate" }],
    }))
}

/// Dropped with its connection, it drops the job's receiver, and the model's thread ends the job.
async fn complete(State(server): State<Server>, body: Bytes) -> Response {
    let request: ChatRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            return refuse(
                StatusCode::BAD_REQUEST,
                &format!("not a chat completion request: {error}"),
            );
        }
    };
    if let Some(field) = request
        .local_only()
        .find(|field| !["min_p", "repetition_penalty", "logit_bias"].contains(field))
    {
        return refuse(
            StatusCode::BAD_REQUEST,
            &format!("{field} is not supported by this server"),
        );
    }
    let (streamed, include_usage) = (
        request.stream == Some(true),
        request
            .stream_options
            .is_some_and(|options| options.include_usage == Some(true)),
    );
    let (sender, mut events) = mpsc::unbounded_channel();
    // A fixed seed would give the same answer to the same question every time.
    let sampling = Sampling::of(&request, now());
    if server
        .engine
        .send(Job {
            messages: request.messages,
            sampling,
            events: sender,
        })
        .is_err()
    {
        return refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "the model's thread has ended; restart the server",
        );
    }
    match events.recv().await {
        Some(Event::Started) => {}
        Some(Event::Failed(error)) => return failed(&error),
        _ => {
            return refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the model's thread dropped the request",
            );
        }
    }
    let reply = Reply {
        model: server.model,
        created: now(),
    };
    if streamed {
        reply.stream(events, include_usage)
    } else {
        reply.whole(events).await
    }
}

/// What all chunks of one answer share.
struct Reply {
    model: Arc<str>,
    created: u64,
}

impl Reply {
    async fn whole(self, mut events: UnboundedReceiver<Event>) -> Response {
        let mut content = String::new();
        while let Some(event) = events.recv().await {
            match event {
                Event::Started => {}
                Event::Text(text) => content.push_str(&text),
                Event::Failed(error) => return failed(&error),
                Event::Done {
                    finish,
                    prompt_tokens,
                    completion_tokens,
                } => {
                    let message = json!({ "role": "assistant", "content": content });
                    return Json(json!({
                        "id": self.id(), "object": "chat.completion", "created": self.created, "model": &*self.model,
                        "choices": [{ "index": 0, "message": message, "finish_reason": reason(finish) }],
                        "usage": usage(prompt_tokens, completion_tokens),
                    }))
                    .into_response();
                }
            }
        }
        refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the model's thread dropped the request",
        )
    }

    /// Server-sent events; one that breaks off ends without `[DONE]`.
    fn stream(self, events: UnboundedReceiver<Event>, include_usage: bool) -> Response {
        let first = Some(self.chunk(json!({ "role": "assistant", "content": "" }), Value::Null));
        let pieces = stream::unfold(
            (self, events, first),
            move |(reply, mut events, first)| async move {
                if let Some(first) = first {
                    return Some((Ok::<_, Infallible>(first), (reply, events, None)));
                }
                let piece = match events.recv().await? {
                    Event::Started => String::new(),
                    Event::Text(text) => reply.chunk(json!({ "content": text }), Value::Null),
                    Event::Failed(error) => event(&error_json(&error.to_string())),
                    Event::Done {
                        finish,
                        prompt_tokens,
                        completion_tokens,
                    } => {
                        let mut end = reply.chunk(json!({}), reason(finish).into());
                        if include_usage {
                            end += &event(&json!({
                                "id": reply.id(), "object": "chat.completion.chunk", "created": reply.created,
                                "model": &*reply.model, "choices": [],
                                "usage": usage(prompt_tokens, completion_tokens),
                            }));
                        }
                        end + "data: [DONE]\n\n"
                    }
                };
                Some((Ok(piece), (reply, events, None)))
            },
        );
        (
            [(header::CONTENT_TYPE, "text/event-stream")],
            Body::from_stream(pieces),
        )
            .into_response()
    }

    fn chunk(&self, delta: Value, finish_reason: Value) -> String {
        event(&json!({
            "id": self.id(), "object": "chat.completion.chunk", "created": self.created, "model": &*self.model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }],
        }))
    }

    fn id(&self) -> String {
        format!("chatcmpl-{}", self.created)
    }
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::EndOfTurn | Finish::Stop => "stop",
        Finish::Length | Finish::Incomplete => "length",
    }
}

fn usage(prompt_tokens: usize, completion_tokens: usize) -> Value {
    json!({
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    })
}

fn failed(error: &local_model::Error) -> Response {
    let status = match error {
        local_model::Error::ContextOverflow { .. } => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    refuse(status, &error.to_string())
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(error_json(message))).into_response()
}

fn error_json(message: &str) -> Value {
    json!({ "error": { "message": message, "type": "tidegate" } })
}
