//! The `tidegate` command.

mod eval;
mod generate;
mod inspect;
mod load;
mod serve;

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
    /// Show what a model file costs to run: bytes and operations per token.
    Inspect(inspect::Arguments),
    /// Measure how good a model file is.
    Eval {
        #[command(subcommand)]
        what: eval::What,
    },
    /// Serve page, relay, gateway and an upstream on this machine.
    Serve(serve::Arguments),
    /// Pass sealed queries on to a gateway, and drop who sent them.
    Relay(serve::RelayArguments),
    /// Open sealed queries, ask an OpenAI-compatible server, seal the reply.
    Gateway(serve::GatewayArguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Generate(arguments) => generate::run(arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Eval { what } => eval::run(&what),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Relay(arguments) => serve::run_relay(arguments),
        Command::Gateway(arguments) => serve::run_gateway(arguments),
    }
}
