//! A conditional random field over the tagger's labels, trained by AdaGrad with an L1 penalty.
//!
//! Duchi, Hazan, Singer 2011 for the steps; the penalty shrinks a weight whenever its row is seen.

use anyhow::ensure;
use oorandom::Rand32;
use privacy::tagger::{Features, Parts, ROW_BITS, Tagger, Weights, covered, hash, lexicon, tokens};
use query::EntityKind;

use crate::{KINDS, Sample, lexicon as known_words};

/// Labels: `O`, and two for each kind.
const LABELS: usize = 1 + 2 * KINDS.len();
/// Tokens of a sample that are looked at: longer texts would weigh too much.
const MAX_TOKENS: usize = 160;
/// A label of a token is one of these bits.
type Allowed = u32;
const ANY: Allowed = (1 << LABELS) - 1;
/// Score of what cannot follow, in units.
const FORBIDDEN: i16 = -20_000;

/// Weights are averaged over the rest of the training from here on, so that they depend less on which samples
/// came last (Polyak, Juditsky 1992).
const AVERAGED_FROM: f32 = 0.6;
/// So often in a pass: each sum touches all weights.
const SUMS_PER_PASS: usize = 25;

/// How to train.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of shuffling and of what is left out of the lexicon.
    pub seed: u64,
    /// Passes over all samples.
    pub epochs: u32,
    /// Step of AdaGrad.
    pub rate: f32,
    /// Penalty on the sum of the weights' magnitudes, for each time that a row is seen.
    pub l1: f32,
    /// A row counts if it is seen so often.
    pub least_seen: u16,
    /// Share of rows that are left out, chosen anew at each step: sentences of one template share so much that
    /// a few rows would tell all, and the others would learn nothing.
    pub dropout: f32,
    /// Share of words whose lists are hidden, so that names on no list are learned, too.
    pub hidden: f32,
    /// Weights that are kept, the greatest.
    pub entries: usize,
    /// By how much `O` counts less, in natural logarithms of odds: balanced, careful.
    pub lean: [f32; 2],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            epochs: 2,
            rate: 0.15,
            l1: 0.0005,
            dropout: 0.65,
            least_seen: 3,
            hidden: 0.3,
            entries: 420_000,
            lean: [1.4, 2.6],
        }
    }
}

/// A sample as numbers.
struct Sequence {
    /// Rows of all tokens, then where each token's end.
    rows: Vec<u32>,
    ends: Vec<u32>,
    allowed: Vec<Allowed>,
}

impl Sequence {
    fn rows(&self, token: usize) -> &[u32] {
        let start = token.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[start as usize..self.ends[token] as usize]
    }
}

/// Learns weights. `on_epoch` is told the number of the pass and its loss for each token.
///
/// # Errors
/// When there is nothing to learn from.
pub fn train(
    samples: &[Sample],
    options: &Options,
    on_epoch: &mut dyn FnMut(u32, f64),
) -> anyhow::Result<Tagger> {
    ensure!(!samples.is_empty(), "no samples to learn from");
    let known = known_words();
    let mut sequences: Vec<Sequence> = samples
        .iter()
        .enumerate()
        .map(|(number, sample)| sequence(sample, number as u64, &known, options))
        .filter(|sequence| !sequence.ends.is_empty())
        .collect();
    let dense = number_rows(&mut sequences, options.least_seen);
    let mut model = Model::new(dense.len());
    let mut random = Rand32::new(options.seed);
    for epoch in 0..options.epochs {
        for last in (1..sequences.len()).rev() {
            let other = random.rand_range(0..last as u32 + 1) as usize;
            sequences.swap(last, other);
        }
        let mut loss = 0.0;
        let stride = sequences.len().div_ceil(SUMS_PER_PASS);
        for (number, sequence) in sequences.iter().enumerate() {
            // Steps become ever smaller, so that the last samples do not weigh more than the first.
            let done =
                (epoch as f32 + number as f32 / sequences.len() as f32) / options.epochs as f32;
            let rate = options.rate * (1.0 - 0.95 * done);
            let kept = keep(sequence, options.dropout, &mut random);
            loss += model.step(&kept, 1.0 / (1.0 - options.dropout), rate, options.l1);
            if done >= AVERAGED_FROM && number % stride == 0 {
                model.add_to_average();
            }
        }
        let count: usize = sequences.iter().map(|sequence| sequence.ends.len()).sum();
        on_epoch(epoch + 1, loss / count as f64);
    }
    model.take_average();
    let bytes = model.weights(&dense, known, options)?.to_bytes();
    Ok(Tagger::from_bytes(&bytes)?)
}

