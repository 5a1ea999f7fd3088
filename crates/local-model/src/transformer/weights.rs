//! A transformer's weights by the names that GGUF files give them, each where an architecture has it.

use std::collections::BTreeSet;

use super::Layer;
use crate::{
    Error, Source,
    architecture::{Architecture, Config},
    compute::{Compute, Part},
    gguf::{Header, TensorType, read_tensor},
};

/// Factors of rotary angles in the files of Llama 3 and later.
const ROPE_FACTORS: &str = "rope_freqs.weight";
/// Those of Phi 3, for a context as long as it was first trained with.
const SHORT_ROPE_FACTORS: &str = "rope_factors_short.weight";
/// Those of Phi 3 for a longer context.
const LONG_ROPE_FACTORS: &str = "rope_factors_long.weight";

/// Reads tensors by name and hands them to the device.
pub(super) struct Weights<'a, C, S> {
    compute: &'a C,
    header: &'a Header,
    source: &'a S,
    progress: &'a mut dyn FnMut(u64),
    /// Bytes so far.
    loaded: u64,
    /// Names of tensors so far.
    taken: BTreeSet<String>,
}

impl<'a, C: Compute, S: Source> Weights<'a, C, S> {
    /// Of which nothing is loaded.
    pub fn new(
        compute: &'a C,
        header: &'a Header,
        source: &'a S,
        progress: &'a mut dyn FnMut(u64),
    ) -> Self {
        Self {
            compute,
            header,
            source,
            progress,
            loaded: 0,
            taken: BTreeSet::new(),
        }
    }

    /// Takes the factors of rotary angles, where the file has some.
    pub async fn rope_factors(&mut self, config: &mut Config) -> Result<(), Error> {
        let pairs = config.global.rope.frequencies.len();
        let has = |name: &str| self.header.tensor(name).is_some();
        match config.architecture {
            Architecture::Llama if has(ROPE_FACTORS) => {
                let factors = self.floats(ROPE_FACTORS, pairs).await?;
                config.divide_frequencies(ROPE_FACTORS, &factors)
            }
            Architecture::Phi3 if has(SHORT_ROPE_FACTORS) => {
                let short = self.floats(SHORT_ROPE_FACTORS, pairs).await?;
                let long = self.floats(LONG_ROPE_FACTORS, pairs).await?;
                config.divide_frequencies_by_context(
                    (SHORT_ROPE_FACTORS, &short),
                    (LONG_ROPE_FACTORS, &long),
                )
            }
            _ => Ok(()),
        }
    }

    /// All of a layer.
    pub async fn layer(&mut self, config: &Config, index: usize) -> Result<Layer<C>, Error> {
        let Config {
            architecture,
            width,
            hidden,
            ..
        } = *config;
        let head_dim = config.global.head_dim;
        let query_width = config.global.heads * head_dim;
        let kv_width = config.global.kv_heads * head_dim;
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        let [q, k, v] = ["q", "k", "v"].map(|part| format!("blk.{index}.attn_{part}"));
        let parts = [(&q, query_width), (&k, kv_width), (&v, kv_width)];

        let attention_norm = self.vector(&name("attn_norm"), width).await?;
        let qkv = if architecture == Architecture::Phi3 {
            let rows = query_width + 2 * kv_width;
            self.matrix(&[(&name("attn_qkv"), rows)], width).await?
        } else {
            let names = parts.map(|(part, rows)| (format!("{part}.weight"), rows));
            let tensors: Vec<_> = names
                .iter()
                .map(|(name, rows)| (name.as_str(), *rows))
                .collect();
            self.matrix(&tensors, width).await?
        };
        let qkv_bias = if architecture == Architecture::Qwen2 {
            let mut bias = Vec::new();
            for (part, rows) in parts {
                bias.extend(self.floats(&format!("{part}.bias"), rows).await?);
            }
            Some(self.compute.vector(bias))
        } else {
            None
        };
        let head_norms = match architecture {
            Architecture::Qwen3 | Architecture::Gemma3 => Some([
                self.vector(&name("attn_q_norm"), head_dim).await?,
                self.vector(&name("attn_k_norm"), head_dim).await?,
            ]),
            _ => None,
        };
        let attention_output = self
            .matrix(&[(&name("attn_output"), width)], query_width)
            .await?;
        let gemma = architecture == Architecture::Gemma3;
        let post_attention_norm = match gemma {
            true => Some(self.vector(&name("post_attention_norm"), width).await?),
            false => None,
        };
        let feed_forward_norm = self.vector(&name("ffn_norm"), width).await?;
        let (gate, up) = (name("ffn_gate"), name("ffn_up"));
        let gate_up = match architecture {
            Architecture::Phi3 => self.matrix(&[(&up, 2 * hidden)], width).await?,
            _ => {
                self.matrix(&[(&gate, hidden), (&up, hidden)], width)
                    .await?
            }
        };
        let down = self.matrix(&[(&name("ffn_down"), width)], hidden).await?;
        let post_feed_forward_norm = match gemma {
            true => Some(self.vector(&name("post_ffw_norm"), width).await?),
            false => None,
        };
        Ok(Layer {
            attention_norm,
            qkv,
            qkv_bias,
            head_norms,
            attention_output,
            post_attention_norm,
            feed_forward_norm,
            gate_up,
            down,
            post_feed_forward_norm,
        })
    }

