//! Prompts made from patterns, as people type them.
//!
//! ```text
//! %% summarization          the intent of the patterns that follow
//! «sum up|condense» this    one of these
//! {topic}                   an entry of that list in intent_slots.txt, which may hold gaps, too
//! instruction >> {text}     what is asked, and what it is asked about: written in either order
//! ~ Fasse den Text …        not English: no English words of politeness are put around it
//! \n                        a new line
//! ```

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use oorandom::Rand32;
use query::Intent;

use super::Sample;

const PATTERNS: &str = include_str!("../../data/intents.txt");
const SLOTS: &str = include_str!("../../data/intent_slots.txt");
const WORDS: &str = include_str!("../../../privacy-training/data/words.txt");
/// Gaps within gaps at most.
const DEPTH: u32 = 20;

/// How people begin.
const BEGINNINGS: &[&str] = &[
    "please",
    "pls",
    "can you",
    "could you",
    "could you please",
    "can you please",
    "would you",
    "hey can you",
    "hi, can you",
    "hi",
    "hey,",
    "i need you to",
    "i want you to",
    "i'd like you to",
    "help me",
    "could you help me:",
    "quick question:",
    "ok now",
    "now",
    "so",
    "ok so",
    "hello,",
    "your task:",
    "task:",
    "next:",
    "i'd like to know:",
    "just",
    "kindly",
    "do me a favour and",
    "for work:",
    "for school,",
    "question:",
    "you are a helpful assistant.",
    "as an expert,",
];
/// How people end.
const ENDS: &[&str] = &[
    "please",
    "thanks",
    "pls",
    "thx",
    "asap",
    "thank you!",
    "thanks in advance",
    "if you can",
    "keep it short",
    "be brief",
    "in detail",
    "for me",
    "i need it for work",
    "it's for school",
    "please and thank you",
    "no explanation needed",
    "quickly",
    "!",
    "...",
    "??",
    "step by step",
];
/// What is there, in other words.
const GIVEN: &[(&str, &str)] = &[
    (" this ", " the given "),
    (" the following ", " the given "),
    (" these ", " the provided "),
    (" the text ", " the text below "),
];
/// What stands between what is asked and what it is asked about.
const JOINTS: &[&str] = &[
    ": ", ":\n", ":\n\n", "\n\n", "\n", " - ", "\n---\n", ". ", " ",
];

