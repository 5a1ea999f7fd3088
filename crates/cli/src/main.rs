//! The `tidegate` command.

mod generate;

use clap::{Parser, Subcommand};

/// Answers in the page, and opens a private way to the cloud only when needed.
#[derive(Parser)]
#[command(name = "tidegate", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the local model from a terminal.
    Generate(generate::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Generate(arguments) => generate::run(arguments),
    }
}
