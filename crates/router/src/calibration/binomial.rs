//! The tail of a binomial distribution, without a logarithm.

/// How likely at most `hits` of `trials` hit, each with probability `share`: 0 to 1.
///
/// Every other count's probability is a multiple of that of `hits`, by ratios of neighbours; the sum of all is 1. So no
/// power and no factorial is needed, and where the multiples leave the range of numbers, the tail is 0 or 1.
pub fn at_most(hits: u32, trials: u32, share: f64) -> f64 {
    if hits >= trials || share.is_nan() || share <= 0.0 {
        return 1.0;
    }
    if share >= 1.0 {
        return 0.0;
    }
    let odds = share / (1.0 - share);
    let n = f64::from(trials);
    let (mut low, mut weight) = (1.0, 1.0);
    for count in (1..=hits).rev() {
        let count = f64::from(count);
        weight *= count / ((n - count + 1.0) * odds);
        low += weight;
    }
    let (mut high, mut weight) = (0.0, 1.0);
    for count in hits..trials {
        let count = f64::from(count);
        weight *= (n - count) * odds / (count + 1.0);
        high += weight;
    }
    if low.is_infinite() {
        1.0
    } else {
        low / (low + high)
    }
}
