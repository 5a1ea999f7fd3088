//! What packing keeps, and how many bytes it takes.

use crate::{
    compute::gpu::pack,
    gguf::TensorType,
    testing::{Random, random_matrix},
};

#[test]
fn packed_matrices_take_little_more_than_the_file() {
    let random = &mut Random::fresh();
    for kind in TensorType::ALL {
        let (bytes, _) = random_matrix(random, kind, 48, 1024);
        let packed = pack::pack(kind, &bytes);
        let taken = 4 * (packed.codes.len() + packed.scales.len());
        let ratio = taken as f64 / bytes.len() as f64;
        assert!((1.0..1.04).contains(&ratio), "{kind:?}: {ratio}");
    }
}

#[test]
fn packing_moves_bits_and_loses_none() {
    let random = &mut Random::fresh();
    // Types whose bits are all kept as they are.
    for kind in [
        TensorType::F32,
        TensorType::F16,
        TensorType::BF16,
        TensorType::Q4_0,
        TensorType::Q4_1,
        TensorType::Q5_0,
        TensorType::Q5_1,
        TensorType::Q2_K,
    ] {
        for blocks in [1, 2, 7] {
            let (bytes, _) = random_matrix(random, kind, blocks, 256);
            let packed = pack::pack(kind, &bytes);
            let words = packed.codes.iter().chain(&packed.scales);
            let ones: u32 = words.map(|word| word.count_ones()).sum();
            let expected: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
            assert_eq!(ones, expected, "{kind:?}, {blocks} × 256");
        }
    }
}
