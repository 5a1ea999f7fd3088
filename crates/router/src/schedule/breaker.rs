//! Leaves an endpoint alone that fails again and again, so that nobody waits for it and it is not kept down by those
//! who ask: a circuit breaker (Nygard, *Release It!*, 2007) with exponential back-off and equal jitter.

use super::limits::doubled;

/// Failures one after the other from which on an endpoint is left alone.
const FAILURES: u32 = 2;

/// What became of the last requests to one endpoint. After an answer it starts anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaker {
    /// One after the other.
    failures: u32,
    /// ms of the caller's clock.
    open_until: f64,
}

impl Breaker {
    /// It failed, or could not be reached. `jitter` is random, from 0 to 1, so that not all who were refused together
    /// come back together: the wait is between half and all of 20 s, twice as long each time, 10 minutes at most.
    pub fn failed(&mut self, now_ms: f64, jitter: f64) {
        self.failures += 1;
        if self.failures >= FAILURES {
            let wait = doubled(self.failures - FAILURES);
            self.open_until = now_ms + wait * (1.0 + jitter.clamp(0.0, 1.0)) / 2.0;
        }
    }

    /// For how long it is still left alone, in ms; 0 if it may be asked.
    pub fn open_ms(&self, now_ms: f64) -> f64 {
        (self.open_until - now_ms).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_left_alone_from_the_second_failure_on_until_it_answers() {
        let mut breaker = Breaker::default();
        breaker.failed(0.0, 1.0);
        assert_eq!(breaker.open_ms(0.0), 0.0);
        breaker.failed(10.0, 1.0);
        assert_eq!(breaker.open_ms(10.0), 20_000.0);
        assert_eq!(breaker.open_ms(20_010.0), 0.0);
        breaker.failed(20_010.0, 0.0);
        assert_eq!(breaker.open_ms(20_010.0), 20_000.0);
        breaker = Breaker::default();
        assert_eq!(breaker.open_ms(20_010.0), 0.0);
        breaker.failed(20_010.0, 1.0);
        assert_eq!(breaker.open_ms(20_010.0), 0.0);
    }
}