/// The patterns and lists.
pub struct Patterns {
    /// Intent, and the pattern as it is written.
    patterns: Vec<(Intent, &'static str)>,
    slots: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Patterns {
    /// Reads what was compiled in.
    ///
    /// # Errors
    /// Names the line that is wrong.
    pub fn new() -> anyhow::Result<Self> {
        let mut patterns = Vec::new();
        for (name, lines) in sections(PATTERNS)? {
            let intent =
                Intent::named(name).with_context(|| format!("intents.txt: no intent {name}"))?;
            patterns.extend(lines.into_iter().map(|line| (intent, line)));
        }
        let mut slots: BTreeMap<_, _> = sections(SLOTS)?.into_iter().collect();
        let words = WORDS.lines().skip_while(|line| *line != "# common").skip(1);
        let common = words.take_while(|line| !line.starts_with('#'));
        slots.insert("common", common.filter(|word| word.len() > 2).collect());
        let read = Self { patterns, slots };
        let mut random = Rand32::new(1);
        for (_, pattern) in &read.patterns {
            read.fill(pattern, &mut random, 0)?;
        }
        Ok(read)
    }

    /// So many prompts of each intent. The same seed gives the same.
    ///
    /// # Errors
    /// When a pattern is wrong.
    pub fn samples(&self, of_each: usize, seed: u64) -> anyhow::Result<Vec<Sample>> {
        let mut random = Rand32::new(seed);
        let mut samples = Vec::with_capacity(of_each * Intent::NAMES.len());
        for (intent, _) in Intent::NAMES {
            let of = self.patterns.iter().filter(|pattern| pattern.0 == intent);
            let patterns: Vec<&str> = of.map(|pattern| pattern.1).collect();
            for number in 0..of_each {
                let pattern = patterns[number % patterns.len()];
                samples.push(Sample {
                    text: self.prompt(pattern, intent, &mut random)?,
                    intent,
                    origin: pattern.to_owned(),
                    task: None,
                });
            }
        }
        Ok(samples)
    }

    /// One prompt, typed with more or less care.
    fn prompt(&self, pattern: &str, intent: Intent, random: &mut Rand32) -> anyhow::Result<String> {
        let (pattern, is_english) = match pattern.strip_prefix("~ ") {
            Some(pattern) => (pattern, false),
            None => (pattern, true),
        };
        let (asked, about) = match pattern.split_once(" >> ") {
            Some((asked, about)) => (asked, Some(about)),
            None => (pattern, None),
        };
        let mut asked = self.fill(asked, random, 0)?.trim().to_owned();
        let mut about = about.map(|about| self.fill(about, random, 0)).transpose()?;
        let is_plain = asked.starts_with(char::is_alphabetic) && !asked.contains('\n');
        if is_english && is_plain && intent != Intent::Chat {
            if chance(random, 0.3) {
                asked = format!("{} {asked}", any(BEGINNINGS, random));
            }
            if chance(random, 0.12) {
                asked = format!("{asked} {}", any(ENDS, random));
            }
            // As instructions are written for machines: what these words are does not tell the intents apart.
            if chance(random, 0.15) {
                asked = format!("{} {asked}", self.fill("{lead}", random, 0)?);
            }
            if chance(random, 0.1) {
                let stop = if asked.ends_with(['?', '.', '!', ':']) {
                    ""
                } else {
                    "."
                };
                asked = format!("{asked}{stop} {}", self.fill("{tail}", random, 0)?);
            }
            for (plain, given) in GIVEN {
                if asked.contains(plain) && chance(random, 0.25) {
                    asked = asked.replacen(plain, given, 1);
                }
            }
            let takes_details = !matches!(intent, Intent::Mathematics | Intent::Translation);
            if about.is_none() && takes_details && chance(random, 0.08) {
                about = Some(self.fill("{details}", random, 0)?);
            }
        }
        let asked = typed(&asked, random);
        let Some(about) = about else {
            return Ok(asked);
        };
        let about = if chance(random, 0.15) && !about.starts_with('"') {
            format!("\"{about}\"")
        } else {
            about
        };
        if chance(random, 0.15) {
            return Ok(format!("{about}\n\n{asked}"));
        }
        let joint = any(JOINTS, random);
        let joint = if asked.ends_with(['?', '.', '!', ':']) {
            joint.trim_start_matches([':', '.'])
        } else {
            joint
        };
        Ok(format!("{asked}{joint}{about}"))
    }

    /// A pattern with its gaps filled.
    fn fill(&self, pattern: &str, random: &mut Rand32, depth: u32) -> anyhow::Result<String> {
        if depth > DEPTH {
            bail!("{pattern}: the lists name each other in a circle");
        }
        let mut out = String::new();
        let mut rest = pattern;
        while let Some(at) = rest.find(['«', '{', '\\']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(inner) = rest.strip_prefix('«') {
                let (choices, after) = inner
                    .split_once('»')
                    .with_context(|| format!("« without » in {pattern}"))?;
                let choices: Vec<&str> = choices.split('|').collect();
                out.push_str(&self.fill(any(&choices, random), random, depth + 1)?);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("\\n") {
                out.push('\n');
                rest = after;
            } else if let Some((entries, after)) = self.slot(rest) {
                out.push_str(&self.fill(any(entries, random), random, depth + 1)?);
                rest = after;
            } else {
                let length = rest.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The list of a gap that a text begins with, and what follows. Other braces are braces.
    fn slot<'t>(&self, text: &'t str) -> Option<(&[&'static str], &'t str)> {
        let (name, after) = text.strip_prefix('{')?.split_once('}')?;
        let entries = self.slots.get(name)?;
        Some((entries, after))
    }
}

/// Case, signs and slips.
fn typed(text: &str, random: &mut Rand32) -> String {
    let mut text = text.to_owned();
    if chance(random, 0.4) {
        text = text.to_lowercase();
    } else if chance(random, 0.6) {
        let mut characters = text.chars();
        if let Some(first) = characters.next() {
            text = first.to_uppercase().chain(characters).collect();
        }
    } else if chance(random, 0.04) {
        text = text.to_uppercase();
    }
    if chance(random, 0.25) {
        text = text.trim_end_matches(['?', '.', '!']).to_owned();
    } else if text.ends_with(char::is_alphanumeric) && chance(random, 0.2) {
        text.push('.');
    }
    if chance(random, 0.12) {
        text = slipped(&text, random);
    }
    text
}

/// Two letters swapped, or one left out or doubled.
fn slipped(text: &str, random: &mut Rand32) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.len() < 6 {
        return text.to_owned();
    }
    let at = random.rand_range(1..letters.len() as u32 - 2) as usize;
    if letters[at].is_alphabetic() && letters[at + 1].is_alphabetic() {
        match random.rand_range(0..3) {
            0 => letters.swap(at, at + 1),
            1 => drop(letters.remove(at)),
            _ => letters.insert(at, letters[at]),
        }
    }
    letters.into_iter().collect()
}

/// Names and lines of a file.
fn sections(file: &'static str) -> anyhow::Result<Vec<(&'static str, Vec<&'static str>)>> {
    let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in file.lines().filter(|line| !line.is_empty()) {
        match (line.strip_prefix("%% "), sections.last_mut()) {
            (Some(name), _) => sections.push((name, Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => bail!("{line}: stands before the first section"),
        }
    }
    Ok(sections)
}

fn any<'e>(entries: &[&'e str], random: &mut Rand32) -> &'e str {
    entries[random.rand_range(0..entries.len() as u32) as usize]
}

fn chance(random: &mut Rand32, share: f32) -> bool {
    random.rand_float() < share
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{fresh, held};

    #[test]
    fn every_intent_has_sixty_patterns_and_they_leave_no_gap_open() {
        let patterns = Patterns::new().unwrap();
        for (intent, name) in Intent::NAMES {
            let of = patterns
                .patterns
                .iter()
                .filter(|pattern| pattern.0 == intent);
            assert!(of.count() >= 60, "{name}");
        }
        for sample in patterns.samples(200, 3).unwrap() {
            assert!(!sample.text.is_empty());
            for name in patterns.slots.keys() {
                let gap = format!("{{{name}}}");
                assert!(!sample.text.contains(&gap), "{gap}: {}", sample.text);
            }
            assert!(!sample.text.contains(['«', '»']), "{}", sample.text);
        }
    }

    #[test]
    fn no_held_prompt_is_a_pattern() {
        let patterns = Patterns::new().unwrap();
        let made = patterns.samples(2000, 5).unwrap();
        let bare = |text: &str| -> String {
            let lower = text.to_lowercase();
            lower.chars().filter(|c| c.is_alphanumeric()).collect()
        };
        let made: std::collections::BTreeSet<String> =
            made.iter().map(|sample| bare(&sample.text)).collect();
        for held in [held().unwrap(), fresh().unwrap()].concat() {
            let text = bare(&held.text);
            // "ok" is what people say.
            assert!(text.len() < 8 || !made.contains(&text), "{}", held.text);
        }
    }
}