fn sequence(sample: &Sample, number: u64, known: &lexicon::Lexicon, options: &Options) -> Sequence {
    let text = sample.text();
    let mut tokens = tokens(&text);
    tokens.truncate(MAX_TOKENS);
    let covered = covered(&tokens, &privacy::detect(&text));
    // Which words are hidden depends on the word and on the sample.
    let threshold = (options.hidden * u32::MAX as f32) as u32;
    let salt = hash((options.seed.to_string() + "/" + &number.to_string()).chars());
    let lists = |word: u64| {
        let lists = known.lists(word);
        let hides = (word ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let names = lexicon::GIVEN_NAME | lexicon::SURNAME | lexicon::PLACE;
        if (hides as u32) < threshold {
            lists & !names
        } else {
            lists
        }
    };
    let features = Features::new(&text, &tokens, &covered, lists);

    let spans = sample.spans();
    let mut last: Option<usize> = None;
    let mut sequence = Sequence {
        rows: Vec::new(),
        ends: Vec::new(),
        allowed: Vec::new(),
    };
    let mut starts_sentence = true;
    for (at, token) in tokens.iter().enumerate() {
        let word = &text[token.range.clone()];
        let span = spans
            .iter()
            .position(|(range, _)| range.start < token.range.end && token.range.start < range.end);
        let span = span.filter(|_| covered[at].is_none());
        let allowed = match span {
            Some(span) => {
                let kind = label_of(spans[span].1);
                let inside = last == Some(span);
                1 << (1 + 2 * kind + usize::from(inside))
            }
            None if sample.is_open
                && is_open(word, starts_sentence || token.starts_line, known) =>
            {
                ANY
            }
            None => 1,
        };
        last = span;
        starts_sentence = matches!(word, "." | "?" | "!" | ":" | "\"" | "“");
        sequence.allowed.push(allowed);
        sequence.rows.extend(features.rows(at));
        sequence.ends.push(sequence.rows.len() as u32);
    }
    sequence
}

/// The place of a kind among the tagger's. Numbers that are recognizers' business, but were not recognized,
/// are learned as one kind.
fn label_of(kind: EntityKind) -> usize {
    KINDS
        .iter()
        .position(|&known| known == kind)
        .unwrap_or(KINDS.len() - 1)
}

/// May be a name.
fn is_open(word: &str, starts_sentence: bool, known: &lexicon::Lexicon) -> bool {
    if !word.starts_with(char::is_uppercase) {
        return false;
    }
    let lists = known.lists(hash(word.chars().flat_map(char::to_lowercase)));
    let is_plain = lists & lexicon::COMMON != 0;
    let is_name = lists & (lexicon::GIVEN_NAME | lexicon::SURNAME | lexicon::PLACE) != 0;
    let is_group = lists & lexicon::GROUP != 0;
    if starts_sentence {
        is_name && !is_plain || is_group
    } else {
        !is_plain || is_name
    }
}

/// Replaces rows by numbers from 0 and leaves out those that are rare. Returns the rows by number.
fn number_rows(sequences: &mut [Sequence], least_seen: u16) -> Vec<u32> {
    let mut seen = vec![0_u16; 1 << ROW_BITS];
    for &row in sequences.iter().flat_map(|sequence| &sequence.rows) {
        let seen = &mut seen[row as usize];
        *seen = seen.saturating_add(1);
    }
    let mut dense = Vec::new();
    let mut numbers = vec![u32::MAX; 1 << ROW_BITS];
    for (row, &seen) in seen.iter().enumerate() {
        if seen >= least_seen {
            numbers[row] = dense.len() as u32;
            dense.push(row as u32);
        }
    }
    for sequence in sequences {
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        for token in 0..sequence.ends.len() {
            let kept = sequence
                .rows(token)
                .iter()
                .map(|&row| numbers[row as usize]);
            rows.extend(kept.filter(|&number| number != u32::MAX));
            ends.push(rows.len() as u32);
        }
        (sequence.rows, sequence.ends) = (rows, ends);
    }
    dense
}

/// The sequence without a share of its rows.
fn keep(sequence: &Sequence, dropout: f32, random: &mut Rand32) -> Sequence {
    let mut kept = Sequence {
        rows: Vec::with_capacity(sequence.rows.len()),
        ends: Vec::with_capacity(sequence.ends.len()),
        allowed: sequence.allowed.clone(),
    };
    for token in 0..sequence.ends.len() {
        let rows = sequence.rows(token).iter();
        kept.rows
            .extend(rows.filter(|_| random.rand_float() >= dropout));
        kept.ends.push(kept.rows.len() as u32);
    }
    kept
}

/// Weights while they are learned.
struct Model {
    /// `[rows][LABELS]`.
    weights: Vec<f32>,
    /// Sums of squared gradients.
    squares: Vec<f32>,
    /// `[LABELS + 1][LABELS]`, the last row for the first token.
    transitions: Vec<f32>,
    transition_squares: Vec<f32>,
    /// Sums of weights and transitions, and of how many.
    sums: Vec<f32>,
    transition_sums: Vec<f32>,
    summed: u16,
}

/// Likelihoods of a sequence's labels.
struct Marginals {
    /// `[tokens][LABELS]`.
    labels: Vec<f32>,
    /// `[LABELS + 1][LABELS]`, summed over the sequence.
    transitions: Vec<f32>,
    /// Logarithm of the sum over all sequences of labels.
    log_sum: f64,
}

impl Model {
    fn new(rows: usize) -> Self {
        Self {
            weights: vec![0.0; rows * LABELS],
            squares: vec![0.0; rows * LABELS],
            transitions: vec![0.0; (LABELS + 1) * LABELS],
            transition_squares: vec![0.0; (LABELS + 1) * LABELS],
            sums: vec![0.0; rows * LABELS],
            transition_sums: vec![0.0; (LABELS + 1) * LABELS],
            summed: 0,
        }
    }

    fn add_to_average(&mut self) {
        let weights = self.sums.iter_mut().zip(&self.weights);
        let transitions = self.transition_sums.iter_mut().zip(&self.transitions);
        for (sum, value) in weights.chain(transitions) {
            *sum += value;
        }
        self.summed += 1;
    }

    /// The averages take the place of what was learned last.
    fn take_average(&mut self) {
        if self.summed == 0 {
            return;
        }
        let scale = 1.0 / f32::from(self.summed);
        let weights = self.weights.iter_mut().zip(&self.sums);
        let transitions = self.transitions.iter_mut().zip(&self.transition_sums);
        for (value, sum) in weights.chain(transitions) {
            *value = sum * scale;
        }
    }

    /// Learns from one sequence, whose rows' weights count `scale` times; returns its loss.
    fn step(&mut self, sequence: &Sequence, scale: f32, rate: f32, l1: f32) -> f64 {
        let tokens = sequence.ends.len();
        let mut emissions = vec![0.0_f32; tokens * LABELS];
        for (token, scores) in emissions.chunks_exact_mut(LABELS).enumerate() {
            for &row in sequence.rows(token) {
                let weights = &self.weights[row as usize * LABELS..][..LABELS];
                for (score, weight) in scores.iter_mut().zip(weights) {
                    *score += scale * weight;
                }
            }
        }
        let steps: Vec<f32> = self
            .transitions
            .iter()
            .enumerate()
            .map(|(place, &score)| {
                if may_follow(place / LABELS, place % LABELS) {
                    score.exp()
                } else {
                    0.0
                }
            })
            .collect();
        let truth = marginals(&emissions, &steps, Some(&sequence.allowed));
        let belief = marginals(&emissions, &steps, None);

        for token in 0..tokens {
            let range = token * LABELS..(token + 1) * LABELS;
            let mut gradient = [0.0_f32; LABELS];
            for ((gradient, belief), truth) in gradient
                .iter_mut()
                .zip(&belief.labels[range.clone()])
                .zip(&truth.labels[range])
            {
                *gradient = belief - truth;
            }
            if gradient.iter().all(|gradient| gradient.abs() < 1e-3) {
                continue;
            }
            for &row in sequence.rows(token) {
                let start = row as usize * LABELS;
                let weights = &mut self.weights[start..start + LABELS];
                let squares = &mut self.squares[start..start + LABELS];
                for ((weight, square), &gradient) in weights.iter_mut().zip(squares).zip(&gradient)
                {
                    if gradient.abs() < 1e-4 {
                        continue;
                    }
                    update(weight, square, gradient, rate, l1);
                }
            }
        }
        for (place, weight) in self.transitions.iter_mut().enumerate() {
            let gradient = belief.transitions[place] - truth.transitions[place];
            if gradient.abs() > 1e-4 {
                let square = &mut self.transition_squares[place];
                update(weight, square, gradient, rate, 0.0);
            }
        }
        belief.log_sum - truth.log_sum
    }

    fn weights(
        &self,
        dense: &[u32],
        lexicon: lexicon::Lexicon,
        options: &Options,
    ) -> anyhow::Result<Weights> {
        // Magnitudes, so that only the greatest are kept.
        let mut magnitudes: Vec<f32> = self
            .weights
            .iter()
            .map(|weight| weight.abs())
            .filter(|&magnitude| magnitude > 0.0)
            .collect();
        magnitudes.sort_unstable_by(|a, b| b.total_cmp(a));
        let greatest = magnitudes.first().copied().unwrap_or(1.0);
        let least = magnitudes.get(options.entries).copied().unwrap_or(0.0);
        let unit = greatest / 127.0;
        let quantized = |value: f32| (value / unit).round();
        let mut entries = Vec::new();
        for (&row, weights) in dense.iter().zip(self.weights.chunks_exact(LABELS)) {
            for (label, &weight) in weights.iter().enumerate() {
                let value = quantized(weight) as i8;
                if weight.abs() > least && value != 0 {
                    entries.push((row, label as u8, value));
                }
            }
        }
        let transitions = self
            .transitions
            .iter()
            .enumerate()
            .map(|(place, &score)| {
                if may_follow(place / LABELS, place % LABELS) {
                    quantized(score) as i16
                } else {
                    FORBIDDEN
                }
            })
            .collect();
        Ok(Weights::new(Parts {
            kinds: KINDS.to_vec(),
            unit,
            transitions,
            lean: options.lean.map(|lean| quantized(lean) as i16),
            lexicon,
            entries,
        })?)
    }
}

fn update(weight: &mut f32, square: &mut f32, gradient: f32, rate: f32, l1: f32) {
    *square += gradient * gradient;
    let step = rate / square.sqrt();
    let moved = *weight - step * gradient;
    *weight = moved.signum() * (moved.abs() - step * l1).max(0.0);
}

/// Only what has begun goes on.
fn may_follow(before: usize, label: usize) -> bool {
    let inside = label != 0 && label.is_multiple_of(2);
    !inside || before == label || (before < LABELS && before + 1 == label)
}

/// Forward-backward. `steps` are odds, `[LABELS + 1][LABELS]`; `allowed` restricts the labels.
fn marginals(emissions: &[f32], steps: &[f32], allowed: Option<&[Allowed]>) -> Marginals {
    let tokens = emissions.len() / LABELS;
    let may =
        |token: usize, label: usize| allowed.is_none_or(|allowed| allowed[token] >> label & 1 == 1);
    let mut log_sum = 0.0_f64;
    let mut here = vec![0.0_f32; emissions.len()];
    let mut forward = vec![0.0_f32; emissions.len()];
    for token in 0..tokens {
        let range = token * LABELS..(token + 1) * LABELS;
        let scores = &emissions[range.clone()];
        let top = (0..LABELS)
            .filter(|&label| may(token, label))
            .map(|label| scores[label])
            .fold(f32::NEG_INFINITY, f32::max);
        for label in (0..LABELS).filter(|&label| may(token, label)) {
            here[range.start + label] = (scores[label] - top).exp();
        }
        let (before, rest) = forward.split_at_mut(range.start);
        let to = &mut rest[..LABELS];
        if token == 0 {
            to.copy_from_slice(&steps[LABELS * LABELS..]);
        } else {
            let before = &before[range.start - LABELS..];
            for (so_far, steps) in before.iter().zip(steps.chunks_exact(LABELS)) {
                if *so_far > 0.0 {
                    for (to, step) in to.iter_mut().zip(steps) {
                        *to += so_far * step;
                    }
                }
            }
        }
        for (to, here) in to.iter_mut().zip(&here[range]) {
            *to *= here;
        }
        let total: f32 = to.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        to.iter_mut().for_each(|to| *to /= total);
        log_sum += f64::from(total).ln() + f64::from(top);
    }

    let mut result = Marginals {
        labels: vec![0.0; emissions.len()],
        transitions: vec![0.0; (LABELS + 1) * LABELS],
        log_sum,
    };
    let mut backward = [1.0_f32; LABELS];
    for token in (0..tokens).rev() {
        let range = token * LABELS..(token + 1) * LABELS;
        let likely = &mut result.labels[range.clone()];
        for ((likely, forward), backward) in likely
            .iter_mut()
            .zip(&forward[range.clone()])
            .zip(&backward)
        {
            *likely = forward * backward;
        }
        let total: f32 = likely.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        likely.iter_mut().for_each(|likely| *likely /= total);
        let mut after = [0.0_f32; LABELS];
        for ((after, backward), here) in after.iter_mut().zip(&backward).zip(&here[range.clone()]) {
            *after = backward * here;
        }
        if token == 0 {
            let first = &mut result.transitions[LABELS * LABELS..];
            first.copy_from_slice(&result.labels[..LABELS]);
            break;
        }
        let before = &forward[range.start - LABELS..range.start];
        let mut total = 0.0_f32;
        for (so_far, steps) in before.iter().zip(steps.chunks_exact(LABELS)) {
            let sum: f32 = steps
                .iter()
                .zip(&after)
                .map(|(step, after)| step * after)
                .sum();
            total += so_far * sum;
        }
        let scale = 1.0 / total.max(f32::MIN_POSITIVE);
        for ((so_far, steps), sums) in before
            .iter()
            .zip(steps.chunks_exact(LABELS))
            .zip(result.transitions.chunks_exact_mut(LABELS))
        {
            if *so_far > 0.0 {
                for ((sum, step), after) in sums.iter_mut().zip(steps).zip(&after) {
                    *sum += so_far * step * after * scale;
                }
            }
        }
        for (to, steps) in backward.iter_mut().zip(steps.chunks_exact(LABELS)) {
            *to = steps
                .iter()
                .zip(&after)
                .map(|(step, after)| step * after)
                .sum();
        }
        let total: f32 = backward.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        backward.iter_mut().for_each(|to| *to /= total);
    }
    result
}

#[cfg(test)]
mod tests {
    use query::PrivacyLevel;

    use super::*;

    #[test]
    fn marginals_are_those_of_all_sequences() {
        let mut random = Rand32::new(11);
        let emissions: Vec<f32> = (0..3 * LABELS)
            .map(|_| random.rand_float() * 6.0 - 3.0)
            .collect();
        let steps: Vec<f32> = (0..(LABELS + 1) * LABELS)
            .map(|place| {
                let odds = (random.rand_float() * 4.0 - 2.0).exp();
                if may_follow(place / LABELS, place % LABELS) {
                    odds
                } else {
                    0.0
                }
            })
            .collect();
        for allowed in [None, Some([ANY, 0b1011, 1 | 1 << 2])] {
            let mut labels = vec![0.0_f64; 3 * LABELS];
            let mut transitions = vec![0.0_f64; (LABELS + 1) * LABELS];
            let mut total = 0.0;
            for number in 0..LABELS.pow(3) {
                let path = [
                    number % LABELS,
                    number / LABELS % LABELS,
                    number / LABELS / LABELS,
                ];
                let may = |token: usize| {
                    allowed.is_none_or(|allowed| allowed[token] >> path[token] & 1 == 1)
                };
                if !(may(0) && may(1) && may(2)) {
                    continue;
                }
                let places = [
                    LABELS * LABELS + path[0],
                    path[0] * LABELS + path[1],
                    path[1] * LABELS + path[2],
                ];
                let score: f32 = (0..3)
                    .map(|token| emissions[token * LABELS + path[token]])
                    .sum();
                let odds = places
                    .iter()
                    .map(|&place| f64::from(steps[place]))
                    .product::<f64>()
                    * f64::from(score).exp();
                total += odds;
                for (token, &label) in path.iter().enumerate() {
                    labels[token * LABELS + label] += odds;
                }
                for place in places {
                    transitions[place] += odds;
                }
            }
            let found = marginals(
                &emissions,
                &steps,
                allowed.as_ref().map(|allowed| &allowed[..]),
            );
            assert!((found.log_sum - total.ln()).abs() < 1e-4);
            for (found, expected) in [(&found.labels, labels), (&found.transitions, transitions)] {
                for (found, expected) in found.iter().zip(expected) {
                    assert!((f64::from(*found) - expected / total).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn learns_what_stands_around_a_name_and_repeats_by_seed() {
        let samples: Vec<Sample> = (0..400)
            .map(|number| {
                let mut sample = Sample::default();
                let name = format!("Q{}x", char::from(b'a' + (number % 26) as u8));
                if number % 2 == 0 {
                    sample.push("my name is ", None);
                    sample.push(name, Some(EntityKind::Person));
                } else {
                    sample.push(format!("the file {name}"), None);
                }
                sample.push(" and more", None);
                sample
            })
            .collect();
        let tagger = train(&samples, &Options::default(), &mut |_, _| {}).unwrap();
        let spans = tagger.tag("my name is Zork and more", &[], PrivacyLevel::Balanced);
        assert_eq!(spans.len(), 1);
        assert_eq!(
            (spans[0].range.clone(), spans[0].kind),
            (11..15, EntityKind::Person)
        );
        assert!(
            tagger
                .tag("the file Zork and more", &[], PrivacyLevel::Balanced)
                .is_empty()
        );
        let again = train(&samples, &Options::default(), &mut |_, _| {}).unwrap();
        assert_eq!(again.to_bytes(), tagger.to_bytes());
    }

    #[test]
    fn nothing_to_learn_from_is_an_error() {
        assert!(train(&[], &Options::default(), &mut |_, _| {}).is_err());
    }
}
