//! From a prompt to an answer, one bounded step at a time.

use crate::{
    Error, Model, NoPause, Pause, Sampling,
    compute::Compute,
    constrain::{Gate, Matcher},
    model::Device,
    sample::{Need, Sampled, Sampler},
    tokenizer::{Pieces, Tokenizer},
    transformer::Transformer,
};

/// What one step brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Part of the prompt went through the model.
    Prefill {
        /// Tokens of the prompt that are in the cache.
        done: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// One token of the answer.
    Token {
        /// Its id.
        id: u32,
        /// Text that it completed: whole characters, without what may be the beginning of a stop
        /// text. May be empty.
        text: String,
        /// Natural logarithm of its probability in the model's own distribution.
        log_probability: f32,
        /// The most likely tokens of that distribution and their log-probabilities, the most likely
        /// first; as many as [`Sampling::top_log_probabilities`] asks for.
        top: Vec<(u32, f32)>,
        /// How far the most likely token of that distribution is above the second, in natural
        /// logarithms, at least 0; 0 for a token that was chosen elsewhere ([`Model::resume`]).
        margin: f32,
        /// The distribution's entropy in nats over its four most likely tokens and all others taken
        /// as one, which is a lower bound; 0 for a token that was chosen elsewhere.
        entropy: f32,
    },
    /// The answer is complete.
    Done {
        /// Why it ended.
        finish: Finish,
        /// Mean over all tokens of the answer; 0 if there are none.
        mean_log_probability: f32,
        /// Tokens of the prompt.
        prompt_tokens: usize,
        /// Tokens of the answer, the one that ends the turn included.
        completion_tokens: usize,
    },
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model ended its turn, or nothing more may come after what it wrote.
    EndOfTurn,
    /// A stop text came up.
    Stop,
    /// `max_tokens` or the context's end was reached.
    Length,
    /// As [`Self::Length`], before the answer was what [`Sampling::constraint`] asks for.
    Incomplete,
}

