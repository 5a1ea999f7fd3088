//! From scores to a token.
//!
//! In llama.cpp's order: logit bias, penalties, constraint, top-k, top-p, min-p, temperature, draw.
//! Most choices need only the highest scores and the logarithm of the sum of all
//! ([`Candidates`]); [`Sampler::need`] says how many, and [`Sampler::sample_top`] proves for each
//! token that they were enough, or asks for all.

use std::collections::{HashMap, VecDeque};

use crate::{Constraint, Error, compute::Candidates};

/// Most candidates that a device is asked for.
pub(crate) const CANDIDATES: usize = 64;
/// Scores that [`Sampled::entropy`] is made of, however many more are there: the same with any sampling.
pub(crate) const WATCHED: usize = 4;
/// Tokens that the repetition penalty looks back on; llama.cpp's default of `penalty_last_n`.
const REPETITION_WINDOW: usize = 64;
/// Most alternatives that are told for each token; OpenAI's limit of `top_logprobs`.
const MOST_ALTERNATIVES: usize = 20;

/// How tokens are chosen and when to stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0 takes the most likely token; 1 samples the model's own distribution; at most 100.
    pub temperature: f32,
    /// Only the `top_k` most likely tokens; 0 means all.
    pub top_k: u32,
    /// Only the fewest most likely tokens that together have this probability; 1 means all.
    pub top_p: f32,
    /// Only tokens at least this many times as likely as the most likely one; 0 means all
    /// (Nguyen et al. 2024, "Turning up the heat: min-p sampling").
    pub min_p: f32,
    /// Divides the positive and multiplies the negative scores of the last 64 tokens, prompt
    /// included; 1 means none, at most 10 (Keskar et al. 2019, "CTRL", as llama.cpp does it).
    pub repetition_penalty: f32,
    /// Subtracted from a token's score for each time that the answer has it (OpenAI's
    /// definition); 0 means none, -2 to 2.
    pub frequency_penalty: f32,
    /// Subtracted from the score of each token that the answer has (OpenAI's definition); 0 means
    /// none, -2 to 2.
    pub presence_penalty: f32,
    /// Added to the scores of these tokens; -100 to 100.
    pub logit_bias: Vec<(u32, f32)>,
    /// The most likely tokens to tell beside each chosen one, at most 20.
    pub top_log_probabilities: usize,
    /// Equal seeds give equal answers on the same device.
    pub seed: u64,
    /// Tokens to produce at most.
    pub max_tokens: u32,
    /// Texts that end the answer; they are not part of it.
    pub stop: Vec<String>,
    /// What the answer must be; not together with `stop`.
    pub constraint: Option<Constraint>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: Vec::new(),
            top_log_probabilities: 0,
            seed: 0,
            max_tokens: 512,
            stop: Vec::new(),
            constraint: None,
        }
    }
}

impl Sampling {
    /// # Errors
    /// [`Error::Sampling`] for a parameter out of its range, [`Error::TokenId`] for a bias on no token.
    pub(crate) fn check(&self, vocabulary: usize) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::Sampling { what });
        if !(0.0..=100.0).contains(&self.temperature) {
            return wrong(format!(
                "temperature {} is not between 0 and 100",
                self.temperature
            ));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return wrong(format!("top_p {} is not above 0 and at most 1", self.top_p));
        }
        if !(0.0..=1.0).contains(&self.min_p) {
            return wrong(format!("min_p {} is not between 0 and 1", self.min_p));
        }
        if !(self.repetition_penalty > 0.0 && self.repetition_penalty <= 10.0) {
            return wrong(format!(
                "repetition_penalty {} is not above 0 and at most 10",
                self.repetition_penalty
            ));
        }
        for (name, penalty) in [
            ("frequency_penalty", self.frequency_penalty),
            ("presence_penalty", self.presence_penalty),
        ] {
            if !(-2.0..=2.0).contains(&penalty) {
                return wrong(format!("{name} {penalty} is not between -2 and 2"));
            }
        }
        for &(id, bias) in &self.logit_bias {
            if id as usize >= vocabulary {
                return Err(Error::TokenId { id, vocabulary });
            }
            if !(-100.0..=100.0).contains(&bias) {
                return wrong(format!(
                    "logit_bias {bias} of token {id} is not between -100 and 100"
                ));
            }
        }
        if self.top_log_probabilities > MOST_ALTERNATIVES {
            return wrong(format!(
                "{} alternatives for each token; at most {MOST_ALTERNATIVES}",
                self.top_log_probabilities
            ));
        }
        if self.stop.iter().any(String::is_empty) {
            return wrong("a stop text is empty".to_owned());
        }
        if !self.stop.is_empty() && self.constraint.is_some() {
            return wrong("a stop text may cut a constrained answer; give one of both".to_owned());
        }
        Ok(())
    }
}

