//! Medians, as a table and as JSON.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use super::contender::{Adapter, Run};
use super::measure::{Generation, Measured};
use crate::size::Size;

/// A figure: its name in JSON, its title, its decimals, and how it is taken from a measurement.
type Column = (
    &'static str,
    &'static str,
    usize,
    fn(&Measured) -> Option<f64>,
);

const COLUMNS: [Column; 13] = [
    ("load_ms", "load ms", 0, |m| Some(m.load_ms)),
    ("cached_load_ms", "second visit ms", 0, |m| m.cached_load_ms),
    ("first_token_cold_ms", "first token ms, cold", 0, |m| {
        Some(m.cold.first_ms)
    }),
    ("first_token_ms", "warm", 0, |m| Some(m.warm.first_ms)),
    ("prefill_tokens_per_s", "prefill tok/s", 1, |m| {
        Some(m.warm.prompt_tokens as f64 * 1e3 / m.warm.first_ms)
    }),
    ("decode_tokens_per_s", "decode tok/s", 1, |m| {
        Some(decode(&m.warm))
    }),
    ("processor_ms", "processor ms an answer", 0, |m| {
        m.processor_ms
    }),
    ("peak_mb", "peak MB", 0, |m| Some(m.peak_memory_bytes / 1e6)),
    ("empty_mb", "of that, an empty browser", 0, |m| {
        m.empty_memory_bytes.map(|bytes| bytes / 1e6)
    }),
    ("dispatches_per_token", "dispatches a token", 0, |m| {
        m.gpu.as_ref().map(|gpu| gpu.dispatches)
    }),
    ("submits_per_token", "submits", 1, |m| {
        m.gpu.as_ref()?.submits
    }),
    ("bytes_read_per_token", "bytes read", 0, |m| {
        m.gpu.as_ref()?.bytes_read
    }),
    ("us_per_dispatch", "µs a dispatch", 0, |m| {
        m.dispatch_microseconds
    }),
];

/// Tokens per second after the first.
fn decode(generation: &Generation) -> f64 {
    (generation.tokens - 1) as f64 * 1e3 / (generation.last_ms - generation.first_ms)
}

/// For a line of progress.
pub fn speed(measured: &Measured) -> String {
    let prefill = measured.warm.prompt_tokens as f64 * 1e3 / measured.warm.first_ms;
    let decode = decode(&measured.warm);
    format!("{prefill:.1} tokens/s prefill, {decode:.1} decode")
}

/// One contender and what was measured of it.
pub struct Row {
    pub run: Run,
    measured: Vec<Measured>,
    error: Option<String>,
}

impl Row {
    pub fn new(run: &Run) -> Self {
        Self {
            run: run.clone(),
            measured: Vec::new(),
            error: None,
        }
    }

    /// `wllama, 2 threads` or `wllama-webgpu on lavapipe`.
    pub fn label(&self) -> String {
        let Run {
            contender,
            threads,
            adapter,
        } = &self.run;
        match (adapter, threads) {
            (Some(adapter), _) => format!("{} on {}", contender.name, adapter.name()),
            (None, 1) => format!("{}, 1 thread", contender.name),
            (None, threads) => format!("{}, {threads} threads", contender.name),
        }
    }

    pub fn add(&mut self, measured: Measured) {
        self.measured.push(measured);
    }

    pub fn failed(&mut self, error: String) {
        self.error = Some(error);
    }

    /// Not worth another round.
    pub fn has_only_failed(&self) -> bool {
        self.error.is_some() && self.measured.is_empty()
    }

    /// The median of a column, by its name in JSON; `None` where there is nothing to show.
    pub fn median(&self, name: &str) -> Option<f64> {
        let (_, _, _, take) = COLUMNS.iter().find(|(column, ..)| *column == name)?;
        median(self.measured.iter().filter_map(take).collect())
    }

    /// What a page downloads of it.
    fn size(&self) -> Result<Option<Size>> {
        let files: HashSet<&PathBuf> = self.measured.iter().flat_map(|m| &m.files).collect();
        let mut sum: Option<Size> = None;
        for file in files {
            let size = Size::of(file)?;
            sum = Some(sum.map_or(size, |sum| sum.plus(size)));
        }
        Ok(sum)
    }

