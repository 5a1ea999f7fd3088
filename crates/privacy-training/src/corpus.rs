//! Samples from JSON Lines files.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use query::EntityKind;
use serde::Deserialize;

use crate::{
    Sample,
    labels::{Labels, Meaning},
};

#[derive(Deserialize)]
struct Line {
    #[serde(alias = "prompt")]
    text: String,
    #[serde(default)]
    spans: Vec<Marked>,
    template: Option<String>,
}

/// In Unicode code points.
#[derive(Deserialize)]
struct Marked {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    label: String,
}

/// Reads lines `{"text", "spans": [{"start", "end", "type"}], "template"}`.
///
/// # Errors
/// Names the file, the line and what is wrong there.
pub fn read_marked(path: &Path) -> anyhow::Result<Vec<Sample>> {
    read(path, |line| {
        let mut sample = Sample {
            template: line.template.clone(),
            ..Sample::default()
        };
        let mut spans = Vec::new();
        for span in &line.spans {
            spans.push((span.start, span.end, kind(&span.label)?));
        }
        spans.sort_by_key(|span| span.0);
        let chars: Vec<char> = line.text.chars().collect();
        let mut at = 0;
        for (start, end, kind) in spans {
            if start < at || end <= start || end > chars.len() {
                bail!("the span {start}..{end} overlaps another or ends outside of the text");
            }
            sample.push(chars[at..start].iter().collect::<String>(), None);
            sample.push(chars[start..end].iter().collect::<String>(), kind);
            at = end;
        }
        sample.push(chars[at..].iter().collect::<String>(), None);
        Ok(sample)
    })
}

/// Reads lines `{"text"}` or `{"prompt"}` that hold nothing personal but perhaps names.
///
/// # Errors
/// As [`read_marked`].
pub fn read_plain(path: &Path) -> anyhow::Result<Vec<Sample>> {
    read(path, |line| {
        let mut sample = Sample {
            is_open: true,
            ..Sample::default()
        };
        sample.push(line.text.as_str(), None);
        Ok(sample)
    })
}

fn read(
    path: &Path,
    sample: impl Fn(&Line) -> anyhow::Result<Sample>,
) -> anyhow::Result<Vec<Sample>> {
    let content = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines = content.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            let place = || format!("{}, line {}", path.display(), index + 1);
            let line: Line = serde_json::from_str(line).with_context(place)?;
            sample(&line).with_context(place)
        })
        .collect()
}

fn kind(label: &str) -> anyhow::Result<Option<EntityKind>> {
    match Labels::default().meaning(label) {
        Meaning::Kind(kind) => Ok(Some(kind)),
        Meaning::LeftOut => Ok(None),
        Meaning::Unknown => bail!("no kind is called {label}"),
    }
}
