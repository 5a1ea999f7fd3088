//! The ways out of the device, and which of them a question takes when parts fail.
//!
//! The app names them in its order. A question takes the first that has not failed lately, and the next if nothing came
//! back; where none was reached, it waits a little and tries those again that may only be starting. Nothing is sent
//! anew once the reply has begun to be shown, and each attempt is sealed anew.

use std::{cell::Cell, collections::VecDeque};

use query::{Error, ErrorCode};
use router::Breaker;

use crate::{Clock, Keys};

/// How long a question waits before it tries again, at most, in ms; twice as long the second time. Half of it is random.
const PAUSE_MS: f64 = 800.0;

/// A relay, and where the key of the gateway behind it comes from.
pub(crate) struct Way<T> {
    pub(crate) transport: T,
    pub(crate) keys: Keys,
    breaker: Cell<Breaker>,
}

impl<T> Way<T> {
    pub(crate) fn new(transport: T, keys: Keys) -> Self {
        Self {
            transport,
            keys,
            breaker: Cell::default(),
        }
    }

    /// It answered.
    pub(crate) fn answered(&self) {
        self.breaker.set(Breaker::default());
    }

    /// For how long it is still left alone, in ms; 0 if it may be asked.
    pub(crate) fn open_ms(&self, now_ms: f64) -> f64 {
        self.breaker.get().open_ms(now_ms)
    }
}

/// The ways that one question may still take.
pub(crate) struct Tries<'w, T, C> {
    clock: &'w C,
    random: fn() -> u64,
    left: VecDeque<&'w Way<T>>,
    /// Those that could not be reached in this round.
    unreached: Vec<&'w Way<T>>,
    round: u32,
    /// How many rounds there are.
    rounds: u32,
}

impl<'w, T, C: Clock> Tries<'w, T, C> {
    /// Of `ways`, those that have not failed lately come first, then those that may be asked soonest. With `eagerly` also
    /// those are tried that are left alone: somebody waits.
    pub(crate) fn new(
        ways: impl Iterator<Item = &'w Way<T>>,
        clock: &'w C,
        random: fn() -> u64,
        rounds: u32,
        eagerly: bool,
    ) -> Self {
        let now = clock.now_ms();
        let mut left: Vec<_> = ways
            .filter(|way| eagerly || way.open_ms(now) == 0.0)
            .collect();
        left.sort_by(|a, b| a.open_ms(now).total_cmp(&b.open_ms(now)));
        Self {
            clock,
            random,
            left: left.into(),
            unreached: Vec::new(),
            round: 0,
            rounds,
        }
    }

    /// The next way, perhaps after a pause; none if there is no more to try.
    pub(crate) async fn next(&mut self) -> Option<&'w Way<T>> {
        if self.left.is_empty() && !self.unreached.is_empty() && self.round + 1 < self.rounds {
            let pause = PAUSE_MS * f64::from(1 << self.round);
            self.clock
                .sleep(pause * (1.0 + fraction(self.random)) / 2.0)
                .await;
            self.left.extend(self.unreached.drain(..));
            self.round += 1;
        }
        self.left.pop_front()
    }

    /// This way ended so. What is of no use after it is not tried: another relay, where it was the gateway or what is
    /// behind it; anything, where it was the question or the device.
    pub(crate) fn failed(&mut self, way: &'w Way<T>, error: &Error) {
        use ErrorCode::*;
        match error.code {
            RelayUnavailable | GatewayUnavailable => {
                self.blame(way);
                self.unreached.push(way);
            }
            KeyMismatch | SealBroken | UpstreamInterrupted | RelayRateLimited => self.blame(way),
            UpstreamFailed | UpstreamUnauthorized => {
                self.blame(way);
                self.leave_out(&way.keys);
            }
            UpstreamRateLimited => self.leave_out(&way.keys),
            _ => {
                self.left.clear();
                self.unreached.clear();
            }
        }
    }

    /// A question counts once, however often it tries.
    fn blame(&self, way: &Way<T>) {
        if self.round == 0 {
            let mut breaker = way.breaker.get();
            breaker.failed(self.clock.now_ms(), fraction(self.random));
            way.breaker.set(breaker);
        }
    }

    fn leave_out(&mut self, gateway: &Keys) {
        self.left.retain(|way| way.keys != *gateway);
        self.unreached.retain(|way| way.keys != *gateway);
    }
}

/// From 0 to 1.
fn fraction(random: fn() -> u64) -> f64 {
    random() as f64 / u64::MAX as f64
}
