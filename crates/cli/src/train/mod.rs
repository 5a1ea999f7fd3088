//! `tidegate train`: makes the weights that ship.

mod intent;
mod privacy;

use clap::Subcommand;

/// What to train.
#[derive(Subcommand)]
pub enum What {
    /// What tells the router what a question asks for.
    Intent(intent::Arguments),
    /// The tagger that finds names, places and addresses.
    Privacy(privacy::Arguments),
}

/// Trains.
pub fn run(what: &What) -> anyhow::Result<()> {
    match what {
        What::Intent(arguments) => intent::run(arguments),
        What::Privacy(arguments) => privacy::run(arguments),
    }
}
