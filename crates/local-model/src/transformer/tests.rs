//! Every architecture, and every tensor type, against llama.cpp on files of random weights.
//!
//! The files are written here, from a seed, and are too large to keep. `tests/golden/logits.py` runs
//! [`files_for_llama_cpp`], gives them to llama.cpp and keeps what it makes of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    Model, NoPause,
    compute::Compute,
    gguf::{TensorType, Value, write::File},
    model::Device,
    testing::{Random, load, spread_matrix},
    tokenizer::byte_level,
};

/// A model to write.
struct Spec {
    name: &'static str,
    architecture: &'static str,
    kind: TensorType,
    layers: usize,
    width: usize,
    hidden: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    rope_dimensions: usize,
    window: Option<usize>,
    /// Llama 3's and Phi 3's factors of rotary angles, with the context that the model was first
    /// trained with.
    factors: Option<u64>,
    /// An output matrix of its own.
    untied: bool,
}

const PLAIN: Spec = Spec {
    name: "llama",
    architecture: "llama",
    kind: TensorType::F32,
    layers: 3,
    width: 64,
    hidden: 96,
    heads: 4,
    kv_heads: 2,
    head_dim: 16,
    rope_dimensions: 16,
    window: None,
    factors: None,
    untied: false,
};

const VOCABULARY: usize = 257;
const CONTEXT: usize = 128;
const SHORT_CONTEXT: usize = 24;

fn specs() -> Vec<Spec> {
    let mut specs = vec![
        PLAIN,
        Spec {
            name: "llama-3",
            factors: Some(8192),
            untied: true,
            ..PLAIN
        },
        Spec {
            name: "qwen2",
            architecture: "qwen2",
            ..PLAIN
        },
        Spec {
            name: "qwen3",
            architecture: "qwen3",
            head_dim: 32,
            rope_dimensions: 32,
            ..PLAIN
        },
        Spec {
            name: "gemma3",
            architecture: "gemma3",
            layers: 7,
            kv_heads: 1,
            head_dim: 32,
            rope_dimensions: 32,
            window: Some(8),
            ..PLAIN
        },
        Spec {
            name: "phi3",
            architecture: "phi3",
            untied: true,
            ..PLAIN
        },
        Spec {
            name: "phi3-window",
            architecture: "phi3",
            window: Some(8),
            untied: true,
            ..PLAIN
        },
        // As Phi 4 mini: three quarters of a head turn.
        Spec {
            name: "phi3-long",
            architecture: "phi3",
            rope_dimensions: 12,
            factors: Some(4096),
            ..PLAIN
        },
        // The same, but that the context is longer than the one it was first trained with.
        Spec {
            name: "phi3-longer",
            architecture: "phi3",
            rope_dimensions: 12,
            factors: Some(SHORT_CONTEXT as u64),
            ..PLAIN
        },
    ];
    specs.extend(TensorType::ALL.map(|kind| Spec {
        name: kind_name(kind),
        kind,
        layers: 1,
        width: 256,
        hidden: 512,
        head_dim: 64,
        rope_dimensions: 64,
        ..PLAIN
    }));
    specs
}

fn kind_name(kind: TensorType) -> &'static str {
    match kind {
        TensorType::F32 => "F32",
        TensorType::F16 => "F16",
        TensorType::BF16 => "BF16",
        TensorType::Q8_0 => "Q8_0",
        TensorType::Q4_0 => "Q4_0",
        TensorType::Q4_1 => "Q4_1",
        TensorType::Q5_0 => "Q5_0",
        TensorType::Q5_1 => "Q5_1",
        TensorType::Q2_K => "Q2_K",
        TensorType::Q3_K => "Q3_K",
        TensorType::Q4_K => "Q4_K",
        TensorType::Q5_K => "Q5_K",
        TensorType::Q6_K => "Q6_K",
    }
}

