//! The table of words: one entry a line, in sections of what they say.
//!
//! `*` at the end of a word is whatever follows; without it a plural's `s` may. Several words stand one after the other,
//! and `*` alone among them is any.

use std::sync::LazyLock;

use query::Topic;

/// What an entry of the table says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cue {
    /// A topic, and how much: 2 is enough alone, 1 only beside another entry.
    Topic(Topic, u8),
    /// `my`: something is somebody's.
    Owner,
    /// What a person owns that does not make a topic personal: `my essay`.
    Thing,
    /// `I`.
    Speaker,
    /// `she`.
    Third,
    /// Somebody's, with an owner before it.
    Kin,
    /// The same without.
    Relative,
    /// Somebody, with `the` before it.
    Role,
    /// The speaker wants to know or make something.
    Interest,
    /// A text or an explanation is asked for.
    General,
    /// Whoever is in it is made up.
    Fiction,
    /// A sentence that begins so asks.
    Question,
    /// Words that are part of something else.
    Neutral,
}

/// One line.
#[derive(Debug)]
struct Entry {
    /// Each with whether it may go on.
    words: Vec<(&'static str, bool)>,
    cue: Cue,
}

impl Entry {
    fn first(&self) -> &'static str {
        self.words.first().map_or("", |(word, _)| word)
    }

    /// Whether it stands at the beginning of these words.
    fn fits(&self, words: &[&str]) -> bool {
        self.words.len() <= words.len()
            && self.words.iter().zip(words).all(|((stem, open), word)| {
                word.strip_prefix(stem)
                    .is_some_and(|rest| *open || matches!(rest, "" | "s"))
            })
    }
}

/// The table, to be asked.
pub(super) struct Cues {
    /// In order of their first words.
    entries: Vec<Entry>,
    /// Bytes of the longest first word.
    longest: usize,
    /// Words of the longest entry.
    most_words: usize,
}

impl Cues {
    /// The one that ships.
    pub(super) fn table() -> &'static Self {
        static TABLE: LazyLock<Cues> = LazyLock::new(|| Cues::read(include_str!("cues.txt")));
        &TABLE
    }

    /// Sections, `[name]`, and in each an entry a line. A line that says nothing would be left out; a
    /// test sees to it that there is none.
    fn read(text: &'static str) -> Self {
        let mut section = None;
        let mut entries: Vec<Entry> = Vec::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = Some(name.trim_end_matches(']'));
            } else if let Some(entry) = section.and_then(|section| entry(section, line)) {
                entries.push(entry);
            }
        }
        entries.sort_by_key(Entry::first);
        let lengths = entries.iter().map(|entry| entry.first().len());
        let words = entries.iter().map(|entry| entry.words.len());
        Self {
            longest: lengths.max().unwrap_or(0),
            most_words: words.max().unwrap_or(1),
            entries,
        }
    }

    /// Words of the longest entry, at least one.
    pub(super) fn most_words(&self) -> usize {
        self.most_words
    }

    /// Puts into `fitting` what stands at the beginning of `words`, those entries that have the most words; says how
    /// many words those are, at least one. An entry is told by its number.
    pub(super) fn at(&self, words: &[&str], fitting: &mut Vec<(usize, Cue)>) -> usize {
        fitting.clear();
        let mut most = 1;
        let first = words.first().copied().unwrap_or_default();
        let ends = first.char_indices().map(|(at, c)| at + c.len_utf8());
        for end in ends.take_while(|end| *end <= self.longest) {
            let stem = &first[..end];
            let start = self.entries.partition_point(|entry| entry.first() < stem);
            let same = self.entries[start..]
                .iter()
                .take_while(|entry| entry.first() == stem);
            for (number, entry) in (start..).zip(same) {
                if entry.words.len() < most || !entry.fits(words) {
                    continue;
                }
                if entry.words.len() > most {
                    most = entry.words.len();
                    fitting.clear();
                }
                fitting.push((number, entry.cue));
            }
        }
        most
    }
}

