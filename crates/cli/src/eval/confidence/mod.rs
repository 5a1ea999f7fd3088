//! `tidegate eval confidence`: what a model's certainty is worth, from the answers that `tidegate calibrate` kept.

mod by_default;
mod compare;

use std::{collections::HashMap, path::PathBuf};

use anyhow::bail;
use clap::Args;
use query::{Estimate, Intent};
use router::{
    Weights,
    calibration::{Calibration, ModelFile, Questions},
    confidence::Evidence,
};
use router_training::{
    calibration::{
        Control, Drawn, Graded, Share, Signal, auroc, auroc_error, calibration_error, curves, draw,
        out_of_fold, shares, telling,
    },
    corpus::{self, Scored},
};
use serde::Serialize;

use self::{
    by_default::{Asked, ByDefault, by_default},
    compare::{Below, Figures, compare},
};
use crate::{calibrate::read_results, estimates, learned};

/// What `tidegate eval confidence --help` begins with.
pub(crate) const ABOUT: &str = "\
Measures what a model's certainty of its answers is worth, from the answers that `tidegate calibrate` kept: one line of \
JSON.

`auroc` is how well a probability tells answers that stand (are no worse than the cloud's) from others, and right from wrong \
ones where that is known; `apgr` is the area under the accuracy of all answers together over the share that stays local, the \
surest first (0.5 for chance, 0 for the local model alone, 1 for the cloud alone); `calibration_error` how far probabilities are from shares; `shares` the accuracy of all answers \
together if so many stay local (by chance it would be a straight line between the ends). All probabilities are of answers \
that were left out of the fit, question by question. With --estimates there are three signals: the answer's own certainty, \
the expected gain of the question, and both; `combined_above` says how far both together are above each, in the same draws. \
`by_default` is what a page makes of the answers by the policy `prefer-local` without a stated risk. `kinds` are kinds of questions, as the router's weights that ship tell them.

`draws` says how often a threshold breaks its promise, `at most alpha of what is shipped is worse`: the answers are taken for \
all that there are, calibration sets are drawn from them, and the risk of each one's threshold is that over all answers. \
Learn-then-test may break it in a share of `delta`; conformal control promises only a mean.

With --recorded instead of --data the local model is the weak one of recorded grades, and the probability is made from --estimates alone: thresholds where a local model is good enough for a stated risk to keep something.";

/// Options of `tidegate eval confidence`.
#[derive(Args)]
pub struct Arguments {
    /// What `tidegate calibrate --results` wrote. May be given more than once.
    #[arg(long, value_name = "FILE", required_unless_present = "recorded")]
    data: Vec<PathBuf>,
    /// Recorded grades, JSON Lines `{"id","domain","prompt","weak","strong"}`. May be given more than once.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "data",
        requires = "estimates"
    )]
    recorded: Vec<PathBuf>,
    /// Expected gains by weights that were not trained with these questions, as `tidegate eval router --estimates` writes
    /// them.
    #[arg(long, value_name = "FILE")]
    estimates: Option<PathBuf>,
    /// Of all that is chosen by chance.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Calibration sets to draw.
    #[arg(long, value_name = "N", default_value_t = 300)]
    draws: usize,
    /// Answers of each; without it, as many as there are.
    #[arg(long, value_name = "N")]
    size: Option<usize>,
    /// How likely a promise may be broken.
    #[arg(long, value_name = "P", default_value_t = 0.1)]
    delta: f32,
}

/// Parts that take turns in being left out.
const FOLDS: usize = 5;
/// Shares of local answers: 0, 10% and so on.
const SHARES: usize = 10;

#[derive(Serialize)]
struct Report {
    model: String,
    answers: usize,
    /// Share of answers that are right, where that is known.
    local_accuracy: f64,
    cloud_accuracy: f64,
    /// Share of answers that are worse than the cloud's.
    worse: f64,
    /// By what the probability is made from.
    signals: Vec<Measured>,
    /// Each set alone, with the probabilities of all.
    sets: Vec<Set>,
    /// As `sets`, by what is asked for.
    kinds: Vec<Set>,
    draws: Vec<Risk>,
    /// Where the policy is `prefer-local` and states no risk; none of recorded grades.
    by_default: Option<ByDefault>,
}

#[derive(Serialize)]
struct Measured {
    signal: &'static str,
    #[serde(flatten)]
    figures: Figures,
    auroc_right: Option<f64>,
    calibration_error: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    combined_above: Option<Below>,
    shares: Vec<Share>,
}

