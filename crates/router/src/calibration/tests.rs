use proptest::prelude::*;

use super::*;

fn knot(score: f32, probability: f32) -> Knot {
    Knot { score, probability }
}

fn curve(weights: usize, knots: &[Knot]) -> Curve {
    Curve {
        weights: vec![1.0; weights],
        knots: knots.to_vec(),
        tested: Vec::new(),
        of: 0,
    }
}

fn calibration() -> Calibration {
    let curves = Curves {
        alone: curve(ALONE, &[knot(-10.0, 0.1), knot(0.0, 0.9)]),
        combined: Some(curve(COMBINED, &[knot(-10.0, 0.2), knot(0.0, 0.8)])),
    };
    Calibration {
        model: ModelFile {
            sha256: "ab".repeat(32),
            name: "small".to_owned(),
            quantization: "Q4_1".to_owned(),
        },
        questions: vec![Questions {
            name: "sums".to_owned(),
            asked: 9,
            right: 3,
            worse: 5,
        }],
        telling: None,
        whole: curves.clone(),
        beginning: curves,
    }
}

fn evidence(mean: f32) -> Evidence {
    Evidence {
        tokens: 256,
        mean,
        ..Evidence::default()
    }
}

/// Against R: `pbinom(k, n, p)`.
#[test]
fn tails_are_as_published() {
    for (hits, trials, share, tail) in [
        (0, 10, 0.2, 0.107_374_182_4),
        (3, 10, 0.2, 0.879_126_118_4),
        (5, 10, 0.5, 0.623_046_875),
        (10, 100, 0.2, 0.005_696_381),
        (10, 10, 0.2, 1.0),
        (7, 0, 0.2, 1.0),
    ] {
        let found = at_most(hits, trials, share);
        assert!((found - tail).abs() < 1e-8, "{hits}/{trials}: {found}");
    }
    // Far out, where no number is small enough.
    assert_eq!(at_most(10, 100_000, 0.5), 0.0);
    assert_eq!(at_most(99_990, 100_000, 0.5), 1.0);
}

#[test]
fn a_probability_is_read_between_knots_and_level_beyond() {
    let calibration = calibration();
    // The score is the mean plus a length of 1.
    for (mean, probability) in [(-11.0, 0.1), (-6.0, 0.5), (-1.0, 0.9), (-50.0, 0.1)] {
        let found = calibration.probability(&evidence(mean), None);
        assert!((found - probability).abs() < 1e-6, "{mean}: {found}");
    }
    assert_eq!(calibration.probability(&Evidence::default(), None), 0.0);
    let estimate = Estimate {
        gain: 0.0,
        novelty: 0.0,
    };
    let combined = calibration.probability(&evidence(-1.0), Some(estimate));
    assert_eq!(combined, 0.8);
}

#[test]
fn a_threshold_is_found_and_its_price_is_told() {
    let tested = |at_least: f32, shipped, worse| Tested {
        at_least,
        beginning: at_least / 2.0,
        shipped,
        worse,
    };
    let mut calibration = calibration();
    calibration.whole.alone.of = 1000;
    calibration.whole.alone.tested = vec![
        tested(0.9, 2, 0),
        tested(0.8, 200, 10),
        tested(0.6, 500, 40),
        tested(0.5, 1000, 250),
    ];
    let found = calibration.threshold(0.1, 0.1, false);
    assert_eq!(
        found,
        Some(Threshold {
            at_least: 0.8,
            local: 0.2,
            worse: 0.05,
        }),
        "40 of 500 has a tail of 0.07 and more than 0.1 / 4"
    );
    // With less caution more may stay, with more caution nothing.
    assert_eq!(
        calibration.threshold(0.1, 0.4, false).map(|t| t.local),
        Some(0.5)
    );
    assert_eq!(
        calibration.threshold(0.3, 0.1, false).map(|t| t.local),
        Some(1.0)
    );
    assert_eq!(calibration.threshold(0.01, 0.1, false), None);
    assert_eq!(
        calibration.beginning_at_least(0.3, true),
        0.3,
        "nothing was tested"
    );
    // A beginning has to be as likely as where that threshold was tested.
    for (at_least, beginning) in [(0.95, 0.45), (0.8, 0.4), (0.7, 0.3), (0.1, 0.25)] {
        let found = calibration.beginning_at_least(at_least, false);
        assert_eq!(found, beginning, "{at_least}");
    }
    for nonsense in [0.0, 1.0, -1.0, f32::NAN] {
        assert_eq!(calibration.threshold(nonsense, 0.1, false), None);
        assert_eq!(calibration.threshold(0.1, nonsense, false), None);
    }
}

