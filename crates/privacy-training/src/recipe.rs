//! From files to a tagger, and how well such a tagger does on templates that it has not seen.

use std::collections::BTreeSet;

use anyhow::ensure;
use privacy::{Detector, Tagger};
use query::PrivacyLevel;
use serde::Serialize;

use crate::{Generator, OnMistake, Options, Report, Sample, measure, train};

/// What to learn from, and how.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Marked sentences.
    pub marked: Vec<Sample>,
    /// Texts without personal data.
    pub plain: Vec<Sample>,
    /// Sentences that are generated.
    pub generated: usize,
    /// Texts of `plain` that are taken.
    pub plain_taken: usize,
    /// Each marked sentence is taken as it is and so many times with other names and places.
    pub variants: usize,
    /// Of training, with the seed of everything.
    pub options: Options,
}

/// How a tagger did on what it had not seen.
#[derive(Clone, Debug, Serialize)]
pub struct Held {
    /// Which part was left out.
    pub fold: usize,
    /// How careful the tagger was.
    pub level: PrivacyLevel,
    /// Marked sentences.
    pub marked: Report,
    /// Texts without personal data: what is masked there is masked wrongly, or is a public name.
    pub plain: Report,
}

impl Recipe {
    /// Trains. `on_epoch` is told the number of the pass and its loss for each token.
    ///
    /// # Errors
    /// When a list or a template is wrong, or there is nothing to learn from.
    pub fn learn(&self, on_epoch: &mut dyn FnMut(u32, f64)) -> anyhow::Result<Tagger> {
        let mut generator = Generator::new(self.options.seed)?;
        let mut samples = Vec::new();
        for _ in 0..self.generated {
            samples.push(generator.sample()?);
        }
        for sample in &self.marked {
            samples.push(sample.clone());
            for _ in 0..self.variants {
                let mut other = generator.with_other_values(sample)?;
                generator.roughen(&mut other);
                samples.push(other);
            }
        }
        // Evenly spread over the files.
        let taken = self.plain_taken.min(self.plain.len());
        for number in 0..taken {
            let mut sample = self.plain[number * self.plain.len() / taken].clone();
            generator.roughen(&mut sample);
            samples.push(sample);
        }
        train(&samples, &self.options, on_epoch)
    }

    /// Leaves out one part of the templates after the other, learns from the rest and measures on what was left
    /// out; `only` the first so many parts. `on_held` is given the figures, balanced and careful; `on_mistake` a
    /// text, what was missed and what was wrong in it (balanced).
    ///
    /// # Errors
    /// As [`Recipe::learn`]; when there are fewer templates than parts.
    pub fn cross_validate(
        &self,
        folds: usize,
        only: usize,
        on_held: &mut dyn FnMut(Held),
        on_mistake: &mut OnMistake<'_>,
    ) -> anyhow::Result<()> {
        ensure!(folds > 1, "two parts at least");
        let templates: BTreeSet<String> = self.marked.iter().map(sentence).collect();
        let templates: Vec<String> = templates.into_iter().collect();
        ensure!(
            templates.len() >= folds,
            "the data has {} templates, too few for {folds} parts",
            templates.len()
        );
        let fold_of =
            |sample: &Sample| templates.binary_search(&sentence(sample)).unwrap_or(0) % folds;
        let every_tenth = |rest: bool| -> Vec<Sample> {
            let numbered = self.plain.iter().enumerate();
            let wanted = numbered.filter(|(number, _)| (number % 10 == 0) != rest);
            wanted.map(|(_, sample)| sample.clone()).collect()
        };
        let (seen, mut unseen) = (every_tenth(true), every_tenth(false));
        unseen.truncate(1000);
        for fold in 0..only.min(folds) {
            let (held, rest): (Vec<Sample>, Vec<Sample>) = self
                .marked
                .iter()
                .cloned()
                .partition(|sample| fold_of(sample) == fold);
            let recipe = Self {
                marked: rest,
                plain: seen.clone(),
                ..self.clone()
            };
            let detector = Detector::new(recipe.learn(&mut |_, _| {})?);
            for level in [PrivacyLevel::Balanced, PrivacyLevel::Careful] {
                let balanced = level == PrivacyLevel::Balanced;
                let marked = measure(&detector, level, &held, &mut |text, missed, wrong| {
                    if balanced {
                        on_mistake(text, missed, wrong);
                    }
                });
                let plain = measure(&detector, level, &unseen, &mut |text, missed, wrong| {
                    if balanced {
                        on_mistake(text, missed, wrong);
                    }
                });
                on_held(Held {
                    fold,
                    level,
                    marked,
                    plain,
                });
            }
        }
        Ok(())
    }
}

/// A template's letters without its gaps: the same sentence may stand in the data with other names of gaps.
fn sentence(sample: &Sample) -> String {
    let template = sample.template.clone().unwrap_or_else(|| sample.text());
    let mut depth = 0;
    template
        .to_lowercase()
        .chars()
        .filter(|&c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0 && c.is_alphanumeric()
        })
        .collect()
}
