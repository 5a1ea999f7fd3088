//! Norms, gates, sums and biases.

use super::random_tensor;
use crate::{
    compute::{
        Activation, Compute,
        cpu::{Cpu, Tensor},
    },
    testing::Random,
};

#[test]
fn small_operations_are_their_formulas() {
    let mut random = Random::fresh();
    let (x, y) = (
        random_tensor(&mut random, 3, 70),
        random_tensor(&mut random, 3, 70),
    );
    let weight: Vec<f32> = (0..70).map(|_| random.normal()).collect();
    let normed = Cpu::new().rms_norm(&x, &weight, 1e-5);
    let pairs = x.rows().zip(y.rows());
    let gate_up = Tensor {
        width: 140,
        values: pairs.flat_map(|(x, y)| [x, y].concat()).collect(),
    };
    let cpu = Cpu::new();
    let (silu, gelu) = (
        cpu.gated(&gate_up, Activation::Silu),
        cpu.gated(&gate_up, Activation::Gelu),
    );
    let (sum, biased) = (cpu.add(&x, &y), cpu.add_bias(&x, &weight));
    for at in 0..x.values.len() {
        let (a, b) = (f64::from(x.values[at]), f64::from(y.values[at]));
        let row = &x.values[at / 70 * 70..][..70];
        let mean = row
            .iter()
            .map(|&value| f64::from(value).powi(2))
            .sum::<f64>()
            / 70.0;
        let close = |found: f32, exact: f64| {
            (f64::from(found) - exact).abs() <= 1e-5 * exact.abs().max(1e-2)
        };
        assert!(close(
            normed.values[at],
            a / (mean + 1e-5).sqrt() * f64::from(weight[at % 70])
        ));
        assert!(close(silu.values[at], a / (1.0 + (-a).exp()) * b));
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (a + 0.044715 * a.powi(3));
        assert!(close(gelu.values[at], 0.5 * a * (1.0 + inner.tanh()) * b));
        assert_eq!(biased.values[at], x.values[at] + weight[at % 70]);
        assert_eq!(sum.values[at], x.values[at] + y.values[at]);
    }
    assert_eq!(Cpu::new().last_row(&x).values, x.values[140..]);
}
