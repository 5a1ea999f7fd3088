//! `tidegate replay`: kept decisions, made again.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::bail;
use clap::Args;
use router::{Decision, Record, replay};
use serde::Serialize;
use serde_json::Value;

use crate::lines::{Lines, until_closed};

/// Options of `tidegate replay`.
#[derive(Args)]
pub struct Arguments {
    /// Records, one a line; standard input if none is given, or `-`.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Not a `Value`, which would widen each `f32` to other digits.
#[derive(Serialize)]
struct Told {
    same: bool,
    version: u32,
    result: Decision,
}

/// Decides each record again and says whether it came out the same. An error if one of this version did not.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let expected = "expected the record of a decision, as `diagnostics.lastRecord()` gives it";
    let mut lines = Lines::open(arguments.file.as_deref(), expected)?;
    let mut others = 0;
    let mut out = io::stdout().lock();
    while let Some(object) = lines.read()? {
        // serde's error could quote a value.
        let record: Record =
            serde_json::from_value(Value::Object(object)).map_err(|_| lines.bad("not a record"))?;
        let result = replay(&record);
        let same = result == record.result;
        others += usize::from(!same && record.version == Record::VERSION);
        let version = record.version;
        let told = serde_json::to_string(&Told {
            same,
            version,
            result,
        })?;
        if let Err(error) = writeln!(out, "{told}") {
            return until_closed(Err(error.into()));
        }
    }
    if others > 0 {
        bail!("{others} of the records came out otherwise; were they changed?");
    }
    Ok(())
}
