//! From scores to a token.

use crate::Error;

/// How tokens are chosen and when to stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0 takes the most likely token; 1 samples the model's own distribution; at most 100.
    pub temperature: f32,
    /// Only the `top_k` most likely tokens; 0 means all.
    pub top_k: u32,
    /// Only the fewest most likely tokens that together have this probability; 1 means all.
    pub top_p: f32,
    /// Equal seeds give equal answers on the same device.
    pub seed: u64,
    /// Tokens to produce at most.
    pub max_tokens: u32,
    /// Texts that end the answer; they are not part of it.
    pub stop: Vec<String>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            seed: 0,
            max_tokens: 512,
            stop: Vec::new(),
        }
    }
}

/// A chosen token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampled {
    pub id: u32,
    /// Of the model's own distribution (temperature 1, nothing cut off), natural logarithm.
    pub log_probability: f32,
}

/// Chooses tokens as [`Sampling`] says.
pub(crate) struct Sampler {
    temperature: f32,
    top_k: usize,
    top_p: f32,
    random: oorandom::Rand64,
}

impl Sampler {
    /// # Errors
    /// [`Error::Sampling`] for a parameter out of its range.
    pub fn new(sampling: &Sampling) -> Result<Self, Error> {
        let wrong = |what: String| Err(Error::Sampling { what });
        if !(0.0..=100.0).contains(&sampling.temperature) {
            return wrong(format!(
                "temperature {} is not between 0 and 100",
                sampling.temperature
            ));
        }
        if !(sampling.top_p > 0.0 && sampling.top_p <= 1.0) {
            return wrong(format!(
                "top_p {} is not above 0 and at most 1",
                sampling.top_p
            ));
        }
        if sampling.stop.iter().any(String::is_empty) {
            return wrong("a stop text is empty".to_owned());
        }
        Ok(Self {
            temperature: sampling.temperature,
            top_k: if sampling.top_k == 0 {
                usize::MAX
            } else {
                sampling.top_k as usize
            },
            top_p: sampling.top_p,
            random: oorandom::Rand64::new(sampling.seed.into()),
        })
    }

    /// A token from its `logits` `[vocabulary]`. In llama.cpp's order: top-k, top-p, temperature.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when a score is no number.
    pub fn sample(&mut self, logits: &[f32]) -> Result<Sampled, Error> {
        let mut best = 0;
        let mut sum_finite = true;
        for (at, &logit) in logits.iter().enumerate() {
            sum_finite &= logit.is_finite();
            if logit > logits[best] {
                best = at;
            }
        }
        if logits.is_empty() || !sum_finite {
            return Err(Error::NotFinite);
        }
        let highest = logits[best];
        // In f64: the probabilities of 49,152 tokens are summed.
        let total: f64 = logits
            .iter()
            .map(|&logit| f64::from((logit - highest).exp()))
            .sum();
        let log_probability = |at: usize| (f64::from(logits[at] - highest) - total.ln()) as f32;
        let chosen = if self.temperature == 0.0 {
            best
        } else {
            self.draw(logits, highest, total)
        };
        // A vocabulary has fewer than 2^32 tokens.
        Ok(Sampled {
            id: chosen as u32,
            log_probability: log_probability(chosen),
        })
    }

    /// Passes over the random number of a token that was chosen elsewhere.
    pub fn skip(&mut self) {
        if self.temperature > 0.0 {
            self.random.rand_float();
        }
    }

    fn draw(&mut self, logits: &[f32], highest: f32, total: f64) -> usize {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        let descending = |&a: &usize, &b: &usize| logits[b].total_cmp(&logits[a]).then(a.cmp(&b));
        if self.top_k < order.len() {
            order.select_nth_unstable_by(self.top_k - 1, descending);
            order.truncate(self.top_k);
        }
        order.sort_unstable_by(descending);
        if self.top_p < 1.0 {
            // What is left after top-k is a whole distribution again.
            let kept_total = if self.top_k < logits.len() {
                order
                    .iter()
                    .map(|&at| f64::from((logits[at] - highest).exp()))
                    .sum()
            } else {
                total
            };
            let mut cumulative = 0.0;
            let enough = order.iter().position(|&at| {
                cumulative += f64::from((logits[at] - highest).exp()) / kept_total;
                cumulative >= f64::from(self.top_p)
            });
            order.truncate(enough.map_or(order.len(), |last| last + 1));
        }
        let weight = |at: usize| f64::from((logits[at] - highest) / self.temperature).exp();
        let sum: f64 = order.iter().map(|&at| weight(at)).sum();
        let mut left = self.random.rand_float() * sum;
        for &at in &order {
            left -= weight(at);
            if left < 0.0 {
                return at;
            }
        }
        // Rounding may leave a crumb beyond the last: it belongs to the most likely.
        order[0]
    }
}

