//! How unlike what was learned from a question is.

use super::{DENSE, KINDS, Reading, bytes::Reader};
use crate::WeightsError;

/// Points of a distribution, evenly spaced in share.
pub const POINTS: usize = 33;

/// Two distances from the questions of the same kind, and how they are distributed over questions that were left
/// out of training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Novelty {
    /// For each kind; none for one that did not occur.
    pub kinds: [Option<Known>; KINDS],
}

/// What is known of a kind of question.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Mean and 1 / standard deviation of each number.
    pub scale: [[f32; DENSE]; 2],
    /// Rising: the form's distance at even shares of questions; the greatest is the last.
    pub form: [f32; POINTS],
    /// The share of unknown words, the same.
    pub words: [f32; POINTS],
    /// The greater of the two shares, the same.
    pub both: [f32; POINTS],
}

impl Novelty {
    /// 0 to 1: the share of questions like those that were learned from that are less unlike them than this one.
    /// 1 for a kind of question that did not occur.
    pub fn of(&self, reading: &Reading, dense: &[f32; DENSE]) -> f32 {
        match &self.kinds[reading.kind as usize] {
            Some(known) => known.novelty(known.distances(dense)),
            None => 1.0,
        }
    }
}

impl Known {
    /// Of the form (mean of squared standardized differences, each at most 25), and of the words (the share that
    /// never occurred, of the question and its choices).
    pub fn distances(&self, dense: &[f32; DENSE]) -> [f32; 2] {
        let [mean, inverse] = &self.scale;
        let mut sum = 0.0;
        for ((number, mean), inverse) in dense.iter().zip(mean).zip(inverse) {
            let difference = (number - mean) * inverse;
            sum += (difference * difference).min(25.0);
        }
        let unseen = |part: usize| dense[super::FORM + part * (super::RARITY / 2) + 2];
        [sum / DENSE as f32, unseen(0) + unseen(1)]
    }

    fn novelty(&self, [form, words]: [f32; 2]) -> f32 {
        let greater = share(&self.form, form).max(share(&self.words, words));
        share(&self.both, greater)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let [mean, inverse] = &self.scale;
        let all = mean
            .iter()
            .chain(inverse)
            .chain(&self.form)
            .chain(&self.words)
            .chain(&self.both);
        for number in all {
            out.extend(number.to_le_bytes());
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, WeightsError> {
        Ok(Self {
            scale: [reader.numbers()?, reader.numbers()?],
            form: reader.numbers()?,
            words: reader.numbers()?,
            both: reader.numbers()?,
        })
    }
}

/// The share of a distribution that is below a value, straight between its points.
pub fn share(points: &[f32; POINTS], value: f32) -> f32 {
    let above = points.partition_point(|point| *point < value);
    let steps = (POINTS - 1) as f32;
    match (above.checked_sub(1).map(|at| points[at]), points.get(above)) {
        (None, _) => 0.0,
        (Some(_), None) => 1.0,
        (Some(below), Some(point)) => {
            ((above - 1) as f32 + (value - below) / (point - below)) / steps
        }
    }
}
