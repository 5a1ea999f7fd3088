//! Words that are known to be names, places or plain English, by a fingerprint of each.

/// A given name.
pub const GIVEN_NAME: u8 = 1;
/// A family name.
pub const SURNAME: u8 = 2;
/// A word of a place's name.
pub const PLACE: u8 = 4;
/// One of the most common words of English.
pub const COMMON: u8 = 8;
/// Another word of English.
pub const ENGLISH: u8 = 16;
/// A word of streets: `street`, `rue`, `straße`.
pub const STREET: u8 = 32;
/// A word of firms and authorities: `ltd`, `university`.
pub const ORGANIZATION: u8 = 64;
/// A nationality, religion or people.
pub const GROUP: u8 = 128;

/// Fingerprints have this many bits: of words in no list, 1 in 200 is taken for one in a list.
const BITS: u32 = 24;

/// What is known about words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lexicon {
    /// Sorted, without duplicates.
    fingerprints: Vec<u32>,
    /// Of each fingerprint.
    lists: Vec<u8>,
}

impl Lexicon {
    /// From words' hashes ([`super::hash`] of the lower-case word) and the lists that they are on.
    pub fn new(words: impl IntoIterator<Item = (u64, u8)>) -> Self {
        let mut pairs: Vec<(u32, u8)> = words
            .into_iter()
            .map(|(word, lists)| (fingerprint(word), lists))
            .collect();
        pairs.sort_unstable();
        let mut lexicon = Self::default();
        for (fingerprint, lists) in pairs {
            if lexicon.fingerprints.last() == Some(&fingerprint)
                && let Some(known) = lexicon.lists.last_mut()
            {
                *known |= lists;
            } else {
                lexicon.fingerprints.push(fingerprint);
                lexicon.lists.push(lists);
            }
        }
        lexicon
    }

    /// The lists that a word is on, by its hash.
    pub fn lists(&self, word: u64) -> u8 {
        self.fingerprints
            .binary_search(&fingerprint(word))
            .map_or(0, |place| self.lists.get(place).copied().unwrap_or(0))
    }

    /// Fingerprints in order, each with its lists.
    pub(super) fn pairs(&self) -> impl ExactSizeIterator<Item = (u32, u8)> {
        self.fingerprints
            .iter()
            .copied()
            .zip(self.lists.iter().copied())
    }

    /// From pairs whose fingerprints rise; `None` if they do not.
    pub(super) fn from_pairs(pairs: Vec<(u32, u8)>) -> Option<Self> {
        let rises = pairs.windows(2).all(|two| two[0].0 < two[1].0);
        let fits = pairs.last().is_none_or(|last| last.0 >> BITS == 0);
        (rises && fits).then(|| {
            let (fingerprints, lists) = pairs.into_iter().unzip();
            Self {
                fingerprints,
                lists,
            }
        })
    }
}

fn fingerprint(word: u64) -> u32 {
    (word >> (64 - BITS)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_on_two_lists_is_on_both() {
        let (ada, may) = (7 << 40, 9 << 40);
        let lexicon = Lexicon::new([(may, GIVEN_NAME), (ada, GIVEN_NAME), (may, COMMON)]);
        assert_eq!(lexicon.lists(may), GIVEN_NAME | COMMON);
        assert_eq!(lexicon.lists(ada), GIVEN_NAME);
        assert_eq!(lexicon.lists(8 << 40), 0);
        assert_eq!(
            Lexicon::from_pairs(lexicon.pairs().collect()),
            Some(lexicon)
        );
    }
}
