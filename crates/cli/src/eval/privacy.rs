//! `tidegate eval privacy`: how much of the personal data in marked texts is found.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use privacy_training::{
    labels::{Labels, Meaning},
    spans::{Counts, Fate, Found, Gold, Score, TextScore, score, share},
};
use query::{EntityKind, PrivacyClass};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    bootstrap::intervals,
    timing::{Stopwatch, Times},
};
use crate::{
    lines::{Lines, until_closed},
    personal::{self, Options, Setting},
};

pub(super) const ABOUT: &str = "\
How much of the personal data in marked texts is found: one line of JSON.

Each line of the data is {\"text\", \"spans\": [{\"start\", \"end\", \"type\"}]}, offsets in Unicode code points. \
A found span matches a marked one if the characters in both are at least half of the characters in either \
(intersection over union >= 0.5); each matches one at most, the best fit first.

  any_type          whatever the types: is what is personal found at all
  right_type        the type must be right, too; sums of by_type
  structured_types  the same for types that have a form (numbers, addresses of mail and machines, keys), \
which leaves out names, places, groups, dates and ages
  by_type           by our types
  by_data_type      by the data's types: the share of spans and of characters found, as whatever type
  per_span          precision: matched / found; recall: matched / marked; f1, f2: both in one, f2 weighs \
recall twice
  per_character     the same, each character by itself
  interval_95       bootstrap over texts, or over the groups of --by; under any_type
  masked_share      characters found / all characters
  ms_per_text, ms_per_1000_characters
                    50th and 99th percentile of this build on one thread; the latter over the texts joined \
and cut into pieces of 1,000 characters

A marked span inside of another (or equal to an earlier one) is counted within its own type and in \
by_data_type's characters, but not in any_type, where the outer one stands for both. A figure that does not \
exist, such as the precision of nothing found, is null.";

/// Options of `tidegate eval privacy`.
#[derive(Args)]
pub struct Arguments {
    /// Marked texts, one JSON object a line: `text`, and `spans` with `start`, `end` (code points) and `type`.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// A JSON object from the data's type names to ours, or to null: not counted by type. It goes before the
    /// built-in names, which are our own, Presidio's and those of OntoNotes and CoNLL.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Also the figures for each value of a field of the lines, such as `template`, and their mean.
    #[arg(long, value_name = "FIELD")]
    by: Option<String>,
    #[command(flatten)]
    options: Options,
    /// Writes there what was missed and what was found for nothing, one JSON object for each text that has
    /// such. It holds pieces of the texts.
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

const EXPECTED: &str = "each line is a JSON object with a string `text` and a list `spans` of {\"start\", \"end\", \"type\"}, offsets in Unicode code points";

/// A span as the data has it.
#[derive(Deserialize)]
struct Mark {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    label: String,
}

/// Finds, scores and counts.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let labels = Labels::read(arguments.labels.as_deref())?;
    let mut lines = Lines::open(Some(&arguments.data), EXPECTED)?;
    let mut errors = arguments.errors.as_deref().map(create).transpose()?;
    let finder = arguments.options.finder()?;
    let setting = finder.setting.clone();
    let mut watch = Stopwatch::new(finder);
    let mut tally = Tally::default();
    while let Some(line) = lines.read()? {
        let text = lines.text(&line, "text")?;
        let length = text.chars().count();
        let marks = marks(&lines, &line, length)?;
        let group = match &arguments.by {
            Some(field) => Some(group(&lines, &line, field)?),
            None => None,
        };

        let request = personal::request(text);
        let spans = personal::spans(&watch.find(&request));
        let found: Vec<Found> = spans
            .iter()
            .filter(|span| span.class != PrivacyClass::Public)
            .map(|span| Found {
                range: span.start..span.end,
                kind: span.kind,
            })
            .collect();
        let gold: Vec<Gold> = marks
            .iter()
            .map(|mark| Gold {
                range: mark.start..mark.end,
                kind: match labels.meaning(&mark.label) {
                    Meaning::Kind(kind) => Some(kind),
                    Meaning::LeftOut | Meaning::Unknown => None,
                },
            })
            .collect();
        let score = score(length, &gold, &found);
        if let Some(file) = &mut errors {
            write_errors(file, lines.number(), text, &marks, &found, &score)?;
        }
        tally.add(length, &marks, &found, score, group);
    }
    if tally.texts.is_empty() {
        bail!("{} has no lines", arguments.data.display());
    }
    if let Some(mut file) = errors {
        file.flush()?;
    }
    for (label, of_label) in &tally.labels {
        if labels.meaning(label) == Meaning::Unknown {
            eprintln!(
                "note: no kind is known for the type {label:?} ({} spans), which counts only where types do not matter; name one with --labels",
                of_label.spans.gold
            );
        }
    }
    let report = tally.report(arguments, setting, &labels, watch.times());
    until_closed(
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?).map_err(Into::into),
    )
}

