//! Time.

use std::cell::Cell;

/// Tells the time.
pub trait Clock {
    /// Milliseconds since any fixed moment; never goes back.
    fn now_ms(&self) -> f64;
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
}
