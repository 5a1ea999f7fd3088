//! How long finding takes.

use std::time::Instant;

use privacy::Findings;
use query::ChatRequest;
use serde::Serialize;

use crate::personal::{self, Finder};

/// Characters (code points) of the texts that `ms_per_1000_characters` is measured on.
const THOUSAND: usize = 1000;

/// Finds, and notes how long that takes: each text, and the same texts joined and cut into pieces of 1,000
/// characters, because a time divided by the length of a short text is mostly the cost of the call.
pub(crate) struct Stopwatch {
    finder: Finder,
    texts: Vec<f64>,
    thousands: Vec<f64>,
    /// Of the joined texts, what is not measured yet.
    rest: String,
}

/// Milliseconds, of this build on this machine, one thread.
#[derive(Serialize)]
pub(crate) struct Times {
    ms_per_text: Option<Percentiles>,
    /// None if all texts together are shorter.
    ms_per_1000_characters: Option<Percentiles>,
}

#[derive(Serialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
}

impl Stopwatch {
    /// Lets patterns compile first.
    pub(crate) fn new(finder: Finder) -> Self {
        finder.find(&personal::request("warm up 1"));
        Self {
            finder,
            texts: Vec::new(),
            thousands: Vec::new(),
            rest: String::new(),
        }
    }

    /// What is personal in a request of one text.
    pub(crate) fn find<'r>(&mut self, request: &'r ChatRequest) -> Findings<'r> {
        let (findings, ms) = self.timed(request);
        self.texts.push(ms);
        for message in &request.messages {
            self.rest.push_str(&message.content);
            self.rest.push('\n');
        }
        let mut start = 0;
        while let Some((length, _)) = self.rest[start..].char_indices().nth(THOUSAND) {
            let piece = personal::request(&self.rest[start..start + length]);
            let (_, ms) = self.timed(&piece);
            self.thousands.push(ms);
            start += length;
        }
        self.rest.drain(..start);
        findings
    }

    fn timed<'r>(&self, request: &'r ChatRequest) -> (Findings<'r>, f64) {
        let started = Instant::now();
        let findings = self.finder.find(request);
        (findings, started.elapsed().as_secs_f64() * 1e3)
    }

    /// Of all that were measured.
    pub(crate) fn times(self) -> Times {
        Times {
            ms_per_text: percentiles(self.texts),
            ms_per_1000_characters: percentiles(self.thousands),
        }
    }
}

fn percentiles(mut values: Vec<f64>) -> Option<Percentiles> {
    values.sort_by(f64::total_cmp);
    Some(Percentiles {
        p50: percentile(&values, 0.5)?,
        p99: percentile(&values, 0.99)?,
    })
}

/// The least value that this share of all values does not exceed (nearest rank); none of none.
pub(super) fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        for (share, value) in [(0.0, 1.0), (0.5, 100.0), (0.99, 198.0), (1.0, 200.0)] {
            assert_eq!(percentile(&values, share), Some(value), "{share}");
        }
        assert_eq!(percentile(&[7.0], 0.5), Some(7.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn every_thousand_characters_are_measured_once() {
        let mut watch = Stopwatch::new(Finder::for_tests());
        // 700 and a line's end: 701, 1402, 2103 characters, of two bytes each.
        for _ in 0..3 {
            watch.find(&personal::request(&"é".repeat(700)));
        }
        assert_eq!((watch.texts.len(), watch.thousands.len()), (3, 2));
        watch.find(&personal::request(&"é".repeat(10_000)));
        assert_eq!((watch.texts.len(), watch.thousands.len()), (4, 12));
    }
}
