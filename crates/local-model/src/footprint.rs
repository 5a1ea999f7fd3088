//! What a token costs, told by the file alone: bytes to read and multiply-adds to do.

use std::collections::BTreeMap;

use crate::{Error, Source, gguf::Header};

/// The two numbers that bound a model's speed, and where they come from.
///
/// One token of decoding reads every weight once and uses it once, so a device of `b` bytes/s and `m`
/// multiply-adds/s decodes at most `min(b / weight_bytes_per_token, m / multiply_adds_per_token)`
/// tokens/s, before attention. A prompt of `n` tokens reads the weights once for every slice of the
/// prompt and multiplies `n` times, so there the second number counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Footprint {
    /// `general.architecture`.
    pub architecture: String,
    /// Bytes of all tensors, by ggml's name of their type.
    pub tensors: BTreeMap<String, TensorSum>,
    /// Bytes of weights that one token of decoding reads: all matrices that are multiplied with, the
    /// norms and biases, and one row of the embedding.
    pub weight_bytes_per_token: u64,
    /// Multiply-adds of those matrices for one token.
    pub multiply_adds_per_token: u64,
    /// Keys and values that one position of the context keeps, over all layers.
    pub kv_values_per_position: u64,
    /// Multiply-adds of attention for each position that a token looks back on, over all layers.
    pub attention_multiply_adds_per_position: u64,
}

/// Tensors of one type together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TensorSum {
    /// How many.
    pub count: usize,
    /// Their bytes in the file.
    pub bytes: u64,
    /// Their values.
    pub values: u64,
}

/// The table of embeddings, read row by row; it is multiplied with only where it is the output too.
const EMBEDDING: &str = "token_embd.weight";

/// The output's own matrix, where the file has one.
const OUTPUT: &str = "output.weight";

impl Footprint {
    /// Reads a file's header.
    ///
    /// # Errors
    /// Any [`Error`] about the file or its source.
    pub async fn read(source: &impl Source) -> Result<Self, Error> {
        let header = Header::read(source).await?;
        let architecture = header.string("general.architecture")?.to_owned();
        let tied = header.tensor(OUTPUT).is_none();
        let mut tensors = BTreeMap::<String, TensorSum>::new();
        let (mut bytes, mut multiply_adds) = (0, 0);
        for name in header.tensor_names() {
            let Some(tensor) = header.tensor(name) else {
                continue;
            };
            let values: u64 = tensor.dimensions.iter().product();
            let sum = tensors.entry(format!("{:?}", tensor.kind)).or_default();
            sum.count += 1;
            sum.bytes += tensor.bytes;
            sum.values += values;
            let rows = tensor.dimensions.get(1).copied().unwrap_or(1).max(1);
            if name == EMBEDDING {
                bytes += tensor.bytes / rows;
            }
            if name != EMBEDDING || tied {
                bytes += tensor.bytes;
                multiply_adds += if tensor.dimensions.len() > 1 {
                    values
                } else {
                    0
                };
            }
        }

        let size = |key: &str| header.size(&format!("{architecture}.{key}"));
        let optional = |key: &str| header.optional_size(&format!("{architecture}.{key}"));
        let (layers, heads) = (size("block_count")?, size("attention.head_count")?);
        let kv_heads = optional("attention.head_count_kv")?.unwrap_or(heads);
        let head = size("embedding_length")? / heads.max(1);
        let key = optional("attention.key_length")?.unwrap_or(head);
        let value = optional("attention.value_length")?.unwrap_or(head);
        Ok(Self {
            architecture,
            tensors,
            weight_bytes_per_token: bytes,
            multiply_adds_per_token: multiply_adds,
            kv_values_per_position: (layers * kv_heads * (key + value)) as u64,
            attention_multiply_adds_per_position: (layers * heads * (key + value)) as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Footprint;
    use crate::testing;

    /// Two layers, 64 wide, 96 between the halves, four heads of 16 over two, 260 tokens.
    #[test]
    fn every_weight_counts_once() {
        let (file, _) = testing::file().bytes();
        let footprint = pollster::block_on(Footprint::read(&file)).unwrap();
        let matrices = 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 96) + 260 * 64;
        assert_eq!(footprint.multiply_adds_per_token, matrices);
        let all: u64 = footprint.tensors.values().map(|sum| sum.bytes).sum();
        let row = footprint.weight_bytes_per_token - all;
        assert_eq!(row, 64 / 32 * 34, "one row of the embedding, Q8_0");
        assert_eq!(footprint.kv_values_per_position, 2 * 2 * (16 + 16));
        assert_eq!(
            footprint.attention_multiply_adds_per_position,
            2 * 4 * (16 + 16)
        );
    }
}
