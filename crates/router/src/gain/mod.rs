//! Expected gain of the cloud over the local model, from the question alone, and how unlike what was learned from
//! the question is.
//!
//! ```text
//! reading   text                     -> its form (numbers) and its words (hashes)
//! linear    form and words           -> gain, and how well the weak model does      (ridge)
//! trees     these and the form       -> a correction of the gain                    (boosted)
//! novelty   form and words           -> how far from what was learned from
//! ```
//!
//! Where a question is put as none was that was learned from, only its length counts: longer ones gain more.
//! Plain f32 arithmetic in a fixed order: the same bits on every machine.

mod bytes;
mod novelty;
mod reading;
mod trees;

use bytes::Reader;
pub use novelty::{Known, Novelty, POINTS, share};
pub use query::Estimate;
pub use reading::{FORM, KINDS, Kind, NAMES, Reading};
pub use trees::{Node, Trees};

use crate::WeightsError;

/// The section of a file of weights.
pub const SECTION: &str = "gain";

pub(super) fn weights_error(part: &'static str) -> WeightsError {
    WeightsError::Invalid(SECTION, part)
}

/// Buckets of words and pairs.
pub const BUCKETS: usize = 1 << BITS;
const BITS: u32 = 18;
/// What the linear part predicts: the gain, and the weak model's grade.
pub const OUTPUTS: usize = 2;
/// Numbers about how rare the words are, of the question and of its choices.
pub const RARITY: usize = 10;
/// Numbers of a question: its form, and how rare its words are.
pub const DENSE: usize = FORM + RARITY;
/// Words and pairs count for all kinds of questions, and for each kind alone.
const FOR_ALL: f32 = 0.7;
/// Of a pair, as if it were in one of a thousand questions.
const PAIR: f32 = 7.0 * 0.8;

/// What training learned. `Default` has learned nothing: no gain, and everything is new to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Gain {
    /// What is known of words.
    pub words: Words,
    /// Mean and 1 / standard deviation of each number of a question.
    pub scale: [[f32; DENSE]; 2],
    /// Linear weights.
    pub linear: Linear,
    /// Of the outputs of the linear part, then of the numbers of a question.
    pub trees: Trees,
    /// How far from what was learned from.
    pub novelty: Novelty,
    /// Gain at length 1, and for each doubling: what is said of questions that are like none.
    pub by_length: [f32; 2],
}

/// In how many questions each word occurred, as a logarithm.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    /// Questions.
    pub questions: u32,
    /// `[BUCKETS]`: 0 for a word that never occurred, else 1 + 8 · log2 of the count.
    pub classes: Vec<u8>,
}

/// Weights of the linear part, outputs beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// One unit of `buckets`, for each output.
    pub unit: [f32; OUTPUTS],
    /// `[BUCKETS][OUTPUTS]`, of words and pairs.
    pub buckets: Vec<[i8; OUTPUTS]>,
    /// `[1 + KINDS][DENSE + 1][OUTPUTS]`: of scaled numbers, and of 1; for all kinds and for each.
    pub dense: Vec<[[f32; OUTPUTS]; DENSE + 1]>,
}

/// What a question is for the linear part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Buckets and values.
    pub sparse: Vec<(u32, f32)>,
    /// Scaled numbers.
    pub dense: Vec<f32>,
    /// Which kind.
    pub kind: usize,
}

impl Default for Gain {
    fn default() -> Self {
        Self {
            words: Words {
                questions: 0,
                classes: vec![0; BUCKETS],
            },
            scale: [[0.0; DENSE]; 2],
            linear: Linear {
                unit: [0.0; OUTPUTS],
                buckets: vec![[0; OUTPUTS]; BUCKETS],
                dense: vec![[[0.0; OUTPUTS]; DENSE + 1]; 1 + KINDS],
            },
            trees: Trees::default(),
            novelty: Novelty::default(),
            by_length: [0.0; 2],
        }
    }
}

