//! Names, places and words, as they stand in `data/`.

use privacy::tagger::{
    hash,
    lexicon::{COMMON, ENGLISH, GIVEN_NAME, GROUP, Lexicon, ORGANIZATION, PLACE, STREET, SURNAME},
    tokens,
};

/// A file of sections: `# name`, then one entry a line.
pub struct Sections(Vec<(&'static str, Vec<&'static str>)>);

impl Sections {
    /// Splits a file.
    pub fn new(file: &'static str) -> Self {
        let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in file.lines().filter(|line| !line.trim().is_empty()) {
            if let Some(name) = line.strip_prefix("# ") {
                sections.push((name, Vec::new()));
            } else if let Some((_, entries)) = sections.last_mut() {
                entries.push(line);
            }
        }
        Self(sections)
    }

    /// A section's entries; none if there is no such section.
    pub fn get(&self, name: &str) -> &[&'static str] {
        self.0
            .iter()
            .find(|section| section.0 == name)
            .map_or(&[], |section| &section.1)
    }

    /// Names and entries.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[&'static str])> {
        self.0.iter().map(|section| (section.0, &section.1[..]))
    }
}

/// All files.
pub struct Lists {
    /// Given names by locale.
    pub given: Sections,
    /// Family names by locale.
    pub surnames: Sections,
    /// Towns: `world` and `english` by size, others by locale.
    pub cities: Sections,
    /// Streets by locale.
    pub streets: Sections,
    /// Everything else that a template asks for by its section's name.
    pub phrases: Sections,
    /// English, lower case: common words, then others.
    pub words: Sections,
}

impl Lists {
    /// Reads what was compiled in.
    pub fn new() -> Self {
        Self {
            given: Sections::new(include_str!("../data/given.txt")),
            surnames: Sections::new(include_str!("../data/surnames.txt")),
            cities: Sections::new(include_str!("../data/cities.txt")),
            streets: Sections::new(include_str!("../data/streets.txt")),
            phrases: Sections::new(include_str!("../data/phrases.txt")),
            words: Sections::new(include_str!("../data/words.txt")),
        }
    }
}

/// The words that the tagger knows.
pub fn lexicon() -> Lexicon {
    let lists = Lists::new();
    let mut words = Vec::new();
    let mut add = |sections: &Sections, bit: u8, least: usize| {
        for entry in sections.iter().flat_map(|section| section.1) {
            add_words(entry, bit, least, &mut words);
        }
    };
    add(&lists.given, GIVEN_NAME, 1);
    add(&lists.surnames, SURNAME, 1);
    add(&lists.cities, PLACE, 4);
    for (section, bit) in [
        ("country", PLACE),
        ("state", PLACE),
        ("nationality", GROUP),
        ("religion", GROUP),
        ("street suffix", STREET),
        ("street prefix", STREET),
        ("street word", STREET),
        ("org suffix", ORGANIZATION),
        ("org word", ORGANIZATION),
    ] {
        for entry in lists.phrases.get(section) {
            add_words(entry, bit, 1, &mut words);
        }
    }
    for (section, bit) in [("common", COMMON), ("english", ENGLISH)] {
        for entry in lists.words.get(section) {
            words.push((hash(entry.chars()), bit));
        }
    }
    Lexicon::new(words)
}

/// Each word of an entry that has so many characters.
fn add_words(entry: &str, bit: u8, least: usize, words: &mut Vec<(u64, u8)>) {
    for token in tokens(entry).into_iter().filter(|token| token.is_word) {
        let word = entry[token.range].to_lowercase();
        if word.chars().count() >= least || !word.is_ascii() {
            words.push((hash(word.chars()), bit));
        }
    }
}
