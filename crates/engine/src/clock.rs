//! Time.

use std::cell::Cell;

/// Tells the time, and waits.
#[expect(
    async_fn_in_trait,
    reason = "an engine stays on one thread: a page's worker has only one"
)]
pub trait Clock {
    /// Milliseconds since any fixed moment; never goes back.
    fn now_ms(&self) -> f64;

    /// Seconds since 1970-01-01 00:00 UTC, as far as the device knows; may jump, and may be wrong by years.
    fn unix_s(&self) -> u64;

    /// Returns after so many milliseconds.
    async fn sleep(&self, ms: f64);
}

/// A clock that goes on by a fixed step each time it is read.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: Cell<f64>,
    step: f64,
}

impl ManualClock {
    /// A clock at 0 that goes on by `step` ms each time it is read.
    pub fn new(step: f64) -> Self {
        Self {
            now: Cell::default(),
            step,
        }
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> f64 {
        let now = self.now.get();
        self.now.set(now + self.step);
        now
    }

    /// As if its first moment were 1970-01-01 00:00.
    fn unix_s(&self) -> u64 {
        (self.now.get() / 1000.0) as u64
    }

    /// Time passes at once.
    async fn sleep(&self, ms: f64) {
        self.now.set(self.now.get() + ms);
    }
}
