//! Chance that is the same on every machine.

use oorandom::Rand64;

/// The numbers below `count` in an order of chance (Fisher and Yates).
pub(super) fn shuffled(count: usize, random: &mut Rand64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        order.swap(at, random.rand_range(0..at as u64 + 1) as usize);
    }
    order
}
