//! What a relay takes, what it passes on and what it answers itself. Pure: the native server and the Worker
//! ask here and carry it out.

mod problem;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

pub use problem::Problem;

/// The media type of a sealed request (draft-ietf-ohai-chunked-ohttp-08 §9.1).
pub const REQUEST_TYPE: &str = "message/ohttp-chunked-req";
/// The media type of a sealed reply (draft-ietf-ohai-chunked-ohttp-08 §9.2).
pub const REPLY_TYPE: &str = "message/ohttp-chunked-res";
/// The media type of an error in the clear (RFC 9457).
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// Largest sealed request, bytes: a padded request of 1 MiB and its envelope.
pub const MAX_REQUEST: u64 = (1 << 20) + (16 << 10);
/// Largest error that is passed on from the gateway, bytes.
pub const MAX_PROBLEM: usize = 16 << 10;
/// The gateway must begin its reply within this time, seconds: a model may think long before its first word.
pub const REPLY_TIMEOUT_S: u64 = 120;
/// A sealed request must have come within this time, seconds.
pub const REQUEST_TIMEOUT_S: u64 = 30;
/// A reply must have ended within this time, seconds; gateways mostly end theirs sooner.
pub const ANSWER_TIMEOUT_S: u64 = 1_200;
/// The gateway must be connected within this time, seconds.
pub const CONNECT_TIMEOUT_S: u64 = 10;

/// Where the gateway takes sealed requests.
pub const GATEWAY_PATH: &str = "/gateway";
/// Where gateway and relay hand out the gateway's signed list of keys: asked through a relay, the gateway does not know
/// whom it hands it to, and cannot hand out keys made for one person.
pub const DIRECTORY_PATH: &str = "/key-directory";
/// The media type of that list.
pub const DIRECTORY_TYPE: &str = "application/json";
/// Longest list of keys that is passed on, bytes.
pub const MAX_DIRECTORY: usize = 64 << 10;
/// It must come within this time, seconds.
pub const DIRECTORY_TIMEOUT_S: u64 = 10;

/// The headers of every answer of a relay. Any page may use it: it holds no cookie and knows nobody.
pub const ANSWER_HEADERS: &[(&str, &str)] = &[
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "retry-after"),
    ("cross-origin-resource-policy", "cross-origin"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
];

/// The further headers of the answer to a preflight.
pub const PREFLIGHT_HEADERS: &[(&str, &str)] = &[
    ("access-control-allow-methods", "POST"),
    ("access-control-allow-headers", "content-type"),
    ("access-control-max-age", "86400"),
];

/// The headers of a request to the gateway: all of them. Nothing that the page's browser sent is passed on.
pub const GATEWAY_HEADERS: &[(&str, &str)] = &[
    ("content-type", REQUEST_TYPE),
    ("accept", REPLY_TYPE),
    // draft-ietf-httpbis-incremental: do not hold chunks back.
    ("incremental", "?1"),
];

/// The part of a request that a relay looks at.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The path of its URL.
    pub path: &'a str,
    /// `content-type`.
    pub content_type: Option<&'a str>,
    /// `content-length`, as it was sent.
    pub content_length: Option<&'a str>,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// 204 with [`PREFLIGHT_HEADERS`].
    Preflight,
    /// 200 and `ok`: the relay runs.
    Healthy,
    /// 200 and `ready`, or [`Problem::draining`]: whether requests should be sent here.
    Ready,
    /// Fetch the gateway's list of keys and pass it on.
    Directory,
    /// Pass the body on, of this many bytes.
    Forward {
        /// Bytes.
        length: u64,
    },
    /// Answer with an error.
    Refuse(Problem),
}

