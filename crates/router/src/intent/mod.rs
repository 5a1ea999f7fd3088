//! What a question asks for: multinomial logistic regression over hashed words, pieces of words and the
//! shape of the text, with weights of 8 bits.
//!
//! Features are counted apart by group and each group is divided by the root of its count, so that a long
//! question weighs no more than a short one. Products and sums of whole numbers, roots and quotients of IEEE
//! 754 and one exponential from the `libm` crate: every machine decides alike.

mod features;

use query::{Guess, Intent};

use crate::WeightsError;
pub use features::{GROUPS, ROW_BITS, Rows, rows};

/// How many intents there are.
pub const INTENTS: usize = Intent::NAMES.len();
const ROWS: usize = 1 << ROW_BITS;
/// Its section of the file of weights.
pub const SECTION: &str = "intent";

/// What was learned.
#[derive(Clone, PartialEq)]
pub struct IntentModel {
    /// One unit of a weight, in natural logarithms of odds; the temperature is in it.
    unit: f32,
    /// `[INTENTS]`, in units.
    bias: [i16; INTENTS],
    /// Which rows have weights, `[ROWS / 64]`: most have none, and asking that first touches little memory.
    blocks: Vec<Block>,
    /// Of those that have any, in units.
    weights: Vec<[i8; INTENTS]>,
}

/// 64 rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Block {
    /// A bit for each row that has weights.
    used: u64,
    /// Rows with weights before these.
    before: u32,
}

impl std::fmt::Debug for IntentModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IntentModel")
            .field("unit", &self.unit)
            .finish_non_exhaustive()
    }
}

impl IntentModel {
    /// Of rows and their weights in units, the rows rising and below two to the [`ROW_BITS`].
    ///
    /// # Errors
    /// [`WeightsError::Invalid`] names the part that does not fit.
    pub fn new(
        unit: f32,
        bias: [i16; INTENTS],
        rows: &[(u32, [i8; INTENTS])],
    ) -> Result<Self, WeightsError> {
        if !(unit.is_finite() && unit > 0.0) {
            return Err(WeightsError::Invalid(SECTION, "unit"));
        }
        let is_rising = rows.windows(2).all(|two| two[0].0 < two[1].0);
        if !is_rising || rows.last().is_some_and(|last| last.0 as usize >= ROWS) {
            return Err(WeightsError::Invalid(SECTION, "rows"));
        }
        let mut blocks = vec![Block::default(); ROWS / 64];
        for (row, _) in rows {
            blocks[*row as usize / 64].used |= 1 << (row % 64);
        }
        let mut before = 0;
        for block in &mut blocks {
            block.before = before;
            before += block.used.count_ones();
        }
        Ok(Self {
            unit,
            bias,
            blocks,
            weights: rows.iter().map(|row| row.1).collect(),
        })
    }

    /// A row's weights, if it has any.
    fn row(&self, row: u32) -> Option<&[i8; INTENTS]> {
        let block = self.blocks.get(row as usize / 64)?;
        let bit = 1 << (row % 64);
        if block.used & bit == 0 {
            return None;
        }
        let place = block.before + (block.used & (bit - 1)).count_ones();
        self.weights.get(place as usize)
    }

    /// What is probably asked for.
    pub fn guess(&self, text: &str) -> Guess {
        let probabilities = self.probabilities(&rows(text));
        let mut best = 0;
        for (at, probability) in probabilities.iter().enumerate() {
            if *probability > probabilities[best] {
                best = at;
            }
        }
        Guess {
            intent: Intent::NAMES[best].0,
            probability: probabilities[best],
        }
    }

    /// The probability of each intent, in their order.
    pub fn probabilities(&self, rows: &Rows) -> [f32; INTENTS] {
        let mut scores = self.scores(rows);
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for score in &mut scores {
            *score = libm::expf(*score - most);
            sum += *score;
        }
        scores.map(|score| score / sum)
    }

    /// Scores in natural logarithms of odds, up to one number that is the same for all.
    fn scores(&self, rows: &Rows) -> [f32; INTENTS] {
        let mut scores = self.bias.map(f32::from);
        for group in rows {
            let mut sums = [0_i32; INTENTS];
            for &row in group {
                let Some(weights) = self.row(row) else {
                    continue;
                };
                for (sum, &weight) in sums.iter_mut().zip(weights) {
                    *sum += i32::from(weight);
                }
            }
            let scale = scale(group.len());
            for (score, sum) in scores.iter_mut().zip(sums) {
                *score += sum as f32 * scale;
            }
        }
        scores.map(|score| score * self.unit)
    }