fn entry(section: &str, line: &'static str) -> Option<Entry> {
    let (words, cue) = match Topic::named(section) {
        Some(topic) => {
            let (words, weight) = line.rsplit_once(' ')?;
            (words, Cue::Topic(topic, weight.parse().ok()?))
        }
        None => (line, other(section)?),
    };
    let words: Vec<_> = words
        .split_whitespace()
        .map(|word| match word.strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (word, false),
        })
        .collect();
    (!words.is_empty()).then_some(Entry { words, cue })
}

fn other(section: &str) -> Option<Cue> {
    Some(match section {
        "owner" => Cue::Owner,
        "thing" => Cue::Thing,
        "speaker" => Cue::Speaker,
        "third" => Cue::Third,
        "kin" => Cue::Kin,
        "relative" => Cue::Relative,
        "role" => Cue::Role,
        "interest" => Cue::Interest,
        "general" => Cue::General,
        "fiction" => Cue::Fiction,
        "question" => Cue::Question,
        "neutral" => Cue::Neutral,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_says_something_once_and_in_lower_case() {
        let text = include_str!("cues.txt");
        let mut section = "";
        let mut lines = BTreeSet::new();
        let mut topics = BTreeSet::new();
        for line in text.lines() {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|name| name.strip_suffix(']'))
            {
                section = name;
                assert!(
                    Topic::named(name).is_some() || other(name).is_some(),
                    "{name}"
                );
                topics.extend(Topic::named(name));
                continue;
            }
            let Some(entry) = entry(section, line) else {
                panic!("{line:?} says nothing");
            };
            assert!(
                lines.insert((section, entry.words.clone())),
                "{line} stands twice"
            );
            for (word, _) in &entry.words {
                assert!(word.chars().all(char::is_alphanumeric), "{line}");
                assert_eq!(*word, word.to_lowercase());
            }
            if let Cue::Topic(_, weight) = entry.cue {
                assert!(weight == 1 || weight == 2, "{line}");
            }
        }
        assert_eq!(topics.len(), Topic::NAMES.len());
        assert_eq!(Cues::table().entries.len(), lines.len());
    }

    #[test]
    fn no_word_counts_twice_for_a_topic() {
        let cues = Cues::table();
        let mut fitting = Vec::new();
        for entry in &cues.entries {
            let words: Vec<&str> = entry.words.iter().map(|(word, _)| *word).collect();
            cues.at(&words, &mut fitting);
            let mut topics = BTreeSet::new();
            for (_, cue) in &fitting {
                if let Cue::Topic(topic, _) = cue {
                    assert!(topics.insert(*topic), "{words:?} {topic:?}");
                }
            }
        }
    }

    #[test]
    fn the_entries_with_the_most_words_count() {
        let cues = Cues::read("[health]\nblood 1\nblood test 2\ntest* 1\n[neutral]\nblood orange");
        let at = |words: &[&str]| {
            let mut fitting = Vec::new();
            let taken = cues.at(words, &mut fitting);
            let cues: Vec<Cue> = fitting.into_iter().map(|(_, cue)| cue).collect();
            (taken, cues)
        };
        let health = |weight| Cue::Topic(Topic::Health, weight);
        assert_eq!(at(&["blood"]), (1, vec![health(1)]));
        assert_eq!(at(&["blood", "tests", "x"]), (2, vec![health(2)]));
        assert_eq!(at(&["blood", "tester"]), (1, vec![health(1)]));
        assert_eq!(at(&["blood", "oranges"]), (2, vec![Cue::Neutral]));
        assert_eq!(at(&["testing"]), (1, vec![health(1)]));
        assert_eq!(at(&["bloody"]), (1, vec![]));
        assert_eq!(at(&["é"]), (1, vec![]));
        assert_eq!(at(&[]), (1, vec![]));
    }
}
