//! Sentences from templates, written as people write.

use anyhow::Context;
use oorandom::Rand32;
use query::EntityKind;

use crate::{
    Part, Sample,
    lists::Lists,
    template::{Piece, parse},
    values::Values,
};

/// Makes samples without end.
pub struct Generator {
    values: Values,
    random: Rand32,
    templates: Vec<Vec<Piece>>,
}

impl Generator {
    /// Reads templates and lists that were compiled in.
    ///
    /// # Errors
    /// Names a template that asks for what there is not.
    pub fn new(seed: u64) -> anyhow::Result<Self> {
        let mut generator = Self {
            values: Values::new(Lists::new()),
            random: Rand32::new(seed),
            templates: Vec::new(),
        };
        for line in include_str!("../data/templates.txt").lines() {
            if line.trim().is_empty() || line.starts_with("%% ") {
                continue;
            }
            let pieces = parse(line)?;
            // Once on trial, so that a wrong name is found here.
            generator
                .fill(&pieces, &mut Vec::new(), &mut Sample::default())
                .with_context(|| format!("template: {line}"))?;
            generator.templates.push(pieces);
        }
        Ok(generator)
    }

    /// The next sample: one template or several, spliced, then written carelessly at times.
    ///
    /// # Errors
    /// None that [`Generator::new`] would not have met, in practice: a choice that it did not take.
    pub fn sample(&mut self) -> anyhow::Result<Sample> {
        let mut sample = Sample::default();
        let count = match self.below(100) {
            0..55 => 1,
            55..78 => 2,
            78..90 => 3,
            _ => 4,
        };
        let between = ["\n", "\n\n", " ", " ", " ", " - "][self.below(6)];
        for index in 0..count {
            if index > 0 {
                sample.push(between, None);
            }
            self.one(&mut sample)?;
        }
        self.roughen(&mut sample);
        Ok(sample)
    }

    /// Another sample with other names, organisations, places and groups.
    ///
    /// # Errors
    /// Never in practice: the lists are there.
    pub fn with_other_values(&mut self, sample: &Sample) -> anyhow::Result<Sample> {
        let mut other = sample.clone();
        for part in &mut other.parts {
            let gap = match part.kind {
                Some(EntityKind::Person) if part.text.contains(' ') => "full",
                Some(EntityKind::Person) => "single",
                Some(EntityKind::Organization) => "org",
                Some(EntityKind::Location) if part.text.chars().count() > 2 => "place",
                Some(EntityKind::Group) => "group",
                _ => continue,
            };
            let value = self.values.value(gap, &mut self.random)?;
            part.text = match_case(&part.text, value);
        }
        Ok(other)
    }

    /// Writes a sample carelessly at times: without capitals or signs, with slips.
    pub fn roughen(&mut self, sample: &mut Sample) {
        match self.below(100) {
            0..16 => each(sample, |part| part.text = part.text.to_lowercase()),
            16..19 => each(sample, |part| part.text = part.text.to_uppercase()),
            19..23 => each(sample, |part| {
                if part.kind.is_some() {
                    part.text = part.text.to_lowercase();
                }
            }),
            23..26 => each(sample, |part| {
                if part.kind == Some(EntityKind::Location) {
                    part.text = part.text.to_uppercase();
                }
            }),
            _ => {}
        }
        if self.below(100) < 8 {
            each(sample, |part| {
                if part.kind.is_none() {
                    part.text = part.text.replace([',', '.', '\'', '!'], "");
                }
            });
        }
        if self.below(100) < 12 {
            for part in &mut sample.parts {
                let rarely = if part.kind.is_some() { 200 } else { 60 };
                part.text = slip(&part.text, rarely, &mut self.random);
            }
        }
        if self.below(100) < 3 {
            each(sample, |part| part.text = part.text.replace('\n', "\n> "));
        }
    }

    fn one(&mut self, sample: &mut Sample) -> anyhow::Result<()> {
        let number = self.below(self.templates.len());
        let pieces = self.templates[number].clone();
        self.fill(&pieces, &mut Vec::new(), sample)
    }

    /// `shared` holds the values of numbered gaps.
    fn fill(
        &mut self,
        pieces: &[Piece],
        shared: &mut Vec<(String, u8, String)>,
        sample: &mut Sample,
    ) -> anyhow::Result<()> {
        for piece in pieces {
            match piece {
                Piece::Text(text) => sample.push(text.as_str(), None),
                Piece::Marked(kind, text) => sample.push(text.as_str(), Some(*kind)),
                Piece::Choice(choices) => {
                    let choice = self.below(choices.len());
                    self.fill(&choices[choice], shared, sample)?;
                }
                Piece::Gap { name, number } => {
                    let known = shared
                        .iter()
                        .find(|known| Some(known.1) == *number && known.0 == *name)
                        .map(|known| known.2.clone());
                    let value = match known {
                        Some(value) => value,
                        None => self.values.value(name, &mut self.random)?,
                    };
                    if let Some(number) = number {
                        shared.push((name.clone(), *number, value.clone()));
                    }
                    sample.push(value, Values::kind(name));
                }
            }
        }
        Ok(())
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.rand_range(0..end as u32) as usize
    }
}

fn each(sample: &mut Sample, change: impl Fn(&mut Part)) {
    sample.parts.iter_mut().for_each(change);
}

/// As lower or as upper case as the model.
fn match_case(model: &str, value: String) -> String {
    if !model.contains(char::is_uppercase) {
        value.to_lowercase()
    } else if !model.contains(char::is_lowercase) && model.chars().count() > 3 {
        value.to_uppercase()
    } else {
        value
    }
}

/// Drops, doubles or swaps letters, one in `rarely`.
fn slip(text: &str, rarely: u32, random: &mut Rand32) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let next = chars.get(at + 1).copied();
        at += 1;
        if !c.is_ascii_lowercase() || random.rand_range(0..rarely) != 0 {
            out.push(c);
            continue;
        }
        match (random.rand_range(0..3), next) {
            (0, _) => {}
            (1, Some(next)) if next.is_ascii_lowercase() => {
                out.push(next);
                out.push(c);
                at += 1;
            }
            _ => {
                out.push(c);
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_repeat_by_seed_and_mark_what_they_hold() {
        let (mut one, mut two) = (Generator::new(3).unwrap(), Generator::new(3).unwrap());
        let mut marked = 0;
        for _ in 0..2000 {
            let sample = one.sample().unwrap();
            assert_eq!(sample, two.sample().unwrap());
            let text = sample.text();
            assert!(!text.contains(['«', '»', '⦃']), "{text}");
            marked += sample.spans().len();
        }
        assert!(marked > 2000);
    }
}
