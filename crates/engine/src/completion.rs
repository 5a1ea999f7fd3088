//! What the upstream says, in OpenAI's shapes.

use query::{Error, ErrorCode, FinishReason, Usage};
use serde::{Deserialize, de::IgnoredAny};

/// A streamed completion so far.
#[derive(Default)]
pub(crate) struct Completion {
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
    done: bool,
}

/// How it ended.
pub(crate) struct Completed {
    pub(crate) finish_reason: FinishReason,
    /// As the upstream counted; zeros if it did not.
    pub(crate) usage: Usage,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<ChunkUsage>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct ChunkUsage {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
}

impl Completion {
    /// Takes the data of an event; returns its text.
    ///
    /// # Errors
    /// [`ErrorCode::UpstreamFailed`] if it is no chunk of a chat completion.
    pub(crate) fn push(&mut self, data: &str) -> Result<String, Error> {
        if self.done || data == "[DONE]" {
            self.done = true;
            return Ok(String::new());
        }
        // serde's error could repeat what was read: only its place is told.
        let chunk: Chunk = serde_json::from_str(data).map_err(|error| {
            let place = error.column();
            Error::new(
                ErrorCode::UpstreamFailed,
                format!("the cloud model sent an event that is no chat completion chunk (at byte {place})"),
            )
        })?;
        if chunk.error.is_some() {
            return Err(Error::new(
                ErrorCode::UpstreamFailed,
                "the cloud model failed in mid-answer; try again",
            ));
        }
        if let Some(ChunkUsage {
            prompt_tokens,
            completion_tokens,
        }) = chunk.usage
        {
            let total_tokens = prompt_tokens.saturating_add(completion_tokens);
            self.usage = Some(Usage {
                prompt_tokens,
                completion_tokens,
                total_tokens,
                prompt_tokens_details: None,
            });
        }
        let mut text = String::new();
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            text.extend(choice.delta.and_then(|delta| delta.content));
            self.finish_reason = choice
                .finish_reason
                .map(|reason| finish_reason(&reason))
                .or(self.finish_reason);
        }
        Ok(text)
    }

    /// The stream has ended; `None` if it ended in mid-answer.
    pub(crate) fn finish(self) -> Option<Completed> {
        let finish_reason = self
            .finish_reason
            .or(self.done.then_some(FinishReason::Stop))?;
        Some(Completed {
            finish_reason,
            usage: self.usage.unwrap_or_default(),
        })
    }
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "length" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}

/// A sealed error of the gateway: `{"error":{"code":…}}` with one of our codes. Its message is not passed on, so
/// that no error repeats the query whoever runs the gateway.
pub(crate) fn refusal(status: u16, body: &[u8]) -> Error {
    #[derive(Deserialize)]
    struct Body {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        code: ErrorCode,
    }
    let code = match serde_json::from_slice::<Body>(body) {
        Ok(body) => body.error.code,
        Err(_) => match status {
            401 | 403 => ErrorCode::UpstreamUnauthorized,
            429 => ErrorCode::UpstreamRateLimited,
            400..=499 => ErrorCode::InvalidRequest,
            _ => ErrorCode::UpstreamFailed,
        },
    };
    let message = match code {
        ErrorCode::UpstreamUnauthorized => {
            "the cloud model refused the gateway's credentials; the gateway's operator must set a valid key"
        }
        ErrorCode::UpstreamRateLimited => {
            "the cloud model's rate limit is reached; try again later"
        }
        ErrorCode::ContextOverflow => {
            "the conversation is too long for the cloud model; shorten it"
        }
        ErrorCode::InvalidRequest => {
            "the cloud model refused the request; check the model's name and the parameters"
        }
        ErrorCode::ClockSkewed => {
            "the gateway takes no question that was sealed so long ago, or so far ahead, also after the date was corrected once; set the device's clock"
        }
        ErrorCode::Replayed => {
            "the gateway had this sealed question before: something on the way repeated it; ask again, it is sealed anew"
        }
        ErrorCode::TokenRequired => {
            "the gateway takes a token with each request; give Tidegate some (options.cloud.tokens)"
        }
        ErrorCode::TokenRefused => {
            "the gateway does not accept this token; check that the wallet has the gateway's issuer, origin and keys"
        }
        ErrorCode::TokenSpent => {
            "this token paid for another request before; ask again, with another one"
        }
        ErrorCode::GatewayUnavailable => "the gateway cannot take requests now; try again later",
        _ => "the cloud model failed; try again later",
    };
    Error::new(code, format!("{message} (HTTP {status} inside the seal)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_stream_with_usage() {
        let mut completion = Completion::default();
        let mut text = String::new();
        for data in [
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Par"}},{"index":1,"delta":{"content":"no"}}],"usage":null}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"is"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9,"details":{}}}"#,
            "[DONE]",
            "after the end",
        ] {
            text.push_str(&completion.push(data).unwrap());
        }
        let completed = completion.finish().unwrap();
        assert_eq!(text, "Paris");
        assert_eq!(completed.finish_reason, FinishReason::Length);
        assert_eq!(
            completed.usage,
            Usage {
                prompt_tokens: 7,
                completion_tokens: 2,
                total_tokens: 9,
                prompt_tokens_details: None,
            }
        );
    }

    #[test]
    fn an_end_in_mid_answer_is_none() {
        let mut completion = Completion::default();
        completion
            .push(r#"{"choices":[{"delta":{"content":"Par"}}]}"#)
            .unwrap();
        assert!(completion.finish().is_none());
    }

    #[test]
    fn errors_do_not_repeat_what_came() {
        for data in [
            "ada@example.com",
            r#"{"error":{"message":"ada@example.com"}}"#,
            r#"{"choices":"ada@example.com"}"#,
        ] {
            let error = Completion::default().push(data).unwrap_err();
            assert_eq!(error.code, ErrorCode::UpstreamFailed);
            assert!(!error.message.contains("ada"), "{}", error.message);
        }
    }

    #[test]
    fn refusals_keep_their_code_and_not_their_words() {
        for (status, body, code) in [
            (
                429,
                r#"{"error":{"code":"upstream-rate-limited","message":"ada@example.com"}}"#,
                ErrorCode::UpstreamRateLimited,
            ),
            (
                502,
                r#"{"error":{"code":"upstream-unauthorized"}}"#,
                ErrorCode::UpstreamUnauthorized,
            ),
            (401, "ada@example.com", ErrorCode::UpstreamUnauthorized),
            (404, "", ErrorCode::InvalidRequest),
            (
                500,
                r#"{"error":{"code":"made-up"}}"#,
                ErrorCode::UpstreamFailed,
            ),
        ] {
            let error = refusal(status, body.as_bytes());
            assert_eq!(error.code, code, "{status} {body}");
            assert!(!error.message.contains("ada"));
        }
    }
}