pub(super) fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    Ok(BufWriter::new(file))
}

/// The marked spans of the line read last.
fn marks(lines: &Lines, line: &Map<String, Value>, length: usize) -> anyhow::Result<Vec<Mark>> {
    let Some(spans) = line.get("spans") else {
        return Err(lines.bad("no field `spans`"));
    };
    // What serde says may quote the value.
    let Ok(marks) = Vec::<Mark>::deserialize(spans) else {
        return Err(lines.bad("`spans` is not a list of such objects"));
    };
    for (index, mark) in marks.iter().enumerate() {
        let Mark { start, end, .. } = *mark;
        if start >= end || end > length {
            let number = index + 1;
            return Err(lines.bad(&format!(
                "span {number} goes from {start} to {end} in a text of {length} code points"
            )));
        }
    }
    Ok(marks)
}

/// The value of `--by` in the line read last.
fn group(lines: &Lines, line: &Map<String, Value>, field: &str) -> anyhow::Result<String> {
    match line.get(field) {
        None => Err(lines.bad(&format!("no field `{field}`, which --by asks for"))),
        Some(Value::String(value)) => Ok(value.clone()),
        Some(value) => Ok(value.to_string()),
    }
}

fn write_errors(
    file: &mut impl Write,
    number: usize,
    text: &str,
    marks: &[Mark],
    found: &[Found],
    score: &TextScore,
) -> anyhow::Result<()> {
    let characters: Vec<char> = text.chars().collect();
    let entry = |range: Range<usize>, name: &str| {
        let text: String = characters[range.clone()].iter().collect();
        json!({ "start": range.start, "end": range.end, "type": name, "text": text })
    };
    let missed: Vec<Value> = marks
        .iter()
        .zip(&score.gold)
        .filter(|(_, fate)| **fate == Fate::Missed)
        .map(|(mark, _)| entry(mark.start..mark.end, &mark.label))
        .collect();
    let spurious: Vec<Value> = score
        .spurious
        .iter()
        .map(|&index| entry(found[index].range.clone(), found[index].kind.name()))
        .collect();
    if !missed.is_empty() || !spurious.is_empty() {
        let line = json!({ "line": number, "missed": missed, "spurious": spurious });
        writeln!(file, "{line}")?;
    }
    Ok(())
}

/// Sums over the texts.
#[derive(Default)]
struct Tally {
    /// One for each text.
    texts: Vec<Score>,
    characters: usize,
    by_kind: BTreeMap<EntityKind, Score>,
    labels: BTreeMap<String, Score>,
    groups: BTreeMap<String, Score>,
}

impl Tally {
    fn add(
        &mut self,
        length: usize,
        marks: &[Mark],
        found: &[Found],
        score: TextScore,
        group: Option<String>,
    ) {
        self.texts.push(score.any);
        self.characters += length;
        for (kind, score) in score.by_kind {
            *self.by_kind.entry(kind).or_default() += score;
        }
        if let Some(group) = group {
            *self.groups.entry(group).or_default() += score.any;
        }
        for (mark, fate) in marks.iter().zip(score.gold) {
            let counted = usize::from(fate != Fate::Inside);
            let masked = found.iter().map(|found| {
                let end = mark.end.min(found.range.end);
                end.saturating_sub(mark.start.max(found.range.start))
            });
            let of_mark = Score {
                spans: Counts {
                    gold: counted,
                    matched: usize::from(fate == Fate::Matched),
                    ..Counts::default()
                },
                characters: Counts {
                    gold: mark.end - mark.start,
                    matched: masked.sum(),
                    ..Counts::default()
                },
            };
            *self.labels.entry(mark.label.clone()).or_default() += of_mark;
        }
    }

