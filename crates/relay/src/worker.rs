//! The relay as a Worker on workerd. Bodies pass through as the runtime's own streams: their bytes never enter
//! this module's memory.

use worker::{
    Context, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response,
    ResponseBody, event,
};

use crate::forward::{self, Decision, Incoming, Problem, Reply};

/// The variable that holds the gateway's root URL.
const GATEWAY: &str = "GATEWAY";
/// The hosted edge's counter of requests per address. Elsewhere there is none, and what stands in front limits.
const PER_ADDRESS: &str = "PER_ADDRESS";
/// How long one of its periods is, seconds.
const PERIOD_S: u32 = 60;
/// Where the hosted edge says whose request it is.
const ADDRESS: &str = "cf-connecting-ip";

#[event(fetch)]
async fn fetch(request: Request, env: Env, _: Context) -> worker::Result<Response> {
    let headers = request.headers();
    let (content_type, content_length) =
        (headers.get("content-type")?, headers.get("content-length")?);
    let (method, path) = (request.method(), request.path());
    let decision = forward::decide(&Incoming {
        method: method.as_ref(),
        path: &path,
        content_type: content_type.as_deref(),
        content_length: content_length.as_deref(),
    });
    match decision {
        Decision::Preflight => {
            let response = answer(204, None, ResponseBody::Empty)?;
            put(response.headers(), forward::PREFLIGHT_HEADERS)?;
            Ok(response)
        }
        Decision::Healthy => answer(200, Some("text/plain"), ResponseBody::Body(b"ok".to_vec())),
        // The runtime ends one instance after the other, and says to nobody that it will.
        Decision::Ready => answer(
            200,
            Some("text/plain"),
            ResponseBody::Body(b"ready".to_vec()),
        ),
        Decision::Refuse(problem) => refuse(&problem),
        Decision::Directory | Decision::Forward { .. } if !has_share(&request, &env).await? => {
            refuse(&Problem::too_many(PERIOD_S))
        }
        Decision::Directory => directory(&env.var(GATEWAY)?.to_string()).await,
        Decision::Forward { .. } => carry(&request, &env.var(GATEWAY)?.to_string()).await,
    }
}

/// Whether this address may ask once more.
async fn has_share(request: &Request, env: &Env) -> worker::Result<bool> {
    let Ok(limiter) = env.rate_limiter(PER_ADDRESS) else {
        return Ok(true);
    };
    let address = request.headers().get(ADDRESS)?;
    let address = forward::last_hop(address.as_deref().into_iter());
    let key = address.map_or_else(String::new, |address| {
        forward::counted_as(address).to_string()
    });
    Ok(limiter.limit(key).await?.success)
}

/// Streams the body to the gateway and the reply back. When the page goes away, the runtime cancels the reply's
/// stream and the fetch behind it.
async fn carry(request: &Request, gateway: &str) -> worker::Result<Response> {
    let headers = Headers::new();
    put(&headers, forward::GATEWAY_HEADERS)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body(request.inner().body().map(Into::into));
    let url = format!("{}{}", gateway.trim_end_matches('/'), forward::GATEWAY_PATH);
    let outgoing = Request::new_with_init(&url, &init)?;
    let Ok(mut reply) = Fetch::Request(outgoing).send().await else {
        return refuse(&Problem::unreachable(
            "the gateway cannot be reached; try again",
        ));
    };
    let content_type = reply.headers().get("content-type")?;
    match forward::decide_reply(reply.status_code(), content_type.as_deref()) {
        Reply::Stream => answer(200, Some(forward::REPLY_TYPE), reply.body().clone()),
        Reply::Problem { status } => match reply.bytes().await {
            Ok(body) if body.len() <= forward::MAX_PROBLEM => {
                let body = ResponseBody::Body(body);
                let response = answer(status, Some(forward::PROBLEM_TYPE), body)?;
                let retry_after = reply.headers().get("retry-after")?;
                ask_again(&response, forward::retry_after(retry_after.as_deref()))?;
                Ok(response)
            }
            _ => refuse(&Problem::unreachable(
                "the gateway's error is too long or was cut off",
            )),
        },
        Reply::Refuse(problem) => refuse(&problem),
    }
}

/// The gateway's list of keys, fetched without a word about who asks.
async fn directory(gateway: &str) -> worker::Result<Response> {
    let mut init = RequestInit::new();
    init.with_redirect(RequestRedirect::Manual);
    let url = format!(
        "{}{}",
        gateway.trim_end_matches('/'),
        forward::DIRECTORY_PATH
    );
    let failed = "the gateway's list of keys cannot be fetched; try again";
    let outgoing = Request::new_with_init(&url, &init)?;
    let Ok(mut reply) = Fetch::Request(outgoing).send().await else {
        return refuse(&Problem::unreachable(failed));
    };
    let content_type = reply.headers().get("content-type")?;
    let Ok(body) = reply.bytes().await else {
        return refuse(&Problem::unreachable(failed));
    };
    match forward::decide_directory(reply.status_code(), content_type.as_deref(), body.len()) {
        Ok(()) => answer(200, Some(forward::DIRECTORY_TYPE), ResponseBody::Body(body)),
        Err(problem) => refuse(&problem),
    }
}

fn refuse(problem: &Problem) -> worker::Result<Response> {
    let body = ResponseBody::Body(problem.json().into_bytes());
    let response = answer(problem.status, Some(forward::PROBLEM_TYPE), body)?;
    ask_again(&response, problem.retry_after)?;
    Ok(response)
}

/// Says in how many seconds to ask again, if that is known.
fn ask_again(response: &Response, seconds: Option<u32>) -> worker::Result<()> {
    match seconds {
        Some(seconds) => response.headers().set("retry-after", &seconds.to_string()),
        None => Ok(()),
    }
}

fn answer(status: u16, content_type: Option<&str>, body: ResponseBody) -> worker::Result<Response> {
    let headers = Headers::new();
    put(&headers, forward::ANSWER_HEADERS)?;
    if let Some(content_type) = content_type {
        headers.set("content-type", content_type)?;
    }
    Ok(Response::builder()
        .with_status(status)
        .with_headers(headers)
        .body(body))
}

fn put(headers: &Headers, values: &[(&str, &str)]) -> worker::Result<()> {
    values
        .iter()
        .try_for_each(|(name, value)| headers.set(name, value))
}