    /// A section of the file: little-endian; the unit, the bias, how many rows have weights, the steps between
    /// their numbers (seven bits a byte), a bit for each of their intents that has one (`u16`), and these.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.unit.to_le_bytes().to_vec();
        for bias in self.bias {
            out.extend(bias.to_le_bytes());
        }
        out.extend((self.weights.len() as u32).to_le_bytes());
        let rows = (0_u32..).zip(&self.blocks).flat_map(|(number, block)| {
            let bits = (0..64).filter(|bit| block.used >> bit & 1 == 1);
            bits.map(move |bit| number * 64 + bit)
        });
        let mut next = 0;
        for row in rows {
            let mut step = row - next;
            while step >= 0x80 {
                out.push(step as u8 | 0x80);
                step >>= 7;
            }
            out.push(step as u8);
            next = row + 1;
        }
        for weights in &self.weights {
            let bits = (0..INTENTS).filter(|&intent| weights[intent] != 0);
            let mask = bits.fold(0_u16, |mask, intent| mask | 1 << intent);
            out.extend(mask.to_le_bytes());
        }
        for weights in &self.weights {
            let present = weights.iter().filter(|&&weight| weight != 0);
            out.extend(present.map(|weight| weight.to_le_bytes()[0]));
        }
        out
    }

    /// Reads [`IntentModel::to_bytes`].
    ///
    /// # Errors
    /// [`WeightsError`] says what is wrong; nothing panics, whatever the bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let mut reader = Reader(bytes);
        let unit = f32::from_le_bytes(reader.array("unit")?);
        let mut bias = [0; INTENTS];
        for bias in &mut bias {
            *bias = i16::from_le_bytes(reader.array("bias")?);
        }
        let count = u32::from_le_bytes(reader.array("rows")?) as usize;
        if count > ROWS {
            return Err(WeightsError::Invalid(SECTION, "rows"));
        }
        let (mut numbers, mut next) = (Vec::with_capacity(count), 0);
        for _ in 0..count {
            let row = next + reader.step()?;
            if row >= ROWS {
                return Err(WeightsError::Invalid(SECTION, "rows"));
            }
            numbers.push(row);
            next = row + 1;
        }
        let mut masks = Vec::with_capacity(count);
        for _ in 0..count {
            masks.push(u16::from_le_bytes(reader.array("intents")?));
        }
        let mut rows = Vec::with_capacity(count);
        for (row, mask) in numbers.into_iter().zip(masks) {
            if mask >> INTENTS != 0 {
                return Err(WeightsError::Invalid(SECTION, "intents"));
            }
            let mut weights = [0; INTENTS];
            let mut present = (0..INTENTS).filter(|intent| mask >> intent & 1 == 1);
            present.try_for_each(|intent| {
                let [weight] = reader.array("weights")?;
                weights[intent] = i8::from_le_bytes([weight]);
                Ok(())
            })?;
            rows.push((row as u32, weights));
        }
        if !reader.0.is_empty() {
            return Err(WeightsError::Invalid(SECTION, "end"));
        }
        Self::new(unit, bias, &rows)
    }
}

/// What the sum over a group of so many rows is multiplied by.
pub fn scale(rows: usize) -> f32 {
    1.0 / (rows.max(1) as f32).sqrt()
}

/// Takes the section apart from its front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WeightsError> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or(WeightsError::Invalid(SECTION, what))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn step(&mut self) -> Result<usize, WeightsError> {
        let (mut step, mut shift) = (0, 0);
        loop {
            let [byte] = self.array("rows")?;
            if shift > 21 {
                return Err(WeightsError::Invalid(SECTION, "rows"));
            }
            step |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return Ok(step);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn model(unit: f32, entries: &[(usize, usize, i8)]) -> IntentModel {
        let mut rows = std::collections::BTreeMap::new();
        for &(row, intent, weight) in entries {
            rows.entry(row as u32).or_insert([0; INTENTS])[intent] = weight;
        }
        let rows: Vec<_> = rows.into_iter().collect();
        IntentModel::new(unit, [0; INTENTS], &rows).unwrap()
    }

    #[test]
    fn what_the_words_weigh_decides() {
        let code = Intent::Code as usize;
        // But for what stands around any words.
        let any = &rows("hallo")[0];
        let words: Vec<_> = rows("fix my function")[0]
            .iter()
            .filter(|row| !any.contains(row))
            .map(|&row| (row as usize, code, 100))
            .collect();
        let model = model(0.1, &words);
        let guess = model.guess("fix my function");
        assert_eq!(guess.intent, Intent::Code);
        assert!(guess.probability > 0.8, "{guess:?}");
        let other = model.guess("hallo");
        assert!(other.probability < 0.2, "{other:?}");
    }

    #[test]
    fn errors_name_the_part() {
        let bytes = model(0.5, &[(7, 1, -3), (7, 11, 4), (131_071, 0, 127)]).to_bytes();
        for length in 0..bytes.len() {
            assert!(
                IntentModel::from_bytes(&bytes[..length]).is_err(),
                "{length}"
            );
        }
        let mut longer = bytes.clone();
        longer.push(0);
        let error = IntentModel::from_bytes(&longer).unwrap_err();
        assert_eq!(error, WeightsError::Invalid("intent", "end"));
        let mut unit = bytes;
        unit[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        let error = IntentModel::from_bytes(&unit).unwrap_err();
        assert_eq!(error, WeightsError::Invalid("intent", "unit"));
    }

    proptest! {
        #[test]
        fn bytes_hold_all(entries in prop::collection::vec((0..ROWS, 0..INTENTS, any::<i8>()), 0..40)) {
            let model = model(0.02, &entries);
            prop_assert_eq!(IntentModel::from_bytes(&model.to_bytes()), Ok(model));
        }

        #[test]
        fn no_bytes_and_no_text_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), text in "\\PC{0,200}") {
            let _ = IntentModel::from_bytes(&bytes);
            let guess = model(0.1, &[(1, 2, 3)]).guess(&text);
            prop_assert!((0.0..=1.0).contains(&guess.probability));
        }
    }
}