    /// Medians, and every measurement.
    pub fn json(&self) -> Result<Value> {
        let mut medians = serde_json::Map::new();
        for (name, ..) in COLUMNS {
            medians.insert(name.to_owned(), self.median(name).into());
        }
        let size = self.size()?;
        Ok(json!({
            "name": self.run.contender.name,
            "version": self.measured.first().map(|m| &m.version),
            "on": self.run.adapter.map(Adapter::name),
            "adapter": self.measured.first().and_then(|m| m.adapter.as_deref()),
            "threads": self.measured.first().map(|m| m.threads),
            "medians": medians,
            "javascript_and_wasm_bytes":
                size.map(|size| json!({ "raw": size.raw, "gzip": size.gzip, "brotli": size.brotli })),
            "error": self.error,
            "measured": self.measured,
        }))
    }

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.label()];
        if self.has_only_failed() {
            cells.push(self.error.clone().unwrap_or_default());
            cells.resize(COLUMNS.len() + 3, String::new());
            return cells;
        }
        for (name, _, decimals, _) in COLUMNS {
            cells.push(
                self.median(name)
                    .map_or(String::new(), |value| number(value, decimals)),
            );
        }
        let size = self.size().ok().flatten();
        for bytes in [size.map(|size| size.gzip), size.map(|size| size.brotli)] {
            cells.push(bytes.map_or(String::new(), |bytes| number(bytes as f64 / 1e6, 2)));
        }
        cells
    }
}

/// A table in Markdown.
pub fn markdown(rows: &[Row]) -> String {
    let mut titles = vec!["runtime"];
    titles.extend(COLUMNS.iter().map(|(_, title, ..)| *title));
    titles.extend(["JS + wasm MB, gzip", "brotli"]);
    let mut text = line(&titles);
    text += &line(&vec!["---"; titles.len()]);
    for row in rows {
        text += &line(&row.cells());
    }
    text
}

fn line<T: AsRef<str>>(cells: &[T]) -> String {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// With commas between thousands.
fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() {
        grouped
    } else {
        format!("{grouped}.{fraction}")
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::super::contender::{Contender, plan};
    use super::super::measure::{Generation, GpuWork, Measured};
    use super::{Row, markdown, median, number};

    fn measured(first_ms: f64, gpu: bool) -> Measured {
        let generation = Generation {
            first_ms,
            last_ms: first_ms + 470.0,
            prompt_tokens: 49,
            tokens: 48,
            text: String::new(),
        };
        Measured {
            version: "1".to_owned(),
            adapter: None,
            threads: 1,
            load_ms: 1234.0,
            cached_load_ms: None,
            dispatch_microseconds: gpu.then_some(9.4),
            cold: generation.clone(),
            warm: generation,
            processor_ms: Some(920.0),
            peak_memory_bytes: 3e8,
            empty_memory_bytes: Some(2e8),
            gpu: gpu.then_some(GpuWork {
                dispatches: 186.0,
                submits: Some(1.0),
                bytes_read: None,
            }),
            files: Vec::new(),
        }
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![f64::NAN, 1.0]), Some(1.0));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn numbers() {
        assert_eq!(number(1_234_567.0, 0), "1,234,567");
        assert_eq!(number(123.45, 1), "123.5");
        assert_eq!(number(0.126, 2), "0.13");
    }

    #[test]
    fn rows_are_medians_or_an_error() {
        let only = ["tidegate", "wllama"].map(|name| Contender::parse(name).unwrap());
        let runs = plan(&only, false, &[1], &[]);
        let mut rows: Vec<Row> = runs.iter().map(Row::new).collect();
        for first_ms in [245.0, 490.0, 980.0] {
            rows[0].add(measured(first_ms, true));
        }
        rows[1].failed("no memory".to_owned());
        let table = markdown(&rows);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| tidegate, 1 thread | 1,234 |  | 490 | 490 | 100.0 | 100.0 | 920 | 300 | 200 | 186 | 1.0 |  | 9 |  |  |",
                "| wllama, 1 thread | no memory |  |  |  |  |  |  |  |  |  |  |  |  |  |  |",
            ]
        );
        assert_eq!(
            rows[0].json().unwrap()["medians"]["decode_tokens_per_s"],
            100.0
        );
    }
}
