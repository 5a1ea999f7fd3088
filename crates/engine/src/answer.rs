//! One question from start to end.

use privacy::Restored;
use query::{
    AnswerEvent, ChatRequest, Doubt, Error, FinishReason, Piece, Policy, Reason, Receipt, Replaced,
    Route, Sent, Source, Target,
};
use query::{Timing, UsageByTier};

use crate::{Clock, Consent, Engine, LocalModel, Signals, Transport, check::check, doubt::Asked};

/// What came of it, wherever it was answered.
pub(crate) struct Outcome {
    /// One for each answer.
    pub(crate) finish_reasons: Vec<FinishReason>,
    pub(crate) source: Source,
    /// Why there.
    pub(crate) reasons: Vec<Reason>,
    pub(crate) confidence: Option<f64>,
    pub(crate) calibrated: bool,
    pub(crate) doubt: Option<Doubt>,
    pub(crate) left: Option<Left>,
    /// What became of the placeholders.
    pub(crate) restored: Restored,
    pub(crate) usage: UsageByTier,
}

/// What may have left the device.
pub(crate) struct Left {
    pub(crate) sent: Sent,
    pub(crate) replaced: Vec<Replaced>,
}

/// Tells the page what happens, and when it first had something to show.
pub(crate) struct Told<'a, C> {
    on_event: &'a mut dyn FnMut(AnswerEvent),
    clock: &'a C,
    first: Option<f64>,
}

impl<C: Clock> Told<'_, C> {
    pub(crate) fn route(&mut self, route: &Route) {
        let route = route.clone();
        (self.on_event)(AnswerEvent::Route { route });
    }

    pub(crate) fn piece(&mut self, piece: Piece) {
        if !piece.is_empty() {
            self.first.get_or_insert_with(|| self.clock.now_ms());
            (self.on_event)(AnswerEvent::Text(piece));
        }
    }

    /// Something of the answer was told.
    pub(crate) fn has_shown(&self) -> bool {
        self.first.is_some()
    }
}

impl<L: LocalModel, T: Transport, C: Clock, S: Signals, K: Consent> Engine<L, T, C, S, K> {
    /// Answers a request: one [`AnswerEvent::Route`] (and others, if the answer that was begun does not get far), the text
    /// in pieces, one [`AnswerEvent::Done`] with the receipt. Dropping the future stops the work, here or in the cloud.
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
        check(&request)?;
        let request = self.with_model_name(request);

        let detector = self.detector();
        let findings = self.find(&request, policy, &detector);
        let inputs = self.inputs(&findings, policy, &detector, start);
        let route = self.decide(&inputs, &detector)?;
        let mut told = Told {
            on_event,
            clock: &self.clock,
            first: None,
        };
        told.route(&route);

        let outcome = match route.target {
            Target::Local => {
                let asked = Asked {
                    findings: &findings,
                    policy,
                    detector: &detector,
                    inputs: &inputs,
                    route: &route,
                };
                self.answer_here(&asked, &mut told).await?
            }
            Target::Cloud => {
                let way_out = self.way_out(detector?)?;
                let on_piece = &mut |piece| told.piece(piece);
                let outcome = self
                    .answer_in_the_cloud(&way_out, &findings, policy, on_piece, &mut None)
                    .await?;
                Outcome {
                    reasons: route.reasons,
                    ..outcome
                }
            }
        };

        let end = self.clock.now_ms();
        let (sent, replaced) = match outcome.left {
            Some(left) => (Some(left.sent), left.replaced),
            None => (None, Vec::new()),
        };
        let receipt = Receipt {
            source: outcome.source,
            reasons: outcome.reasons,
            confidence: outcome.confidence,
            calibrated: outcome.calibrated,
            doubt: outcome.doubt,
            sent,
            replaced,
            restored: outcome.restored.count,
            uncertain: outcome.restored.uncertain,
            withheld: outcome.restored.withheld,
            invented: outcome.restored.invented,
            dropped: outcome.restored.dropped,
            usage: outcome.usage,
            ms: Timing {
                first: told.first.unwrap_or(end) - start,
                total: end - start,
            },
        };
        (told.on_event)(AnswerEvent::Done {
            finish_reasons: outcome.finish_reasons,
            receipt,
        });
        Ok(())
    }
}
