//! How packed matrices lie in memory: one description for every type of blocks.
//!
//! Eight rows make a group, whose blocks are interleaved by four bytes; groups follow each other, so that
//! a kernel reads memory from one end to the other. A super-block of a group is
//!
//! 1. the rows' f16 scales `d`, then, where the type has minimums, the rows' f16 `m` (or `dmin`);
//! 2. for each block of 32 columns: in K types 16 bytes of small scales, then the codes.
//!
//! Codes lie in planes of 8, 4, 2 or 1 bits (5 bits: nibbles and a plane of single bits; 6: nibbles and
//! pairs; 3: pairs and single bits). A vector of a plane is 32 bytes, four of each row, so that its
//! 32-bit lanes are the rows. Chunk `c` of a block is its columns `4c..4c + 4`, the bytes of a lane;
//! chunk `c` is
//!
//! - of an 8-bit plane: vector `c`;
//! - of a 4-bit plane: vector `c % 4`, the low halves (`c < 4`) or the high halves;
//! - of a 2-bit plane: vector `c / 4`, bits `2 * (c % 4)` and the next;
//! - of a 1-bit plane: the only vector, bit `c`.
//!
//! Small scales are one byte for each row: of Q4_K and Q5_K the eight scales, then the eight minimums; of
//! the others, whose scales are for 16 columns, eight of the first half and eight of the second (in Q2_K
//! a nibble of scale and, above, a nibble of minimum).

/// Rows of a group.
pub(super) const ROWS: usize = 8;
/// Chunks of four columns in a block.
pub(super) const CHUNKS: usize = 8;
/// Bytes of a vector: four columns of eight rows.
pub(super) const VECTOR: usize = 4 * ROWS;

/// What is added to `scale * code`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Minimum {
    /// Nothing; codes are signed.
    None,
    /// The scale times minus this.
    Offset(u8),
    /// A number of its own: of a block `m`, of a group in K types `-dmin * small minimum`.
    Own,
}

/// A type of blocks.
pub(super) trait Format {
    /// Bits of a code.
    const BITS: usize;
    /// Columns that share a scale: 16 or 32.
    const GROUP: usize;
    /// Blocks of 32 columns that share `d`: 1, or 8 in K types.
    const BLOCKS: usize;
    const MINIMUM: Minimum;
    /// A super-block of a group: `[u8; Self::BYTES]`.
    type Place;
    /// Whether small scales are signed.
    const SIGNED: bool;

    /// Bytes before the blocks: `d` and perhaps `m` of each row.
    const HEAD: usize = match Self::MINIMUM {
        Minimum::Own => 4 * ROWS,
        _ => 2 * ROWS,
    };
    /// Bytes of a block's small scales.
    const SMALL: usize = if Self::BLOCKS > 1 { 2 * ROWS } else { 0 };
    /// Bytes of a block's codes.
    const PLANES: usize = ROWS * 32 * Self::BITS / 8;
    /// Bytes of a super-block of a group.
    const BYTES: usize = Self::HEAD + Self::BLOCKS * (Self::SMALL + Self::PLANES);
    /// Columns of a super-block.
    const COLUMNS: usize = 32 * Self::BLOCKS;
    /// Parts of a block that have a scale of their own.
    const PARTS: usize = 32 / Self::GROUP;
    /// Chunks of a part whose products with activations, pairs of columns added up, surely sum up within
    /// 16 bits. (Products of 8-bit codes sum up in 32.)
    const RUN: usize = {
        let (all, fit) = (
            Self::GROUP / 4,
            i16::MAX as usize / (2 * 127 * ((1 << Self::BITS) - 1)),
        );
        if Self::BITS == 8 || fit >= all {
            all
        } else {
            1 << fit.ilog2()
        }
    };
    /// Such runs in a part.
    const RUNS: usize = Self::GROUP / 4 / Self::RUN;

    /// Super-blocks of a group.
    fn places(bytes: &[u8]) -> &[Self::Place];
}

macro_rules! format {
    ($name:ident, $bits:literal, $group:literal, $blocks:literal, $minimum:expr, $signed:literal) => {
        #[allow(non_camel_case_types, reason = "the names are ggml's")]
        pub(super) struct $name;
        impl Format for $name {
            const BITS: usize = $bits;
            const GROUP: usize = $group;
            const BLOCKS: usize = $blocks;
            const MINIMUM: Minimum = $minimum;
            const SIGNED: bool = $signed;
            type Place = [u8; <$name as Format>::BYTES];

            #[inline(always)]
            fn places(bytes: &[u8]) -> &[Self::Place] {
                bytes.as_chunks().0
            }
        }
    };
}

