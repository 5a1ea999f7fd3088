//! The page answers, and its answer is kept, marked, or the cloud answers instead.
//!
//! Nothing that was shown is ever taken back. Where the cloud may take over, the first tokens are held back until it
//! is known how likely an answer stands that begins so; then they are shown, or never. What is found out later only
//! marks.

use privacy::{Findings, Restored};
use query::{
    Doubt, DoubtCause, Error, ErrorCode, Mode, OnDoubt, Policy, Reason, ReasonCode, Route, Source,
    Target, Usage, UsageByTier,
};

use router::Inputs;

use crate::{
    Clock, Consent, Engine, LocalAnswer, LocalModel, Signals, Transport,
    answer::{Left, Outcome, Told},
    attempt::{Attempt, Bar, Verdict},
    engine::{Looking, WayOut},
    overflow,
};

/// From here on the model is called sure of its answer: it rather stands, also among the questions of its calibration.
const EVEN: f32 = 0.5;

/// A request, and what decides where it may go.
pub(crate) struct Asked<'a> {
    pub(crate) findings: &'a Findings<'a>,
    pub(crate) policy: &'a Policy,
    pub(crate) detector: &'a Looking,
    pub(crate) inputs: &'a Inputs,
    /// Where it was to be answered first: in the page.
    pub(crate) route: &'a Route,
}

impl<L: LocalModel, T: Transport, C: Clock, S: Signals, K: Consent> Engine<L, T, C, S, K> {
    /// In the page, as long as its answer is not doubtful.
    pub(crate) async fn answer_here(
        &self,
        asked: &Asked<'_>,
        told: &mut Told<'_, C>,
    ) -> Result<Outcome, Error> {
        let (request, policy) = (asked.findings.request(), asked.policy);
        let why_not = self.why_not_instead(asked);
        let may_escalate =
            why_not.is_none() && matches!(policy.on_doubt, OnDoubt::Escalate | OnDoubt::Ask);
        let bar = self.bar(asked);

        let fitted = overflow::fit(&self.local, request, policy, &self.summary).await?;
        let mut attempt = Attempt::new(bar.as_ref(), may_escalate);
        let mut on_part = |part| attempt.hear(part, &mut |piece| told.piece(piece));
        let mut answer = self.generate(&fitted.request, policy, &mut on_part).await?;
        let mut verdict = attempt.verdict(request, &answer);

        let may_leave = why_not.is_none();
        let (mut left, mut why_kept) = (None, why_not);
        if let (Some(cause), true) = (verdict.cause, may_escalate && !attempt.is_shown()) {
            let doubt = doubt(cause, verdict, true);
            match self.escalate(asked, &doubt, told, &mut left).await? {
                Ok(cloud) => {
                    let local = together(answer.usage, fitted.spent);
                    let here = here(&answer, verdict);
                    return Ok(Outcome {
                        source: Source::Both,
                        confidence: here.confidence,
                        calibrated: here.calibrated,
                        usage: UsageByTier {
                            local,
                            ..cloud.usage
                        },
                        ..cloud
                    });
                }
                Err(reason) => why_kept = Some(reason),
            }
            if attempt.is_stopped() {
                // The prompt is still in the cache.
                let begun = Usage {
                    completion_tokens: answer.usage.completion_tokens,
                    total_tokens: answer.usage.completion_tokens,
                    ..Usage::default()
                };
                attempt = Attempt::new(bar.as_ref(), false);
                let mut on_part = |part| attempt.hear(part, &mut |piece| told.piece(piece));
                answer = self.generate(&fitted.request, policy, &mut on_part).await?;
                verdict = Verdict {
                    cause: Some(cause),
                    ..attempt.verdict(request, &answer)
                };
                answer.usage = together(answer.usage, begun);
            }
        }
        attempt.release(&mut |piece| told.piece(piece));
        if let (Some(probability), false) = (verdict.probability, attempt.is_stopped()) {
            self.feedback.borrow_mut().answered(probability);
        }

        answer.usage = together(answer.usage, fitted.spent);
        let mut outcome = here(&answer, verdict);
        outcome.left = left;
        outcome.reasons.clone_from(&asked.route.reasons);
        match verdict.cause {
            _ if policy.on_doubt == OnDoubt::Ship => {}
            Some(cause) => {
                outcome.doubt = Some(doubt(cause, verdict, may_leave));
                outcome.reasons.push(router::doubtful(cause));
                let is_new = |why: &Reason| {
                    asked
                        .route
                        .reasons
                        .iter()
                        .all(|other| other.code != why.code)
                };
                outcome.reasons.extend(why_kept.filter(is_new));
            }
            None if verdict
                .probability
                .is_some_and(|probability| policy.risk.is_some() || probability >= EVEN) =>
            {
                outcome
                    .reasons
                    .push(self.reason(asked, ReasonCode::LocalConfident));
            }
            None => {}
        }
        Ok(outcome)
    }

