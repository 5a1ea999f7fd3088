use oorandom::Rand64;
use query::Estimate;
use router::confidence::Evidence;

use super::{draws::draw, fit::candidates, *};

/// Against scikit-learn: `LogisticRegression(C=1)` on the standardized features.
#[test]
fn weights_are_those_of_another_program() {
    let features = [
        [0.0, 1.0],
        [1.0, 0.0],
        [2.0, 2.0],
        [3.0, 1.0],
        [4.0, 5.0],
        [5.0, 3.0],
        [6.0, 4.0],
        [7.0, 9.0],
    ];
    let outcomes = [false, false, true, false, true, false, true, true];
    let weights = logistic::fit(&features, &outcomes);
    for (found, expected) in weights.into_iter().zip([0.163_721_7, 0.332_765_1]) {
        assert!((found - expected).abs() < 1e-5, "{weights:?}");
    }
    // Nothing to learn: every answer stands, and no feature differs.
    assert_eq!(logistic::fit(&[[1.0]; 4], &[true; 4]), [0.0]);
}

#[test]
fn neighbours_that_fall_are_pooled() {
    // 20 answers each: half, then a fifth, then nine in ten stand.
    let answers: Vec<(f32, bool)> = [(1.0, 10), (2.0, 4), (3.0, 18)]
        .into_iter()
        .flat_map(|(score, hits)| (0..20).map(move |at| (score, at < hits)))
        .collect();
    let (scores, hits): (Vec<f32>, Vec<bool>) = answers.into_iter().unzip();
    let knots = isotonic::fit(&scores, &hits);
    let found: Vec<(f32, f32)> = knots
        .iter()
        .map(|knot| (knot.score, knot.probability))
        .collect();
    assert_eq!(found, [(1.5, 0.35), (3.0, 0.9)]);
}

#[test]
fn areas_and_errors_are_as_defined() {
    let hits = [false, true, false, true];
    assert_eq!(auroc(&[0.1, 0.2, 0.3, 0.4], &hits), Some(0.75));
    assert_eq!(auroc(&[0.5; 4], &hits), Some(0.5));
    assert_eq!(auroc(&[0.5; 4], &[true; 4]), None);
    // Two bins of ten answers are not empty: 0.2 where none hits, 0.9 where all do.
    let error = calibration_error(&[0.2, 0.9], &[false, true]);
    assert!((error - 0.15).abs() < 1e-6, "{error}");
}

/// Answers whose confidence says how likely they stand, and whose gain says the rest.
fn graded(count: usize) -> Vec<Graded> {
    let mut random = Rand64::new(7);
    (0..count)
        .map(|_| {
            let (sure, gain) = (random.rand_float() as f32, random.rand_float() as f32);
            let stands = random.rand_float() < f64::from(sure + 1.0 - gain) / 2.0;
            let evidence = Evidence {
                tokens: 10,
                mean: sure - 1.0,
                ..Evidence::default()
            };
            Graded {
                whole: evidence,
                beginning: evidence,
                estimate: Some(Estimate { gain, novelty: 0.0 }),
                local: f32::from(u8::from(stands)),
                cloud: 1.0,
            }
        })
        .collect()
}

/// At chance it is the variance of Mann and Whitney's statistic: (hits + misses + 1) / (12 · hits · misses).
#[test]
fn the_error_of_an_area_is_known_at_chance() {
    let error = auroc_error(0.5, 51, 58);
    assert!((error * error - 110.0 / (12.0 * 51.0 * 58.0)).abs() < 1e-12);
    assert!(auroc_error(0.9, 51, 58) < error);
    assert_eq!(auroc_error(0.5, 0, 9), f64::INFINITY);
}

