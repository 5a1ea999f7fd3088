//! How likely a model finds a text: for perplexity, and to hold one engine against another.

use crate::{Error, Model, NoPause, compute::Compute, model::Device, transformer::Transformer};

impl Model {
    /// The natural logarithm of the probability of each of `tokens` but the first, given those before
    /// it: `tokens.len() - 1` values. Perplexity is `e` to the power of minus their mean.
    ///
    /// Takes the caches: the next answer begins without what the last turn left.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::TokenId`], [`Error::ContextOverflow`] when the tokens are more
    /// than the context, [`Error::NotFinite`], and what the device says.
    pub async fn log_probabilities(&mut self, tokens: &[u32]) -> Result<Vec<f32>, Error> {
        let (context, vocabulary) = (self.info().context_length, self.info().vocabulary);
        if tokens.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if tokens.len() > context {
            return Err(Error::ContextOverflow {
                prompt: tokens.len(),
                context,
            });
        }
        if let Some(&id) = tokens.iter().find(|&&id| id as usize >= vocabulary) {
            return Err(Error::TokenId { id, vocabulary });
        }
        let (_, device, cached) = self.parts();
        cached.clear();
        match device {
            Device::Cpu(transformer) => score(transformer, tokens).await,
            #[cfg(feature = "wgpu")]
            Device::WebGpu(transformer) => score(transformer, tokens).await,
        }
    }
}

async fn score<C: Compute>(
    transformer: &mut Transformer<C>,
    tokens: &[u32],
) -> Result<Vec<f32>, Error> {
    let mut scores = Vec::with_capacity(tokens.len() - 1);
    // The last token has nothing after it.
    let given = &tokens[..tokens.len() - 1];
    for (slice, ids) in given.chunks(C::PREFILL).enumerate() {
        let position = slice * C::PREFILL;
        let x = transformer.forward(ids, position, &NoPause).await?;
        let logits = transformer
            .compute
            .read(&transformer.all_logits(&x))
            .await?;
        let rows = logits.chunks_exact(transformer.config.vocabulary);
        for (row, &next) in rows.zip(&tokens[position + 1..]) {
            scores.push(log_probability(row, next as usize)?);
        }
    }
    Ok(scores)
}

/// Of one entry of a softmax over all.
fn log_probability(logits: &[f32], at: usize) -> Result<f32, Error> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits
        .iter()
        .map(|&logit| f64::from(logit - highest).exp())
        .sum();
    let log_probability = (f64::from(logits[at] - highest) - sum.ln()) as f32;
    if log_probability.is_finite() {
        Ok(log_probability)
    } else {
        Err(Error::NotFinite)
    }
}
