//! What leaves in the place of a value: a placeholder, one that says a little more, or another value of its kind.
//!
//! All of it follows from the values of the conversation, their placeholders and the seed: what is not certain to be
//! read back leaves behind a plain placeholder.

pub(crate) mod amount;
mod cities;
pub(crate) mod date;
mod general;
mod moved;
mod names;
pub(crate) mod scan;
mod shift;
mod stand_in;
mod surrogate;
#[cfg(test)]
mod surrogate_turns;

use std::collections::{BTreeMap, BTreeSet};

use query::{EntityKind, ReplaceWith};
use zeroize::Zeroizing;

use crate::{
    name::Name,
    placeholder::{Placeholder, Subject},
};

pub(crate) use moved::Moved;
pub(crate) use stand_in::{Previous, StandIns};
pub(crate) use surrogate::{Surrogates, Texts, in_answers};

use moved::Kept;
use shift::Shift;
use surrogate::{Bearer, Part, surrogate};

/// What left in the place of values, and what it takes to read an answer to it.
#[derive(Default)]
pub(crate) struct Left {
    texts: BTreeMap<Placeholder, Leaving>,
    shift: Shift,
    /// Dates and amounts that left as they are.
    kept: Kept,
}

/// What leaves in the place of one spelling of a value.
#[derive(Clone)]
pub(crate) struct Leaving {
    pub(crate) text: String,
    pub(crate) way: ReplaceWith,
    /// Of a surrogate: its words.
    parts: Vec<Part>,
}

/// What a text starts with.
pub(crate) enum Read {
    /// A value of ours in other clothes: what it is, and whose. Lengths in bytes.
    Value {
        value: Zeroizing<String>,
        of: Option<Placeholder>,
        length: usize,
    },
    /// What may be meant for one.
    Uncertain(usize),
    /// All of it may be the first part of one.
    Partial,
    Other,
}

/// What a conversation's values leave as depends on.
pub(crate) struct Replacing<'r> {
    pub(crate) seed: u64,
    /// What rules ask for.
    pub(crate) replace: &'r BTreeMap<EntityKind, ReplaceWith>,
    pub(crate) surrogates: &'r mut Surrogates,
}

impl Left {
    /// For all values of a conversation, in the order in which they first occurred. `rest` is what leaves as it is,
    /// `texts` is all that is said.
    pub(crate) fn new<'v>(
        replacing: Replacing<'_>,
        values: impl Iterator<Item = (Placeholder, &'v str)> + Clone,
        rest: impl FnOnce() -> String,
        texts: impl FnOnce() -> Texts,
    ) -> Self {
        let Replacing {
            seed,
            replace,
            surrogates,
        } = replacing;
        let asked = |way| replace.values().any(|asked| *asked == way);
        let way_of = |kind| replace.get(&kind).copied().unwrap_or_default();
        let mut left = Self::default();
        if asked(ReplaceWith::Shift) {
            left.shift = Shift::new(seed, values.clone().map(|(of, value)| (of.kind, value)));
            left.kept = Kept::read(&rest(), left.shift.order);
        }
        let mut bearers = BTreeMap::new();
        if asked(ReplaceWith::Surrogate) {
            let subjects = values.clone().map(|(of, _)| of.subject());
            let subjects = subjects.filter(|(kind, _)| way_of(*kind) == ReplaceWith::Surrogate);
            surrogates.choose(seed, subjects, &texts());
            bearers = self::bearers(values.clone());
        }
        // No two leave as the same text.
        let mut taken = BTreeSet::new();
        for (placeholder, value) in values {
            let kind = placeholder.kind;
            let way = way_of(kind);
            let replaced = match way {
                ReplaceWith::Placeholder => None,
                ReplaceWith::Generalise => general::general_part(kind, value)
                    .map(|part| (format!("[{}: {part}]", placeholder.stem()), Vec::new())),
                ReplaceWith::Shift => left
                    .shift
                    .moved(kind, value)
                    .filter(|text| !left.kept.holds(text, left.shift.order))
                    .map(|text| (text, Vec::new())),
                ReplaceWith::Surrogate => {
                    let subject = placeholder.subject();
                    let index = surrogates.index(seed, subject);
                    index.and_then(|index| surrogate(kind, value, index, bearers.get(&subject)))
                }
            };
            let leaving = match replaced.filter(|(text, _)| taken.insert(text.clone())) {
                Some((text, parts)) => Leaving { text, way, parts },
                None => Leaving {
                    text: placeholder.to_string(),
                    way: ReplaceWith::Placeholder,
                    parts: Vec::new(),
                },
            };
            left.texts.insert(placeholder, leaving);
        }
        left
    }

    /// What leaves in the place of a spelling.
    pub(crate) fn of(&self, placeholder: Placeholder) -> Option<&Leaving> {
        self.texts.get(&placeholder)
    }

    /// Forgets what does not leave this time.
    pub(crate) fn retain(&mut self, leaves: &BTreeSet<Placeholder>) {
        // Not `BTreeMap::retain`, which is much code for a page.
        for (placeholder, leaving) in std::mem::take(&mut self.texts) {
            if leaves.contains(&placeholder) {
                self.texts.insert(placeholder, leaving);
            }
        }
    }

    /// Reads surrogates in an answer.
    pub(crate) fn stand_ins<'v>(
        &self,
        values: impl Iterator<Item = (Placeholder, &'v str)>,
    ) -> StandIns {
        StandIns::new(values.filter_map(|(placeholder, value)| {
            let leaving = self.of(placeholder)?;
            (leaving.way == ReplaceWith::Surrogate).then_some((
                placeholder,
                value,
                &*leaving.text,
                &*leaving.parts,
            ))
        }))
    }

    /// Reads shifted values in an answer.
    pub(crate) fn moved<'v>(&self, values: impl Iterator<Item = (Placeholder, &'v str)>) -> Moved {
        let shifted = values.filter_map(|(placeholder, value)| {
            let leaving = self.of(placeholder)?;
            (leaving.way == ReplaceWith::Shift).then_some((placeholder, value, &*leaving.text))
        });
        Moved::new(self.shift.clone(), self.kept.clone(), shifted)
    }
}

/// Whom the names of people mean.
fn bearers<'v>(values: impl Iterator<Item = (Placeholder, &'v str)>) -> BTreeMap<Subject, Bearer> {
    let mut names: BTreeMap<Subject, Vec<Name>> = BTreeMap::new();
    for (placeholder, value) in values {
        if placeholder.kind == EntityKind::Person
            && let Some(name) = Name::of_person(value)
        {
            names.entry(placeholder.subject()).or_default().push(name);
        }
    }
    // One by one: collecting brings a sort into a page.
    let mut bearers = BTreeMap::new();
    for (subject, names) in names {
        if let Some(clearest) = names.iter().min_by_key(|name| name.clearness()) {
            let female = names.iter().find_map(Name::is_female);
            bearers.insert(subject, Bearer::new(clearest, female));
        }
    }
    bearers
}
