//! How sure the local model is of the answer that it is giving.
//!
//! The tokens' log-probabilities say most of it ([`Watch`]), a few plain checks of the text the rest ([`form`]). How
//! likely an answer stands that looks like this is for the calibration of the model file to say: the same figures mean
//! one thing for one file and another for the next.
//!
//! Nothing here takes a logarithm: sums, comparisons and divisions in a fixed order give the same bits everywhere.

pub mod form;

/// Tokens of the window whose worst mean is [`Evidence::lowest`].
pub const WINDOW: usize = 5;

/// What is further below is as this: a log-probability of nothing is no reason to lose all the others' weight.
const LEAST_LOG_PROBABILITY: f32 = -100.0;

/// How sure the model was of one token, in its own distribution: temperature 1, nothing added or cut off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certainty {
    /// Natural logarithm of the token's probability, at most 0.
    pub log_probability: f32,
    /// How far the best token's natural log-probability was above the second best's, at least 0, whichever of them was
    /// chosen.
    pub margin: f32,
    /// Entropy in nats over the few best tokens and all others taken as one, at least 0: a lower bound of the whole
    /// distribution's, and nearly that where the few have nearly all of the probability.
    pub entropy: f32,
}

/// What the tokens of an answer say of it so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Tokens that it is of. All else is 0, and says nothing, where there are none.
    pub tokens: u32,
    /// Mean log-probability, at most 0.
    pub mean: f32,
    /// The lowest mean log-probability of any [`WINDOW`] tokens in a row (of all, where there are fewer), at most 0: one
    /// wrong name drowns in the mean of a long answer, but not here.
    pub lowest: f32,
    /// The first token's log-probability, at most 0.
    pub first: f32,
    /// Mean of [`Certainty::margin`], at least 0.
    pub margin: f32,
    /// Mean of [`Certainty::entropy`], nats, at least 0.
    pub entropy: f32,
}

/// Follows an answer token by token, in constant space.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    tokens: u32,
    first: f32,
    /// Sums over all tokens.
    log_probability: f64,
    margin: f64,
    entropy: f64,
    /// The log-probabilities of the last tokens, a ring: token `n` is at `n % WINDOW`.
    last: [f32; WINDOW],
    /// The lowest mean of a full window; of no use before there is one.
    lowest: f32,
}

impl Watch {
    /// Takes the next token of the answer.
    pub fn push(&mut self, certainty: Certainty) {
        let log_probability = number_or(certainty.log_probability, LEAST_LOG_PROBABILITY)
            .clamp(LEAST_LOG_PROBABILITY, 0.0);
        let at_least_0 = |value: f32| number_or(value, 0.0).clamp(0.0, -LEAST_LOG_PROBABILITY);
        if self.tokens == 0 {
            self.first = log_probability;
        }
        self.log_probability += f64::from(log_probability);
        self.margin += f64::from(at_least_0(certainty.margin));
        self.entropy += f64::from(at_least_0(certainty.entropy));
        self.last[self.tokens as usize % WINDOW] = log_probability;
        self.tokens = self.tokens.saturating_add(1);

        let tokens = self.tokens as usize;
        if tokens >= WINDOW {
            let mean = mean(&self.last);
            if tokens == WINDOW || mean < self.lowest {
                self.lowest = mean;
            }
        }
    }

    /// Tokens so far.
    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    /// What they say.
    pub fn evidence(&self) -> Evidence {
        if self.tokens == 0 {
            return Evidence::default();
        }
        let mean_of = |sum: f64| (sum / f64::from(self.tokens)) as f32;
        Evidence {
            tokens: self.tokens,
            mean: mean_of(self.log_probability),
            lowest: match self.last.get(..self.tokens as usize) {
                Some(few) if few.len() < WINDOW => mean(few),
                _ => self.lowest,
            },
            first: self.first,
            margin: mean_of(self.margin),
            entropy: mean_of(self.entropy),
        }
    }
}

fn number_or(value: f32, other: f32) -> f32 {
    if value.is_nan() { other } else { value }
}

/// Of at least one value.
fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certainty(log_probability: f32) -> Certainty {
        Certainty {
            log_probability,
            margin: -log_probability,
            entropy: 0.5,
        }
    }

    fn watch(log_probabilities: &[f32]) -> Evidence {
        let mut watch = Watch::default();
        for &log_probability in log_probabilities {
            watch.push(certainty(log_probability));
        }
        watch.evidence()
    }

    #[test]
    fn no_token_says_nothing() {
        assert_eq!(Watch::default().evidence(), Evidence::default());
    }

    #[test]
    fn few_tokens_are_one_window() {
        assert_eq!(
            watch(&[-1.0, -3.0]),
            Evidence {
                tokens: 2,
                mean: -2.0,
                lowest: -2.0,
                first: -1.0,
                margin: 2.0,
                entropy: 0.5,
            }
        );
        assert_eq!(watch(&[-1.0, -1.0, -1.0, -1.0, -6.0]).lowest, -2.0);
    }

    #[test]
    fn the_lowest_window_stays_whatever_comes_after_it() {
        let mut tokens = vec![-0.25; 7];
        tokens.extend([-4.0; 5]);
        tokens.extend([-0.25; 12]);
        let evidence = watch(&tokens);
        assert_eq!((evidence.tokens, evidence.lowest), (24, -4.0));
        assert_eq!(evidence.mean, -(0.25 * 19.0 + 20.0) / 24.0);
        // The same as looking at every window of the whole.
        let windows = tokens.windows(WINDOW).map(mean);
        assert_eq!(windows.fold(0.0, f32::min), evidence.lowest);
    }

    #[test]
    fn what_is_no_number_counts_as_unsure() {
        let mut watch = Watch::default();
        watch.push(Certainty {
            log_probability: f32::NAN,
            margin: f32::NAN,
            entropy: f32::INFINITY,
        });
        watch.push(certainty(f32::NEG_INFINITY));
        let evidence = watch.evidence();
        assert_eq!((evidence.mean, evidence.lowest), (-100.0, -100.0));
        assert_eq!((evidence.margin, evidence.entropy), (50.0, 50.25));
    }
}
