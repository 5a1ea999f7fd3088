//! A decoder-only transformer, once, over any [`Compute`]; [`Config`] says where architectures differ.

mod weights;

use crate::{
    Error, Pause, Source,
    architecture::Config,
    compute::{CacheShape, Compute, HeadNorms},
    conversations::Conversations,
    gguf::Header,
};
use weights::Weights;

/// Positions by which caches grow.
const CACHE_STEP: usize = 256;

/// Weights on a device, and the caches that belong to them.
pub(crate) struct Transformer<C: Compute> {
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
    /// Qwen 2: `[(heads + 2 kv_heads) * head_dim]`
    qkv_bias: Option<C::Vector>,
    /// Qwen 3 and Gemma 3, of queries and of keys: `[head_dim]` each
    head_norms: Option<[C::Vector; 2]>,
    /// `[width, heads * head_dim]`
    attention_output: C::Matrix,
    /// Gemma 3: `[width]`
    post_attention_norm: Option<C::Vector>,
    /// `[width]`
    feed_forward_norm: C::Vector,
    /// Gates, then ups: `[2 * hidden, width]`
    gate_up: C::Matrix,
    /// `[width, hidden]`
    down: C::Matrix,
    /// Gemma 3: `[width]`
    post_feed_forward_norm: Option<C::Vector>,
}

impl<C: Compute> Transformer<C> {
    /// Brings the weights to the device, one matrix at a time. `progress` gets the bytes done.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`], [`Error::Unsupported`] for a tensor that
    /// this architecture has no place for, and what the source and the device say.
    pub async fn load<S: Source>(
        compute: C,
        mut config: Config,
        header: &Header,
        source: &S,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, Error> {
        let mut weights = Weights::new(&compute, header, source, progress);
        let (width, vocabulary) = (config.width, config.vocabulary);
        weights.rope_factors(&mut config).await?;
        let embedding = weights
            .matrix(&[("token_embd.weight", vocabulary)], width)
            .await?;
        let mut layers = Vec::new();
        let mut rehearsed = Vec::new();
        for index in 0..config.layers {
            let layer = weights.layer(&config, index).await?;
            let kinds = header.layer_kinds(index);
            if C::REHEARSES && !rehearsed.contains(&kinds) {
                layer.rehearse(&compute, &config, index, &embedding)?;
                rehearsed.push(kinds);
            }
            layers.push(layer);
        }
        let output_norm = weights.vector("output_norm.weight", width).await?;
        let output = match header.tensor("output.weight") {
            Some(_) => Some(
                weights
                    .matrix(&[("output.weight", vocabulary)], width)
                    .await?,
            ),
            None => None,
        };
        // A bias or a table of frequencies that nobody read would change every answer.
        if let Some(name) = weights.left() {
            return Err(Error::Unsupported {
                what: format!("tensor {name} in the architecture {}", config.name),
            });
        }

        Ok(Self::of(
            compute,
            config,
            embedding,
            layers,
            output_norm,
            output,
        ))
    }

    /// A small part of the model: its first layer, and of its vocabulary the tokens `ids`, numbered from 0
    /// on. `config` is that of the whole model.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_cut<S: Source>(
        compute: C,
        config: &Config,
        header: &Header,
        source: &S,
        ids: &[u32],
    ) -> Result<Self, Error> {
        let mut progress = |_| {};
        let mut weights = Weights::new(&compute, header, source, &mut progress);
        let embedding = weights.rows("token_embd.weight", config, ids).await?;
        let layers = vec![weights.layer(config, 0).await?];
        let output_norm = weights.vector("output_norm.weight", config.width).await?;
        let output = match header.tensor("output.weight") {
            Some(_) => Some(weights.rows("output.weight", config, ids).await?),
            None => None,
        };
        Ok(Self::of(
            compute,
            config.cut(ids.len()),
            embedding,
            layers,
            output_norm,
            output,
        ))
    }

    /// With empty caches.
    fn of(
        compute: C,
        config: Config,
        embedding: C::Matrix,
        layers: Vec<Layer<C>>,
        output_norm: C::Vector,
        output: Option<C::Matrix>,
    ) -> Self {
        let caches = empty_caches(&compute, &config, layers.len());
        // Keys and values, f32.
        let kv_width = config.global.kv_heads * config.global.head_dim;
        let conversations = Conversations::new(CONVERSATIONS, layers.len() * kv_width * 2 * 4);
        Self {
            compute,
            config,
            embedding,
            layers,
            output_norm,
            output,
            caches,
            conversations,
        }
    }

    /// Brings the caches of the conversation to the fore that has most in common with `prompt`;
    /// `tokens` are those in the caches, then and now.
    pub fn switch(&mut self, prompt: &[u32], tokens: &mut Vec<u32>) {
        let fresh = || empty_caches(&self.compute, &self.config, self.layers.len());
        self.conversations
            .switch(prompt, tokens, &mut self.caches, fresh);
    }

    /// As [`Config::limit_context`].
    pub fn limit_context(&mut self, tokens: usize) -> bool {
        let turned = self.config.limit_context(tokens);
        if turned {
            self.conversations.clear();
        }
        turned
    }

