//! `tidegate train`: makes the weights that ship.

mod intent;
mod privacy;
mod router;
mod section;

use clap::Subcommand;

/// What to train.
#[derive(Subcommand)]
pub enum What {
    /// What tells the router what a question asks for.
    Intent(intent::Arguments),
    /// The tagger that finds names, places and addresses.
    Privacy(privacy::Arguments),
    /// What tells the router how much better the cloud's answer is expected to be.
    Router(router::Arguments),
}

/// Trains.
pub fn run(what: &What) -> anyhow::Result<()> {
    match what {
        What::Intent(arguments) => intent::run(arguments),
        What::Privacy(arguments) => privacy::run(arguments),
        What::Router(arguments) => router::run(arguments),
    }
}
