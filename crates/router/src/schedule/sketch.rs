//! Quantiles of times, in little room.

/// Buckets of each power of two: a quantile is off by 1/16 at most.
const PER_OCTAVE: u32 = 8;
/// From 1 ms or µs to 2^24: 16 s of µs, 4 hours of ms.
const OCTAVES: u32 = 24;
const BUCKETS: usize = (OCTAVES * PER_OCTAVE) as usize;
/// After so many values all count half: what was long ago is forgotten.
const FORGETS_AFTER: u16 = 64;

/// A quantile sketch with fixed relative error: DDSketch (Masson, Rim and Lee, VLDB 2019) with the paper's faster
/// mapping, linear between powers of two, so that a bucket is found in whole numbers and the same on every machine.
///
/// Old values fade: all counts are halved each time there are 64.
#[derive(Clone, Debug)]
pub struct Sketch {
    counts: Box<[u16; BUCKETS]>,
    count: u16,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            counts: Box::new([0; BUCKETS]),
            count: 0,
        }
    }
}

impl Sketch {
    /// Takes a value in; 0 counts as 1.
    pub fn add(&mut self, value: u32) {
        if self.count >= FORGETS_AFTER {
            self.count = 0;
            for count in self.counts.iter_mut() {
                *count /= 2;
                self.count += *count;
            }
        }
        self.counts[bucket(value)] += 1;
        self.count += 1;
    }

    /// The value that `parts` of `of` parts of all are not above, give or take 1/16; `None` if there are none.
    pub fn quantile(&self, parts: u32, of: u32) -> Option<u32> {
        let rank = (u32::from(self.count) * parts).div_ceil(of.max(1)).max(1);
        let mut below = 0;
        for (at, count) in self.counts.iter().enumerate() {
            below += u32::from(*count);
            if below >= rank {
                return Some(middle(at));
            }
        }
        None
    }
}

/// Which power of two, and which eighth of it.
fn bucket(value: u32) -> usize {
    let value = value.max(1);
    let octave = value.ilog2();
    // The bits after the highest one: an eighth each of what lies between two powers of two.
    let part = ((u64::from(value) << 3) >> octave) as u32 - PER_OCTAVE;
    ((octave * PER_OCTAVE + part) as usize).min(BUCKETS - 1)
}

/// The middle of a bucket.
fn middle(bucket: usize) -> u32 {
    // A bucket's number is below 192.
    let bucket = bucket as u32;
    let (octave, part) = (bucket / PER_OCTAVE, bucket % PER_OCTAVE);
    // In sixteenths of the power of two.
    ((u64::from(2 * (PER_OCTAVE + part) + 1) << octave) >> 4) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Sketch;

    #[test]
    fn an_empty_sketch_says_nothing() {
        assert_eq!(Sketch::default().quantile(1, 2), None);
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut sketch = Sketch::default();
        for value in [10_000; 500].into_iter().chain([100; 200]) {
            sketch.add(value);
        }
        assert_eq!(sketch.quantile(19, 20), Some(100));
    }

    proptest! {
        /// Against the sorted values themselves.
        #[test]
        fn a_quantile_is_off_by_a_sixteenth_at_most(
            values in proptest::collection::vec(1_u32..1 << 24, 1..64),
            twentieths in 1_u32..=20,
        ) {
            let mut sketch = Sketch::default();
            let mut sorted = values;
            sorted.iter().for_each(|&value| sketch.add(value));
            sorted.sort_unstable();
            let exact = sorted[(sorted.len() * twentieths as usize).div_ceil(20) - 1];
            let told = sketch.quantile(twentieths, 20).unwrap();
            prop_assert!(told.abs_diff(exact) <= exact / 16 + 1, "{told} for {exact}");
        }
    }
}
