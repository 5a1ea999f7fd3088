//! Which placeholder stands for which value, for one conversation.

mod saved;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use query::{EntityKind, ReplaceWith};
use zeroize::Zeroizing;

pub use saved::SavedVaultError;

use crate::{
    Releasable, Restorer,
    edits::Edits,
    placeholder::{Placeholder, Subject},
    replace::{Left, Replacing, Surrogates, Texts},
    subject::subjects,
};

/// The values of a conversation and their placeholders, and what the person said about masks. Never leaves the
/// device; wiped when dropped.
///
/// The same spelling has the same placeholder in every turn, and no two spellings have the same: what was written
/// is what is put back, letter by letter. Spellings of one value share the number (`[PERSON_1]`,
/// `[PERSON_1_ALIAS_2]`), so that whoever answers knows that they mean the same. A number is never given twice. A
/// value gets another one only where a text holds its placeholder by chance, or where a name that meant one person
/// may now mean another, too.
#[derive(Clone, Default)]
pub struct Vault {
    /// In the order in which they first occurred.
    entries: Vec<Entry>,
    /// Indices of `entries`, in the order of their spellings.
    by_spelling: Vec<usize>,
    /// How many spellings each number was given to; 0 where a text mentions it.
    taken: BTreeMap<Subject, u32>,
    /// The last number that was given to a value of a kind.
    last: BTreeMap<EntityKind, u32>,
    /// What the person masked by hand, and what not.
    pub(crate) edits: Edits,
    /// How far dates and amounts move follows from it, and which surrogates come first.
    seed: u64,
    surrogates: Surrogates,
}

#[derive(Clone)]
struct Entry {
    kind: EntityKind,
    spelling: Zeroizing<String>,
    /// `None` only until the end of [`Vault::learn`].
    placeholder: Option<Placeholder>,
}

impl Vault {
    /// An empty vault. Its seed is 0: as good as any other for placeholders.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty vault that moves dates and amounts, and chooses other names, by a seed. Who knows the seed can move
    /// them back: take a random one for each conversation, and keep it as secret as the values.
    pub fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// How many spellings of values it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts the values back into the reply to what was released. Only what left with it is turned back: an upstream
    /// that guesses another placeholder learns and places nothing.
    pub fn restorer(&self, releasable: &Releasable) -> Restorer {
        let left = releasable.left();
        let entries = self.entries.iter().filter_map(|entry| {
            let placeholder = entry.placeholder?;
            let leaving = left.of(placeholder)?;
            Some((placeholder, entry.spelling.as_str(), leaving))
        });
        Restorer::new(entries, left)
    }

    /// What leaves in the place of each value. `rest` is what leaves as it is, `texts` is all that is said.
    pub(crate) fn leaving(
        &mut self,
        replace: &BTreeMap<EntityKind, ReplaceWith>,
        rest: impl FnOnce() -> String,
        texts: impl FnOnce() -> Texts,
    ) -> Left {
        let entries = self.entries.iter();
        let values =
            entries.filter_map(|entry| Some((entry.placeholder?, entry.spelling.as_str())));
        let replacing = Replacing {
            seed: self.seed,
            replace,
            surrogates: &mut self.surrogates,
        };
        let with_values = || {
            let mut texts = texts();
            for entry in &self.entries {
                texts.said.push_str(&entry.spelling.to_lowercase());
                texts.said.push('\n');
            }
            texts
        };
        Left::new(replacing, values, rest, with_values)
    }

    /// Every spelling of every value.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, EntityKind)> {
        let entries = self.entries.iter();
        entries.map(|entry| (entry.spelling.as_str(), entry.kind))
    }

    /// The placeholder of a spelling that was learned.
    pub(crate) fn placeholder(&self, spelling: &str) -> Option<Placeholder> {
        let place = self.place(spelling).ok()?;
        self.entries[self.by_spelling[place]].placeholder
    }

    /// Gives all these values placeholders. `mentioned` are numbers that stand in a text as they are, and not
    /// because we put them there: no value has them from now on.
    pub(crate) fn learn<'v>(
        &mut self,
        values: impl Iterator<Item = (EntityKind, &'v str)>,
        mentioned: &BTreeSet<Subject>,
    ) {
        for entry in &mut self.entries {
            entry.placeholder = entry
                .placeholder
                .filter(|placeholder| !mentioned.contains(&placeholder.subject()));
        }
        for subject in mentioned {
            self.taken.entry(*subject).or_insert(0);
        }
        for (kind, spelling) in values {
            if let Err(place) = self.place(spelling) {
                self.by_spelling.insert(place, self.entries.len());
                self.entries.push(Entry {
                    kind,
                    spelling: Zeroizing::new(spelling.to_owned()),
                    placeholder: None,
                });
            }
        }
        self.number();
    }

    /// Whether a value has this number.
    pub(crate) fn has(&self, subject: Subject) -> bool {
        self.taken.get(&subject).is_some_and(|given| *given > 0)
    }

    /// Gives placeholders to entries that have none, and others to those that share a number and should not.
    fn number(&mut self) {
        let values: Vec<(EntityKind, &str)> = self
            .entries
            .iter()
            .map(|entry| (entry.kind, entry.spelling.as_str()))
            .collect();
        let meant = subjects(&values);
        // Who keeps a number: the first that has it, with all that mean the same.
        let mut meaning_of: BTreeMap<Subject, usize> = BTreeMap::new();
        let mut number_of: BTreeMap<(EntityKind, usize), u32> = BTreeMap::new();
        for (entry, meant) in self.entries.iter_mut().zip(&meant) {
            let Some(placeholder) = entry.placeholder else {
                continue;
            };
            let keeps = meaning_of.entry(placeholder.subject()).or_insert(*meant);
            if *keeps == *meant {
                let key = (placeholder.kind, *meant);
                number_of.entry(key).or_insert(placeholder.number);
            } else {
                entry.placeholder = None;
            }
        }
        for (entry, meant) in self.entries.iter_mut().zip(&meant) {
            if entry.placeholder.is_some() {
                continue;
            }
            let kind = entry.kind;
            let number = *number_of.entry((kind, *meant)).or_insert_with(|| {
                let last = self.last.entry(kind).or_default();
                *last += 1;
                while self.taken.contains_key(&(kind, *last)) {
                    *last += 1;
                }
                *last
            });
            let given = self.taken.entry((kind, number)).or_default();
            *given += 1;
            entry.placeholder = Some(Placeholder {
                kind,
                number,
                alias: *given,
            });
        }
    }

    /// Where a spelling stands in `by_spelling`, or would stand.
    fn place(&self, spelling: &str) -> Result<usize, usize> {
        self.by_spelling
            .binary_search_by(|entry| self.entries[*entry].spelling.as_str().cmp(spelling))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault(<{} values>)", self.entries.len())
    }
}
