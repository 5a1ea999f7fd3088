//! `tidegate calibrate`: what a model file's own certainty means, from questions with known answers.

mod ask;
mod results;

use std::{collections::HashMap, fs, path::PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use query::Intent;
use router::calibration::{Calibration, ModelFile, Questions};
use router_training::calibration::{Graded, Signal, curves, out_of_fold, telling};

pub(crate) use results::{Answered, read as read_results};

use crate::{estimates, eval::grade::Match, learned, load::Device};

/// What `tidegate calibrate --help` begins with.
pub(crate) const ABOUT: &str = "\
Asks a model file questions with known answers and writes its calibration: how likely an answer stands that looks like \
this, and from which probability on answers may be shipped.

Questions are JSON Lines with `id`, `domain`, `prompt`, `answer` and, if wanted, `match` (how to grade: exact, contains, \
number, choice), `max_tokens`, and `strong`, the cloud's score for the same question, 0 to 1. Without `strong` the cloud \
counts as always right, which promises less than is true and never more. Where `strong` is 0, `answer` may be missing: \
whatever the local answer is, it is no worse.

Every answer is written to --results as it comes, with the question in the clear; run the same command again and it goes \
on where it was stopped.";

/// Options of `tidegate calibrate`.
#[derive(Args)]
pub struct Arguments {
    /// GGUF file: the calibration is for these very bytes.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Questions, JSON Lines. May be given more than once.
    #[arg(long, value_name = "FILE", required = true)]
    data: Vec<PathBuf>,
    /// The first N questions only.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// How to grade questions that do not say.
    #[arg(long = "match", value_enum, default_value_t = Match::Contains)]
    kind: Match,
    /// Tokens of an answer at most, for questions that do not say.
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_tokens: u32,
    #[command(flatten)]
    device: Device,
    /// Where answers go as they come; what is there already is not asked again.
    #[arg(long, value_name = "FILE")]
    results: PathBuf,
    /// Where the calibration goes; without it, questions are asked and nothing else.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Expected gains by weights that were not trained with these questions, as `tidegate eval router --estimates` writes
    /// them: the calibration then also says what both together mean.
    #[arg(long, value_name = "FILE", requires = "out")]
    estimates: Option<PathBuf>,
    /// Which half of the answers tests thresholds.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Asks what was not asked yet, then fits.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let answered = pollster::block_on(ask::ask(arguments))?;
    let Some(out) = &arguments.out else {
        return Ok(());
    };
    let estimates = match &arguments.estimates {
        Some(path) => estimates::read(path)?,
        None => HashMap::new(),
    };
    let graded: Vec<Graded> = answered
        .iter()
        .map(|answer| answer.graded(estimates.get(&answer.id).copied()))
        .collect();
    let model = pollster::block_on(ask::model_file(&arguments.model))?;
    let calibration = calibration(model, &answered, &graded, arguments.seed)?;
    fs::write(out, calibration.to_json() + "\n").with_context(|| out.display().to_string())?;
    for line in prices(&calibration) {
        println!("{line}");
    }
    Ok(())
}

/// Parts that take turns in being left out, to see of which kinds of questions certainty says something.
const FOLDS: usize = 5;
/// Answers that a calibration takes at least: fewer prove nothing.
const LEAST: usize = 100;

fn calibration(
    model: ModelFile,
    answered: &[Answered],
    graded: &[Graded],
    seed: u64,
) -> anyhow::Result<Calibration> {
    if graded.len() < LEAST {
        bail!(
            "{} answers are too few for a calibration; {LEAST} are the least, a thousand are better",
            graded.len()
        );
    }
    let (whole, beginning) = curves(graded, seed);
    let weights = learned::router();
    let kinds: Vec<Intent> = answered
        .iter()
        .map(|answer| weights.intent(&answer.prompt).intent)
        .collect();
    let left_out = out_of_fold(graded, Signal::Confidence, FOLDS, seed);
    Ok(Calibration {
        model,
        questions: sets(answered),
        telling: Some(telling(graded, &left_out, &kinds)),
        whole,
        beginning,
    })
}

/// How many of each set were asked, and what came of it.
fn sets(answered: &[Answered]) -> Vec<Questions> {
    let mut sets: Vec<Questions> = Vec::new();
    for answer in answered {
        let name = answer
            .id
            .split_once('/')
            .map_or("questions", |(set, _)| set);
        let at = sets.iter().position(|set| set.name == name);
        let at = at.unwrap_or_else(|| {
            sets.push(Questions {
                name: name.to_owned(),
                asked: 0,
                right: 0,
                worse: 0,
            });
            sets.len() - 1
        });
        let set = &mut sets[at];
        set.asked += 1;
        set.right += u32::from(answer.right == Some(true));
        set.worse += u32::from(!answer.graded(None).stands());
    }
    sets
}

/// What stays local at which risk, as a table.
fn prices(calibration: &Calibration) -> Vec<String> {
    let estimated = calibration.whole.combined.is_some();
    let header = "risk alpha  delta  from probability  stays local  worse of it".to_owned();
    let mut lines = vec![header];
    for alpha in [0.05, 0.1, 0.2, 0.3, 0.4, 0.5] {
        for delta in [0.05, 0.1] {
            let line = match calibration.threshold(alpha, delta, estimated) {
                Some(found) => format!(
                    "{alpha:>10.2} {delta:>6.2} {:>17.3} {:>11.1}% {:>11.1}%",
                    found.at_least,
                    100.0 * found.local,
                    100.0 * found.worse
                ),
                None => format!("{alpha:>10.2} {delta:>6.2}  no threshold can promise that"),
            };
            lines.push(line);
        }
    }
    lines
}
