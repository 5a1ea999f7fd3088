//! How fast both places are, and what the cloud says of its limits: told to the schedule after each answer.

use std::cell::Cell;

use query::{ChatRequest, Error, ErrorCode, Patience, Piece, Policy, Usage};
use router::RateLimit;

use crate::{Clock, Consent, Engine, LocalAnswer, LocalModel, OnPart, Part, Signals, Transport};

/// When an answer began and when its first and its last text came, in ms.
pub(crate) struct Stopwatch {
    start: f64,
    first: Cell<Option<f64>>,
    last: Cell<f64>,
}

impl Stopwatch {
    pub(crate) fn start(clock: &impl Clock) -> Self {
        let start = clock.now_ms();
        Self {
            start,
            first: Cell::new(None),
            last: Cell::new(start),
        }
    }

    /// A piece came.
    pub(crate) fn piece(&self, piece: &Piece, clock: &impl Clock) {
        if !piece.is_empty() {
            let now = clock.now_ms();
            self.first.set(self.first.get().or(Some(now)));
            self.last.set(now);
        }
    }

    /// A text came.
    pub(crate) fn has_begun(&self) -> bool {
        self.first.get().is_some()
    }

    /// From the start to the first text, and from there to the last; what comes after it is not the answer's: the end of
    /// a beat, for one. None without a text.
    fn times(&self) -> Option<(f64, f64)> {
        let first = self.first.get()?;
        Some((first - self.start, self.last.get() - first))
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
        if let (Some((first_ms, rest_ms)), true) =
            (watch.times(), policy.patience != Patience::Patient)
        {
            let usage = &answer.usage;
            let cached = usage
                .prompt_tokens_details
                .as_ref()
                .map_or(0, |details| details.cached_tokens);
            let new = usage.prompt_tokens.saturating_sub(cached);
            self.schedule
                .borrow_mut()
                .local_answered((new, first_ms), (usage.completion_tokens, rest_ms));
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
                let (first_ms, rest_ms) = watch.times().unwrap_or((now - watch.start, 0.0));
                schedule.cloud_answered(now, first_ms, rest_ms, usage.completion_tokens, limit);
            }
            Err(error) if error.code == ErrorCode::UpstreamRateLimited => {
                schedule.cloud_refused(now, limit);
            }
            // Of the way that was taken, or of the question.
            Err(_) => {}
        }
    }
}
