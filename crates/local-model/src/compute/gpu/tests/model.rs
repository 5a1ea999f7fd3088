//! A whole model.

use super::*;
use crate::{Backend, Model, Sampling, Step, testing};

#[test]
fn a_token_is_six_launches_a_layer_and_few_more() {
    if gpu().is_none() {
        return;
    }
    let file = testing::file().bytes().0;
    let mut model = pollster::block_on(Model::load(file, Backend::WebGpu, |_| {})).unwrap();
    let layers = model.info().layers as u64;
    let sampling = Sampling {
        temperature: 0.0,
        max_tokens: 6,
        ..Sampling::default()
    };
    let mut generation = model.start(vec![5, 6, 7], sampling).unwrap();
    let mut launched = Vec::new();
    loop {
        let before = generation.dispatches();
        match pollster::block_on(generation.step()).unwrap() {
            Step::Prefill { .. } => {}
            Step::Token { .. } => launched.push(generation.dispatches() - before),
            Step::Done { .. } => break,
        }
    }
    assert_eq!(launched.len(), 6);
    // Embedding, scores (with their norm: the vocabulary is small), and two for the candidates. The first
    // token comes with its prompt.
    assert_eq!(launched[1..], [6 * layers + 4; 5]);
}

#[test]
fn reads_of_several_lengths_in_turn() {
    let Some(gpu) = gpu() else { return };
    let random = &mut Random::fresh();
    for length in [1, 130, 5, 130, 50_000, 1, 130] {
        let values = floats(random, length);
        let x = tensor(&gpu, &values, length);
        assert_eq!(read(&gpu, &x), values);
        let half = length.div_ceil(2);
        assert_eq!(
            pollster::block_on(gpu.fetch(&x, half)).unwrap(),
            values[..half]
        );
        pollster::block_on(gpu.settle(&x)).unwrap();
    }
}

#[test]
fn ids_are_not_written_before_what_was_launched_earlier() {
    let Some(gpu) = gpu() else { return };
    let random = &mut Random::fresh();
    let values = floats(random, 50 * 32);
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let table = upload(&gpu, &[(TensorType::F32, 50, &bytes)], 32);
    // Ids of every step may get the memory of an earlier step's, whose kernels have not run.
    let steps: Vec<_> = (0..40)
        .map(|_| {
            let ids = [random.byte() % 50, random.byte() % 50].map(u32::from);
            (ids, gpu.embed(&table, &ids, 1.0))
        })
        .collect();
    for (ids, x) in steps {
        let expected: Vec<f32> = ids
            .iter()
            .flat_map(|id| &values[*id as usize * 32..][..32])
            .copied()
            .collect();
        assert_eq!(read(&gpu, &x), expected, "ids {ids:?}");
    }
}
