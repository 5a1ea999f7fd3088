//! `tidegate train privacy`: the tagger's weights, or how well they do on templates that training did not see.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;
use privacy_training::{Held, Options, Recipe, corpus};
use serde_json::json;

/// Options of `tidegate train privacy`.
#[derive(Args)]
pub struct Arguments {
    /// Marked sentences, one JSON object a line: `text`, `spans` of `start`, `end` (Unicode code points) and
    /// `type`, and if wanted `template`. May be given more than once, or not at all.
    #[arg(long, value_name = "FILE")]
    data: Vec<PathBuf>,
    /// Texts without personal data, one JSON object a line: `text` or `prompt`.
    #[arg(long, value_name = "FILE")]
    negatives: Vec<PathBuf>,
    /// Sentences that are generated from the templates and lists in the repository.
    #[arg(long, value_name = "N", default_value_t = 32_000)]
    generated: usize,
    /// Texts of `--negatives` that are taken.
    #[arg(long, value_name = "N", default_value_t = 8_000)]
    negatives_taken: usize,
    /// Each marked sentence is taken as it is and so many times with other names and places.
    #[arg(long, value_name = "N", default_value_t = 2)]
    variants: usize,
    /// Passes over all sentences.
    #[arg(long, value_name = "N", default_value_t = Options::default().epochs)]
    epochs: u32,
    /// Weights that are kept, the greatest.
    #[arg(long, value_name = "N", default_value_t = Options::default().entries)]
    entries: usize,
    /// Of all that is chosen by chance: the same seed and files give the same bytes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Instead of writing weights, leaves out one part of the templates of `--data` after the other, trains on
    /// the rest and measures on what was left out. Prints one line of JSON for each level.
    #[arg(long, value_name = "N", conflicts_with = "out")]
    folds: Option<usize>,
    /// With `--folds`, the first N parts only.
    #[arg(long, value_name = "N", requires = "folds")]
    only: Option<usize>,
    /// Prints what was missed and wrongly found, with `--folds`.
    #[arg(long, requires = "folds")]
    mistakes: bool,
    /// Where the weights go.
    #[arg(long, value_name = "FILE", required_unless_present = "folds")]
    out: Option<PathBuf>,
}

/// Trains, then writes or measures.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut recipe = Recipe {
        marked: Vec::new(),
        plain: Vec::new(),
        generated: arguments.generated,
        plain_taken: arguments.negatives_taken,
        variants: arguments.variants,
        options: Options {
            seed: arguments.seed,
            epochs: arguments.epochs,
            entries: arguments.entries,
            ..Options::default()
        },
    };
    for path in &arguments.data {
        recipe.marked.extend(corpus::read_marked(path)?);
    }
    for path in &arguments.negatives {
        recipe.plain.extend(corpus::read_plain(path)?);
    }
    if let Some(folds) = arguments.folds {
        let only = arguments.only.unwrap_or(folds);
        let mut print = |held: Held| println!("{}", json!(held));
        return recipe.cross_validate(folds, only, &mut print, &mut |text, missed, wrong| {
            if arguments.mistakes {
                eprintln!("{text:?}\n  missed {missed:?}\n  wrong {wrong:?}");
            }
        });
    }
    let tagger =
        recipe.learn(&mut |epoch, loss| eprintln!("pass {epoch}: loss {loss:.5} a token"))?;
    let path = arguments.out.as_ref().context("no --out")?;
    fs::write(path, tagger.to_bytes()).with_context(|| path.display().to_string())
}
