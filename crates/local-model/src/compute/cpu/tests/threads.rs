//! Operations parted among threads.

use std::sync::Arc;

use super::{part, random_tensor};
use crate::{
    compute::{
        Activation, AttentionShape, CacheShape, Compute, Pairs, Rope,
        cpu::{Cpu, Pool},
    },
    gguf::TensorType,
    testing::{Random, random_matrix},
};

/// The best instructions on `threads` threads.
fn threaded(threads: usize) -> Cpu {
    Cpu {
        pool: Arc::new(Pool::start(threads).unwrap()),
        ..Cpu::new()
    }
}

#[test]
fn any_number_of_threads_gives_the_bits_of_one() {
    let mut random = Random::fresh();
    let one = Cpu::new();
    for threads in [2, 3] {
        let many = threaded(threads);
        // Large enough to be split, and rows that are no whole groups.
        let shapes: [(usize, usize, usize); 5] = [
            (1, 1003, 576),
            (3, 333, 512),
            (16, 509, 256),
            (17, 64, 768),
            (16, 4100, 64),
        ];
        for kind in TensorType::ALL {
            for (tokens, rows, columns) in shapes {
                let columns = columns.next_multiple_of(kind.block());
                let (bytes, _) = random_matrix(&mut random, kind, rows, columns);
                let x = random_tensor(&mut random, tokens, columns);
                let parts = vec![part(kind, rows, bytes.clone()), part(kind, rows, bytes)];
                let matrix = pollster::block_on(one.matrix(parts, columns)).unwrap();
                assert_eq!(
                    one.linear(&x, &matrix),
                    many.linear(&x, &matrix),
                    "{kind:?}"
                );
            }
        }
        for activation in [Activation::Silu, Activation::Gelu] {
            let gate_up = random_tensor(&mut random, 16, 3072);
            assert_eq!(
                one.gated(&gate_up, activation),
                many.gated(&gate_up, activation)
            );
        }
        attention_of_one_and_of(&many, &mut random);
    }
}

fn attention_of_one_and_of(many: &Cpu, random: &mut Random) {
    for window in [None, Some(40)] {
        let shape = AttentionShape {
            heads: 9,
            kv_heads: 3,
            head_dim: 64,
            scale: 0.125,
            window,
            rope: Rope {
                pairs: Pairs::Halves,
                frequencies: (0..32).map(|pair| 0.7f64.powi(pair)).collect(),
                magnitude: 1.0,
            },
        };
        let one = Cpu::new();
        let cache = || {
            one.cache(CacheShape {
                context: 256,
                kv_heads: 3,
                head_dim: 64,
            })
        };
        let (mut cache_of_one, mut cache_of_many) = (cache(), cache());
        let mut position = 0;
        for tokens in [100, 1, 17, 1] {
            let qkv = random_tensor(random, tokens, shape.qkv_width());
            assert_eq!(
                one.attention(&qkv, None, &mut cache_of_one, position, &shape),
                many.attention(&qkv, None, &mut cache_of_many, position, &shape),
            );
            position += tokens;
        }
    }
}
