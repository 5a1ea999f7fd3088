//! What training learned, as numbers in memory and as bytes of a file.

use query::EntityKind;
use thiserror::Error;

use super::{features::ROW_BITS, lexicon::Lexicon};

const MAGIC: &[u8; 4] = b"TGPT";
const VERSION: u8 = 1;
/// Kinds at most, so that there are no more labels than [`MAX_LABELS`].
const MAX_KINDS: usize = 15;
/// A power of two: an index is cut to it without a question.
pub(super) const MAX_LABELS: usize = 32;
const ROWS: usize = 1 << ROW_BITS;

/// Why bytes are not a tagger's weights.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// They begin otherwise.
    #[error(
        "not a tagger's weights: the file does not begin with {:?}",
        String::from_utf8_lossy(MAGIC)
    )]
    OtherFormat,
    /// Written by another version of the trainer.
    #[error("the tagger's weights have format {0}, this build reads {expected}; train them again", expected = VERSION)]
    OtherVersion(u8),
    /// The sum over the bytes is another one: the file was cut or changed.
    #[error("the tagger's weights are damaged: their sum is wrong; fetch the file again")]
    Damaged,
    /// A part is not what it must be.
    #[error("the tagger's weights are damaged at {0}; fetch the file again")]
    Invalid(&'static str),
}

/// Labels, their scores, and the words that are known. All scores are whole numbers of one unit, so that
/// every machine decides alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    kinds: Vec<EntityKind>,
    /// One unit, in natural logarithms of odds.
    unit: f32,
    /// `[labels + 1][labels]`: score of a label after another; the last row is for a text's first token.
    transitions: Vec<i16>,
    /// By how much `O` counts less: balanced, careful.
    lean: [i16; 2],
    lexicon: Lexicon,
    /// Which rows have entries, `[ROWS / 64]`: three of four have none, and asking that first touches little
    /// memory.
    blocks: Vec<Block>,
    /// Where the entries of each row that has any start, and where the last ones end.
    starts: Vec<u32>,
    entries: Vec<Entry>,
}

/// 64 rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Block {
    /// A bit for each row that has entries.
    used: u64,
    /// Rows with entries before these.
    before: u32,
}

/// A row's weight for a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    label: u8,
    value: i8,
}

/// What a [`Weights`] is made of. Label 0 is `O` (nothing), label `1 + 2k` begins kind `k`, label `2 + 2k`
/// goes on with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// What the tagger finds.
    pub kinds: Vec<EntityKind>,
    /// One unit of a score, in natural logarithms of odds.
    pub unit: f32,
    /// `[labels + 1][labels]`: score of a label after another; the last row is for a text's first token.
    pub transitions: Vec<i16>,
    /// By how much `O` counts less: balanced, careful.
    pub lean: [i16; 2],
    /// Known words.
    pub lexicon: Lexicon,
    /// Row, label, weight; at most one weight for a row and a label.
    pub entries: Vec<(u32, u8, i8)>,
}

impl Weights {
    /// Checks and sorts.
    ///
    /// # Errors
    /// [`WeightsError::Invalid`] names the part that does not fit.
    pub fn new(mut parts: Parts) -> Result<Self, WeightsError> {
        let labels = 1 + 2 * parts.kinds.len();
        if parts.kinds.len() > MAX_KINDS {
            return Err(WeightsError::Invalid("kinds"));
        }
        if !(parts.unit.is_finite() && parts.unit > 0.0) {
            return Err(WeightsError::Invalid("unit"));
        }
        if parts.transitions.len() != (labels + 1) * labels {
            return Err(WeightsError::Invalid("transitions"));
        }
        parts.entries.sort_unstable();
        let fits =
            |&(row, label, _): &(u32, u8, i8)| (row as usize) < ROWS && usize::from(label) < labels;
        let twice = |two: &[(u32, u8, i8)]| (two[0].0, two[0].1) == (two[1].0, two[1].1);
        if !parts.entries.iter().all(fits) || parts.entries.windows(2).any(twice) {
            return Err(WeightsError::Invalid("rows"));
        }
        let mut blocks = vec![Block::default(); ROWS / 64];
        let mut starts = Vec::new();
        let mut last = None;
        for (at, &(row, ..)) in parts.entries.iter().enumerate() {
            if last != Some(row) {
                blocks[row as usize / 64].used |= 1 << (row % 64);
                starts.push(at as u32);
                last = Some(row);
            }
        }
        starts.push(parts.entries.len() as u32);
        let mut before = 0;
        for block in &mut blocks {
            block.before = before;
            before += block.used.count_ones();
        }
        let entry = |&(_, label, value): &(u32, u8, i8)| Entry { label, value };
        Ok(Self {
            kinds: parts.kinds,
            unit: parts.unit,
            transitions: parts.transitions,
            lean: parts.lean,
            lexicon: parts.lexicon,
            blocks,
            starts,
            entries: parts.entries.iter().map(entry).collect(),
        })
    }

