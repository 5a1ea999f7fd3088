//! What the metadata of a GGUF file says about the transformer in it.
//!
//! The architectures are one sequence of steps (`transformer.rs`) with a few differences, and a
//! [`Config`] is all of them. Keys: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use crate::{
    Error,
    compute::{Activation, AttentionShape, Pairs, Rope},
    gguf::Header,
};

/// Gemma 3's base of rotary angles in layers that see a sliding window only.
const LOCAL_ROPE_BASE: f32 = 10_000.0;
/// One layer of so many sees all positions in Gemma 3, the last of each group.
const GEMMA_PATTERN: usize = 6;
/// Layers of Gemma 3 27B, whose scores are scaled by another rule.
const GEMMA_27B_LAYERS: usize = 62;

/// Families of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// Llama (Touvron et al. 2023), also SmolLM2, TinyLlama, Mistral.
    Llama,
    /// Qwen 2 and 2.5: biases on queries, keys and values.
    Qwen2,
    /// Qwen 3: norms of the heads of queries and keys.
    Qwen3,
    /// Gemma 3: those, norms after each step too, sliding windows.
    Gemma3,
    /// Phi 3 and 4-mini: queries, keys and values in one tensor, gate and up in one.
    Phi3,
}

impl Architecture {
    /// `general.architecture`, and the beginning of the other keys.
    pub const ALL: [(&'static str, Self); 5] = [
        ("llama", Self::Llama),
        ("qwen2", Self::Qwen2),
        ("qwen3", Self::Qwen3),
        ("gemma3", Self::Gemma3),
        ("phi3", Self::Phi3),
    ];
}

/// Sizes of a model, and where its architecture differs from others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    /// As the file names it.
    pub name: &'static str,
    pub architecture: Architecture,
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Width between the two halves of a feed-forward step.
    pub hidden: usize,
    pub vocabulary: usize,
    pub context: usize,
    pub epsilon: f32,
    /// Factor of the embeddings.
    pub embedding_scale: f32,
    pub activation: Activation,
    /// Attention over all positions.
    pub global: AttentionShape,
    /// Attention over a sliding window, and its pattern: layer `i` has it unless `i + 1` is a
    /// multiple of the second.
    pub local: Option<(AttentionShape, usize)>,
    /// Phi 3: the context that it was first trained with, tokens.
    pub original_context: usize,
    pub long_rope: Option<LongRope>,
}

/// Two ways to turn, of a model that was trained for a longer context later
/// (LongRoPE, Ding et al. 2024). Radians per position, one for each pair.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LongRope {
    /// While the context is no longer than the original one.
    short: Vec<f64>,
    long: Vec<f64>,
}