impl Gain {
    /// What is expected of the cloud for a question.
    pub fn estimate(&self, text: &str) -> Estimate {
        let reading = Reading::of(text);
        let dense = self.words.dense(&reading, 0);
        let novelty = self.novelty.of(&reading, &dense);
        let row = self.row(&reading, &dense);
        let outputs = self.linear.outputs(&row);
        let learned = outputs[0] + self.trees.sum(&inputs(outputs, &dense));
        let [start, slope] = self.by_length;
        let plain = start + slope * reading.form[LENGTH];
        // From nineteen of twenty on, it is told less and less by what was learned.
        let beyond = ((novelty - KNOWN) / (1.0 - KNOWN)).max(0.0);
        Estimate {
            gain: (learned + beyond * (plain - learned)).clamp(-1.0, 1.0),
            novelty,
        }
    }

    /// For the linear part.
    pub fn row(&self, reading: &Reading, dense: &[f32; DENSE]) -> Row {
        let kind = reading.kind as usize;
        let [mean, inverse] = &self.scale;
        let numbers = dense.iter().zip(mean).zip(inverse);
        Row {
            sparse: self.words.sparse(reading, kind),
            dense: numbers
                .map(|((number, mean), inverse)| ((number - mean) * inverse).clamp(-4.0, 4.0))
                .collect(),
            kind,
        }
    }
}

/// From this novelty on, a question is outside of what is known.
pub const KNOWN: f32 = 0.95;
/// Place of the length in a form.
const LENGTH: usize = 1;

/// What the trees see.
pub fn inputs(outputs: [f32; OUTPUTS], dense: &[f32; DENSE]) -> Vec<f32> {
    outputs.iter().chain(dense).copied().collect()
}

impl Words {
    /// The class of a count: eight for each doubling.
    pub fn class(count: u32) -> u8 {
        match count {
            0 => 0,
            _ => (1.0 + 8.0 * (reading::log(count as usize - 1))) as u8,
        }
    }

    /// A word's bucket.
    pub fn bucket(hash: u32) -> usize {
        (hash.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
    }

    /// log2 of in how many questions it occurred, `less` left out; none of a word that never did.
    fn log_count(&self, hash: u32, less: u8) -> Option<f32> {
        let class = *self.classes.get(Self::bucket(hash))?;
        match (class, less) {
            (0, _) => None,
            (_, 0) => Some(f32::from(class - 1) / 8.0),
            // One less: only of small counts does that matter.
            (1, _) => None,
            (9, _) => Some(0.0),
            (13, _) => Some(1.0),
            (_, _) => Some(f32::from(class - 1) / 8.0),
        }
    }

    /// A question's form, and how rare its words are. `less` is 1 for a question that was itself counted.
    pub fn dense(&self, reading: &Reading, less: u8) -> [f32; DENSE] {
        let mut dense = [0.0; DENSE];
        dense[..FORM].copy_from_slice(&reading.form);
        let parts = dense[FORM..].chunks_exact_mut(RARITY / 2);
        for (rarity, words) in parts.zip(&reading.plain) {
            let (mut sum, mut least, mut unseen, mut rare, mut few) = (0.0, 16.0_f32, 0, 0, 0);
            for &word in words {
                let count = self.log_count(word, less);
                unseen += usize::from(count.is_none());
                // In up to three, and in up to eleven questions.
                rare += usize::from(count.is_none_or(|count| count < 2.0));
                few += usize::from(count.is_none_or(|count| count < 3.5));
                let log = count.map_or(0.0, |count| count + 1.0);
                sum += log;
                least = least.min(log);
            }
            let all = words.len().max(1) as f32;
            if words.is_empty() {
                (sum, least) = (6.0, 6.0);
            }
            rarity.copy_from_slice(&[
                sum / all,
                least,
                unseen as f32 / all,
                reading::log(rare),
                few as f32 / all,
            ]);
        }
        dense
    }

    /// Words and pairs, each for all kinds and for this one, of length about 1.
    fn sparse(&self, reading: &Reading, kind: usize) -> Vec<(u32, f32)> {
        let questions = reading::log(self.questions as usize);
        let often = |count: u16| 1.0 + 0.7 * reading::log(usize::from(count) - 1);
        let words: Vec<(u32, f32)> = reading
            .words
            .iter()
            .filter_map(|&(hash, count)| {
                // A word that was seen once says nothing of others.
                let seen = self.log_count(hash, 0).filter(|seen| *seen >= 1.0)?;
                Some((hash, often(count) * (1.0 + 0.7 * (questions - seen))))
            })
            .collect();
        let square: f32 = words
            .iter()
            .map(|(_, value)| value * value)
            .fold(0.0, |sum, square| sum + square);
        let pairs = reading
            .pairs
            .iter()
            .map(|&(hash, count)| (hash, often(count) * PAIR));
        let scale = 1.0 / (square * 1.6).sqrt().max(1.0);
        let own = 0xc2b2_ae35_u32.wrapping_mul(kind as u32 + 1);
        let all = words.into_iter().chain(pairs);
        all.flat_map(|(hash, value)| {
            let bucket = |hash| Self::bucket(hash) as u32;
            [
                (bucket(hash ^ 0x27d4_eb2f), value * scale * FOR_ALL),
                (bucket(hash ^ own), value * scale),
            ]
        })
        .collect()
    }
}

impl Linear {
    /// The outputs for a question.
    pub fn outputs(&self, row: &Row) -> [f32; OUTPUTS] {
        let mut sums = [0.0; OUTPUTS];
        for &(bucket, value) in &row.sparse {
            let weights = self
                .buckets
                .get(bucket as usize)
                .copied()
                .unwrap_or_default();
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += f32::from(weight) * value;
            }
        }
        for (sum, unit) in sums.iter_mut().zip(self.unit) {
            *sum *= unit;
        }
        for which in [0, 1 + row.kind] {
            let weights = self.dense.get(which).into_iter().flatten();
            for (weights, value) in weights.zip(row.dense.iter().chain([&1.0])) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += weight * value;
                }
            }
        }
        sums
    }
}

