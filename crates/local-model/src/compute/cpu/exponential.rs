//! `e^x` without a call or a branch: a page has no instruction for it, and its library's function takes a
//! tenth of a prompt's time.

use super::instructions::{Instructions, MAGIC};

/// `e^x`, at most 2.5e-7 off (relative) from -87 to 88; beyond, the value at that end. NaN stays NaN.
///
/// `x = n ln 2 + r`, `2^n` by its exponent and `e^r` by a polynomial (S. Moshier, Cephes, `expf`).
#[inline(always)]
pub(super) fn exponential<S: Instructions>(s: S, x: S::Floats) -> S::Floats {
    let x = s.min(s.max(x, s.splat(-87.0)), s.splat(88.0));
    let shifted = s.add(s.mul(x, s.splat(std::f32::consts::LOG2_E)), s.splat(MAGIC));
    let n = s.sub(shifted, s.splat(MAGIC));
    let r = s.sub(x, s.mul(n, s.splat(0.693_359_4)));
    let r = s.add(r, s.mul(n, s.splat(2.121_944_4e-4)));
    let mut y = s.splat(1.987_569_1e-4);
    for factor in [
        1.398_2e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        y = s.add(s.mul(y, r), s.splat(factor));
    }
    y = s.add(s.add(s.mul(s.mul(y, r), r), r), s.splat(1.0));
    s.mul(y, s.power_of_two(shifted))
}

#[cfg(test)]
mod tests {
    use super::{super::portable::Portable, exponential};

    #[test]
    fn it_is_as_near_as_it_says() {
        let mut worst = 0f64;
        for step in 0..=250_000 {
            let x = std::array::from_fn(|lane| -87.0 + 175.0 * (8 * step + lane) as f32 / 2e6);
            for (x, found) in x.into_iter().zip(exponential(Portable, x)) {
                if x <= 88.0 {
                    worst = worst.max((f64::from(found) / f64::from(x).exp() - 1.0).abs());
                }
            }
        }
        assert!(worst < 2.5e-7, "{worst:e}");
        let [zero, infinite, lowest, nan, ..] = exponential(
            Portable,
            [0.0, f32::NEG_INFINITY, -87.0, f32::NAN, 0.0, 0.0, 0.0, 0.0],
        );
        assert_eq!(zero, 1.0);
        assert_eq!(infinite, lowest);
        assert!(nan.is_nan());
    }
}