#[test]
fn a_kind_tells_where_it_is_better_than_chance_by_more_than_an_error() {
    use query::Intent::{Chat, Facts, Mathematics};
    let graded = graded(1000);
    let sure: Vec<f32> = graded.iter().map(|answer| answer.whole.mean).collect();
    // Facts are known, in mathematics the surer are as often wrong, and of talk there is too little.
    let kind = |at| match at {
        0..500 => Facts,
        500..970 => Mathematics,
        _ => Chat,
    };
    let kinds: Vec<query::Intent> = (0..1000).map(kind).collect();
    let told: Vec<f32> = (0..1000)
        .map(|at| {
            if kinds[at] == Mathematics {
                sure[at % 7]
            } else {
                sure[at]
            }
        })
        .collect();
    assert_eq!(telling(&graded, &told, &kinds), [Facts]);
}

#[test]
fn both_signals_together_are_better_than_each() {
    let graded = graded(2000);
    let stands: Vec<bool> = graded.iter().map(Graded::stands).collect();
    let area = |signal| auroc(&out_of_fold(&graded, signal, 5, 1), &stands).unwrap();
    let (confidence, gain, both) = (
        area(Signal::Confidence),
        area(Signal::Gain),
        area(Signal::Combined),
    );
    assert!(confidence > 0.6 && gain > 0.6, "{confidence} {gain}");
    assert!(
        both > confidence.max(gain) + 0.03,
        "{confidence} {gain} {both}"
    );

    let probabilities = out_of_fold(&graded, Signal::Combined, 5, 1);
    assert!(calibration_error(&probabilities, &stands) < 0.05);
    let shares = shares(&graded, &probabilities, 4);
    assert_eq!((shares[0].accuracy, shares[0].worse), (1.0, 0.0));
    assert!(shares.is_sorted_by(|few, many| few.worse <= many.worse));
}

#[test]
fn thresholds_are_tested_on_the_other_half() {
    let graded = graded(1001);
    let (whole, beginning) = curves(&graded, 3);
    assert_eq!((whole.alone.of, beginning.alone.of), (501, 0));
    let combined = whole.combined.unwrap();
    let all = combined.tested.last().unwrap();
    assert_eq!(all.at_least, 0.0);
    // Beginnings are given up only as often as was to be expected of the fit.
    assert!((450..=501).contains(&all.shipped), "{all:?}");
    assert!(combined.tested.len() > 10 && beginning.alone.tested.is_empty());
    // The same seed gives the same; an answer without an estimate leaves no combined curve.
    assert_eq!(curves(&graded, 3).0.alone, whole.alone);
    let mut unknown = graded;
    unknown[0].estimate = None;
    assert_eq!(curves(&unknown, 3).0.combined, None);
}

/// The stated risk is kept in all but a share of `delta` of the draws, and two standard errors.
#[test]
fn learn_then_test_keeps_what_conformal_control_breaks() {
    let graded = graded(3000);
    let stands: Vec<bool> = graded.iter().map(Graded::stands).collect();
    let probabilities = out_of_fold(&graded, Signal::Combined, 5, 1);
    let (delta, draws) = (0.1, 300);
    let (mut promised, mut tossed) = (0.0, 0.0);
    for alpha in [0.2, 0.3, 0.4] {
        let drawn = |control| draw(&probabilities, &stands, control, alpha, (draws, 500, 5));
        let tested = drawn(Control::LearnThenTest { delta });
        let bound = f64::from(delta) + 2.0 * (0.09 / draws as f64).sqrt();
        assert!(tested.exceeded <= bound, "{alpha}: {tested:?}");
        promised += tested.local;
        tossed += drawn(Control::Conformal).exceeded;
    }
    assert!(promised > 0.3, "{promised}");
    assert!(tossed / 3.0 > 0.3, "{tossed}");
}

#[test]
fn candidates_fall_and_end_with_all() {
    let probabilities: Vec<f32> = (0..100).map(|at| at as f32 / 100.0).collect();
    let candidates = candidates(&probabilities);
    assert_eq!(candidates.len(), 20);
    assert!(candidates.is_sorted_by(|a, b| a > b));
    assert_eq!((candidates[0], candidates[19]), (0.95, 0.0));
}