    /// The cloud instead of the page, which is in doubt and has shown nothing. If it does not answer, says why not.
    async fn escalate(
        &self,
        asked: &Asked<'_>,
        doubt: &Doubt,
        told: &mut Told<'_, C>,
        left: &mut Option<Left>,
    ) -> Result<Result<Outcome, Reason>, Error> {
        if asked.policy.on_doubt == OnDoubt::Ask && !self.consent.prefers_cloud(doubt).await? {
            return Ok(Err(self.reason(asked, ReasonCode::EscalationDeclined)));
        }
        let mut route = asked.route.clone();
        route.reasons.insert(0, router::doubtful(doubt.cause));
        // They would have changed what comes before this.
        route.changes.clear();
        route.target = Target::Cloud;
        told.route(&route);

        let reasons = route.reasons.clone();
        let cloud = match self.way_out(asked.detector.clone()?) {
            Ok(way_out) => {
                // The page's own answer is there.
                let way_out = WayOut {
                    rounds: 1,
                    ..way_out
                };
                let on_piece = &mut |piece| told.piece(piece);
                self.answer_in_the_cloud(&way_out, asked.findings, asked.policy, on_piece, left)
                    .await
            }
            Err(error) => Err(error),
        };
        let error = match cloud {
            Ok(outcome) => return Ok(Ok(Outcome { reasons, ..outcome })),
            // What was shown is not taken back, and a page that goes away wants no other answer.
            Err(error) if told.has_shown() || error.code == ErrorCode::Disposed => {
                return Err(error);
            }
            Err(error) => error,
        };
        route.target = Target::Local;
        let why = match error.code {
            ErrorCode::ConsentDeclined => self.reason(asked, ReasonCode::EscalationDeclined),
            _ => {
                let mut why = self.reason(asked, ReasonCode::EscalationFailed);
                // Messages are sentences without an end, and hold nothing of the question.
                why.text = format!("{}: {}.", why.text.trim_end_matches('.'), error.message);
                why
            }
        };
        route.reasons.push(why.clone());
        told.route(&route);
        Ok(Err(why))
    }

    /// Why the cloud may not answer instead of the page, by the same rules as at first.
    fn why_not_instead(&self, asked: &Asked<'_>) -> Option<Reason> {
        if asked.policy.mode == Mode::LocalOnly {
            return Some(self.reason(asked, ReasonCode::ModeLocalOnly));
        }
        let cloud_alone = Inputs {
            mode: Mode::CloudOnly,
            ..asked.inputs.clone()
        };
        router::decide(&cloud_alone).err().map(|no_route| {
            let [not_cloud, _] = no_route.reasons;
            not_cloud
        })
    }

    /// How likely an answer has to stand, if anything is known of the model file's answers: as the stated risk asks for, or
    /// so likely that it rather stands here.
    fn bar(&self, asked: &Asked<'_>) -> Option<Bar> {
        let calibration = self.calibration.borrow().clone()?;
        let estimate = asked.route.scores.estimate;
        let moved = |at_least| self.feedback.borrow().threshold(at_least);
        let (at_least, beginning_at_least) = if let Some(risk) = asked.policy.risk {
            let is_estimated = estimate.is_some();
            let tested = calibration.threshold(risk.alpha, risk.delta, is_estimated);
            let at_least = moved(tested.map(|threshold| threshold.at_least));
            let beginning =
                at_least.map(|at_least| calibration.beginning_at_least(at_least, is_estimated));
            (at_least, beginning)
        } else {
            let below = router::doubtful_below(asked.inputs.judgement, &calibration);
            // What says nothing is no reason to doubt, whatever people did with other answers.
            let at_least = below.map_or(Some(0.0), |below| moved(Some(below)));
            let beginning = at_least.map(|at_least| {
                let tested = calibration.beginning_at_least(at_least, estimate.is_some());
                // A beginning says less than the whole.
                tested.min(at_least)
            });
            (at_least, beginning)
        };
        Some(Bar {
            calibration,
            estimate,
            at_least,
            beginning_at_least,
        })
    }

    fn reason(&self, asked: &Asked<'_>, code: ReasonCode) -> Reason {
        router::reason(code, &asked.findings.strictest())
    }
}

fn doubt(cause: DoubtCause, verdict: Verdict, cloud: bool) -> Doubt {
    Doubt {
        cause,
        probability: verdict.probability,
        cloud,
    }
}

/// An answer of the page, where nothing leaves and so nothing is replaced.
fn here(answer: &LocalAnswer, verdict: Verdict) -> Outcome {
    let calibrated = verdict.probability.map(f64::from);
    // An answer without a token has no mean.
    let mean = Some(f64::from(answer.mean_log_probability).exp()).filter(|mean| mean.is_finite());
    Outcome {
        finish_reasons: answer.finish_reasons.clone(),
        source: Source::Local,
        reasons: Vec::new(),
        confidence: calibrated.or(mean),
        calibrated: calibrated.is_some(),
        doubt: None,
        left: None,
        restored: Restored::default(),
        usage: UsageByTier {
            local: answer.usage,
            ..UsageByTier::default()
        },
    }
}

/// What both took; what was in the cache is the answer's own figure.
fn together(answer: Usage, other: Usage) -> Usage {
    Usage {
        prompt_tokens: answer.prompt_tokens + other.prompt_tokens,
        completion_tokens: answer.completion_tokens + other.completion_tokens,
        total_tokens: answer.total_tokens + other.total_tokens,
        ..answer
    }
}
