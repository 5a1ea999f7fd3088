//! A chat completion request in OpenAI's shape, and what counts its tokens.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{ResponseFormat, Tool, ToolCall, ToolChoice, redact::Redacted};

/// Who speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Role {
    /// Instructions that frame the conversation.
    System,
    /// The person.
    #[default]
    User,
    /// An earlier answer.
    Assistant,
    /// What a tool gave back.
    Tool,
}

/// One turn of the conversation.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What they said; empty where an answer is nothing but calls of tools.
    pub content: String,
    /// The calls that an earlier answer asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCall>>,
    /// The call that a message of role `tool` answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A text.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            ..Self::default()
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("role", &self.role)
            .field("content", &Redacted(&self.content))
            .field("tool_calls", &self.tool_calls)
            .finish()
    }
}

/// A chat completion request. A field that is not listed here is refused, not ignored; one that is not given
/// is not sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct ChatRequest {
    /// The conversation, oldest first; the last message is the question.
    pub messages: Vec<Message>,
    /// The cloud model's name; the local model is chosen when Tidegate is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Deliver the answer in pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Options of a streamed answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
    /// OpenAI's older name for `max_completion_tokens`, which counts if both are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Most tokens to generate; default 512.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_completion_tokens: Option<u32>,
    /// 0 is greedy; default 0.7.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Nucleus: sample from the smallest set of tokens with this share of the probability; default 0.95.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Sample from the `top_k` most likely tokens; 0 is all; default 40.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Sample only from tokens at least this many times as likely as the most likely one; default 0 (off). Local only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f32>,
    /// Divides the positive and multiplies the negative scores of the last 64 tokens, prompt included; default 1
    /// (off). Local only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f32>,
    /// Subtracted from a token's score for each time that the answer has it, -2 to 2; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f32>,
    /// Subtracted from the score of each token that the answer has, -2 to 2; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f32>,
    /// Added to tokens' scores, -100 to 100, by the local model's token ids. Local only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "Record<number, number>"))]
    pub logit_bias: Option<BTreeMap<u32, f32>>,
    /// Tell each token's log-probability in the model's own distribution. Local only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<bool>,
    /// The most likely tokens to tell beside each, 0 to 20; needs `logprobs`. Local only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<u32>,
    /// Answers to give, 1 to 16, one after the other from one prompt; default 1. More than one: local only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// What the answer must look like; default `text`. Anything else: local only, and not together with `stop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
    /// Functions that the model may ask the app to call. Needs a model whose chat template knows tools. Local only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Tool>>,
    /// Whether it calls one; default `auto`. Where it must, name and arguments are held to the schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// Same seed, same request, same tokens (local answers). Answer `i` of `n` is that of seed + `i`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// Texts that end the answer; they are not part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}

impl ChatRequest {
    /// The fields that only the local model honours, by name. A request that has one is not sent to the cloud.
    pub fn local_only(&self) -> impl Iterator<Item = &'static str> {
        [
            ("min_p", self.min_p.is_some()),
            ("repetition_penalty", self.repetition_penalty.is_some()),
            ("logit_bias", self.logit_bias.is_some()),
            ("logprobs", self.logprobs == Some(true)),
            ("n", self.n.is_some_and(|n| n > 1)),
            (
                "response_format",
                !matches!(self.response_format, None | Some(ResponseFormat::Text)),
            ),
            ("tools", self.tools.is_some()),
            (
                "messages of tools",
                self.messages
                    .iter()
                    .any(|message| message.role == Role::Tool || message.tool_calls.is_some()),
            ),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
    }

    /// Most tokens to generate, if the request says: `max_completion_tokens` before `max_tokens`.
    pub fn answer_limit(&self) -> Option<u32> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// The texts that end the answer, one or several.
    pub fn stop_texts(&self) -> &[String] {
        match &self.stop {
            None => &[],
            Some(Stop::One(text)) => std::slice::from_ref(text),
            Some(Stop::Many(texts)) => texts,
        }
    }

    /// How tokens are to be chosen: what the request says, else the defaults that its fields document.
    pub fn sampling(&self) -> SamplingParameters {
        SamplingParameters {
            temperature: self.temperature.unwrap_or(0.7),
            top_k: self.top_k.unwrap_or(40),
            top_p: self.top_p.unwrap_or(0.95),
            min_p: self.min_p.unwrap_or(0.0),
            repetition_penalty: self.repetition_penalty.unwrap_or(1.0),
            frequency_penalty: self.frequency_penalty.unwrap_or(0.0),
            presence_penalty: self.presence_penalty.unwrap_or(0.0),
            max_tokens: self.answer_limit().unwrap_or(512),
        }
    }
}

