//! `tidegate eval`: how good a model file is, so that what quantization loses is a figure.

mod answers;
mod grade;
mod perplexity;

use clap::Subcommand;

/// What to measure.
#[derive(Subcommand)]
pub enum What {
    /// The share of questions that the model answers rightly, greedily, with a 95% interval.
    Answers(answers::Arguments),
    /// How well the model predicts a text, as `llama-perplexity` measures it.
    Perplexity(perplexity::Arguments),
}

/// Runs an evaluation.
pub fn run(what: &What) -> anyhow::Result<()> {
    match what {
        What::Answers(arguments) => pollster::block_on(answers::run(arguments)),
        What::Perplexity(arguments) => pollster::block_on(perplexity::run(arguments)),
    }
}