    /// The tensors of these names and rows, one below the other.
    pub async fn matrix(
        &mut self,
        tensors: &[(&str, usize)],
        columns: usize,
    ) -> Result<C::Matrix, Error> {
        let mut parts = Vec::with_capacity(tensors.len());
        for &(name, rows) in tensors {
            let info = self.header.shaped(name, &[columns, rows])?;
            parts.push(Part {
                name,
                kind: info.kind,
                rows,
                bytes: read_tensor(self.source, name, info).await?,
            });
        }
        let matrix = self.compute.matrix(parts, columns).await?;
        tensors.iter().for_each(|&(name, _)| self.advance(name));
        Ok(matrix)
    }

    /// Those rows of a tensor that belong to the tokens `ids`.
    pub async fn rows(
        &mut self,
        name: &str,
        config: &Config,
        ids: &[u32],
    ) -> Result<C::Matrix, Error> {
        let info = self
            .header
            .shaped(name, &[config.width, config.vocabulary])?;
        let length = info.kind.row_bytes(config.width);
        let mut bytes = vec![0; ids.len() * length];
        for (row, &id) in bytes.chunks_exact_mut(length).zip(ids) {
            let start = info.start + u64::from(id) * length as u64;
            self.source.read_at(start, row).await?;
        }
        let part = Part {
            name,
            kind: info.kind,
            rows: ids.len(),
            bytes,
        };
        self.compute.matrix(vec![part], config.width).await
    }

    /// A norm's weights.
    pub async fn vector(&mut self, name: &str, length: usize) -> Result<C::Vector, Error> {
        let values = self.floats(name, length).await?;
        Ok(self.compute.vector(values))
    }

    /// A short tensor of floats.
    async fn floats(&mut self, name: &str, length: usize) -> Result<Vec<f32>, Error> {
        let info = self.header.shaped(name, &[length])?;
        if info.kind != TensorType::F32 {
            return Err(Error::Unsupported {
                what: format!("tensor {name}: a vector of type {:?}", info.kind),
            });
        }
        let bytes = read_tensor(self.source, name, info).await?;
        let values = bytes
            .as_chunks()
            .0
            .iter()
            .map(|&four| f32::from_le_bytes(four))
            .collect();
        self.advance(name);
        Ok(values)
    }

    /// A tensor that nobody asked for.
    pub fn left(&self) -> Option<&'a str> {
        let mut names = self.header.tensor_names();
        names.find(|name| !self.taken.contains(*name))
    }

    fn advance(&mut self, name: &str) {
        self.loaded += self.header.tensor(name).map_or(0, |info| info.bytes);
        self.taken.insert(name.to_owned());
        (self.progress)(self.loaded);
    }
}
