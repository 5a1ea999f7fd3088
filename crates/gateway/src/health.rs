//! Whether the upstream is known to be down.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many failures in a row are no accident.
const FAILURES: u32 = 3;
/// After so long without a question nobody knows: the next one finds out.
const REMEMBERED: Duration = Duration::from_secs(10);

/// How the last questions went. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health(Arc<Mutex<Option<Failing>>>);

#[derive(Clone, Copy, Debug)]
struct Failing {
    failures: u32,
    last: Instant,
}

impl Health {
    /// The upstream answered, or refused: it is there.
    pub(crate) fn answered(&self) {
        self.change(|failing| *failing = None);
    }

    /// It could not be reached, did not answer in time, or failed.
    pub(crate) fn failed(&self, now: Instant) {
        self.change(|failing| {
            let failures = failing.map_or(0, |failing| failing.failures);
            *failing = Some(Failing {
                failures: failures.saturating_add(1),
                last: now,
            });
        });
    }

    pub(crate) fn is_down(&self, now: Instant) -> bool {
        self.change(|failing| {
            failing.is_some_and(|failing| {
                failing.failures >= FAILURES
                    && now.saturating_duration_since(failing.last) < REMEMBERED
            })
        })
    }

    fn change<R>(&self, look: impl FnOnce(&mut Option<Failing>) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_count_for_a_while() {
        let (health, start) = (Health::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        let after = |s| health.is_down(at(s));
        health.failed(at(0));
        health.failed(at(1));
        assert!(!after(1));
        health.answered();
        health.failed(at(2));
        health.failed(at(3));
        assert!(!after(3));
        health.failed(at(4));
        assert_eq!([after(4), after(13), after(14)], [true, true, false]);
        // The question that finds out.
        health.failed(at(20));
        assert!(after(20));
        health.answered();
        assert!(!after(20));
    }
}
