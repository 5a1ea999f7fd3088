use std::collections::HashMap;

use super::{CANDIDATES, Need, Sampler, Sampling};
use crate::{compute::Candidates, testing::Random};

fn sampler(sampling: &Sampling) -> Sampler {
    sampling.check(1000).unwrap();
    Sampler::new(sampling, &[])
}

fn counts(sampling: Sampling, logits: &[f32], draws: usize) -> Vec<usize> {
    let mut sampler = sampler(&sampling);
    let mut counts = vec![0; logits.len()];
    for _ in 0..draws {
        counts[sampler.sample(logits, None).unwrap().id as usize] += 1;
    }
    counts
}

fn logits(probabilities: &[f32]) -> Vec<f32> {
    probabilities
        .iter()
        .map(|probability| probability.ln() + 3.0)
        .collect()
}

#[test]
fn greedy_takes_the_first_of_the_most_likely_with_its_own_log_probability() {
    let sampled = sampler(&Sampling::default())
        .sample(&logits(&[0.1, 0.4, 0.4, 0.1]), None)
        .unwrap();
    assert_eq!(sampled.id, 1);
    assert!((sampled.log_probability - 0.4f32.ln()).abs() < 1e-6);
}

#[test]
fn margin_and_entropy_are_of_the_models_own_distribution() {
    let probabilities = [0.05, 0.5, 0.02, 0.2, 0.03, 0.15, 0.05];
    let warm = Sampling {
        temperature: 0.3,
        top_k: 5,
        presence_penalty: 1.0,
        seed: 3,
        ..Default::default()
    };
    // The four best and the 0.1 that is left.
    let entropy: f32 = [0.5f32, 0.2, 0.15, 0.05, 0.1]
        .iter()
        .map(|probability| -probability * probability.ln())
        .sum();
    for sampling in [Sampling::default(), warm] {
        let sampled = sampler(&sampling)
            .sample(&logits(&probabilities), None)
            .unwrap();
        assert!(
            (sampled.margin - (0.5f32 / 0.2).ln()).abs() < 1e-5,
            "{sampled:?}"
        );
        assert!((sampled.entropy - entropy).abs() < 1e-5, "{sampled:?}");
    }
    let sure = sampler(&Sampling::default()).sample(&[7.0], None).unwrap();
    assert_eq!((sure.margin, sure.entropy), (0.0, 0.0));
    let two = sampler(&Sampling::default())
        .sample(&[7.0, -90.0], None)
        .unwrap();
    assert!(two.margin == 97.0 && two.entropy < 1e-30, "{two:?}");
}

#[test]
fn draws_follow_the_distribution() {
    let counts = counts(
        Sampling {
            temperature: 1.0,
            ..Default::default()
        },
        &logits(&[0.5, 0.3, 0.2]),
        30_000,
    );
    for (count, probability) in counts.iter().zip([0.5, 0.3, 0.2]) {
        assert!(
            (*count as f64 / 30_000.0 - probability).abs() < 0.015,
            "{counts:?}"
        );
    }
}

#[test]
fn temperature_sharpens() {
    // At 0.5 the probabilities are squared: 0.25 : 0.09 : 0.04.
    let counts = counts(
        Sampling {
            temperature: 0.5,
            ..Default::default()
        },
        &logits(&[0.5, 0.3, 0.2]),
        30_000,
    );
    assert!(
        (counts[0] as f64 / 30_000.0 - 0.25 / 0.38).abs() < 0.015,
        "{counts:?}"
    );
}

#[test]
fn top_k_and_top_p_cut_off_the_tail() {
    let base = Sampling {
        temperature: 1.0,
        ..Default::default()
    };
    let probabilities = logits(&[0.1, 0.4, 0.2, 0.3]);
    let top_k = counts(
        Sampling {
            top_k: 2,
            ..base.clone()
        },
        &probabilities,
        2000,
    );
    assert!(
        top_k[0] == 0 && top_k[2] == 0 && top_k[1] > 0 && top_k[3] > 0,
        "{top_k:?}"
    );
    let top_p = counts(
        Sampling {
            top_p: 0.65,
            ..base.clone()
        },
        &probabilities,
        2000,
    );
    assert!(
        top_p[0] == 0 && top_p[2] == 0 && top_p[1] > 0 && top_p[3] > 0,
        "{top_p:?}"
    );
    let one = counts(
        Sampling {
            top_p: 0.01,
            ..base
        },
        &probabilities,
        100,
    );
    assert_eq!(one, [0, 100, 0, 0]);
}

