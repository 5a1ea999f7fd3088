//! Activations as 8-bit integers.

use super::{random_tensor, rounded};
use crate::{
    compute::cpu::{Cpu, Tensor},
    testing::Random,
};

#[test]
fn rounding_is_to_nearest_and_keeps_the_largest() {
    let mut random = Random::fresh();
    for tokens in [1, 3] {
        let x = random_tensor(&mut random, tokens, 64);
        let blocks = rounded(&Cpu::new(), &x).into_iter().flatten();
        for (block, x) in blocks.zip(x.values.as_chunks::<32>().0) {
            let scale = block.scale;
            for (&quant, &value) in block.values.iter().zip(x) {
                assert!(
                    (value - scale * quant as f32).abs() <= scale * 0.500_01,
                    "{value} is {quant} * {scale}"
                );
            }
            let sum = |values: &[i32]| values.iter().sum::<i32>() as f32;
            assert_eq!(
                block.values.iter().map(|value| value.abs()).max(),
                Some(127)
            );
            let (first, last) = block.values.split_at(16);
            assert_eq!(block.sums, [sum(&block.values), sum(first), sum(last)]);
        }
    }
}

#[test]
fn what_is_no_number_stays_none() {
    for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = Tensor {
            width: 64,
            values: vec![1.0; 64],
        };
        x.values[40] = poison;
        let blocks = &rounded(&Cpu::new(), &x)[0];
        assert!(blocks[0].scale.is_finite() && blocks[1].scale.is_nan());
    }
    let tiny = Tensor {
        width: 32,
        values: vec![f32::MIN_POSITIVE / 2.0; 32],
    };
    assert_eq!(rounded(&Cpu::new(), &tiny)[0][0].values, [0; 32]);
}
