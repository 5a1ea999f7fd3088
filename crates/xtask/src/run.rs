//! Steps with a position and a time, and commands whose output goes to a log.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use duct::Expression;

use crate::places;

/// Lines of a failed command's log that are shown.
const TAIL: usize = 40;

/// Counts steps and prints them: `[3/12] npm packages`, then what came of it and how long it took.
pub struct Steps {
    total: usize,
    done: usize,
}

/// What a step found or did.
pub enum Outcome {
    /// Nothing to do.
    There(String),
    /// Done now.
    Did(String),
}

impl Steps {
    /// Steps to come.
    pub fn new(total: usize) -> Self {
        Self { total, done: 0 }
    }

    /// Runs the next step.
    pub fn step(&mut self, title: &str, work: impl FnOnce() -> Result<Outcome>) -> Result<()> {
        self.done += 1;
        let position = format!("[{}/{}]", self.done, self.total);
        println!("{position} {title}");
        let start = Instant::now();
        let outcome = work().with_context(|| format!("{position} {title}"))?;
        match outcome {
            Outcome::There(what) => println!("      there: {what}"),
            Outcome::Did(what) => println!("      {what} ({})", seconds(start)),
        }
        Ok(())
    }
}

/// `12.3 s` since `start`.
pub fn seconds(start: Instant) -> String {
    format!("{:.1} s", start.elapsed().as_secs_f64())
}

/// The log of the command `name`.
pub fn log(name: &str) -> PathBuf {
    places::logs().join(format!("{name}.log"))
}

/// Runs a command in the checkout, with its output in the log `name`; on failure shows the log's end.
pub fn quiet(name: &str, command: Expression) -> Result<()> {
    let log = log(name);
    fs::create_dir_all(places::logs())?;
    let output = command
        .stderr_to_stdout()
        .stdout_path(&log)
        .stdin_null()
        .unchecked()
        .run()
        .with_context(|| format!("{name} did not start; is the program installed?"))?;
    if output.status.success() {
        return Ok(());
    }
    show_tail(&log);
    bail!(
        "{name} failed ({}); whole log: {}",
        output.status,
        log.display()
    );
}

/// Runs a command and gives its standard output, trimmed.
pub fn read(command: Expression) -> Result<String> {
    Ok(command.stderr_null().stdin_null().read()?.trim().to_owned())
}

fn show_tail(log: &PathBuf) {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
    // Nothing better to do when the terminal is gone.
    let _ = writeln!(std::io::stderr(), "{tail}");
}
