//! Logistic regression with a small penalty, by Newton's method.

/// Of standardized features: enough to keep weights of features that say the same from running apart.
const PENALTY: f64 = 1.0;
const STEPS: usize = 25;

/// Weights of the features, without a constant: `outcomes` are likelier the higher the weighted sum is. All 0 if there
/// is nothing to learn from.
pub(super) fn fit<const N: usize>(features: &[[f32; N]], outcomes: &[bool]) -> [f32; N] {
    let (means, deviations) = moments(features);
    let standard: Vec<Vec<f64>> = features
        .iter()
        .map(|row| {
            let values = row.iter().zip(&means).zip(&deviations);
            let scaled =
                values.map(|((&value, mean), deviation)| (f64::from(value) - mean) / deviation);
            [1.0].into_iter().chain(scaled).collect()
        })
        .collect();

    let mut weights = vec![0.0; N + 1];
    for _ in 0..STEPS {
        // The constant is not held back.
        let held = |at: usize| if at == 0 { 1e-9 } else { PENALTY };
        let mut gradient: Vec<f64> = (0..=N).map(|at| -held(at) * weights[at]).collect();
        let mut hessian = vec![vec![0.0; N + 1]; N + 1];
        for (at, row) in hessian.iter_mut().enumerate() {
            row[at] = held(at);
        }
        for (row, &outcome) in standard.iter().zip(outcomes) {
            let score: f64 = row.iter().zip(&weights).map(|(x, w)| x * w).sum();
            let expected = 1.0 / (1.0 + (-score).exp());
            let spread = expected * (1.0 - expected);
            for i in 0..=N {
                gradient[i] += row[i] * (f64::from(u8::from(outcome)) - expected);
                for j in 0..=N {
                    hessian[i][j] += spread * row[i] * row[j];
                }
            }
        }
        let step = solve(hessian, gradient);
        for (weight, step) in weights.iter_mut().zip(&step) {
            *weight += step;
        }
    }
    std::array::from_fn(|at| (weights[at + 1] / deviations[at]) as f32)
}

/// Means and standard deviations; of a feature that is always the same, the deviation counts as 1.
fn moments<const N: usize>(features: &[[f32; N]]) -> ([f64; N], [f64; N]) {
    let count = features.len().max(1) as f64;
    let mean = |value: &dyn Fn(&[f32; N]) -> f64| features.iter().map(value).sum::<f64>() / count;
    let means: [f64; N] = std::array::from_fn(|at| mean(&|row| f64::from(row[at])));
    let deviations = std::array::from_fn(|at| {
        let deviation = mean(&|row| (f64::from(row[at]) - means[at]).powi(2)).sqrt();
        if deviation > 1e-6 { deviation } else { 1.0 }
    });
    (means, deviations)
}

/// Solves `matrix · x = right` by Gauss's elimination with pivots. The matrix is positive definite.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let count = right.len();
    for column in 0..count {
        let pivot = (column..count)
            .max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))
            .unwrap_or(column);
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..count {
            let factor = matrix[row][column] / matrix[column][column];
            let (above, below) = matrix.split_at_mut(row);
            for (value, from) in below[0].iter_mut().zip(&above[column]).skip(column) {
                *value -= factor * from;
            }
            right[row] -= factor * right[column];
        }
    }
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count).map(|at| matrix[row][at] * right[at]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}
