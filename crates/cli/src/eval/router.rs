//! `tidegate eval router`: what the router's expected gain is worth on prompts whose scores are known.

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use oorandom::Rand64;
use router::{
    Sections,
    gain::{Estimate, Gain, KNOWN, SECTION},
};
use router_training::{
    corpus::{Scored, read_scored},
    gain::{
        Example, Options, alike, baseline,
        curve::{Curve, Point, Sorted, calibration_error},
        split, train,
    },
};
use serde_json::{Map, Value, json};

use super::{plot, timing::percentile};
use crate::learned;

/// Long help.
pub const ABOUT: &str = "\
What the router's expected gain is worth on prompts whose scores are known: one line of JSON for each file.

Lines are {\"id\",\"domain\",\"prompt\",\"weak\",\"strong\"}, scores from 0 to 1. The figures are of the weights that ship, \
of weights that are learned from --train (which must not be what is asked about: prompts that are nearly the same are \
left out of it), or, with --folds, of weights that are learned from all files but the part that is asked about.

`apgr` is the area under performance gap recovered over the share that is sent to the cloud: 0.5 for chance, none \
where the strong model is not better on average. `of_oracle` is how much of the way from chance (0.5) to the oracle (1) \
that area goes, and exists always. `cpt` is the least share to recover 50, 80 and 95% of the gap, `saved` the share of \
calls that need not be made for 90, 95 and 99% of the strong model's score. Brackets are 95% bootstrap intervals over \
groups of prompts that are nearly the same. `microseconds` are of this build on this machine, the least of three runs for each prompt, and for the same prompts \
joined and cut into pieces of 2,000 characters.";

/// Options of `tidegate eval router`.
#[derive(Args)]
pub struct Arguments {
    /// Prompts with scores. May be given more than once: each file has its own line of figures.
    #[arg(long, value_name = "FILE", required = true)]
    data: Vec<PathBuf>,
    /// Learns from these instead of taking the weights that ship.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folds", "weights"])]
    train: Vec<PathBuf>,
    /// Parts the prompts into so many, and asks about each part what was learned from all others of all files.
    #[arg(long, value_name = "N", conflicts_with = "weights")]
    folds: Option<usize>,
    /// With `--folds`, leaves out whole domains (subjects); files with fewer domains than parts are only learned from.
    #[arg(long, requires = "folds")]
    leave_domains: bool,
    /// The router's weights, if not those that the command was built with.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Takes this model's score for the weak one, from the field `scores`.
    #[arg(long, value_name = "NAME")]
    weak: Option<String>,
    /// Takes this model's score for the strong one, from the field `scores`.
    #[arg(long, value_name = "NAME")]
    strong: Option<String>,
    /// Of how the prompts are parted, and of what is learned.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Draws the curve of the first file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Prints one line of JSON for each file.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut prompts: Vec<Scored> = Vec::new();
    let mut files = Vec::new();
    for path in &arguments.data {
        let start = prompts.len();
        prompts.extend(read(path, arguments)?);
        files.push((path, start..prompts.len()));
    }
    let asked = prompts.len();
    for path in &arguments.train {
        prompts.extend(read(path, arguments)?);
    }
    let groups = alike::groups(prompts.iter().map(|prompt| prompt.prompt.as_str()));
    let all = All {
        examples: prompts.iter().map(Example::of).collect(),
        prompts,
        groups,
        seed: arguments.seed,
    };
    let (mut predicted, gain) = all.predict(arguments, asked, &files)?;
    for (number, (path, range)) in files.into_iter().enumerate() {
        let answered: Vec<Answered> = range.filter_map(|at| predicted[at].take()).collect();
        if answered.is_empty() {
            continue;
        }
        let mut figures = figures(&answered, &all);
        figures.insert(
            "microseconds_per_2000_characters".into(),
            all.times_of_pieces(&answered, &gain),
        );
        let mut line = json!({
            "file": path.file_name().map(|name| name.to_string_lossy()),
            "learned_from": learned_from(arguments),
        });
        if let Value::Object(line) = &mut line {
            line.extend(figures);
        }
        println!("{line}");
        if let (0, Some(file)) = (number, &arguments.plot) {
            let curves = curves(&answered, &all);
            plot::draw(file, &curves).with_context(|| file.display().to_string())?;
        }
    }
    Ok(())
}

fn learned_from(arguments: &Arguments) -> String {
    match (arguments.folds, &arguments.weights) {
        (Some(folds), _) if arguments.leave_domains => format!("other domains, {folds} parts"),
        (Some(folds), _) => format!("other prompts, {folds} parts"),
        (None, _) if !arguments.train.is_empty() => {
            let names = arguments.train.iter().filter_map(|path| path.file_name());
            names
                .map(|name| name.to_string_lossy())
                .collect::<Vec<_>>()
                .join(", ")
        }
        (None, Some(path)) => path.display().to_string(),
        (None, None) => "the weights that ship".to_owned(),
    }
}

fn read(path: &Path, arguments: &Arguments) -> anyhow::Result<Vec<Scored>> {
    let mut prompts = read_scored(path)?;
    let place = || path.display().to_string();
    for prompt in &mut prompts {
        let score = |name: &String| {
            let known = || {
                prompt
                    .scores
                    .keys()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let score = prompt.scores.get(name).copied();
            score.with_context(|| {
                format!("{}: no score of {name}; there are: {}", prompt.id, known())
            })
        };
        let weak = arguments
            .weak
            .as_ref()
            .map(score)
            .transpose()
            .with_context(place)?;
        let strong = arguments
            .strong
            .as_ref()
            .map(score)
            .transpose()
            .with_context(place)?;
        prompt.weak = weak.unwrap_or(prompt.weak);
        prompt.strong = strong.unwrap_or(prompt.strong);
    }
    Ok(prompts)
}

/// All prompts: first those that are asked about.
struct All {
    prompts: Vec<Scored>,
    examples: Vec<Example>,
    groups: Vec<usize>,
    seed: u64,
}

/// A prompt, and what was predicted for it.
struct Answered {
    prompt: usize,
    gain: f32,
    novelty: f32,
    /// Of the TF-IDF ridge, where there was something to learn from.
    ridge: Option<f32>,
    microseconds: f64,
}

impl All {
    fn predict(
        &self,
        arguments: &Arguments,
        asked: usize,
        files: &[(&PathBuf, std::ops::Range<usize>)],
    ) -> anyhow::Result<(Vec<Option<Answered>>, Gain)> {
        let mut answers: Vec<Option<Answered>> = Vec::new();
        answers.resize_with(self.prompts.len(), || None);
        let rounds = match arguments.folds {
            Some(0 | 1) => bail!("--folds: at least two parts"),
            Some(folds) => self.rounds(folds, arguments.leave_domains, files)?,
            None if !arguments.train.is_empty() => {
                let mut known = self.groups[..asked].to_vec();
                known.sort_unstable();
                let new = |row: &usize| known.binary_search(&self.groups[*row]).is_err();
                let train = (asked..self.prompts.len()).filter(new).collect();
                vec![split::Round {
                    train,
                    test: (0..asked).collect(),
                }]
            }
            None => {
                let gain = weights(arguments.weights.as_deref())?;
                for (row, answer) in answers.iter_mut().enumerate().take(asked) {
                    *answer = Some(self.answer(&gain, row));
                }
                return Ok((answers, gain));
            }
        };
        let mut last = None;
        for round in rounds {
            ensure!(!round.train.is_empty(), "nothing is left to learn from");
            let examples: Vec<&Example> =
                round.train.iter().map(|row| &self.examples[*row]).collect();
            let groups: Vec<usize> = round.train.iter().map(|row| self.groups[*row]).collect();
            let options = Options {
                seed: self.seed,
                ..Options::default()
            };
            let gain = train(&examples, &groups, &options);
            for row in &round.test {
                answers[*row] = Some(self.answer(&gain, *row));
            }
            self.ridge(&round, files, &mut answers);
            last = Some(gain);
        }
        Ok((answers, last.context("no rounds")?))
    }

    fn answer(&self, gain: &Gain, prompt: usize) -> Answered {
        let (estimate, microseconds) = timed(gain, &self.prompts[prompt].prompt);
        Answered {
            prompt,
            gain: estimate.gain,
            novelty: estimate.novelty,
            ridge: None,
            microseconds,
        }
    }

    /// The prompts joined and cut into pieces of 2,000 characters; up to a thousand of them.
    fn times_of_pieces(&self, answered: &[Answered], gain: &Gain) -> Value {
        let all: String = answered
            .iter()
            .map(|answer| self.prompts[answer.prompt].prompt.as_str())
            .collect();
        let characters: Vec<char> = all.chars().collect();
        let pieces = characters.chunks_exact(2000).take(1000);
        times(
            pieces
                .map(|piece| timed(gain, &piece.iter().collect::<String>()).1)
                .collect(),
        )
    }

    fn rounds(
        &self,
        folds: usize,
        leave_domains: bool,
        files: &[(&PathBuf, std::ops::Range<usize>)],
    ) -> anyhow::Result<Vec<split::Round>> {
        if !leave_domains {
            return Ok(split::folds(
                &self.groups,
                &vec![true; self.groups.len()],
                folds,
                self.seed,
            ));
        }
        let domains: Vec<&str> = self
            .prompts
            .iter()
            .map(|prompt| prompt.domain.as_str())
            .collect();
        let mut asked = vec![false; domains.len()];
        for (_, range) in files {
            let mut own = domains[range.clone()].to_vec();
            own.sort_unstable();
            own.dedup();
            if own.len() >= folds {
                asked[range.clone()].fill(true);
            }
        }
        ensure!(
            asked.contains(&true),
            "--leave-domains: no file has {folds} domains"
        );
        Ok(split::leave_domains(
            &domains,
            &self.groups,
            &asked,
            folds,
            self.seed,
        ))
    }

    /// Learned, for each file, from its own rows where there are any: that is where it is strongest.
    fn ridge(
        &self,
        round: &split::Round,
        files: &[(&PathBuf, std::ops::Range<usize>)],
        answers: &mut [Option<Answered>],
    ) {
        for (_, range) in files {
            let test: Vec<usize> = round
                .test
                .iter()
                .copied()
                .filter(|row| range.contains(row))
                .collect();
            let own: Vec<usize> = round
                .train
                .iter()
                .copied()
                .filter(|row| range.contains(row))
                .collect();
            let learn = if own.is_empty() { &round.train } else { &own };
            let of = |rows: &[usize]| {
                rows.iter()
                    .map(|row| &self.examples[*row])
                    .collect::<Vec<_>>()
            };
            let predicted = baseline::tfidf_ridge(&of(learn), &of(&test));
            for (row, predicted) in test.iter().zip(predicted) {
                if let Some(answer) = &mut answers[*row] {
                    answer.ridge = Some(predicted);
                }
            }
        }
    }
}

/// The least of three runs, so that what else the machine does is not measured.
fn timed(gain: &Gain, text: &str) -> (Estimate, f64) {
    let run = || {
        let started = Instant::now();
        let estimate = black_box(gain.estimate(black_box(text)));
        (estimate, started.elapsed().as_secs_f64() * 1e6)
    };
    let (estimate, first) = run();
    (estimate, first.min(run().1).min(run().1))
}

fn weights(path: Option<&Path>) -> anyhow::Result<Gain> {
    let place = || path.map_or_else(String::new, |path| path.display().to_string());
    let bytes = match path {
        Some(path) => fs::read(path).with_context(place)?,
        None => return Ok(learned::router().gain_model().clone()),
    };
    let section =
        Sections::read(&bytes).and_then(|sections| sections.get(SECTION).map(<[u8]>::to_vec));
    Gain::from_bytes(&section.with_context(place)?).with_context(place)
}

/// Ways to sort the prompts.
const LINES: [&str; 5] = ["router", "random", "prompt_length", "tfidf_ridge", "oracle"];

/// The prompts sorted in each way; the ridge only where it was learned.
fn sorted(answered: &[Answered], all: &All) -> Vec<(&'static str, Sorted)> {
    let by = |name: &'static str| {
        let point = |answer: &Answered| {
            let (prompt, example) = (&all.prompts[answer.prompt], &all.examples[answer.prompt]);
            let predicted = match name {
                "router" => answer.gain,
                "prompt_length" => prompt.prompt.chars().count() as f32,
                "tfidf_ridge" => answer.ridge?,
                "oracle" => example.gain,
                _ => 0.0,
            };
            Some(Point {
                predicted,
                gain: example.gain,
                weak: example.weak,
            })
        };
        let points: Option<Vec<Point>> = answered.iter().map(point).collect();
        Some((name, Sorted::new(points?)))
    };
    LINES.into_iter().filter_map(by).collect()
}

/// The curve of each way.
fn curves(answered: &[Answered], all: &All) -> Vec<(&'static str, Curve)> {
    sorted(answered, all)
        .into_iter()
        .map(|(name, sorted)| (name, sorted.curve(|_| 1)))
        .collect()
}

const DRAWS: usize = 500;
/// Fixed, so that equal figures print equal intervals.
const SEED: u128 = 0x7469_6465;

fn figures(answered: &[Answered], all: &All) -> Map<String, Value> {
    let ways = sorted(answered, all);
    let oracle = ways
        .iter()
        .find(|(name, _)| *name == "oracle")
        .map(|(_, sorted)| sorted);
    let of = |times: &dyn Fn(usize) -> u32, sorted: &Sorted| -> Vec<Option<f64>> {
        let curve = sorted.curve(times);
        let of_oracle = oracle.and_then(|oracle| curve.of_oracle(&oracle.curve(times)));
        let cpt = [0.5, 0.8, 0.95].map(|share| curve.cpt(share));
        let saved = [0.9, 0.95, 0.99].map(|share| curve.saved(share));
        [curve.apgr(), of_oracle]
            .into_iter()
            .chain(cpt)
            .chain(saved)
            .collect()
    };
    // Draws are of whole groups; the same draw for every way.
    let mut groups: Vec<usize> = answered
        .iter()
        .map(|answer| all.groups[answer.prompt])
        .collect();
    let places = {
        let mut distinct = groups.clone();
        distinct.sort_unstable();
        distinct.dedup();
        for group in &mut groups {
            *group = distinct.partition_point(|other| other < group);
        }
        distinct.len()
    };
    let mut random = Rand64::new(SEED);
    let mut drawn: Vec<Vec<Vec<f64>>> = vec![vec![Vec::new(); 8]; ways.len()];
    // How much the router's area is above each other's, in the same draws.
    let mut above: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    for _ in 0..DRAWS {
        let mut times = vec![0; places];
        for _ in 0..places {
            times[random.rand_range(0..places as u64) as usize] += 1;
        }
        let mut first = None;
        for (way, (_, sorted)) in ways.iter().enumerate() {
            let figures = of(&|place| times[groups[place]], sorted);
            for (values, figure) in drawn[way].iter_mut().zip(&figures) {
                values.extend(figure);
            }
            let area = figures[0].or(figures[1]);
            let router = *first.get_or_insert(area);
            above[way].extend(router.zip(area).map(|(router, area)| router - area));
        }
    }
    let mut lines = Map::new();
    for (way, (name, sorted)) in ways.iter().enumerate() {
        let values = of(&|_| 1, sorted);
        let figure = |at: usize| with_interval(values[at], &mut drawn[way][at].clone());
        let mut line = json!({
            "apgr": figure(0), "of_oracle": figure(1),
            "cpt": {"50": figure(2), "80": figure(3), "95": figure(4)},
            "saved": {"90": figure(5), "95": figure(6), "99": figure(7)},
        });
        if *name != "router" {
            line["router_above"] = interval(&mut above[way]);
        }
        lines.insert((*name).to_owned(), line);
    }
    let points: Vec<Point> = answered
        .iter()
        .map(|answer| {
            let example = &all.examples[answer.prompt];
            Point {
                predicted: answer.gain,
                gain: example.gain,
                weak: example.weak,
            }
        })
        .collect();
    let curve = Sorted::new(points.iter().copied()).curve(|_| 1);
    let mut novelty: Vec<f64> = answered
        .iter()
        .map(|answer| f64::from(answer.novelty))
        .collect();
    novelty.sort_by(f64::total_cmp);
    let beyond = novelty
        .iter()
        .filter(|novelty| **novelty >= f64::from(KNOWN))
        .count();
    let router = lines.remove("router").unwrap_or_default();
    let mut out = Map::new();
    out.insert("questions".into(), json!(answered.len()));
    out.insert("weak".into(), round(curve.weak()));
    out.insert("strong".into(), round(curve.weak() + curve.gap()));
    if let Value::Object(router) = router {
        out.extend(router);
    }
    let at: Map<String, Value> = [10, 20, 30, 50, 70]
        .map(|share| {
            (
                share.to_string(),
                round(curve.score_at(f64::from(share) / 100.0)),
            )
        })
        .into_iter()
        .collect();
    out.insert("score_at".into(), at.into());
    out.insert(
        "calibration_error".into(),
        round(calibration_error(&points)),
    );
    out.insert(
        "novelty".into(),
        json!({"median": percentile(&novelty, 0.5).map(round), "outside": round(beyond as f64 / novelty.len() as f64)}),
    );
    out.insert(
        "microseconds".into(),
        times(answered.iter().map(|answer| answer.microseconds).collect()),
    );
    out.insert("lines".into(), lines.into());
    out
}

/// Microseconds.
fn times(mut microseconds: Vec<f64>) -> Value {
    microseconds.sort_by(f64::total_cmp);
    let of = |share| percentile(&microseconds, share).map(|us| (us * 10.0).round() / 10.0);
    json!({"p50": of(0.5), "p99": of(0.99)})
}

fn with_interval(value: Option<f64>, drawn: &mut [f64]) -> Value {
    json!({"value": value.map(round), "interval": interval(drawn)})
}

fn interval(drawn: &mut [f64]) -> Value {
    drawn.sort_by(f64::total_cmp);
    json!([
        percentile(drawn, 0.025).map(round),
        percentile(drawn, 0.975).map(round)
    ])
}

fn round(value: f64) -> Value {
    json!((value * 1e4).round() / 1e4)
}