#[test]
fn it_knows_how_much_stood_and_of_what_it_tells() {
    let mut calibration = calibration();
    assert_eq!(calibration.stood(), Some(1.0 - 5.0 / 9.0));
    assert!(calibration.tells(None) && calibration.tells(Some(Intent::Code)));
    calibration.telling = Some(vec![Intent::Facts]);
    assert!(calibration.tells(Some(Intent::Facts)));
    assert!(!calibration.tells(None) && !calibration.tells(Some(Intent::Code)));
    calibration.questions.clear();
    assert_eq!(calibration.stood(), None);
}

#[test]
fn what_is_no_calibration_is_refused() {
    let good = calibration();
    assert_eq!(Calibration::from_json(&good.to_json()), Ok(good.clone()));
    let refused = |change: fn(&mut Calibration), expected: &str| {
        let mut bad = good.clone();
        change(&mut bad);
        let error = Calibration::from_json(&bad.to_json()).unwrap_err();
        assert_eq!(error.reason, expected);
    };
    refused(
        |bad| bad.whole.alone.weights.truncate(5),
        "whole.alone: 5 weights; 6 are needed",
    );
    refused(
        |bad| bad.beginning.alone.knots.clear(),
        "beginning.alone: there are no knots",
    );
    refused(
        |bad| bad.whole.alone.knots[0].score = 1.0,
        "whole.alone: knots must rise",
    );
    refused(
        |bad| bad.whole.alone.knots[1].probability = 1.5,
        "whole.alone: probability 1.5 is not between 0 and 1",
    );
    refused(
        |bad| {
            bad.whole.alone.tested = vec![Tested {
                at_least: 0.5,
                beginning: 0.5,
                shipped: 2,
                worse: 3,
            }];
        },
        "whole.alone: 3 worse of 2 shipped of 0 cannot be",
    );
    assert!(Calibration::from_json("{}").is_err());
}

#[test]
fn what_ships_can_be_read() {
    for (sha256, json) in shipped::SHIPPED {
        let calibration = Calibration::from_json(json).unwrap();
        assert_eq!(calibration.model.sha256, sha256);
        let found = Calibration::for_model(&sha256.to_uppercase());
        assert_eq!(found, Some(calibration));
    }
    assert_eq!(Calibration::for_model(""), None);
}

#[test]
fn what_ships_promises_what_was_proven_and_tells_where_it_was_seen_to() {
    let sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
    let calibration = Calibration::for_model(sha256).unwrap();
    assert_eq!(calibration.model.quantization, "Q4_1");
    assert_eq!(
        calibration
            .questions
            .iter()
            .map(|set| set.asked)
            .sum::<u32>(),
        1340
    );
    assert!(
        calibration.tells(Some(Intent::Facts)) && !calibration.tells(Some(Intent::Mathematics))
    );
    assert_eq!(calibration.threshold(0.5, 0.1, false), None);
    assert!(
        calibration
            .threshold(0.75, 0.1, false)
            .is_some_and(|found| found.local > 0.3)
    );
}

proptest! {
    /// As the sum of its terms says.
    #[test]
    fn a_tail_is_a_sum(trials in 1_u32..60, hits in 0_u32..60, share in 0.01_f64..0.99) {
        let mut term = (1.0 - share).powi(trials as i32);
        let mut sum = 0.0;
        for count in 0..=hits.min(trials) {
            sum += term;
            term *= f64::from(trials - count) / f64::from(count + 1) * share / (1.0 - share);
        }
        prop_assert!((at_most(hits, trials, share) - sum).abs() < 1e-9);
    }

    /// More worse answers never allow more.
    #[test]
    fn a_threshold_is_no_lower_where_more_was_worse(
        counts in prop::collection::vec((0_u32..50, 0_u32..50), 1..30),
        at in 0_usize..30,
        alpha in 0.01_f32..0.9,
    ) {
        let mut shipped = 0;
        let mut counts: Vec<(u32, u32)> = counts
            .into_iter()
            .map(|(more, worse)| { shipped += more; (shipped, worse.min(shipped)) })
            .collect();
        let before = certified(counts.iter().copied(), counts.len(), alpha, 0.1);
        let at = at % counts.len();
        counts[at].1 = (counts[at].1 + 3).min(counts[at].0);
        let after = certified(counts.iter().copied(), counts.len(), alpha, 0.1);
        prop_assert!(after <= before);
    }

    #[test]
    fn probabilities_rise_with_scores(scores in prop::collection::vec(-30.0_f32..30.0, 2..40)) {
        let curve = curve(1, &[knot(-9.0, 0.1), knot(-3.0, 0.1), knot(2.5, 0.4), knot(9.0, 0.95)]);
        let mut scores = scores;
        scores.sort_by(f32::total_cmp);
        let probabilities: Vec<f32> = scores.iter().map(|&score| curve.probability(&[score])).collect();
        prop_assert!(probabilities.is_sorted());
        prop_assert!(probabilities.iter().all(|&p| (0.1..=0.95).contains(&p)));
    }
}
