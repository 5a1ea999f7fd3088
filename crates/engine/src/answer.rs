//! One question from start to end.

use privacy::Restored;
use query::{
    AnswerEvent, ChatRequest, Error, FinishReason, Piece, Policy, Receipt, Replaced, Sent, Source,
    Target,
};
use query::{Timing, UsageByTier};

use crate::{Clock, Consent, Engine, LocalModel, Signals, Transport, check::check, overflow};

/// What came of it, wherever it was answered.
pub(crate) struct Outcome {
    /// One for each answer.
    pub(crate) finish_reasons: Vec<FinishReason>,
    pub(crate) source: Source,
    pub(crate) confidence: Option<f64>,
    pub(crate) sent: Option<Sent>,
    pub(crate) replaced: Vec<Replaced>,
    /// What became of the placeholders.
    pub(crate) restored: Restored,
    pub(crate) usage: UsageByTier,
}

impl<L: LocalModel, T: Transport, C: Clock, S: Signals, K: Consent> Engine<L, T, C, S, K> {
    /// Answers a request: one [`AnswerEvent::Route`], the text in pieces, one [`AnswerEvent::Done`] with the
    /// receipt. Dropping the future stops the work, here or in the cloud.
    ///
    /// # Errors
    /// Where it cannot be answered as the policy says, an error says why. It is never answered elsewhere instead.
    pub async fn answer(
        &self,
        request: ChatRequest,
        policy: &Policy,
        on_event: &mut dyn FnMut(AnswerEvent),
    ) -> Result<(), Error> {
        let start = self.clock.now_ms();
        let mut first = None;
        check(&request)?;
        let request = self.with_model_name(request);

        let detector = self.detector();
        let findings = self.find(&request, policy, &detector);
        let route = self.decide(&findings, policy, &detector, start)?;
        on_event(AnswerEvent::Route {
            route: route.clone(),
        });

        let mut on_piece = |piece: Piece| {
            if !piece.is_empty() {
                first.get_or_insert_with(|| self.clock.now_ms());
                on_event(AnswerEvent::Text(piece));
            }
        };
        let outcome = match route.target {
            Target::Local => self.answer_here(&request, policy, &mut on_piece).await?,
            Target::Cloud => {
                let way_out = self.way_out(detector?)?;
                self.answer_in_the_cloud(&way_out, findings, policy, &mut on_piece)
                    .await?
            }
        };

        let end = self.clock.now_ms();
        let receipt = Receipt {
            source: outcome.source,
            reasons: route.reasons,
            confidence: outcome.confidence,
            sent: outcome.sent,
            replaced: outcome.replaced,
            restored: outcome.restored.count,
            uncertain: outcome.restored.uncertain,
            withheld: outcome.restored.withheld,
            invented: outcome.restored.invented,
            dropped: outcome.restored.dropped,
            usage: outcome.usage,
            ms: Timing {
                first: first.unwrap_or(end) - start,
                total: end - start,
            },
        };
        on_event(AnswerEvent::Done {
            finish_reasons: outcome.finish_reasons,
            receipt,
        });
        Ok(())
    }

    /// In the page: nothing leaves, so nothing is replaced.
    async fn answer_here(
        &self,
        request: &ChatRequest,
        policy: &Policy,
        on_piece: &mut dyn FnMut(Piece),
    ) -> Result<Outcome, Error> {
        let fitted = overflow::fit(&self.local, request, policy, &self.summary).await?;
        let mut answer = self.generate(&fitted.request, policy, on_piece).await?;
        answer.usage.prompt_tokens += fitted.spent.prompt_tokens;
        answer.usage.completion_tokens += fitted.spent.completion_tokens;
        answer.usage.total_tokens += fitted.spent.total_tokens;
        Ok(Outcome {
            finish_reasons: answer.finish_reasons,
            source: Source::Local,
            // An answer without a token has no mean.
            confidence: Some(f64::from(answer.mean_log_probability).exp())
                .filter(|mean| mean.is_finite()),
            sent: None,
            replaced: Vec::new(),
            restored: Restored::default(),
            usage: UsageByTier {
                local: answer.usage,
                ..UsageByTier::default()
            },
        })
    }
}
