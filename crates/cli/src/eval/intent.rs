//! `tidegate eval intent`: how often the router knows what a prompt asks for.

use std::{fs, path::PathBuf, time::Instant};

use anyhow::{Context, ensure};
use clap::Args;
use router::Weights;
use router_training::intent::{Report, Sample, fresh, held, measure, read};
use serde::Serialize;
use serde_json::json;

use super::timing::percentile;
use crate::learned;

/// Options of `tidegate eval intent`.
#[derive(Args)]
pub struct Arguments {
    /// Prompts, one JSON object a line: `prompt` and `intent`.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["held", "fresh"])]
    data: Option<PathBuf>,
    /// Instead, the prompts in the repository that were written before anything was measured.
    #[arg(long, conflicts_with = "data")]
    held: bool,
    /// Instead, those that were written after the patterns.
    #[arg(long, conflicts_with_all = ["data", "held"])]
    fresh: bool,
    /// The router's weights, if not those that the command was built with.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Prints what was taken for something else.
    #[arg(long)]
    mistakes: bool,
}

#[derive(Serialize)]
struct Measured {
    #[serde(flatten)]
    report: Report,
    /// Microseconds a prompt, of this build on this machine, one thread.
    us: Microseconds,
}

#[derive(Serialize)]
struct Microseconds {
    p50: Option<f64>,
    p99: Option<f64>,
}

/// Prints one line of JSON.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let samples = match &arguments.data {
        Some(path) => fs::read_to_string(path)
            .map_err(Into::into)
            .and_then(|lines| read(&lines))
            .with_context(|| path.display().to_string())?,
        None if arguments.held => held()?,
        None => fresh()?,
    };
    ensure!(!samples.is_empty(), "no prompts");
    let weights = match &arguments.weights {
        Some(path) => fs::read(path)
            .map_err(anyhow::Error::from)
            .and_then(|bytes| Ok(Weights::from_bytes(&bytes)?))
            .with_context(|| path.display().to_string())?,
        None => learned::router(),
    };
    let report = measure(
        weights.intent_model(),
        &samples,
        &mut |sample, found, probability| {
            if arguments.mistakes {
                let right = sample.intent.name();
                eprintln!(
                    "{right}, taken for {} ({probability:.2}): {:?}",
                    found.name(),
                    sample.text
                );
            }
        },
    );
    let us = times(&weights, &samples);
    println!("{}", json!(Measured { report, us }));
    Ok(())
}

fn times(weights: &Weights, samples: &[Sample]) -> Microseconds {
    let mut times: Vec<f64> = samples
        .iter()
        .map(|sample| {
            let started = Instant::now();
            std::hint::black_box(weights.intent(&sample.text));
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let rounded = |share| percentile(&times, share).map(|us| (us * 10.0).round() / 10.0);
    Microseconds {
        p50: rounded(0.5),
        p99: rounded(0.99),
    }
}
