//! Tensor types: how the values of a tensor are packed.
//!
//! Codes, block lengths and bytes are ggml's:
//! <https://github.com/ggml-org/ggml/blob/master/include/ggml.h> (`ggml_type`) and
//! <https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h> (`block_*`).

/// How a tensor's values are packed. A row is whole blocks; `dequantize.rs` says what the bytes of a
/// block mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "the names are ggml's")]
pub(crate) enum TensorType {
    /// Little-endian IEEE 754 singles.
    F32,
    /// Little-endian IEEE 754 halves.
    F16,
    /// The upper halves of little-endian singles.
    BF16,
    /// 32 signed bytes: `d * code`.
    Q8_0,
    /// 32 codes of 4 bits: `d * (code - 8)`.
    Q4_0,
    /// 32 codes of 4 bits: `d * code + m`.
    Q4_1,
    /// 32 codes of 5 bits: `d * (code - 16)`.
    Q5_0,
    /// 32 codes of 5 bits: `d * code + m`.
    Q5_1,
    /// 256 codes of 2 bits; of each 16 a 4-bit scale and minimum: `d * s * code - dmin * m`.
    Q2_K,
    /// 256 codes of 3 bits; of each 16 a 6-bit scale: `d * (s - 32) * (code - 4)`.
    Q3_K,
    /// 256 codes of 4 bits; of each 32 a 6-bit scale and minimum: `d * s * code - dmin * m`.
    Q4_K,
    /// 256 codes of 5 bits; of each 32 a 6-bit scale and minimum: `d * s * code - dmin * m`.
    Q5_K,
    /// 256 codes of 6 bits; of each 16 a signed 8-bit scale: `d * s * (code - 32)`.
    Q6_K,
}

impl TensorType {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q8_0,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q2_K,
        Self::Q3_K,
        Self::Q4_K,
        Self::Q5_K,
        Self::Q6_K,
    ];

    /// Values in a block.
    pub const fn block(self) -> usize {
        self.layout().1
    }

    /// Bytes of a block.
    pub const fn block_bytes(self) -> usize {
        self.layout().2
    }

    /// Bytes of a row of `columns` values; `columns` is whole blocks.
    pub const fn row_bytes(self, columns: usize) -> usize {
        columns / self.block() * self.block_bytes()
    }

    /// The number in a file.
    #[cfg(test)]
    pub const fn code(self) -> u32 {
        self.layout().0
    }

    /// The type of a number in a file, or the name of a type that is not supported.
    pub(super) fn from_code(code: u32) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.layout().0 == code)
            .ok_or_else(|| unsupported_name(code))
    }

    /// Code in a file, values in a block, bytes of a block.
    const fn layout(self) -> (u32, usize, usize) {
        match self {
            Self::F32 => (0, 1, 4),
            Self::F16 => (1, 1, 2),
            Self::BF16 => (30, 1, 2),
            Self::Q8_0 => (8, 32, 34),
            Self::Q4_0 => (2, 32, 18),
            Self::Q4_1 => (3, 32, 20),
            Self::Q5_0 => (6, 32, 22),
            Self::Q5_1 => (7, 32, 24),
            Self::Q2_K => (10, 256, 84),
            Self::Q3_K => (11, 256, 110),
            Self::Q4_K => (12, 256, 144),
            Self::Q5_K => (13, 256, 176),
            Self::Q6_K => (14, 256, 210),
        }
    }
}

/// The name of a type that is not supported, as ggml writes it.
fn unsupported_name(code: u32) -> String {
    let name = match code {
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => return format!("number {code}"),
    };
    name.to_owned()
}
