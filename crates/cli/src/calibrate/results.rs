//! Answers as they are kept between two runs.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::Path,
};

use anyhow::Context;
use query::Estimate;
use router::{
    calibration::BEGINNING,
    confidence::{Certainty, Evidence, Watch},
};
use router_training::calibration::Graded;
use serde::{Deserialize, Serialize};

/// An answer of the local model: a line of `--results`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answered {
    pub(crate) id: String,
    pub(crate) domain: String,
    pub(crate) prompt: String,
    /// SHA-256 of the model file, so that answers of two models do not mix.
    pub(crate) model: String,
    pub(crate) max_tokens: u32,
    pub(crate) reply: String,
    /// None where the right answer is not known.
    pub(crate) right: Option<bool>,
    /// The cloud's score, 0 to 1.
    pub(crate) strong: f32,
    /// Of each token: log-probability, margin, entropy.
    pub(crate) certainty: Vec<[f32; 3]>,
}

impl Answered {
    /// The set it is of: what stands before the first slash of the id.
    pub(crate) fn set(&self) -> &str {
        self.id.split_once('/').map_or("questions", |(set, _)| set)
    }

    pub(crate) fn evidence(&self, tokens: usize) -> Evidence {
        let mut watch = Watch::default();
        for &[log_probability, margin, entropy] in self.certainty.iter().take(tokens) {
            watch.push(Certainty {
                log_probability,
                margin,
                entropy,
            });
        }
        watch.evidence()
    }

    pub(crate) fn graded(&self, estimate: Option<Estimate>) -> Graded {
        Graded {
            whole: self.evidence(usize::MAX),
            beginning: self.evidence(BEGINNING as usize),
            estimate,
            // What is not known to be right is not; that is only where the cloud is wrong, too.
            local: f32::from(u8::from(self.right == Some(true))),
            cloud: self.strong,
        }
    }
}

/// Reads what was answered so far; nothing if there is no such file. A last line that was cut off is dropped.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Answered>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let mut answered = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let is_cut = number == text.lines().count() && !text.ends_with('\n');
        match serde_json::from_str(line) {
            Ok(answer) => answered.push(answer),
            Err(_) if is_cut => {}
            Err(error) => {
                return Err(error).with_context(|| format!("{}, line {number}", path.display()));
            }
        }
    }
    Ok(answered)
}

/// Opens for appending, without a last line that was cut off.
pub(super) fn append(path: &Path) -> anyhow::Result<File> {
    let place = || path.display().to_string();
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(place)?;
    let bytes = fs::read(path).with_context(place)?;
    let whole = bytes
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    file.set_len(whole as u64).with_context(place)?;
    Ok(file)
}

/// Writes one line.
pub(super) fn write(file: &mut File, answer: &Answered) -> anyhow::Result<()> {
    writeln!(file, "{}", serde_json::to_string(answer)?).context("writing --results")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_is_written_again() {
        let path = std::env::temp_dir().join(format!("calibrate-{}.jsonl", std::process::id()));
        let answer = Answered {
            id: "a/1".to_owned(),
            domain: "a".to_owned(),
            prompt: "1 + 1?".to_owned(),
            model: "00".to_owned(),
            max_tokens: 8,
            reply: "2".to_owned(),
            right: Some(true),
            strong: 1.0,
            certainty: vec![[-0.5, 1.0, 0.25], [-1.5, 2.0, 0.75]],
        };
        write(&mut append(&path).unwrap(), &answer).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{}", &whole[..whole.len() / 2])).unwrap();

        assert_eq!(read(&path).unwrap().len(), 1);
        write(&mut append(&path).unwrap(), &answer).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), whole.repeat(2));

        fs::write(&path, format!("{{}}\n{whole}")).unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(
            error.contains("line 1") && !error.contains("1 + 1"),
            "{error}"
        );
        fs::remove_file(&path).unwrap();

        let graded = answer.graded(None);
        assert_eq!((graded.whole.tokens, graded.whole.mean), (2, -1.0));
        assert!(graded.stands());
    }
}
