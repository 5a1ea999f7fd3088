//! Rotary positions, the key/value cache, and causal grouped-query attention over it.

use cubecl::prelude::*;

use super::UNITS;

/// Below every score; finite, because WGSL promises nothing about infinities.
const LOWEST: f32 = -3.0e38;

/// Turns queries and keys (Su et al., 2021: pairs of neighbours), writes keys and values to the cache.
///
/// One pair of one token for each invocation: first the pairs of `q`, then of `k`, then of `v`.
/// `q`, `q_out`: `[tokens, heads * head_dim]`; `k`, `v`: `[tokens, kv_heads * head_dim]`;
/// `turns`: `[context, rope_dimensions / 2, 2]`, cosine and sine; caches:
/// `[positions, kv_heads * head_dim]`, written at `position + token`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn rope_and_store(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    turns: &[f32],
    q_out: &mut [f32],
    key_cache: &mut [f32],
    value_cache: &mut [f32],
    tokens: u32,
    position: u32,
    q_width: u32,
    kv_width: u32,
    head_dim: u32,
    rope_dimensions: u32,
) {
    let pairs = q_width / 2u32 + kv_width;
    let at = ABSOLUTE_POS as u32;
    if at >= tokens * pairs {
        terminate!();
    }
    let token = at / pairs;
    let pair = at % pairs;
    let row = position + token;

    let is_q = pair < q_width / 2u32;
    let column = 2u32 * select(is_q, pair, (pair - q_width / 2u32) % (kv_width / 2u32));
    let in_head = column % head_dim;
    let mut cosine = 1.0f32;
    let mut sine = 0.0f32;
    if in_head < rope_dimensions {
        let turn = (row * rope_dimensions + in_head) as usize;
        cosine = turns[turn];
        sine = turns[turn + 1];
    }

    if is_q {
        let index = (token * q_width + column) as usize;
        let first = q[index];
        let second = q[index + 1];
        q_out[index] = first * cosine - second * sine;
        q_out[index + 1] = first * sine + second * cosine;
    } else {
        let from = (token * kv_width + column) as usize;
        let to = (row * kv_width + column) as usize;
        if pair < q_width / 2u32 + kv_width / 2u32 {
            let first = k[from];
            let second = k[from + 1];
            key_cache[to] = first * cosine - second * sine;
            key_cache[to + 1] = first * sine + second * cosine;
        } else {
            value_cache[to] = v[from];
            value_cache[to + 1] = v[from + 1];
        }
    }
}

/// Softmax of scores times values, one workgroup for each (head, token), [`UNITS`] positions at a time.
///
/// Keeps a running maximum and sum (Milakov and Gimelshein, 2018), so that no context is too long for
/// shared memory. In a round each invocation scores one position; then each adds up its own columns
/// of the values. `q`, `out`: `[tokens, heads * head_dim]`; `keys`, `values`:
/// `[positions, kv_heads * head_dim]`. N divides `head_dim`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn attend<N: Size>(
    q: &[Vector<f32, N>],
    keys: &[Vector<f32, N>],
    values: &[f32],
    out: &mut [f32],
    position: u32,
    heads: u32,
    kv_heads: u32,
    scale: f32,
    #[comptime] head_dim: u32,
) {
    let unit = UNIT_POS;
    let head = CUBE_POS_X;
    let token = CUBE_POS_Y;
    let kv_head = head / (heads / kv_heads);
    let seen = position + token + 1u32;
    let size = N::value().comptime();
    let vectors = comptime!(head_dim / size as u32);
    let columns = comptime!(head_dim.div_ceil(UNITS) as usize);

    let mut scores = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let mut weights = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let mut sums = Array::<f32>::new(columns);
    #[unroll]
    for column in 0..columns {
        sums[column] = 0.0f32;
    }
    let mut maximum = f32::new(LOWEST);
    let mut total = 0.0f32;

    let mut start = 0u32;
    while start < seen {
        let count = min(seen - start, UNITS);
        let mut score = f32::new(LOWEST);
        if unit < count {
            let q_start = (token * heads + head) * vectors;
            let k_start = ((start + unit) * kv_heads + kv_head) * vectors;
            let mut dot = Vector::<f32, N>::new(0.0f32);
            for i in 0..vectors {
                dot += q[(q_start + i) as usize] * keys[(k_start + i) as usize];
            }
            let mut sum = 0.0f32;
            #[unroll]
            for i in 0..N::value() {
                sum += dot.extract(i);
            }
            score = sum * scale;
        }
        scores[unit as usize] = score;
        sync_cube();

        let mut new_maximum = maximum;
        for i in 0..count {
            new_maximum = max(new_maximum, scores[i as usize]);
        }
        let shrink = (maximum - new_maximum).exp();
        maximum = new_maximum;
        weights[unit as usize] = (score - maximum).exp();
        sync_cube();

        total *= shrink;
        for i in 0..count {
            total += weights[i as usize];
        }
        #[unroll]
        for column in 0..columns {
            let d = unit + comptime!(column as u32 * UNITS);
            if d < head_dim {
                let mut sum = sums[column] * shrink;
                for i in 0..count {
                    sum += weights[i as usize]
                        * values[(((start + i) * kv_heads + kv_head) * head_dim + d) as usize];
                }
                sums[column] = sum;
            }
        }
        start += UNITS;
    }

    #[unroll]
    for column in 0..columns {
        let d = unit + comptime!(column as u32 * UNITS);
        if d < head_dim {
            out[((token * heads + head) * head_dim + d) as usize] = sums[column] / total;
        }
    }
}
