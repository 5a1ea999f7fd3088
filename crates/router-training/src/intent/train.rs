//! Multinomial logistic regression: AdaGrad (Duchi et al. 2011), weights drawn towards zero (L1), rows left out
//! by chance so that no intent hangs on one word, rows of few origins left out altogether, so that what is
//! learned is no pattern's own wording; then rounded to eight bits.

use std::collections::HashMap;

use anyhow::ensure;
use oorandom::Rand32;
use query::Intent;
use router::intent::{GROUPS, INTENTS, IntentModel, ROW_BITS, Rows, rows, scale};

use super::Sample;

/// How to train.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Of the order of samples and of what is left out.
    pub seed: u64,
    /// Passes over all samples.
    pub epochs: u32,
    /// Step of AdaGrad.
    pub rate: f32,
    /// How strongly weights are drawn towards zero.
    pub l1: f32,
    /// A row of fewer origins is left out.
    pub origins: usize,
    /// A weight that rounds to less, of 127, is left out.
    pub least: f32,
    /// Share of rows that one look at a sample leaves out.
    pub dropout: f32,
    /// What probabilities are softened by: the odds' logarithms are divided by it.
    pub temperature: f32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            epochs: 4,
            rate: 0.3,
            l1: 2e-4,
            origins: 2,
            least: 35.0,
            dropout: 0.5,
            temperature: 1.15,
        }
    }
}

/// Trains. Every intent weighs the same, however many samples it has.
///
/// # Errors
/// When an intent has no sample.
pub fn train(samples: &[Sample], options: &Options) -> anyhow::Result<IntentModel> {
    let mut counts = [0_usize; INTENTS];
    for sample in samples {
        counts[sample.intent as usize] += 1;
    }
    for (intent, name) in Intent::NAMES {
        ensure!(counts[intent as usize] > 0, "no sample of {name}");
    }
    let share = |count: usize| samples.len() as f32 / (INTENTS * count) as f32;
    let shares = counts.map(share);

    let mut looked: Vec<Rows> = samples.iter().map(|sample| rows(&sample.text)).collect();
    let is_common = common_rows(samples, &looked, options.origins);
    let sizes: Vec<[usize; GROUPS]> = looked
        .iter()
        .map(|groups| groups.each_ref().map(Vec::len))
        .collect();
    for group in looked.iter_mut().flatten() {
        group.retain(|&row| is_common[row as usize]);
    }
    let mut learner = Learner {
        bias: [Weight::default(); INTENTS],
        weights: vec![[Weight::default(); INTENTS]; 1 << ROW_BITS],
        options,
    };
    let mut random = Rand32::new(options.seed);
    let mut order: Vec<usize> = (0..samples.len()).collect();
    for _ in 0..options.epochs {
        for at in (1..order.len()).rev() {
            order.swap(at, random.rand_range(0..at as u32 + 1) as usize);
        }
        for &at in &order {
            let kept = looked[at].each_ref().map(|group| {
                let keeps = |_: &&u32| random.rand_float() >= options.dropout;
                group.iter().filter(keeps).copied().collect()
            });
            let intent = samples[at].intent as usize;
            learner.learn(&kept, &sizes[at], intent, shares[intent]);
        }
    }
    learner.rounded()
}

/// Which rows occur in so many origins.
fn common_rows(samples: &[Sample], looked: &[Rows], origins: usize) -> Vec<bool> {
    let mut numbers = HashMap::new();
    let mut seen: Vec<Vec<usize>> = vec![Vec::new(); 1 << ROW_BITS];
    for (sample, rows) in samples.iter().zip(looked) {
        let next = numbers.len();
        let number = *numbers.entry(sample.origin.as_str()).or_insert(next);
        for &row in rows.iter().flatten() {
            let seen = &mut seen[row as usize];
            if seen.len() < origins && !seen.contains(&number) {
                seen.push(number);
            }
        }
    }
    seen.iter().map(|seen| seen.len() >= origins).collect()
}

/// A weight, and the sum of its squared gradients.
#[derive(Clone, Copy, Default)]
struct Weight {
    value: f32,
    squares: f32,
}

struct Learner<'o> {
    bias: [Weight; INTENTS],
    weights: Vec<[Weight; INTENTS]>,
    options: &'o Options,
}

