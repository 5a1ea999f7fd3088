//! `tidegate generate`: the local model from a terminal.

use std::{io::Write, path::PathBuf, time::Instant};

use clap::Args;
use local_model::{Finish, Message, Sampling, Step};
use serde::Serialize;

use crate::load::{Device, load};

/// Options of `tidegate generate`.
#[derive(Args)]
pub struct Arguments {
    /// GGUF file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// What to ask; put into the model's chat template.
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "prompt_ids",
        conflicts_with = "prompt_ids"
    )]
    prompt: Option<String>,
    /// Token ids to continue as they are, without a chat template.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    prompt_ids: Option<Vec<u32>>,
    /// System message in front of the prompt; without it the template's own.
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_ids")]
    system: Option<String>,
    /// Tokens to produce at most.
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_tokens: u32,
    /// 0 takes the most likely token each time.
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    temperature: f32,
    /// Sample among the K most likely tokens only; 0 means all.
    #[arg(long, value_name = "K", default_value_t = 0)]
    top_k: u32,
    /// Sample among the fewest tokens that together have probability P.
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    top_p: f32,
    /// Equal seeds give equal answers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    device: Device,
    /// Tokens of prompt and answer at most; without it as many as the model was trained for.
    #[arg(long, value_name = "N")]
    context: Option<usize>,
    /// One line of JSON with ids, text and timings instead of the text.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    ids: Vec<u32>,
    text: String,
    /// `stop`: the model ended its turn; `length`: `--max-tokens` or the context's end.
    finish: &'static str,
    prompt_tokens: usize,
    timings: Timings,
    /// `cpu` or `webgpu`.
    backend: &'static str,
    /// The device or the instruction set.
    adapter: String,
    /// That compute; 1 with a GPU.
    threads: usize,
    /// Kernels launched for each token of the answer after the first; 0 on the CPU.
    dispatches_per_token: f64,
    mean_log_probability: f32,
    /// The process's largest resident memory; null where the system does not tell.
    peak_memory_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Timings {
    load_ms: f64,
    prefill_ms: f64,
    /// From the first token to the last.
    decode_ms: f64,
    /// From the start of the prompt to the first token.
    first_token_ms: f64,
    prefill_tokens_per_s: f64,
    decode_tokens_per_s: f64,
}

/// Loads the model and answers, streaming to standard output.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    pollster::block_on(answer(&arguments))
}

async fn answer(arguments: &Arguments) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut model = load(&arguments.model, &arguments.device).await?;
    if let Some(tokens) = arguments.context {
        model.limit_context(tokens);
    }
    model.set_clock(crate::clock::now);
    let load_ms = milliseconds(started);

    let prompt = match (&arguments.prompt_ids, &arguments.prompt) {
        (Some(ids), _) => ids.clone(),
        (None, prompt) => {
            let system = arguments.system.as_deref().map(|content| Message {
                role: "system",
                content,
            });
            let user = Message {
                role: "user",
                content: prompt.as_deref().unwrap_or_default(),
            };
            let messages: Vec<Message<'_>> = system.into_iter().chain([user]).collect();
            model.encode_chat(&messages)?
        }
    };
    let sampling = Sampling {
        temperature: arguments.temperature,
        top_k: arguments.top_k,
        top_p: arguments.top_p,
        seed: arguments.seed,
        max_tokens: arguments.max_tokens,
        ..Sampling::default()
    };

    let (backend, adapter) = (model.info().backend, model.info().adapter.clone());
    let threads = model.threads();
    let started = Instant::now();
    let mut first_token_ms = 0.0;
    let mut dispatches_at_first = 0;
    let (mut ids, mut text) = (Vec::new(), String::new());
    let mut generation = model.start(prompt, sampling)?;
    let mut stdout = std::io::stdout().lock();
    let (finish, mean_log_probability, prompt_tokens) = loop {
        match generation.step().await? {
            Step::Prefill { .. } => {}
            Step::Token {
                id, text: piece, ..
            } => {
                if ids.is_empty() {
                    first_token_ms = milliseconds(started);
                    dispatches_at_first = generation.dispatches();
                }
                ids.push(id);
                if !arguments.json {
                    stdout.write_all(piece.as_bytes())?;
                    stdout.flush()?;
                }
                text.push_str(&piece);
            }
            Step::Done {
                finish,
                mean_log_probability,
                prompt_tokens,
                ..
            } => {
                break (finish, mean_log_probability, prompt_tokens);
            }
        }
    };
    let decode_ms = if ids.is_empty() {
        0.0
    } else {
        milliseconds(started) - first_token_ms
    };
    if !arguments.json {
        writeln!(stdout)?;
        return Ok(());
    }

    // The first token comes out of the prompt; the others are decoded one by one.
    let decoded = ids.len().saturating_sub(1);
    let launched = generation.dispatches() - dispatches_at_first;
    let report = Report {
        text,
        finish: if finish == Finish::Length {
            "length"
        } else {
            "stop"
        },
        prompt_tokens,
        timings: Timings {
            load_ms,
            prefill_ms: first_token_ms,
            decode_ms,
            first_token_ms,
            prefill_tokens_per_s: rate(prompt_tokens, first_token_ms),
            decode_tokens_per_s: rate(decoded, decode_ms),
        },
        backend,
        adapter,
        threads,
        dispatches_per_token: if decoded == 0 {
            0.0
        } else {
            launched as f64 / decoded as f64
        },
        mean_log_probability,
        peak_memory_bytes: peak_memory(),
        ids,
    };
    writeln!(stdout, "{}", serde_json::to_string(&report)?)?;
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Per second.
fn rate(count: usize, milliseconds: f64) -> f64 {
    if milliseconds > 0.0 {
        count as f64 * 1e3 / milliseconds
    } else {
        0.0
    }
}

/// Linux tells it as `VmHWM:    12345 kB`.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
