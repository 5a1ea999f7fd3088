//! The machine's instructions against plain Rust: the same bits.

use super::{load, products::SHAPES, random_tensor, rounded};
use crate::{
    compute::{Activation, AttentionShape, CacheShape, Compute, Pairs, Rope, cpu::Cpu},
    gguf::TensorType,
    testing::{Random, random_matrix},
};

#[test]
fn simd_gives_the_bits_of_the_portable_kernel() {
    let best = Cpu::new();
    println!("instructions: {}", best.instructions());
    let mut random = Random::fresh();
    for kind in TensorType::ALL.into_iter().filter(|kind| kind.block() > 1) {
        for (tokens, rows, columns) in SHAPES {
            let columns = columns.next_multiple_of(kind.block());
            let (bytes, _) = random_matrix(&mut random, kind, rows, columns);
            let mut x = random_tensor(&mut random, tokens, columns);
            // The largest sums that there can be, and a block of zeros.
            x.values[..16].fill(3.0);
            x.values[16..32].fill(-3.0);
            x.values[(tokens - 1) * columns..][..32].fill(0.0);
            let matrix = load(&best, kind, rows, columns, bytes);
            let (portable, simd) = (
                Cpu::portable().linear(&x, &matrix),
                best.linear(&x, &matrix),
            );
            assert_eq!(portable, simd, "{kind:?} {tokens}x{rows}x{columns}");
        }
    }
}

#[test]
fn simd_rounds_gates_and_attends_as_plain_rust_does() {
    let mut random = Random::fresh();
    let best = Cpu::new();
    for tokens in [1, 3, 8] {
        let x = random_tensor(&mut random, tokens, 96);
        let blocks = |cpu: &Cpu| {
            let blocks = rounded(cpu, &x).into_iter().flatten();
            blocks.map(|block| (block.values, block.scale.to_bits(), block.sums))
        };
        assert!(blocks(&Cpu::portable()).eq(blocks(&best)));
        for activation in [Activation::Silu, Activation::Gelu] {
            let gated = |cpu: &Cpu| cpu.gated(&x, activation);
            assert_eq!(gated(&Cpu::portable()), gated(&best));
        }
        let shape = AttentionShape {
            heads: 2,
            kv_heads: 1,
            head_dim: 24,
            scale: 0.2,
            window: None,
            rope: Rope {
                pairs: Pairs::Halves,
                frequencies: vec![1.0, 0.1],
                magnitude: 1.0,
            },
        };
        let attended = |cpu: &Cpu| {
            let mut cache = cpu.cache(CacheShape {
                context: 8,
                kv_heads: 1,
                head_dim: 24,
            });
            cpu.attention(&x, None, &mut cache, 0, &shape)
        };
        assert_eq!(attended(&Cpu::portable()), attended(&best));
    }
}
