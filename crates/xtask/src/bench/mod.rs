//! `cargo xtask bench engine`: the local model and, if asked, its peers, on the same file, in turns.
//! `cargo xtask bench privacy`: how long it takes to find personal data.
//! `cargo xtask bench router`: how long it takes to decide where a question is answered.
//! `cargo xtask bench relay`: relay and gateway under load and under faults.
//!
//! Every measurement is a process and a browser profile of its own. All contenders are measured once
//! before any is measured a second time, so that a machine that grows slower does so for all. What is
//! printed is the median of the rounds.

mod contender;
mod measure;
mod peers;
mod plot;
mod privacy;
mod relay;
mod router;
mod table;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use duct::cmd;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::run::{self, Outcome, Steps};
use crate::{lavapipe_chromium, model, package, places, setup, software_gpu, wasm};
use contender::{Adapter, Contender, Run};
use measure::Bench;
use table::Row;

/// What to measure.
#[derive(Subcommand)]
pub enum What {
    /// The local model: natively and in Chromium, on the CPU and on WebGPU.
    Engine(Options),
    /// How long a page takes to find personal data in a text, and how that grows with the text.
    Privacy(privacy::Options),
    /// How long it takes to decide where a question is answered: natively and in Chromium.
    Router(router::Options),
    /// Relay and gateway under load and under faults; one line of JSON for each part.
    Relay(relay::Options),
}

/// Options of `cargo xtask bench engine`.
#[derive(Args)]
pub struct Options {
    /// The peers too: wllama, onnxruntime-web, transformers.js, native llama.cpp.
    #[arg(long)]
    peers: bool,
    /// Only these.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = Contender::parse)]
    only: Vec<&'static Contender>,
    /// Rounds; medians are printed.
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Threads of those that can have several, one row for each count.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1")]
    threads: Vec<usize>,
    /// What Chromium's WebGPU computes on, one row for each.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "lavapipe")]
    adapter: Vec<Adapter>,
    /// Another GGUF file than the one of the tests. The ONNX peers take Llama alone.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Tokens of each answer; at most 4 on SwiftShader, where some take seconds for each.
    #[arg(long, value_name = "N", default_value_t = 48)]
    tokens: usize,
    /// Seconds for one measurement.
    #[arg(long, value_name = "S", default_value_t = 300)]
    timeout: u64,
    /// Also draws target/bench/engine.svg.
    #[arg(long)]
    plot: bool,
    /// Measures what is built, without looking whether it is up to date.
    #[arg(long)]
    built: bool,
}

/// With the system message that SmolLM2's template brings, 49 tokens.
const QUESTION: &str =
    "Write a short story about a lighthouse keeper who finds a message in a bottle on the beach.";

/// Runs the benchmark.
pub fn bench(what: What) -> Result<()> {
    match what {
        What::Engine(options) => engine(&options),
        What::Privacy(options) => privacy::bench(&options),
        What::Router(options) => router::bench(&options),
        What::Relay(options) => relay::bench(&options),
    }
}

fn engine(options: &Options) -> Result<()> {
    if options.tokens < 2 || options.runs == 0 {
        bail!("--tokens takes at least 2, --runs at least 1");
    }
    let runs = contender::plan(
        &options.only,
        options.peers,
        &options.threads,
        &options.adapter,
    );
    prepare(&runs, options)?;
    let bench = Bench::new(
        options.model.clone().map_or_else(model::path, Ok)?,
        QUESTION,
        options.tokens,
        options.timeout,
    )?;
    let mut rows: Vec<Row> = runs.iter().map(Row::new).collect();
    for round in 1..=options.runs {
        for (index, row) in rows.iter_mut().enumerate() {
            if row.has_only_failed() {
                continue;
            }
            let position = (round - 1) * runs.len() + index + 1;
            let total = options.runs * runs.len();
            let (label, start) = (row.label(), Instant::now());
            match bench.measure(&row.run) {
                Ok(measured) => {
                    let speed = table::speed(&measured);
                    let took = run::seconds(start);
                    println!("[{position}/{total}] round {round}, {label}: {speed} ({took})");
                    row.add(measured);
                }
                Err(error) => {
                    println!("[{position}/{total}] round {round}, {label}: failed: {error:#}");
                    row.failed(format!("{error:#}"));
                }
            }
        }
    }
    report(&rows, &bench, options)
}

fn report(rows: &[Row], bench: &Bench, options: &Options) -> Result<()> {
    let folder = places::target().join("bench");
    let text = table::markdown(rows);
    let rows_json: Vec<Value> = rows.iter().map(Row::json).collect::<Result<_>>()?;
    let report = json!({
        "machine": machine(),
        "model": bench.model.file_name().map(|name| name.to_string_lossy()),
        "prompt_tokens": bench.prompt_tokens(),
        "tokens": options.tokens,
        "rounds": options.runs,
        "rows": &rows_json,
    });
    let file = folder.join("engine.json");
    fs::write(&file, serde_json::to_string_pretty(&report)? + "\n")?;
    fs::write(folder.join("engine.md"), &text)?;
    if options.plot {
        let file = folder.join("engine.svg");
        plot::draw(rows, &file)?;
        println!("{}", file.display());
    }
    for row in &rows_json {
        println!("{row}");
    }
    println!("\n{}\n\n{text}", file.display());
    Ok(())
}

