//! GGUF blocks in the order that the kernels load: the same bits, never floats.
//!
//! A matrix is two lists of 32-bit words. **Codes** are bit planes: each weight's low bits in the first
//! plane, for some types its high bits in a second plane after it. In a plane of `bits` a weight, the
//! four neighbouring weights `4n..4n + 4` of the matrix stand in the four words of one vector, weight
//! `4n + c` in word `c`, at bit `n * bits % 32` of vector `n * bits / 32`: so one shift and one mask of
//! a whole vector give four *neighbouring* weights. **Scales** are 16-bit floats as they are in the file
//! and, for the K types, the small scales of groups of 16 or 32 weights as bytes.
//!
//! What a file packs tighter (six-bit scales in Q3_K to Q5_K) takes up to 4% more here.

use crate::gguf::TensorType;

/// How a packed matrix is read; known when a kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Packing {
    /// Bits of a weight in the first plane.
    pub low: u32,
    /// Bits of a weight in the second plane; 0 where there is none.
    pub high: u32,
    /// What is taken from every code.
    pub bias: u32,
    /// How codes become values.
    pub scales: Scales,
}

/// How codes become values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scales {
    /// A code is the bits of an f32.
    Float,
    /// A code is the bits of an f16.
    Half,
    /// A code is the bits of a bf16.
    Brain,
    /// `d * (code - bias)`; an f16 d for each 32 weights, two in a word.
    Block,
    /// `d * code + m`; d and m for each 32 weights, as the halves of one word.
    BlockOffset,
    /// `d * scale * code - dmin * minimum`; for each 32 weights two bytes (scale, minimum), then for
    /// each 256 one word (d, dmin).
    Group32,
    /// The same, for each 16 weights one byte: scale in its low half, minimum in its high half.
    Group16Offset,
    /// `d * (scale - bias of scales) * (code - bias)`; for each 16 weights one byte, then for each 256
    /// d, two in a word.
    Group16 {
        /// What is taken from every small scale.
        bias: u32,
    },
}

impl Packing {
    /// The packing of a type.
    pub(super) fn of(kind: TensorType) -> Self {
        let (low, high, bias, scales) = match kind {
            TensorType::F32 => (32, 0, 0, Scales::Float),
            TensorType::F16 => (16, 0, 0, Scales::Half),
            TensorType::BF16 => (16, 0, 0, Scales::Brain),
            TensorType::Q8_0 => (8, 0, 128, Scales::Block),
            TensorType::Q4_0 => (4, 0, 8, Scales::Block),
            TensorType::Q4_1 => (4, 0, 0, Scales::BlockOffset),
            TensorType::Q5_0 => (4, 1, 16, Scales::Block),
            TensorType::Q5_1 => (4, 1, 0, Scales::BlockOffset),
            TensorType::Q2_K => (2, 0, 0, Scales::Group16Offset),
            TensorType::Q3_K => (2, 1, 4, Scales::Group16 { bias: 32 }),
            TensorType::Q4_K => (4, 0, 0, Scales::Group32),
            TensorType::Q5_K => (4, 1, 0, Scales::Group32),
            TensorType::Q6_K => (4, 2, 32, Scales::Group16 { bias: 128 }),
        };
        Self {
            low,
            high,
            bias,
            scales,
        }
    }

    /// Fours of weights in a block, the piece that one invocation unpacks at a time.
    pub(crate) fn fours(self) -> u32 {
        if self.is_float() { 1 } else { 8 }
    }

    /// Fours that share a scale.
    pub(crate) fn fours_of_group(self) -> u32 {
        self.fours().min(4)
    }

    /// Whether a code is itself a number.
    pub(crate) fn is_float(self) -> bool {
        matches!(self.scales, Scales::Float | Scales::Half | Scales::Brain)
    }

    /// Whether the halves of a block have scales of their own.
    pub(crate) fn scales_by_half(self) -> bool {
        matches!(self.scales, Scales::Group16Offset | Scales::Group16 { .. })
    }

    /// What is taken from every small scale.
    pub(crate) fn bias_of_scales(self) -> f32 {
        match self.scales {
            Scales::Group16 { bias } => bias as f32,
            _ => 0.0,
        }
    }

    /// Words of the codes of `fours` fours.
    pub(super) fn code_words(self, fours: usize) -> usize {
        plane_words(self.low, fours) + plane_words(self.high, fours)
    }