impl Spec {
    fn file(&self) -> File {
        let Self {
            architecture,
            layers,
            width,
            hidden,
            heads,
            kv_heads,
            head_dim,
            ..
        } = *self;
        let mut file = byte_level(&[]);
        file.set("general.architecture", Value::String(architecture.into()));
        // Not its own: llama.cpp treats the vocabulary of anything called phi3 as Phi 3's.
        file.set("general.name", Value::String("Made up".into()));
        for (key, value) in [
            ("block_count", layers),
            ("context_length", CONTEXT),
            ("embedding_length", width),
            ("feed_forward_length", hidden),
            ("attention.head_count", heads),
            ("attention.head_count_kv", kv_heads),
            ("attention.key_length", head_dim),
            ("attention.value_length", head_dim),
            ("rope.dimension_count", self.rope_dimensions),
        ] {
            file.set(
                &format!("{architecture}.{key}"),
                Value::Unsigned(value as u64),
            );
        }
        for (key, value) in [
            ("attention.layer_norm_rms_epsilon", 1e-5),
            ("rope.freq_base", 50_000.0),
        ] {
            file.set(&format!("{architecture}.{key}"), Value::Float(value));
        }
        if let Some(window) = self.window {
            file.set(
                &format!("{architecture}.attention.sliding_window"),
                Value::Unsigned(window as u64),
            );
        }
        let mut weights = Weights {
            random: Random::seeded(97),
            kind: self.kind,
            file,
        };

        // So large that scores are some units apart, for the embedding gives them too.
        let spread = 6.0 / (width as f32).sqrt();
        weights.matrix("token_embd.weight", VOCABULARY, width, spread);
        let (query, key_value) = (heads * head_dim, kv_heads * head_dim);
        for layer in 0..layers {
            let name = |part: &str| format!("blk.{layer}.{part}");
            weights.vector(&name("attn_norm.weight"), width, 1.0, 0.2);
            weights.vector(&name("ffn_norm.weight"), width, 1.0, 0.2);
            weights.linear(&name("attn_output.weight"), width, query);
            weights.linear(&name("ffn_down.weight"), width, hidden);
            if architecture == "phi3" {
                weights.linear(&name("attn_qkv.weight"), query + 2 * key_value, width);
                weights.linear(&name("ffn_up.weight"), 2 * hidden, width);
                continue;
            }
            for (part, rows) in [
                ("attn_q", query),
                ("attn_k", key_value),
                ("attn_v", key_value),
            ] {
                weights.linear(&name(&format!("{part}.weight")), rows, width);
                if architecture == "qwen2" {
                    weights.vector(&name(&format!("{part}.bias")), rows, 0.0, 0.5);
                }
            }
            weights.linear(&name("ffn_gate.weight"), hidden, width);
            weights.linear(&name("ffn_up.weight"), hidden, width);
            if architecture == "qwen3" || architecture == "gemma3" {
                weights.vector(&name("attn_q_norm.weight"), head_dim, 1.0, 0.2);
                weights.vector(&name("attn_k_norm.weight"), head_dim, 1.0, 0.2);
            }
            if architecture == "gemma3" {
                weights.vector(&name("post_attention_norm.weight"), width, 1.0, 0.2);
                weights.vector(&name("post_ffw_norm.weight"), width, 1.0, 0.2);
            }
        }
        weights.vector("output_norm.weight", width, 1.0, 0.2);
        if self.untied {
            weights.linear("output.weight", VOCABULARY, width);
        }
        let pairs = self.rope_dimensions / 2;
        if self.factors.is_some() && architecture == "llama" {
            weights.vector("rope_freqs.weight", pairs, 4.0, 1.0);
        }
        if let Some(original) = self.factors
            && architecture == "phi3"
        {
            weights.vector("rope_factors_short.weight", pairs, 4.0, 1.0);
            weights.vector("rope_factors_long.weight", pairs, 40.0, 1.0);
            weights.file.set(
                "phi3.rope.scaling.original_context_length",
                Value::Unsigned(original),
            );
            weights
                .file
                .set("phi3.rope.scaling.attn_factor", Value::Float(1.19));
        }
        weights.file
    }
}

struct Weights {
    random: Random,
    kind: TensorType,
    file: File,
}

impl Weights {
    /// Keeps what goes through it about as large as it was.
    fn linear(&mut self, name: &str, rows: usize, columns: usize) {
        self.matrix(name, rows, columns, 3.0 / (columns as f32).sqrt());
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize, spread: f32) {
        let (bytes, _) = spread_matrix(&mut self.random, self.kind, rows, columns, spread);
        let dimensions = vec![columns as u64, rows as u64];
        self.file
            .tensors
            .push((name.into(), dimensions, self.kind.code(), bytes));
    }

    fn vector(&mut self, name: &str, length: usize, middle: f32, spread: f32) {
        let bytes = (0..length)
            .flat_map(|_| {
                (middle + spread * self.random.normal())
                    .max(-10.0)
                    .to_le_bytes()
            })
            .collect();
        self.file
            .tensors
            .push((name.into(), vec![length as u64], 0, bytes));
    }
}

