//! Logistic regression over what goes by: n-grams of lengths and of times, and sums.

use std::collections::HashMap;

use oorandom::Rand64;

use super::simulation::Seen;

const FOLDS: usize = 5;
const EPOCHS: usize = 60;
/// AdaGrad's step, and how much weights are drawn to 0.
const STEP: f64 = 0.3;
const RIDGE: f64 = 1e-4;

/// A weighted set of features.
type Features = Vec<(usize, f64)>;

/// The score of each, by a classifier that was trained with the other four parts.
pub(super) fn out_of_fold(seen: &[Seen], labels: &[bool], seed: u64) -> Vec<f64> {
    let counted: Vec<HashMap<String, f64>> = seen.iter().map(counts).collect();
    let mut scores = vec![0.0; seen.len()];
    for fold in 0..FOLDS {
        let (train, asked): (Vec<usize>, Vec<usize>) =
            (0..seen.len()).partition(|index| index % FOLDS != fold);
        let vocabulary = Vocabulary::of(train.iter().map(|&index| &counted[index]));
        let examples: Vec<(Features, bool)> = train
            .iter()
            .map(|&index| (vocabulary.features(&counted[index]), labels[index]))
            .collect();
        let model = Model::train(&examples, vocabulary.known.len(), seed);
        for index in asked {
            scores[index] = model.score(&vocabulary.features(&counted[index]));
        }
    }
    scores
}

/// Average precision: the area under the steps of precision over recall, best score first; equal scores are one step.
pub(super) fn average_precision(scores: &[f64], labels: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let positive = labels.iter().filter(|label| **label).count() as f64;
    let (mut area, mut hits, mut taken) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let new = tied.iter().filter(|&&index| labels[index]).count() as f64;
        hits += new;
        taken += tied.len() as f64;
        area += new / positive * (hits / taken);
    }
    area
}

/// How often what is seen: lengths alone, to the byte, and times in steps of half an octave, each one to three in a
/// row; both together; and the sums, as they are and in steps.
fn counts(seen: &Seen) -> HashMap<String, f64> {
    let mut counts: HashMap<String, f64> = HashMap::new();
    let mut count = |feature: String| *counts.entry(feature).or_default() += 1.0;
    let lengths: Vec<usize> = seen.chunks.iter().map(|chunk| chunk.1).collect();
    let gaps: Vec<i32> = seen
        .chunks
        .windows(2)
        .map(|pair| octave(pair[1].0 - pair[0].0, 2.0))
        .collect();
    for n in 1..=3 {
        for run in lengths.windows(n) {
            count(format!("length {run:?}"));
        }
        for run in gaps.windows(n) {
            count(format!("gap {run:?}"));
        }
    }
    for (length, gap) in lengths.iter().skip(1).zip(&gaps) {
        count(format!("both {length} {gap}"));
    }
    let end = seen.chunks.last().map_or(0.0, |chunk| chunk.0);
    for (name, sum) in [
        ("request", seen.request as f64),
        ("reply", seen.reply_bytes() as f64),
        ("chunks", seen.chunks.len() as f64),
        ("first", seen.chunks.first().map_or(0.0, |chunk| chunk.0)),
        ("end", end),
    ] {
        count(format!("{name} = {sum:.0}"));
        for steps in [1.0, 2.0, 4.0] {
            count(format!("{name} {steps} {}", octave(sum, steps)));
        }
    }
    counts
}

/// The logarithm in steps of an octave's part.
fn octave(value: f64, steps: f64) -> i32 {
    (value.max(0.1).log2() * steps).round() as i32
}

/// The features that more than one example has, and how telling each is (inverse document frequency).
struct Vocabulary {
    known: HashMap<String, (usize, f64)>,
}

