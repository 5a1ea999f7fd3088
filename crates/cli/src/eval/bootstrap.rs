//! How far a figure would differ for other texts of the same origin.

use std::{array, ops::AddAssign};

use oorandom::Rand64;

use super::timing::percentile;

const DRAWS: usize = 1000;
/// Fixed, so that equal counts print equal intervals.
const SEED: u128 = 0x7469_6465;

/// How often each of so many groups is in a draw of as many, with replacement (Efron 1979); the same draws each time.
/// Spans of one text depend on each other, and so do texts of one template: a group is what is independent of the
/// others.
pub(crate) fn draws(count: usize, groups: usize) -> impl Iterator<Item = Vec<u32>> {
    let mut random = Rand64::new(SEED);
    (0..count).map(move |_| {
        let mut times = vec![0; groups];
        for _ in 0..groups {
            times[random.rand_range(0..groups as u64) as usize] += 1;
        }
        times
    })
}

/// The 95% interval of a figure in all draws. None of no values.
pub(crate) fn interval(mut drawn: Vec<f64>) -> Option<(f64, f64)> {
    drawn.sort_by(f64::total_cmp);
    Some((percentile(&drawn, 0.025)?, percentile(&drawn, 0.975)?))
}

/// 95% intervals of figures of a sum over groups. None of less than two groups, and of a figure that does not exist.
pub(crate) fn intervals<T: Copy + Default + AddAssign, const N: usize>(
    groups: &[T],
    figures: impl Fn(&T) -> [Option<f64>; N],
) -> [Option<(f64, f64)>; N] {
    let mut drawn: [Vec<f64>; N] = array::from_fn(|_| Vec::with_capacity(DRAWS));
    if groups.len() < 2 {
        return [None; N];
    }
    for times in draws(DRAWS, groups.len()) {
        let mut sum = T::default();
        for (group, times) in groups.iter().zip(times) {
            (0..times).for_each(|_| sum += *group);
        }
        for (values, figure) in drawn.iter_mut().zip(figures(&sum)) {
            values.extend(figure);
        }
    }
    drawn.map(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Default)]
    struct Share(u32, u32);

    impl AddAssign for Share {
        fn add_assign(&mut self, other: Self) {
            self.0 += other.0;
            self.1 += other.1;
        }
    }

    fn of_shares(groups: &[Share]) -> Option<(f64, f64)> {
        let share = |sum: &Share| [(sum.1 > 0).then(|| f64::from(sum.0) / f64::from(sum.1))];
        let [interval] = intervals(groups, share);
        interval
    }

    #[test]
    fn groups_that_are_alike_leave_no_doubt() {
        assert_eq!(of_shares(&[Share(3, 4); 9]), Some((0.75, 0.75)));
        assert_eq!(of_shares(&[Share(0, 0); 9]), None);
        assert_eq!(of_shares(&[Share(3, 4)]), None);
    }

    /// One half of 400 independent ones: the normal approximation says 0.5 ± 1.96 · 0.5 / 20 = ± 0.049.
    #[test]
    fn independent_ones_are_near_the_normal_approximation() {
        let groups: Vec<Share> = (0..400).map(|index| Share(index % 2, 1)).collect();
        let (low, high) = of_shares(&groups).unwrap();
        assert!((low - 0.451).abs() < 0.008, "{low}");
        assert!((high - 0.549).abs() < 0.008, "{high}");
    }
}
