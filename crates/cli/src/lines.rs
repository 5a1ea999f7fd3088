//! JSON Lines, one at a time: a file or standard input.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind},
    path::Path,
};

use anyhow::{Context, anyhow};
use serde_json::{Map, Value};

/// Objects, one a line. Nothing of a line's content gets into an error.
pub(crate) struct Lines {
    reader: Box<dyn BufRead>,
    name: String,
    /// What a line must look like: part of every error.
    expected: &'static str,
    /// Of the line read last, from 1.
    number: usize,
    buffer: Vec<u8>,
}

impl Lines {
    /// A file, or standard input for none and for `-`.
    pub(crate) fn open(path: Option<&Path>, expected: &'static str) -> anyhow::Result<Self> {
        let (reader, name) = open(path)?;
        Ok(Self {
            reader,
            name,
            expected,
            number: 0,
            buffer: Vec::new(),
        })
    }

    /// The next line that is not blank; none at the end.
    pub(crate) fn read(&mut self) -> anyhow::Result<Option<Map<String, Value>>> {
        loop {
            self.buffer.clear();
            self.number += 1;
            let length = self
                .reader
                .read_until(b'\n', &mut self.buffer)
                .with_context(|| format!("{}, line {}", self.name, self.number))?;
            if length == 0 {
                return Ok(None);
            }
            if self.buffer.trim_ascii().is_empty() {
                continue;
            }
            return match serde_json::from_slice(self.buffer.trim_ascii_end()) {
                Ok(Value::Object(object)) => Ok(Some(object)),
                Ok(_) => Err(self.bad("JSON, but not an object")),
                Err(error) => {
                    let column = error.column();
                    let error = error.to_string();
                    // It says "at line 1": that of the object, not of the file.
                    let reason = error.split(" at line ").next().unwrap_or_default();
                    Err(self.bad(&format!("not JSON: {reason} at column {column}")))
                }
            };
        }
    }

    /// An error in the line read last: where, what, and what is expected.
    pub(crate) fn bad(&self, what: &str) -> anyhow::Error {
        let Self {
            name,
            number,
            expected,
            ..
        } = self;
        anyhow!("{name}, line {number}: {what}; {expected}")
    }

    /// A field of the line read last that must be a text.
    pub(crate) fn text<'o>(
        &self,
        object: &'o Map<String, Value>,
        field: &str,
    ) -> anyhow::Result<&'o str> {
        match object.get(field) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.bad(&format!("`{field}` is not a string"))),
            None => Err(self.bad(&format!("no field `{field}`"))),
        }
    }

    /// Of the line read last, from 1.
    pub(crate) fn number(&self) -> usize {
        self.number
    }
}

/// A file, or standard input for none and for `-`, and its name for errors.
pub(crate) fn open(path: Option<&Path>) -> anyhow::Result<(Box<dyn BufRead>, String)> {
    match path {
        Some(path) if path != Path::new("-") => {
            let name = path.display().to_string();
            let file = File::open(path).with_context(|| name.clone())?;
            Ok((Box::new(BufReader::new(file)), name))
        }
        _ => Ok((Box::new(io::stdin().lock()), "standard input".to_owned())),
    }
}

/// Whoever reads the output may have read enough (`| head`): that is an end, not an error.
pub(crate) fn until_closed(result: anyhow::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error)
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) =>
        {
            Ok(())
        }
        result => result,
    }
}
