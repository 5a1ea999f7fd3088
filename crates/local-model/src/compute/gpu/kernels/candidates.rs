//! The highest logits and the logarithm of the sum of all exponentials, so that a token costs one small
//! read instead of its vocabulary.
//!
//! Two steps. First each workgroup picks the best of its part of the logits, in order; then one
//! workgroup merges those lists, one invocation for each. A better candidate is a higher logit, or the
//! same and a lower id; that order is total, so what is left after a pick is what comes after it.

use cubecl::prelude::*;

use super::{UNITS, norm::sum_of_all};

/// What stands for "none left", and is below every logit.
pub(in crate::compute::gpu) const NONE: f32 = -3.0e38;

/// Picks `count` of `UNITS * each` logits.
///
/// `parts`, for each workgroup: the maximum, the sum of `exp(logit - maximum)`, then `count` times the
/// logit and its id (as a float: exact below 2^24).
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn pick(
    logits: &[f32],
    parts: &mut [f32],
    length: u32,
    each: u32,
    count: u32,
) {
    let unit = UNIT_POS;
    let start = CUBE_POS_X * UNITS * each + unit;
    let to = CUBE_POS_X * (2u32 + 2u32 * count);

    let mut values = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let mut ids = Shared::<[u32]>::new_slice(comptime!(UNITS as usize));
    let mut best = f32::new(NONE);
    let mut best_id = u32::MAX.runtime();
    let mut i = 0u32;
    while i < each {
        let id = start + i * UNITS;
        if id < length {
            let value = logits[id as usize];
            if value > best {
                best = value;
                best_id = id;
            }
        }
        i += 1u32;
    }

    let mut k = 0u32;
    while k < count {
        values[unit as usize] = best;
        ids[unit as usize] = best_id;
        let (won, won_id) = best_of_all(&mut values, &mut ids);
        if unit == 0u32 {
            if k == 0u32 {
                parts[to as usize] = won;
            }
            parts[(to + 2u32 + 2u32 * k) as usize] = won;
            parts[(to + 3u32 + 2u32 * k) as usize] = f32::cast_from(won_id);
        }
        if best_id == won_id {
            best = f32::new(NONE);
            best_id = u32::MAX.runtime();
            let mut i = 0u32;
            while i < each {
                let id = start + i * UNITS;
                if id < length {
                    let value = logits[id as usize];
                    let left = value < won || (value == won && id > won_id);
                    if left && value > best {
                        best = value;
                        best_id = id;
                    }
                }
                i += 1u32;
            }
        }
        if k == 0u32 {
            // A part without a single logit above NONE does not occur: `length` ends in the last one.
            let mut sum = 0.0f32;
            let mut i = 0u32;
            while i < each {
                let id = start + i * UNITS;
                if id < length {
                    sum += (logits[id as usize] - won).exp();
                }
                i += 1u32;
            }
            let total = sum_of_all(sum);
            if unit == 0u32 {
                parts[(to + 1u32) as usize] = total;
            }
        }
        k += 1u32;
    }
}

/// Merges at most [`UNITS`] lists that [`pick`] has made into one of the same form.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn merge(parts: &[f32], out: &mut [f32], lists: u32, count: u32) {
    let unit = UNIT_POS;
    let from = unit * (2u32 + 2u32 * count);
    let mine = unit < lists;

    let mut values = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let mut ids = Shared::<[u32]>::new_slice(comptime!(UNITS as usize));
    let mut next = 0u32;
    let mut k = 0u32;
    while k < count {
        let mut best = f32::new(NONE);
        let mut best_id = u32::MAX.runtime();
        if mine && next < count {
            best = parts[(from + 2u32 + 2u32 * next) as usize];
            best_id = u32::cast_from(parts[(from + 3u32 + 2u32 * next) as usize]);
        }
        values[unit as usize] = best;
        ids[unit as usize] = best_id;
        let (won, won_id) = best_of_all(&mut values, &mut ids);
        if best_id == won_id {
            next += 1u32;
        }
        if unit == 0u32 {
            if k == 0u32 {
                out[0usize] = won;
            }
            out[(2u32 + 2u32 * k) as usize] = won;
            out[(3u32 + 2u32 * k) as usize] = f32::cast_from(won_id);
        }
        if k == 0u32 {
            let mut sum = 0.0f32;
            if mine {
                sum = parts[(from + 1u32) as usize] * (parts[from as usize] - won).exp();
            }
            let total = sum_of_all(sum);
            if unit == 0u32 {
                out[1usize] = total;
            }
        }
        k += 1u32;
    }
}

/// The best of what the workgroup's invocations have written, in two steps of eight.
#[cube]
fn best_of_all(values: &mut Shared<[f32]>, ids: &mut Shared<[u32]>) -> (f32, u32) {
    let unit = UNIT_POS;
    let mut best_values = Shared::<[f32]>::new_slice(8usize);
    let mut best_ids = Shared::<[u32]>::new_slice(8usize);
    sync_cube();
    if unit < 8u32 {
        let mut best = values[(unit * 8u32) as usize];
        let mut best_id = ids[(unit * 8u32) as usize];
        #[unroll]
        for i in 1..8u32 {
            let value = values[(unit * 8u32 + i) as usize];
            let id = ids[(unit * 8u32 + i) as usize];
            if value > best || (value == best && id < best_id) {
                best = value;
                best_id = id;
            }
        }
        best_values[unit as usize] = best;
        best_ids[unit as usize] = best_id;
    }
    sync_cube();
    let mut best = best_values[0usize];
    let mut best_id = best_ids[0usize];
    #[unroll]
    for i in 1..8usize {
        let value = best_values[i];
        let id = best_ids[i];
        if value > best || (value == best && id < best_id) {
            best = value;
            best_id = id;
        }
    }
    (best, best_id)
}
