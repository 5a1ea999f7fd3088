//! A user's own log: one question a line.

use std::{collections::BTreeMap, io, path::Path};

use anyhow::{Context, bail};
use query::{Intent, Price, Target};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    lines::Lines,
    route::{Decider, tokens},
};

const EXPECTED: &str = "each line is a JSON object with `prompt`, `intent` or `domain`, and if known `tokens_in`, `tokens_out`, `route`, `quality`, `feedback`, `cost`, `model`, `ms` and `time`";
/// Lines that are wrong and are named; more are counted.
const NAMED: usize = 20;
/// Tokens of an answer, where no line says how many.
const ANSWER: f64 = 200.0;

/// A line as it is written.
#[derive(Deserialize)]
struct Line {
    prompt: Option<String>,
    intent: Option<Intent>,
    domain: Option<String>,
    tokens_in: Option<u32>,
    tokens_out: Option<u32>,
    route: Option<Target>,
    quality: Option<f64>,
    feedback: Option<Feedback>,
    cost: Option<f64>,
    model: Option<String>,
    ms: Option<f64>,
    time: Option<f64>,
}

/// What the person did with the answer.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Feedback {
    /// Said that it is good, or took it over.
    Up,
    /// Said that it is bad.
    Down,
    /// Asked again.
    Retry,
    /// Changed it.
    Edit,
    /// Asked for the cloud instead.
    Escalate,
}

/// A question of the log.
pub(super) struct Entry {
    /// Its domain if the line names one, else its intent.
    pub(super) kind: String,
    /// Where it was answered.
    pub(super) logged: Option<Target>,
    /// Where it would be answered now; none without its text, or where nothing may answer.
    pub(super) now: Option<Target>,
    /// How good the answer was, 0 to 1.
    pub(super) quality: Option<f64>,
    /// What the cloud's answer costs, or would.
    pub(super) cloud_cost: f64,
    /// What an answer here costs, or would.
    pub(super) local_cost: f64,
    /// What it did cost, where the line says.
    pub(super) cost: Option<f64>,
    /// Until the answer was whole.
    pub(super) ms: Option<f64>,
    /// Seconds since 1970.
    pub(super) time: Option<f64>,
}

/// A line that could not be read.
#[derive(Serialize)]
pub(super) struct Broken {
    /// From 1.
    line: usize,
    /// Where, and what is wrong.
    pub(super) what: String,
}

/// All of it.
#[derive(Default)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    /// The first ones.
    pub(super) broken: Vec<Broken>,
    pub(super) broken_lines: usize,
    /// Of answers whose tokens no line says.
    pub(super) tokens_guessed: usize,
}

/// What models cost, by name, for a million tokens; `cloud` and `local` where a line names none.
pub(super) type Prices = BTreeMap<String, Price>;

impl Log {
    /// Reads a log. A line that is wrong is named, and the others count.
    ///
    /// # Errors
    /// If the file cannot be read, no line is right, or more are wrong than right.
    pub(super) fn read(
        path: Option<&Path>,
        decider: &Decider,
        prices: &Prices,
    ) -> anyhow::Result<Self> {
        let mut lines = Lines::open(path, EXPECTED)?;
        let mut log = Self::default();
        let mut read = Vec::new();
        loop {
            let line = match lines.read() {
                Ok(None) => break,
                Ok(Some(object)) => Line::new(Value::Object(object), prices)
                    .map_err(|error| lines.bad(&error.to_string())),
                Err(error) if error.downcast_ref::<io::Error>().is_some() => return Err(error),
                Err(error) => Err(error),
            };
            match line {
                Ok(line) => read.push(line),
                Err(error) => {
                    log.broken_lines += 1;
                    if log.broken.len() < NAMED {
                        let what = error.to_string();
                        // What all lines must look like is said once.
                        let what = what.split("; each line").next().unwrap_or_default();
                        let line = lines.number();
                        log.broken.push(Broken {
                            line,
                            what: what.to_owned(),
                        });
                    }
                }
            }
        }
        if read.len() <= log.broken_lines {
            let first = log.broken.first();
            let first = first.map_or(String::new(), |broken| format!(" ({})", broken.what));
            bail!(
                "{} of {} lines cannot be read{first}; {EXPECTED}",
                log.broken_lines,
                read.len() + log.broken_lines
            );
        }
        let known = read
            .iter()
            .filter_map(|line| line.tokens_out)
            .map(f64::from);
        let answer = mean(known).unwrap_or(ANSWER);
        for line in read {
            log.tokens_guessed += usize::from(line.tokens_out.is_none());
            log.entries.push(line.entry(decider, prices, answer));
        }
        Ok(log)
    }
}

