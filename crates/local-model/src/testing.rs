//! What tests of this crate share: fresh random numbers, and a whole small model.

use half::{bf16, f16};

use crate::{
    Backend, Error, Model,
    gguf::{TensorType, Value, dequantize::dequantize, write::File},
};

/// Random numbers whose seed is printed, so that a failure can be repeated.
pub(crate) struct Random(oorandom::Rand32);

impl Random {
    /// Another seed on every run.
    pub fn fresh() -> Self {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let seed = now.as_nanos() as u64;
        println!("seed: {seed}");
        Self::seeded(seed)
    }

    pub fn seeded(seed: u64) -> Self {
        Self(oorandom::Rand32::new(seed))
    }

    pub fn byte(&mut self) -> u8 {
        self.0.rand_u32() as u8
    }

    /// Roughly normal, from -6 to 6.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.0.rand_float()).sum::<f32>() - 6.0
    }
}

/// GGUF bytes of a random matrix `[rows, columns]` of any type, and what they mean, row-major.
///
/// Codes and the K types' small scales are any bytes; 16-bit scales are ordinary numbers, now and
/// then subnormal, so that values stay finite and roughly between -20 and 20.
pub(crate) fn random_matrix(
    random: &mut Random,
    kind: TensorType,
    rows: usize,
    columns: usize,
) -> (Vec<u8>, Vec<f64>) {
    spread_matrix(random, kind, rows, columns, 3.0)
}

/// As [`random_matrix`], values roughly as far from 0 as `spread`.
pub(crate) fn spread_matrix(
    random: &mut Random,
    kind: TensorType,
    rows: usize,
    columns: usize,
    spread: f32,
) -> (Vec<u8>, Vec<f64>) {
    let mut bytes = Vec::new();
    for _ in 0..rows * columns / kind.block() {
        let start = bytes.len();
        match kind {
            TensorType::F32 => bytes.extend((random.normal() * spread / 3.0).to_le_bytes()),
            TensorType::F16 => {
                bytes.extend(f16::from_f32(random.normal() * spread / 3.0).to_le_bytes());
            }
            TensorType::BF16 => {
                bytes.extend(bf16::from_f32(random.normal() * spread / 3.0).to_le_bytes());
            }
            _ => bytes.extend((0..kind.block_bytes()).map(|_| random.byte())),
        }
        // Where the scale is, and how large a product of a code and a small scale may be; where the
        // minimum is, and the same.
        let halves: &[(usize, f32)] = match kind {
            TensorType::F32 | TensorType::F16 | TensorType::BF16 => &[],
            TensorType::Q8_0 => &[(0, 128.0)],
            TensorType::Q4_0 => &[(0, 8.0)],
            TensorType::Q4_1 => &[(0, 16.0), (2, 1.0)],
            TensorType::Q5_0 => &[(0, 16.0)],
            TensorType::Q5_1 => &[(0, 32.0), (2, 1.0)],
            TensorType::Q2_K => &[(80, 3.0 * 16.0), (82, 16.0)],
            TensorType::Q3_K => &[(108, 4.0 * 32.0)],
            TensorType::Q4_K => &[(0, 16.0 * 64.0), (2, 64.0)],
            TensorType::Q5_K => &[(0, 32.0 * 64.0), (2, 64.0)],
            TensorType::Q6_K => &[(208, 32.0 * 128.0)],
        };
        for &(at, most) in halves {
            let value = match random.byte() {
                ..16 => f16::from_bits(u16::from(random.byte())),
                _ => f16::from_f32(spread * random.normal() / most),
            };
            bytes[start + at..][..2].copy_from_slice(&value.to_le_bytes());
        }
    }
    let values = dequantize(kind, &bytes);
    (bytes, values)
}

pub(crate) const CONTEXT: usize = 96;

/// A model of two layers that speaks bytes; its weights are random, but always the same.
pub(crate) fn file() -> File {
    let mut file = crate::tokenizer::byte_level(&["h e", "l l", "he ll"]);
    let vocabulary = 257 + 3;
    let (width, hidden, heads, kv_heads) = (64usize, 96usize, 4, 2);
    file.set("general.architecture", Value::String("llama".into()));
    file.set("general.name", Value::String("Tiny".into()));
    for (key, value) in [
        ("block_count", 2),
        ("context_length", CONTEXT),
        ("embedding_length", width),
        ("feed_forward_length", hidden),
        ("attention.head_count", heads),
        ("attention.head_count_kv", kv_heads),
    ] {
        file.set(&format!("llama.{key}"), Value::Unsigned(value as u64));
    }
    file.set("llama.attention.layer_norm_rms_epsilon", Value::Float(1e-5));
    file.set(
        "tokenizer.chat_template",
        Value::String(
            "{% for m in messages %}{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}assistant: "
                .into(),
        ),
    );

    let mut random = Random::seeded(11);
    let kv_width = width / heads * kv_heads;
    file.tensors.push((
        "token_embd.weight".into(),
        vec![64, vocabulary],
        8,
        q8_0(&mut random, width, vocabulary as usize),
    ));
    for layer in 0..2 {
        for (part, rows, columns) in [
            ("attn_q", width, width),
            ("attn_k", kv_width, width),
            ("attn_v", kv_width, width),
            ("attn_output", width, width),
            ("ffn_gate", hidden, width),
            ("ffn_up", hidden, width),
            ("ffn_down", width, hidden),
        ] {
            let name = format!("blk.{layer}.{part}.weight");
            file.tensors.push((
                name,
                vec![columns as u64, rows as u64],
                3,
                q4_1(&mut random, columns, rows),
            ));
        }
        for part in ["attn_norm", "ffn_norm"] {
            file.tensors.push((
                format!("blk.{layer}.{part}.weight"),
                vec![width as u64],
                0,
                ones(width),
            ));
        }
    }
    file.tensors.push((
        "output_norm.weight".into(),
        vec![width as u64],
        0,
        ones(width),
    ));
    file
}

/// That model, loaded.
pub(crate) fn model() -> Model {
    load(&file()).unwrap()
}

pub(crate) fn load(file: &File) -> Result<Model, Error> {
    pollster::block_on(Model::load(file.bytes().0, Backend::Cpu, |_| {}))
}

fn ones(length: usize) -> Vec<u8> {
    1f32.to_le_bytes().repeat(length)
}

fn q8_0(random: &mut Random, columns: usize, rows: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rows * columns / 32 {
        bytes.extend(f16::from_f32(0.01).to_le_bytes());
        bytes.extend((0..32).map(|_| random.byte()));
    }
    bytes
}

fn q4_1(random: &mut Random, columns: usize, rows: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rows * columns / 32 {
        bytes.extend(f16::from_f32(0.05).to_le_bytes());
        bytes.extend(f16::from_f32(-0.375).to_le_bytes());
        bytes.extend((0..16).map(|_| random.byte()));
    }
    bytes
}
