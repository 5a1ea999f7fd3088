//! The Llama architecture (Touvron et al. 2023), once, over any [`Compute`].

use crate::{
    Error, Source,
    compute::{Activation, AttentionShape, CacheShape, Compute, Pairs, Part, Rope},
    conversations::Conversations,
    gguf::{Header, TensorInfo, TensorType, read_tensor},
};

/// Positions by which caches grow.
const CACHE_STEP: usize = 256;

/// Sizes of a model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Width between the two halves of a feed-forward step.
    pub hidden: usize,
    pub vocabulary: usize,
    pub context: usize,
    pub epsilon: f32,
    pub attention: AttentionShape,
}

impl Config {
    /// From `llama.*` metadata.
    ///
    /// # Errors
    /// [`Error::Architecture`], [`Error::MissingMetadata`], [`Error::Corrupt`] for sizes that cannot
    /// be, [`Error::Unsupported`] for what would change the answers.
    pub fn of(header: &Header, vocabulary: usize) -> Result<Self, Error> {
        let architecture = header.string("general.architecture")?;
        if architecture != "llama" {
            return Err(Error::Architecture {
                found: architecture.to_owned(),
            });
        }
        let width = header.size("llama.embedding_length")?;
        let heads = header.size("llama.attention.head_count")?;
        let kv_heads = header
            .optional_size("llama.attention.head_count_kv")?
            .unwrap_or(heads);
        if heads == 0 || kv_heads == 0 || width == 0 || width % heads != 0 || heads % kv_heads != 0
        {
            let what = format!("{width} wide with {heads} heads over {kv_heads} key/value heads");
            return Err(Error::Corrupt { what });
        }
        let head_dim = width / heads;
        for key in ["llama.attention.key_length", "llama.attention.value_length"] {
            if header
                .optional_size(key)?
                .is_some_and(|length| length != head_dim)
            {
                return Err(Error::Unsupported {
                    what: format!("{key} other than {head_dim}"),
                });
            }
        }
        let rope_dimensions = header
            .optional_size("llama.rope.dimension_count")?
            .unwrap_or(head_dim);
        if rope_dimensions > head_dim || rope_dimensions % 2 != 0 {
            let what =
                format!("llama.rope.dimension_count is {rope_dimensions}, a head {head_dim} wide");
            return Err(Error::Corrupt { what });
        }
        if header
            .string("llama.rope.scaling.type")
            .is_ok_and(|kind| kind != "none")
        {
            return Err(Error::Unsupported {
                what: "llama.rope.scaling.type".to_owned(),
            });
        }
        if header
            .optional_size("llama.expert_count")?
            .is_some_and(|experts| experts > 0)
        {
            return Err(Error::Unsupported {
                what: "llama.expert_count (a mixture of experts)".to_owned(),
            });
        }
        let context = header.size("llama.context_length")?;
        let epsilon = header.float("llama.attention.layer_norm_rms_epsilon")?;
        let rope_base = header
            .optional_float("llama.rope.freq_base")?
            .unwrap_or(10_000.0);
        let positive = |value: f32| value.is_finite() && value > 0.0;
        if context == 0 || !positive(epsilon) || !positive(rope_base) {
            let what = format!("context {context}, epsilon {epsilon}, rope base {rope_base}");
            return Err(Error::Corrupt { what });
        }
        Ok(Self {
            layers: header.size("llama.block_count")?,
            width,
            hidden: header.size("llama.feed_forward_length")?,
            vocabulary,
            context,
            epsilon,
            attention: AttentionShape {
                heads,
                kv_heads,
                head_dim,
                scale: 1.0 / (head_dim as f32).sqrt(),
                window: None,
                rope: Rope {
                    pairs: Pairs::Neighbours,
                    frequencies: (0..rope_dimensions / 2)
                        .map(|pair| {
                            let exponent = -2.0 * pair as f64 / rope_dimensions as f64;
                            f64::from(rope_base).powf(exponent)
                        })
                        .collect(),
                    magnitude: 1.0,
                },
            },
        })
    }
}

/// Weights on a device, and the caches that belong to them.
pub(crate) struct Llama<C: Compute> {
    pub compute: C,
    pub config: Config,
    /// `[vocabulary, width]`
    embedding: C::Matrix,
    layers: Vec<Layer<C>>,
    /// `[width]`
    output_norm: C::Vector,
    /// `[vocabulary, width]`; without it the embedding serves for both (tied).
    output: Option<C::Matrix>,
    caches: Vec<C::Cache>,
    /// Caches of other conversations.
    pub conversations: Conversations<C::Cache>,
}