format!(Q8_0, 8, 32, 1, Minimum::None, false);
format!(Q4_0, 4, 32, 1, Minimum::Offset(8), false);
format!(Q4_1, 4, 32, 1, Minimum::Own, false);
format!(Q5_0, 5, 32, 1, Minimum::Offset(16), false);
format!(Q5_1, 5, 32, 1, Minimum::Own, false);
format!(Q2_K, 2, 16, 8, Minimum::Own, false);
format!(Q3_K, 3, 16, 8, Minimum::Offset(4), true);
format!(Q4_K, 4, 32, 8, Minimum::Own, false);
format!(Q5_K, 5, 32, 8, Minimum::Own, false);
format!(Q6_K, 6, 16, 8, Minimum::Offset(32), true);

/// `with_format!(kind, F => expression)`: the expression with `F` the format of a type, in `Some`;
/// `None` for types without blocks. The one place where types meet their formats.
macro_rules! with_format {
    ($kind:expr, $F:ident => $body:expr) => {{
        use $crate::{compute::cpu::format as of, gguf::TensorType as Kind};
        match $kind {
            Kind::F32 | Kind::F16 | Kind::BF16 => None,
            Kind::Q8_0 => with_format!(@ of::Q8_0, $F => $body),
            Kind::Q4_0 => with_format!(@ of::Q4_0, $F => $body),
            Kind::Q4_1 => with_format!(@ of::Q4_1, $F => $body),
            Kind::Q5_0 => with_format!(@ of::Q5_0, $F => $body),
            Kind::Q5_1 => with_format!(@ of::Q5_1, $F => $body),
            Kind::Q2_K => with_format!(@ of::Q2_K, $F => $body),
            Kind::Q3_K => with_format!(@ of::Q3_K, $F => $body),
            Kind::Q4_K => with_format!(@ of::Q4_K, $F => $body),
            Kind::Q5_K => with_format!(@ of::Q5_K, $F => $body),
            Kind::Q6_K => with_format!(@ of::Q6_K, $F => $body),
        }
    }};
    (@ $format:ty, $F:ident => $body:expr) => {{
        type $F = $format;
        Some($body)
    }};
}
pub(super) use with_format;

/// `N` bytes of a super-block from `at` on, without a check: kernels load at sums of the constants above,
/// and the inner loop would be checks to a half.
///
/// # Safety
///
/// `at + N` is at most [`Format::BYTES`].
#[inline(always)]
pub(super) unsafe fn bytes<F: Format, const N: usize>(place: &F::Place, at: usize) -> &[u8; N] {
    const { assert!(size_of::<F::Place>() == F::BYTES) };
    debug_assert!(at + N <= F::BYTES);
    // SAFETY: a place is `BYTES` bytes, of which the caller promises these are some.
    unsafe { &*(&raw const *place).cast::<u8>().add(at).cast::<[u8; N]>() }
}

/// Code of a block's `column` in `row` of the group.
pub(super) fn code<F: Format>(planes: &[u8], row: usize, column: usize) -> u8 {
    let (chunk, byte) = (column / 4, 4 * row + column % 4);
    let nibble = |start: usize| planes[start + chunk % 4 * VECTOR + byte] >> (chunk / 4 * 4) & 15;
    let pair = |start: usize| planes[start + chunk / 4 * VECTOR + byte] >> (chunk % 4 * 2) & 3;
    let bit = |start: usize| planes[start + byte] >> chunk & 1;
    match F::BITS {
        2 => pair(0),
        3 => pair(0) | bit(2 * VECTOR) << 2,
        4 => nibble(0),
        5 => nibble(0) | bit(4 * VECTOR) << 4,
        6 => nibble(0) | pair(4 * VECTOR) << 4,
        _ => planes[chunk * VECTOR + byte],
    }
}

/// Writes a block's codes, a word of four columns for each row and chunk.
pub(super) fn write_codes<F: Format>(planes: &mut [u8], codes: &[[u32; CHUNKS]; ROWS]) {
    let mut put = |vector: usize, row: usize, word: u32| {
        planes[VECTOR * vector + 4 * row..][..4].copy_from_slice(&word.to_le_bytes());
    };
    for (row, codes) in codes.iter().enumerate() {
        let nibbles = |at: usize| codes[at] & 0x0f0f_0f0f | (codes[at + 4] & 0x0f0f_0f0f) << 4;
        // Bits `low` and `low + 1` of each code.
        let pairs = |half: usize, low: usize| {
            (0..4).fold(0, |word, at| {
                word | (codes[4 * half + at] >> low & 0x0303_0303) << (2 * at)
            })
        };
        let bits =
            |low: usize| (0..8).fold(0, |word, at| word | (codes[at] >> low & 0x0101_0101) << at);
        match F::BITS {
            2 | 3 => (0..2).for_each(|half| put(half, row, pairs(half, 0))),
            4..=6 => (0..4).for_each(|at| put(at, row, nibbles(at))),
            _ => (0..8).for_each(|at| put(at, row, codes[at])),
        }
        match F::BITS {
            3 => put(2, row, bits(2)),
            5 => put(4, row, bits(4)),
            6 => (0..2).for_each(|half| put(4 + half, row, pairs(half, 4))),
            _ => {}
        }
    }
}