    /// Runs `ids` from `position` on through all layers and writes their keys and values to the
    /// caches: `[ids.len(), width]`. Waits for nothing but `pause`, after each layer; when it is dropped
    /// there, the caches hold what they held before `position`.
    ///
    /// # Errors
    /// [`Error::DeviceLimit`] or [`Error::Memory`] when the caches cannot grow; they are empty then.
    pub async fn forward(
        &mut self,
        ids: &[u32],
        position: usize,
        pause: &impl Pause,
    ) -> Result<C::Tensor, Error> {
        let mut x = self.begin(ids, position)?;
        for index in 0..self.layers.len() {
            x = self.layer(index, &x, position);
            pause.pause().await;
        }
        Ok(x)
    }

    /// As [`Self::forward`], through the first layer alone.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn first_layer(&mut self, ids: &[u32], position: usize) -> Result<C::Tensor, Error> {
        let x = self.begin(ids, position)?;
        Ok(self.layer(0, &x, position))
    }

    /// Makes room in the caches, and looks the tokens up.
    fn begin(&mut self, ids: &[u32], position: usize) -> Result<C::Tensor, Error> {
        let Self {
            compute,
            config,
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
            if let Err(error) = reserve(compute, caches, room) {
                // What they took is what the next answer needs.
                *caches = empty_caches(compute, config, caches.len());
                return Err(error);
            }
        }
        Ok(compute.embed(&self.embedding, ids, config.embedding_scale))
    }

    /// Takes tokens from `position` on through a layer.
    fn layer(&mut self, index: usize, x: &C::Tensor, position: usize) -> C::Tensor {
        let Self {
            compute,
            config,
            layers,
            caches,
            ..
        } = self;
        layers[index].forward(compute, config, index, &mut caches[index], x, position)
    }

    /// Scores of the token after the last row of `x`: `[1, vocabulary]`.
    pub fn logits(&self, x: &C::Tensor) -> C::Tensor {
        self.all_logits(&self.compute.last_row(x))
    }

    /// Scores of the token after each row of `x`: `[tokens, vocabulary]`.
    pub fn all_logits(&self, x: &C::Tensor) -> C::Tensor {
        let output = self.output.as_ref().unwrap_or(&self.embedding);
        self.compute
            .norm_linear(x, &self.output_norm, self.config.epsilon, output)
    }
}

impl<C: Compute> Layer<C> {
    /// Takes tokens from `position` on through this layer, the `index`-th.
    fn forward(
        &self,
        compute: &C,
        config: &Config,
        index: usize,
        cache: &mut C::Cache,
        x: &C::Tensor,
        position: usize,
    ) -> C::Tensor {
        let epsilon = config.epsilon;
        // `residual + norm(x · Wᵀ)`, of an architecture that norms what a step gives.
        let add = |x: &C::Tensor,
                   weight: &C::Matrix,
                   norm: Option<&C::Vector>,
                   residual: &C::Tensor| match norm {
            None => compute.linear_add(x, weight, residual),
            Some(norm) => {
                let normed = compute.rms_norm(&compute.linear(x, weight), norm, epsilon);
                compute.add(residual, &normed)
            }
        };
        let mut qkv = compute.norm_linear(x, &self.attention_norm, epsilon, &self.qkv);
        if let Some(bias) = &self.qkv_bias {
            qkv = compute.add_bias(&qkv, bias);
        }
        let norms = self.head_norms.as_ref().map(|[query, key]| HeadNorms {
            query,
            key,
            epsilon,
        });
        let attended = compute.attention(&qkv, norms, cache, position, config.attention(index));
        let norm = self.post_attention_norm.as_ref();
        let x = add(&attended, &self.attention_output, norm, x);
        let gated = compute.norm_gated(
            &x,
            &self.feed_forward_norm,
            epsilon,
            &self.gate_up,
            config.activation,
        );
        add(&gated, &self.down, self.post_feed_forward_norm.as_ref(), &x)
    }

    /// Takes a token and a slice of a prompt through this layer, so that a device that compiles what it is
    /// first asked for does so while other weights are on their way. What is computed is of no use.
    fn rehearse(
        &self,
        compute: &C,
        config: &Config,
        index: usize,
        embedding: &C::Matrix,
    ) -> Result<(), Error> {
        let mut caches = empty_caches(compute, config, 1);
        reserve(compute, &mut caches, CACHE_STEP.min(config.context))?;
        for ids in [&[0][..], &[0, 0]] {
            let x = compute.embed(embedding, ids, config.embedding_scale);
            let x = self.forward(compute, config, index, &mut caches[0], &x, 0);
            // Any norm stands for the one of the output, and the embedding for an output of its own.
            let (x, norm) = (compute.last_row(&x), &self.attention_norm);
            compute.rehearse(&compute.norm_linear(&x, norm, config.epsilon, embedding));
        }
        Ok(())
    }
}

fn empty_caches<C: Compute>(compute: &C, config: &Config, layers: usize) -> Vec<C::Cache> {
    let shape = CacheShape {
        context: config.context,
        kv_heads: config.global.kv_heads,
        head_dim: config.global.head_dim,
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

#[cfg(test)]
mod tests;
