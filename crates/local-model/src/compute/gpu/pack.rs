//! GGUF blocks in the order that the kernels load: the same bits, never floats.
//!
//! A block is 32 weights of one row. Its codes become one (Q4_1) or two (Q8_0) vectors of four words,
//! dealt so that one shift and one mask of a whole vector give four *neighbouring* weights: word `c`
//! of a Q4_1 block holds weight `4s + c` in bits `4s..4s+4`; word `c` of half `h` of a Q8_0 block
//! holds weight `16h + 4s + c` in bits `8s..8s+8`. Scales stand apart, as the 16-bit floats that they
//! are: for Q4_1 scale and offset of a block in one word, for Q8_0 the scales of two blocks.

/// How a packed matrix is read; known when a kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Packing {
    /// 4-bit codes: `code * scale + offset`.
    Q4_1,
    /// Signed 8-bit codes: `code * scale`.
    Q8_0,
}

/// Weights of a block.
pub(super) const BLOCK: usize = 32;

impl Packing {
    /// Bytes of a block in a GGUF file.
    pub(super) fn block_bytes(self) -> usize {
        match self {
            Self::Q4_1 => 20,
            Self::Q8_0 => 34,
        }
    }

    /// Vectors of four words that hold a block's codes.
    pub(super) fn words4(self) -> usize {
        match self {
            Self::Q4_1 => 1,
            Self::Q8_0 => 2,
        }
    }
}

/// A matrix as two lists of 32-bit words (signed, as Burn's integers are; the bits count).
pub(super) struct Packed {
    /// Codes, `4 * words4` words a block.
    pub quants: Vec<i32>,
    /// Scales, one word a block (Q4_1) or for two (Q8_0).
    pub scales: Vec<i32>,
}

/// Deals the blocks of a whole tensor. `bytes` is a whole number of blocks.
pub(super) fn pack(packing: Packing, bytes: &[u8]) -> Packed {
    let blocks = bytes.chunks_exact(packing.block_bytes());
    match packing {
        Packing::Q4_1 => Packed {
            scales: blocks
                .clone()
                .map(|block| i32::from_le_bytes([block[0], block[1], block[2], block[3]]))
                .collect(),
            quants: blocks.flat_map(|block| deal_nibbles(&block[4..])).collect(),
        },
        Packing::Q8_0 => {
            let halves: Vec<u16> = blocks
                .clone()
                .map(|block| u16::from_le_bytes([block[0], block[1]]))
                .collect();
            let word = |pair: &[u16]| {
                (u32::from(pair[0]) | u32::from(pair.get(1).copied().unwrap_or(0)) << 16)
                    .cast_signed()
            };
            Packed {
                scales: halves.chunks(2).map(word).collect(),
                quants: blocks.flat_map(|block| deal_bytes(&block[2..])).collect(),
            }
        }
    }
}

/// 16 bytes, the low nibbles weights 0 to 15 and the high nibbles 16 to 31, to four words.
fn deal_nibbles(bytes: &[u8]) -> [i32; 4] {
    std::array::from_fn(|c| {
        (0..4)
            .map(|s| {
                let byte = u32::from(bytes[4 * s + c]);
                (byte & 15) << (4 * s) | (byte >> 4) << (4 * s + 16)
            })
            .fold(0, |word, part| word | part)
            .cast_signed()
    })
}

/// 32 bytes to eight words.
fn deal_bytes(bytes: &[u8]) -> [i32; 8] {
    std::array::from_fn(|i| {
        let (half, c) = (i / 4, i % 4);
        i32::from_le_bytes(std::array::from_fn(|s| bytes[16 * half + 4 * s + c]))
    })
}
