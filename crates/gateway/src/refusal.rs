//! What an upstream says beside its answer: that it refuses, and how much of its rate limit is left.

use query::ErrorCode;
use reqwest::{StatusCode, header};

use crate::error::SealedError;

/// The status that an error of the Messages API has where it comes as one.
pub(crate) fn status_of(kind: &str) -> StatusCode {
    match kind {
        "invalid_request_error" => StatusCode::BAD_REQUEST,
        "authentication_error" => StatusCode::UNAUTHORIZED,
        "billing_error" | "permission_error" => StatusCode::FORBIDDEN,
        "not_found_error" => StatusCode::NOT_FOUND,
        "request_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "rate_limit_error" | "overloaded_error" => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// Header fields that say how much of a rate limit is left, and when to ask again: the page's router keeps questions
/// back that would be refused. They are of the gateway's account, so they say something of how busy it is, and nothing
/// of who else asks.
pub(crate) fn rate_limits(headers: &header::HeaderMap) -> Vec<(String, String)> {
    /// More would be no rate limit, and a page reads no more.
    const MOST: usize = 12;
    const LONGEST: usize = 128;
    // Anthropic's names for what a router reads of others; its times are dates, and are not passed on.
    const RENAMED: [(&str, &str); 4] = [
        (
            "anthropic-ratelimit-requests-limit",
            "x-ratelimit-limit-requests",
        ),
        (
            "anthropic-ratelimit-requests-remaining",
            "x-ratelimit-remaining-requests",
        ),
        (
            "anthropic-ratelimit-tokens-limit",
            "x-ratelimit-limit-tokens",
        ),
        (
            "anthropic-ratelimit-tokens-remaining",
            "x-ratelimit-remaining-tokens",
        ),
    ];
    let is_limit = |name: &str| {
        name == "retry-after" || name.starts_with("ratelimit") || name.starts_with("x-ratelimit-")
    };
    headers
        .iter()
        .filter(|(_, value)| value.len() <= LONGEST)
        .filter_map(|(name, value)| {
            let name = match RENAMED.iter().find(|(theirs, _)| name == theirs) {
                Some((_, ours)) => ours,
                None => Some(name.as_str()).filter(|name| is_limit(name))?,
            };
            Some((name.to_owned(), value.to_str().ok()?.to_owned()))
        })
        .take(MOST)
        .collect()
}

/// What an error status of the upstream means to the page. Its body is not passed on: it may repeat the query,
/// and error messages never do.
pub(crate) fn refusal(status: StatusCode) -> SealedError {
    let code = status.as_u16();
    match code {
        401 | 403 => SealedError::new(
            502,
            ErrorCode::UpstreamUnauthorized,
            format!(
                "the cloud model refused the gateway's credentials ({code}); its operator must set a valid key"
            ),
        ),
        // 529: Anthropic is overloaded.
        429 | 529 => SealedError::new(
            429,
            ErrorCode::UpstreamRateLimited,
            format!("the cloud model's rate limit is reached ({code}); try again later"),
        ),
        400..=499 => SealedError::new(
            400,
            ErrorCode::InvalidRequest,
            format!(
                "the cloud model refused the request ({code}); check the model's name and the parameters"
            ),
        ),
        _ => SealedError::new(
            502,
            ErrorCode::UpstreamFailed,
            format!("the cloud model failed ({code}); try again later"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::rate_limits;

    #[test]
    fn only_rate_limits_are_passed_on() {
        let long = "9".repeat(129);
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("set-cookie", "account=7"),
            ("x-request-id", "42"),
            ("openai-organization", "org-1"),
            ("retry-after", "30"),
            ("ratelimit", "\"default\";r=5;t=30"),
            ("ratelimit-policy", &long),
            ("x-ratelimit-remaining-requests", "5"),
            ("anthropic-ratelimit-tokens-remaining", "9000"),
            ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:00Z"),
            ("anthropic-organization-id", "org-1"),
        ] {
            let value = HeaderValue::from_str(value).unwrap();
            headers.insert(HeaderName::from_static(name), value);
        }
        let mut passed = rate_limits(&headers);
        passed.sort();
        let expected = [
            ("ratelimit", "\"default\";r=5;t=30"),
            ("retry-after", "30"),
            ("x-ratelimit-remaining-requests", "5"),
            ("x-ratelimit-remaining-tokens", "9000"),
        ];
        assert_eq!(
            passed,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
