//! `tidegate eval traffic`: what the lengths and times of sealed bytes tell a relay, per policy.

mod classifier;
mod simulation;

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use query::Traffic;
use serde_json::json;

use self::{
    classifier::{average_precision, out_of_fold},
    simulation::{Seen, World},
};
use super::timing::percentile;
use crate::lines::Lines;

pub(super) const ABOUT: &str = "\
What the lengths and times of sealed bytes tell a relay, per policy: one line of JSON each.

Lines are {\"prompt\",\"strong_answer\"}. Each prompt is really sealed, and each answer goes through the gateway's own \
code, token by token, at times that are drawn at random (see docs/evaluation.md). A classifier is then trained on \
nothing but what goes by: it has to say whether a prompt is about money. Scores are of prompts that it was not trained \
with (five parts).

  base              share of prompts about money: what guessing achieves
  auprc             area under precision and recall of the classifier (average precision)
  bytes             of request and reply, per prompt
  bytes_ratio       the same, over those of `off`
  first_ms          until the first text is there: mean, and 99th percentile
  text_ms, end_ms   until the whole text is there; until the reply has ended: mean
  added_*           the same, less those of `off`";

/// Options of `tidegate eval traffic`.
#[derive(Args)]
pub struct Arguments {
    /// Prompts and their answers, one JSON object a line: `prompt`, `strong_answer`.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Of the times, and of the order in which is learned.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

const EXPECTED: &str = "each line is a JSON object with the strings `prompt` and `strong_answer`";

/// Whether a prompt is about money: what the classifier has to find out.
fn is_about_money(prompt: &str) -> bool {
    const WORDS: [&str; 8] = [
        "$", "dollar", "cost", "price", "pay", "cents", "earn", "money",
    ];
    let prompt = prompt.to_lowercase();
    WORDS.iter().any(|word| prompt.contains(word))
}

/// Simulates, trains, prints.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut lines = Lines::open(Some(&arguments.data), EXPECTED)?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    while let Some(line) = lines.read()? {
        let text = |field: &str| line.get(field).and_then(|value| value.as_str());
        match (text("prompt"), text("strong_answer")) {
            (Some(prompt), Some(answer)) => pairs.push((prompt.to_owned(), answer.to_owned())),
            _ => return Err(lines.bad(EXPECTED)),
        }
    }
    let labels: Vec<bool> = pairs
        .iter()
        .map(|(prompt, _)| is_about_money(prompt))
        .collect();
    let positive = labels.iter().filter(|label| **label).count();
    ensure!(
        positive >= 10 && labels.len() - positive >= 10,
        "{}: {positive} of {} prompts are about money; at least 10 of each kind are needed",
        arguments.data.display(),
        labels.len()
    );

    let world = World::new()?;
    let mut undefended = None;
    for traffic in [Traffic::Off, Traffic::Balanced, Traffic::Strict] {
        let seen = pairs
            .iter()
            .enumerate()
            .map(|(index, (prompt, answer))| {
                // The same times for each policy.
                let seed = arguments.seed << 32 | index as u64;
                world.ask(prompt, answer, traffic, seed)
            })
            .collect::<anyhow::Result<Vec<Seen>>>()?;
        let scores = out_of_fold(&seen, &labels, arguments.seed);
        let figures = Figures::of(&seen);
        let off = undefended.get_or_insert_with(|| figures.clone());
        println!(
            "{}",
            json!({
                "policy": traffic.name(),
                "prompts": seen.len(),
                "base": rounded(positive as f64 / labels.len() as f64, 3),
                "auprc": rounded(average_precision(&scores, &labels), 3),
                "bytes": rounded(figures.bytes, 0),
                "bytes_ratio": rounded(figures.bytes / off.bytes, 2),
                "first_ms": rounded(figures.first_ms, 0),
                "first_ms_p99": rounded(figures.first_ms_p99, 0),
                "text_ms": rounded(figures.text_ms, 0),
                "end_ms": rounded(figures.end_ms, 0),
                "added_first_ms": rounded(figures.first_ms - off.first_ms, 0),
                "added_text_ms": rounded(figures.text_ms - off.text_ms, 0),
                "added_end_ms": rounded(figures.end_ms - off.end_ms, 0),
            })
        );
    }
    Ok(())
}

#[derive(Clone)]
struct Figures {
    bytes: f64,
    first_ms: f64,
    first_ms_p99: f64,
    text_ms: f64,
    end_ms: f64,
}

impl Figures {
    fn of(seen: &[Seen]) -> Self {
        let mean = |of: &dyn Fn(&Seen) -> f64| {
            let sum: f64 = seen.iter().map(of).sum();
            sum / seen.len() as f64
        };
        let mut first: Vec<f64> = seen.iter().map(|seen| seen.first_text_ms).collect();
        first.sort_by(f64::total_cmp);
        Self {
            bytes: mean(&|seen| (seen.request + seen.reply_bytes()) as f64),
            first_ms: mean(&|seen| seen.first_text_ms),
            first_ms_p99: percentile(&first, 0.99).unwrap_or(f64::NAN),
            text_ms: mean(&|seen| seen.whole_text_ms),
            end_ms: mean(&|seen| seen.chunks.last().map_or(0.0, |chunk| chunk.0)),
        }
    }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}
