//! The best labels of a text's tokens, and how sure they are.

use super::{features::Features, weights::Weights};

/// Less than any sum of weights and transitions.
const NEVER: i32 = i32::MIN / 4;

/// Scores of all labels of all tokens, `[tokens][labels]`; a covered token has none but `O`.
pub(super) fn emissions(weights: &Weights, features: &Features, covered: &[bool]) -> Vec<i32> {
    let labels = weights.label_count();
    let mut scores = vec![0; features.len() * labels];
    for (token, scores) in scores.chunks_exact_mut(labels).enumerate() {
        if covered.get(token).copied().unwrap_or(false) {
            scores[1..].fill(NEVER);
            continue;
        }
        for &row in features.rows(token) {
            weights.add_row(row, scores);
        }
    }
    scores
}

/// The best sequence of labels (Viterbi), when `O` counts `lean` less.
pub(super) fn best_labels(weights: &Weights, emissions: &[i32], lean: i32) -> Vec<usize> {
    let labels = weights.label_count();
    let mut from: Vec<u8> = Vec::with_capacity(emissions.len());
    let mut score: Vec<i32> = Vec::new();
    let mut next = vec![0; labels];
    for here in emissions.chunks_exact(labels) {
        next.fill(i32::MIN);
        let mut best = vec![0_u8; labels];
        if score.is_empty() {
            for (label, &step) in weights.after(None).iter().enumerate() {
                next[label] = i32::from(step);
            }
        }
        for (before, &so_far) in score.iter().enumerate() {
            let steps = weights.after(Some(before));
            for ((label, &step), to) in steps.iter().enumerate().zip(&mut next) {
                let sum = so_far.saturating_add(i32::from(step));
                if sum > *to {
                    *to = sum;
                    best[label] = before as u8;
                }
            }
        }
        for (label, (to, &emission)) in next.iter_mut().zip(here).enumerate() {
            let lean = if label == 0 { lean } else { 0 };
            *to = to.saturating_add(emission).saturating_sub(lean);
        }
        // Only differences matter: sums stay small however long the text is.
        let top = next.iter().copied().max().unwrap_or(0);
        score = next
            .iter()
            .map(|to| to.saturating_sub(top).max(NEVER))
            .collect();
        from.extend(best);
    }

    let tokens = emissions.len() / labels;
    let mut path = vec![0; tokens];
    let mut label = (0..score.len())
        .max_by_key(|&label| (score[label], usize::MAX - label))
        .unwrap_or(0);
    for token in (0..tokens).rev() {
        path[token] = label;
        label = usize::from(from[token * labels + label]);
    }
    path
}

/// For each token, how likely its label is not `O` (forward-backward).
pub(super) fn likelihoods(weights: &Weights, emissions: &[i32]) -> Vec<f32> {
    let labels = weights.label_count();
    let odds = |score: i32| (score as f32 * weights.unit()).exp();
    let start: Vec<f32> = weights
        .after(None)
        .iter()
        .map(|&s| odds(s.into()))
        .collect();
    let steps: Vec<f32> = (0..labels)
        .flat_map(|before| weights.after(Some(before)).iter().map(|&s| odds(s.into())))
        .collect();
    let mut here: Vec<f32> = Vec::with_capacity(emissions.len());
    for scores in emissions.chunks_exact(labels) {
        let top = scores.iter().copied().max().unwrap_or(0);
        here.extend(scores.iter().map(|&score| odds((score - top).max(NEVER))));
    }

    let mut forward = vec![0.0_f32; here.len()];
    for token in 0..here.len() / labels {
        let (before, rest) = forward.split_at_mut(token * labels);
        let to = &mut rest[..labels];
        match before.len().checked_sub(labels) {
            None => to.copy_from_slice(&start),
            Some(last) => {
                for (so_far, steps) in before[last..].iter().zip(steps.chunks_exact(labels)) {
                    for (to, step) in to.iter_mut().zip(steps) {
                        *to += so_far * step;
                    }
                }
            }
        }
        for (to, here) in to.iter_mut().zip(&here[token * labels..]) {
            *to *= here;
        }
        normalize(to);
    }

    let mut likely = vec![0.0; here.len() / labels];
    let mut backward = vec![1.0_f32; labels];
    for token in (0..likely.len()).rev() {
        let range = token * labels..(token + 1) * labels;
        let both: Vec<f32> = forward[range.clone()]
            .iter()
            .zip(&backward)
            .map(|(forward, backward)| forward * backward)
            .collect();
        let total: f32 = both.iter().sum();
        likely[token] = if total > 0.0 {
            (1.0 - both[0] / total).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let after: Vec<f32> = backward
            .iter()
            .zip(&here[range])
            .map(|(backward, here)| backward * here)
            .collect();
        for (to, steps) in backward.iter_mut().zip(steps.chunks_exact(labels)) {
            *to = steps
                .iter()
                .zip(&after)
                .map(|(step, after)| step * after)
                .sum();
        }
        normalize(&mut backward);
    }
    likely
}

fn normalize(values: &mut [f32]) {
    let total: f32 = values.iter().sum();
    if total > 0.0 {
        values.iter_mut().for_each(|value| *value /= total);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use query::EntityKind;

    use super::*;
    use crate::tagger::Parts;

    const LABELS: usize = 3;

    fn weights(transitions: Vec<i16>) -> Weights {
        Weights::new(Parts {
            kinds: vec![EntityKind::Person],
            unit: 0.01,
            transitions,
            ..Parts::default()
        })
        .unwrap()
    }

    /// Every sequence of labels and its score.
    fn sequences(weights: &Weights, emissions: &[i32], lean: i32) -> Vec<(Vec<usize>, i32)> {
        let tokens = emissions.len() / LABELS;
        (0..LABELS.pow(tokens as u32))
            .map(|number| {
                let digit = |token: usize| number / LABELS.pow(token as u32) % LABELS;
                let labels: Vec<usize> = (0..tokens).map(digit).collect();
                let mut before = None;
                let mut score = 0;
                for (token, &label) in labels.iter().enumerate() {
                    score += i32::from(weights.after(before)[label]);
                    score += emissions[token * LABELS + label];
                    score -= if label == 0 { lean } else { 0 };
                    before = Some(label);
                }
                (labels, score)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn as_good_and_as_likely_as_all_sequences_say(
            transitions in prop::collection::vec(-200..200_i16, LABELS * (LABELS + 1)),
            emissions in prop::collection::vec(-300..300_i32, LABELS * 5),
            lean in 0..200,
        ) {
            let weights = weights(transitions);
            let all = sequences(&weights, &emissions, lean);
            let best = best_labels(&weights, &emissions, lean);
            let score = all.iter().find(|(labels, _)| *labels == best).unwrap().1;
            prop_assert_eq!(Some(score), all.iter().map(|(_, score)| *score).max());

            let all = sequences(&weights, &emissions, 0);
            let odds = |score: i32| (f64::from(score) * 0.01).exp();
            let total: f64 = all.iter().map(|(_, score)| odds(*score)).sum();
            for (token, likely) in likelihoods(&weights, &emissions).into_iter().enumerate() {
                let some = all.iter().filter(|(labels, _)| labels[token] != 0);
                let expected = some.map(|(_, score)| odds(*score)).sum::<f64>() / total;
                prop_assert!((f64::from(likely) - expected).abs() < 1e-4, "{} {}", likely, expected);
            }
        }
    }
}