#[test]
fn equal_seeds_draw_equally() {
    let draw = |seed| {
        let sampling = Sampling {
            temperature: 1.0,
            seed,
            ..Default::default()
        };
        let mut sampler = sampler(&sampling);
        (0..64)
            .map(|_| sampler.sample(&[0.0; 100], None).unwrap().id)
            .collect::<Vec<_>>()
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}

#[test]
fn parameters_out_of_range_and_scores_that_are_none_are_refused() {
    let wrong = |sampling: Sampling| sampling.check(1000).unwrap_err().to_string();
    assert_eq!(
        wrong(Sampling {
            temperature: -1.0,
            ..Default::default()
        }),
        "sampling: temperature -1 is not between 0 and 100"
    );
    assert_eq!(
        wrong(Sampling {
            temperature: f32::NAN,
            ..Default::default()
        }),
        "sampling: temperature NaN is not between 0 and 100"
    );
    assert_eq!(
        wrong(Sampling {
            top_p: 0.0,
            ..Default::default()
        }),
        "sampling: top_p 0 is not above 0 and at most 1"
    );
    assert_eq!(
        wrong(Sampling {
            stop: vec![String::new()],
            ..Default::default()
        }),
        "sampling: a stop text is empty"
    );
    for (sampling, message) in [
        (
            Sampling {
                min_p: 1.5,
                ..Default::default()
            },
            "sampling: min_p 1.5 is not between 0 and 1",
        ),
        (
            Sampling {
                repetition_penalty: 0.0,
                ..Default::default()
            },
            "sampling: repetition_penalty 0 is not above 0 and at most 10",
        ),
        (
            Sampling {
                frequency_penalty: 2.1,
                ..Default::default()
            },
            "sampling: frequency_penalty 2.1 is not between -2 and 2",
        ),
        (
            Sampling {
                presence_penalty: f32::INFINITY,
                ..Default::default()
            },
            "sampling: presence_penalty inf is not between -2 and 2",
        ),
        (
            Sampling {
                logit_bias: vec![(3, 101.0)],
                ..Default::default()
            },
            "sampling: logit_bias 101 of token 3 is not between -100 and 100",
        ),
        (
            Sampling {
                logit_bias: vec![(1000, 1.0)],
                ..Default::default()
            },
            "token id 1000 is beyond the vocabulary of 1000",
        ),
        (
            Sampling {
                top_log_probabilities: 21,
                ..Default::default()
            },
            "sampling: 21 alternatives for each token; at most 20",
        ),
    ] {
        assert_eq!(wrong(sampling), message);
    }
    let mut greedy = sampler(&Sampling::default());
    assert!(greedy.sample(&[0.0, f32::NAN], None).is_err());
    assert!(greedy.sample(&[0.0, f32::NEG_INFINITY], None).is_err());
    assert!(greedy.sample(&[], None).is_err());
}

#[test]
fn min_p_keeps_what_is_likely_enough() {
    let drawn = counts(
        Sampling {
            temperature: 1.0,
            min_p: 0.5,
            ..Default::default()
        },
        &logits(&[0.1, 0.4, 0.21, 0.19, 0.1]),
        1000,
    );
    assert!(drawn[1] > 0 && drawn[2] > 0, "{drawn:?}");
    assert_eq!((drawn[0], drawn[3], drawn[4]), (0, 0, 0));
}

#[test]
fn penalties_and_bias_follow_their_definitions() {
    // Greedy over [2.0, 1.9, -1.0]: what a change must be to let token 1 pass token 0.
    let scores = [2.0, 1.9, -1.0];
    let choose = |sampling: Sampling, prompt: &[u32], answer: &[u32]| {
        let mut sampler = Sampler::new(&sampling, prompt);
        for &id in answer {
            sampler.accept(id);
        }
        let sampled = sampler.sample(&scores, None).unwrap();
        // The log-probability stays that of the model.
        let sum = scores.iter().map(|score: &f32| score.exp()).sum::<f32>();
        assert!((sampled.log_probability - (scores[sampled.id as usize] - sum.ln())).abs() < 1e-5);
        sampled.id
    };
    let repetition = |penalty| Sampling {
        repetition_penalty: penalty,
        ..Default::default()
    };
    assert_eq!(choose(repetition(1.05), &[0], &[]), 0);
    assert_eq!(choose(repetition(1.06), &[0], &[]), 1);
    assert_eq!(choose(repetition(1.06), &[], &[0]), 1);
    // Multiplied where negative: -1 * 0.1 is still below 1.9; divided where positive: 1.9 / 0.9 is above 2.
    assert_eq!(choose(repetition(0.1), &[2], &[]), 0);
    assert_eq!(choose(repetition(0.9), &[1], &[]), 1);
    // The window ends after 64 tokens.
    let mut long = vec![0];
    long.extend([2; 64]);
    assert_eq!(choose(repetition(1.5), &long, &[]), 0);
    let frequency = Sampling {
        frequency_penalty: 0.06,
        ..Default::default()
    };
    assert_eq!(choose(frequency.clone(), &[], &[0]), 0);
    assert_eq!(choose(frequency.clone(), &[], &[0, 0]), 1);
    assert_eq!(choose(frequency, &[0, 0], &[]), 0);
    let presence = |penalty| Sampling {
        presence_penalty: penalty,
        ..Default::default()
    };
    assert_eq!(choose(presence(0.06), &[], &[0, 0, 0]), 0);
    assert_eq!(choose(presence(0.11), &[], &[0]), 1);
    let bias = |id, bias| Sampling {
        logit_bias: vec![(id, bias)],
        ..Default::default()
    };
    assert_eq!(choose(bias(2, 2.9), &[], &[]), 0);
    assert_eq!(choose(bias(2, 3.1), &[], &[]), 2);
    assert_eq!(choose(bias(0, -100.0), &[], &[]), 1);
}

#[test]
fn the_most_likely_tokens_are_told() {
    let sampling = Sampling {
        top_log_probabilities: 2,
        ..Default::default()
    };
    let sampled = sampler(&sampling)
        .sample(&logits(&[0.1, 0.4, 0.3, 0.2]), None)
        .unwrap();
    let ids: Vec<u32> = sampled.top.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 2]);
    assert!((sampled.top[1].1 - 0.3f32.ln()).abs() < 1e-5);
}

