//! How fast both places are, and what the cloud says of its limits: told to the schedule after each answer.

use std::cell::Cell;

use query::{ChatRequest, Error, ErrorCode, Patience, Piece, Policy, Usage};
use router::RateLimit;

use crate::{Clock, Consent, Engine, LocalAnswer, LocalModel, OnPart, Part, Signals, Transport};

/// When an answer began and when its first text came, in ms.
pub(crate) struct Stopwatch {
    start: f64,
    first: Cell<Option<f64>>,
}

impl Stopwatch {
    pub(crate) fn start(clock: &impl Clock) -> Self {
        Self {
            start: clock.now_ms(),
            first: Cell::new(None),
        }
    }

    /// A piece came.
    pub(crate) fn piece(&self, piece: &Piece, clock: &impl Clock) {
        if self.first.get().is_none() && !piece.is_empty() {
            self.first.set(Some(clock.now_ms()));
        }
    }
}

impl<L: LocalModel, T: Transport, C: Clock, S: Signals, K: Consent> Engine<L, T, C, S, K> {
    /// As [`LocalModel::generate`], and measured. An answer that nobody waits for gives way to others: how long it
    /// took says nothing.
    pub(crate) async fn generate(
        &self,
        request: &ChatRequest,
        policy: &Policy,
        on_part: OnPart<'_>,
    ) -> Result<LocalAnswer, Error> {
        let watch = Stopwatch::start(&self.clock);
        let mut on_part = |part| {
            if let Part::Piece(piece) = &part {
                watch.piece(piece, &self.clock);
            }
            on_part(part)
        };
        let answer = self.local.generate(request, &mut on_part).await?;
        let end = self.clock.now_ms();
        if let (Some(first), true) = (watch.first.get(), policy.patience != Patience::Patient) {
            let usage = &answer.usage;
            let cached = usage
                .prompt_tokens_details
                .as_ref()
                .map_or(0, |details| details.cached_tokens);
            let new = usage.prompt_tokens.saturating_sub(cached);
            self.schedule.borrow_mut().local_answered(
                (new, first - watch.start),
                (usage.completion_tokens, end - first),
            );
        }
        Ok(answer)
    }

    /// How an answer of the cloud went, and what it said of its rate limit.
    pub(crate) fn note_cloud(
        &self,
        watch: &Stopwatch,
        went: Result<&Usage, &Error>,
        limit: &RateLimit,
    ) {
        let now = self.clock.now_ms();
        let mut schedule = self.schedule.borrow_mut();
        match went {
            Ok(usage) => {
                let first = watch.first.get().unwrap_or(now);
                let (first_ms, rest_ms) = (first - watch.start, now - first);
                schedule.cloud_answered(now, first_ms, rest_ms, usage.completion_tokens, limit);
            }
            Err(error) => match error.code {
                ErrorCode::UpstreamRateLimited => schedule.cloud_refused(now, limit),
                ErrorCode::RelayUnavailable
                | ErrorCode::GatewayUnavailable
                | ErrorCode::KeyMismatch
                | ErrorCode::SealBroken
                | ErrorCode::UpstreamUnauthorized
                | ErrorCode::UpstreamFailed
                | ErrorCode::UpstreamInterrupted => schedule.cloud_failed(now),
                // The network, the request or the page: nothing of the cloud.
                _ => {}
            },
        }
    }
}
