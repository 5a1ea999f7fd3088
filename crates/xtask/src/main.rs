//! `cargo xtask`: what developers run. Every command sets up what it needs and says what it does.

mod bench;
mod count;
mod demo;
mod fuzz;
mod lavapipe_chromium;
mod model;
mod package;
mod places;
mod run;
mod setup;
mod size;
mod software_gpu;
mod test;
mod toolchain;
mod wasm;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Tidegate's developer commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put in place everything that the other commands need; a second run does only what is missing.
    Setup,
    /// Build the wasm modules with their JavaScript, and the relay's worker.
    Wasm {
        /// Only the module without WebGPU (no Burn): minutes instead of a quarter of an hour.
        #[arg(long)]
        cpu_only: bool,
        /// Keep function names in the modules, to profile them.
        #[arg(long)]
        names: bool,
    },
    /// Set up, check, build and test everything; ends with `N passed, N failed`.
    Test {
        /// Real files of other architectures against llama.cpp instead: downloads 745 MB the first time.
        #[arg(long)]
        models: bool,
    },
    /// Set up, build, and serve the page, a relay and a gateway on this machine.
    Demo {
        /// Port of the page; relay and gateway take the next two.
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
    /// Measure; prints a table of medians and writes them as JSON.
    Bench {
        #[command(subcommand)]
        what: bench::What,
    },
    /// Run texts that nobody would write through code that takes anything; ends with executions and failures.
    Fuzz {
        #[command(subcommand)]
        what: fuzz::What,
    },
    /// Pack the npm package into target/package.
    Package,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Setup => setup::setup(),
        Command::Wasm { cpu_only, names } => wasm::wasm(cpu_only, names),
        Command::Test { models: true } => test::models(),
        Command::Test { models: false } => test::test(),
        Command::Demo { port } => demo::demo(port),
        Command::Bench { what } => bench::bench(what),
        Command::Fuzz { what } => fuzz::fuzz(&what),
        Command::Package => package::package(),
    }
}
