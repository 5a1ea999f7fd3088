//! Who is left out of training, and in which round.

use std::collections::BTreeMap;

use oorandom::Rand64;

/// A round: rows to learn from, and rows to ask about.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// To learn from.
    pub train: Vec<usize>,
    /// To ask about.
    pub test: Vec<usize>,
}

/// So many rounds; each row of `asked` is asked about in one of them. Rows of one group stay together.
pub fn folds(groups: &[usize], asked: &[bool], count: usize, seed: u64) -> Vec<Round> {
    let parts = shuffled(groups.iter().copied(), count, seed);
    rounds(count, |row| parts[&groups[row]], groups, asked)
}

/// The same, but rows of one domain stay together: what is asked about is of no domain that was learned from, and
/// like no row that was.
pub fn leave_domains(
    domains: &[&str],
    groups: &[usize],
    asked: &[bool],
    count: usize,
    seed: u64,
) -> Vec<Round> {
    let of_asked = domains
        .iter()
        .zip(asked)
        .filter(|(_, asked)| **asked)
        .map(|(domain, _)| *domain);
    let parts = shuffled(of_asked, count, seed);
    // A domain that is not asked about is always learned from.
    rounds(
        count,
        |row| parts.get(domains[row]).copied().unwrap_or(count),
        groups,
        asked,
    )
}

fn rounds(
    count: usize,
    part: impl Fn(usize) -> usize,
    groups: &[usize],
    asked: &[bool],
) -> Vec<Round> {
    let round = |number| {
        let test: Vec<usize> = (0..groups.len())
            .filter(|row| asked[*row] && part(*row) == number)
            .collect();
        let mut known: Vec<usize> = test.iter().map(|row| groups[*row]).collect();
        known.sort_unstable();
        let train = (0..groups.len())
            .filter(|row| part(*row) != number && known.binary_search(&groups[*row]).is_err());
        Round {
            train: train.collect(),
            test,
        }
    };
    (0..count).map(round).collect()
}

/// Deals keys out by chance, evenly.
fn shuffled<K: Ord + Clone>(
    keys: impl Iterator<Item = K>,
    count: usize,
    seed: u64,
) -> BTreeMap<K, usize> {
    let mut keys: Vec<K> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    let mut random = Rand64::new(u128::from(seed));
    for at in (1..keys.len()).rev() {
        keys.swap(at, random.rand_range(0..at as u64 + 1) as usize);
    }
    keys.into_iter()
        .enumerate()
        .map(|(at, key)| (key, at % count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_group_is_on_both_sides() {
        let groups = [0, 1, 0, 3, 4, 5, 1, 7];
        let asked = [true, true, true, true, true, false, false, true];
        let rounds = folds(&groups, &asked, 3, 1);
        let mut tested: Vec<usize> = rounds.iter().flat_map(|round| round.test.clone()).collect();
        tested.sort_unstable();
        assert_eq!(tested, [0, 1, 2, 3, 4, 7]);
        for round in rounds {
            assert!(
                round
                    .train
                    .iter()
                    .all(|row| round.test.iter().all(|test| groups[*test] != groups[*row]))
            );
            let tested: Vec<usize> = round.test.iter().map(|test| groups[*test]).collect();
            let all = (0..8).filter(|row| !tested.contains(&groups[*row])).count();
            assert!(round.train.len() <= all);
        }
    }

    #[test]
    fn no_domain_is_on_both_sides() {
        let domains = ["a", "a", "b", "b", "c", "d"];
        let groups = [0, 1, 2, 3, 4, 1];
        let asked = [true, true, true, true, true, false];
        for round in leave_domains(&domains, &groups, &asked, 3, 1) {
            let domain = domains[round.test[0]];
            let expected: Vec<usize> = (0..6)
                .filter(|row| domains[*row] != domain && !(domain == "a" && *row == 5))
                .collect();
            assert_eq!(round.train, expected, "{domain}");
        }
    }
}
