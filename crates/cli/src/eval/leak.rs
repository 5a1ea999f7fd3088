//! `tidegate eval leak`: how much of what should stay private is still in prompts after replacement.

use std::{io::Write, ops::AddAssign, path::PathBuf};

use anyhow::bail;
use clap::Args;
use privacy_training::spans::share;
use query::PrivacyClass;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    bootstrap::intervals,
    privacy::create,
    timing::{Stopwatch, Times},
};
use crate::{
    lines::{Lines, until_closed},
    personal::{self, Options, Setting},
};

pub(super) const ABOUT: &str = "\
How much of what should stay private is still in prompts after replacement: one line of JSON.

Each line of the data is {\"prompt\", \"units\": [\"…\"]}; a unit is a text that should not leave.

  leaked_share      units that stand in the prompt as it would leave, whatever the case / all units
  leaked_share_of_in_prompt
                    the same, of the units that stand in the prompt to begin with
  masked_share      characters (code points) replaced / all characters
  interval_95       bootstrap over prompts
  prompts_leaking   prompts with at least one unit that leaks
  prompts_blocked   prompts that would not be sent at all, because they hold or are about something that may \
not leave. They are counted as if they were sent with placeholders.
  ms_per_text, ms_per_1000_characters
                    50th and 99th percentile of finding, of this build on one thread";

/// Options of `tidegate eval leak`.
#[derive(Args)]
pub struct Arguments {
    /// Prompts, one JSON object a line: `prompt`, and `units`, a list of texts.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    #[command(flatten)]
    options: Options,
    /// Writes there which units leak, one JSON object for each prompt that has such. It holds these units.
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

const EXPECTED: &str =
    "each line is a JSON object with a string `prompt` and a list of strings `units`";

/// Replaces, looks and counts.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut lines = Lines::open(Some(&arguments.data), EXPECTED)?;
    let mut errors = arguments.errors.as_deref().map(create).transpose()?;
    let finder = arguments.options.finder()?;
    let setting = finder.setting.clone();
    let mut watch = Stopwatch::new(finder);
    let mut prompts: Vec<Counts> = Vec::new();
    let mut blocked = 0;
    while let Some(line) = lines.read()? {
        let prompt = lines.text(&line, "prompt")?;
        let units = line.get("units").map(Vec::<String>::deserialize);
        // What serde says may quote the value.
        let Some(Ok(units)) = units else {
            return Err(lines.bad("`units` is missing, or no list of strings"));
        };

        let request = personal::request(prompt);
        let findings = watch.find(&request);
        let masked = personal::mask(&findings);
        blocked += usize::from(masked.blocked);
        let fates = fates(prompt, &masked.text, &units);
        let leaked: Vec<&str> = fates
            .iter()
            .filter(|fate| fate.leaks)
            .map(|fate| fate.unit)
            .collect();
        if let Some(file) = &mut errors
            && !leaked.is_empty()
        {
            let line = json!({ "line": lines.number(), "leaked": leaked });
            writeln!(file, "{line}")?;
        }
        let replaced = personal::spans(&findings)
            .iter()
            .filter(|span| span.class != PrivacyClass::Public)
            .map(|span| span.end - span.start)
            .sum();
        let count = |holds: fn(&Fate<'_>) -> bool| fates.iter().filter(|fate| holds(fate)).count();
        prompts.push(Counts {
            units: fates.len(),
            leaked: leaked.len(),
            in_prompt: count(|fate| fate.in_prompt),
            leaked_in_prompt: count(|fate| fate.in_prompt && fate.leaks),
            characters: prompt.chars().count(),
            replaced,
        });
    }
    if prompts.is_empty() {
        bail!("{} has no lines", arguments.data.display());
    }
    if let Some(mut file) = errors {
        file.flush()?;
    }
    let report = Report::new(arguments, setting, &prompts, blocked, watch.times());
    until_closed(
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?).map_err(Into::into),
    )
}

/// What became of a unit.
#[derive(Debug, PartialEq)]
struct Fate<'u> {
    unit: &'u str,
    in_prompt: bool,
    leaks: bool,
}

