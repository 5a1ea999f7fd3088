//! `tidegate eval confidence`: what a model's certainty is worth, from the answers that `tidegate calibrate` kept.

use std::{collections::HashMap, path::PathBuf};

use anyhow::bail;
use clap::Args;
use query::Estimate;
use router::confidence::Evidence;
use router_training::{
    calibration::{
        Control, Drawn, Graded, Share, Signal, auroc, calibration_error, draw, out_of_fold, shares,
    },
    corpus::{self, Scored},
};
use serde::Serialize;

use crate::calibrate::{Answered, estimates, read_results};

/// What `tidegate eval confidence --help` begins with.
pub(crate) const ABOUT: &str = "\
Measures what a model's certainty of its answers is worth, from the answers that `tidegate calibrate` kept: one line of \
JSON.

`auroc` is how well a probability tells answers that stand (are no worse than the cloud's) from others, and right from wrong \
ones where that is known; `calibration_error` how far probabilities are from shares; `shares` the accuracy of all answers \
together if so many stay local (by chance it would be a straight line between the ends). All probabilities are of answers \
that were left out of the fit, question by question.

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
    /// Expected gains, JSON Lines `{"id","gain","novelty"}`, by weights that were not trained with these questions.
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
    draws: Vec<Risk>,
}

#[derive(Serialize)]
struct Measured {
    signal: &'static str,
    auroc: Option<f64>,
    auroc_right: Option<f64>,
    calibration_error: f64,
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
    /// The model file's SHA-256, or that the grade was recorded.
    model: String,
    /// None where the right answer is not known.
    right: Option<bool>,
    graded: Graded,
}

/// Measures.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let estimates = match &arguments.estimates {
        Some(path) => estimates(path)?,
        None => HashMap::new(),
    };
    let mut cases = Vec::new();
    for path in &arguments.data {
        let answered = read_results(path)?;
        cases.extend(answered.iter().map(|answer| asked(answer, &estimates)));
    }
    for path in &arguments.recorded {
        let scored = corpus::read_scored(path)?;
        cases.extend(scored.iter().map(|scored| recorded(scored, &estimates)));
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

fn asked(answer: &Answered, estimates: &HashMap<String, Estimate>) -> Case {
    Case {
        set: answer.set().to_owned(),
        model: answer.model.clone(),
        right: answer.right,
        graded: answer.graded(estimates.get(&answer.id).copied()),
    }
}

/// The weak model's answer, of which only the grade is known.
fn recorded(scored: &Scored, estimates: &HashMap<String, Estimate>) -> Case {
    let set = scored.id.split_once('/').map_or("recorded", |(set, _)| set);
    Case {
        set: set.to_owned(),
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

    let everything: Vec<usize> = (0..graded.len()).collect();
    let measured = signals.iter().map(|(signal, probabilities)| Measured {
        signal,
        auroc: auroc(probabilities, &stands),
        auroc_right: area(probabilities, &known, &right),
        calibration_error: calibration_error(probabilities, &stands),
        shares: shares(&graded, probabilities, SHARES),
    });

    let mut names: Vec<&str> = cases.iter().map(|case| case.set.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let sets = names.into_iter().map(|name| {
        let of: Vec<usize> = everything
            .iter()
            .copied()
            .filter(|&at| cases[at].set == name)
            .collect();
        let of_known: Vec<usize> = of.iter().copied().filter(|at| known.contains(at)).collect();
        let areas = |of: &[usize], hit: &dyn Fn(usize) -> bool| {
            let areas = signals
                .iter()
                .map(|(_, probabilities)| area(probabilities, of, hit));
            areas.collect()
        };
        Set {
            set: name.to_owned(),
            answers: of.len(),
            right: of.iter().filter(|&&at| right(at)).count(),
            worse: of.iter().filter(|&&at| !stands[at]).count(),
            auroc: areas(&of, &|at| stands[at]),
            auroc_right: areas(&of_known, &right),
        }
    });

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
        draws: risks.collect(),
    }
}
