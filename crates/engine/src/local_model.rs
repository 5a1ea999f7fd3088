//! The model on the device.

use query::{ChatRequest, Error, ErrorCode, FinishReason, LocalState, Message, Usage};

/// The model on the device.
#[expect(
    async_fn_in_trait,
    reason = "an engine stays on one thread: a page's worker has only one"
)]
pub trait LocalModel {
    /// Whether it can answer.
    fn state(&self) -> LocalState;

    /// Tokens of the prompt that these messages make; 0 if it is not loaded.
    fn count_tokens(&self, messages: &[Message]) -> u32;

    /// Answers; `on_text` gets the answer in pieces.
    ///
    /// # Errors
    /// [`ErrorCode::ContextOverflow`], [`ErrorCode::LocalUnavailable`], or what the device did not bear.
    async fn generate(
        &self,
        request: &ChatRequest,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<LocalAnswer, Error>;
}

/// How a local answer ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalAnswer {
    /// Why.
    pub finish_reason: FinishReason,
    /// Tokens.
    pub usage: Usage,
    /// Mean of the tokens' natural log-probabilities, at most 0.
    pub mean_log_probability: f32,
}

/// No model.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModel;

impl LocalModel for NoModel {
    fn state(&self) -> LocalState {
        LocalState::Unavailable
    }

    fn count_tokens(&self, _messages: &[Message]) -> u32 {
        0
    }

    async fn generate(
        &self,
        _request: &ChatRequest,
        _on_text: &mut dyn FnMut(&str),
    ) -> Result<LocalAnswer, Error> {
        Err(Error::new(
            ErrorCode::LocalUnavailable,
            "this device has no model; load one, or allow the cloud",
        ))
    }
}