/// A chosen token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sampled {
    pub id: u32,
    /// Of the model's own distribution (temperature 1, nothing added or cut off), natural logarithm.
    pub log_probability: f32,
    /// The most likely tokens of that distribution, the most likely first, as many as were asked for.
    pub top: Vec<(u32, f32)>,
    /// How far the most likely token is above the second, natural logarithms; 0 if there is no second.
    pub margin: f32,
    /// In nats, over the [`WATCHED`] most likely tokens and all others taken as one.
    pub entropy: f32,
}

/// What of the scores a choice needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// The highest, this many (at most [`CANDIDATES`]), and the logarithm of the sum of all.
    Top(usize),
    /// All of them.
    All,
}

/// Tokens that a constraint lets through.
pub(crate) type Allowed<'a> = Option<&'a dyn Fn(u32) -> bool>;

/// Chooses tokens as [`Sampling`] says.
pub(crate) struct Sampler {
    temperature: f32,
    top_k: usize,
    top_p: f32,
    min_p: f32,
    repetition: f32,
    frequency: f32,
    presence: f32,
    bias: HashMap<u32, f32>,
    alternatives: usize,
    /// The last tokens of prompt and answer.
    recent: VecDeque<u32>,
    /// How often the answer has a token.
    answered: HashMap<u32, u32>,
    random: oorandom::Rand64,
}

impl Sampler {
    /// A sampler for an answer to `prompt`. The parameters are checked ([`Sampling::check`]).
    pub fn new(sampling: &Sampling, prompt: &[u32]) -> Self {
        let recent = &prompt[prompt.len().saturating_sub(REPETITION_WINDOW)..];
        Self {
            temperature: sampling.temperature,
            top_k: match sampling.top_k {
                0 => usize::MAX,
                top_k => top_k as usize,
            },
            top_p: sampling.top_p,
            min_p: sampling.min_p,
            repetition: sampling.repetition_penalty,
            frequency: sampling.frequency_penalty,
            presence: sampling.presence_penalty,
            // Adding zero would turn a negative zero around, and so raise it.
            bias: sampling
                .logit_bias
                .iter()
                .copied()
                .filter(|&(_, bias)| bias != 0.0)
                .collect(),
            alternatives: sampling.top_log_probabilities,
            recent: recent.iter().copied().collect(),
            answered: HashMap::new(),
            random: oorandom::Rand64::new(sampling.seed.into()),
        }
    }

    /// How much of the scores the next choice needs. `constrained`: some tokens may be forbidden.
    pub fn need(&self, constrained: bool) -> Need {
        if self.raises() {
            return Need::All;
        }
        let kept = if self.temperature == 0.0 {
            1
        } else if self.top_k <= CANDIDATES {
            self.top_k
        } else if self.top_p < 1.0 || self.min_p > 0.0 {
            CANDIDATES
        } else {
            return Need::All;
        };
        Need::Top(if constrained || self.changes() {
            // Some of the highest will drop out.
            CANDIDATES
        } else {
            kept.max(self.alternatives).max(WATCHED)
        })
    }