    /// What the tagger finds.
    pub fn kinds(&self) -> &[EntityKind] {
        &self.kinds
    }

    /// `O`, and two labels for each kind.
    pub(super) fn label_count(&self) -> usize {
        1 + 2 * self.kinds.len()
    }

    pub(super) fn unit(&self) -> f32 {
        self.unit
    }

    pub(super) fn lean(&self) -> [i16; 2] {
        self.lean
    }

    /// Known words.
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// Scores of all labels after a label, or at a text's start.
    pub(super) fn after(&self, label: Option<usize>) -> &[i16] {
        let labels = self.label_count();
        let row = label.unwrap_or(labels);
        self.transitions
            .get(row * labels..(row + 1) * labels)
            .unwrap_or_default()
    }

    /// Adds a row's weights to the labels' scores.
    pub(super) fn add_row(&self, row: u32, scores: &mut [i32; MAX_LABELS]) {
        let Some(block) = self.blocks.get(row as usize / 64) else {
            return;
        };
        let bit = 1 << (row % 64);
        if block.used & bit == 0 {
            return;
        }
        let place = (block.before + (block.used & (bit - 1)).count_ones()) as usize;
        let (Some(&start), Some(&end)) = (self.starts.get(place), self.starts.get(place + 1))
        else {
            return;
        };
        let entries = self.entries.get(start as usize..end as usize);
        for entry in entries.unwrap_or_default() {
            scores[usize::from(entry.label) % MAX_LABELS] += i32::from(entry.value);
        }
    }

    /// The file: little-endian, like numbers together so that it compresses, with a sum at the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.push(self.kinds.len() as u8);
        for kind in &self.kinds {
            out.push(kind.name().len() as u8);
            out.extend(kind.name().as_bytes());
        }
        out.extend(self.unit.to_le_bytes());
        for score in self.transitions.iter().chain(&self.lean) {
            out.extend(score.to_le_bytes());
        }

        let pairs = self.lexicon.pairs();
        out.extend((pairs.len() as u32).to_le_bytes());
        put_rising(&mut out, pairs.map(|pair| pair.0));
        out.extend(self.lexicon.pairs().map(|pair| pair.1));

        let rows = (0_u32..).zip(&self.blocks).flat_map(|(number, block)| {
            let bits = (0..64).filter(|bit| block.used >> bit & 1 == 1);
            bits.map(move |bit| number * 64 + bit)
        });
        let counts = self.starts.windows(2).map(|two| two[1] - two[0]);
        out.extend((counts.len() as u32).to_le_bytes());
        put_rising(&mut out, rows);
        // At most as many as there are labels.
        out.extend(counts.map(|count| count as u8));
        out.extend(self.entries.iter().map(|entry| entry.label));
        out.extend(
            self.entries
                .iter()
                .map(|entry| entry.value.to_le_bytes()[0]),
        );
        let sum = sum(&out);
        out.extend(sum.to_le_bytes());
        out
    }

    /// Reads [`Weights::to_bytes`].
    ///
    /// # Errors
    /// [`WeightsError`] says what is wrong; nothing panics, whatever the bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(WeightsError::OtherFormat)?;
        match body.first() {
            Some(&VERSION) => {}
            Some(&other) => return Err(WeightsError::OtherVersion(other)),
            None => return Err(WeightsError::Damaged),
        }
        let (content, end) = bytes.split_last_chunk::<8>().ok_or(WeightsError::Damaged)?;
        if sum(content) != u64::from_le_bytes(*end) {
            return Err(WeightsError::Damaged);
        }
        let mut reader = Reader(content.get(MAGIC.len() + 1..).unwrap_or_default());
        let parts = reader.parts()?;
        if !reader.0.is_empty() {
            return Err(WeightsError::Invalid("end"));
        }
        Self::new(parts)
    }
}

