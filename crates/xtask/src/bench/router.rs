//! `cargo xtask bench router`: how long it takes to decide where a question is answered: what is asked for, what the
//! cloud is expected to do better, how new the question is, what each place is worth, and the explanation. What is
//! personal is found before, and `cargo xtask bench privacy` measures that.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use duct::cmd;
use serde::Serialize;
use serde_json::{Value, json};

use super::{machine, measure_in_chromium, prepare_page};
use crate::{places, run};

/// Options of `cargo xtask bench router`.
#[derive(Args)]
pub struct Options {
    /// Prompts of each kind.
    #[arg(long, value_name = "N", default_value_t = 500)]
    prompts: usize,
    /// Measures what is built, without looking whether it is up to date.
    #[arg(long)]
    built: bool,
}

/// Of a prompt.
const CHARACTERS: usize = 2_000;

/// A kind of prompts.
struct Kind {
    name: &'static str,
    /// What they are pieces of.
    text: fn() -> Result<String>,
}

const KINDS: [Kind; 4] = [
    // Both as people write them, and they use many different words.
    Kind {
        name: "prose: this repository's documents",
        text: || text_of("md"),
    },
    Kind {
        name: "code: this repository's sources",
        text: || text_of("rs"),
    },
    // Every character is a word: the most that there can be in a text of this length.
    Kind {
        name: "words of one character",
        text: || {
            Ok(repeated(|number| {
                let place = number.wrapping_mul(2_654_435_761) >> 8;
                char::from_u32(0x4e00 + place % 0x5000).map_or_else(String::new, String::from)
            }))
        },
    },
    Kind {
        name: "numbers and signs",
        text: || Ok(repeated(|number| format!("{number}+x={}; ", number % 7))),
    },
];

/// Times of one kind of prompts, in microseconds.
#[derive(Serialize)]
struct Row {
    kind: &'static str,
    native: Times,
    chromium: Times,
}

#[derive(Serialize)]
struct Times {
    p50_us: f64,
    p99_us: f64,
}

/// Runs the benchmark.
pub fn bench(options: &Options) -> Result<()> {
    ensure!(options.prompts > 0, "--prompts takes at least 1");
    if !options.built {
        prepare_page(true)?;
    }
    let prompts = write_prompts(options.prompts)?;
    let native = native(&prompts)?;
    let milliseconds: Vec<f64> = measure_in_chromium("router", json!({ "prompts": prompts }))?;
    let chromium: Vec<f64> = milliseconds.iter().map(|ms| ms * 1e3).collect();
    let parts = native
        .chunks(options.prompts)
        .zip(chromium.chunks(options.prompts));
    let rows: Vec<Row> = KINDS
        .iter()
        .zip(parts)
        .map(|(kind, (native, chromium))| Row {
            kind: kind.name,
            native: Times::of(native),
            chromium: Times::of(chromium),
        })
        .collect();
    for row in &rows {
        println!("{}", serde_json::to_string(row)?);
    }
    println!("\n{}", machine());
    println!("\n{}", markdown(&rows));
    Ok(())
}

/// The microseconds of each prompt, as `tidegate route` says.
fn native(prompts: &Path) -> Result<Vec<f64>> {
    let printed = run::read(cmd!(places::binary("tidegate"), "route", prompts))?;
    printed
        .lines()
        .map(|line| {
            let routed: Value = serde_json::from_str(line)?;
            routed["us"].as_f64().context("tidegate route: no `us`")
        })
        .collect()
}

/// A file of so many prompts of each kind, one kind after the other.
fn write_prompts(count: usize) -> Result<PathBuf> {
    let folder = places::target().join("bench");
    fs::create_dir_all(&folder)?;
    let mut lines = String::new();
    for Kind { name, text } in KINDS {
        for prompt in pieces(&text()?, count) {
            lines += &json!({ "kind": name, "prompt": prompt }).to_string();
            lines.push('\n');
        }
    }
    let file = folder.join("prompts.jsonl");
    fs::write(&file, lines)?;
    Ok(file)
}

/// As many pieces of a text, evenly spread over it; they overlap where the text is short.
fn pieces(text: &str, count: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let room = characters.len().saturating_sub(CHARACTERS);
    let starts = (0..count).map(|number| number * room / count.max(2));
    starts
        .map(|start| characters.iter().skip(start).take(CHARACTERS).collect())
        .collect()
}

/// Parts one after the other, each with its number.
fn repeated(part: impl Fn(u32) -> String) -> String {
    (0..40_000).map(part).collect()
}

/// This repository's files with this ending, joined in the order of their paths.
fn text_of(ending: &str) -> Result<String> {
    let listed = run::read(cmd!("git", "ls-files", format!("*.{ending}")).dir(places::root()))?;
    let mut text = String::new();
    for path in listed.lines() {
        text += &fs::read_to_string(places::root().join(path)).with_context(|| path.to_owned())?;
    }
    Ok(text)
}

impl Times {
    /// Nearest ranks.
    fn of(microseconds: &[f64]) -> Self {
        let mut sorted = microseconds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted
                .get(rank.saturating_sub(1))
                .copied()
                .unwrap_or(f64::NAN)
        };
        Self {
            p50_us: at(0.5),
            p99_us: at(0.99),
        }
    }
}

fn markdown(rows: &[Row]) -> String {
    let mut text = "| prompts of 2,000 characters | native, p50 ms | p99 | Chromium, p50 ms | p99 |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for Row {
        kind,
        native,
        chromium,
    } in rows
    {
        let [a, b, c, d] = [
            native.p50_us,
            native.p99_us,
            chromium.p50_us,
            chromium.p99_us,
        ]
        .map(|us| us / 1e3);
        text.push_str(&format!("| {kind} | {a:.2} | {b:.2} | {c:.2} | {d:.2} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{CHARACTERS, KINDS, Kind, Times, pieces};

    #[test]
    fn prompts_have_their_length_and_differ() {
        for Kind { name, text } in KINDS {
            let prompts = pieces(&text().unwrap(), 5);
            let lengths: Vec<usize> = prompts.iter().map(|text| text.chars().count()).collect();
            assert_eq!(lengths, [CHARACTERS; 5], "{name}");
            assert!(prompts.windows(2).all(|two| two[0] != two[1]), "{name}");
        }
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times = Times::of(&(1..=200).rev().map(f64::from).collect::<Vec<_>>());
        assert_eq!((times.p50_us, times.p99_us), (100.0, 198.0));
    }
}
