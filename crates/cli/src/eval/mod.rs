//! `tidegate eval`: how good a model file is, so that what quantization loses is a figure; what its certainty is
//! worth; and how much of what is personal is found, and leaks.

mod answers;
mod bootstrap;
mod confidence;
pub(crate) mod grade;
mod intent;
mod leak;
mod perplexity;
mod plot;
mod privacy;
mod router;
mod timing;
mod traffic;

use clap::Subcommand;

/// What to measure.
#[derive(Subcommand)]
pub enum What {
    /// The share of questions that the model answers rightly, greedily, with a 95% interval.
    Answers(answers::Arguments),
    /// How often the router knows what a prompt asks for: one line of JSON.
    Intent(intent::Arguments),
    /// How well the model predicts a text, as `llama-perplexity` measures it.
    Perplexity(perplexity::Arguments),
    /// What a model's certainty of its answers is worth: one line of JSON.
    #[command(long_about = confidence::ABOUT)]
    Confidence(confidence::Arguments),
    /// How much of the personal data in marked texts is found: one line of JSON.
    #[command(long_about = privacy::ABOUT)]
    Privacy(privacy::Arguments),
    /// How much of what should stay private is still in prompts after replacement: one line of JSON.
    #[command(long_about = leak::ABOUT)]
    Leak(leak::Arguments),
    /// What the router's expected gain is worth on prompts whose scores are known: one line of JSON a file.
    #[command(long_about = router::ABOUT)]
    Router(router::Arguments),
    /// What lengths and times of sealed answers tell whoever sees them go by: one line of JSON per policy.
    #[command(long_about = traffic::ABOUT)]
    Traffic(traffic::Arguments),
}

/// Runs an evaluation.
pub fn run(what: &What) -> anyhow::Result<()> {
    match what {
        What::Answers(arguments) => pollster::block_on(answers::run(arguments)),
        What::Perplexity(arguments) => pollster::block_on(perplexity::run(arguments)),
        What::Confidence(arguments) => confidence::run(arguments),
        What::Privacy(arguments) => privacy::run(arguments),
        What::Intent(arguments) => intent::run(arguments),
        What::Leak(arguments) => leak::run(arguments),
        What::Router(arguments) => router::run(arguments),
        What::Traffic(arguments) => traffic::run(arguments),
    }
}
