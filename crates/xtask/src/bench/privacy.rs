//! `cargo xtask bench privacy`: how long a page takes to find personal data, and how that grows with the text.

use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{machine, measure_in_chromium, prepare_page};

/// Options of `cargo xtask bench privacy`.
#[derive(Args)]
pub struct Options {
    /// Texts of 1,000 characters of each kind.
    #[arg(long, value_name = "N", default_value_t = 500)]
    texts: usize,
    /// Measures what is built, without looking whether it is up to date.
    #[arg(long)]
    built: bool,
}

/// tests/browser/bench/privacy.bench.ts says what the fields mean.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    text: String,
    p50_ms: f64,
    p99_ms: f64,
    page_p50_ms: f64,
    page_p99_ms: f64,
    ms_of_ten_thousand: f64,
    ms_of_hundred_thousand: f64,
}

impl Row {
    /// Of the time for a character, from a thousand to a hundred thousand. Linear: 1.
    fn growth(&self) -> f64 {
        self.ms_of_hundred_thousand / self.p50_ms / 100.0
    }
}

/// Runs the benchmark.
pub fn bench(options: &Options) -> Result<()> {
    if !options.built {
        prepare_page(false)?;
    }
    let rows: Vec<Row> = measure_in_chromium("privacy", json!({ "texts": options.texts }))?;
    for row in &rows {
        println!("{}", serde_json::to_string(row)?);
    }
    println!("\n{}", machine());
    println!("\n{}", markdown(&rows));
    Ok(())
}

fn markdown(rows: &[Row]) -> String {
    let mut text = "| text | 1,000 characters, p50 ms | p99 | from the page, p50 | p99 | 10,000 | 100,000 | growth |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n".to_owned();
    for row in rows {
        text.push_str(&format!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} | {:.0} | {:.2} |\n",
            row.text,
            row.p50_ms,
            row.p99_ms,
            row.page_p50_ms,
            row.page_p99_ms,
            row.ms_of_ten_thousand,
            row.ms_of_hundred_thousand,
            row.growth()
        ));
    }
    text
}