    fn scale_words(self, fours: usize) -> usize {
        let (blocks, supers) = (fours / 8, fours / 64);
        match self.scales {
            // A kernel binds a list, so that there must be one.
            Scales::Float | Scales::Half | Scales::Brain => 1,
            Scales::Block => blocks.div_ceil(2),
            Scales::BlockOffset => blocks,
            Scales::Group32 | Scales::Group16Offset => blocks / 2 + supers,
            Scales::Group16 { .. } => blocks / 2 + supers.div_ceil(2),
        }
    }
}

/// Words of a plane, whole vectors.
fn plane_words(bits: u32, fours: usize) -> usize {
    (fours * bits as usize).div_ceil(32) * 4
}

/// A matrix as two lists of 32-bit words (signed, as Burn's integers are; the bits count).
pub(super) struct Packed {
    /// Codes.
    pub codes: Vec<i32>,
    /// Scales.
    pub scales: Vec<i32>,
}

/// Deals the blocks of a whole tensor. `bytes` is a whole number of blocks, and of fours.
pub(super) fn pack(kind: TensorType, bytes: &[u8]) -> Packed {
    let packing = Packing::of(kind);
    let fours = bytes.len() / kind.block_bytes() * kind.block() / 4;
    let mut packed = Packed {
        codes: vec![0; packing.code_words(fours)],
        scales: vec![0; packing.scale_words(fours)],
    };
    match kind {
        TensorType::F32 => {
            for (word, bytes) in packed.codes.iter_mut().zip(bytes.as_chunks().0) {
                *word = i32::from_le_bytes(*bytes);
            }
        }
        TensorType::F16 | TensorType::BF16 => {
            for (at, &bytes) in bytes.as_chunks().0.iter().enumerate() {
                let (four, c) = (at / 4, at % 4);
                set_half(&mut packed.codes, four / 2 * 4 + c, four % 2, bytes);
            }
        }
        TensorType::Q8_0
        | TensorType::Q4_0
        | TensorType::Q4_1
        | TensorType::Q5_0
        | TensorType::Q5_1 => pack_blocks(kind, bytes, &mut packed, fours),
        TensorType::Q2_K
        | TensorType::Q3_K
        | TensorType::Q4_K
        | TensorType::Q5_K
        | TensorType::Q6_K => pack_super_blocks(kind, bytes, &mut packed, fours),
    }
    packed
}

/// The types with blocks of 32.
fn pack_blocks(kind: TensorType, bytes: &[u8], packed: &mut Packed, fours: usize) {
    let (low, high) = packed
        .codes
        .split_at_mut(plane_words(Packing::of(kind).low, fours));
    for (index, block) in bytes.chunks_exact(kind.block_bytes()).enumerate() {
        let d = [block[0], block[1]];
        let codes = match kind {
            TensorType::Q4_1 | TensorType::Q5_1 => {
                packed.scales[index] = i32::from_le_bytes([block[0], block[1], block[2], block[3]]);
                &block[4..]
            }
            _ => {
                set_half(&mut packed.scales, index / 2, index % 2, d);
                &block[2..]
            }
        };
        match kind {
            TensorType::Q8_0 => {
                // Signed to unsigned; the bias takes 128 off again.
                deal::<8>(low, index, |at| codes[at] ^ 0x80);
            }
            TensorType::Q4_0 | TensorType::Q4_1 => deal::<4>(low, index, |at| nibble(codes, at)),
            _ => {
                let fifth = u32::from_le_bytes([codes[0], codes[1], codes[2], codes[3]]);
                deal::<4>(low, index, |at| nibble(&codes[4..], at));
                deal::<1>(high, index, |at| (fifth >> at & 1) as u8);
            }
        }
    }
}

/// The low halves of 16 bytes are values 0 to 15, the high halves 16 to 31.
fn nibble(bytes: &[u8], at: usize) -> u8 {
    bytes[at % 16] >> (at / 16 * 4) & 15
}