impl Learner<'_> {
    fn learn(&mut self, rows: &Rows, sizes: &[usize; GROUPS], intent: usize, share: f32) {
        let mut scores = self.bias.map(|weight| weight.value);
        for (group, &size) in rows.iter().zip(sizes) {
            let scale = scale(size);
            for &row in group {
                for (score, weight) in scores.iter_mut().zip(&self.weights[row as usize]) {
                    *score += weight.value * scale;
                }
            }
        }
        let most = scores.iter().copied().fold(f32::MIN, f32::max);
        let odds = scores.map(|score| libm::expf(score - most));
        let sum: f32 = odds.iter().sum();
        let mut gradients = odds.map(|odds| odds / sum * share);
        gradients[intent] -= share;

        let Options { rate, l1, .. } = *self.options;
        for (weight, gradient) in self.bias.iter_mut().zip(gradients) {
            weight.step(gradient, rate, 0.0);
        }
        for (group, &size) in rows.iter().zip(sizes) {
            let scale = scale(size);
            for &row in group {
                for (weight, gradient) in self.weights[row as usize].iter_mut().zip(gradients) {
                    weight.step(gradient * scale, rate, l1);
                }
            }
        }
    }

    fn rounded(&self) -> anyhow::Result<IntentModel> {
        // What all intents of a row share tells none apart: without it, most weights are small.
        let rows = self.weights.iter().map(|row| {
            let mut values = row.map(|weight| weight.value);
            values.sort_by(f32::total_cmp);
            let middle = (values[INTENTS / 2 - 1] + values[INTENTS / 2]) / 2.0;
            row.map(|weight| weight.value - middle)
        });
        let rows: Vec<[f32; INTENTS]> = rows.collect();
        let sizes = rows.iter().flatten().map(|value| value.abs());
        let mut sizes: Vec<f32> = sizes.filter(|&size| size > 0.0).collect();
        sizes.sort_by(f32::total_cmp);
        // Of a thousand weights the greatest is cut off, so that the others keep more of their bits.
        let greatest = sizes.get(sizes.len() * 999 / 1000).copied().unwrap_or(1.0);
        let unit = greatest / 127.0;
        let rounded = |value: f32, least: f32, most: f32| {
            let units = (value / unit).round().clamp(-most, most);
            if units.abs() < least { 0.0 } else { units }
        };
        let rows = (0..).zip(&rows).map(|(number, row)| {
            let weights = row.map(|value| rounded(value, self.options.least, 127.0) as i8);
            (number, weights)
        });
        let rows: Vec<_> = rows.filter(|(_, row)| *row != [0; INTENTS]).collect();
        let bias = self
            .bias
            .map(|weight| rounded(weight.value, 0.0, 32_000.0) as i16);
        Ok(IntentModel::new(
            unit / self.options.temperature,
            bias,
            &rows,
        )?)
    }
}

impl Weight {
    fn step(&mut self, gradient: f32, rate: f32, l1: f32) {
        self.squares += gradient * gradient;
        let rate = rate / (self.squares.sqrt() + 1e-3);
        let value = self.value - rate * gradient;
        self.value = value.signum() * (value.abs() - rate * l1).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_has_seen_it_knows_and_the_same_seed_gives_the_same_bytes() {
        let words = [
            "label",
            "pull",
            "shorten",
            "reword",
            "auf",
            "who",
            "poem",
            "riddle",
            "sum",
            "function",
            "itinerary",
            "hello",
        ];
        let samples: Vec<Sample> = Intent::NAMES
            .iter()
            .zip(words)
            .flat_map(|((intent, name), word)| {
                ["a", "b", "c"].map(|end| Sample {
                    text: format!("{word} {end}"),
                    intent: *intent,
                    origin: format!("{name} {end}"),
                    task: None,
                })
            })
            .collect();
        let options = Options {
            epochs: 20,
            ..Options::default()
        };
        let model = train(&samples, &options).unwrap();
        for sample in &samples {
            assert_eq!(
                model.guess(&sample.text).intent,
                sample.intent,
                "{}",
                sample.text
            );
        }
        assert_eq!(
            model.to_bytes(),
            train(&samples, &options).unwrap().to_bytes()
        );
        let error = train(&samples[3..], &options).unwrap_err();
        assert_eq!(error.to_string(), "no sample of classification");
    }
}