#[derive(Serialize)]
struct Set {
    set: String,
    answers: usize,
    right: usize,
    worse: usize,
    /// By signal, in the order of `signals`.
    auroc: Vec<Option<f64>>,
    /// Standard errors.
    auroc_error: Vec<Option<f64>>,
    auroc_right: Vec<Option<f64>>,
}

#[derive(Serialize)]
struct Risk {
    signal: &'static str,
    alpha: f32,
    delta: f32,
    learn_then_test: Drawn,
    conformal: Drawn,
}

/// An answer, and what is known of it.
struct Case {
    set: String,
    prompt: String,
    kind: Intent,
    /// The model file's SHA-256, or that the grade was recorded.
    model: String,
    /// None where the right answer is not known.
    right: Option<bool>,
    graded: Graded,
}

/// Measures.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let estimates = match &arguments.estimates {
        Some(path) => estimates::read(path)?,
        None => HashMap::new(),
    };
    let weights = learned::router();
    let mut cases = Vec::new();
    for path in &arguments.data {
        let answered = read_results(path)?;
        cases.extend(answered.iter().map(|answer| Case {
            set: answer.set().to_owned(),
            prompt: answer.prompt.clone(),
            kind: weights.intent(&answer.prompt).intent,
            model: answer.model.clone(),
            right: answer.right,
            graded: answer.graded(estimates.get(&answer.id).copied()),
        }));
    }
    for path in &arguments.recorded {
        let scored = corpus::read_scored(path)?;
        cases.extend(
            scored
                .iter()
                .map(|scored| recorded(scored, &estimates, &weights)),
        );
    }
    let Some(model) = cases.first().map(|case| case.model.clone()) else {
        bail!("no answers; `tidegate calibrate --results` writes them");
    };
    if cases.iter().any(|case| case.model != model) {
        bail!("answers of more than one model file; measure one at a time");
    }
    let report = report(arguments, model, &cases);
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// The weak model's answer, of which only the grade is known.
fn recorded(scored: &Scored, estimates: &HashMap<String, Estimate>, weights: &Weights) -> Case {
    let set = scored.id.split_once('/').map_or("recorded", |(set, _)| set);
    Case {
        set: set.to_owned(),
        prompt: scored.prompt.clone(),
        kind: weights.intent(&scored.prompt).intent,
        model: "recorded".to_owned(),
        right: Some(scored.weak >= 1.0),
        graded: Graded {
            whole: Evidence::default(),
            beginning: Evidence::default(),
            estimate: estimates.get(&scored.id).copied(),
            local: scored.weak,
            cloud: scored.strong,
        },
    }
}

