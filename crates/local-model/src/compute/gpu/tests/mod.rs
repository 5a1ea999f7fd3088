//! Each operation against a plain reference in double precision, on fresh random inputs, on whatever
//! adapter the machine has (a software one is enough).

mod attention;
mod candidates;
mod elementwise;
mod limits;
mod model;
mod pack;
mod products;

use super::*;
use crate::{gguf::TensorType, testing::Random};

/// The GPU; `None` only where `TIDEGATE_SKIP_GPU=1` says that the machine has none.
fn gpu() -> Option<Gpu> {
    match pollster::block_on(Gpu::open()) {
        Ok(gpu) => Some(gpu),
        Err(error) if std::env::var_os("TIDEGATE_SKIP_GPU").is_some_and(|skip| skip == "1") => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error} (TIDEGATE_SKIP_GPU=1 skips these tests)"),
    }
}

/// The same with products cut for a GPU and for a processor, whichever of them this machine has.
fn both_cuts() -> Vec<Gpu> {
    [LANES, 1]
        .into_iter()
        .filter_map(|lanes| Some(Gpu { lanes, ..gpu()? }))
        .collect()
}

fn floats(random: &mut Random, length: usize) -> Vec<f32> {
    (0..length).map(|_| random.normal() / 2.0).collect()
}

fn tensor(gpu: &Gpu, values: &[f32], width: usize) -> Tensor<2> {
    gpu.keep_floats(values.to_vec(), [values.len() / width, width])
}

fn upload(gpu: &Gpu, parts: &[(TensorType, usize, &[u8])], columns: usize) -> Matrix {
    let parts = parts
        .iter()
        .map(|&(kind, rows, bytes)| Part {
            name: "test",
            kind,
            rows,
            bytes: bytes.to_vec(),
        })
        .collect();
    pollster::block_on(gpu.matrix(parts, columns)).unwrap()
}

fn read(gpu: &Gpu, x: &Tensor<2>) -> Vec<f32> {
    pollster::block_on(gpu.read(x)).unwrap()
}

/// Every value within `tolerance` of the largest expected magnitude (at least 1).
#[track_caller]
fn close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    let scale = expected
        .iter()
        .fold(1.0f64, |scale, value| scale.max(value.abs()));
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let off = (f64::from(found) - expected).abs();
        // `<=` is false for NaN.
        assert!(
            off <= tolerance * scale,
            "{what}: value {at} is {found}, expected {expected}"
        );
    }
}

/// `x / sqrt(mean(x²) + epsilon) * weight`, by runs of as many values as `weight` has.
fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32) -> Vec<f64> {
    x.chunks(weight.len())
        .flat_map(|row| {
            let squares: f64 = row.iter().map(|value| f64::from(*value).powi(2)).sum();
            let scale = 1.0 / (squares / row.len() as f64 + f64::from(epsilon)).sqrt();
            row.iter()
                .zip(weight)
                .map(move |(value, weight)| f64::from(*value) * scale * f64::from(*weight))
        })
        .collect()
}

fn activated(x: f64, activation: Activation) -> f64 {
    match activation {
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Gelu => {
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            0.5 * x * (1.0 + u.tanh())
        }
    }
}

/// `[tokens, 2 * hidden]` to `[tokens, hidden]`.
fn gated(gate_up: &[f64], hidden: usize, activation: Activation) -> Vec<f64> {
    gate_up
        .chunks(2 * hidden)
        .flat_map(|row| {
            let (gate, up) = row.split_at(hidden);
            gate.iter()
                .zip(up)
                .map(move |(gate, up)| activated(*gate, activation) * up)
        })
        .collect()
}

const TOKENS: [usize; 4] = [1, 2, 7, 33];