impl Vocabulary {
    fn of<'c>(examples: impl Iterator<Item = &'c HashMap<String, f64>>) -> Self {
        let (mut documents, mut found) = (0.0, HashMap::<&String, f64>::new());
        for counts in examples {
            documents += 1.0;
            for feature in counts.keys() {
                *found.entry(feature).or_default() += 1.0;
            }
        }
        // In an order of their own, so that equal data give equal figures.
        let mut found: Vec<(&String, f64)> = found
            .into_iter()
            .filter(|(_, times)| *times >= 3.0)
            .collect();
        found.sort_by(|a, b| a.0.cmp(b.0));
        let known = found.into_iter().enumerate().map(|(index, (name, times))| {
            let weight: f64 = ((1.0 + documents) / (1.0 + times)).ln();
            (name.clone(), (index, weight))
        });
        Self {
            known: known.collect(),
        }
    }

    /// Of length 1, which is why what all have in common takes nothing away from the rest.
    fn features(&self, counts: &HashMap<String, f64>) -> Features {
        let known = counts.iter().filter_map(|(name, count)| {
            let (index, weight) = self.known.get(name)?;
            Some((*index, (1.0 + count.ln()) * weight))
        });
        let mut features: Features = known.collect();
        features.sort_by_key(|feature| feature.0);
        let length = features.iter().map(|(_, value)| value * value).sum::<f64>();
        let length = length.sqrt().max(1e-9);
        for (_, value) in &mut features {
            *value /= length;
        }
        features
    }
}

struct Model {
    weights: Vec<f64>,
    bias: f64,
}

impl Model {
    /// Stochastic gradient descent with AdaGrad's steps (Duchi, Hazan and Singer, 2011).
    fn train(examples: &[(Features, bool)], features: usize, seed: u64) -> Self {
        let mut model = Self {
            weights: vec![0.0; features],
            bias: 0.0,
        };
        let mut squares = vec![1e-6; features + 1];
        let mut random = Rand64::new(u128::from(seed));
        let mut order: Vec<usize> = (0..examples.len()).collect();
        for _ in 0..EPOCHS {
            for last in (1..order.len()).rev() {
                order.swap(last, random.rand_range(0..last as u64 + 1) as usize);
            }
            for &index in &order {
                let (example, label) = &examples[index];
                let expected = 1.0 / (1.0 + (-model.score(example)).exp());
                let error = expected - f64::from(*label);
                for &(feature, value) in example {
                    let slope = error * value + RIDGE * model.weights[feature];
                    squares[feature] += slope * slope;
                    model.weights[feature] -= STEP * slope / squares[feature].sqrt();
                }
                squares[features] += error * error;
                model.bias -= STEP * error / squares[features].sqrt();
            }
        }
        model
    }

    fn score(&self, features: &Features) -> f64 {
        let products = features
            .iter()
            .map(|&(feature, value)| self.weights[feature] * value);
        self.bias + products.sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_precision_of_known_orders() {
        for (scores, labels, expected) in [
            (
                &[0.9, 0.8, 0.1, 0.0][..],
                &[true, true, false, false][..],
                1.0,
            ),
            (
                &[0.0, 0.1, 0.8, 0.9],
                &[true, true, false, false],
                (1.0 / 3.0 + 0.5) / 2.0,
            ),
            // All alike is guessing.
            (&[1.0, 1.0, 1.0, 1.0], &[true, false, false, false], 0.25),
        ] {
            assert!(
                (average_precision(scores, labels) - expected).abs() < 1e-12,
                "{scores:?}"
            );
        }
    }

    #[test]
    fn what_lengths_tell_is_learned_and_what_they_do_not_is_not() {
        let mut random = Rand64::new(5);
        let labels: Vec<bool> = (0..200)
            .map(|_| random.rand_u64().is_multiple_of(3))
            .collect();
        let seen = |telling: bool| -> Vec<Seen> {
            let mut random = Rand64::new(6);
            let one = |label: &bool| {
                let chunks = (0..30).map(|at| {
                    let length = 200 + random.rand_range(0..4) as usize;
                    let telling = telling && *label && at == 17;
                    (f64::from(at), length + 7 * usize::from(telling))
                });
                Seen {
                    request: 1000,
                    chunks: chunks.collect(),
                    first_text_ms: 0.0,
                    whole_text_ms: 0.0,
                }
            };
            labels.iter().map(one).collect()
        };
        let precision =
            |telling| average_precision(&out_of_fold(&seen(telling), &labels, 1), &labels);
        assert!(precision(true) > 0.95, "{}", precision(true));
        assert!(precision(false) < 0.55, "{}", precision(false));
    }
}
