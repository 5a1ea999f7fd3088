//! What was learned from other prompts says of each one.

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail, ensure};
use query::Estimate;
use router::{
    Sections,
    gain::{Gain, SECTION},
};
use router_training::{
    corpus::{Prompt, Scored},
    gain::{Example, Options, alike, baseline, split, train},
};
use serde_json::Value;

use super::{Arguments, figures::times};
use crate::learned;

/// All prompts: first those that are asked about.
pub(super) struct All {
    pub(super) prompts: Vec<Scored>,
    pub(super) examples: Vec<Example>,
    pub(super) groups: Vec<usize>,
    pub(super) seed: u64,
}

/// A prompt, and what was predicted for it.
pub(super) struct Answered {
    pub(super) prompt: usize,
    pub(super) estimate: Estimate,
    /// Of the TF-IDF ridge, where there was something to learn from.
    pub(super) ridge: Option<f32>,
    pub(super) microseconds: f64,
}

impl All {
    pub(super) fn predict(
        &self,
        arguments: &Arguments,
        asked: usize,
        files: &[(&PathBuf, std::ops::Range<usize>)],
    ) -> anyhow::Result<(Vec<Option<Answered>>, Gain)> {
        let mut answers: Vec<Option<Answered>> = Vec::new();
        answers.resize_with(self.prompts.len(), || None);
        let rounds = match arguments.folds {
            Some(0 | 1) => bail!("--folds: at least two parts"),
            Some(folds) => self.rounds(folds, arguments.leave_domains, files)?,
            None if !arguments.train.is_empty() => {
                let mut known = self.groups[..asked].to_vec();
                known.sort_unstable();
                let new = |row: &usize| known.binary_search(&self.groups[*row]).is_err();
                let train = (asked..self.prompts.len()).filter(new).collect();
                vec![split::Round {
                    train,
                    test: (0..asked).collect(),
                }]
            }
            None => {
                let gain = weights(arguments.weights.as_deref())?;
                for (row, answer) in answers.iter_mut().enumerate().take(asked) {
                    *answer = Some(self.answer(&gain, row));
                }
                return Ok((answers, gain));
            }
        };
        let mut last = None;
        for round in rounds {
            let gain = self.learn(&round.train)?;
            for row in &round.test {
                answers[*row] = Some(self.answer(&gain, *row));
            }
            self.ridge(&round, files, &mut answers);
            last = Some(gain);
        }
        Ok((answers, last.context("no rounds")?))
    }

    /// Of prompts without scores, by what is learned from all that are not nearly the same as one of them.
    pub(super) fn estimates(&self, prompts: &[Prompt]) -> anyhow::Result<Vec<Estimate>> {
        if prompts.is_empty() {
            return Ok(Vec::new());
        }
        let graded = self.prompts.iter().map(|prompt| prompt.prompt.as_str());
        let texts = graded.chain(prompts.iter().map(|prompt| prompt.prompt.as_str()));
        let groups = alike::groups(texts);
        let (graded, asked) = groups.split_at(self.prompts.len());
        let mut known = asked.to_vec();
        known.sort_unstable();
        let rows: Vec<usize> = (0..graded.len())
            .filter(|row| known.binary_search(&graded[*row]).is_err())
            .collect();
        let gain = self.learn(&rows)?;
        let estimate = |prompt: &Prompt| gain.estimate(&prompt.prompt);
        Ok(prompts.iter().map(estimate).collect())
    }

    fn learn(&self, rows: &[usize]) -> anyhow::Result<Gain> {
        ensure!(!rows.is_empty(), "nothing is left to learn from");
        let examples: Vec<&Example> = rows.iter().map(|row| &self.examples[*row]).collect();
        let groups: Vec<usize> = rows.iter().map(|row| self.groups[*row]).collect();
        let options = Options {
            seed: self.seed,
            ..Options::default()
        };
        Ok(train(&examples, &groups, &options))
    }

    fn answer(&self, gain: &Gain, prompt: usize) -> Answered {
        let (estimate, microseconds) = timed(gain, &self.prompts[prompt].prompt);
        Answered {
            prompt,
            estimate,
            ridge: None,
            microseconds,
        }
    }

    /// The prompts joined and cut into pieces of 2,000 characters; up to a thousand of them.
    pub(super) fn times_of_pieces(&self, answered: &[Answered], gain: &Gain) -> Value {
        let all: String = answered
            .iter()
            .map(|answer| self.prompts[answer.prompt].prompt.as_str())
            .collect();
        let characters: Vec<char> = all.chars().collect();
        let pieces = characters.chunks_exact(2000).take(1000);
        times(
            pieces
                .map(|piece| timed(gain, &piece.iter().collect::<String>()).1)
                .collect(),
        )
    }

    fn rounds(
        &self,
        folds: usize,
        leave_domains: bool,
        files: &[(&PathBuf, std::ops::Range<usize>)],
    ) -> anyhow::Result<Vec<split::Round>> {
        if !leave_domains {
            return Ok(split::folds(
                &self.groups,
                &vec![true; self.groups.len()],
                folds,
                self.seed,
            ));
        }
        let domains: Vec<&str> = self
            .prompts
            .iter()
            .map(|prompt| prompt.domain.as_str())
            .collect();
        let mut asked = vec![false; domains.len()];
        for (_, range) in files {
            let mut own = domains[range.clone()].to_vec();
            own.sort_unstable();
            own.dedup();
            if own.len() >= folds {
                asked[range.clone()].fill(true);
            }
        }
        ensure!(
            asked.contains(&true),
            "--leave-domains: no file has {folds} domains"
        );
        Ok(split::leave_domains(
            &domains,
            &self.groups,
            &asked,
            folds,
            self.seed,
        ))
    }

    /// Learned, for each file, from its own rows where there are any: that is where it is strongest.
    fn ridge(
        &self,
        round: &split::Round,
        files: &[(&PathBuf, std::ops::Range<usize>)],
        answers: &mut [Option<Answered>],
    ) {
        for (_, range) in files {
            let test: Vec<usize> = round
                .test
                .iter()
                .copied()
                .filter(|row| range.contains(row))
                .collect();
            let own: Vec<usize> = round
                .train
                .iter()
                .copied()
                .filter(|row| range.contains(row))
                .collect();
            let learn = if own.is_empty() { &round.train } else { &own };
            let of = |rows: &[usize]| {
                rows.iter()
                    .map(|row| &self.examples[*row])
                    .collect::<Vec<_>>()
            };
            let predicted = baseline::tfidf_ridge(&of(learn), &of(&test));
            for (row, predicted) in test.iter().zip(predicted) {
                if let Some(answer) = &mut answers[*row] {
                    answer.ridge = Some(predicted);
                }
            }
        }
    }
}

/// The least of three runs, so that what else the machine does is not measured.
fn timed(gain: &Gain, text: &str) -> (Estimate, f64) {
    let run = || {
        let started = Instant::now();
        let estimate = black_box(gain.estimate(black_box(text)));
        (estimate, started.elapsed().as_secs_f64() * 1e6)
    };
    let (estimate, first) = run();
    (estimate, first.min(run().1).min(run().1))
}

fn weights(path: Option<&Path>) -> anyhow::Result<Gain> {
    let place = || path.map_or_else(String::new, |path| path.display().to_string());
    let bytes = match path {
        Some(path) => fs::read(path).with_context(place)?,
        None => return Ok(learned::router().gain_model().clone()),
    };
    let section =
        Sections::read(&bytes).and_then(|sections| sections.get(SECTION).map(<[u8]>::to_vec));
    Gain::from_bytes(&section.with_context(place)?).with_context(place)
}
