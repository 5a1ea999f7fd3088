//! `tidegate doctor`: from a user's own log, whether a hybrid of page and cloud is worth having at all.

mod diagnosis;
mod log;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::route;
use diagnosis::{Diagnosis, Needs};
use log::{Broken, Log, Prices};

/// What the log holds.
pub const ABOUT: &str = "\
Say from a log of questions whether hybrid is worth it, what costs most, and what each tier would cost.

The log is JSON Lines, one question a line. A line has a `prompt`, an `intent` or a `domain`; and if known
`tokens_in` and `tokens_out` (else a quarter of the prompt's bytes, and the mean of the other answers),
`route` (`local` or `cloud`), `quality` of the answer (0 to 1) or `feedback` (`up`, `down`, `retry`, `edit`,
`escalate`), `cost`, the `model` that answered (a name in the price table), `ms` until the answer was whole, and
`time` in seconds since 1970. Other fields are passed over. Lines that cannot be read are named and left out.";

/// Options of `tidegate doctor`.
#[derive(Args)]
pub struct Arguments {
    /// The log; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    log: PathBuf,
    /// What models cost for a million tokens: `{"cloud": {"input": 2.5, "output": 10}, …}`. `cloud` and `local`
    /// are taken where a line names no `model`. Without it, what stands here for `cloud`, and nothing for `local`.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Days that the log covers, if its lines have no `time`.
    #[arg(long, value_name = "N", default_value_t = 30.0)]
    days: f64,
    /// What hybrid has to save in a month, in the currency of the prices, to be worth its upkeep.
    #[arg(long, value_name = "AMOUNT", default_value_t = 50.0)]
    worth: f64,
    /// Prints one line of JSON instead of sentences.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    circumstances: route::Circumstances,
}

#[derive(Serialize)]
struct Report<'l> {
    #[serde(flatten)]
    diagnosis: &'l Diagnosis,
    prices: &'l Prices,
    /// Nobody gave a price table.
    prices_assumed: bool,
    /// Answers whose tokens are a guess.
    tokens_guessed: usize,
    broken_lines: usize,
    /// The first of them.
    broken: &'l [Broken],
}

/// Reads and says.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(
        arguments.days.is_finite() && arguments.days > 0.0,
        "--days: must be more than 0"
    );
    let prices = log::prices(arguments.prices.as_deref())?;
    let decider = arguments.circumstances.decider()?;
    let log = Log::read(Some(&arguments.log), &decider, &prices)?;
    let needs = Needs {
        days: arguments.days,
        worth: arguments.worth,
    };
    let diagnosis = Diagnosis::of(&log.entries, &needs);
    let report = Report {
        diagnosis: &diagnosis,
        prices: &prices,
        prices_assumed: arguments.prices.is_none(),
        tokens_guessed: log.tokens_guessed,
        broken_lines: log.broken_lines,
        broken: &log.broken,
    };
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{}", words(&report));
    }
    Ok(())
}

/// The report as a person reads it.
fn words(report: &Report<'_>) -> String {
    let Diagnosis {
        questions,
        days,
        conclusion,
        findings,
        kinds,
        dearest,
        tiers,
        ..
    } = report.diagnosis;
    let mut lines = vec![
        conclusion.clone(),
        String::new(),
        format!("{questions} questions in {days:.1} days"),
    ];
    for finding in findings {
        lines.push(format!("[{}] {}", finding.state.word(), finding.text));
    }
    lines.extend([String::new(), dearest.text.clone(), String::new()]);
    lines.push(format!(
        "{:<20}{:>10}{:>14}{:>10}{:>10}",
        "kind", "questions", "cloud, month", "local", "cloud"
    ));
    let graded = |quality: Option<f64>| quality.map_or("-".to_owned(), |mean| format!("{mean:.2}"));
    for kind in kinds {
        lines.push(format!(
            "{:<20}{:>10}{:>14.2}{:>10}{:>10}",
            kind.name,
            kind.questions,
            kind.cloud_month,
            graded(kind.local_quality.mean),
            graded(kind.cloud_quality.mean),
        ));
    }
    lines.push(String::new());
    for tier in tiers {
        lines.push(format!(
            "{:<20}{:>10.2} a month, {:.0}% to the cloud",
            tier.name,
            tier.month,
            100.0 * tier.cloud_share
        ));
    }
    if report.prices_assumed {
        lines.push(
            "The prices are assumed (2.5 and 10 for a million tokens in and out); give yours with --prices."
                .to_owned(),
        );
    }
    if report.tokens_guessed > 0 {
        lines.push(format!(
            "{} answers do not say their `tokens_out`: they are taken to be as long as the others.",
            report.tokens_guessed
        ));
    }
    for broken in report.broken {
        lines.push(format!("left out: {}", broken.what));
    }
    let unnamed = report.broken_lines - report.broken.len();
    if unnamed > 0 {
        lines.push(format!("left out: {unnamed} more lines"));
    }
    lines.push(String::new());
    lines.join("\n")
}
