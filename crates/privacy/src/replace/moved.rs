//! Reads shifted dates and amounts in an answer, and moves them back.
//!
//! A date that an answer has worked out (thirty days later) has moved by as much as those that it was worked out from,
//! and is moved back. So does no amount: the sum of two has moved twice as far, their difference not at all. Only
//! amounts that left are put back, in whatever spelling.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::{
    Read,
    amount::{self, Amount, Currency},
    date::{self, Date, Order},
    scan::Start,
    shift::Shift,
};
use crate::placeholder::Placeholder;

/// Dates and amounts in a text that leaves as it is: they are not ours to move.
#[derive(Clone, Default)]
pub(super) struct Kept {
    days: BTreeSet<i32>,
    amounts: BTreeSet<(Currency, i64)>,
}

impl Kept {
    pub(super) fn read(text: &str, order: Option<Order>) -> Self {
        let mut kept = Self::default();
        let mut before = None;
        for (at, c) in text.char_indices() {
            let before = before.replace(c);
            if let Start::Certain(date) = date::read(&text[at..], before, order, true) {
                kept.days.insert(date.days);
            }
            if let Start::Certain(amount) = amount::read(&text[at..], before, true) {
                kept.amounts.insert((amount.currency, amount.value));
            }
        }
        kept
    }

    /// Whether this date or amount is among them.
    pub(super) fn holds(&self, text: &str, order: Option<Order>) -> bool {
        date::whole(text, order).is_some_and(|date| self.days.contains(&date.days))
            || amount::whole(text)
                .is_some_and(|amount| self.amounts.contains(&(amount.currency, amount.value)))
    }
}

/// What left, and how far it has moved.
pub(crate) struct Moved {
    shift: Shift,
    kept: Kept,
    /// By what left.
    texts: BTreeMap<String, (Placeholder, Zeroizing<String>)>,
    days: BTreeMap<i32, Placeholder>,
    amounts: BTreeMap<(Currency, i64), Placeholder>,
}

impl Moved {
    /// From what left: whose it is, the value, and the text.
    pub(super) fn new<'v>(
        shift: Shift,
        kept: Kept,
        left: impl Iterator<Item = (Placeholder, &'v str, &'v str)>,
    ) -> Self {
        let mut moved = Self {
            shift,
            kept,
            texts: BTreeMap::new(),
            days: BTreeMap::new(),
            amounts: BTreeMap::new(),
        };
        for (placeholder, value, text) in left {
            if let Some(amount) = amount::whole(text) {
                let key = (amount.currency, amount.value);
                moved.amounts.insert(key, placeholder);
            } else if let Some(date) = date::whole(value, moved.shift.order) {
                let days = date.days + moved.shift.days;
                moved.days.insert(days, placeholder);
            }
            let value = Zeroizing::new(value.to_owned());
            moved.texts.insert(text.to_owned(), (placeholder, value));
        }
        moved
    }

    /// Reads one at the start of `text`, which stands after the character `before`. `ends` says that nothing comes
    /// after the text; then it is never [`Read::Partial`].
    pub(crate) fn read(&self, text: &str, before: Option<char>, ends: bool) -> Read {
        let mut partial = false;
        if !self.days.is_empty() {
            match date::read(text, before, self.shift.order, ends) {
                Start::Certain(date) => return self.date(text, &date),
                Start::Uncertain(length) => return self.as_it_left(text, length),
                Start::Partial => partial = true,
                Start::Other => {}
            }
        }
        if !self.amounts.is_empty() {
            match amount::read(text, before, ends) {
                Start::Certain(amount) if !partial => return self.amount(text, &amount),
                Start::Uncertain(length) if !partial => return Read::Uncertain(length),
                Start::Partial => partial = true,
                _ => {}
            }
        }
        if partial { Read::Partial } else { Read::Other }
    }

    fn date(&self, text: &str, date: &Date) -> Read {
        if self.kept.days.contains(&date.days) {
            return Read::Uncertain(date.length);
        }
        let exact = self.as_it_left(text, date.length);
        if matches!(exact, Read::Value { .. }) {
            return exact;
        }
        let back = date::rewrite(text, date, date.days - self.shift.days);
        Read::Value {
            value: Zeroizing::new(back),
            of: self.days.get(&date.days).copied(),
            length: date.length,
        }
    }

    fn amount(&self, text: &str, amount: &Amount) -> Read {
        let exact = self.as_it_left(text, amount.length);
        if matches!(exact, Read::Value { .. }) {
            return exact;
        }
        let Some(of) = self.amounts.get(&(amount.currency, amount.value)) else {
            return exact;
        };
        let offset = self.shift.offset(amount.currency).unwrap_or(0);
        match amount::rewrite(text, amount, amount.value - offset) {
            Some(back) => Read::Value {
                value: Zeroizing::new(back),
                of: Some(*of),
                length: amount.length,
            },
            None => exact,
        }
    }

    /// What is written as it left is what was there.
    fn as_it_left(&self, text: &str, length: usize) -> Read {
        match self.texts.get(&text[..length]) {
            Some((placeholder, value)) => Read::Value {
                value: value.clone(),
                of: Some(*placeholder),
                length,
            },
            None => Read::Uncertain(length),
        }
    }
}
