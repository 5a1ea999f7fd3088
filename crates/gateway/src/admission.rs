//! Which opened requests are answered: those that were sealed a short while ago, once each (RFC 9458 §6.5).

use std::collections::HashSet;

/// How far from the gateway's clock a request's date may be, seconds, before and after: clocks differ, and a slow
/// uplink takes a while for a megabyte.
pub const WINDOW_S: u64 = 60;

/// How many requests are remembered, each for two to four windows. In memory a set of so many takes 17.8 MB, and there
/// are two of them: 36 MB at most. It is enough for 7,600 requests a second, sealed ones that open and have a fresh
/// date; when more come, those above it are refused, so that what was forgotten is never answered again.
const MOST: usize = 917_504;

/// What was answered of late.
#[derive(Debug)]
pub(crate) struct Admission {
    most: usize,
    /// The latest second that was seen: a clock that is set back opens no window again.
    now: u64,
    /// Nothing that was sealed before the gateway started: what was answered then is not remembered.
    started: u64,
    /// When `current` becomes `previous`.
    turn: u64,
    current: HashSet<[u8; 16]>,
    previous: HashSet<[u8; 16]>,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It has no date, or one outside of the window. With the date that it should have about now.
    Date { now: u64 },
    /// It came before.
    Seen,
    /// More come than can be remembered.
    Full,
}

/// A request may be dated a window ahead, and then be sent again until its date is a window old.
const KEPT_S: u64 = 2 * WINDOW_S + 1;

impl Admission {
    /// `now`: seconds since 1970-01-01 00:00 UTC, as everywhere here.
    pub(crate) fn starting(now: u64) -> Self {
        Self::remembering(MOST, now)
    }

    fn remembering(most: usize, now: u64) -> Self {
        Self {
            most,
            now,
            started: now,
            turn: now + KEPT_S,
            current: HashSet::new(),
            previous: HashSet::new(),
        }
    }

    /// Whether to answer a request that opened, and if so, not again.
    pub(crate) fn admit(
        &mut self,
        now: u64,
        date: Option<u64>,
        replay_id: [u8; 16],
    ) -> Result<(), Refusal> {
        self.pass(now);
        let now = self.now;
        let fresh = now.saturating_sub(WINDOW_S).max(self.started)..=now + WINDOW_S;
        if !date.is_some_and(|date| fresh.contains(&date)) {
            return Err(Refusal::Date { now });
        }
        if self.previous.contains(&replay_id) || self.current.contains(&replay_id) {
            return Err(Refusal::Seen);
        }
        if self.current.len() >= self.most {
            return Err(Refusal::Full);
        }
        self.current.insert(replay_id);
        Ok(())
    }

    fn pass(&mut self, now: u64) {
        self.now = self.now.max(now);
        if self.now < self.turn {
            return;
        }
        let current = std::mem::take(&mut self.current);
        // After a long silence, that is too old as well.
        let stale = self.now >= self.turn + KEPT_S;
        self.previous = if stale { HashSet::new() } else { current };
        self.turn = self.now + KEPT_S;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 784_111_777;

    fn id(n: u64) -> [u8; 16] {
        u128::from(n).to_be_bytes()
    }

    #[test]
    fn dates_within_the_window_pass() {
        let mut admission = Admission::starting(NOW - 1000);
        for (date, admitted) in [
            (None, false),
            (Some(0), false),
            (Some(NOW - 61), false),
            (Some(NOW - 60), true),
            (Some(NOW), true),
            (Some(NOW + 60), true),
            (Some(NOW + 61), false),
            (Some(u64::MAX), false),
        ] {
            let result = admission.admit(NOW, date, id(date.unwrap_or(1)));
            let expected = if admitted {
                Ok(())
            } else {
                Err(Refusal::Date { now: NOW })
            };
            assert_eq!(result, expected, "{date:?}");
        }
    }

    #[test]
    fn nothing_sealed_before_the_start_passes_and_what_is_corrected_does() {
        let mut admission = Admission::starting(NOW);
        let refused = admission.admit(NOW, Some(NOW - 1), id(1));
        assert_eq!(refused, Err(Refusal::Date { now: NOW }));
        assert_eq!(admission.admit(NOW, Some(NOW), id(1)), Ok(()));
    }

    #[test]
    fn a_request_passes_once_for_as_long_as_its_date_does() {
        // Dated as far ahead as may be, at every second of a turn.
        for start in 0..=KEPT_S {
            let mut admission = Admission::starting(NOW);
            let first = NOW + start;
            let date = Some(first + WINDOW_S);
            assert_eq!(admission.admit(first, date, id(1)), Ok(()));
            for later in first..=first + 2 * WINDOW_S {
                assert_eq!(admission.admit(later, date, id(1)), Err(Refusal::Seen));
            }
            let late = first + 2 * WINDOW_S + 1;
            let refused = admission.admit(late, date, id(1));
            assert_eq!(refused, Err(Refusal::Date { now: late }));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_opens_no_window_again() {
        let mut admission = Admission::starting(NOW);
        assert_eq!(admission.admit(NOW, Some(NOW), id(1)), Ok(()));
        let later = NOW + 10 * KEPT_S;
        assert_eq!(admission.admit(later, Some(later), id(2)), Ok(()));
        let refused = admission.admit(NOW, Some(NOW), id(1));
        assert_eq!(refused, Err(Refusal::Date { now: later }));
    }

    #[test]
    fn memory_is_bounded_and_what_has_no_room_is_refused() {
        let mut admission = Admission::remembering(100, NOW);
        for n in 0..100 {
            assert_eq!(admission.admit(NOW, Some(NOW), id(n)), Ok(()));
        }
        assert_eq!(admission.admit(NOW, Some(NOW), id(100)), Err(Refusal::Full));
        // What was answered is still known.
        assert_eq!(admission.admit(NOW, Some(NOW), id(99)), Err(Refusal::Seen));
        for turn in 1..10 {
            let now = NOW + turn * KEPT_S;
            for n in 0..200 {
                let _ = admission.admit(now, Some(now), id(1000 * turn + n));
            }
            assert_eq!(admission.current.len(), 100);
            assert_eq!(admission.previous.len(), 100);
        }
    }
}
