//! What a page makes of its answers where its policy prefers it and states no risk.

use query::{
    ChatRequest, CloudState, DeviceState, Intent, LocalState, Mode, Policy, Strictest, Target,
};
use router::{
    Inputs, Judgement, Weights,
    calibration::{BEGINNING, Calibration},
    decide, doubtful_below, question,
};
use router_training::calibration::Graded;
use serde::Serialize;

use crate::personal;

/// Of all answers.
#[derive(Serialize)]
pub(super) struct ByDefault {
    /// Kinds of questions of which certainty says something, and so decides.
    telling: Vec<Intent>,
    /// Questions that the cloud gets before the page begins.
    sent: usize,
    /// Answers that are given up because of how they begin.
    given_up: Together,
    /// Those, and all that turn out doubtful later, which a page marks.
    doubtful: Together,
    /// Of the answers that are kept without a mark, the share that is worse than the cloud's.
    kept_worse: f64,
    /// Of all that the page begins.
    begun_worse: f64,
}

/// If the cloud answers these as well as what was sent.
#[derive(Serialize)]
struct Together {
    answers: usize,
    /// Mean score of all questions.
    accuracy: f64,
    /// If as many of those that the page begins were chosen by chance.
    by_chance: f64,
}

/// A question, its answer, and how likely that stands by curves that did not see it.
pub(super) struct Asked<'a> {
    pub(super) prompt: &'a str,
    pub(super) graded: &'a Graded,
    pub(super) whole: f32,
    pub(super) beginning: f32,
}

/// Decides for each.
pub(super) fn by_default(
    asked: &[Asked<'_>],
    calibration: &Calibration,
    weights: &Weights,
) -> ByDefault {
    let (mut sent, mut begun) = (Vec::new(), Vec::new());
    let (mut given_up, mut doubtful, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for asked in asked {
        let inputs = inputs(asked, weights);
        if decide(&inputs).is_ok_and(|route| route.target == Target::Cloud) {
            sent.push(asked.graded);
            continue;
        }
        begun.push(asked.graded);
        let below = doubtful_below(inputs.judgement, calibration).unwrap_or_default();
        let begins = calibration.beginning_at_least(below, false).min(below);
        let is_whole = asked.graded.whole.tokens < BEGINNING;
        if asked.beginning < begins && !is_whole || is_whole && asked.whole < below {
            given_up.push(asked.graded);
        } else if asked.whole < below {
            doubtful.push(asked.graded);
        } else {
            kept.push(asked.graded);
        }
    }
    doubtful.extend(&given_up);

    let score = |of: &[&Graded], score: fn(&Graded) -> f32| -> f64 {
        of.iter().map(|answer| f64::from(score(answer))).sum()
    };
    let gained = |of: &[&Graded]| score(of, |answer| answer.cloud - answer.local);
    let alone = score(&sent, |answer| answer.cloud) + score(&begun, |answer| answer.local);
    let all = asked.len().max(1) as f64;
    let together = |of: &[&Graded]| Together {
        answers: of.len(),
        accuracy: (alone + gained(of)) / all,
        by_chance: (alone + gained(&begun) * of.len() as f64 / begun.len().max(1) as f64) / all,
    };
    let worse = |of: &[&Graded]| {
        of.iter().filter(|answer| !answer.stands()).count() as f64 / of.len().max(1) as f64
    };
    ByDefault {
        telling: calibration.telling.clone().unwrap_or_default(),
        sent: sent.len(),
        given_up: together(&given_up),
        doubtful: together(&doubtful),
        kept_worse: worse(&kept),
        begun_worse: worse(&begun),
    }
}

/// All is well, and nothing in the question keeps it.
fn inputs(asked: &Asked<'_>, weights: &Weights) -> Inputs {
    let request: ChatRequest = personal::request(asked.prompt);
    let device = DeviceState {
        local: LocalState::Ready {
            context_length: 8192,
        },
        online: true,
        ..DeviceState::default()
    };
    let cloud = CloudState {
        configured: true,
        detector_ready: true,
        ..CloudState::default()
    };
    let policy = Policy {
        mode: Mode::PreferLocal,
        ..Policy::default()
    };
    let text = question(&request);
    let judgement = Judgement {
        guess: Some(weights.intent(text)),
        // Of weights that did not learn from this question, if there are any.
        estimate: asked.graded.estimate.or_else(|| Some(weights.gain(text))),
    };
    Inputs::of(
        &request,
        &Strictest::default(),
        &device,
        &cloud,
        &policy,
        judgement,
    )
}
