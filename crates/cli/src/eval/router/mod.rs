//! `tidegate eval router`: what the router's expected gain is worth on prompts whose scores are known.

mod decisions;
mod figures;
mod predict;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use query::{Estimate, Policy, Price};
use router_training::{
    corpus::{Scored, read_prompts, read_scored},
    gain::{Example, alike},
};
use serde_json::{Value, json};

use self::{
    decisions::{decisions, policy},
    figures::{curves, figures},
    predict::{All, Answered},
};
use super::plot;
use crate::{estimates, learned};

/// Long help.
pub const ABOUT: &str = "\
What the router's expected gain is worth on prompts whose scores are known: one line of JSON for each file.

Lines are {\"id\",\"domain\",\"prompt\",\"weak\",\"strong\"}, scores from 0 to 1. The figures are of the weights that ship, \
of weights that are learned from --train (which must not be what is asked about: prompts that are nearly the same are \
left out of it), or, with --folds, of weights that are learned from all files but the part that is asked about.

`apgr` is the area under performance gap recovered over the share that is sent to the cloud: 0.5 for chance, none \
where the strong model is not better on average. `of_oracle` is how much of the way from chance (0.5) to the oracle (1) \
that area goes, and exists always. `cpt` is the least share to recover 50, 80 and 95% of the gap, `saved` the share of \
calls that need not be made for 90, 95 and 99% of the strong model's score. Brackets are 95% bootstrap intervals over \
groups of prompts that are nearly the same. With --policy, `decisions` scores the whole decision: the share that is `sent`, \
the mean `score` (the weak model's where the page answers), how far it is above that of as many prompts sent by chance and \
what sending as many by expected gain alone would reach, and what a question costs. A page's own model is expected to be \
weaker than those that were graded, so policies send more than these grades alone would call for. What is personal is found \
by patterns. `microseconds` are of this build on this machine, the least of three runs for each prompt, and for the same prompts \
joined and cut into pieces of 2,000 characters.";

/// Options of `tidegate eval router`.
#[derive(Args)]
pub struct Arguments {
    /// Prompts with scores. May be given more than once: each file has its own line of figures.
    #[arg(long, value_name = "FILE", required = true)]
    data: Vec<PathBuf>,
    /// Learns from these instead of taking the weights that ship.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folds", "weights"])]
    train: Vec<PathBuf>,
    /// Parts the prompts into so many, and asks about each part what was learned from all others of all files.
    #[arg(long, value_name = "N", conflicts_with = "weights")]
    folds: Option<usize>,
    /// With `--folds`, leaves out whole domains (subjects); files with fewer domains than parts are only learned from.
    #[arg(long, requires = "folds")]
    leave_domains: bool,
    /// The router's weights, if not those that the command was built with.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Takes this model's score for the weak one, from the field `scores`.
    #[arg(long, value_name = "NAME")]
    weak: Option<String>,
    /// Takes this model's score for the strong one, from the field `scores`.
    #[arg(long, value_name = "NAME")]
    strong: Option<String>,
    /// Of how the prompts are parted, and of what is learned.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Writes what was expected of each prompt, JSON Lines `{"id","gain","novelty"}`: for `tidegate eval confidence` and
    /// `tidegate calibrate`.
    #[arg(long, value_name = "FILE")]
    estimates: Option<PathBuf>,
    /// Prompts without scores, JSON Lines `{"id","prompt"}`, that get estimates too: by what is learned from all prompts
    /// that are not nearly the same as one of them. May be given more than once.
    #[arg(long, value_name = "FILE", requires_all = ["folds", "estimates"])]
    ungraded: Vec<PathBuf>,
    /// Decides about each prompt as well, under a policy: `local-only`, `prefer-local`, `prefer-cloud`, `cloud-only`, or a file
    /// of JSON as the package takes it: `{"mode", "patience", "preferences", "privacy"}`, each of which may be missing.
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
    /// With `--policy`, what the cloud costs for a million tokens of prompts and of answers; what `tidegate doctor` assumes.
    #[arg(long, value_names = ["INPUT", "OUTPUT"], num_args = 2, default_values_t = [2.5, 10.0], requires = "policy")]
    price: Vec<f32>,
    /// Draws the curve of the first file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Prints one line of JSON for each file.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let decided_by = arguments.policy.as_deref().map(policy).transpose()?;
    let mut prompts: Vec<Scored> = Vec::new();
    let mut files = Vec::new();
    for path in &arguments.data {
        let start = prompts.len();
        prompts.extend(read(path, arguments)?);
        files.push((path, start..prompts.len()));
    }
    let asked = prompts.len();
    for path in &arguments.train {
        prompts.extend(read(path, arguments)?);
    }
    let groups = alike::groups(prompts.iter().map(|prompt| prompt.prompt.as_str()));
    let all = All {
        examples: prompts.iter().map(Example::of).collect(),
        prompts,
        groups,
        seed: arguments.seed,
    };
    let (mut predicted, gain) = all.predict(arguments, asked, &files)?;
    if let Some(path) = &arguments.estimates {
        write_estimates(path, &predicted, &all, &arguments.ungraded)?;
    }
    for (number, (path, range)) in files.into_iter().enumerate() {
        let answered: Vec<Answered> = range.filter_map(|at| predicted[at].take()).collect();
        if answered.is_empty() {
            continue;
        }
        let mut figures = figures(&answered, &all);
        figures.insert(
            "microseconds_per_2000_characters".into(),
            all.times_of_pieces(&answered, &gain),
        );
        if let Some(policy) = &decided_by {
            figures.insert(
                "decisions".into(),
                decided(&answered, &all, policy, arguments),
            );
        }
        let mut line = json!({
            "file": path.file_name().map(|name| name.to_string_lossy()),
            "learned_from": learned_from(arguments),
        });
        if let Value::Object(line) = &mut line {
            line.extend(figures);
        }
        println!("{line}");
        if let (0, Some(file)) = (number, &arguments.plot) {
            let curves = curves(&answered, &all);
            plot::draw(file, &curves).with_context(|| file.display().to_string())?;
        }
    }
    Ok(())
}

