//! `e^x` without a call or a branch, so that the compiler makes vectors of loops over it: a page has no
//! instruction for it, and its library's function takes a tenth of a prompt's time.

/// `e^x`, at most 2.5e-7 off (relative) from -87 to 88; beyond, the value at that end. NaN stays NaN.
///
/// `x = n ln 2 + r`, `2^n` by its exponent and `e^r` by a polynomial (S. Moshier, Cephes, `expf`).
#[inline(always)]
pub(super) fn exponential(x: f32) -> f32 {
    // 1.5 * 2^23: the last bit of a float of that size is worth 1.
    const MAGIC: f32 = 12_582_912.0;
    // `max` and `min` would drop a NaN.
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut y = 1.987_569_1e-4 * r + 1.398_2e-3;
    y = y * r + 8.333_452e-3;
    y = y * r + 4.166_579_6e-2;
    y = y * r + 1.666_666_5e-1;
    y = y * r + 0.5;
    y = y * r * r + r + 1.0;
    let exponent = shifted
        .to_bits()
        .wrapping_sub(MAGIC.to_bits())
        .wrapping_add(127);
    y * f32::from_bits(exponent << 23)
}

#[cfg(test)]
mod tests {
    use super::exponential;

    #[test]
    fn it_is_as_near_as_it_says() {
        let mut worst = 0f64;
        for step in 0..=2_000_000 {
            let x = -87.0 + 175.0 * step as f32 / 2e6;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exponential(x)) / exact - 1.0).abs());
        }
        assert!(worst < 2.5e-7, "{worst:e}");
        assert_eq!(exponential(0.0), 1.0);
        assert_eq!(exponential(f32::NEG_INFINITY), exponential(-87.0));
        assert!(exponential(f32::NAN).is_nan());
    }
}
