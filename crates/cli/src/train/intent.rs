//! `tidegate train intent`: what tells the router what a question asks for, or how well it does on what training
//! did not see.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use router::intent::SECTION;
use router_training::{
    corpus,
    intent::{Options, Recipe, from_tasks},
};
use serde_json::json;

use super::section;

/// Options of `tidegate train intent`.
#[derive(Args)]
pub struct Arguments {
    /// Prompts of tasks, one JSON object a line: `task` and `prompt`. Tasks that ask for one thing throughout are
    /// taken, others left out. May be given more than once, or not at all.
    #[arg(long, value_name = "FILE")]
    tasks: Vec<PathBuf>,
    /// Prompts of each intent that are made from the patterns in the repository.
    #[arg(long, value_name = "N", default_value_t = 8_000)]
    of_each: usize,
    /// Passes over all prompts.
    #[arg(long, value_name = "N", default_value_t = Options::default().epochs)]
    epochs: u32,
    /// By what the logarithms of odds are divided: what `--folds` says at its end.
    #[arg(long, value_name = "T", default_value_t = Options::default().temperature)]
    temperature: f32,
    /// Of all that is chosen by chance: the same seed and files give the same bytes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Instead of writing weights, leaves out one part of the patterns and prompts after the other, then one task
    /// after the other, learns from the rest and measures on what was left out. Prints one line of JSON for each.
    #[arg(long, value_name = "N", conflicts_with = "out")]
    folds: Option<usize>,
    /// Where the weights go: a file of the router's weights, of which the other sections stay as they are, or a new
    /// one.
    #[arg(long, value_name = "FILE", required_unless_present = "folds")]
    out: Option<PathBuf>,
}

/// Trains, then writes or measures.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut recipe = Recipe {
        tasks: Vec::new(),
        of_each: arguments.of_each,
        options: Options {
            seed: arguments.seed,
            epochs: arguments.epochs,
            temperature: arguments.temperature,
            ..Options::default()
        },
    };
    for path in &arguments.tasks {
        recipe
            .tasks
            .extend(from_tasks(&corpus::read_labelled(path)?));
    }
    if let Some(folds) = arguments.folds {
        let temperature = recipe.cross_validate(folds, &mut |held| println!("{}", json!(held)))?;
        println!(
            "{}",
            json!({"temperature": temperature * f64::from(arguments.temperature)})
        );
        return Ok(());
    }
    let path = arguments.out.as_ref().context("no --out")?;
    section::replace(path, SECTION, recipe.learn()?.to_bytes())
}
