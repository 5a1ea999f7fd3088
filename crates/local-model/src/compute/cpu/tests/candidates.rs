//! The best of all scores.

use crate::{
    compute::{
        Candidates, Compute,
        cpu::{Cpu, Tensor},
    },
    testing::Random,
};

#[test]
fn candidates_are_the_highest_scores_and_the_sum_of_all() {
    let mut random = Random::fresh();
    let mut scores: Vec<f32> = (0..1003).map(|_| 4.0 * random.normal()).collect();
    (scores[700], scores[30]) = (50.0, 50.0);
    let exact = scores.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln();
    let mut order: Vec<u32> = (0..1003).collect();
    order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
    let best = |scores: &[f32]| {
        let logits = Tensor {
            width: scores.len(),
            values: scores.to_vec(),
        };
        pollster::block_on(Cpu::new().candidates(&logits, 8)).unwrap()
    };
    for found in [Candidates::of(&scores, 8), best(&scores)] {
        assert!((f64::from(found.log_sum) - exact).abs() < 1e-5);
        let expected = order[..8].iter().map(|&id| (id, scores[id as usize]));
        assert_eq!(found.top, expected.collect::<Vec<_>>());
        assert_eq!((found.top[0].0, found.top[1].0), (30, 700));
    }
    scores[5] = f32::NAN;
    assert!(Candidates::of(&scores, 8).log_sum.is_nan());
    assert!(best(&scores).log_sum.is_nan());
    assert_eq!(best(&scores[..3]).top.len(), 3);
}
