//! `tidegate inspect`: what a model file costs to run, and what becomes of a prompt.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Context;
use clap::Args;
use local_model::{FileSource, Footprint, Message};
use serde::Serialize;

use crate::load::{Device, load};

/// Options of `tidegate inspect`.
#[derive(Args)]
pub struct Arguments {
    /// GGUF file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// A question: shows it in the model's chat template, and as token ids.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// One line of JSON.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints. Bytes, values and multiply-adds as in [`Footprint`].
#[derive(Serialize)]
struct Report {
    architecture: String,
    file_bytes: u64,
    tensors: BTreeMap<String, Tensors>,
    weight_bytes_per_token: u64,
    multiply_adds_per_token: u64,
    kv_values_per_position: u64,
    attention_multiply_adds_per_position: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<Prompt>,
}

#[derive(Serialize)]
struct Tensors {
    count: usize,
    bytes: u64,
    bits_per_value: f64,
}

#[derive(Serialize)]
struct Prompt {
    text: String,
    ids: Vec<u32>,
}

/// Reads the header, and for a prompt the whole model.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let report = pollster::block_on(report(arguments))?;
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    println!("architecture                   {}", report.architecture);
    println!(
        "file                           {:>13} bytes",
        report.file_bytes
    );
    for (kind, sum) in &report.tensors {
        println!(
            "{kind:<30} {:>13} bytes in {} tensors, {:.2} bits a value",
            sum.bytes, sum.count, sum.bits_per_value
        );
    }
    for (what, number) in [
        ("weights read per token", report.weight_bytes_per_token),
        ("multiply-adds per token", report.multiply_adds_per_token),
        (
            "keys and values per position",
            report.kv_values_per_position,
        ),
        (
            "attention per position back",
            report.attention_multiply_adds_per_position,
        ),
    ] {
        let unit = match what {
            "weights read per token" => "bytes",
            "keys and values per position" => "values",
            _ => "multiply-adds",
        };
        println!("{what:<30} {number:>13} {unit}");
    }
    if let Some(prompt) = report.prompt {
        println!(
            "prompt                         {:>13} tokens",
            prompt.ids.len()
        );
        println!("{}", prompt.text);
    }
    Ok(())
}

async fn report(arguments: &Arguments) -> anyhow::Result<Report> {
    let path = &arguments.model;
    let place = || path.display().to_string();
    let source = FileSource::open(path).with_context(place)?;
    let file_bytes = local_model::Source::len(&source);
    let footprint = Footprint::read(&source).await.with_context(place)?;
    let prompt = match &arguments.prompt {
        None => None,
        Some(content) => {
            let model = load(path, &Device::CPU).await?;
            let messages = [Message {
                role: "user",
                content,
            }];
            Some(Prompt {
                text: model.render_chat(&messages)?,
                ids: model.encode_chat(&messages)?,
            })
        }
    };
    let tensors = footprint.tensors.into_iter().map(|(kind, sum)| {
        let bits_per_value = sum.bytes as f64 * 8.0 / sum.values.max(1) as f64;
        let tensors = Tensors {
            count: sum.count,
            bytes: sum.bytes,
            bits_per_value,
        };
        (kind, tensors)
    });
    Ok(Report {
        architecture: footprint.architecture,
        file_bytes,
        tensors: tensors.collect(),
        weight_bytes_per_token: footprint.weight_bytes_per_token,
        multiply_adds_per_token: footprint.multiply_adds_per_token,
        kv_values_per_position: footprint.kv_values_per_position,
        attention_multiply_adds_per_position: footprint.attention_multiply_adds_per_position,
        prompt,
    })
}
