//! What an endpoint says of its rate limit, and how much of it is left.

/// How long to wait where a limit is reached and nothing says until when, in ms; twice as long each time.
const WAIT: f64 = 20_000.0;
/// Longest wait, in ms.
const LONGEST_WAIT: f64 = 600_000.0;
/// Below this share of a limit the rest is kept for those questions that need it most.
const SHORT: f32 = 0.2;

/// What a reply says of a rate limit; of several, the one with the least left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RateLimit {
    /// Requests or tokens that are allowed in a window.
    pub limit: Option<f32>,
    /// How many of them are left.
    pub remaining: Option<f32>,
    /// Until there are all again, in s.
    pub reset: Option<f32>,
    /// When to ask again, in s.
    pub retry_after: Option<f32>,
}

impl RateLimit {
    /// Reads header fields, names in lower case: `Retry-After` in seconds (RFC 9110, 10.2.3), `RateLimit` and
    /// `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), its earlier `RateLimit-Remaining` and so on, and
    /// `x-ratelimit-remaining-requests` and so on, as cloud models' servers write them. What cannot be read is
    /// skipped.
    pub fn read<'a>(fields: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let mut least = Self::default();
        for unit in ["", "-requests", "-tokens"] {
            let mut limit = Self::default();
            for (name, value) in fields.clone() {
                match name {
                    "retry-after" => least.retry_after = seconds(value),
                    "ratelimit" | "ratelimit-policy" if unit.is_empty() => limit.take(value),
                    _ => {
                        let name = name.strip_prefix("x-").unwrap_or(name);
                        match name
                            .strip_prefix("ratelimit-")
                            .and_then(|name| name.strip_suffix(unit))
                        {
                            Some("limit") => limit.limit = number(value),
                            Some("remaining") => limit.remaining = number(value),
                            Some("reset") => limit.reset = seconds(value),
                            _ => {}
                        }
                    }
                }
            }
            if limit.remaining.is_some() && limit.scarcity() >= least.scarcity() {
                limit.retry_after = least.retry_after;
                least = limit;
            }
        }
        least
    }

    /// `"default";r=50;t=30` (with `q=100;w=60` in the policy), or as earlier drafts wrote it,
    /// `limit=100, remaining=50, reset=30`. Of several policies the first one counts.
    fn take(&mut self, value: &str) {
        for parameter in value.split([';', ',']) {
            let Some((name, value)) = parameter.split_once('=') else {
                continue;
            };
            let slot = match name.trim() {
                "limit" | "q" => &mut self.limit,
                "remaining" | "r" => &mut self.remaining,
                "reset" | "t" => &mut self.reset,
                _ => continue,
            };
            *slot = slot.or_else(|| number(value));
        }
    }

    /// 0 while there is plenty, 1 where nothing is left.
    fn scarcity(&self) -> f32 {
        match (self.remaining, self.limit) {
            (Some(remaining), _) if remaining < 1.0 => 1.0,
            (Some(remaining), Some(limit)) if limit >= 1.0 => {
                ((SHORT - remaining / limit) / SHORT).clamp(0.0, 1.0)
            }
            _ => 0.0,
        }
    }
}

/// How much of an endpoint's rate limit is left.
#[derive(Clone, Debug, Default)]
pub struct HeadRoom {
    scarcity: f32,
    /// Until then that holds, ms of the caller's clock.
    scarce_until: f64,
    /// Refusals for the limit, one after the other.
    refusals: u32,
}

impl HeadRoom {
    /// It answered, and said this of its limit.
    pub fn answered(&mut self, now_ms: f64, limit: &RateLimit) {
        self.refusals = 0;
        self.scarcity = limit.scarcity();
        self.scarce_until = now_ms + limit.reset.map_or(WAIT, |s| f64::from(s) * 1e3);
    }

    /// It refused, because its limit is reached.
    pub fn refused(&mut self, now_ms: f64, limit: &RateLimit) {
        let wait = limit.retry_after.or(limit.reset);
        let wait = wait.map_or_else(|| doubled(self.refusals), |s| f64::from(s) * 1e3);
        self.refusals += 1;
        self.scarcity = 1.0;
        self.scarce_until = now_ms + wait.min(LONGEST_WAIT);
    }

    /// 0 while there is plenty, 1 where nothing is left.
    pub fn scarcity(&self, now_ms: f64) -> f32 {
        if now_ms < self.scarce_until {
            self.scarcity
        } else {
            0.0
        }
    }
}