    /// A token, if the candidates that [`Self::need`] asked for prove which; `None` asks for all
    /// scores. Gives what [`Self::sample`] gives.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when a score is no number.
    pub fn sample_top(
        &mut self,
        candidates: &Candidates,
        allowed: Allowed<'_>,
    ) -> Result<Option<Sampled>, Error> {
        let top = &candidates.top;
        let finite = top.iter().all(|(_, logit)| logit.is_finite());
        if top.is_empty() || !finite || !candidates.log_sum.is_finite() {
            return Err(Error::NotFinite);
        }
        let log_sum = f64::from(candidates.log_sum);
        let changed = allowed.is_some() || self.changes();
        let mut kept = self.rank(top.iter().copied(), allowed);
        // What is not here ranks behind the last one here, before and after it is lowered.
        let (last_id, last) = top[top.len() - 1];
        let behind = |&(id, logit): &(u32, f32)| order((id, logit), (last_id, last)).is_le();
        kept.truncate(kept.partition_point(behind));
        if self.raises() || !self.cut(&mut kept, false, (!changed).then_some(log_sum)) {
            return Ok(None);
        }
        let Some(id) = self.draw(&kept) else {
            return Ok(None);
        };
        // Penalties and constraints only lower scores: what is chosen was among the candidates.
        let Some(&(_, logit)) = top.iter().find(|(other, _)| *other == id) else {
            return Ok(None);
        };
        Ok(Some(self.sampled(id, logit, log_sum, top)))
    }

    /// A token from its `logits` `[vocabulary]`.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when a score is no number, [`Error::Constraint`] when no token is allowed.
    pub fn sample(&mut self, logits: &[f32], allowed: Allowed<'_>) -> Result<Sampled, Error> {
        let candidates = Candidates::of(logits, CANDIDATES);
        if let Some(sampled) = self.sample_top(&candidates, allowed)? {
            return Ok(sampled);
        }
        let log_sum = f64::from(candidates.log_sum);
        let changed = allowed.is_some() || self.changes() || self.raises();
        // A vocabulary has fewer than 2^32 tokens.
        let mut kept = self.rank((0u32..).zip(logits.iter().copied()), allowed);
        self.cut(&mut kept, true, (!changed).then_some(log_sum));
        let id = self.draw(&kept).ok_or_else(|| Error::Constraint {
            what: "no token may come next".to_owned(),
        })?;
        Ok(self.sampled(id, logits[id as usize], log_sum, &candidates.top))
    }

    /// Passes over the random number of a token that was chosen elsewhere.
    pub fn skip(&mut self) {
        if self.temperature > 0.0 {
            self.random.rand_float();
        }
    }

    /// Takes note of a token of the answer.
    pub fn accept(&mut self, id: u32) {
        *self.answered.entry(id).or_default() += 1;
        if self.recent.len() == REPETITION_WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
    }

    /// Some scores may be raised, so that any token may come to the top.
    fn raises(&self) -> bool {
        self.repetition < 1.0
            || self.frequency < 0.0
            || self.presence < 0.0
            || self.bias.values().any(|&bias| bias > 0.0)
    }

    /// Some scores may be changed.
    fn changes(&self) -> bool {
        self.repetition != 1.0
            || self.frequency != 0.0
            || self.presence != 0.0
            || !self.bias.is_empty()
    }

    /// Scores with bias and penalties, without what is forbidden; the highest first, equal ones by id.
    fn rank(
        &self,
        scores: impl Iterator<Item = (u32, f32)>,
        allowed: Allowed<'_>,
    ) -> Vec<(u32, f32)> {
        let mut ranked: Vec<(u32, f32)> = scores
            .filter(|&(id, _)| allowed.is_none_or(|allowed| allowed(id)))
            .map(|(id, logit)| (id, self.adjust(id, logit)))
            .collect();
        ranked.sort_unstable_by(|&a, &b| order(a, b));
        ranked
    }

    /// As `llama_sampler_penalties_apply`, after the bias.
    fn adjust(&self, id: u32, logit: f32) -> f32 {
        let mut logit = match self.bias.get(&id) {
            Some(bias) => logit + bias,
            None => logit,
        };
        if self.repetition != 1.0 && self.recent.contains(&id) {
            logit = if logit <= 0.0 {
                logit * self.repetition
            } else {
                logit / self.repetition
            };
        }
        if let Some(&count) = self.answered.get(&id) {
            logit -= count as f32 * self.frequency + self.presence;
        }
        logit
    }

