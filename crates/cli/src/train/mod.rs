//! `tidegate train`: makes the weights that ship.

mod privacy;

use clap::Subcommand;

/// What to train.
#[derive(Subcommand)]
pub enum What {
    /// The tagger that finds names, places and addresses.
    Privacy(privacy::Arguments),
}

/// Trains.
pub fn run(what: &What) -> anyhow::Result<()> {
    match what {
        What::Privacy(arguments) => privacy::run(arguments),
    }
}
