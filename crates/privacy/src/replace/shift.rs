//! Moves the dates of a conversation by one offset, and its amounts of one currency by another.
//!
//! Both are added, so that differences are what they were: in the question, and in what the answer says of them. Dates
//! move by whole weeks, so that a Monday stays one, and back in time, so that nobody is born in the future. Amounts
//! grow, so that none changes its sign, by some part of the first one, so that they stay plausible beside it.

use std::collections::BTreeMap;

use query::EntityKind;

use super::{
    amount::{self, Amount, Currency},
    date::{self, Order},
};

/// An amount that is this many times the offset would hardly move.
const MOST_TIMES: i64 = 20;

/// How far the values of a conversation move.
#[derive(Clone, Default)]
pub(crate) struct Shift {
    /// Below zero.
    pub(crate) days: i32,
    /// How dates are written that leave both open.
    pub(crate) order: Option<Order>,
    /// Above zero.
    amounts: BTreeMap<Currency, i64>,
}

impl Shift {
    /// From a conversation's seed and all of its values, in the order in which they first occurred.
    pub(crate) fn new<'v>(seed: u64, values: impl Iterator<Item = (EntityKind, &'v str)>) -> Self {
        // Five weeks to two and a half years.
        let weeks = 5 + (mix(seed) % 128) as i32;
        let mut shift = Self {
            days: -7 * weeks,
            ..Self::default()
        };
        let mut contradicted = false;
        for (kind, value) in values {
            match kind {
                EntityKind::Date | EntityKind::DateOfBirth => {
                    if let Some(order) = date::order_of(value) {
                        contradicted |= shift.order.is_some_and(|other| other != order);
                        shift.order = Some(order);
                    }
                }
                EntityKind::Amount => {
                    if let Some(first) = amount::whole(value).filter(|first| first.value > 0) {
                        let offset = shift.amounts.entry(first.currency);
                        offset.or_insert_with(|| part_of(&first, seed));
                    }
                }
                _ => {}
            }
        }
        if contradicted {
            shift.order = None;
        }
        shift
    }

    /// The value, moved; nothing if it cannot be read for certain.
    pub(super) fn moved(&self, kind: EntityKind, value: &str) -> Option<String> {
        match kind {
            EntityKind::Date | EntityKind::DateOfBirth => {
                let date = date::whole(value, self.order)?;
                let time = &value[date.length..];
                Some(date::rewrite(value, &date, date.days + self.days) + time)
            }
            EntityKind::Amount => {
                let amount = amount::whole(value)?;
                let offset = self.offset(amount.currency)?;
                let moves = (1..=offset.saturating_mul(MOST_TIMES)).contains(&amount.value);
                let moved = amount.value.checked_add(offset)?;
                moves.then(|| amount::rewrite(value, &amount, moved))?
            }
            _ => None,
        }
    }

    /// How far amounts of a currency move.
    pub(super) fn offset(&self, currency: Currency) -> Option<i64> {
        self.amounts.get(currency).copied()
    }
}

/// Six tenths to about two times the power of ten below the amount, in steps of its last digit.
fn part_of(first: &Amount, seed: u64) -> i64 {
    let power = 10_i64.pow(first.value.max(1).ilog10());
    let thousandths = 600 + (mix(seed ^ 1) % 1600) as i64;
    let offset = if power < 1000 {
        power * thousandths / 1000
    } else {
        power / 1000 * thousandths
    };
    let steps = offset / first.step;
    (steps + 1) * first.step
}

/// Spreads a seed's bits: SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
pub(super) fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use EntityKind::{Amount, Date, DateOfBirth};
    use proptest::prelude::*;

    use super::*;

    fn shift(seed: u64, values: &[(EntityKind, &'static str)]) -> Shift {
        Shift::new(seed, values.iter().copied())
    }

    #[test]
    fn what_cannot_be_read_for_certain_is_not_moved() {
        let all = [
            (Date, "3/4/2024"),
            (DateOfBirth, "3 May"),
            (Date, "May 2024"),
            (Amount, "$1,200"),
            (Amount, "$40"),
            (Amount, "$1,000,000"),
            (Amount, "$5k"),
            (Amount, "-$50"),
            (Amount, "$0"),
            (Amount, "€20"),
        ];
        let shift = shift(7, &all);
        let moved = all.map(|(kind, value)| shift.moved(kind, value).is_some());
        assert_eq!(
            moved,
            [
                false, false, false, true, true, false, false, false, false, true
            ]
        );
    }

    #[test]
    fn one_date_shows_how_the_others_are_written() {
        for (other, moved) in [
            ("13/4/2024", true),
            ("13.4.2024", false),
            ("4/13/2024", true),
        ] {
            let shift = shift(7, &[(Date, other), (DateOfBirth, "3/4/2024")]);
            assert_eq!(shift.moved(Date, "3/4/2024").is_some(), moved, "{other}");
        }
        let both = shift(7, &[(Date, "13/4/2024"), (Date, "4/13/2024")]);
        assert_eq!(both.moved(Date, "3/4/2024"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn differences_and_weekdays_survive(seed: u64, day in 1_u32..=28, year in 1900_u32..2090) {
            let shift = Shift::new(seed, std::iter::empty());
            let value = format!("{year}-05-{day:02}");
            let days = date::whole(&value, None).unwrap().days;
            let moved = shift.moved(Date, &value).unwrap();
            let by = date::whole(&moved, None).unwrap().days - days;
            prop_assert_eq!(by, shift.days);
            prop_assert!((-924..=-35).contains(&by) && by % 7 == 0);
        }

        #[test]
        fn amounts_keep_their_differences(seed: u64, first in 100_i64..10_000_000, second in 1_i64..10_000_000) {
            let values = [first, second].map(|value| format!("${}.{:02}", value / 100, value % 100));
            let both = values.iter().map(|value| (Amount, value.as_str()));
            let shift = Shift::new(seed, both);
            let moved = values.clone().map(|value| shift.moved(Amount, &value));
            let value = |text: &String| amount::whole(text).unwrap().value;
            let first = value(moved[0].as_ref().unwrap()) - value(&values[0]);
            prop_assert!(first > 0);
            if let Some(second) = &moved[1] {
                prop_assert_eq!(value(second) - value(&values[1]), first);
            }
        }
    }
}
