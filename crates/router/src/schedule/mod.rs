//! What was seen of both places so far: how fast they were, what is left of a rate limit, what the device bears.
//!
//! Whoever answers keeps one [`Schedule`], tells it what happened and when, and puts what follows into the states
//! that a decision is made from. Times come in as ms of any clock that never goes back.

mod breaker;
mod limits;
mod sketch;
mod strain;

use query::{CloudSpeed, CloudState, DeviceSignals, DeviceState, LocalSpeed, Strain};

pub use breaker::Breaker;
pub use limits::{HeadRoom, RateLimit};
pub use sketch::Sketch;

/// Fewer tokens than these say little of a speed.
const ENOUGH_TOKENS: u32 = 8;
/// Answers of late that a speed is the middle of.
const LATE: usize = 3;

/// What was seen of both places so far.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// ms until the first text.
    first: Sketch,
    /// µs a token after that.
    token: Sketch,
    head_room: HeadRoom,
    /// µs a token of a prompt.
    prefill: Sketch,
    /// µs a token of an answer, ever since: what is usual on this device.
    decode: Sketch,
    /// The same, of the last answers, the newest last.
    late: Vec<u32>,
    strain: Strain,
}

impl Schedule {
    /// The cloud answered: ms until the first text and from there to the end, tokens if the upstream counted, and
    /// what it said of its rate limit.
    pub fn cloud_answered(
        &mut self,
        now_ms: f64,
        first_ms: f64,
        rest_ms: f64,
        tokens: u32,
        limit: &RateLimit,
    ) {
        self.first.add(whole(first_ms));
        if tokens >= ENOUGH_TOKENS {
            self.token.add(whole(rest_ms * 1e3 / f64::from(tokens)));
        }
        self.head_room.answered(now_ms, limit);
    }

    /// The cloud refused, because its rate limit is reached.
    pub fn cloud_refused(&mut self, now_ms: f64, limit: &RateLimit) {
        self.head_room.refused(now_ms, limit);
    }

    /// The local model answered: tokens of the prompt that were not in its cache and ms until the first of the
    /// answer, and how many tokens that had and ms from there to the end.
    pub fn local_answered(&mut self, prefill: (u32, f64), decode: (u32, f64)) {
        let (tokens, ms) = prefill;
        if tokens >= ENOUGH_TOKENS {
            self.prefill.add(whole(ms * 1e3 / f64::from(tokens)));
        }
        let (tokens, ms) = decode;
        // The first token came with the prompt.
        if tokens > ENOUGH_TOKENS {
            let each = whole(ms * 1e3 / f64::from(tokens - 1));
            self.decode.add(each);
            if self.late.len() == LATE {
                self.late.remove(0);
            }
            self.late.push(each);
        }
    }

    /// Another model: what was seen of the last one says nothing of it.
    pub fn forget_local(&mut self) {
        self.prefill = Sketch::default();
        self.decode = Sketch::default();
        self.late.clear();
    }

    /// Fills in what was seen of the device and what it says of itself now.
    pub fn device(&mut self, signals: &DeviceSignals, device: DeviceState) -> DeviceState {
        self.strain = strain::next(self.strain, signals, self.share_of_usual_speed());
        let decode = self.lately();
        let prefill = self.prefill.quantile(1, 2);
        DeviceState {
            speed: decode
                .zip(prefill)
                .map(|(decode, prefill)| LocalSpeed { prefill, decode }),
            strain: self.strain,
            ..device
        }
    }

    /// Fills in what was seen of the cloud.
    pub fn cloud(&self, now_ms: f64, cloud: CloudState) -> CloudState {
        let speed = |first| {
            Some(CloudSpeed {
                first,
                first_at_most: self.first.quantile(19, 20)?,
                token: self.token.quantile(1, 2).unwrap_or(0),
            })
        };
        CloudState {
            speed: self.first.quantile(1, 2).and_then(speed),
            scarcity: self.head_room.scarcity(now_ms),
            ..cloud
        }
    }

    /// µs a token, the middle of the last answers.
    fn lately(&self) -> Option<u32> {
        let mut late = self.late.clone();
        late.sort_unstable();
        late.get(late.len() / 2).copied()
    }

    /// 1 if the last answers were as fast as a good one on this device; unknown before there are enough.
    fn share_of_usual_speed(&self) -> Option<f32> {
        if self.late.len() < LATE {
            return None;
        }
        // A quarter of all were faster: a device that is slow for long has not always been.
        let usual = self.decode.quantile(1, 4)?;
        Some(usual as f32 / self.lately()?.max(1) as f32)
    }
}

/// Rounded, and 0 for what is no number.
fn whole(value: f64) -> u32 {
    value.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(schedule: &mut Schedule) -> DeviceState {
        schedule.device(&DeviceSignals::default(), DeviceState::default())
    }

    #[test]
    fn nothing_seen_is_nothing_known() {
        let mut schedule = Schedule::default();
        assert_eq!(device(&mut schedule), DeviceState::default());
        assert_eq!(
            schedule.cloud(0.0, CloudState::default()),
            CloudState::default()
        );
    }

    #[test]
    fn a_device_is_measured_by_what_it_used_to_do() {
        let mut schedule = Schedule::default();
        // 100 tokens of a prompt in 200 ms, 51 of an answer at 20 ms each.
        for _ in 0..6 {
            schedule.local_answered((100, 200.0), (51, 1000.0));
        }
        let seen = device(&mut schedule);
        let speed = seen.speed.unwrap();
        assert!(speed.prefill.abs_diff(2000) <= 125, "{speed:?}");
        assert_eq!(speed.decode, 20_000);
        assert!(!seen.strain.slowed);
        // Twice as slow; one slow answer alone says nothing.
        schedule.local_answered((0, 0.0), (51, 2000.0));
        assert!(!device(&mut schedule).strain.slowed);
        schedule.local_answered((0, 0.0), (51, 2000.0));
        assert!(device(&mut schedule).strain.slowed);
        schedule.forget_local();
        assert_eq!(device(&mut schedule), DeviceState::default());
    }

    #[test]
    fn short_answers_say_little_of_a_speed() {
        let mut schedule = Schedule::default();
        schedule.local_answered((7, 1000.0), (8, 1000.0));
        assert_eq!(device(&mut schedule), DeviceState::default());
        schedule.cloud_answered(0.0, 500.0, 1000.0, 7, &RateLimit::default());
        let speed = schedule.cloud(0.0, CloudState::default()).speed.unwrap();
        assert_eq!(speed.token, 0);
    }

    #[test]
    fn a_cloud_is_measured_and_its_limits_are_kept() {
        let mut schedule = Schedule::default();
        for ms in [400.0; 18].into_iter().chain([3000.0, 3000.0]) {
            schedule.cloud_answered(0.0, ms, 1000.0, 100, &RateLimit::default());
        }
        let speed = schedule.cloud(0.0, CloudState::default()).speed.unwrap();
        assert!(speed.first.abs_diff(400) <= 25, "{speed:?}");
        assert!(speed.first_at_most.abs_diff(3000) <= 190, "{speed:?}");
        assert!(speed.token.abs_diff(10_000) <= 625, "{speed:?}");
        schedule.cloud_refused(0.0, &RateLimit::default());
        let state = schedule.cloud(0.0, CloudState::default());
        assert_eq!(state.scarcity, 1.0);
    }
}