#[cfg(test)]
mod tests {
    use super::{Sampler, Sampling};

    fn counts(sampling: Sampling, logits: &[f32], draws: usize) -> Vec<usize> {
        let mut sampler = Sampler::new(&sampling).unwrap();
        let mut counts = vec![0; logits.len()];
        for _ in 0..draws {
            counts[sampler.sample(logits).unwrap().id as usize] += 1;
        }
        counts
    }

    fn logits(probabilities: &[f32]) -> Vec<f32> {
        probabilities
            .iter()
            .map(|probability| probability.ln() + 3.0)
            .collect()
    }

    #[test]
    fn greedy_takes_the_first_of_the_most_likely_with_its_own_log_probability() {
        let sampled = Sampler::new(&Sampling::default())
            .unwrap()
            .sample(&logits(&[0.1, 0.4, 0.4, 0.1]))
            .unwrap();
        assert_eq!(sampled.id, 1);
        assert!((sampled.log_probability - 0.4f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn draws_follow_the_distribution() {
        let counts = counts(
            Sampling {
                temperature: 1.0,
                ..Default::default()
            },
            &logits(&[0.5, 0.3, 0.2]),
            30_000,
        );
        for (count, probability) in counts.iter().zip([0.5, 0.3, 0.2]) {
            assert!(
                (*count as f64 / 30_000.0 - probability).abs() < 0.015,
                "{counts:?}"
            );
        }
    }

    #[test]
    fn temperature_sharpens() {
        // At 0.5 the probabilities are squared: 0.25 : 0.09 : 0.04.
        let counts = counts(
            Sampling {
                temperature: 0.5,
                ..Default::default()
            },
            &logits(&[0.5, 0.3, 0.2]),
            30_000,
        );
        assert!(
            (counts[0] as f64 / 30_000.0 - 0.25 / 0.38).abs() < 0.015,
            "{counts:?}"
        );
    }

    #[test]
    fn top_k_and_top_p_cut_off_the_tail() {
        let base = Sampling {
            temperature: 1.0,
            ..Default::default()
        };
        let probabilities = logits(&[0.1, 0.4, 0.2, 0.3]);
        let top_k = counts(
            Sampling {
                top_k: 2,
                ..base.clone()
            },
            &probabilities,
            2000,
        );
        assert!(
            top_k[0] == 0 && top_k[2] == 0 && top_k[1] > 0 && top_k[3] > 0,
            "{top_k:?}"
        );
        let top_p = counts(
            Sampling {
                top_p: 0.65,
                ..base.clone()
            },
            &probabilities,
            2000,
        );
        assert!(
            top_p[0] == 0 && top_p[2] == 0 && top_p[1] > 0 && top_p[3] > 0,
            "{top_p:?}"
        );
        let one = counts(
            Sampling {
                top_p: 0.01,
                ..base
            },
            &probabilities,
            100,
        );
        assert_eq!(one, [0, 100, 0, 0]);
    }

    #[test]
    fn equal_seeds_draw_equally() {
        let draw = |seed| {
            let sampling = Sampling {
                temperature: 1.0,
                seed,
                ..Default::default()
            };
            let mut sampler = Sampler::new(&sampling).unwrap();
            (0..64)
                .map(|_| sampler.sample(&[0.0; 100]).unwrap().id)
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn parameters_out_of_range_and_scores_that_are_none_are_refused() {
        let wrong = |sampling: Sampling| Sampler::new(&sampling).err().unwrap().to_string();
        assert_eq!(
            wrong(Sampling {
                temperature: -1.0,
                ..Default::default()
            }),
            "sampling: temperature -1 is not between 0 and 100"
        );
        assert_eq!(
            wrong(Sampling {
                temperature: f32::NAN,
                ..Default::default()
            }),
            "sampling: temperature NaN is not between 0 and 100"
        );
        assert_eq!(
            wrong(Sampling {
                top_p: 0.0,
                ..Default::default()
            }),
            "sampling: top_p 0 is not above 0 and at most 1"
        );
        assert_eq!(
            wrong(Sampling {
                stop: vec![String::new()],
                ..Default::default()
            }),
            "sampling: a stop text is empty"
        );
        let mut greedy = Sampler::new(&Sampling::default()).unwrap();
        assert!(greedy.sample(&[0.0, f32::NAN]).is_err());
        assert!(greedy.sample(&[]).is_err());
    }
}
