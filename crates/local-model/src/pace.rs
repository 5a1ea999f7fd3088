//! How a long computation stays polite: where it may rest, and how much of a prompt it takes at a time.

use std::ops::RangeInclusive;

/// Rests in the middle of a step.
#[expect(
    async_fn_in_trait,
    reason = "a page has one thread: no Send bounds, by design"
)]
pub trait Pause {
    /// Called after each layer and after the output's product. Whoever waits here may drop the step,
    /// which leaves the model in order.
    async fn pause(&self);
}

/// Never rests: for programs that do nothing else meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPause;

impl Pause for NoPause {
    async fn pause(&self) {}
}

/// How many tokens of a prompt the next slice takes, learned from how long the last ones took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    tokens: usize,
    bounds: RangeInclusive<usize>,
}

/// Tokens of the first slice, while nothing is known of the device.
const FIRST: usize = 16;

/// Products are computed for so many tokens together: a slice is whole tiles where it can be.
const TILE: usize = 4;

impl Default for Pace {
    /// For a device of which nothing is known.
    fn default() -> Self {
        Self::new(1..=FIRST)
    }
}

impl Pace {
    /// For slices within `bounds`, in tokens.
    pub fn new(bounds: RangeInclusive<usize>) -> Self {
        Self {
            tokens: FIRST.clamp(*bounds.start(), *bounds.end()),
            bounds,
        }
    }

    /// Tokens of the next slice, at most.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Learns that `tokens` tokens took `ms` where `budget` was meant, both in ms.
    ///
    /// A slice that was too long makes the next one shorter at once; one that was not makes it at most
    /// twice as long, because a single measurement may be lucky.
    pub fn learn(&mut self, tokens: usize, ms: f64, budget: f64) {
        // The end of a prompt tells only that more would have fitted, and not how much.
        if ms <= budget && tokens < self.tokens {
            return;
        }
        let fits = tokens as f64 * budget / ms.max(f64::EPSILON);
        // The cast saturates; what is below one token is bounded next.
        let fits = (fits as usize).min(2 * tokens);
        let whole = if fits > TILE {
            fits - fits % TILE
        } else {
            fits
        };
        self.tokens = whole.clamp(*self.bounds.start(), *self.bounds.end());
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    /// Slices of a long prompt on a device on which `ms` is what a slice of so many tokens takes.
    fn slices(mut pace: Pace, budget: f64, ms: impl Fn(usize) -> f64) -> Vec<usize> {
        (0..8)
            .map(|_| {
                let tokens = pace.tokens();
                pace.learn(tokens, ms(tokens), budget);
                tokens
            })
            .collect()
    }

    #[test]
    fn slices_grow_to_the_budget_and_no_further() {
        let one_ms_each = |tokens| tokens as f64;
        assert_eq!(
            slices(Pace::new(1..=64), 30.0, one_ms_each),
            [16, 28, 28, 28, 28, 28, 28, 28]
        );
        assert_eq!(
            slices(Pace::new(1..=64), 300.0, one_ms_each)[..4],
            [16, 32, 64, 64]
        );
        assert_eq!(slices(Pace::new(1..=16), 300.0, one_ms_each)[..2], [16, 16]);
    }

    #[test]
    fn a_slow_device_gets_short_slices_at_once() {
        let slow = |tokens| 10.0 * tokens as f64;
        assert_eq!(slices(Pace::new(1..=64), 30.0, slow)[..3], [16, 3, 3]);
        assert_eq!(slices(Pace::new(1..=64), 8.0, slow)[..3], [16, 1, 1]);
    }

    #[test]
    fn where_few_tokens_take_as_long_as_several_slices_stay_at_the_least() {
        let all_alike = |_| 20.0;
        assert_eq!(slices(Pace::new(8..=64), 8.0, all_alike)[..3], [16, 8, 8]);
    }

    #[test]
    fn the_end_of_a_prompt_does_not_shorten_the_next_one() {
        let mut pace = Pace::new(1..=64);
        pace.learn(16, 1.0, 8.0);
        assert_eq!(pace.tokens(), 32);
        pace.learn(3, 0.3, 8.0);
        assert_eq!(pace.tokens(), 32);
        // But if even that took too long, the device has become slow.
        pace.learn(3, 12.0, 8.0);
        assert_eq!(pace.tokens(), 2);
        // A clock that did not move says that all fits.
        pace.learn(2, 0.0, 8.0);
        assert_eq!(pace.tokens(), 4);
    }
}
