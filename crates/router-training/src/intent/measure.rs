//! How often the classifier is right, and whether it knows when.

use std::collections::BTreeMap;

use query::Intent;
use router::intent::{INTENTS, IntentModel, rows};
use serde::Serialize;

use super::Sample;

/// Bins of probability for the calibration error.
const BINS: usize = 15;

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Prompts.
    pub prompts: usize,
    /// Share whose intent was found.
    pub accuracy: f64,
    /// Mean over the intents that occur of the harmonic mean of precision and recall.
    pub macro_f1: f64,
    /// Mean distance between probability and accuracy over fifteen bins, weighted by their prompts (Naeini et al.
    /// 2015).
    pub calibration_error: f64,
    /// Mean negative logarithm of the right intent's probability.
    pub log_loss: f64,
    /// Share that was right, for those that were said to be at least 0.7 probable; and their share of all.
    pub sure: (f64, f64),
    /// `[right][found]` by name; only what occurs.
    pub confusion: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
}

/// Measures. `on_mistake` sees each prompt that was taken for something else: the prompt, the right intent, the
/// one found and its probability.
pub fn measure(
    model: &IntentModel,
    samples: &[Sample],
    on_mistake: &mut dyn FnMut(&Sample, Intent, f32),
) -> Report {
    let judged: Vec<Judged> = samples
        .iter()
        .map(|sample| {
            let judged = Judged::new(model, sample);
            if judged.found() != sample.intent as usize {
                let found = judged.found();
                on_mistake(sample, Intent::NAMES[found].0, judged.probabilities[found]);
            }
            judged
        })
        .collect();
    report(&judged)
}

/// A prompt's right intent, and what the model holds probable.
pub(super) struct Judged {
    right: usize,
    probabilities: [f32; INTENTS],
}

impl Judged {
    pub(super) fn new(model: &IntentModel, sample: &Sample) -> Self {
        Self {
            right: sample.intent as usize,
            probabilities: model.probabilities(&rows(&sample.text)),
        }
    }

    fn found(&self) -> usize {
        (1..INTENTS).fold(0, |best, at| {
            if self.probabilities[at] > self.probabilities[best] {
                at
            } else {
                best
            }
        })
    }

    /// The same with another temperature.
    fn softened(&self, temperature: f64) -> [f64; INTENTS] {
        let powers = self.probabilities.map(|probability| {
            f64::from(probability.max(f32::MIN_POSITIVE)).powf(1.0 / temperature)
        });
        let sum: f64 = powers.iter().sum();
        powers.map(|power| power / sum)
    }
}

pub(super) fn report(judged: &[Judged]) -> Report {
    let mut confusion = [[0_usize; INTENTS]; INTENTS];
    // Right, probability, number.
    let mut bins = [(0.0, 0.0, 0.0); BINS];
    let mut sure = (0.0, 0.0);
    for one in judged {
        let found = one.found();
        confusion[one.right][found] += 1;
        let probability = f64::from(one.probabilities[found]);
        let right = f64::from(u8::from(found == one.right));
        let bin = &mut bins[((probability * BINS as f64) as usize).min(BINS - 1)];
        *bin = (bin.0 + right, bin.1 + probability, bin.2 + 1.0);
        if probability >= 0.7 {
            sure = (sure.0 + right, sure.1 + 1.0);
        }
    }
    let total = judged.len().max(1) as f64;
    let right: usize = (0..INTENTS).map(|intent| confusion[intent][intent]).sum();
    let f1: Vec<f64> = (0..INTENTS)
        .filter_map(|intent| {
            let real: usize = confusion[intent].iter().sum();
            let found: usize = confusion.iter().map(|row| row[intent]).sum();
            let both = 2.0 * confusion[intent][intent] as f64;
            (real > 0).then(|| both / (real + found) as f64)
        })
        .collect();
    let named = |row: &[usize; INTENTS]| {
        let counts = Intent::NAMES
            .iter()
            .zip(row)
            .filter(|(_, count)| **count > 0);
        counts
            .map(|((_, name), count)| (*name, *count))
            .collect::<BTreeMap<_, _>>()
    };
    let rows = Intent::NAMES.iter().zip(&confusion);
    Report {
        prompts: judged.len(),
        accuracy: right as f64 / total,
        macro_f1: f1.iter().sum::<f64>() / f1.len().max(1) as f64,
        calibration_error: bins.iter().map(|bin| (bin.0 - bin.1).abs()).sum::<f64>() / total,
        log_loss: log_loss(judged, 1.0),
        sure: (sure.0 / f64::max(sure.1, 1.0), sure.1 / total),
        confusion: rows
            .map(|((_, name), row)| (*name, named(row)))
            .filter(|(_, row)| !row.is_empty())
            .collect(),
    }
}

fn log_loss(judged: &[Judged], temperature: f64) -> f64 {
    let losses = judged
        .iter()
        .map(|one| -one.softened(temperature)[one.right].max(1e-12).ln());
    losses.sum::<f64>() / judged.len().max(1) as f64
}

/// The temperature, in steps of 0.05 between 0.3 and 5, by which the prompts' log loss is least (Guo et al. 2017).
pub(super) fn best_temperature(judged: &[Judged]) -> f64 {
    let losses = (6..=100).map(|step| {
        let temperature = f64::from(step) * 0.05;
        (log_loss(judged, temperature), temperature)
    });
    let best = losses.min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(1.0, |(_, temperature)| temperature)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(right: usize, found: usize, probability: f32) -> Judged {
        let mut probabilities = [(1.0 - probability) / 11.0; INTENTS];
        probabilities[found] = probability;
        Judged {
            right,
            probabilities,
        }
    }

    #[test]
    fn figures_are_those_of_a_small_case_by_hand() {
        let report = report(&[
            judged(0, 0, 0.9),
            judged(0, 1, 0.9),
            judged(1, 1, 0.5),
            judged(1, 1, 0.5),
        ]);
        assert_eq!(report.accuracy, 0.75);
        // Classification: one of two found, nothing wrong: 2/3. Extraction: two found, one wrong: 4/5.
        assert!((report.macro_f1 - (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-9);
        // 0.9 against 0.5 for a half, 0.5 against 1 for the other half.
        assert!((report.calibration_error - (0.4 * 0.5 + 0.5 * 0.5)).abs() < 1e-6);
        assert_eq!(report.sure, (0.5, 0.5));
        assert_eq!(report.confusion["classification"]["extraction"], 1);
    }

    #[test]
    fn too_sure_is_softened() {
        let half: Vec<Judged> = (0..10).map(|n| judged(n % 2, 0, 0.99)).collect();
        assert!(best_temperature(&half) > 2.0);
    }
}
