//! `cargo xtask fuzz`: what nobody would write or send, and what must hold for each of it.
//!
//! No coverage guides it (libFuzzer needs a nightly compiler): inputs are made of what the parsers look for, and
//! mutated. Built as tests are, with overflow checks and debug assertions. Every execution has a number from which its
//! input follows, so that a failure can be run again alone.

mod check;
mod damage;
mod sealed;
mod text;
#[cfg(feature = "upstream")]
mod upstream;

#[cfg(not(feature = "upstream"))]
use std::{env, ffi::OsString};
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use oorandom::Rand64;
use privacy::{Detector, Tagger};

use crate::places;

/// What to fuzz.
#[derive(Subcommand)]
pub enum What {
    /// Find, replace and put back personal data.
    Privacy(Arguments),
    /// Open sealed requests and replies; read key configs, dates and errors in the clear.
    Sealed(Arguments),
    /// Translate requests for an upstream, and read its event streams.
    Upstream(Arguments),
}

/// What is tried many times.
trait Target: Sync {
    /// As on the command line.
    const NAME: &'static str;

    /// Tries the input that follows from this randomness; its length in characters or bytes, or what is wrong.
    fn execute(&self, random: &mut Rand64) -> Result<u64, String>;

    /// The same input, to look at.
    fn show(&self, random: &mut Rand64) -> String;
}

/// Options of `cargo xtask fuzz …`.
#[derive(Args)]
pub struct Arguments {
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    executions: u64,
    /// Stop after so many minutes, if that comes first.
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    /// Equal seeds give equal inputs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The input of this execution alone.
    #[arg(long, value_name = "N")]
    only: Option<u64>,
    /// How many to run at once; if not given, one for each processor.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Threads take so many executions at a time.
const BATCH: u64 = 256;
/// Enough to see what is wrong.
const MOST_FAILURES: u64 = 10;

/// Runs it, and ends with the counts.
pub fn fuzz(what: &What) -> Result<()> {
    match what {
        What::Privacy(arguments) => run(arguments, &Texts(detector()?)),
        What::Sealed(arguments) => run(arguments, &sealed::Messages::new()?),
        What::Upstream(arguments) => upstream(arguments),
    }
}

#[cfg(feature = "upstream")]
fn upstream(arguments: &Arguments) -> Result<()> {
    run(arguments, &upstream::Streams::new()?)
}

/// The same command again, with what it takes.
#[cfg(not(feature = "upstream"))]
fn upstream(_: &Arguments) -> Result<()> {
    let cargo = "run --quiet --package xtask --bin xtask --features upstream --".split(' ');
    let words = cargo.map(OsString::from).chain(env::args_os().skip(1));
    duct::cmd("cargo", words).dir(places::root()).run()?;
    Ok(())
}

fn run<T: Target>(arguments: &Arguments, target: &T) -> Result<()> {
    if let Some(number) = arguments.only {
        println!("{}", target.show(&mut random(arguments.seed, number)));
        return match execute(target, arguments.seed, number) {
            Ok(_) => Ok(()),
            Err(failure) => bail!(failure),
        };
    }
    let failures = executions(arguments, target);
    if failures > 0 {
        bail!("{failures} executions failed");
    }
    Ok(())
}

/// Texts that are looked through for personal data.
struct Texts(Detector);

impl Target for Texts {
    const NAME: &'static str = "privacy";

    fn execute(&self, random: &mut Rand64) -> Result<u64, String> {
        let text = text::text(random);
        check::check(&text, &self.0, random)?;
        Ok(text.chars().count() as u64)
    }

    fn show(&self, random: &mut Rand64) -> String {
        format!("{:?}", text::text(random))
    }
}

/// Recognizers and tagger, as a page has them.
fn detector() -> Result<Detector> {
    let file = places::tagger();
    let weights = fs::read(&file).with_context(|| file.display().to_string())?;
    let tagger = Tagger::from_bytes(&weights).with_context(|| file.display().to_string())?;
    Ok(Detector::new(tagger))
}

/// How many failed.
fn executions<T: Target>(arguments: &Arguments, target: &T) -> u64 {
    let started = Instant::now();
    let limit = arguments
        .minutes
        .map(|minutes| Duration::from_secs(60 * minutes));
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let (length, failures) = (AtomicU64::new(0), AtomicU64::new(0));
    let threads = arguments
        .threads
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let work = || {
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            let over = limit.is_some_and(|limit| started.elapsed() >= limit);
            if first >= arguments.executions
                || over
                || failures.load(Ordering::Relaxed) >= MOST_FAILURES
            {
                return;
            }
            let batch = first..(first + BATCH).min(arguments.executions);
            let count = batch.end - batch.start;
            for number in batch {
                match execute(target, arguments.seed, number) {
                    Ok(more) => {
                        length.fetch_add(more, Ordering::Relaxed);
                    }
                    Err(failure) => {
                        failures.fetch_add(1, Ordering::Relaxed);
                        let seed = arguments.seed;
                        println!(
                            "execution {number}: {failure}\n  again: cargo xtask fuzz {} --seed {seed} --only {number}",
                            T::NAME
                        );
                    }
                }
            }
            let before = done.fetch_add(count, Ordering::Relaxed);
            if (before + count) / 1_000_000 > before / 1_000_000 {
                let seconds = started.elapsed().as_secs();
                println!("{} executions, {seconds} s", before + count);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner();
    println!(
        "{}, seed {}: {} executions, {} characters or bytes, {failures} failed, {:.0} s on {threads} threads",
        T::NAME,
        arguments.seed,
        done.into_inner(),
        length.into_inner(),
        started.elapsed().as_secs_f64()
    );
    failures
}

/// The length of the input, or what is wrong.
fn execute<T: Target>(target: &T, seed: u64, number: u64) -> Result<u64, String> {
    let mut random = random(seed, number);
    // Nothing outlives a panic but the number of the execution.
    match catch_unwind(AssertUnwindSafe(|| target.execute(&mut random))) {
        Ok(result) => result,
        // The panic has printed its message and place.
        Err(_) => Err("panicked".to_owned()),
    }
}

/// The randomness of an execution.
fn random(seed: u64, number: u64) -> Rand64 {
    Rand64::new(u128::from(seed) << 64 | u128::from(number))
}