/// Decides on a request.
pub fn decide(incoming: &Incoming<'_>) -> Decision {
    match (incoming.method, incoming.path) {
        ("OPTIONS", "/") => return Decision::Preflight,
        ("GET", "/healthz") => return Decision::Healthy,
        ("GET", "/readyz") => return Decision::Ready,
        ("GET", DIRECTORY_PATH) => return Decision::Directory,
        ("POST", "/") => {}
        (_, "/") => {
            return Decision::Refuse(Problem::invalid(
                405,
                "the relay takes POST of a sealed request",
            ));
        }
        _ => {
            return Decision::Refuse(Problem::invalid(
                404,
                "the relay takes sealed requests at its root path",
            ));
        }
    }
    if !incoming
        .content_type
        .is_some_and(|given| given.trim().eq_ignore_ascii_case(REQUEST_TYPE))
    {
        return Decision::Refuse(Problem::invalid(
            415,
            "the relay takes content-type message/ohttp-chunked-req",
        ));
    }
    // Without a length the limit could only be noticed when half a request has been passed on.
    match incoming
        .content_length
        .map(|length| length.trim().parse::<u64>())
    {
        None => Decision::Refuse(Problem::invalid(
            411,
            "the relay takes requests with a content-length",
        )),
        Some(Err(_)) => Decision::Refuse(Problem::invalid(400, "content-length is not a number")),
        Some(Ok(length)) if length > MAX_REQUEST => Decision::Refuse(Problem::invalid(
            413,
            "the sealed request is longer than 1 MiB; shorten the conversation",
        )),
        Some(Ok(length)) => Decision::Forward { length },
    }
}

/// What an address is counted as: IPv6 by /64, which is what one customer has at least.
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}

/// The address that a TLS terminator in front wrote last, with or without a port: what stands before it came from the
/// client, who may write what they like. `lines` are the values of the one header that the operator names.
pub fn last_hop<'a>(lines: impl Iterator<Item = &'a str>) -> Option<IpAddr> {
    let hop = lines.last()?.rsplit(',').next()?.trim();
    let address = |text: &str| text.parse::<IpAddr>().ok();
    let with_port = |text: &str| text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']'));
    address(bare.unwrap_or(hop)).or_else(|| with_port(hop))
}

/// What of the gateway's `retry-after` is passed on: seconds, an hour at most.
pub fn retry_after(value: Option<&str>) -> Option<u32> {
    let seconds = value?.trim().parse().ok()?;
    (seconds <= 3_600).then_some(seconds)
}

/// What to do with the gateway's reply.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// A sealed reply: pass status 200 and the body on, chunk by chunk.
    Stream,
    /// An error in the clear: pass status and body on, up to [`MAX_PROBLEM`] bytes.
    Problem {
        /// The gateway's status.
        status: u16,
    },
    /// Neither: answer with an error.
    Refuse(Problem),
}

/// Decides on the gateway's reply.
pub fn decide_reply(status: u16, content_type: Option<&str>) -> Reply {
    let is = |wanted: &str| {
        content_type.is_some_and(|given| {
            given
                .split(';')
                .next()
                .unwrap_or("")
                .trim()
                .eq_ignore_ascii_case(wanted)
        })
    };
    match status {
        200 if is(REPLY_TYPE) => Reply::Stream,
        400..=599 if is(PROBLEM_TYPE) => Reply::Problem { status },
        _ => Reply::Refuse(Problem::unreachable(
            "the gateway's answer is neither a sealed reply nor an error",
        )),
    }
}

/// Whether the gateway's answer is a list of keys that is passed on. What is in it is for the page to judge.
///
/// # Errors
/// What is answered instead.
pub fn decide_directory(
    status: u16,
    content_type: Option<&str>,
    length: usize,
) -> Result<(), Problem> {
    if status != 200 || content_type != Some(DIRECTORY_TYPE) {
        return Err(Problem::unreachable(
            "the gateway hands out no list of keys",
        ));
    }
    if length > MAX_DIRECTORY {
        return Err(Problem::unreachable(
            "the gateway's list of keys is longer than 64 KiB",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
