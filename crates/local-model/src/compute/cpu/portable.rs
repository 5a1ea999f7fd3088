//! Plain Rust: the reference for the SIMD kernels, which give the same bits.

use half::f16;

use super::{
    format::VECTOR,
    instructions::{Instructions, MAGIC},
    quantized::{Column, ORDER},
};

/// No instructions but the ones that every machine has.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Instructions for Portable {
    type Bytes = [u8; VECTOR];
    /// In the order of the columns' bytes.
    type Codes = [[i16; 4]; 8];
    type Columns = [Column; 4];
    type Sums = [i32; 8];
    type Floats = [f32; 8];

    fn bytes(self, bytes: &[u8; VECTOR]) -> [u8; VECTOR] {
        *bytes
    }

    fn store(self, bytes: [u8; VECTOR]) -> [u8; VECTOR] {
        bytes
    }

    fn and(self, bytes: [u8; VECTOR], mask: u8) -> [u8; VECTOR] {
        bytes.map(|byte| byte & mask)
    }

    fn or(self, a: [u8; VECTOR], b: [u8; VECTOR]) -> [u8; VECTOR] {
        std::array::from_fn(|at| a[at] | b[at])
    }

    fn left<const BITS: u32>(self, bytes: [u8; VECTOR]) -> [u8; VECTOR] {
        bytes.map(|byte| byte << BITS)
    }

    fn right<const BITS: u32>(self, bytes: [u8; VECTOR]) -> [u8; VECTOR] {
        bytes.map(|byte| byte >> BITS)
    }

    fn codes<const WIDE: bool>(self, bytes: [u8; VECTOR]) -> [[i16; 4]; 8] {
        let code = |byte: u8| {
            if WIDE {
                i16::from(byte.cast_signed())
            } else {
                i16::from(byte)
            }
        };
        std::array::from_fn(|row| ORDER.map(|column| code(bytes[4 * row + column])))
    }

    fn columns<const WIDE: bool>(self, columns: &[Column; 4]) -> [Column; 4] {
        *columns
    }

    fn zero(self) -> [i32; 8] {
        [0; 8]
    }

    fn dot<const WIDE: bool>(
        self,
        sums: [i32; 8],
        codes: [[i16; 4]; 8],
        columns: [Column; 4],
    ) -> [i32; 8] {
        std::array::from_fn(|row| {
            let products = codes[row].into_iter().zip(columns);
            sums[row]
                + products
                    .map(|(code, column)| i32::from(code) * i32::from(column))
                    .sum::<i32>()
        })
    }

    fn widen<const WIDE: bool>(self, sums: [i32; 8]) -> [i32; 8] {
        sums
    }

    fn add_wide(self, a: [i32; 8], b: [i32; 8]) -> [i32; 8] {
        std::array::from_fn(|at| a[at] + b[at])
    }

    fn floats(self, sums: [i32; 8]) -> [f32; 8] {
        sums.map(|sum| sum as f32)
    }

    fn load(self, floats: &[f32; 8]) -> [f32; 8] {
        *floats
    }

    fn array(self, floats: [f32; 8]) -> [f32; 8] {
        floats
    }

    fn splat(self, value: f32) -> [f32; 8] {
        [value; 8]
    }

    fn halves(self, bytes: &[u8; 16]) -> [f32; 8] {
        std::array::from_fn(|at| f16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]).to_f32())
    }

    fn unsigned(self, bytes: u64) -> [f32; 8] {
        bytes.to_le_bytes().map(f32::from)
    }

    fn signed(self, bytes: u64) -> [f32; 8] {
        bytes
            .to_le_bytes()
            .map(|byte| f32::from(byte.cast_signed()))
    }

    fn add(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|at| a[at] + b[at])
    }

    fn sub(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|at| a[at] - b[at])
    }

    fn mul(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|at| a[at] * b[at])
    }

    fn div(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|at| a[at] / b[at])
    }

    fn abs(self, a: [f32; 8]) -> [f32; 8] {
        a.map(f32::abs)
    }

    fn max(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|at| if a[at] < b[at] { b[at] } else { a[at] })
    }

    fn min(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|at| if b[at] < a[at] { b[at] } else { a[at] })
    }

    fn power_of_two(self, shifted: [f32; 8]) -> [f32; 8] {
        shifted.map(|shifted| {
            let exponent = shifted
                .to_bits()
                .wrapping_sub(MAGIC.to_bits())
                .wrapping_add(127);
            f32::from_bits(exponent << 23)
        })
    }
}
