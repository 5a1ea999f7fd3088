//! `cargo xtask fuzz`: texts that nobody would write, and what must hold for each of them.
//!
//! No coverage guides it (libFuzzer needs a nightly compiler): generated texts are made of what the recognizers
//! look for, and mutated. Built as tests are, with overflow checks and debug assertions. Every execution has a
//! number from which its text follows, so that a failure can be run again alone.

mod check;
mod text;

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
}

/// Options of `cargo xtask fuzz privacy`.
#[derive(Args)]
pub struct Arguments {
    /// How many texts.
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    executions: u64,
    /// Stop after so many minutes, if that comes first.
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    /// Equal seeds give equal texts.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The text of this execution alone.
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
    let What::Privacy(arguments) = what;
    let detector = detector()?;
    if let Some(number) = arguments.only {
        let text = generated(arguments.seed, number).0;
        println!("{text:?}");
        return match execute(&detector, arguments.seed, number) {
            Ok(_) => Ok(()),
            Err(failure) => bail!(failure),
        };
    }
    let failures = executions(arguments, &detector);
    if failures > 0 {
        bail!("{failures} executions failed");
    }
    Ok(())
}

/// Recognizers and tagger, as a page has them.
fn detector() -> Result<Detector> {
    let file = places::tagger();
    let weights = fs::read(&file).with_context(|| file.display().to_string())?;
    let tagger = Tagger::from_bytes(&weights).with_context(|| file.display().to_string())?;
    Ok(Detector::new(tagger))
}

/// How many failed.
fn executions(arguments: &Arguments, detector: &Detector) -> u64 {
    let started = Instant::now();
    let limit = arguments
        .minutes
        .map(|minutes| Duration::from_secs(60 * minutes));
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let (characters, failures) = (AtomicU64::new(0), AtomicU64::new(0));
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
                match execute(detector, arguments.seed, number) {
                    Ok(length) => {
                        characters.fetch_add(length, Ordering::Relaxed);
                    }
                    Err(failure) => {
                        failures.fetch_add(1, Ordering::Relaxed);
                        let seed = arguments.seed;
                        println!(
                            "execution {number}: {failure}\n  again: cargo xtask fuzz privacy --seed {seed} --only {number}"
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
        "seed {}: {} executions, {} characters, {failures} failed, {:.0} s on {threads} threads",
        arguments.seed,
        done.into_inner(),
        characters.into_inner(),
        started.elapsed().as_secs_f64()
    );
    failures
}

/// The length of the text in characters, or what is wrong.
fn execute(detector: &Detector, seed: u64, number: u64) -> Result<u64, String> {
    let (text, mut random) = generated(seed, number);
    // Nothing outlives a panic but the number of the execution.
    match catch_unwind(AssertUnwindSafe(|| {
        check::check(&text, detector, &mut random)
    })) {
        Ok(Ok(())) => Ok(text.chars().count() as u64),
        Ok(Err(failure)) => Err(failure),
        // The panic has printed its message and place.
        Err(_) => Err("panicked".to_owned()),
    }
}

/// The text of an execution, and the rest of its randomness.
fn generated(seed: u64, number: u64) -> (String, Rand64) {
    let mut random = Rand64::new(u128::from(seed) << 64 | u128::from(number));
    (text::text(&mut random), random)
}
