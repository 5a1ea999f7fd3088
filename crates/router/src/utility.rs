//! What each place is worth for a query: gain − cost − latency, all as shares of the best that can be gained.

use query::{Mode, PrivacyClass, ReasonCode, Scores, Target, Utility};

use crate::Inputs;

/// What `prefer-local` gives the page, and `prefer-cloud` the cloud: so much better has the other one to be.
const PREFERRED: f32 = 0.5;
/// What it takes from the cloud that something has to stay (sensitivity 1).
const SENSITIVE: f32 = 0.5;
/// From this novelty on, a question is said to be unlike what the estimate was learned from.
const UNFAMILIAR: f32 = 0.5;
/// Below this expected gain a question looks easy enough for the page.
const EASY: f32 = 0.25;
/// What changes the balance by less than this is no reason worth telling.
const WORTH_TELLING: f32 = 0.05;

/// One thing that speaks for a place.
struct Term {
    /// How it is told when it decides for the cloud, and for the page.
    told: [Option<ReasonCode>; 2],
    /// For the cloud; below 0, for the page.
    weight: f32,
}

/// What each place is worth.
pub(crate) fn scores(inputs: &Inputs) -> Scores {
    let sensitivity = sensitivity(inputs.strictest.class);
    let [local_mode, cloud_mode] = match inputs.mode {
        Mode::PreferLocal => [PREFERRED, 0.0],
        Mode::PreferCloud => [0.0, PREFERRED],
        Mode::LocalOnly | Mode::CloudOnly => [0.0, 0.0],
    };
    let local = Utility {
        gain: local_mode,
        total: local_mode,
        ..Utility::default()
    };
    let gain = gain(inputs) + cloud_mode;
    let burden = SENSITIVE * sensitivity;
    let cloud = Utility {
        gain,
        burden,
        total: gain - burden,
        ..Utility::default()
    };
    Scores {
        guess: inputs.judgement.guess,
        estimate: inputs.judgement.estimate,
        tolerance: 0.5,
        sensitivity,
        cost: 0.0,
        local,
        cloud,
    }
}

/// Where it would be answered if no rule forbade a place, and why: the mode if it speaks for that place, then what
/// weighs most.
pub(crate) fn preference(inputs: &Inputs, scores: &Scores) -> (Target, Vec<ReasonCode>) {
    match inputs.mode {
        Mode::LocalOnly => return (Target::Local, vec![ReasonCode::ModeLocalOnly]),
        Mode::CloudOnly => return (Target::Cloud, vec![ReasonCode::ModeCloudOnly]),
        Mode::PreferLocal | Mode::PreferCloud => {}
    }
    let to_the_cloud = scores.cloud.total > scores.local.total;
    let target = if to_the_cloud {
        Target::Cloud
    } else {
        Target::Local
    };
    let (mode, mode_speaks_for) = match inputs.mode {
        Mode::PreferCloud => (ReasonCode::ModePreferCloud, Target::Cloud),
        _ => (ReasonCode::ModePreferLocal, Target::Local),
    };
    let mut codes = Vec::new();
    if mode_speaks_for == target {
        codes.push(mode);
    }
    let mut terms = terms(inputs, scores);
    terms.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    for Term { told, weight } in terms {
        if (weight > 0.0) == to_the_cloud && weight.abs() >= WORTH_TELLING {
            codes.extend(told[usize::from(!to_the_cloud)]);
        }
    }
    if !to_the_cloud {
        codes.extend(unjudged(inputs));
    }
    (target, codes)
}

/// What speaks for the cloud or for the page, but for the mode.
fn terms(inputs: &Inputs, scores: &Scores) -> [Term; 2] {
    [
        Term {
            told: [Some(ReasonCode::LooksHard), Some(ReasonCode::LooksEasy)],
            weight: gain(inputs),
        },
        Term {
            told: [None, Some(ReasonCode::PreferNot)],
            weight: -scores.cloud.burden,
        },
    ]
}

/// What the estimate says to somebody who stays in the page, if it weighs nothing.
fn unjudged(inputs: &Inputs) -> Option<ReasonCode> {
    let estimate = inputs.judgement.estimate?;
    if estimate.novelty >= UNFAMILIAR {
        return Some(ReasonCode::Unfamiliar);
    }
    let gain = gain(inputs);
    (gain < EASY && gain > -WORTH_TELLING).then_some(ReasonCode::LooksEasy)
}

/// The expected gain, as far as the question is one that the estimate knows.
fn gain(inputs: &Inputs) -> f32 {
    inputs.judgement.estimate.map_or(0.0, |estimate| {
        estimate.gain.clamp(-1.0, 1.0) * (1.0 - estimate.novelty.clamp(0.0, 1.0))
    })
}

fn sensitivity(class: PrivacyClass) -> f32 {
    match class {
        PrivacyClass::Public => 0.0,
        PrivacyClass::PreferNot => 0.5,
        PrivacyClass::Restricted => 0.75,
        PrivacyClass::NeverLeaves => 1.0,
    }
}