impl Line {
    fn new(object: Value, prices: &Prices) -> anyhow::Result<Self> {
        // serde's own words would show what stands there.
        let wrong = Self::first_wrong(&object);
        let line: Self = serde_json::from_value(object)
            .map_err(|_| anyhow::anyhow!("`{wrong}` has a value that it cannot have"))?;
        if line.prompt.is_none() && line.intent.is_none() && line.domain.is_none() {
            bail!("no `prompt`, no `intent` and no `domain`");
        }
        if line
            .quality
            .is_some_and(|quality| !(0.0..=1.0).contains(&quality))
        {
            bail!("`quality` is not between 0 and 1");
        }
        if [line.cost, line.ms]
            .into_iter()
            .flatten()
            .any(|number| number < 0.0)
        {
            bail!("`cost` or `ms` is below 0");
        }
        if line
            .model
            .as_ref()
            .is_some_and(|model| !prices.contains_key(model))
        {
            bail!("the price table has no such `model`");
        }
        Ok(line)
    }

    /// The first field whose value does not fit, whatever the others are.
    fn first_wrong(object: &Value) -> String {
        let fields = object.as_object().into_iter().flatten();
        let mut alone = fields.map(|(name, value)| (name, json!({ name: value })));
        let wrong = alone.find(|(_, alone)| serde_json::from_value::<Self>(alone.clone()).is_err());
        wrong.map_or("a field".to_owned(), |(name, _)| name.clone())
    }

    fn entry(self, decider: &Decider, prices: &Prices, answer: f64) -> Entry {
        let prompt = self.prompt.as_deref();
        let named = self.model.as_deref().and_then(|model| prices.get(model));
        let price = |place: &str, at: Target| {
            let named = named.filter(|_| self.route == Some(at));
            named.or(prices.get(place)).copied()
        };
        let (cloud, local) = (price("cloud", Target::Cloud), price("local", Target::Local));
        let asked = self
            .tokens_in
            .or(prompt.map(tokens))
            .map_or(answer, f64::from);
        let answered = self.tokens_out.map_or(answer, f64::from);
        let cost = |price: Option<Price>| {
            price.map_or(0.0, |price| {
                (f64::from(price.input) * asked + f64::from(price.output) * answered) / 1e6
            })
        };
        let paid = |at: Target| self.cost.filter(|_| self.route == Some(at));
        let intent = || {
            let known = self.intent.or(prompt.map(|prompt| decider.intent(prompt)));
            known.map_or("unknown", Intent::name).to_owned()
        };
        Entry {
            now: prompt.and_then(|prompt| {
                let decided = decider.decide(prompt, cloud);
                Some(decided.result.ok()?.target)
            }),
            kind: self.domain.clone().unwrap_or_else(intent),
            logged: self.route,
            quality: self.quality.or(self.feedback.map(Feedback::quality)),
            cloud_cost: paid(Target::Cloud).unwrap_or(cost(cloud)),
            local_cost: paid(Target::Local).unwrap_or(cost(local)),
            cost: self.cost,
            ms: self.ms,
            time: self.time,
        }
    }
}

impl Feedback {
    /// How good an answer was that somebody did this with.
    fn quality(self) -> f64 {
        match self {
            Self::Up => 1.0,
            Self::Edit => 0.5,
            Self::Down | Self::Retry | Self::Escalate => 0.0,
        }
    }
}

/// None of nothing.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The price table: a file, or a guess that is said to be one.
///
/// # Errors
/// If the file cannot be read, or has no price of `cloud`.
pub(super) fn prices(path: Option<&Path>) -> anyhow::Result<Prices> {
    let Some(path) = path else {
        let cloud = Price {
            input: 2.5,
            output: 10.0,
        };
        return Ok(BTreeMap::from([("cloud".to_owned(), cloud)]));
    };
    let name = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(name)?;
    let prices: Prices = serde_json::from_str(&text).with_context(name)?;
    if !prices.contains_key("cloud") {
        bail!(
            "{}: no price of `cloud`; write {{\"cloud\": {{\"input\": 2.5, \"output\": 10}}}}, for a million tokens",
            name()
        );
    }
    Ok(prices)
}