/// Writes the files to the folder `TIDEGATE_WRITE_MODELS`.
#[test]
#[ignore = "tests/golden/logits.py runs it"]
fn files_for_llama_cpp() {
    let folder = std::path::PathBuf::from(std::env::var_os("TIDEGATE_WRITE_MODELS").unwrap());
    for spec in specs() {
        let path = folder.join(format!("{}.gguf", spec.name));
        std::fs::write(path, spec.file().bytes().0).unwrap();
    }
}

#[derive(Deserialize)]
struct Golden {
    /// Token ids; each case is a beginning of them.
    prompt: Vec<u32>,
    /// By model, and by length of the beginning, log-probabilities of all tokens.
    models: BTreeMap<String, BTreeMap<usize, Vec<f32>>>,
}

/// Log-probabilities of all tokens after `prompt`, which goes through the model in two slices.
fn scores(model: &mut Model, prompt: &[u32]) -> Vec<f32> {
    let (_, device, _) = model.parts();
    #[cfg_attr(not(feature = "wgpu"), expect(clippy::infallible_destructuring_match))]
    let transformer = match device {
        Device::Cpu(transformer) => transformer,
        #[cfg(feature = "wgpu")]
        Device::WebGpu(_) => unreachable!(),
    };
    let (first, second) = prompt.split_at(prompt.len() / 3);
    if !first.is_empty() {
        pollster::block_on(transformer.forward(first, 0, &NoPause)).unwrap();
    }
    let x = pollster::block_on(transformer.forward(second, first.len(), &NoPause)).unwrap();
    let logits = pollster::block_on(transformer.compute.read(&transformer.logits(&x))).unwrap();
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
    logits
        .iter()
        .map(|&logit| (f64::from(logit) - sum.ln()) as f32)
        .collect()
}

/// Root mean square of the differences.
fn distance(ours: &[f32], expected: &[f32]) -> f64 {
    let squares: f64 = ours
        .iter()
        .zip(expected)
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum();
    (squares / ours.len() as f64).sqrt()
}

/// Read rather than included: the script that makes it builds these tests first.
fn golden() -> Golden {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/logits.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn log_probabilities_are_those_of_llama_cpp() {
    let golden = golden();
    let specs = specs();
    assert_eq!(golden.models.len(), specs.len());
    let mut wrong = Vec::new();
    for spec in specs {
        let mut model = load(&spec.file()).unwrap();
        for (&length, expected) in &golden.models[spec.name] {
            let ours = scores(&mut model, &golden.prompt[..length]);
            let distance = distance(&ours, expected);
            println!("{} {length}: {distance:.6}", spec.name);
            // llama.cpp rounds activations too, in blocks of its own and with scales of 16 bits.
            let bound = match spec.kind {
                // llama.cpp reads GELU from a table of 16-bit floats.
                TensorType::F32 if spec.architecture == "gemma3" => 2e-3,
                TensorType::F32 => 1e-4,
                TensorType::F16 | TensorType::BF16 => 0.02,
                _ => 0.5,
            };
            if distance >= bound {
                wrong.push(format!("{} after {length}: {distance}", spec.name));
            }
            let best = |scores: &[f32]| {
                let order = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]);
                (0..scores.len()).max_by(order).unwrap()
            };
            let (mine, theirs) = (best(&ours), best(expected));
            if mine != theirs && expected[theirs] - expected[mine] >= 0.1 {
                wrong.push(format!(
                    "{} after {length}: {mine}, llama.cpp has {theirs}",
                    spec.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The two files differ in nothing but the context that they name.
#[test]
fn a_shorter_context_takes_the_short_factors() {
    let golden = golden();
    let specs = specs();
    let longer = specs
        .iter()
        .find(|spec| spec.name == "phi3-longer")
        .unwrap();
    let mut model = load(&longer.file()).unwrap();
    let prompt = &golden.prompt[..9];
    let long = scores(&mut model, prompt);
    model.limit_context(SHORT_CONTEXT + 1);
    assert_eq!(scores(&mut model, prompt), long);
    model.limit_context(SHORT_CONTEXT);
    let short = scores(&mut model, prompt);
    assert!(distance(&short, &golden.models["phi3-long"][&9]) < 1e-4);
    assert!(distance(&long, &short) > 1e-2);
}
