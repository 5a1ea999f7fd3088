//! A vault as text, so that a saved conversation keeps its placeholders.

use std::collections::BTreeSet;

use query::EntityKind;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Entry, Vault};
use crate::{
    edits::{Edit, Edits},
    placeholder::{MOST_DIGITS, Placeholder},
    replace::Surrogates,
};

const VERSION: u32 = 1;

/// Why a text is not a saved vault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SavedVaultError {
    /// Another version of this crate saved it.
    #[error(
        "the saved vault has version {0}, and this Tidegate reads {expected}: it was saved by another one; begin a new conversation",
        expected = VERSION
    )]
    Version(u32),
    /// It is no vault, or not what was saved.
    #[error("the saved vault is damaged; begin a new conversation")]
    Damaged,
}

/// What is read first: other versions may look different in everything else.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Saved<T> {
    version: u32,
    /// Kind, spelling, the placeholder's number and alias.
    entries: Vec<(EntityKind, T, u32, u32)>,
    /// Kind, number, how many spellings it was given to.
    taken: Vec<(EntityKind, u32, u32)>,
    /// Text, what it is masked as, whether it ever was.
    edits: Vec<(T, Option<EntityKind>, bool)>,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    surrogates: Surrogates,
}

impl Vault {
    /// The vault as JSON. It holds the conversation's personal values in the clear: whoever keeps it encrypts it.
    pub fn to_json(&self) -> Zeroizing<String> {
        // All fields by name: a new one is to be saved, too.
        let Self {
            entries,
            by_spelling: _,
            taken,
            last: _,
            edits,
            seed,
            surrogates,
        } = self;
        let saved = Saved {
            version: VERSION,
            entries: entries
                .iter()
                .filter_map(|entry| {
                    let Placeholder {
                        kind,
                        number,
                        alias,
                    } = entry.placeholder?;
                    Some((kind, entry.spelling.as_str(), number, alias))
                })
                .collect(),
            taken: taken
                .iter()
                .map(|((kind, number), given)| (*kind, *number, *given))
                .collect(),
            edits: edits
                .list()
                .iter()
                .map(|edit| (edit.text.as_str(), edit.hidden_as, edit.by_hand))
                .collect(),
            seed: *seed,
            surrogates: surrogates.clone(),
        };
        // Room for all of it, each byte escaped (`\u00ff`): growing would leave copies behind.
        let texts = saved.entries.iter().map(|entry| entry.1);
        let texts = texts.chain(saved.edits.iter().map(|edit| edit.0));
        let length: usize = texts.map(|text| 6 * text.len() + 64).sum();
        let mut json = Vec::with_capacity(256 + length + 128 * saved.taken.len());
        // Texts and numbers into memory, in UTF-8: there is nothing that could fail.
        let _ = serde_json::to_writer(&mut json, &saved);
        Zeroizing::new(String::from_utf8(json).unwrap_or_default())
    }

    /// Reads [`Vault::to_json`].
    ///
    /// # Errors
    /// [`SavedVaultError`] if another version wrote it, or if it contradicts itself.
    pub fn from_json(json: &str) -> Result<Self, SavedVaultError> {
        let damaged = |_| SavedVaultError::Damaged;
        let Versioned { version } = serde_json::from_str(json).map_err(damaged)?;
        if version != VERSION {
            return Err(SavedVaultError::Version(version));
        }
        let saved: Saved<String> = serde_json::from_str(json).map_err(damaged)?;
        // Before anything is looked at, so that all of it is wiped whatever is found wrong.
        let entries = saved
            .entries
            .into_iter()
            .map(|(kind, spelling, number, alias)| Entry {
                kind,
                spelling: Zeroizing::new(spelling),
                placeholder: Some(Placeholder {
                    kind,
                    number,
                    alias,
                }),
            });
        let entries: Vec<Entry> = entries.collect();
        let edits = saved
            .edits
            .into_iter()
            .map(|(text, hidden_as, by_hand)| Edit {
                text: Zeroizing::new(text),
                hidden_as,
                by_hand,
            });
        let mut vault = Self {
            by_spelling: (0..entries.len()).collect(),
            entries,
            taken: saved
                .taken
                .into_iter()
                .map(|(kind, number, given)| ((kind, number), given))
                .collect(),
            last: Default::default(),
            edits: Edits::from_list(edits.collect()),
            seed: saved.seed,
            surrogates: saved.surrogates,
        };
        let spelling = |index: &usize| vault.entries[*index].spelling.as_str();
        vault
            .by_spelling
            .sort_unstable_by(|a, b| spelling(a).cmp(spelling(b)));
        if vault.is_sound() {
            Ok(vault)
        } else {
            Err(SavedVaultError::Damaged)
        }
    }

    /// One placeholder for a spelling and one spelling for a placeholder, with numbers that were given.
    fn is_sound(&self) -> bool {
        let mut placeholders = BTreeSet::new();
        let mut given = self.entries.iter().filter_map(|entry| entry.placeholder);
        let numbers_are_given = given.all(|placeholder| {
            let most = self.taken.get(&placeholder.subject()).copied();
            placeholders.insert(placeholder)
                && (1..=most.unwrap_or(0)).contains(&placeholder.alias)
                && (1..10_u32.pow(MOST_DIGITS as u32)).contains(&placeholder.number)
        });
        let mut neighbours = self.by_spelling.windows(2);
        let spellings_differ = neighbours.all(|two| {
            self.entries[two[0]].spelling.as_str() != self.entries[two[1]].spelling.as_str()
        });
        numbers_are_given && spellings_differ
    }
}
