//! From patterns and tasks to weights, and how well such weights do on what they have not seen.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use query::Intent;
use router::intent::IntentModel;
use serde::{Deserialize, Serialize};

use super::{
    Options, Patterns, Report, Sample,
    measure::{Judged, best_temperature, report},
    train,
};

/// What to learn from, and how.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Prompts of tasks.
    pub tasks: Vec<Sample>,
    /// Prompts of each intent that are made from patterns.
    pub of_each: usize,
    /// Of training, with the seed of everything.
    pub options: Options,
}

/// How models did on what they had not seen.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    /// What was left out.
    pub left_out: String,
    /// What came of it.
    #[serde(flatten)]
    pub report: Report,
}

impl Recipe {
    /// Trains.
    ///
    /// # Errors
    /// When a pattern is wrong, or an intent has no sample.
    pub fn learn(&self) -> anyhow::Result<IntentModel> {
        train(&self.samples()?, &self.options)
    }

    /// Leaves out one part of the patterns and of the tasks' prompts after the other, and then one task after the
    /// other as a whole; learns from the rest and measures on what was left out. Returns the temperature by which
    /// the probabilities of the first are most like the truth; the reports are of the options' own.
    ///
    /// # Errors
    /// As [`Recipe::learn`].
    pub fn cross_validate(
        &self,
        folds: usize,
        on_report: &mut dyn FnMut(Validation),
    ) -> anyhow::Result<f64> {
        ensure!(folds > 1, "two parts at least");
        let samples = self.samples()?;
        let origins: BTreeSet<&str> = samples
            .iter()
            .map(|sample| sample.origin.as_str())
            .collect();
        let origins: Vec<&str> = origins.into_iter().collect();
        let tasks: BTreeSet<&str> = self.tasks.iter().filter_map(|task| task.task).collect();
        let mut judged = Vec::new();
        for fold in 0..folds {
            let place = |sample: &Sample| origins.binary_search(&sample.origin.as_str());
            let is_left_out = |sample: &Sample| place(sample).unwrap_or(0) % folds == fold;
            judged.extend(self.judge(&samples, is_left_out)?);
        }
        let temperature = best_temperature(&judged);
        on_report(Validation {
            left_out: format!("patterns and prompts, {folds} parts"),
            report: report(&judged),
        });
        for task in tasks {
            let judged = self.judge(&samples, |sample| sample.task == Some(task))?;
            on_report(Validation {
                left_out: format!("the task {task}"),
                report: report(&judged),
            });
        }
        Ok(temperature)
    }

    /// Learns from some samples and judges the others.
    fn judge(
        &self,
        samples: &[Sample],
        is_left_out: impl Fn(&Sample) -> bool,
    ) -> anyhow::Result<Vec<Judged>> {
        let (mut seen, mut left_out) = (Vec::new(), Vec::new());
        for sample in samples {
            let part = if is_left_out(sample) {
                &mut left_out
            } else {
                &mut seen
            };
            part.push(sample.clone());
        }
        let model = train(&seen, &self.options)?;
        Ok(left_out
            .iter()
            .map(|sample| Judged::new(&model, sample))
            .collect())
    }

    fn samples(&self) -> anyhow::Result<Vec<Sample>> {
        let mut samples = Patterns::new()?.samples(self.of_each, self.options.seed)?;
        samples.extend(self.tasks.iter().cloned());
        Ok(samples)
    }
}

/// Prompts written by hand before anything was measured, and never trained on. The mistakes in them were read
/// once while patterns were added.
///
/// # Errors
/// When a line is wrong.
pub fn held() -> anyhow::Result<Vec<Sample>> {
    read(include_str!("../../data/held_intents.jsonl"))
}

/// Prompts written by hand after the patterns, and measured on once.
///
/// # Errors
/// When a line is wrong.
pub fn fresh() -> anyhow::Result<Vec<Sample>> {
    read(include_str!("../../data/fresh_intents.jsonl"))
}

/// Lines `{"intent", "prompt"}`; other fields are passed over.
///
/// # Errors
/// Names the line.
pub fn read(lines: &str) -> anyhow::Result<Vec<Sample>> {
    #[derive(Deserialize)]
    struct Line {
        intent: Intent,
        prompt: String,
    }
    let numbered = (1..)
        .zip(lines.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    numbered
        .map(|(number, line)| {
            let line: Line = serde_json::from_str(line)
                .with_context(|| format!("line {number}: expected {{\"intent\", \"prompt\"}}"))?;
            Ok(Sample {
                origin: line.prompt.clone(),
                text: line.prompt,
                intent: line.intent,
                task: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_held_prompts_are_enough_of_each_intent() {
        let held = held().unwrap();
        for (intent, name) in Intent::NAMES {
            let of = held.iter().filter(|sample| sample.intent == intent);
            assert!(of.count() >= 15, "{name}");
        }
    }
}
