//! Prompts from JSON Lines files.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, bail};
use serde::{Deserialize, de::DeserializeOwned};

/// A prompt, and how good two models' answers to it were.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Scored {
    /// Names the line.
    pub id: String,
    /// The subject or set it is from: what depends on each other.
    pub domain: String,
    /// What was asked.
    pub prompt: String,
    /// Score of the weak model's answer, 0 (wrong) to 1 (right).
    pub weak: f32,
    /// Score of the strong model's answer, 0 to 1.
    pub strong: f32,
    /// Scores of each model, where a file has them.
    #[serde(default)]
    pub scores: BTreeMap<String, f32>,
}

/// A prompt of which nothing else is known.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Prompt {
    /// Names the line.
    pub id: String,
    /// What was asked.
    pub prompt: String,
}

/// A prompt, and the task it belongs to.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Labelled {
    /// The set's own name for what is asked.
    pub task: String,
    /// What was asked.
    pub prompt: String,
}

/// Reads lines `{"id", "domain", "prompt", "weak", "strong"}`; other fields are passed over.
///
/// # Errors
/// Names the file, the line and what is wrong there, never what was asked.
pub fn read_scored(path: &Path) -> anyhow::Result<Vec<Scored>> {
    read(path, |line: &Scored| {
        let fits = |score: f32| (0.0..=1.0).contains(&score);
        if !fits(line.weak) || !fits(line.strong) {
            bail!("`weak` and `strong` must lie between 0 and 1");
        }
        Ok(())
    })
}

/// Reads lines `{"id", "prompt"}`; other fields are passed over.
///
/// # Errors
/// As [`read_scored`].
pub fn read_prompts(path: &Path) -> anyhow::Result<Vec<Prompt>> {
    read(path, |_| Ok(()))
}

/// Reads lines `{"task", "prompt"}`; other fields are passed over.
///
/// # Errors
/// As [`read_scored`].
pub fn read_labelled(path: &Path) -> anyhow::Result<Vec<Labelled>> {
    read(path, |_| Ok(()))
}

fn read<T: DeserializeOwned>(
    path: &Path,
    check: impl Fn(&T) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<T>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}, line {number}", path.display());
        let parsed: T = serde_json::from_str(line)
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(place)?;
        check(&parsed).with_context(place)?;
        lines.push(parsed);
    }
    if lines.is_empty() {
        bail!("{}: no lines", path.display());
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_is_named_and_not_shown() {
        let file = std::env::temp_dir().join(format!("scored-{}.jsonl", std::process::id()));
        let good = r#"{"id":"a/1","domain":"a","prompt":"secret","weak":0,"strong":1,"more":2}"#;
        let check = |bad: &str, expected: &str| {
            fs::write(&file, format!("{good}\n\n{bad}\n")).unwrap();
            let error = format!("{:#}", read_scored(&file).unwrap_err());
            assert!(
                error.contains("line 3") && error.contains(expected),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        };
        check("{", "EOF");
        check(
            &good.replace("\"strong\":1", "\"strong\":2"),
            "between 0 and 1",
        );
        check(&good.replace("\"weak\":0,", ""), "`weak`");
        fs::write(&file, format!("{good}\n")).unwrap();
        assert_eq!(read_scored(&file).unwrap()[0].id, "a/1");
        fs::remove_file(&file).unwrap();
    }
}
