//! `tidegate train router`: what tells the router how much better the cloud's answer is expected to be.

use std::path::PathBuf;

use clap::Args;
use router::gain::SECTION;
use router_training::{
    corpus::{Scored, read_scored},
    gain::{Example, Options, alike, train},
};

use super::section;

/// Options of `tidegate train router`.
#[derive(Args)]
pub struct Arguments {
    /// Prompts with scores, one JSON object a line: `id`, `domain`, `prompt`, and `weak` and `strong` from 0 to 1.
    /// May be given more than once.
    #[arg(long, value_name = "FILE", required = true)]
    data: Vec<PathBuf>,
    /// Of all that is chosen by chance: the same seed and files give the same bytes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where the weights go: a file of the router's weights, of which the other sections stay as they are, or a new
    /// one.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Trains and writes.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut prompts: Vec<Scored> = Vec::new();
    for path in &arguments.data {
        prompts.extend(read_scored(path)?);
    }
    let groups = alike::groups(prompts.iter().map(|prompt| prompt.prompt.as_str()));
    let examples: Vec<Example> = prompts.iter().map(Example::of).collect();
    let options = Options {
        seed: arguments.seed,
        ..Options::default()
    };
    let gain = train(&examples.iter().collect::<Vec<_>>(), &groups, &options);
    section::replace(&arguments.out, SECTION, gain.to_bytes())
}
