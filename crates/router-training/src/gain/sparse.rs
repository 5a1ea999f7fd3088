//! Ridge regression over sparse rows.

/// Rows of a matrix, one after the other.
#[derive(Default)]
pub(super) struct Matrix {
    /// Where each row ends.
    ends: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
    width: usize,
}

impl Matrix {
    pub(super) fn new(width: usize) -> Self {
        Self {
            width,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, row: impl IntoIterator<Item = (u32, f32)>) {
        for (column, value) in row {
            self.columns.push(column);
            self.values.push(value);
        }
        self.ends.push(self.columns.len());
    }

    fn row(&self, at: usize) -> impl Iterator<Item = (usize, f64)> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        let range = start..self.ends[at];
        let columns = self.columns[range.clone()]
            .iter()
            .map(|column| *column as usize);
        columns.zip(self.values[range].iter().map(|value| f64::from(*value)))
    }

    /// Row times weights.
    pub(super) fn product<const N: usize>(&self, at: usize, weights: &[[f64; N]]) -> [f64; N] {
        let mut sums = [0.0; N];
        for (column, value) in self.row(at) {
            for (sum, weight) in sums.iter_mut().zip(weights[column]) {
                *sum += value * weight;
            }
        }
        sums
    }

    /// Weights `w` that make `sum over rows of (row · w - target)² + penalty · |w|²` least, for several targets at
    /// once: conjugate gradients on the normal equations (Hestenes and Stiefel 1952), so many steps. `rows` are those
    /// that count.
    pub(super) fn ridge<const N: usize>(
        &self,
        rows: &[usize],
        targets: &[[f64; N]],
        penalty: f64,
        steps: usize,
    ) -> Vec<[f64; N]> {
        let mut weights = vec![[0.0; N]; self.width];
        let mut residual = vec![[0.0; N]; self.width];
        for &row in rows {
            for (column, value) in self.row(row) {
                for (sum, target) in residual[column].iter_mut().zip(targets[row]) {
                    *sum += value * target;
                }
            }
        }
        let mut direction = residual.clone();
        let mut length = squares(&residual);
        for _ in 0..steps {
            let mut image: Vec<[f64; N]> = direction
                .iter()
                .map(|of| of.map(|value| value * penalty))
                .collect();
            for &row in rows {
                let products = self.product(row, &direction);
                for (column, value) in self.row(row) {
                    for (sum, product) in image[column].iter_mut().zip(products) {
                        *sum += value * product;
                    }
                }
            }
            let curvature = dots(&direction, &image);
            let ratio = |above: f64, below: f64| if below > 0.0 { above / below } else { 0.0 };
            let step: [f64; N] = std::array::from_fn(|at| ratio(length[at], curvature[at]));
            for (at, weight) in weights.iter_mut().enumerate() {
                for output in 0..N {
                    weight[output] += step[output] * direction[at][output];
                    residual[at][output] -= step[output] * image[at][output];
                }
            }
            let next = squares(&residual);
            let turn: [f64; N] = std::array::from_fn(|at| ratio(next[at], length[at]));
            for (direction, residual) in direction.iter_mut().zip(&residual) {
                for output in 0..N {
                    direction[output] = residual[output] + turn[output] * direction[output];
                }
            }
            length = next;
        }
        weights
    }
}

fn squares<const N: usize>(of: &[[f64; N]]) -> [f64; N] {
    dots(of, of)
}

fn dots<const N: usize>(one: &[[f64; N]], other: &[[f64; N]]) -> [f64; N] {
    let mut sums = [0.0; N];
    for (one, other) in one.iter().zip(other) {
        for output in 0..N {
            sums[output] += one[output] * other[output];
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns, three rows: solved by hand from (XᵀX + 1) w = Xᵀy.
    #[test]
    fn the_weights_solve_the_normal_equations() {
        let mut matrix = Matrix::new(2);
        matrix.push([(0, 1.0)]);
        matrix.push([(0, 1.0), (1, 2.0)]);
        matrix.push([(1, 1.0)]);
        matrix.push([(0, 100.0)]);
        let targets = [[1.0, 0.0], [3.0, 0.0], [2.0, 1.0], [9.0, 9.0]];
        // [3 2; 2 6] w = [4; 8] and [0; 1]
        let weights = matrix.ridge(&[0, 1, 2], &targets, 1.0, 2);
        let expected = [[8.0 / 14.0, -2.0 / 14.0], [16.0 / 14.0, 3.0 / 14.0]];
        for (weight, expected) in weights.iter().flatten().zip(expected.iter().flatten()) {
            assert!((weight - expected).abs() < 1e-9, "{weights:?}");
        }
    }
}
