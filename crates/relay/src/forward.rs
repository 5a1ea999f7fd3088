//! What a relay takes, what it passes on and what it answers itself. Pure: the native server and the Worker
//! ask here and carry it out.

use serde::Serialize;

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
        ("GET", DIRECTORY_PATH) => return Decision::Directory,
        ("POST", "/") => {}
        (_, "/") => {
            return Decision::Refuse(Problem::new(
                405,
                "the relay takes POST of a sealed request",
            ));
        }
        _ => {
            return Decision::Refuse(Problem::new(
                404,
                "the relay takes sealed requests at its root path",
            ));
        }
    }
    if !incoming
        .content_type
        .is_some_and(|given| given.trim().eq_ignore_ascii_case(REQUEST_TYPE))
    {
        return Decision::Refuse(Problem::new(
            415,
            "the relay takes content-type message/ohttp-chunked-req",
        ));
    }
    // Without a length the limit could only be noticed when half a request has been passed on.
    match incoming
        .content_length
        .map(|length| length.trim().parse::<u64>())
    {
        None => Decision::Refuse(Problem::new(
            411,
            "the relay takes requests with a content-length",
        )),
        Some(Err(_)) => Decision::Refuse(Problem::new(400, "content-length is not a number")),
        Some(Ok(length)) if length > MAX_REQUEST => Decision::Refuse(Problem::new(
            413,
            "the sealed request is longer than 1 MiB; shorten the conversation",
        )),
        Some(Ok(length)) => Decision::Forward { length },
    }
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

/// An error in the clear, RFC 9457, with Tidegate's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// A sentence for a developer.
    pub title: &'static str,
    /// One of Tidegate's error codes, as the page knows them.
    pub code: &'static str,
}

impl Problem {
    /// The request is wrong.
    fn new(status: u16, title: &'static str) -> Self {
        Self {
            status,
            title,
            code: "invalid-request",
        }
    }

    /// The gateway cannot be reached or does not answer as one.
    pub fn unreachable(title: &'static str) -> Self {
        Self {
            status: 502,
            title,
            code: "gateway-unavailable",
        }
    }

    /// The gateway did not answer in time.
    pub fn timeout() -> Self {
        Self {
            status: 504,
            title: "the gateway did not answer in time; try again",
            code: "gateway-unavailable",
        }
    }

    /// As `application/problem+json`.
    pub fn json(&self) -> String {
        // A struct of a number and two strings always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(
        method: &str,
        path: &str,
        content_type: Option<&str>,
        content_length: Option<&str>,
    ) -> u16 {
        match decide(&Incoming {
            method,
            path,
            content_type,
            content_length,
        }) {
            Decision::Preflight => 204,
            Decision::Healthy | Decision::Directory | Decision::Forward { .. } => 200,
            Decision::Refuse(problem) => problem.status,
        }
    }

    #[test]
    fn requests() {
        let sealed = Some(REQUEST_TYPE);
        for (method, path, content_type, content_length, expected) in [
            ("POST", "/", sealed, Some("1674"), 200),
            (
                "POST",
                "/",
                Some("Message/OHTTP-chunked-req"),
                Some("1674"),
                200,
            ),
            ("POST", "/", sealed, Some("1064960"), 200),
            ("POST", "/", sealed, Some("1064961"), 413),
            ("POST", "/", sealed, Some("-1"), 400),
            ("POST", "/", sealed, None, 411),
            ("POST", "/", Some("application/json"), Some("10"), 415),
            ("POST", "/", None, Some("10"), 415),
            ("POST", "/v1/chat/completions", sealed, Some("10"), 404),
            ("GET", "/", None, None, 405),
            ("OPTIONS", "/", None, None, 204),
            ("GET", "/healthz", None, None, 200),
            ("GET", "/key-directory", None, None, 200),
            ("POST", "/key-directory", sealed, Some("10"), 404),
        ] {
            assert_eq!(
                status(method, path, content_type, content_length),
                expected,
                "{method} {path} {content_type:?} {content_length:?}"
            );
        }
    }

    #[test]
    fn replies() {
        assert_eq!(decide_reply(200, Some(REPLY_TYPE)), Reply::Stream);
        assert_eq!(
            decide_reply(400, Some("application/problem+json")),
            Reply::Problem { status: 400 }
        );
        for (status, content_type) in [
            (200, Some("text/html")),
            (200, None),
            (302, Some(REPLY_TYPE)),
            (500, None),
        ] {
            assert!(
                matches!(decide_reply(status, content_type), Reply::Refuse(_)),
                "{status} {content_type:?}"
            );
        }
    }

    #[test]
    fn lists_of_keys() {
        let json = Some(DIRECTORY_TYPE);
        assert_eq!(decide_directory(200, json, MAX_DIRECTORY), Ok(()));
        for (status, content_type, length) in [
            (404, json, 10),
            (302, json, 10),
            (200, Some("text/html"), 10),
            (200, None, 10),
            (200, json, MAX_DIRECTORY + 1),
        ] {
            let refused = decide_directory(status, content_type, length);
            assert_eq!(refused.map_err(|problem| problem.status), Err(502));
        }
    }

    #[test]
    fn problems_are_json_with_a_code() {
        assert_eq!(
            Problem::timeout().json(),
            r#"{"status":504,"title":"the gateway did not answer in time; try again","code":"gateway-unavailable"}"#
        );
    }
}