/// Bytes that other conversations' caches may take, unless told otherwise.
const CONVERSATIONS: usize = 64 << 20;

struct Layer<C: Compute> {
    /// `[width]`
    attention_norm: C::Vector,
    /// Queries, keys and values: `[(heads + 2 kv_heads) * head_dim, width]`
    qkv: C::Matrix,
    /// `[width, heads * head_dim]`
    attention_output: C::Matrix,
    /// `[width]`
    feed_forward_norm: C::Vector,
    /// Gates, then ups: `[2 * hidden, width]`
    gate_up: C::Matrix,
    /// `[width, hidden]`
    down: C::Matrix,
}

impl<C: Compute> Llama<C> {
    /// Brings the weights to the device, one tensor at a time. `progress` gets the bytes done.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`], [`Error::Unsupported`] for a tensor that
    /// this architecture has no place for, and what the source and the device say.
    pub async fn load<S: Source>(
        compute: C,
        config: Config,
        header: &Header,
        source: &S,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, Error> {
        let (width, hidden) = (config.width, config.hidden);
        let query_width = config.attention.heads * config.attention.head_dim;
        let kv_width = config.attention.kv_heads * config.attention.head_dim;
        let mut weights = Weights {
            compute: &compute,
            header,
            source,
            progress,
            loaded: 0,
            taken: 0,
        };

        let embedding = weights
            .matrix(&[("token_embd.weight", config.vocabulary)], width)
            .await?;
        let mut layers = Vec::new();
        for index in 0..config.layers {
            let name = |part: &str| format!("blk.{index}.{part}.weight");
            layers.push(Layer {
                attention_norm: weights.vector(&name("attn_norm"), width).await?,
                qkv: weights
                    .matrix(
                        &[
                            (&name("attn_q"), query_width),
                            (&name("attn_k"), kv_width),
                            (&name("attn_v"), kv_width),
                        ],
                        width,
                    )
                    .await?,
                attention_output: weights
                    .matrix(&[(&name("attn_output"), width)], query_width)
                    .await?,
                feed_forward_norm: weights.vector(&name("ffn_norm"), width).await?,
                gate_up: weights
                    .matrix(
                        &[(&name("ffn_gate"), hidden), (&name("ffn_up"), hidden)],
                        width,
                    )
                    .await?,
                down: weights
                    .matrix(&[(&name("ffn_down"), width)], hidden)
                    .await?,
            });
        }
        let output_norm = weights.vector("output_norm.weight", width).await?;
        let output = match header.tensor("output.weight") {
            Some(_) => Some(
                weights
                    .matrix(&[("output.weight", config.vocabulary)], width)
                    .await?,
            ),
            None => None,
        };

        // A bias or a table of frequencies that nobody read would change every answer.
        let taken = weights.taken;
        if taken != header.tensor_names().count() {
            let known = |name: &str| {
                let part = name
                    .strip_prefix("blk.")
                    .and_then(|rest| rest.split_once('.'));
                match part {
                    Some((index, part)) => {
                        index
                            .parse::<usize>()
                            .is_ok_and(|index| index < config.layers)
                            && LAYER_PARTS.contains(&part)
                    }
                    None => {
                        ["token_embd.weight", "output_norm.weight", "output.weight"].contains(&name)
                    }
                }
            };
            let name = header
                .tensor_names()
                .find(|name| !known(name))
                .unwrap_or("of a second name");
            return Err(Error::Unsupported {
                what: format!("tensor {name} in the architecture llama"),
            });
        }

        let caches = empty_caches(&compute, &config, layers.len());
        // Keys and values, f32.
        let kv_width = config.attention.kv_heads * config.attention.head_dim;
        let conversations = Conversations::new(CONVERSATIONS, layers.len() * kv_width * 2 * 4);
        Ok(Self {
            compute,
            config,
            embedding,
            layers,
            output_norm,
            output,
            caches,
            conversations,
        })
    }

    /// Brings the caches of the conversation to the fore that has most in common with `prompt`;
    /// `tokens` are those in the caches, then and now.
    pub fn switch(&mut self, prompt: &[u32], tokens: &mut Vec<u32>) {
        let fresh = || empty_caches(&self.compute, &self.config, self.layers.len());
        self.conversations
            .switch(prompt, tokens, &mut self.caches, fresh);
    }

    /// Runs `ids` from `position` on through all layers and writes their keys and values to the
    /// caches: `[ids.len(), width]`. Nothing is waited for.
    ///
    /// # Errors
    /// [`Error::DeviceLimit`] when the caches cannot grow; they are as they were.
    pub fn forward(&mut self, ids: &[u32], position: usize) -> Result<C::Tensor, Error> {
        let Self {
            compute,
            config,
            layers,
            caches,
            conversations,
            ..
        } = self;
        let room = (position + ids.len())
            .next_multiple_of(CACHE_STEP)
            .min(config.context);
        if reserve(compute, caches, room).is_err() {
            // Other conversations' caches may be what is in the way.
            conversations.clear();
            reserve(compute, caches, room)?;
        }
        let epsilon = config.epsilon;
        let mut x = compute.embed(&self.embedding, ids, 1.0);
        for (layer, cache) in layers.iter().zip(caches) {
            let qkv = compute.norm_linear(&x, &layer.attention_norm, epsilon, &layer.qkv);
            let attended = compute.attention(&qkv, None, cache, position, &config.attention);
            x = compute.linear_add(&attended, &layer.attention_output, &x);
            let gated = compute.norm_gated(
                &x,
                &layer.feed_forward_norm,
                epsilon,
                &layer.gate_up,
                Activation::Silu,
            );
            x = compute.linear_add(&gated, &layer.down, &x);
        }
        Ok(x)
    }

    /// Scores of the token after the last row of `x`: `[1, vocabulary]`.
    pub fn logits(&self, x: &C::Tensor) -> C::Tensor {
        let last = self.compute.last_row(x);
        let output = self.output.as_ref().unwrap_or(&self.embedding);
        self.compute
            .norm_linear(&last, &self.output_norm, self.config.epsilon, output)
    }
}

const LAYER_PARTS: [&str; 9] = [
    "attn_norm.weight",
    "attn_q.weight",
    "attn_k.weight",
    "attn_v.weight",
    "attn_output.weight",
    "ffn_norm.weight",
    "ffn_gate.weight",
    "ffn_up.weight",
    "ffn_down.weight",
];

fn empty_caches<C: Compute>(compute: &C, config: &Config, layers: usize) -> Vec<C::Cache> {
    let shape = CacheShape {
        context: config.context,
        kv_heads: config.attention.kv_heads,
        head_dim: config.attention.head_dim,
    };
    (0..layers).map(|_| compute.cache(shape)).collect()
}

fn reserve<C: Compute>(
    compute: &C,
    caches: &mut [C::Cache],
    positions: usize,
) -> Result<(), Error> {
    caches
        .iter_mut()
        .try_for_each(|cache| compute.reserve(cache, positions))
}

/// Reads tensors by name and hands them to the device.
struct Weights<'a, C, S> {
    compute: &'a C,
    header: &'a Header,
    source: &'a S,
    progress: &'a mut dyn FnMut(u64),
    /// Bytes so far.
    loaded: u64,
    /// Tensors so far.
    taken: usize,
}