impl Config {
    /// From the metadata.
    ///
    /// # Errors
    /// [`Error::Architecture`], [`Error::MissingMetadata`], [`Error::Corrupt`] for sizes that cannot
    /// be, [`Error::Unsupported`] for what would change the answers.
    pub fn of(header: &Header, vocabulary: usize) -> Result<Self, Error> {
        let found = header.string("general.architecture")?;
        let Some(&(name, architecture)) = Architecture::ALL.iter().find(|(name, _)| *name == found)
        else {
            return Err(Error::Architecture {
                found: found.to_owned(),
            });
        };
        let key = |rest: &str| format!("{name}.{rest}");
        refuse_variants(header, name)?;

        let layers = header.size(&key("block_count"))?;
        let width = header.size(&key("embedding_length"))?;
        let heads = header.size(&key("attention.head_count"))?;
        let kv_heads = header
            .optional_size(&key("attention.head_count_kv"))?
            .unwrap_or(heads);
        let key_length = header.optional_size(&key("attention.key_length"))?;
        if heads == 0
            || kv_heads == 0
            || width == 0
            || heads % kv_heads != 0
            || (key_length.is_none() && width % heads != 0)
        {
            let what = format!("{width} wide with {heads} heads over {kv_heads} key/value heads");
            return Err(Error::Corrupt { what });
        }
        let head_dim = key_length.unwrap_or(width / heads);
        let values = key("attention.value_length");
        if head_dim == 0
            || header
                .optional_size(&values)?
                .is_some_and(|length| length != head_dim)
        {
            return Err(Error::Unsupported {
                what: format!("{values} other than {head_dim}"),
            });
        }

        let context = header.size(&key("context_length"))?;
        let epsilon = header.float(&key("attention.layer_norm_rms_epsilon"))?;
        let rope_base = header
            .optional_float(&key("rope.freq_base"))?
            .unwrap_or(10_000.0);
        let (stretch, magnitude) = rope_scaling(header, name)?;
        let positive = |value: f32| value.is_finite() && value > 0.0;
        if context == 0
            || ![epsilon, rope_base, stretch, magnitude]
                .map(positive)
                .iter()
                .all(|&good| good)
        {
            let what = format!(
                "context {context}, epsilon {epsilon}, rope base {rope_base}, stretched by {stretch}, magnitude {magnitude}"
            );
            return Err(Error::Corrupt { what });
        }
        let original_context = header
            .optional_size(&key("rope.scaling.original_context_length"))?
            .filter(|&original| original > 0)
            .unwrap_or(context);

        let rope_dimensions = header
            .optional_size(&key("rope.dimension_count"))?
            .unwrap_or(head_dim);
        if rope_dimensions == 0 || rope_dimensions > head_dim || !rope_dimensions.is_multiple_of(2)
        {
            let what =
                format!("{name}.rope.dimension_count is {rope_dimensions}, a head {head_dim} wide");
            return Err(Error::Corrupt { what });
        }
        let rope = |base: f32, stretch: f32| Rope {
            pairs: match architecture {
                Architecture::Llama => Pairs::Neighbours,
                _ => Pairs::Halves,
            },
            frequencies: (0..rope_dimensions / 2)
                .map(|pair| {
                    let exponent = -2.0 * pair as f64 / rope_dimensions as f64;
                    f64::from(base).powf(exponent) / f64::from(stretch)
                })
                .collect(),
            magnitude,
        };
        let scaled_by = match architecture {
            Architecture::Gemma3 if layers == GEMMA_27B_LAYERS => width / heads,
            _ => head_dim,
        };
        let global = AttentionShape {
            heads,
            kv_heads,
            head_dim,
            scale: 1.0 / (scaled_by as f32).sqrt(),
            window: None,
            rope: rope(rope_base, stretch),
        };
        let window = match architecture {
            Architecture::Gemma3 | Architecture::Phi3 => header
                .optional_size(&key("attention.sliding_window"))?
                .filter(|&window| window > 0),
            _ => None,
        };
        let local = window.map(|window| {
            let (rope, pattern) = match architecture {
                Architecture::Gemma3 => (rope(LOCAL_ROPE_BASE, 1.0), GEMMA_PATTERN),
                // All layers.
                _ => (global.rope.clone(), usize::MAX),
            };
            let shape = AttentionShape {
                window: Some(window),
                rope,
                ..global.clone()
            };
            (shape, pattern)
        });
        let gemma = architecture == Architecture::Gemma3;
        Ok(Self {
            name,
            architecture,
            layers,
            width,
            hidden: header.size(&key("feed_forward_length"))?,
            vocabulary,
            context,
            epsilon,
            embedding_scale: if gemma { (width as f32).sqrt() } else { 1.0 },
            activation: if gemma {
                Activation::Gelu
            } else {
                Activation::Silu
            },
            global,
            local,
            original_context,
            long_rope: None,
        })
    }

    /// What attention is in a layer.
    pub fn attention(&self, layer: usize) -> &AttentionShape {
        match &self.local {
            Some((local, pattern)) if !(layer + 1).is_multiple_of(*pattern) => local,
            _ => &self.global,
        }
    }

    /// Divides the angles of rotary positions: a factor for each pair, in all layers.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a factor that is none.
    pub fn divide_frequencies(&mut self, tensor: &str, factors: &[f32]) -> Result<(), Error> {
        let frequencies = self.divided(tensor, factors)?;
        self.turn_by(&frequencies);
        Ok(())
    }