    /// Cuts `ranked` down to what may be drawn, and says whether that is proven to be all of it.
    ///
    /// `whole`: `ranked` is the whole vocabulary, not its top. `log_sum`: over the whole
    /// vocabulary, if no score was changed.
    fn cut(&self, ranked: &mut Vec<(u32, f32)>, whole: bool, log_sum: Option<f64>) -> bool {
        let Some(&(_, highest)) = ranked.first() else {
            return whole;
        };
        let mut proven = whole;
        if self.temperature == 0.0 {
            ranked.truncate(1);
            return true;
        }
        if self.top_k <= ranked.len() {
            ranked.truncate(self.top_k);
            proven = true;
        }
        let likelihood = |logit: f32| f64::from(logit - highest).exp();
        if self.top_p < 1.0 {
            // What is left after top-k is a whole distribution again.
            let total: f64 = match log_sum {
                Some(log_sum) if self.top_k == usize::MAX => (log_sum - f64::from(highest)).exp(),
                _ if proven => ranked.iter().map(|&(_, logit)| likelihood(logit)).sum(),
                _ => return false,
            };
            let mut cumulative = 0.0;
            let enough = ranked.iter().position(|&(_, logit)| {
                cumulative += likelihood(logit) / total;
                cumulative >= f64::from(self.top_p)
            });
            if let Some(last) = enough {
                ranked.truncate(last + 1);
                proven = true;
            }
        }
        if self.min_p > 0.0 {
            let least = highest + self.min_p.ln();
            let likely = ranked.partition_point(|&(_, logit)| logit >= least);
            if likely < ranked.len() {
                ranked.truncate(likely);
                proven = true;
            }
        }
        proven
    }

    /// One of `kept`, by temperature; `None` if there is none.
    fn draw(&mut self, kept: &[(u32, f32)]) -> Option<u32> {
        let &(first, highest) = kept.first()?;
        if self.temperature == 0.0 {
            return Some(first);
        }
        let weight = |logit: f32| f64::from((logit - highest) / self.temperature).exp();
        let sum: f64 = kept.iter().map(|&(_, logit)| weight(logit)).sum();
        let mut left = self.random.rand_float() * sum;
        for &(id, logit) in kept {
            left -= weight(logit);
            if left < 0.0 {
                return Some(id);
            }
        }
        // Rounding may leave a crumb beyond the last: it belongs to the most likely.
        Some(first)
    }

    fn sampled(&self, id: u32, logit: f32, log_sum: f64, top: &[(u32, f32)]) -> Sampled {
        let log_probability = |logit: f32| (f64::from(logit) - log_sum) as f32;
        let alternatives = top.iter().take(self.alternatives);
        Sampled {
            id,
            log_probability: log_probability(logit),
            top: alternatives
                .map(|&(id, logit)| (id, log_probability(logit)))
                .collect(),
            margin: match top {
                [(_, best), (_, second), ..] => best - second,
                _ => 0.0,
            },
            entropy: entropy(top, log_sum),
        }
    }
}

/// In nats, at least 0, of the first [`WATCHED`] scores and all others taken as one: a lower bound of the whole
/// distribution's entropy (grouping outcomes never adds to it).
fn entropy(top: &[(u32, f32)], log_sum: f64) -> f32 {
    let mut rest = 1.0;
    let mut entropy = 0.0;
    for &(_, logit) in top.iter().take(WATCHED) {
        let log_probability = f64::from(logit) - log_sum;
        let probability = log_probability.exp();
        rest -= probability;
        entropy -= probability * log_probability;
    }
    if rest > 0.0 {
        entropy -= rest * rest.ln();
    }
    // Rounding may take a crumb too much.
    entropy.max(0.0) as f32
}

/// The higher score first, equal scores by id.
fn order(a: (u32, f32), b: (u32, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests;