impl Model {
    /// Begins an answer to `prompt`. What this conversation's last turn left in the cache is used as far
    /// as the prompts are equal; caches of other conversations are kept for their next turn, the most
    /// recently used ones, within [`Model::keep_conversations`].
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::TokenId`], [`Error::Sampling`], [`Error::Constraint`], and
    /// [`Error::ContextOverflow`] when the prompt leaves no room for a token.
    pub fn start(&mut self, prompt: Vec<u32>, sampling: Sampling) -> Result<Generation<'_>, Error> {
        self.resume(prompt, &[], sampling)
            .map(|(generation, _)| generation)
    }

    /// Goes on with an answer to `prompt` that had `answered` already, before its device was lost or another
    /// one came in between, as if its tokens had been sampled here: what follows is what would have
    /// followed. Gives the steps that they were too, up to the answer's end: tokens beyond it are not
    /// taken.
    ///
    /// `answered`: ids with the natural logarithms of their probabilities, as [`Step::Token`] gave them.
    ///
    /// # Errors
    /// As [`Self::start`], and [`Error::Constraint`] when a token is none that could have been sampled here.
    pub fn resume(
        &mut self,
        prompt: Vec<u32>,
        answered: &[(u32, f32)],
        sampling: Sampling,
    ) -> Result<(Generation<'_>, Vec<Step>), Error> {
        let (context, vocabulary) = (self.info().context_length, self.info().vocabulary);
        if prompt.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if prompt.len() >= context {
            return Err(Error::ContextOverflow {
                prompt: prompt.len(),
                context,
            });
        }
        let tokens = answered.iter().map(|(id, _)| id);
        if let Some(&id) = prompt
            .iter()
            .chain(tokens.clone())
            .find(|&&id| id as usize >= vocabulary)
        {
            return Err(Error::TokenId { id, vocabulary });
        }
        sampling.check(vocabulary)?;
        let sampler = Sampler::new(&sampling, &prompt);
        let constraint = match &sampling.constraint {
            Some(constraint) => Some(constraint.matcher()?),
            None => None,
        };
        let (tokenizer, device, cached) = self.parts();
        let mut reusable = prompt.clone();
        reusable.extend(tokens);
        // At least one token must go through the model, for its logits.
        reusable.pop();
        let run = match device {
            Device::Cpu(transformer) => Run::Cpu(Turn::new(transformer, &reusable, cached)),
            #[cfg(feature = "wgpu")]
            Device::WebGpu(transformer) => Run::WebGpu(Turn::new(transformer, &reusable, cached)),
        };
        let reused = cached.len();
        let mut generation = Generation {
            tokenizer,
            run,
            cached,
            prompt: prompt.len(),
            tokens: prompt,
            reused,
            context,
            sampler,
            constraint,
            limit: sampling.max_tokens as usize,
            text: Text {
                pieces: Pieces::default(),
                stops: sampling.stop,
                held: String::new(),
            },
            log_probabilities: 0.0,
            finish: None,
        };
        let steps = generation.replay(answered)?;
        // An answer that has ended took no more tokens than the caches may hold.
        generation.cached.truncate(generation.tokens.len());
        Ok((generation, steps))
    }
}

/// An answer in the making. Call [`Self::step`] until it gives [`Step::Done`].
///
/// Dropping it, or a future of [`Self::step`], at any point leaves the model in order.
pub struct Generation<'m> {
    tokenizer: &'m Tokenizer,
    run: Run<'m>,
    /// Tokens in the caches: a prefix of `tokens`.
    cached: &'m mut Vec<u32>,
    /// The prompt and the answer so far.
    tokens: Vec<u32>,
    prompt: usize,
    reused: usize,
    context: usize,
    sampler: Sampler,
    constraint: Option<Matcher>,
    limit: usize,
    text: Text,
    /// Sum over the answer.
    log_probabilities: f64,
    finish: Option<Finish>,
}

#[cfg_attr(
    feature = "wgpu",
    expect(
        clippy::large_enum_variant,
        reason = "one lives on the stack for each generation"
    )
)]
enum Run<'m> {
    Cpu(Turn<'m, crate::compute::cpu::Cpu>),
    #[cfg(feature = "wgpu")]
    WebGpu(Turn<'m, crate::compute::gpu::Gpu>),
}

/// The device's side of a generation.
struct Turn<'m, C: Compute> {
    transformer: &'m mut Transformer<C>,
    /// Tokens of the prompt that the next step takes, at most.
    slice: usize,
    /// Scores that are computed, or being computed, and not yet read. Kept here so that a step
    /// dropped while it waits can be taken again.
    logits: Option<C::Tensor>,
}

impl Generation<'_> {
    /// Tokens of the prompt, and of what was answered before, that were still in the cache.
    pub fn reused(&self) -> usize {
        self.reused
    }

    /// Takes tokens as if they had been sampled here.
    fn replay(&mut self, tokens: &[(u32, f32)]) -> Result<Vec<Step>, Error> {
        let mut steps = Vec::new();
        for &(id, log_probability) in tokens {
            if self.finish.is_some() {
                break;
            }
            self.sampler.skip();
            steps.push(self.take(Sampled {
                id,
                log_probability,
                top: Vec::new(),
                margin: 0.0,
                entropy: 0.0,
            })?);
        }
        Ok(steps)
    }

    /// Kernels launched on the GPU so far, as [`Model::dispatches`].
    pub fn dispatches(&self) -> u64 {
        match &self.run {
            Run::Cpu(turn) => turn.transformer.compute.dispatches(),
            #[cfg(feature = "wgpu")]
            Run::WebGpu(turn) => turn.transformer.compute.dispatches(),
        }
    }

    /// Lets the next steps take at most so many tokens of the prompt each, and at least one.
    pub fn limit_slice(&mut self, tokens: usize) {
        let slice = tokens.max(1);
        match &mut self.run {
            Run::Cpu(turn) => turn.slice = slice,
            #[cfg(feature = "wgpu")]
            Run::WebGpu(turn) => turn.slice = slice,
        }
    }

    /// Does a bounded piece of work: a slice of the prompt, or one token.
    ///
    /// # Errors
    /// [`Error::DeviceLimit`], [`Error::DeviceLost`], [`Error::NotFinite`].
    pub async fn step(&mut self) -> Result<Step, Error> {
        self.step_with_pauses(&NoPause).await
    }

    /// As [`Self::step`], and rests in between where `pause` wants to.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn step_with_pauses(&mut self, pause: &impl Pause) -> Result<Step, Error> {
        if self.limit == 0 {
            return Ok(self.done(self.out_of_tokens()));
        }
        if let Some(finish) = self.finish {
            return Ok(self.done(finish));
        }
        let (tokens, sampler) = (&self.tokens, &mut self.sampler);
        let constraint = self.constraint.as_mut();
        let gate = constraint.map(|matcher| Gate::new(matcher, self.tokenizer));
        let sampled = match &mut self.run {
            Run::Cpu(turn) => {
                turn.advance(tokens, self.cached, sampler, gate, pause)
                    .await
            }
            #[cfg(feature = "wgpu")]
            Run::WebGpu(turn) => {
                turn.advance(tokens, self.cached, sampler, gate, pause)
                    .await
            }
        };
        let step = match sampled {
            Ok(Some(sampled)) => self.take(sampled),
            Ok(None) => Ok(Step::Prefill {
                done: self.cached.len(),
                total: self.prompt,
            }),
            Err(error) => Err(error),
        };
        if step.is_err() {
            // Nobody knows what the caches hold now: another step begins from nothing.
            self.cached.clear();
        }
        step
    }

    /// The bytes that a token stands for; none for control tokens. They need not be whole UTF-8.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        self.tokenizer.bytes(id)
    }

    /// Tokens of the answer so far.
    fn answered(&self) -> usize {
        self.tokens.len() - self.prompt
    }

    /// All text is out by now: the token that ended the answer brought the rest of it.
    fn done(&self, finish: Finish) -> Step {
        let count = self.answered();
        let mean = if count == 0 {
            0.0
        } else {
            (self.log_probabilities / count as f64) as f32
        };
        Step::Done {
            finish,
            mean_log_probability: mean,
            prompt_tokens: self.prompt,
            completion_tokens: count,
        }
    }

    fn take(&mut self, sampled: Sampled) -> Result<Step, Error> {
        let id = sampled.id;
        let is_end = self.tokenizer.is_end(id);
        let bytes = self.tokenizer.bytes(id);
        if let (Some(matcher), false) = (&mut self.constraint, is_end) {
            matcher.accept(bytes).map_err(crate::constrain::failed)?;
        }
        self.sampler.accept(id);
        self.tokens.push(id);
        self.log_probabilities += f64::from(sampled.log_probability);
        let text = if is_end {
            self.finish = Some(Finish::EndOfTurn);
            self.text.finish()
        } else {
            let (mut text, stopped) = self.text.push(bytes);
            if stopped {
                self.finish = Some(Finish::Stop);
            } else if self.constraint.as_ref().is_some_and(Matcher::exhausted) {
                self.finish = Some(Finish::EndOfTurn);
                text.push_str(&self.text.finish());
            } else if self.answered() == self.limit || self.tokens.len() >= self.context {
                self.finish = Some(self.out_of_tokens());
                text.push_str(&self.text.finish());
            }
            text
        };
        Ok(Step::Token {
            id,
            text,
            log_probability: sampled.log_probability,
            top: sampled.top,
            margin: sampled.margin,
            entropy: sampled.entropy,
        })
    }

    fn out_of_tokens(&self) -> Finish {
        match &self.constraint {
            Some(matcher) if !matcher.complete() => Finish::Incomplete,
            _ => Finish::Length,
        }
    }
}

impl<'m, C: Compute> Turn<'m, C> {
    /// Brings the caches forward that have most in common with `prompt`.
    fn new(transformer: &'m mut Transformer<C>, prompt: &[u32], cached: &mut Vec<u32>) -> Self {
        transformer.switch(prompt, cached);
        Self {
            transformer,
            slice: C::PREFILL,
            logits: None,
        }
    }

    /// Brings the caches closer to `tokens`; once they are level, chooses the token after the last.
    async fn advance(
        &mut self,
        tokens: &[u32],
        cached: &mut Vec<u32>,
        sampler: &mut Sampler,
        gate: Option<Gate<'_>>,
        pause: &impl Pause,
    ) -> Result<Option<Sampled>, Error> {
        if self.logits.is_none() {
            let position = cached.len();
            let end = tokens.len().min(position + self.slice);
            let slice = &tokens[position..end];
            let x = self.transformer.forward(slice, position, pause).await?;
            // The device writes in the order of submission: from here on the cache counts as filled.
            cached.extend_from_slice(slice);
            if end < tokens.len() {
                self.transformer.compute.settle(&x).await?;
                return Ok(None);
            }
            // Without a wait before it: the caches count as filled, and only `x` leads to the scores.
            self.logits = Some(self.transformer.logits(&x));
            pause.pause().await;
        }
        let Some(pending) = &self.logits else {
            return Ok(None);
        };
        let compute = &self.transformer.compute;
        let gate = gate.as_ref();
        let allows = gate.map(|gate| |id| gate.allows(id));
        let allowed = allows.as_ref().map(|allows| allows as &dyn Fn(u32) -> bool);
        let mut sampled = None;
        if let Need::Top(count) = sampler.need(allowed.is_some()) {
            let candidates = compute.candidates(pending, count).await?;
            sampled = sampler.sample_top(&candidates, allowed)?;
        }
        if sampled.is_none() {
            sampled = Some(sampler.sample(&compute.read(pending).await?, allowed)?);
        }
        if let Some(gate) = gate {
            gate.check()?;
        }
        self.logits = None;
        Ok(sampled)
    }
}

/// Bytes to text that may be shown.
struct Text {
    pieces: Pieces,
    stops: Vec<String>,
    /// What may be the beginning of a stop text.
    held: String,
}

impl Text {
    /// Text that can no longer become part of a stop text, and whether one came up.
    fn push(&mut self, bytes: &[u8]) -> (String, bool) {
        self.held.push_str(&self.pieces.push(bytes));
        if let Some(at) = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()))
            .min()
        {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        let starts_a_stop = |at: &usize| {
            self.held.is_char_boundary(*at)
                && self
                    .stops
                    .iter()
                    .any(|stop| stop.starts_with(&self.held[*at..]))
        };
        let safe = (0..self.held.len())
            .find(starts_a_stop)
            .unwrap_or(self.held.len());
        let rest = self.held.split_off(safe);
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// Everything that is left.
    fn finish(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.held);
        rest.push_str(&self.pieces.finish());
        rest
    }
}

#[cfg(test)]
mod tests;
