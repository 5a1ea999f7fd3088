//! `tidegate detect` and `tidegate sanitize`: personal data found and replaced, line by line.

use std::{
    io::{Read, StdoutLock, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;
use query::{Replaced, TopicFinding};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    lines::{self, Lines, until_closed},
    personal::{self, Options, Span},
};

/// Options of `tidegate detect` and `tidegate sanitize`.
#[derive(Args)]
pub struct Arguments {
    /// What to read; standard input if none is given, or `-`.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The input is one plain text, read whole, so that what goes over several lines is found, too.
    /// `detect` then writes one line of JSON, `sanitize` the text.
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    options: Options,
}

type Object = Map<String, Value>;

#[derive(Serialize)]
struct Detected {
    #[serde(flatten)]
    other: Object,
    spans: Vec<Span>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    topics: Vec<TopicFinding>,
}

#[derive(Serialize)]
struct Sanitized {
    /// With `text` among them, in its place.
    #[serde(flatten)]
    other: Object,
    replaced: Vec<Replaced>,
    blocked: bool,
}

/// Writes the spans and topics of each text.
pub fn detect(arguments: &Arguments) -> anyhow::Result<()> {
    let finder = arguments.options.finder()?;
    each_text(arguments, |text, line, out| {
        let request = personal::request(text);
        let findings = finder.find(&request);
        let spans = personal::spans(&findings);
        let topics = findings.topics().to_vec();
        let mut other = line.unwrap_or_default();
        // `remove` would move the last field into the gap.
        other.shift_remove("text");
        other.shift_remove("spans");
        other.shift_remove("topics");
        let line = serde_json::to_string(&Detected {
            other,
            spans,
            topics,
        })?;
        writeln!(out, "{line}")?;
        Ok(())
    })
}

/// Writes each text with placeholders.
pub fn sanitize(arguments: &Arguments) -> anyhow::Result<()> {
    let finder = arguments.options.finder()?;
    each_text(arguments, |text, line, out| {
        let request = personal::request(text);
        let masked = personal::mask(&finder.find(&request));
        let Some(mut other) = line else {
            out.write_all(masked.text.as_bytes())?;
            if masked.blocked {
                eprintln!(
                    "note: the text holds or is about something that may not leave; Tidegate would refuse to send it"
                );
            }
            return Ok(());
        };
        other.insert("text".to_owned(), Value::String(masked.text));
        other.shift_remove("replaced");
        other.shift_remove("blocked");
        let line = serde_json::to_string(&Sanitized {
            other,
            replaced: masked.replaced,
            blocked: masked.blocked,
        })?;
        writeln!(out, "{line}")?;
        Ok(())
    })
}

/// Each line's text and the line, or the whole input and none.
fn each_text(
    arguments: &Arguments,
    mut write: impl FnMut(&str, Option<Object>, &mut StdoutLock<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let path = arguments.file.as_deref();
    // Written out at the end of every line: somebody may be waiting for it.
    let mut out = std::io::stdout().lock();
    if arguments.plain {
        let (mut reader, name) = lines::open(path)?;
        let mut text = String::new();
        reader
            .read_to_string(&mut text)
            .with_context(|| format!("{name}: reading plain text, which must be UTF-8"))?;
        until_closed(write(&text, None, &mut out))?;
    } else {
        let expected =
            "each line is a JSON object with a string `text`; for plain text give --plain";
        let mut lines = Lines::open(path, expected)?;
        while let Some(line) = lines.read()? {
            let text = lines.text(&line, "text")?.to_owned();
            let written = write(&text, Some(line), &mut out);
            if written.is_err() {
                return until_closed(written);
            }
        }
    }
    until_closed(out.flush().map_err(Into::into))
}