    /// The same with one tensor's factors for a context up to the original one, and another's for a
    /// longer one. As in llama.cpp it is the longest that a conversation may get that counts, not how
    /// long one is: its cache holds keys that have been turned.
    ///
    /// # Errors
    /// As [`Self::divide_frequencies`].
    pub fn divide_frequencies_by_context(
        &mut self,
        short: (&str, &[f32]),
        long: (&str, &[f32]),
    ) -> Result<(), Error> {
        self.long_rope = Some(LongRope {
            short: self.divided(short.0, short.1)?,
            long: self.divided(long.0, long.1)?,
        });
        self.turn_for_context();
        Ok(())
    }

    /// That of the first layer alone, with so many tokens of the vocabulary.
    pub fn cut(&self, vocabulary: usize) -> Self {
        Self {
            layers: 1,
            vocabulary,
            ..self.clone()
        }
    }

    /// Makes the context no longer than `tokens`. Says whether positions are turned in another way
    /// from now on, so that what caches hold is of no use.
    pub fn limit_context(&mut self, tokens: usize) -> bool {
        self.context = self.context.min(tokens);
        let before = self.global.rope.clone();
        self.turn_for_context();
        self.global.rope != before
    }

    fn turn_for_context(&mut self) {
        if let Some(LongRope { short, long }) = self.long_rope.clone() {
            self.turn_by(if self.context > self.original_context {
                &long
            } else {
                &short
            });
        }
    }

    fn turn_by(&mut self, frequencies: &[f64]) {
        let local = self.local.iter_mut().map(|(shape, _)| shape);
        for shape in local.chain([&mut self.global]) {
            shape.rope.frequencies = frequencies.to_vec();
        }
    }

    fn divided(&self, tensor: &str, factors: &[f32]) -> Result<Vec<f64>, Error> {
        if let Some(factor) = factors
            .iter()
            .find(|factor| !(factor.is_finite() && **factor > 0.0))
        {
            let what = format!("tensor {tensor} has the factor {factor}");
            return Err(Error::Corrupt { what });
        }
        let frequencies = self.global.rope.frequencies.iter().zip(factors);
        Ok(frequencies
            .map(|(frequency, &factor)| frequency / f64::from(factor))
            .collect())
    }
}

/// What would change every answer and is not there.
fn refuse_variants(header: &Header, name: &str) -> Result<(), Error> {
    let key = |rest: &str| format!("{name}.{rest}");
    let unsupported = |what: String| Err(Error::Unsupported { what });
    let experts = key("expert_count");
    if header
        .optional_size(&experts)?
        .is_some_and(|count| count > 0)
    {
        return unsupported(format!("{experts} (a mixture of experts)"));
    }
    for rest in ["attn_logit_softcapping", "final_logit_softcapping"] {
        if header
            .optional_float(&key(rest))?
            .is_some_and(|cap| cap != 0.0)
        {
            return unsupported(key(rest));
        }
    }
    for rest in [
        "rope.scale_linear",
        "attention.sliding_window_pattern",
        "rope.freq_base_swa",
    ] {
        if header.has(&key(rest)) {
            return unsupported(key(rest));
        }
    }
    Ok(())
}

/// By how much positions are stretched, and the magnitude that goes with it.
fn rope_scaling(header: &Header, name: &str) -> Result<(f32, f32), Error> {
    let key = |rest: &str| format!("{name}.rope.scaling.{rest}");
    let magnitude = header.optional_float(&key("attn_factor"))?.unwrap_or(1.0);
    let factor = header
        .optional_float(&key("factor"))?
        .filter(|&factor| factor != 0.0);
    match header.string(&key("type")).unwrap_or("linear") {
        "none" => Ok((1.0, magnitude)),
        "linear" => Ok((factor.unwrap_or(1.0), magnitude)),
        // By tensors of factors.
        "longrope" if name == "phi3" => Ok((1.0, magnitude)),
        kind => Err(Error::Unsupported {
            what: format!("{} {kind}", key("type")),
        }),
    }
}
