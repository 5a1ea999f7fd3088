//! What is expected of questions, kept from one command to the next: lines `{"id","gain","novelty"}`.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use query::Estimate;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Line<I> {
    id: I,
    #[serde(flatten)]
    estimate: Estimate,
}

/// By the id of the question.
///
/// # Errors
/// Names the file and the line.
pub(crate) fn read(path: &Path) -> anyhow::Result<HashMap<String, Estimate>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    (1..)
        .zip(text.lines())
        .map(|(number, line)| {
            let place = || format!("{}, line {number}", path.display());
            let Line { id, estimate } = serde_json::from_str(line).with_context(place)?;
            Ok((id, estimate))
        })
        .collect()
}

/// Writes what [`read`] reads, over what was there.
pub(crate) fn write<'i>(
    path: &Path,
    estimates: impl IntoIterator<Item = (&'i str, Estimate)>,
) -> anyhow::Result<()> {
    let place = || path.display().to_string();
    let mut file = BufWriter::new(File::create(path).with_context(place)?);
    for (id, estimate) in estimates {
        serde_json::to_writer(&mut file, &Line { id, estimate })?;
        writeln!(file).with_context(place)?;
    }
    file.flush().with_context(place)
}
