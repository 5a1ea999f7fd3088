//! The relay as a native server.

mod carrier;
mod limits;
mod metrics;
mod record;

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::forward::{self, Decision, Incoming, Problem};
use carrier::Carrier;
use limits::{Limits, Share};
use record::Record;

pub use metrics::Metrics;

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many requests an address may send in a minute; none: as many as come.
    pub per_minute: Option<NonZeroU32>,
    /// How many answers to an address may be on their way at once; none: as many as come.
    pub at_once: Option<NonZeroU32>,
    /// The header in which a TLS terminator in front says whose request it is; none: the connection's address counts.
    pub address_header: Option<HeaderName>,
    /// How many answers may be on their way at once.
    pub max_answers: usize,
    /// Turns true when the process is about to end: nothing new is taken, what is on its way goes on.
    pub draining: watch::Receiver<bool>,
    /// What is counted.
    pub metrics: Metrics,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            per_minute: None,
            at_once: None,
            address_header: None,
            max_answers: 4096,
            draining: watch::channel(false).1,
            metrics: Metrics::default(),
        }
    }
}

/// What every request needs.
#[derive(Clone)]
struct Relay {
    carrier: Carrier,
    limits: Arc<Limits>,
    /// As many as there may be answers at once.
    places: Arc<Semaphore>,
    settings: Settings,
}

/// A relay to the gateway at `gateway` (its root URL, http or https). Call it inside of a tokio runtime, which forgets
/// the addresses of idle clients, and serve it with [`ConnectInfo`] of a [`SocketAddr`]: without it all requests count
/// as one address's.
///
/// Listen with TCP_NODELAY: without it each chunk may wait 40 ms for an acknowledgement.
///
/// # Errors
/// If `gateway` is no URL that a path can be added to, or the system's TLS roots cannot be read.
pub fn app(gateway: &str, settings: Settings) -> Result<Router, String> {
    let limits = Arc::new(Limits::new(settings.per_minute, settings.at_once));
    tokio::spawn(limits::forget_idle(Arc::downgrade(&limits)));
    Ok(Router::new().fallback(relay).with_state(Relay {
        carrier: Carrier::new(gateway)?,
        limits,
        places: Arc::new(Semaphore::new(settings.max_answers)),
        settings,
    }))
}

/// Answers one request. Logged are status, bytes and times: no address, no path.
async fn relay(State(relay): State<Relay>, request: Request) -> Response {
    let mut response = relay.answer(request).await;
    put(&mut response, forward::ANSWER_HEADERS);
    response
}

impl Relay {
    async fn answer(&self, request: Request) -> Response {
        let decision = decide(&request);
        match decision {
            Decision::Preflight => {
                let mut response = answer(204, None, Body::empty());
                put(&mut response, forward::PREFLIGHT_HEADERS);
                return response;
            }
            Decision::Healthy => return answer(200, Some("text/plain"), Body::from("ok")),
            Decision::Ready if !self.is_draining() => {
                return answer(200, Some("text/plain"), Body::from("ready"));
            }
            Decision::Ready => return refuse(&Problem::draining()),
            _ => {}
        }
        let mut record = Record::new(self.settings.metrics.clone());
        let room = match decision {
            Decision::Refuse(problem) => Err(problem),
            Decision::Forward { length } => self.room(&request).map(|room| (room, Some(length))),
            _ => self.room(&request).map(|room| (room, None)),
        };
        match room {
            Ok((room, Some(length))) => {
                record.takes(room, length);
                self.carrier
                    .carry(request.into_body(), length, record)
                    .await
            }
            Ok((_room, None)) => self.carrier.directory(record).await,
            Err(problem) => {
                drain(request.into_body()).await;
                record.refused(&problem);
                refuse(&problem)
            }
        }
    }

    fn is_draining(&self) -> bool {
        *self.settings.draining.borrow()
    }

    /// Room for one more request of this address.
    fn room(&self, request: &Request) -> Result<Room, Problem> {
        if self.is_draining() {
            return Err(Problem::draining());
        }
        let address = forward::counted_as(self.address(request));
        let share = self.limits.take(address).map_err(Problem::too_many)?;
        let place = self.places.clone().try_acquire_owned();
        Ok(Room {
            _share: share,
            _place: place.map_err(|_| Problem::full())?,
        })
    }

    /// Whose request it is.
    fn address(&self, request: &Request) -> IpAddr {
        let forwarded = self.settings.address_header.as_ref().and_then(|name| {
            let lines = request.headers().get_all(name).into_iter();
            forward::last_hop(lines.map(|line| line.to_str().unwrap_or_default()))
        });
        let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
        forwarded
            .or_else(|| connected.map(|ConnectInfo(address)| address.ip()))
            .unwrap_or(Ipv6Addr::UNSPECIFIED.into())
    }
}

/// An address's share and a place, until it is dropped.
#[derive(Debug)]
struct Room {
    _share: Share,
    _place: OwnedSemaphorePermit,
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
    let body = Body::from(problem.json());
    let mut response = answer(problem.status, Some(forward::PROBLEM_TYPE), body);
    ask_again(&mut response, problem.retry_after);
    response
}

/// Says in how many seconds to ask again, if that is known.
fn ask_again(response: &mut Response, seconds: Option<u32>) {
    if let Some(seconds) = seconds {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
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