impl Gain {
    /// The section's bytes; numbers that are alike stand together, so that they compress.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = (DENSE as u32).to_le_bytes().to_vec();
        out.extend(self.words.questions.to_le_bytes());
        out.extend(&self.words.classes);
        for output in 0..OUTPUTS {
            out.extend(
                self.linear
                    .buckets
                    .iter()
                    .map(|bucket| bucket[output] as u8),
            );
        }
        let [mean, inverse] = &self.scale;
        let dense = self.linear.dense.iter().flatten().flatten();
        let numbers = self
            .linear
            .unit
            .iter()
            .chain(mean)
            .chain(inverse)
            .chain(dense)
            .chain(&self.by_length);
        for number in numbers {
            out.extend(number.to_le_bytes());
        }
        for known in &self.novelty.kinds {
            out.push(u8::from(known.is_some()));
            if let Some(known) = known {
                known.write(&mut out);
            }
        }
        self.trees.write(&mut out);
        out
    }

    /// Reads [`Gain::to_bytes`].
    ///
    /// # Errors
    /// [`WeightsError`] names the part that is wrong; nothing panics, whatever the bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let mut reader = Reader(bytes);
        if u32::from_le_bytes(reader.array()?) != DENSE as u32 {
            return Err(weights_error("made for other features"));
        }
        let mut gain = Self::default();
        gain.words.questions = u32::from_le_bytes(reader.array()?);
        gain.words.classes.copy_from_slice(reader.take(BUCKETS)?);
        for output in 0..OUTPUTS {
            for (bucket, byte) in gain.linear.buckets.iter_mut().zip(reader.take(BUCKETS)?) {
                bucket[output] = *byte as i8;
            }
        }
        gain.linear.unit = reader.numbers()?;
        gain.scale = [reader.numbers()?, reader.numbers()?];
        for weight in gain.linear.dense.iter_mut().flatten().flatten() {
            *weight = reader.number()?;
        }
        gain.by_length = reader.numbers()?;
        for known in &mut gain.novelty.kinds {
            *known = match reader.array()? {
                [0] => None,
                [1] => Some(novelty::Known::read(&mut reader)?),
                _ => return Err(weights_error("kinds")),
            };
        }
        gain.trees = Trees::read(&mut reader)?;
        if !reader.0.is_empty() {
            return Err(weights_error("end"));
        }
        Ok(gain)
    }
}
