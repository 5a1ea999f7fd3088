//! How far a figure would differ for other texts of the same origin.

use std::{array, ops::AddAssign};

use oorandom::Rand64;

use super::timing::percentile;

const DRAWS: usize = 1000;
/// Fixed, so that equal counts print equal intervals.
const SEED: u128 = 0x7469_6465;

/// 95% intervals of figures of a sum: percentiles over sums of as many groups, drawn with replacement (Efron
/// 1979). Spans of one text depend on each other, and so do texts of one template: a group is what is
/// independent of the others. None of less than two groups, and of a figure that does not exist.
pub(crate) fn intervals<T: Copy + Default + AddAssign, const N: usize>(
    groups: &[T],
    figures: impl Fn(&T) -> [Option<f64>; N],
) -> [Option<(f64, f64)>; N] {
    let mut drawn: [Vec<f64>; N] = array::from_fn(|_| Vec::with_capacity(DRAWS));
    let mut random = Rand64::new(SEED);
    if groups.len() < 2 {
        return [None; N];
    }
    for _ in 0..DRAWS {
        let mut sum = T::default();
        for _ in groups {
            sum += groups[random.rand_range(0..groups.len() as u64) as usize];
        }
        for (values, figure) in drawn.iter_mut().zip(figures(&sum)) {
            values.extend(figure);
        }
    }
    drawn.map(|mut values| {
        values.sort_by(f64::total_cmp);
        Some((percentile(&values, 0.025)?, percentile(&values, 0.975)?))
    })
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

    fn interval(groups: &[Share]) -> Option<(f64, f64)> {
        let share = |sum: &Share| [(sum.1 > 0).then(|| f64::from(sum.0) / f64::from(sum.1))];
        let [interval] = intervals(groups, share);
        interval
    }

    #[test]
    fn groups_that_are_alike_leave_no_doubt() {
        assert_eq!(interval(&[Share(3, 4); 9]), Some((0.75, 0.75)));
        assert_eq!(interval(&[Share(0, 0); 9]), None);
        assert_eq!(interval(&[Share(3, 4)]), None);
    }

    /// One half of 400 independent ones: the normal approximation says 0.5 ± 1.96 · 0.5 / 20 = ± 0.049.
    #[test]
    fn independent_ones_are_near_the_normal_approximation() {
        let groups: Vec<Share> = (0..400).map(|index| Share(index % 2, 1)).collect();
        let (low, high) = interval(&groups).unwrap();
        assert!((low - 0.451).abs() < 0.008, "{low}");
        assert!((high - 0.549).abs() < 0.008, "{high}");
    }
}