/// Builds and fetches what the runs need and nothing else.
fn prepare(runs: &[Run], options: &Options) -> Result<()> {
    let any = |wanted: &dyn Fn(&Run) -> bool| runs.iter().any(wanted);
    let pages = any(&|run| run.contender.page().is_some());
    let gpu_page = any(&|run| run.contender.is_ours() && run.adapter.is_some());
    let native_gpu = any(&|run| run.contender.name == contender::NATIVE_GPU);
    let lavapipe = any(&|run| run.adapter == Some(Adapter::Lavapipe));
    let peers = any(&|run| run.contender.peer);
    let onnx = any(&|run| run.contender.onnx);

    fs::create_dir_all(places::target().join("bench"))?;
    if !options.built {
        let mut progress = Steps::new(setup::STEPS + wasm::STEPS + 2);
        setup::steps(&mut progress)?;
        if gpu_page {
            wasm::steps(&mut progress, false)?;
        } else if pages {
            wasm::small_steps(&mut progress)?;
        }
        if pages {
            progress.step("the npm package", package::build_package)?;
        }
        progress.step("the tidegate command", || build_command(native_gpu))?;
    }
    let mut more = Steps::new(
        [lavapipe, peers, onnx, onnx]
            .into_iter()
            .filter(|&is| is)
            .count(),
    );
    if lavapipe {
        more.step("Chromium on lavapipe", lavapipe_chromium::ensure)?;
    }
    if peers {
        more.step("the peers' npm packages", peers::ensure_packages)?;
    }
    if onnx {
        let model = options.model.clone().map_or_else(model::path, Ok)?;
        more.step("Python packages for ONNX", peers::ensure_python)?;
        more.step("the model as ONNX", || peers::ensure_onnx(&model))?;
    }
    Ok(())
}

/// With the GPU in one build with all that the tests build: other features would compile Burn again.
fn build_command(gpu: bool) -> Result<Outcome> {
    let arguments = if gpu {
        "build --workspace --bins --tests"
    } else {
        "build --package cli --no-default-features"
    };
    run::quiet(
        "build",
        cmd("cargo", arguments.split(' ')).dir(places::root()),
    )?;
    Ok(Outcome::Did("built".to_owned()))
}

/// What the figures belong to.
fn machine() -> Value {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names: HashSet<&str> = cpuinfo
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, name)| name.trim())
        .collect();
    let browser = setup::chromium().and_then(|program| run::read(cmd!(program, "--version")).ok());
    json!({
        "cpu": names.into_iter().collect::<Vec<_>>().join(", "),
        "cores": thread::available_parallelism().map(usize::from).unwrap_or(1),
        "browser": browser,
        "vulkan": software_gpu::environment().into_iter().map(|(_, file)| file).next(),
    })
}

/// Builds what a page without WebGPU and without a model needs, and the command if it is measured too.
fn prepare_page(command: bool) -> Result<()> {
    let mut progress = Steps::new(setup::STEPS + wasm::STEPS + usize::from(command));
    setup::steps(&mut progress)?;
    wasm::small_steps(&mut progress)?;
    progress.step("the npm package", package::build_package)?;
    if command {
        progress.step("the tidegate command", || build_command(false))?;
    }
    Ok(())
}

/// Has a page in Chromium measure `NAME.bench.ts`, which finds the browser's path and where the result goes in its job.
fn measure_in_chromium<T: DeserializeOwned>(name: &str, mut job: Value) -> Result<T> {
    let folder = places::target().join("bench");
    fs::create_dir_all(&folder)?;
    let (file, out) = (folder.join("job.json"), folder.join(format!("{name}.json")));
    let _ = fs::remove_file(&out);
    job["chromium"] = json!(setup::chromium().context("no Chromium: cargo xtask setup")?);
    job["out"] = json!(out);
    fs::write(&file, job.to_string())?;
    measure_page(&format!("{name}.bench.ts"), &file)?;
    read_result(&out)
}

/// Has a page measure what a job says; `file` is in tests/browser/bench.
fn measure_page(file: &str, job: &Path) -> Result<()> {
    let file = format!("bench/{file}");
    let words = ["run", "--config", "bench/vitest.config.ts", &file];
    let command = cmd(places::npm_binary("vitest"), words)
        .dir(places::browser_specs())
        .env("TIDEGATE_BENCH_JOB", job);
    run::quiet("bench-page", command)
}

/// Reads the JSON that a measurement left.
fn read_result<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).context("the measurement left no result")?;
    let value: Value = serde_json::from_str(&text)?;
    if let Some(error) = value["error"].as_str() {
        bail!("{}", error.lines().next().unwrap_or("failed"));
    }
    Ok(serde_json::from_value(value)?)
}
