//! The model on the device.

use query::{ChatRequest, Error, ErrorCode, FinishReason, LocalState, Piece, Usage};

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

    /// Gives `n` answers, one after the other; `on_piece` gets each in pieces.
    ///
    /// # Errors
    /// [`ErrorCode::ContextOverflow`], [`ErrorCode::LocalUnavailable`], or what the device did not bear.
    async fn generate(
        &self,
        request: &ChatRequest,
        on_piece: &mut dyn FnMut(Piece),
    ) -> Result<LocalAnswer, Error>;
}

/// How local answers ended.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalAnswer {
    /// Why: one for each answer.
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
        _on_piece: &mut dyn FnMut(Piece),
    ) -> Result<LocalAnswer, Error> {
        Err(Error::new(
            ErrorCode::LocalUnavailable,
            "this device has no model; load one, or allow the cloud",
        ))
    }
}