/// How long to wait after so many times before, in ms.
pub(super) fn doubled(times: u32) -> f64 {
    let wait = WAIT * f64::from(1_u32 << times.min(8));
    wait.min(LONGEST_WAIT)
}

fn number(text: &str) -> Option<f32> {
    // Earlier drafts let a list of policies follow: `100, 100;w=60`.
    let text = text.split([',', ';']).next().unwrap_or(text);
    let number: f32 = text.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// `30`, `0.5`, or as some servers write it, `6m0s`, `1h`, `120ms`.
fn seconds(text: &str) -> Option<f32> {
    let mut rest = text.trim();
    if let Some(seconds) = number(rest) {
        return Some(seconds);
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (value, unit) = rest.split_at(end);
        let after = unit
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(unit.len());
        let (unit, left) = unit.split_at(after);
        let each = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return None,
        };
        sum += number(value)? * each;
        rest = left;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> RateLimit {
        RateLimit::read(fields.iter().copied())
    }

    /// Limit, remaining, reset, retry after.
    fn limit(limit: f32, remaining: f32, reset: f32, retry: Option<f32>) -> RateLimit {
        RateLimit {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(reset),
            retry_after: retry,
        }
    }

    #[test]
    fn limits_are_read_as_servers_write_them() {
        let nothing = RateLimit::default();
        let retry = |seconds| RateLimit {
            retry_after: Some(seconds),
            ..nothing
        };
        for (fields, expected) in [
            (&[("content-type", "text/event-stream")][..], nothing),
            (&[("retry-after", "30")], retry(30.0)),
            // A date needs a calendar: the wait is then chosen here.
            (&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], nothing),
            (
                &[
                    ("ratelimit", "\"default\";r=50;t=30"),
                    ("ratelimit-policy", "\"default\";q=100;w=60"),
                ],
                limit(100.0, 50.0, 30.0, None),
            ),
            (
                &[("ratelimit", "limit=100, remaining=5, reset=7")],
                limit(100.0, 5.0, 7.0, None),
            ),
            (
                &[
                    ("ratelimit-limit", "10, 10;w=1"),
                    ("ratelimit-remaining", "0"),
                    ("ratelimit-reset", "5"),
                ],
                limit(10.0, 0.0, 5.0, None),
            ),
            (
                &[
                    ("retry-after", "2"),
                    ("x-ratelimit-limit-requests", "60"),
                    ("x-ratelimit-remaining-requests", "59"),
                    ("x-ratelimit-reset-requests", "1s"),
                    ("x-ratelimit-limit-tokens", "150000"),
                    ("x-ratelimit-remaining-tokens", "1500"),
                    ("x-ratelimit-reset-tokens", "6m0.5s"),
                ],
                limit(150_000.0, 1500.0, 360.5, Some(2.0)),
            ),
            (
                &[
                    ("ratelimit", "r=-1"),
                    ("x-ratelimit-remaining", "many"),
                    ("retry-after", "5x"),
                ],
                nothing,
            ),
        ] {
            assert_eq!(read(fields), expected, "{fields:?}");
        }
        assert_eq!(seconds("1h2m3s"), Some(3723.0));
        assert_eq!(seconds("250ms"), Some(0.25));
    }

    #[test]
    fn a_limit_gets_scarce_below_a_fifth_and_is_forgotten_when_it_is_reset() {
        let mut room = HeadRoom::default();
        for (remaining, scarcity) in [(100.0, 0.0), (20.0, 0.0), (10.0, 0.5), (0.0, 1.0)] {
            room.answered(1000.0, &limit(100.0, remaining, 30.0, None));
            assert_eq!(room.scarcity(1000.0), scarcity, "{remaining} left");
        }
        assert_eq!(room.scarcity(30_999.0), 1.0);
        assert_eq!(room.scarcity(31_000.0), 0.0);
    }

    #[test]
    fn who_is_refused_waits_as_told_or_longer_each_time() {
        let mut room = HeadRoom::default();
        let told = RateLimit {
            retry_after: Some(3.0),
            ..RateLimit::default()
        };
        room.refused(0.0, &told);
        assert_eq!([2999.0, 3000.0].map(|now| room.scarcity(now)), [1.0, 0.0]);
        room.answered(3000.0, &RateLimit::default());
        assert_eq!(room.scarcity(3000.0), 0.0);
        let mut now = 0.0;
        let mut waits = Vec::new();
        for _ in 0..7 {
            room.refused(now, &RateLimit::default());
            waits.push(room.scarce_until - now);
            now = room.scarce_until;
        }
        assert_eq!(waits, [2e4, 4e4, 8e4, 16e4, 32e4, 6e5, 6e5]);
    }
}
