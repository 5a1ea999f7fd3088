//! Rotary positions, the key/value cache, and causal grouped-query attention over it.

use cubecl::prelude::*;

use super::{UNITS, norm::sum_of_all};

/// Below every score; finite, because WGSL promises nothing about infinities.
const LOWEST: f32 = -3.0e38;

/// Norms each head of queries and keys, turns them (Su et al., 2021), writes keys and values to the cache.
///
/// One workgroup for each head of each token: first the heads of queries, then of keys, then of values.
/// `qkv`: `[tokens, (heads + 2 kv_heads) * head_dim]`; `q_norm`, `k_norm`: `[head_dim]`, read where
/// `normed`; `turns`: `[positions, pairs, 2]`, cosine and sine; `q_out`: `[tokens, heads * head_dim]`;
/// caches: `[positions, kv_heads * head_dim]`, written at `position + token`. Pair `i` of a head is
/// (i, i + pairs) where `halves`, else (2i, 2i + 1); what is beyond the pairs is not turned.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn rope_and_store(
    qkv: &[f32],
    q_norm: &[f32],
    k_norm: &[f32],
    turns: &[f32],
    q_out: &mut [f32],
    key_cache: &mut [f32],
    value_cache: &mut [f32],
    position: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    pairs: u32,
    epsilon: f32,
    #[comptime] halves: bool,
    #[comptime] normed: bool,
) {
    let unit = UNIT_POS;
    let head = CUBE_POS_X;
    let token = CUBE_POS_Y;
    let from = (token * (heads + 2u32 * kv_heads) + head) * head_dim;
    let row = position + token;

    let mut scale = 1.0f32;
    if comptime!(normed) {
        let mut squares = 0.0f32;
        let mut at = unit;
        while at < head_dim {
            let value = qkv[(from + at) as usize];
            squares += value * value;
            at += UNITS;
        }
        let total = sum_of_all(squares);
        scale = 1.0f32 / (total / f32::cast_from(head_dim) + epsilon).sqrt();
    }

    if head < heads + kv_heads {
        let is_q = head < heads;
        let q_to = (token * heads + head) * head_dim;
        // Not used by a query's head, whose number is too small.
        let k_to = (row * kv_heads + head - min(head, heads)) * head_dim;
        let mut pair = unit;
        while pair < head_dim / 2u32 {
            let turned = pair < pairs;
            let mut first = 2u32 * pair;
            let mut second = first + 1u32;
            if comptime!(halves) {
                first = select(turned, pair, first);
                second = select(turned, pair + pairs, second);
            }
            let mut cosine = 1.0f32;
            let mut sine = 0.0f32;
            if turned {
                let turn = 2u32 * (row * pairs + pair);
                cosine = turns[turn as usize];
                sine = turns[(turn + 1u32) as usize];
            }
            let mut x = qkv[(from + first) as usize] * scale;
            let mut y = qkv[(from + second) as usize] * scale;
            if comptime!(normed) {
                if is_q {
                    x *= q_norm[first as usize];
                    y *= q_norm[second as usize];
                } else {
                    x *= k_norm[first as usize];
                    y *= k_norm[second as usize];
                }
            }
            let turned_x = x * cosine - y * sine;
            let turned_y = x * sine + y * cosine;
            if is_q {
                q_out[(q_to + first) as usize] = turned_x;
                q_out[(q_to + second) as usize] = turned_y;
            } else {
                key_cache[(k_to + first) as usize] = turned_x;
                key_cache[(k_to + second) as usize] = turned_y;
            }
            pair += UNITS;
        }
    } else {
        let to = (row * kv_heads + head - heads - kv_heads) * head_dim;
        let mut at = unit;
        while at < head_dim {
            value_cache[(to + at) as usize] = qkv[(from + at) as usize];
            at += UNITS;
        }
    }
}

/// Softmax of scores times values, one workgroup for each (head, token), [`UNITS`] positions at a time.
///
/// Keeps a running maximum and sum (Milakov and Gimelshein, 2018), so that no context is too long for
/// shared memory. In a round each invocation scores one position; then each adds up its own columns
/// of the values. `q`, `out`: `[tokens, heads * head_dim]`; `keys`, `values`:
/// `[positions, kv_heads * head_dim]`. A token sees the last `window` positions up to its own. N divides
/// `head_dim`.
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
    window: u32,
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

    let mut start = seen - min(seen, window);
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
