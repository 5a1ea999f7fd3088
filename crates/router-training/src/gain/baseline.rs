//! TF-IDF ridge on the gain: what plain text features reach.

use std::collections::HashMap;

use super::{Example, sparse::Matrix};

const PENALTY: f64 = 10.0;
const STEPS: usize = 60;

/// Predicted gain of the second examples, learned from the first: words and pairs that occur in two prompts at
/// least, logarithmic counts, rows of length 1, ridge with a penalty of 10.
pub fn tfidf_ridge(train: &[&Example], test: &[&Example]) -> Vec<f32> {
    let grams = |example: &Example| {
        let all = example.reading.words.iter().chain(&example.reading.pairs);
        all.copied().collect::<Vec<(u32, u16)>>()
    };
    let mut counts: HashMap<u32, u32> = HashMap::new();
    for (hash, _) in train.iter().flat_map(|example| grams(example)) {
        *counts.entry(hash).or_default() += 1;
    }
    let mut known: Vec<(u32, u32)> = counts
        .into_iter()
        .filter(|(_, count)| *count >= 2)
        .collect();
    known.sort_unstable();
    let columns: HashMap<u32, (u32, f64)> = (0..)
        .zip(&known)
        .map(|(column, (hash, count))| {
            let share = (1.0 + train.len() as f64) / (1.0 + f64::from(*count));
            (*hash, (column, 1.0 + share.ln()))
        })
        .collect();
    let mut matrix = Matrix::new(known.len());
    for example in train.iter().chain(test) {
        let values: Vec<(u32, f64)> = grams(example)
            .into_iter()
            .filter_map(|(hash, count)| {
                let (column, weight) = columns.get(&hash)?;
                Some((*column, weight * (1.0 + f64::from(count).ln())))
            })
            .collect();
        let length = values
            .iter()
            .map(|(_, value)| value * value)
            .sum::<f64>()
            .sqrt()
            .max(1e-9);
        matrix.push(
            values
                .into_iter()
                .map(|(column, value)| (column, (value / length) as f32)),
        );
    }
    let mean = train
        .iter()
        .map(|example| f64::from(example.gain))
        .sum::<f64>()
        / train.len().max(1) as f64;
    let targets: Vec<[f64; 1]> = train
        .iter()
        .map(|example| [f64::from(example.gain) - mean])
        .collect();
    let rows: Vec<usize> = (0..train.len()).collect();
    let weights = matrix.ridge(&rows, &targets, PENALTY, STEPS);
    (train.len()..train.len() + test.len())
        .map(|row| (matrix.product(row, &weights)[0] + mean) as f32)
        .collect()
}