fn report(arguments: &Arguments, model: String, cases: &[Case]) -> Report {
    let graded: Vec<Graded> = cases.iter().map(|case| case.graded.clone()).collect();
    let stands: Vec<bool> = graded.iter().map(Graded::stands).collect();
    let known: Vec<usize> = (0..cases.len())
        .filter(|&at| cases[at].right.is_some())
        .collect();
    let right = |at: usize| cases[at].right == Some(true);
    let area = |probabilities: &[f32], of: &[usize], hit: &dyn Fn(usize) -> bool| {
        let scores: Vec<f32> = of.iter().map(|&at| probabilities[at]).collect();
        let hits: Vec<bool> = of.iter().map(|&at| hit(at)).collect();
        auroc(&scores, &hits)
    };

    let mut signals = Vec::new();
    let has_evidence = graded.iter().any(|answer| answer.whole.tokens > 0);
    let has_estimates = graded.iter().all(|answer| answer.estimate.is_some());
    if has_evidence {
        signals.push(("confidence", Signal::Confidence));
    }
    if has_estimates {
        signals.push(("gain", Signal::Gain));
    }
    if has_evidence && has_estimates {
        signals.push(("combined", Signal::Combined));
    }
    let signals: Vec<(&str, Vec<f32>)> = signals
        .into_iter()
        .map(|(name, signal)| (name, out_of_fold(&graded, signal, FOLDS, arguments.seed)))
        .collect();

    let ways: Vec<&[f32]> = signals.iter().map(|(_, ways)| ways.as_slice()).collect();
    let compared = compare(&graded, &ways);
    let last = signals.len().saturating_sub(1);
    let everything: Vec<usize> = (0..graded.len()).collect();
    let measured = signals.iter().enumerate().map(|(at, (signal, ways))| {
        let (figures, below) = compared[at];
        Measured {
            signal,
            figures,
            auroc_right: area(ways, &known, &right),
            calibration_error: calibration_error(ways, &stands),
            combined_above: (at < last).then_some(below),
            shares: shares(&graded, ways, SHARES),
        }
    });

    let part = |name: &str, of: &dyn Fn(&Case) -> bool| {
        let of: Vec<usize> = everything
            .iter()
            .copied()
            .filter(|&at| of(&cases[at]))
            .collect();
        let of_known: Vec<usize> = of.iter().copied().filter(|at| known.contains(at)).collect();
        let areas = |of: &[usize], hit: &dyn Fn(usize) -> bool| -> Vec<Option<f64>> {
            let areas = signals.iter().map(|(_, ways)| area(ways, of, hit));
            areas.collect()
        };
        let worse = of.iter().filter(|&&at| !stands[at]).count();
        let auroc = areas(&of, &|at| stands[at]);
        let error =
            |area: &Option<f64>| area.map(|area| auroc_error(area, of.len() - worse, worse));
        Set {
            set: name.to_owned(),
            answers: of.len(),
            right: of.iter().filter(|&&at| right(at)).count(),
            worse,
            auroc_error: auroc.iter().map(error).collect(),
            auroc,
            auroc_right: areas(&of_known, &right),
        }
    };
    let mut names: Vec<&str> = cases.iter().map(|case| case.set.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let sets = names
        .into_iter()
        .map(|name| part(name, &|case| case.set == name));
    let kinds = Intent::NAMES.map(|(kind, name)| part(name, &|case| case.kind == kind));

    let size = arguments.size.unwrap_or(graded.len());
    let risks = signals.iter().flat_map(|(signal, probabilities)| {
        let stands = &stands;
        [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7].map(|alpha| {
            let drawn = |control| {
                let chance = (arguments.draws, size, arguments.seed);
                draw(probabilities, stands, control, alpha, chance)
            };
            Risk {
                signal,
                alpha,
                delta: arguments.delta,
                learn_then_test: drawn(Control::LearnThenTest {
                    delta: arguments.delta,
                }),
                conformal: drawn(Control::Conformal),
            }
        })
    });

    let by_default = has_evidence.then(|| {
        let fold =
            |graded: &[Graded]| out_of_fold(graded, Signal::Confidence, FOLDS, arguments.seed);
        let whole = fold(&graded);
        let begun: Vec<Graded> = graded.iter().map(beginning_alone).collect();
        let beginning = fold(&begun);
        let asked: Vec<Asked<'_>> = cases
            .iter()
            .enumerate()
            .map(|(at, case)| Asked {
                prompt: &case.prompt,
                graded: &case.graded,
                whole: whole[at],
                beginning: beginning[at],
            })
            .collect();
        let kinds: Vec<Intent> = cases.iter().map(|case| case.kind).collect();
        let calibration = fitted(&model, &graded, telling(&graded, &whole, &kinds), arguments);
        by_default(&asked, &calibration, &learned::router())
    });

    let mean = |sum: f32| f64::from(sum) / graded.len() as f64;
    Report {
        model,
        answers: graded.len(),
        local_accuracy: known.iter().filter(|&&at| right(at)).count() as f64
            / known.len().max(1) as f64,
        cloud_accuracy: mean(graded.iter().map(|answer| answer.cloud).sum()),
        worse: stands.iter().filter(|&&stands| !stands).count() as f64 / graded.len() as f64,
        signals: measured.collect(),
        sets: sets.collect(),
        kinds: kinds.into_iter().filter(|kind| kind.answers > 0).collect(),
        draws: risks.collect(),
        by_default,
    }
}

/// As if it had ended where its beginning does.
fn beginning_alone(answer: &Graded) -> Graded {
    Graded {
        whole: answer.beginning,
        ..answer.clone()
    }
}

/// What `tidegate calibrate` would write of these answers.
fn fitted(
    model: &str,
    graded: &[Graded],
    telling: Vec<Intent>,
    arguments: &Arguments,
) -> Calibration {
    let (whole, beginning) = curves(graded, arguments.seed);
    let worse = graded.iter().filter(|answer| !answer.stands()).count();
    let questions = Questions {
        name: "all".to_owned(),
        asked: graded.len() as u32,
        right: 0,
        worse: worse as u32,
    };
    Calibration {
        model: ModelFile {
            sha256: model.to_owned(),
            name: String::new(),
            quantization: String::new(),
        },
        questions: vec![questions],
        telling: Some(telling),
        whole,
        beginning,
    }
}