/// The numbers of a [`ChatRequest`] by which tokens are chosen, none of them left open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplingParameters {
    /// 0 is greedy.
    pub temperature: f32,
    /// 0 is all.
    pub top_k: u32,
    /// 1 is all.
    pub top_p: f32,
    /// 0 is off.
    pub min_p: f32,
    /// 1 is off.
    pub repetition_penalty: f32,
    /// 0 is off.
    pub frequency_penalty: f32,
    /// 0 is off.
    pub presence_penalty: f32,
    /// Most tokens to generate.
    pub max_tokens: u32,
}

/// One stop text or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Stop {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// Options of a streamed answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct StreamOptions {
    /// End the stream with a chunk that holds `usage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_usage: Option<bool>,
}

/// Why the answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum FinishReason {
    /// The model ended its turn, or a stop text came.
    Stop,
    /// `max_tokens` or the context was reached.
    Length,
    /// The model asks for calls of tools.
    ToolCalls,
    /// The cloud refused part of the answer.
    ContentFilter,
}

/// Tokens in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of the answer, or of all `n` answers.
    pub completion_tokens: u32,
    /// Both.
    pub total_tokens: u32,
    /// Where the prompt's tokens came from, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_details: Option<PromptTokensDetails>,
}

/// Where the prompt's tokens came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PromptTokensDetails {
    /// Tokens that an earlier turn had left in the cache, and that were not computed again.
    pub cached_tokens: u32,
}

/// A token of an answer, in OpenAI's shape.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TokenLogprob {
    /// Its text; what is no whole character shows as U+FFFD.
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The most likely tokens in its place.
    pub top_logprobs: Vec<TopLogprob>,
}

/// A token that might have been chosen.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TopLogprob {
    /// Its text; what is no whole character shows as U+FFFD.
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for TokenLogprob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenLogprob")
            .field("token", &Redacted(&self.token))
            .field("logprob", &self.logprob)
            .field("top_logprobs", &self.top_logprobs.len())
            .finish()
    }
}

impl fmt::Debug for TopLogprob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopLogprob")
            .field("token", &Redacted(&self.token))
            .field("logprob", &self.logprob)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_name_of_the_limit_counts() {
        let request = |max_tokens, max_completion_tokens| ChatRequest {
            max_tokens,
            max_completion_tokens,
            ..ChatRequest::default()
        };
        for (older, newer, limit) in [
            (None, None, None),
            (Some(5), None, Some(5)),
            (None, Some(7), Some(7)),
            (Some(5), Some(7), Some(7)),
        ] {
            assert_eq!(request(older, newer).answer_limit(), limit);
            assert_eq!(
                request(older, newer).sampling().max_tokens,
                limit.unwrap_or(512)
            );
        }
    }

    #[test]
    fn what_is_asked_for_stands_before_the_defaults() {
        assert_eq!(
            ChatRequest::default().sampling(),
            SamplingParameters {
                temperature: 0.7,
                top_k: 40,
                top_p: 0.95,
                min_p: 0.0,
                repetition_penalty: 1.0,
                frequency_penalty: 0.0,
                presence_penalty: 0.0,
                max_tokens: 512,
            }
        );
        let request = ChatRequest {
            temperature: Some(0.1),
            top_k: Some(2),
            top_p: Some(0.3),
            min_p: Some(0.4),
            repetition_penalty: Some(1.5),
            frequency_penalty: Some(0.6),
            presence_penalty: Some(0.7),
            max_tokens: Some(8),
            ..ChatRequest::default()
        };
        assert_eq!(
            request.sampling(),
            SamplingParameters {
                temperature: 0.1,
                top_k: 2,
                top_p: 0.3,
                min_p: 0.4,
                repetition_penalty: 1.5,
                frequency_penalty: 0.6,
                presence_penalty: 0.7,
                max_tokens: 8,
            }
        );
    }

    #[test]
    fn one_stop_text_or_several_are_a_list() {
        let texts = |stop| {
            let request = ChatRequest {
                stop,
                ..ChatRequest::default()
            };
            request.stop_texts().to_vec()
        };
        assert!(texts(None).is_empty());
        assert_eq!(texts(Some(Stop::One("a".into()))), ["a"]);
        assert_eq!(
            texts(Some(Stop::Many(vec!["a".into(), "b".into()]))),
            ["a", "b"]
        );
    }
}