/// Takes the file apart from its front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn parts(&mut self) -> Result<Parts, WeightsError> {
        let kinds = self.kinds()?;
        let labels = 1 + 2 * kinds.len();
        let unit = f32::from_le_bytes(self.array("unit")?);
        let mut scores = Vec::new();
        for _ in 0..(labels + 1) * labels + 2 {
            scores.push(i16::from_le_bytes(self.array("transitions")?));
        }
        let lean = [scores[scores.len() - 2], scores[scores.len() - 1]];
        scores.truncate(scores.len() - 2);

        let words = self.rising("words")?;
        let lists = self.take(words.len(), "lists")?;
        let pairs = words.into_iter().zip(lists.iter().copied()).collect();
        let lexicon = Lexicon::from_pairs(pairs).ok_or(WeightsError::Invalid("words"))?;

        let rows = self.rising("rows")?;
        let counts = self.take(rows.len(), "rows")?;
        let total = counts.iter().map(|&count| usize::from(count)).sum();
        let mut labels = self.take(total, "labels")?.iter();
        let mut values = self.take(total, "weights")?.iter();
        let mut entries = Vec::with_capacity(total);
        for (row, &count) in rows.into_iter().zip(counts) {
            let pairs = labels.by_ref().zip(values.by_ref());
            entries.extend(
                pairs
                    .take(usize::from(count))
                    .map(|(&label, &value)| (row, label, i8::from_le_bytes([value]))),
            );
        }
        Ok(Parts {
            kinds,
            unit,
            transitions: scores,
            lean,
            lexicon,
            entries,
        })
    }

    fn kinds(&mut self) -> Result<Vec<EntityKind>, WeightsError> {
        let [count] = self.array("kinds")?;
        if usize::from(count) > MAX_KINDS {
            return Err(WeightsError::Invalid("kinds"));
        }
        (0..count)
            .map(|_| {
                let [length] = self.array("kinds")?;
                let name = self.take(usize::from(length), "kinds")?;
                let kind = str::from_utf8(name).ok().and_then(EntityKind::named);
                kind.ok_or(WeightsError::Invalid("kinds"))
            })
            .collect()
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], WeightsError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(WeightsError::Invalid(what))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WeightsError> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or(WeightsError::Invalid(what))?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A count and as many numbers, each greater than the one before.
    fn rising(&mut self, what: &'static str) -> Result<Vec<u32>, WeightsError> {
        let count = u32::from_le_bytes(self.array(what)?) as usize;
        // Each takes a byte at least: a wrong count must not cost memory.
        if count > self.0.len() {
            return Err(WeightsError::Invalid(what));
        }
        let mut numbers = Vec::with_capacity(count);
        let mut next = 0_u32;
        for _ in 0..count {
            let (mut step, mut shift) = (0_u32, 0);
            loop {
                let [byte] = self.array(what)?;
                if shift > 21 {
                    return Err(WeightsError::Invalid(what));
                }
                step |= u32::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            let number = next.checked_add(step).ok_or(WeightsError::Invalid(what))?;
            numbers.push(number);
            next = number.checked_add(1).ok_or(WeightsError::Invalid(what))?;
        }
        Ok(numbers)
    }
}

/// Steps between rising numbers, less one, seven bits a byte.
fn put_rising(out: &mut Vec<u8>, numbers: impl Iterator<Item = u32>) {
    let mut next = 0;
    for number in numbers {
        let mut step = number - next;
        while step >= 0x80 {
            out.push(step as u8 | 0x80);
            step >>= 7;
        }
        out.push(step as u8);
        next = number + 1;
    }
}

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
