//! Samples from JSON Lines files.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use query::EntityKind;
use serde::Deserialize;

use crate::Sample;

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

/// What data sets call things, besides our own names; `None` is nothing personal by itself.
const NAMES: [(&str, Option<EntityKind>); 19] = [
    ("STREET_ADDRESS", Some(EntityKind::Address)),
    ("ZIP_CODE", Some(EntityKind::Address)),
    ("GPE", Some(EntityKind::Location)),
    ("CITY", Some(EntityKind::Location)),
    ("COUNTRY", Some(EntityKind::Location)),
    ("NRP", Some(EntityKind::Group)),
    ("NORP", Some(EntityKind::Group)),
    ("ORG", Some(EntityKind::Organization)),
    ("PER", Some(EntityKind::Person)),
    ("LOC", Some(EntityKind::Location)),
    ("DATE_TIME", Some(EntityKind::Date)),
    ("PHONE_NUMBER", Some(EntityKind::Phone)),
    ("EMAIL_ADDRESS", Some(EntityKind::Email)),
    ("CREDIT_CARD", Some(EntityKind::Card)),
    ("IBAN_CODE", Some(EntityKind::Iban)),
    ("US_SSN", Some(EntityKind::Ssn)),
    ("US_DRIVER_LICENSE", Some(EntityKind::DriverLicense)),
    ("DOMAIN_NAME", Some(EntityKind::Domain)),
    ("TITLE", None),
];

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
    if label == "PREFIX" {
        return Ok(None);
    }
    let own = EntityKind::NAMES.into_iter().find(|known| known.1 == label);
    let other = NAMES.into_iter().find(|known| known.0 == label);
    match (own, other) {
        (Some((kind, _)), _) => Ok(Some(kind)),
        (None, Some((_, kind))) => Ok(kind),
        (None, None) => bail!("no kind is called {label}"),
    }
}
