//! `cargo xtask bench engine`: one JSON line per backend, for people to compare from one day to the next.

use std::fs;

use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use duct::cmd;
use serde_json::{Value, json};

use crate::run::{self, Outcome, Steps};
use crate::size::Size;
use crate::{model, package, places, setup, software_gpu, wasm};

/// What to measure.
#[derive(Subcommand)]
pub enum What {
    /// The local model: natively and in Chromium, on the CPU and on WebGPU.
    Engine,
}

/// Some fifty tokens in the model's chat template.
const PROMPT: &str = "Explain in one paragraph why the sky is blue and why sunsets are red.";

/// Tokens of the answer, greedy.
const TOKENS: &str = "48";

/// Runs the benchmark.
pub fn bench(what: What) -> Result<()> {
    match what {
        What::Engine => engine(),
    }
}

fn engine() -> Result<()> {
    let mut progress = Steps::new(setup::STEPS + wasm::STEPS + 2);
    setup::steps(&mut progress)?;
    wasm::steps(&mut progress, false)?;
    progress.step("the npm package", package::build_package)?;
    progress.step(
        "the tidegate command (Burn: 10 minutes the first time)",
        || {
            // All binaries in one build, as `cargo xtask test` does: other features would compile Burn again.
            let arguments = "build --workspace --bins --tests".split(' ');
            run::quiet("build", cmd("cargo", arguments).dir(places::root()))?;
            Ok(Outcome::Did("built".to_owned()))
        },
    )?;
    println!("{}", native("cpu", 3)?);
    println!("{}", native("webgpu", 1)?);
    for line in chromium()? {
        println!("{line}");
    }
    Ok(())
}

/// `runs` runs of `tidegate generate`, each a process of its own; medians.
fn native(backend: &str, runs: usize) -> Result<Value> {
    let mut reports = Vec::new();
    for _ in 0..runs {
        let words = [
            "generate",
            "--json",
            "--backend",
            backend,
            "--max-tokens",
            TOKENS,
        ];
        let words = words
            .iter()
            .map(Into::into)
            .chain(["--prompt".into(), PROMPT.into()]);
        let words = words.chain(["--model".into(), model::path()?.into_os_string()]);
        let mut command = cmd(places::binary("tidegate"), words);
        for (name, value) in software_gpu::environment() {
            command = command.env(name, value);
        }
        let line = run::read(command).with_context(|| format!("tidegate generate on {backend}"))?;
        reports.push(serde_json::from_str(&line).context("what tidegate generate printed")?);
    }
    let timing = |name: &str| median(&reports, |report: &Value| report["timings"][name].as_f64());
    let first: &Value = reports.first().context("no run")?;
    Ok(json!({
        "backend": format!("native-{backend}"),
        "adapter": first["adapter"],
        "load_ms": timing("load_ms")?,
        "prompt_tokens": first["prompt_tokens"],
        "completion_tokens": first["ids"].as_array().map(Vec::len),
        "prefill_tokens_per_s": timing("prefill_tokens_per_s")?,
        "decode_tokens_per_s": timing("decode_tokens_per_s")?,
        "first_token_ms": timing("first_token_ms")?,
        "peak_memory_bytes": first["peak_memory_bytes"],
        "dispatches_per_token": first["dispatches_per_token"],
        "runs": runs,
    }))
}

/// The bench page in Chromium, with the bytes that each module makes a page download.
fn chromium() -> Result<Vec<Value>> {
    let out = places::target().join("bench-chromium.jsonl");
    let _ = fs::remove_file(&out);
    let words = ["run", "--config", "bench/vitest.config.ts"];
    let command = cmd(places::npm_binary("vitest"), words)
        .dir(places::browser_specs())
        .env("TIDEGATE_BENCH_OUT", &out)
        .env("TIDEGATE_BENCH_PROMPT", PROMPT)
        .env("TIDEGATE_BENCH_TOKENS", TOKENS)
        .env("TIDEGATE_MODEL", model::path()?)
        .env("CHROMIUM", setup::chromium().unwrap_or_default());
    run::quiet("bench-chromium", command)?;
    let text = fs::read_to_string(&out).with_context(|| out.display().to_string())?;
    text.lines()
        .map(|line| with_sizes(serde_json::from_str(line)?))
        .collect()
}

fn with_sizes(mut line: Value) -> Result<Value> {
    let gpu = line["backend"]
        .as_str()
        .is_some_and(|name| name.ends_with("webgpu"));
    let size: Size = wasm::module_size(gpu)?.plus(wasm::package_javascript_size()?);
    line["javascript_and_wasm_bytes"] =
        json!({ "raw": size.raw, "gzip": size.gzip, "brotli": size.brotli });
    Ok(line)
}

fn median(reports: &[Value], field: impl Fn(&Value) -> Option<f64>) -> Result<f64> {
    let values: Option<Vec<f64>> = reports.iter().map(field).collect();
    let mut values = values
        .filter(|values| !values.is_empty())
        .ok_or_else(|| anyhow!("a timing is missing"))?;
    values.sort_by(f64::total_cmp);
    Ok((values[values.len() / 2] * 100.0).round() / 100.0)
}