fn decided(answered: &[Answered], all: &All, policy: &Policy, arguments: &Arguments) -> Value {
    let [input, output] = [0, 1].map(|at| arguments.price.get(at).copied().unwrap_or_default());
    let price = Price { input, output };
    decisions(answered, all, policy, price, &learned::router())
}

/// Of all that was asked about, and of what has no scores.
fn write_estimates(
    path: &Path,
    predicted: &[Option<Answered>],
    all: &All,
    ungraded: &[PathBuf],
) -> anyhow::Result<()> {
    let mut prompts = Vec::new();
    for path in ungraded {
        prompts.extend(read_prompts(path)?);
    }
    let graded = predicted
        .iter()
        .flatten()
        .map(|answer| (all.prompts[answer.prompt].id.as_str(), answer.estimate));
    let others = prompts.iter().map(|prompt| prompt.id.as_str());
    let others: Vec<(&str, Estimate)> = others.zip(all.estimates(&prompts)?).collect();
    estimates::write(path, graded.chain(others))
}

fn learned_from(arguments: &Arguments) -> String {
    match (arguments.folds, &arguments.weights) {
        (Some(folds), _) if arguments.leave_domains => format!("other domains, {folds} parts"),
        (Some(folds), _) => format!("other prompts, {folds} parts"),
        (None, _) if !arguments.train.is_empty() => {
            let names = arguments.train.iter().filter_map(|path| path.file_name());
            names
                .map(|name| name.to_string_lossy())
                .collect::<Vec<_>>()
                .join(", ")
        }
        (None, Some(path)) => path.display().to_string(),
        (None, None) => "the weights that ship".to_owned(),
    }
}

fn read(path: &Path, arguments: &Arguments) -> anyhow::Result<Vec<Scored>> {
    let mut prompts = read_scored(path)?;
    let place = || path.display().to_string();
    for prompt in &mut prompts {
        let score = |name: &String| {
            let known = || {
                prompt
                    .scores
                    .keys()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let score = prompt.scores.get(name).copied();
            score.with_context(|| {
                format!("{}: no score of {name}; there are: {}", prompt.id, known())
            })
        };
        let weak = arguments
            .weak
            .as_ref()
            .map(score)
            .transpose()
            .with_context(place)?;
        let strong = arguments
            .strong
            .as_ref()
            .map(score)
            .transpose()
            .with_context(place)?;
        prompt.weak = weak.unwrap_or(prompt.weak);
        prompt.strong = strong.unwrap_or(prompt.strong);
    }
    Ok(prompts)
}