/// Empty units say nothing and are left out; white space around a unit is not part of it.
fn fates<'u>(prompt: &str, masked: &str, units: &'u [String]) -> Vec<Fate<'u>> {
    let (prompt, masked) = (prompt.to_lowercase(), masked.to_lowercase());
    let units = units.iter().map(|unit| unit.trim());
    units
        .filter(|unit| !unit.is_empty())
        .map(|unit| {
            let lower = unit.to_lowercase();
            Fate {
                unit,
                in_prompt: prompt.contains(&lower),
                leaks: masked.contains(&lower),
            }
        })
        .collect()
}

/// Of one prompt, or of all.
#[derive(Clone, Copy, Default)]
struct Counts {
    units: usize,
    leaked: usize,
    in_prompt: usize,
    leaked_in_prompt: usize,
    characters: usize,
    replaced: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.units += other.units;
        self.leaked += other.leaked;
        self.in_prompt += other.in_prompt;
        self.leaked_in_prompt += other.leaked_in_prompt;
        self.characters += other.characters;
        self.replaced += other.replaced;
    }
}

impl Counts {
    /// Leaked of all units, leaked of those in the prompt, replaced of all characters.
    fn shares(&self) -> [Option<f64>; 3] {
        [
            share(self.leaked, self.units),
            share(self.leaked_in_prompt, self.in_prompt),
            share(self.replaced, self.characters),
        ]
    }
}

/// What is printed.
#[derive(Serialize)]
struct Report {
    data: String,
    #[serde(flatten)]
    setting: Setting,
    prompts: usize,
    prompts_leaking: usize,
    prompts_blocked: usize,
    units: usize,
    units_in_prompt: usize,
    leaked: usize,
    #[serde(flatten)]
    shares: Shares<f64>,
    interval_95: Shares<(f64, f64)>,
    #[serde(flatten)]
    times: Times,
}

#[derive(Serialize)]
struct Shares<T> {
    leaked_share: Option<T>,
    leaked_share_of_in_prompt: Option<T>,
    masked_share: Option<T>,
}

impl<T> From<[Option<T>; 3]> for Shares<T> {
    fn from([leaked_share, leaked_share_of_in_prompt, masked_share]: [Option<T>; 3]) -> Self {
        Self {
            leaked_share,
            leaked_share_of_in_prompt,
            masked_share,
        }
    }
}

impl Report {
    fn new(
        arguments: &Arguments,
        setting: Setting,
        prompts: &[Counts],
        blocked: usize,
        times: Times,
    ) -> Self {
        let mut sum = Counts::default();
        for prompt in prompts {
            sum += *prompt;
        }
        let name = arguments.data.file_name().unwrap_or_default();
        Self {
            data: name.to_string_lossy().into_owned(),
            setting,
            prompts: prompts.len(),
            prompts_leaking: prompts.iter().filter(|prompt| prompt.leaked > 0).count(),
            prompts_blocked: blocked,
            units: sum.units,
            units_in_prompt: sum.in_prompt,
            leaked: sum.leaked,
            shares: sum.shares().into(),
            interval_95: intervals(prompts, Counts::shares).into(),
            times,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_leaks_where_it_still_stands_whatever_the_case() {
        let units = ["Ada", "ÉLAN", " at@example.com ", "", "absent"].map(String::from);
        let fates = fates(
            "ADA of Élan, at@example.com",
            "ada of élan, [EMAIL_1]",
            &units,
        );
        let fate = |unit, in_prompt, leaks| Fate {
            unit,
            in_prompt,
            leaks,
        };
        assert_eq!(
            fates,
            [
                fate("Ada", true, true),
                fate("ÉLAN", true, true),
                fate("at@example.com", true, false),
                fate("absent", false, false),
            ]
        );
    }
}
