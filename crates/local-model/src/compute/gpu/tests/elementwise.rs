//! Norms, sums, gates and rows.

use super::*;

#[test]
fn norms_of_all_widths() {
    let Some(gpu) = gpu() else { return };
    let random = &mut Random::fresh();
    for (columns, run) in [
        (1, 1),
        (6, 6),
        (33, 33),
        (172, 172),
        (576, 576),
        (1536, 1536),
        // Heads of a row.
        (192, 64),
        (9, 3),
    ] {
        for tokens in TOKENS {
            let (x, weight) = (floats(random, tokens * columns), floats(random, run));
            let expected = rms_norm(&x, &weight, 1e-5);
            let found = gpu.rms_norm(&tensor(&gpu, &x, columns), &gpu.vector(weight), 1e-5);
            close(
                &format!("{columns} columns by {run}, {tokens} tokens"),
                &read(&gpu, &found),
                &expected,
                1e-5,
            );
        }
    }
}

#[test]
fn elementwise_and_last_row() {
    let Some(gpu) = gpu() else { return };
    let random = &mut Random::fresh();
    for (tokens, columns) in [(1, 2), (2, 34), (7, 64), (33, 576), (64, 33_000)] {
        let length = tokens * columns;
        let (x, y) = (floats(random, length), floats(random, length));
        let bias = floats(random, columns);
        let (gx, gy) = (tensor(&gpu, &x, columns), tensor(&gpu, &y, columns));
        let wide = |x: &[f32]| -> Vec<f64> { x.iter().copied().map(f64::from).collect() };

        let sums: Vec<f64> = (0..length)
            .map(|at| f64::from(x[at]) + f64::from(y[at]))
            .collect();
        close("add", &read(&gpu, &gpu.add(&gx, &gy)), &sums, 1e-6);
        let sums: Vec<f64> = (0..length)
            .map(|at| f64::from(x[at]) + f64::from(bias[at % columns]))
            .collect();
        let bias = gpu.vector(bias);
        close("bias", &read(&gpu, &gpu.add_bias(&gx, &bias)), &sums, 1e-6);
        for activation in [Activation::Silu, Activation::Gelu] {
            let expected = gated(&wide(&x), columns / 2, activation);
            let found = read(&gpu, &gpu.gated(&gx, activation));
            close(&format!("{activation:?}"), &found, &expected, 1e-5);
        }
        assert_eq!(read(&gpu, &gpu.last_row(&gx)), x[(tokens - 1) * columns..]);
    }
}

#[test]
fn gates_far_from_zero_are_finite() {
    let Some(gpu) = gpu() else { return };
    let x = tensor(&gpu, &[-1e4, -200.0, 200.0, 1e4, 1.0, 1.0, 1.0, 1.0], 8);
    for activation in [Activation::Silu, Activation::Gelu] {
        // Adding 0 makes -0 one, too.
        let found: Vec<f32> = read(&gpu, &gpu.gated(&x, activation))
            .iter()
            .map(|x| x.round() + 0.0)
            .collect();
        assert_eq!(found, [0.0, 0.0, 200.0, 1e4]);
    }
}