impl<C: Compute, S: Source> Weights<'_, C, S> {
    /// The tensors of these names and rows, one below the other.
    async fn matrix(
        &mut self,
        tensors: &[(&str, usize)],
        columns: usize,
    ) -> Result<C::Matrix, Error> {
        let mut parts = Vec::with_capacity(tensors.len());
        let mut infos = Vec::with_capacity(tensors.len());
        for &(name, rows) in tensors {
            let info = self.header.shaped(name, &[columns, rows])?;
            parts.push(Part {
                name,
                kind: info.kind,
                rows,
                bytes: read_tensor(self.source, name, info).await?,
            });
            infos.push(info);
        }
        let matrix = self.compute.matrix(parts, columns).await?;
        infos.into_iter().for_each(|info| self.advance(info));
        Ok(matrix)
    }

    async fn vector(&mut self, name: &str, length: usize) -> Result<C::Vector, Error> {
        let info = self.header.shaped(name, &[length])?;
        if info.kind != TensorType::F32 {
            return Err(Error::Unsupported {
                what: format!("tensor {name}: a norm of type {:?}", info.kind),
            });
        }
        let bytes = read_tensor(self.source, name, info).await?;
        let values = bytes
            .as_chunks()
            .0
            .iter()
            .map(|&four| f32::from_le_bytes(four))
            .collect();
        self.advance(info);
        Ok(self.compute.vector(values))
    }

    fn advance(&mut self, info: &TensorInfo) {
        self.loaded += info.bytes;
        self.taken += 1;
        (self.progress)(self.loaded);
    }
}
