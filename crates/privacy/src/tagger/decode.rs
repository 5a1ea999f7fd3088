//! The best labels of a text's tokens, and how sure they are.

use super::{
    features::Features,
    weights::{MAX_LABELS, Weights},
};

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
        let mut sums = [0; MAX_LABELS];
        for &row in features.rows(token) {
            weights.add_row(row, &mut sums);
        }
        scores.copy_from_slice(&sums[..labels]);
    }
    scores
}

/// The same scores, but what is found already is not found otherwise: a token with a label other than `O` has
/// that label alone.
pub(super) fn keep(emissions: &[i32], found: &[usize], labels: usize) -> Vec<i32> {
    let mut kept = emissions.to_vec();
    for (scores, &found) in kept.chunks_exact_mut(labels).zip(found) {
        if found != 0 {
            for (label, score) in scores.iter_mut().enumerate() {
                if label != found {
                    *score = NEVER;
                }
            }
        }
    }
    kept
}

/// The best sequence of labels (Viterbi), when `O` counts `lean` less.
pub(super) fn best_labels(weights: &Weights, emissions: &[i32], lean: i32) -> Vec<usize> {
    let labels = weights.label_count();
    let leads = leads(weights);
    let mut from = vec![0_u8; emissions.len()];
    let mut score: Vec<i32> = Vec::with_capacity(labels);
    let mut next = vec![0_i32; labels];
    for (here, best) in emissions
        .chunks_exact(labels)
        .zip(from.chunks_exact_mut(labels))
    {
        let first = if score.is_empty() { None } else { Some(0) };
        let nothing = score.first().copied().unwrap_or(0);
        for (to, &step) in next.iter_mut().zip(weights.after(first)) {
            *to = nothing + i32::from(step);
        }
        // Scores are at least `NEVER`, so that no sum overflows.
        for (before, &so_far) in score.iter().enumerate().skip(1) {
            let steps = weights.after(Some(before));
            let mut offer = |label: usize| {
                if let (Some(&step), Some(to)) = (steps.get(label), next.get_mut(label)) {
                    let sum = so_far + i32::from(step);
                    if sum > *to {
                        *to = sum;
                        best[label] = before as u8;
                    }
                }
            };
            if nothing - so_far >= leads[before] {
                offer(goes_on(before));
            } else {
                (0..labels).for_each(offer);
            }
        }
        for (label, (to, &emission)) in next.iter_mut().zip(here).enumerate() {
            let lean = if label == 0 { lean } else { 0 };
            *to = to.saturating_add(emission).saturating_sub(lean);
        }
        // Only differences matter: sums stay small however long the text is.
        let top = next.iter().copied().max().unwrap_or(0);
        score.clear();
        score.extend(next.iter().map(|to| to.saturating_sub(top).max(NEVER)));
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

/// The label that goes on with what a label begins or goes on with.
fn goes_on(label: usize) -> usize {
    label + label % 2
}

/// By how much `O` must lead before a label, so that after it no label is reached better than from `O`, but for
/// the one that goes on. It leads by more before most tokens, and they need no closer look.
fn leads(weights: &Weights) -> Vec<i32> {
    let from_nothing = weights.after(Some(0));
    let lead = |before: usize| {
        let steps = weights.after(Some(before)).iter().zip(from_nothing);
        let others = steps
            .enumerate()
            .filter(|(label, _)| *label != goes_on(before));
        let gains = others.map(|(_, (&step, &nothing))| i32::from(step) - i32::from(nothing));
        gains.max().unwrap_or(0)
    };
    (0..weights.label_count()).map(lead).collect()
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
    // `[before][label]`.
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
                    if *so_far > NEGLIGIBLE {
                        for (to, step) in to.iter_mut().zip(steps) {
                            *to += so_far * step;
                        }
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
    let mut after = vec![0.0_f32; labels];
    for (token, likely) in likely.iter_mut().enumerate().rev() {
        let range = token * labels..(token + 1) * labels;
        let forward = &forward[range.clone()];
        let both = forward.iter().zip(&backward);
        let total: f32 = both.map(|(forward, backward)| forward * backward).sum();
        *likely = if total > 0.0 {
            (1.0 - forward[0] * backward[0] / total).clamp(0.0, 1.0)
        } else {
            0.0
        };
        for ((after, backward), here) in after.iter_mut().zip(&backward).zip(&here[range]) {
            *after = backward * here;
        }
        normalize(&mut after);
        backward.fill(0.0);
        for (label, &after) in after.iter().enumerate() {
            if after > NEGLIGIBLE {
                for (to, steps) in backward.iter_mut().zip(steps.chunks_exact(labels)) {
                    *to += steps[label] * after;
                }
            }
        }
        normalize(&mut backward);
    }
    likely
}

/// Shares below this change no likelihood that anyone would see: no step is more than a few thousand times as
/// likely as another that is allowed.
const NEGLIGIBLE: f32 = 1e-9;

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

            // More may be found beside what was found, in the best way that leaves it as it is.
            let kept = keep(&emissions, &best, LABELS);
            let more = best_labels(&weights, &kept, lean + 100);
            let holds = |labels: &[usize]| {
                best.iter().zip(labels).all(|(&best, &label)| best == 0 || best == label)
            };
            prop_assert!(holds(&more));
            let all = sequences(&weights, &emissions, lean + 100);
            let score = all.iter().find(|(labels, _)| *labels == more).unwrap().1;
            let others = all.iter().filter(|(labels, _)| holds(labels));
            prop_assert_eq!(Some(score), others.map(|(_, score)| *score).max());

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
