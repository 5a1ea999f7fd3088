//! Products and embeddings of all tensor types.

use super::*;
use crate::testing::random_matrix;

fn product(x: &[f64], weights: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    x.chunks(columns)
        .flat_map(|x| {
            (0..rows).map(|row| {
                let weights = &weights[row * columns..][..columns];
                x.iter().zip(weights).map(|(x, w)| x * w).sum()
            })
        })
        .collect()
}

/// What rounding may cost a product: three units in the last place of the sum of its terms' sizes, because a sum
/// near zero has the errors of its terms; or a little, where there are few terms.
fn rounding(x: &[f64], weights: &[f64], rows: usize, columns: usize) -> f64 {
    let sizes = |values: &[f64]| values.iter().map(|value| value.abs()).collect::<Vec<_>>();
    let sizes = product(&sizes(x), &sizes(weights), rows, columns);
    (3.0 * f64::from(f32::EPSILON) * sizes.into_iter().fold(0.0, f64::max)).max(1e-5)
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().copied().map(f64::from).collect()
}

fn sums(x: &[f64], y: &[f32]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x + f64::from(*y)).collect()
}

/// Widths that are whole blocks, and fours.
fn widths(kind: TensorType) -> Vec<usize> {
    match kind.block() {
        1 => vec![4, 96, 172, 576],
        32 => vec![32, 96, 576],
        _ => vec![256, 768],
    }
}

#[test]
fn products_of_all_types_and_shapes() {
    let random = &mut Random::fresh();
    for gpu in both_cuts() {
        for kind in TensorType::ALL {
            for columns in widths(kind) {
                for rows in [1, 13, 66] {
                    let (bytes, weights) = random_matrix(random, kind, rows, columns);
                    let uploaded = upload(&gpu, &[(kind, rows, &bytes)], columns);
                    for tokens in TOKENS {
                        let what =
                            format!("{kind:?} {rows}×{columns}, {tokens} tokens, {}", gpu.lanes);
                        let x = floats(random, tokens * columns);
                        let residual = floats(random, tokens * rows);
                        let expected = product(&wide(&x), &weights, rows, columns);
                        let tolerance = rounding(&wide(&x), &weights, rows, columns);
                        let x = tensor(&gpu, &x, columns);
                        let found = read(&gpu, &gpu.linear(&x, &uploaded));
                        close(&what, &found, &expected, tolerance);

                        let with = sums(&expected, &residual);
                        let residual = tensor(&gpu, &residual, rows);
                        let found = read(&gpu, &gpu.linear_add(&x, &uploaded, &residual));
                        close(&format!("{what}, residual"), &found, &with, tolerance);
                    }
                }
            }
        }
    }
}

#[test]
fn stacked_tensors_of_one_type_and_of_several() {
    let random = &mut Random::fresh();
    let columns = 256;
    for gpu in both_cuts() {
        for parts in [
            vec![(TensorType::Q4_1, 24)],
            vec![
                (TensorType::Q4_1, 24),
                (TensorType::Q4_1, 8),
                (TensorType::Q4_1, 9),
            ],
            vec![
                (TensorType::Q4_K, 24),
                (TensorType::Q4_K, 8),
                (TensorType::Q6_K, 8),
            ],
            vec![
                (TensorType::F16, 3),
                (TensorType::Q5_0, 70),
                (TensorType::F16, 1),
            ],
        ] {
            let made: Vec<_> = parts
                .iter()
                .map(|&(kind, rows)| (kind, rows, random_matrix(random, kind, rows, columns)))
                .collect();
            let uploaded = upload(
                &gpu,
                &made
                    .iter()
                    .map(|(kind, rows, (bytes, _))| (*kind, *rows, &bytes[..]))
                    .collect::<Vec<_>>(),
                columns,
            );
            let mut kinds: Vec<_> = parts.iter().map(|part| part.0).collect();
            kinds.dedup();
            let weights: Vec<f64> = made.iter().flat_map(|made| made.2.1.clone()).collect();
            let rows = parts.iter().map(|part| part.1).sum();
            for tokens in TOKENS {
                let what = format!("{parts:?}, {tokens} tokens, {}", gpu.lanes);
                let (x, norm) = (floats(random, tokens * columns), floats(random, columns));
                let residual = floats(random, tokens * rows);
                let expected = product(&wide(&x), &weights, rows, columns);
                let normed = product(&rms_norm(&x, &norm, 1e-5), &weights, rows, columns);
                let (x, norm) = (tensor(&gpu, &x, columns), gpu.vector(norm));

                let before = gpu.dispatches();
                let found = gpu.linear(&x, &uploaded);
                assert_eq!(gpu.dispatches() - before, kinds.len() as u64, "{what}");
                close(&what, &read(&gpu, &found), &expected, 1e-5);

                let with = sums(&expected, &residual);
                let found = gpu.linear_add(&x, &uploaded, &tensor(&gpu, &residual, rows));
                close(
                    &format!("{what}, residual"),
                    &read(&gpu, &found),
                    &with,
                    1e-5,
                );

                let found = gpu.norm_linear(&x, &norm, 1e-5, &uploaded);
                close(&format!("{what}, norm"), &read(&gpu, &found), &normed, 1e-5);
            }
        }
    }
}

