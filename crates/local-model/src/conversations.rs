//! Keys and values of conversations that another one has displaced, so that going back to one costs
//! no second prefill.

/// Tokens that must be lost before a conversation is worth keeping: fewer are computed again at once.
const WORTH_KEEPING: usize = 64;

/// Kept conversations, the least recently used first, within a budget of bytes. `K` is one layer's cache.
pub(crate) struct Conversations<K> {
    kept: Vec<Kept<K>>,
    /// Positions that fit into the budget.
    budget: usize,
    bytes_per_position: usize,
}

struct Kept<K> {
    /// Tokens whose keys and values the caches hold, from position 0 on.
    tokens: Vec<u32>,
    caches: Vec<K>,
}

impl<K> Conversations<K> {
    /// Keeps conversations of `budget` bytes together, each position of one at `bytes_per_position`.
    pub fn new(budget: usize, bytes_per_position: usize) -> Self {
        Self {
            kept: Vec::new(),
            budget: budget / bytes_per_position.max(1),
            bytes_per_position,
        }
    }

    /// Changes the budget, bytes, and drops what is beyond it.
    pub fn set_budget(&mut self, budget: usize) {
        self.budget = budget / self.bytes_per_position.max(1);
        self.shrink();
    }

    /// Drops all that is kept.
    pub fn clear(&mut self) {
        self.kept.clear();
    }

    /// Whether nothing is kept.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Brings forward the conversation that has most in common with `prompt`: its caches come to
    /// `caches`, and `tokens` becomes what of them is of use. What was there is kept, unless little
    /// of it would be lost. `fresh` makes empty caches.
    pub fn switch(
        &mut self,
        prompt: &[u32],
        tokens: &mut Vec<u32>,
        caches: &mut Vec<K>,
        fresh: impl FnOnce() -> Vec<K>,
    ) {
        let here = common(prompt, tokens);
        let best = self
            .kept
            .iter()
            .enumerate()
            .map(|(at, kept)| (common(prompt, &kept.tokens), at))
            .max();
        let lost = tokens.len() - here;
        match best {
            Some((there, at)) if there > here => {
                let mut kept = self.kept.remove(at);
                std::mem::swap(caches, &mut kept.caches);
                std::mem::swap(tokens, &mut kept.tokens);
                if kept.tokens.len() >= WORTH_KEEPING {
                    self.kept.push(kept);
                }
            }
            // More than half of a conversation of some length would be lost: this is another one.
            _ if lost >= WORTH_KEEPING && lost > here => self.kept.push(Kept {
                tokens: std::mem::take(tokens),
                caches: std::mem::replace(caches, fresh()),
            }),
            _ => {}
        }
        tokens.truncate(common(prompt, tokens));
        self.shrink();
    }

    /// Most tokens that a kept conversation has in common with `prompt`.
    pub fn most_in_common(&self, prompt: &[u32]) -> usize {
        let kept = self.kept.iter().map(|kept| common(prompt, &kept.tokens));
        kept.max().unwrap_or(0)
    }

    fn shrink(&mut self) {
        let mut positions: usize = self.kept.iter().map(|kept| kept.tokens.len()).sum();
        while positions > self.budget {
            positions -= self.kept.remove(0).tokens.len();
        }
    }
}

/// Tokens that both begin with.
pub(crate) fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::Conversations;

    /// Plays prompts one after the other; a cache is the name of the prompt that it was made for.
    struct Play {
        conversations: Conversations<u32>,
        tokens: Vec<u32>,
        caches: Vec<u32>,
    }

    impl Play {
        /// Tokens that were there, and for which conversation the cache was made.
        fn ask(&mut self, name: u32, length: u32) -> (usize, u32) {
            // Ten tokens that all have in common, then those of the conversation.
            let prompt: Vec<u32> = (0..10)
                .chain((10..length).map(|at| name * 1000 + at))
                .collect();
            self.conversations
                .switch(&prompt, &mut self.tokens, &mut self.caches, || vec![name]);
            let reused = self.tokens.len();
            self.tokens = prompt;
            (reused, self.caches[0])
        }
    }

    fn play(budget: usize) -> Play {
        Play {
            conversations: Conversations::new(budget * 8, 8),
            tokens: Vec::new(),
            caches: vec![1],
        }
    }

    #[test]
    fn conversations_are_gone_back_to() {
        let mut play = play(1000);
        assert_eq!(play.ask(1, 100), (0, 1));
        assert_eq!(play.ask(1, 150), (100, 1));
        assert_eq!(play.ask(2, 200), (0, 2));
        assert_eq!(play.ask(3, 120), (0, 3));
        assert_eq!(play.ask(1, 180), (150, 1));
        assert_eq!(play.ask(2, 210), (200, 2));
        assert_eq!(play.ask(3, 120), (120, 3));
    }

    #[test]
    fn the_least_recently_used_is_dropped_first() {
        let mut play = play(250);
        for (name, length) in [(1, 100), (2, 100), (3, 100)] {
            play.ask(name, length);
        }
        // 1 and 2 are kept; going back to 1 leaves 2 and 3, and 4 then drops 2.
        assert_eq!(play.ask(1, 110), (100, 1));
        assert_eq!(play.ask(4, 100).0, 0);
        assert_eq!(play.ask(3, 100), (100, 3));
        assert_eq!(play.ask(2, 100).0, 0);
    }

    #[test]
    fn without_room_nothing_is_kept_and_short_ones_are_not_worth_it() {
        let mut none = play(0);
        none.ask(1, 100);
        assert_eq!(none.ask(2, 100).0, 0);
        assert_eq!(none.ask(1, 100).0, 0);
        let mut short = play(1000);
        short.ask(1, 60);
        // What they have in common stays in place.
        assert_eq!(short.ask(2, 60), (10, 1));
    }

    #[test]
    fn an_answer_that_is_asked_for_again_stays_where_it_is() {
        let mut play = play(1000);
        play.ask(1, 300);
        // The prompt alone: the answer's tokens are lost, the rest stays.
        assert_eq!(play.ask(1, 200), (200, 1));
        assert!(play.conversations.is_empty());
    }
    #[test]
    fn what_is_kept_is_counted_by_what_a_prompt_has_in_common_with_it() {
        let mut play = play(1000);
        play.ask(1, 200);
        play.ask(2, 300);
        let prompt = |name: u32| (0..10).chain((10..150).map(move |at| name * 1000 + at));
        let in_common = |name| {
            let prompt: Vec<u32> = prompt(name).collect();
            play.conversations.most_in_common(&prompt)
        };
        // Of the conversation in use, only what the kept one shares with it.
        assert_eq!([1, 2, 3].map(in_common), [150, 10, 10]);
    }
}
