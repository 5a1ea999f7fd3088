//! The model on the device.

use std::ops::ControlFlow;

use query::{ChatRequest, Error, ErrorCode, FinishReason, LocalState, Piece, Usage};
use router::confidence::Certainty;

/// The model on the device.
#[expect(
    async_fn_in_trait,
    reason = "an engine stays on one thread: a page's worker has only one"
)]
pub trait LocalModel {
    /// Whether it can answer.
    fn state(&self) -> LocalState;

    /// Tokens of the prompt that this request makes; 0 if it is not loaded.
    fn count_tokens(&self, request: &ChatRequest) -> u32;

    /// How many of those tokens its key/value cache holds already; 0 if it does not know.
    fn cached_tokens(&self, _request: &ChatRequest) -> u32 {
        0
    }

    /// Gives `n` answers, one after the other; `on_part` gets each in parts. Where it breaks, the work ends before the
    /// next token. Asked the same again in the same call, the same tokens come, for as far as they came before.
    ///
    /// # Errors
    /// [`ErrorCode::ContextOverflow`], [`ErrorCode::LocalUnavailable`], or what the device did not bear.
    async fn generate(
        &self,
        request: &ChatRequest,
        on_part: OnPart<'_>,
    ) -> Result<LocalAnswer, Error>;
}

/// Hears a local answer, and says whether it goes on.
pub type OnPart<'a> = &'a mut dyn FnMut(Part) -> ControlFlow<()>;

/// What a local answer is made of, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// How sure the model was of a token. The text that it completes comes after it. Tokens that an engine before this
    /// one chose have none.
    Token(Certainty),
    /// A piece of it.
    Piece(Piece),
}

/// How local answers ended.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalAnswer {
    /// Why: one for each answer that was not broken off.
    pub finish_reasons: Vec<FinishReason>,
    /// Tokens of the prompt, and of all answers.
    pub usage: Usage,
    /// Mean of all tokens' natural log-probabilities, at most 0.
    pub mean_log_probability: f32,
}

/// No model.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModel;

impl LocalModel for NoModel {
    fn state(&self) -> LocalState {
        LocalState::Unavailable
    }

    fn count_tokens(&self, _request: &ChatRequest) -> u32 {
        0
    }

    async fn generate(
        &self,
        _request: &ChatRequest,
        _on_part: OnPart<'_>,
    ) -> Result<LocalAnswer, Error> {
        Err(Error::new(
            ErrorCode::LocalUnavailable,
            "this device has no model; load one, or allow the cloud",
        ))
    }
}