#[test]
fn norm_and_gated_product() {
    let random = &mut Random::fresh();
    for gpu in both_cuts() {
        for (gate_kind, up_kind, activation) in [
            (TensorType::Q4_1, TensorType::Q4_1, Activation::Silu),
            (TensorType::Q6_K, TensorType::Q6_K, Activation::Gelu),
            (TensorType::F32, TensorType::F32, Activation::Gelu),
            (TensorType::Q4_1, TensorType::Q8_0, Activation::Silu),
        ] {
            let (hidden, columns) = (77, 256);
            let (gate_bytes, mut weights) = random_matrix(random, gate_kind, hidden, columns);
            let (up_bytes, up) = random_matrix(random, up_kind, hidden, columns);
            weights.extend(up);
            let parts = [
                (gate_kind, hidden, &gate_bytes[..]),
                (up_kind, hidden, &up_bytes[..]),
            ];
            let uploaded = upload(&gpu, &parts, columns);
            for tokens in TOKENS {
                let (x, norm) = (floats(random, tokens * columns), floats(random, columns));
                let normed = rms_norm(&x, &norm, 1e-5);
                let gate_up = product(&normed, &weights, 2 * hidden, columns);
                let expected = gated(&gate_up, hidden, activation);
                let (x, norm) = (tensor(&gpu, &x, columns), gpu.vector(norm));
                let found = gpu.norm_gated(&x, &norm, 1e-5, &uploaded, activation);
                close(
                    &format!("{gate_kind:?} {up_kind:?}, {tokens} tokens, {}", gpu.lanes),
                    &read(&gpu, &found),
                    &expected,
                    1e-4,
                );
            }
        }
    }
}

#[test]
fn a_row_too_wide_to_be_normed_in_the_product() {
    let random = &mut Random::fresh();
    for gpu in both_cuts() {
        for columns in [MAX_NORMED_COLUMNS, MAX_NORMED_COLUMNS + 32] {
            let (bytes, weights) = random_matrix(random, TensorType::Q4_1, 5, columns);
            let uploaded = upload(&gpu, &[(TensorType::Q4_1, 5, &bytes)], columns);
            let (x, norm) = (floats(random, columns), floats(random, columns));
            let expected = product(&rms_norm(&x, &norm, 1e-6), &weights, 5, columns);
            let (x, norm) = (tensor(&gpu, &x, columns), gpu.vector(norm));
            let before = gpu.dispatches();
            let found = gpu.norm_linear(&x, &norm, 1e-6, &uploaded);
            let launches = 1 + u64::from(columns > MAX_NORMED_COLUMNS);
            assert_eq!(gpu.dispatches() - before, launches);
            close(
                &format!("{columns} columns"),
                &read(&gpu, &found),
                &expected,
                1e-5,
            );
        }
    }
}

#[test]
fn embeddings_are_the_rows() {
    let Some(gpu) = gpu() else { return };
    let random = &mut Random::fresh();
    for kind in TensorType::ALL {
        for columns in widths(kind) {
            let rows = 50;
            let (bytes, values) = random_matrix(random, kind, rows, columns);
            let table = upload(&gpu, &[(kind, rows, &bytes)], columns);
            for tokens in TOKENS {
                let ids: Vec<u32> = (0..tokens)
                    .map(|_| u32::from(random.byte()) % rows as u32)
                    .collect();
                let expected: Vec<f64> = ids
                    .iter()
                    .flat_map(|id| &values[*id as usize * columns..][..columns])
                    .map(|value| value * 1.5)
                    .collect();
                let found = read(&gpu, &gpu.embed(&table, &ids, 1.5));
                close(
                    &format!("{kind:?} {rows}×{columns}, ids {ids:?}"),
                    &found,
                    &expected,
                    1e-6,
                );
            }
        }
    }
}
