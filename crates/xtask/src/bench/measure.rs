//! One measurement: a job for a page or a program, and what came of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use duct::cmd;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::contender::{Adapter, Place, Run};
use super::{measure_page, peers, read_result};
use crate::run;
use crate::{lavapipe_chromium, places, setup, software_gpu};

/// Tokens on SwiftShader at most.
const SWIFTSHADER_TOKENS: usize = 4;

/// What all measurements share.
pub struct Bench {
    pub model: PathBuf,
    question: &'static str,
    prompt: Prompt,
    tokens: usize,
    timeout_s: u64,
}

/// The question in the model's chat template.
#[derive(Clone, Deserialize, Serialize)]
struct Prompt {
    text: String,
    ids: Vec<u32>,
}

/// A result; tests/browser/bench/job.ts says what the fields mean.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    pub version: String,
    pub adapter: Option<String>,
    pub threads: usize,
    pub load_ms: f64,
    pub cached_load_ms: Option<f64>,
    pub dispatch_microseconds: Option<f64>,
    pub cold: Generation,
    pub warm: Generation,
    pub processor_ms: Option<f64>,
    pub peak_memory_bytes: f64,
    /// Of that, the browser with an empty page.
    pub empty_memory_bytes: Option<f64>,
    pub gpu: Option<GpuWork>,
    pub files: Vec<PathBuf>,
}

/// One answer.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Generation {
    pub first_ms: f64,
    pub last_ms: f64,
    pub prompt_tokens: usize,
    pub tokens: usize,
    pub text: String,
}

/// WebGPU work for each token after the first.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GpuWork {
    pub dispatches: f64,
    /// The native build does not count them.
    pub submits: Option<f64>,
    pub bytes_read: Option<f64>,
}

impl Bench {
    /// Renders the prompt with the model's template, which all contenders then get.
    pub fn new(
        model: PathBuf,
        question: &'static str,
        tokens: usize,
        timeout_s: u64,
    ) -> Result<Self> {
        let inspect = cmd!(
            places::binary("tidegate"),
            "inspect",
            "--json",
            "--model",
            &model,
            "--prompt",
            question
        );
        let report = run::read(inspect).context("tidegate inspect")?;
        let report: Value =
            serde_json::from_str(&report).context("what tidegate inspect printed")?;
        Ok(Self {
            prompt: serde_json::from_value(report["prompt"].clone())?,
            model: fs::canonicalize(model)?,
            question,
            tokens,
            timeout_s,
        })
    }

    /// Of the prompt, its template included.
    pub fn prompt_tokens(&self) -> usize {
        self.prompt.ids.len()
    }

    /// Measures once.
    pub fn measure(&self, run: &Run) -> Result<Measured> {
        match run.contender.place {
            Place::Command => self.command(run),
            Place::LlamaCpp => {
                let script = peers::folder().join("llama-cpp.mjs");
                let result = |job: &Path| run::quiet("bench-llama-cpp", cmd!("node", script, job));
                self.job(run, "", result)
            }
            Place::Page(runtime) => {
                self.job(run, runtime, |job| measure_page("engine.bench.ts", job))
            }
        }
    }

    fn job(
        &self,
        run: &Run,
        runtime: &str,
        perform: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Measured> {
        let folder = places::target().join("bench");
        let (job, out) = (folder.join("job.json"), folder.join("result.json"));
        let _ = fs::remove_file(&out);
        let (executable, environment) = match run.adapter {
            Some(Adapter::Lavapipe) => lavapipe_chromium::launch()?,
            _ => (setup::chromium().unwrap_or_default(), Vec::new()),
        };
        let mut environment: serde_json::Map<String, Value> = environment
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        // Compiled shaders kept on disk would make every start but the first one warm.
        environment.insert("MESA_SHADER_CACHE_DISABLE".to_owned(), "true".into());
        let text = json!({
            "runtime": runtime,
            "adapter": run.adapter.map(Adapter::name),
            "threads": run.threads,
            "model": self.model,
            "onnx": if run.contender.onnx { peers::onnx_folder(&self.model)? } else { PathBuf::new() },
            "packages": peers::folder().join("node_modules"),
            "question": self.question,
            "prompt": self.prompt,
            "tokens": self.tokens_on(run),
            "timeoutMs": self.timeout_s * 1000,
            "chromium": { "executable": executable, "environment": environment },
            "out": out,
        });
        fs::write(&job, text.to_string())?;
        perform(&job)?;
        read_result(&out)
    }

    fn tokens_on(&self, run: &Run) -> usize {
        if run.adapter == Some(Adapter::Swiftshader) {
            self.tokens.min(SWIFTSHADER_TOKENS)
        } else {
            self.tokens
        }
    }

    /// The command answers once: its first token is a cold one, and stands for both.
    fn command(&self, run: &Run) -> Result<Measured> {
        let backend = if run.contender.gpu { "webgpu" } else { "cpu" };
        let (tokens, threads) = (self.tokens.to_string(), run.threads.to_string());
        let mut command = cmd!(
            places::binary("tidegate"),
            "generate",
            "--json",
            "--backend",
            backend,
            "--threads",
            threads,
            "--max-tokens",
            tokens,
            "--prompt",
            self.question,
            "--model",
            &self.model
        )
        .env("MESA_SHADER_CACHE_DISABLE", "true");
        for (name, value) in software_gpu::environment() {
            command = command.env(name, value);
        }
        let line = run::read(command).context("tidegate generate")?;
        let report: Value =
            serde_json::from_str(&line).context("what tidegate generate printed")?;
        let number = |field: &Value| field.as_f64().unwrap_or(f64::NAN);
        let timings = &report["timings"];
        let generation = Generation {
            first_ms: number(&timings["first_token_ms"]),
            last_ms: number(&timings["first_token_ms"]) + number(&timings["decode_ms"]),
            prompt_tokens: self.prompt_tokens(),
            tokens: report["ids"].as_array().map_or(0, Vec::len),
            text: report["text"].as_str().unwrap_or_default().to_owned(),
        };
        Ok(Measured {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            adapter: report["adapter"].as_str().map(str::to_owned),
            threads: run.threads,
            load_ms: number(&timings["load_ms"]),
            cached_load_ms: None,
            dispatch_microseconds: None,
            cold: generation.clone(),
            warm: generation,
            processor_ms: None,
            peak_memory_bytes: number(&report["peak_memory_bytes"]),
            empty_memory_bytes: None,
            gpu: run.contender.gpu.then(|| GpuWork {
                dispatches: number(&report["dispatches_per_token"]),
                submits: None,
                bytes_read: None,
            }),
            files: Vec::new(),
        })
    }
}