#[test]
fn a_constraint_that_allows_nothing_is_an_error() {
    let error = sampler(&Sampling::default())
        .sample(&[0.0; 100], Some(&|_| false))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "constrained output: no token may come next"
    );
}

/// The chain in its plainest form: every score, in the order in which llama.cpp takes the steps.
fn reference(
    sampling: &Sampling,
    recent: &[u32],
    answered: &HashMap<u32, u32>,
    scores: &[f32],
    allowed: &dyn Fn(u32) -> bool,
    changed: bool,
    random: f64,
) -> u32 {
    let mut ranked: Vec<(u32, f32)> = (0u32..)
        .zip(scores.iter().copied())
        .filter(|&(id, _)| allowed(id))
        .collect();
    for (id, score) in &mut ranked {
        for (other, bias) in &sampling.logit_bias {
            if other == id && *bias != 0.0 {
                *score += bias;
            }
        }
        if recent.contains(id) {
            *score = if *score <= 0.0 {
                *score * sampling.repetition_penalty
            } else {
                *score / sampling.repetition_penalty
            };
        }
        if let Some(&count) = answered.get(id) {
            *score -= count as f32 * sampling.frequency_penalty + sampling.presence_penalty;
        }
    }
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    if sampling.temperature == 0.0 {
        return ranked[0].0;
    }
    if sampling.top_k > 0 {
        ranked.truncate(sampling.top_k as usize);
    }
    let highest = ranked[0].1;
    let share = |score: f32| f64::from(score - highest).exp();
    let total: f64 = if changed || sampling.top_k > 0 {
        ranked.iter().map(|&(_, score)| share(score)).sum()
    } else {
        let log_sum = Candidates::of(scores, 1).log_sum;
        (f64::from(log_sum) - f64::from(highest)).exp()
    };
    if sampling.top_p < 1.0 {
        let mut kept = Vec::new();
        let mut cumulative = 0.0;
        for &(id, score) in &ranked {
            kept.push((id, score));
            cumulative += share(score) / total;
            if cumulative >= f64::from(sampling.top_p) {
                break;
            }
        }
        ranked = kept;
    }
    if sampling.min_p > 0.0 {
        ranked.retain(|&(_, score)| score >= highest + sampling.min_p.ln());
    }
    let weight = |score: f32| f64::from((score - highest) / sampling.temperature).exp();
    let sum: f64 = ranked.iter().map(|&(_, score)| weight(score)).sum();
    let mut left = random * sum;
    for &(id, score) in &ranked {
        left -= weight(score);
        if left < 0.0 {
            return id;
        }
    }
    ranked[0].0
}

