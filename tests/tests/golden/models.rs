//! Real files of other architectures against llama.cpp: `tests/golden/models.py` made the golden files.
//!
//! They are large, so `cargo test` leaves them out; `cargo xtask test --models` fetches and runs them.

use local_model::{Backend, Model, Sampling, Step};
use serde::Deserialize;
use tests::golden::{Golden, Prompt, cached};

use super::{Scored, hold_answers, hold_chats, hold_file, hold_perplexity, hold_tokens, load};

/// What llama.cpp says of a file.
#[derive(Deserialize)]
struct Real {
    #[serde(flatten)]
    golden: Golden,
    /// The token that begins a text, where the file asks for one.
    begin: Option<u32>,
    /// Of `perplexity.txt`.
    tokens: Vec<Scored>,
    /// Texts and their ids, without `begin`.
    cases: Vec<(String, Vec<u32>)>,
}

/// Candidates less likely than this are not compared: rounded activations move the lowest scores most.
const LEAST: f32 = -5.0;

/// `apart`: how far the candidates' log-probabilities may lie from llama.cpp's, root mean square.
fn hold(json: &str, apart: f64) {
    let real: Real = serde_json::from_str(json).unwrap();
    let path = cached(&real.golden.model, "cargo xtask test --models");
    hold_file(&path, &real.golden);
    let mut model = load(&path, Backend::Cpu);
    hold_tokens(&model, real.begin, &real.cases);
    hold_chats(&model, &real.golden);
    hold_candidates(&mut model, &real.golden.prompts, apart);
    hold_answers(&mut model, &real.golden);
    hold_perplexity(&mut model, &real.tokens);
}

/// The candidates of each step of llama.cpp's answers are as likely here.
fn hold_candidates(model: &mut Model, prompts: &[Prompt], bound: f64) {
    let mut differences = Vec::new();
    for prompt in prompts {
        for (step, expected) in prompt.top.iter().enumerate() {
            let tokens = [&prompt.prompt_ids[..], &prompt.ids[..step]].concat();
            let ours = candidates(model, tokens);
            for &(id, expected) in expected.iter().filter(|(_, score)| *score > LEAST) {
                let Some(&(_, score)) = ours.iter().find(|(ours, _)| *ours == id) else {
                    panic!(
                        "{}, step {step}: token {id} at {expected} is not among {ours:?}",
                        prompt.name
                    );
                };
                differences.push(f64::from(score - expected));
            }
        }
    }
    let squares: f64 = differences
        .iter()
        .map(|difference| difference.powi(2))
        .sum();
    let apart = (squares / differences.len() as f64).sqrt();
    println!(
        "{} candidates, {apart:.4} apart (root mean square)",
        differences.len()
    );
    assert!(differences.len() > 100 && apart < bound);
}

/// The most likely next tokens.
fn candidates(model: &mut Model, tokens: Vec<u32>) -> Vec<(u32, f32)> {
    let sampling = Sampling {
        max_tokens: 1,
        top_log_probabilities: 20,
        ..Sampling::default()
    };
    let mut generation = model.start(tokens, sampling).unwrap();
    loop {
        if let Step::Token { top, .. } = pollster::block_on(generation.step()).unwrap() {
            return top;
        }
    }
}

#[test]
#[ignore = "cargo xtask test --models runs it"]
fn qwen2_as_by_llama_cpp() {
    let json = include_str!("../../golden/models/qwen2.5-coder-0.5b-instruct-q4_k_m.json");
    hold(json, 0.1);
}

#[test]
#[ignore = "cargo xtask test --models runs it"]
fn gemma3_as_by_llama_cpp() {
    // With the same weights in 32-bit floats llama.cpp itself lies 0.135 from what it says of this file.
    let json = include_str!("../../golden/models/gemma-3-270m-q4_k_m.json");
    hold(json, 0.2);
}