/// The K types: super-blocks of 256. Their layout is told in `gguf/dequantize.rs`.
fn pack_super_blocks(kind: TensorType, bytes: &[u8], packed: &mut Packed, fours: usize) {
    let (low, high) = packed
        .codes
        .split_at_mut(plane_words(Packing::of(kind).low, fours));
    let (groups, supers) = packed.scales.split_at_mut(fours / 16);
    for (index, block) in bytes.chunks_exact(kind.block_bytes()).enumerate() {
        let (d_at, has_minimum) = match kind {
            TensorType::Q2_K => (80, true),
            TensorType::Q3_K => (108, false),
            TensorType::Q6_K => (208, false),
            _ => (0, true),
        };
        if has_minimum {
            set_half(supers, index, 0, [block[d_at], block[d_at + 1]]);
            set_half(supers, index, 1, [block[d_at + 2], block[d_at + 3]]);
        } else {
            set_half(supers, index / 2, index % 2, [block[d_at], block[d_at + 1]]);
        }
        // Two bytes for each 32 weights: of two groups of 16, or scale and minimum of one of 32.
        let group_bytes: [u8; 16] = match kind {
            TensorType::Q2_K => std::array::from_fn(|at| block[at]),
            TensorType::Q3_K => std::array::from_fn(|at| q3_k_scale(&block[96..108], at)),
            TensorType::Q6_K => std::array::from_fn(|at| block[192 + at] ^ 0x80),
            _ => std::array::from_fn(|at| k_scale(&block[4..16], at / 2, at % 2 == 1)),
        };
        for (at, bytes) in group_bytes.as_chunks().0.iter().enumerate() {
            set_half(groups, index * 4 + at / 2, at % 2, *bytes);
        }
        for part in 0..8 {
            let to = index * 8 + part;
            match kind {
                TensorType::Q2_K => deal::<2>(low, to, |at| pair(&block[16..80], part, at)),
                TensorType::Q3_K => {
                    deal::<2>(low, to, |at| pair(&block[32..96], part, at));
                    deal::<1>(high, to, |at| block[at] >> part & 1);
                }
                TensorType::Q4_K => deal::<4>(low, to, |at| half_byte(&block[16..], part, at)),
                TensorType::Q5_K => {
                    deal::<4>(low, to, |at| half_byte(&block[48..], part, at));
                    deal::<1>(high, to, |at| block[16 + at] >> part & 1);
                }
                _ => {
                    deal::<4>(low, to, |at| {
                        block[part / 4 * 64 + part % 2 * 32 + at] >> (part / 2 % 2 * 4) & 15
                    });
                    deal::<2>(high, to, |at| pair(&block[128..192], part, at));
                }
            }
        }
    }
}

/// Two bits of weight `at` of the `part`-th 32 of 256: byte `b` of each 32 bytes holds weights `b`,
/// `b + 32`, `b + 64`, `b + 96` of 128.
fn pair(bytes: &[u8], part: usize, at: usize) -> u8 {
    bytes[part / 4 * 32 + at] >> (part % 4 * 2) & 3
}

/// Four bits of the same: byte `b` of each 32 bytes holds weights `b` and `b + 32` of 64.
fn half_byte(bytes: &[u8], part: usize, at: usize) -> u8 {
    bytes[part / 2 * 32 + at] >> (part % 2 * 4) & 15
}

/// Scale or minimum of a group of Q4_K or Q5_K: eight of six bits each in twelve bytes.
fn k_scale(packed: &[u8], group: usize, minimum: bool) -> u8 {
    match (group < 4, minimum) {
        (true, false) => packed[group] & 63,
        (true, true) => packed[group + 4] & 63,
        (false, false) => packed[group + 4] & 15 | packed[group - 4] >> 6 << 4,
        (false, true) => packed[group + 4] >> 4 | packed[group] >> 6 << 4,
    }
}

/// Scale of a group of Q3_K: sixteen of six bits each in twelve bytes.
fn q3_k_scale(packed: &[u8], group: usize) -> u8 {
    let low = packed[group % 8] >> (group / 8 * 4) & 15;
    let high = packed[8 + group % 4] >> (group / 4 * 2) & 3;
    low | high << 4
}

/// Puts 32 codes into their places in a plane; the plane is zero there.
fn deal<const BITS: usize>(plane: &mut [i32], block: usize, code: impl Fn(usize) -> u8) {
    for step in 0..8 {
        let offset = (block * 8 + step) * BITS;
        for (c, word) in plane[offset / 32 * 4..][..4].iter_mut().enumerate() {
            *word |= i32::from(code(4 * step + c)) << (offset % 32);
        }
    }
}

/// Puts 16 bits into the low (0) or high (1) half of a word that is zero there.
fn set_half(words: &mut [i32], at: usize, half: usize, bytes: [u8; 2]) {
    words[at] |= i32::from(u16::from_le_bytes(bytes)) << (16 * half);
}