/// Whatever the parameters, the shortcut over the highest scores chooses what all scores would.
#[test]
fn candidates_choose_what_all_scores_choose() {
    let mut random = Random::fresh();
    let mut proven = 0;
    for _ in 0..3000 {
        let mut one_of = |choices: &[f32]| choices[usize::from(random.byte()) % choices.len()];
        let sampling = Sampling {
            temperature: one_of(&[0.0, 0.3, 0.7, 1.0, 1.5]),
            top_k: one_of(&[0.0, 0.0, 1.0, 5.0, 40.0, 64.0, 65.0, 100.0]) as u32,
            top_p: one_of(&[1.0, 0.95, 0.6, 0.05]),
            min_p: one_of(&[0.0, 0.0, 0.05, 0.5]),
            repetition_penalty: one_of(&[1.0, 1.0, 1.1, 2.0, 0.9]),
            frequency_penalty: one_of(&[0.0, 0.0, 0.5, 2.0, -0.5]),
            presence_penalty: one_of(&[0.0, 0.0, 0.7, -0.2]),
            logit_bias: vec![(7, one_of(&[0.0, -3.0, -100.0, 4.0]))],
            top_log_probabilities: one_of(&[0.0, 3.0, 20.0]) as usize,
            seed: u64::from(random.byte()),
            ..Default::default()
        };
        // Coarse scores, so that many are equal; steep or flat.
        let steep = f32::from(random.byte() % 5) * 0.7;
        let scores: Vec<f32> = (0..400)
            .map(|_| (random.normal() * steep * 4.0).round() / 4.0)
            .collect();
        let prompt: Vec<u32> = (0..random.byte()).map(|_| random.byte().into()).collect();
        let answer: Vec<u32> = (0..random.byte() % 40)
            .map(|_| u32::from(random.byte() % 50))
            .collect();
        let constrained = random.byte().is_multiple_of(3);
        let modulus = u32::from(random.byte() % 6) + 1;
        let allowed = move |id: u32| !constrained || id.is_multiple_of(modulus);

        let fresh = || {
            let mut sampler = Sampler::new(&sampling, &prompt);
            for &id in &answer {
                sampler.accept(id);
            }
            sampler
        };
        let allowed: Option<&dyn Fn(u32) -> bool> = constrained.then_some(&allowed);
        let expected = fresh().sample(&scores, allowed).unwrap();

        let all = [prompt.as_slice(), &answer].concat();
        let recent = &all[all.len().saturating_sub(64)..];
        let mut answered = HashMap::new();
        for &id in &answer {
            *answered.entry(id).or_insert(0) += 1;
        }
        let sampler = fresh();
        let plain = reference(
            &sampling,
            recent,
            &answered,
            &scores,
            allowed.unwrap_or(&|_| true),
            constrained || sampler.changes(),
            oorandom::Rand64::new(sampling.seed.into()).rand_float(),
        );
        assert_eq!(expected.id, plain, "{sampling:?}");

        if let Need::Top(count) = sampler.need(constrained) {
            assert!((1..=CANDIDATES).contains(&count));
            let candidates = Candidates::of(&scores, count);
            if let Some(sampled) = fresh().sample_top(&candidates, allowed).unwrap() {
                assert_eq!(sampled, expected, "{sampling:?}");
                proven += 1;
            }
        }
    }
    // Most parameters that people use are among them.
    assert!(proven > 300, "{proven}");
}

#[test]
fn common_settings_need_few_scores() {
    let need = |sampling: Sampling, constrained| sampler(&sampling).need(constrained);
    let warm = Sampling {
        temperature: 0.7,
        top_p: 0.95,
        ..Default::default()
    };
    assert_eq!(need(Sampling::default(), false), Need::Top(4));
    assert_eq!(need(Sampling::default(), true), Need::Top(64));
    assert_eq!(
        need(
            Sampling {
                top_k: 40,
                ..warm.clone()
            },
            false
        ),
        Need::Top(40)
    );
    assert_eq!(need(warm.clone(), false), Need::Top(64));
    assert_eq!(
        need(
            Sampling {
                top_p: 1.0,
                ..warm.clone()
            },
            false
        ),
        Need::All
    );
    assert_eq!(
        need(
            Sampling {
                logit_bias: vec![(1, 5.0)],
                ..warm
            },
            false
        ),
        Need::All
    );
}