    fn report(
        self,
        arguments: &Arguments,
        setting: Setting,
        labels: &Labels,
        times: Times,
    ) -> Report {
        let any = sum(&self.texts);
        let groups: Vec<Score> = self.groups.values().copied().collect();
        let drawn = if arguments.by.is_some() {
            &groups
        } else {
            &self.texts
        };
        let per_span = intervals(drawn, |score| figures(&score.spans));
        let per_character = intervals(drawn, |score| figures(&score.characters));
        let with = |counts: Counts, interval: [Option<(f64, f64)>; 4]| Figures {
            interval_95: Some(Four::from(interval)),
            ..Figures::from(counts)
        };
        let structured = self
            .by_kind
            .iter()
            .filter(|(kind, _)| is_structured(**kind));
        let name = arguments.data.file_name().unwrap_or_default();
        Report {
            data: name.to_string_lossy().into_owned(),
            setting,
            texts: self.texts.len(),
            characters: self.characters,
            masked_share: share(any.characters.found, self.characters),
            any_type: Both {
                per_span: with(any.spans, per_span),
                per_character: with(any.characters, per_character),
            },
            right_type: sum(self.by_kind.values()).into(),
            structured_types: sum(structured.map(|(_, score)| score)).into(),
            by_type: self
                .by_kind
                .iter()
                .map(|(kind, score)| (kind.name(), Both::from(*score)))
                .collect(),
            by_data_type: self
                .labels
                .into_iter()
                .map(|(label, score)| {
                    let of_label = OfLabel {
                        kind: match labels.meaning(&label) {
                            Meaning::Kind(kind) => Some(kind),
                            Meaning::LeftOut | Meaning::Unknown => None,
                        },
                        gold: score.spans.gold,
                        matched: score.spans.matched,
                        recall: score.spans.recall(),
                        character_recall: score.characters.recall(),
                    };
                    (label, of_label)
                })
                .collect(),
            by: arguments
                .by
                .as_ref()
                .map(|field| Groups::new(field, &self.groups)),
            times,
        }
    }
}

/// Kinds that have a form by which they are known, be it with the help of words nearby.
fn is_structured(kind: EntityKind) -> bool {
    !matches!(
        kind,
        EntityKind::Person
            | EntityKind::UserName
            | EntityKind::Organization
            | EntityKind::Location
            | EntityKind::Address
            | EntityKind::Group
            | EntityKind::DateOfBirth
            | EntityKind::Date
            | EntityKind::Age
    )
}

fn sum<'s>(scores: impl IntoIterator<Item = &'s Score>) -> Score {
    let mut sum = Score::default();
    for score in scores {
        sum += *score;
    }
    sum
}

/// Precision, recall, F1, F2.
fn figures(counts: &Counts) -> [Option<f64>; 4] {
    [
        counts.precision(),
        counts.recall(),
        counts.f(1.0),
        counts.f(2.0),
    ]
}

/// What is printed.
#[derive(Serialize)]
struct Report {
    data: String,
    #[serde(flatten)]
    setting: Setting,
    texts: usize,
    characters: usize,
    masked_share: Option<f64>,
    any_type: Both,
    right_type: Both,
    structured_types: Both,
    by_type: BTreeMap<&'static str, Both>,
    by_data_type: BTreeMap<String, OfLabel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Groups>,
    #[serde(flatten)]
    times: Times,
}

#[derive(Serialize)]
struct Both {
    per_span: Figures,
    per_character: Figures,
}

impl From<Score> for Both {
    fn from(score: Score) -> Self {
        Self {
            per_span: score.spans.into(),
            per_character: score.characters.into(),
        }
    }
}

#[derive(Serialize)]
struct Figures {
    gold: usize,
    found: usize,
    matched: usize,
    #[serde(flatten)]
    figures: Four<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_95: Option<Four<(f64, f64)>>,
}

impl From<Counts> for Figures {
    fn from(counts: Counts) -> Self {
        Self {
            gold: counts.gold,
            found: counts.found,
            matched: counts.matched,
            figures: figures(&counts).into(),
            interval_95: None,
        }
    }
}

#[derive(Serialize)]
struct Four<T> {
    precision: Option<T>,
    recall: Option<T>,
    f1: Option<T>,
    f2: Option<T>,
}

impl<T> From<[Option<T>; 4]> for Four<T> {
    fn from([precision, recall, f1, f2]: [Option<T>; 4]) -> Self {
        Self {
            precision,
            recall,
            f1,
            f2,
        }
    }
}

/// A type of the data.
#[derive(Serialize)]
struct OfLabel {
    /// Ours; none if it is left out by type.
    #[serde(rename = "type")]
    kind: Option<EntityKind>,
    gold: usize,
    matched: usize,
    recall: Option<f64>,
    character_recall: Option<f64>,
}

/// The figures of `--by`, spans of any type.
#[derive(Serialize)]
struct Groups {
    field: String,
    groups: usize,
    /// Each group weighs the same; those for which a figure does not exist are left out of its mean.
    mean: Four<f64>,
    each: BTreeMap<String, Figures>,
}

impl Groups {
    fn new(field: &str, groups: &BTreeMap<String, Score>) -> Self {
        let all: Vec<[Option<f64>; 4]> =
            groups.values().map(|score| figures(&score.spans)).collect();
        let mean = [0, 1, 2, 3].map(|at| {
            let values: Vec<f64> = all.iter().filter_map(|figures| figures[at]).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        });
        Self {
            field: field.to_owned(),
            groups: groups.len(),
            mean: mean.into(),
            each: groups
                .iter()
                .map(|(value, score)| (value.clone(), score.spans.into()))
                .collect(),
        }
    }
}
