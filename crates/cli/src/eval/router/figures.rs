//! What sorting prompts by expected gain is worth, beside other ways to sort them.

use router::gain::KNOWN;
use router_training::gain::curve::{Curve, Point, Sorted, calibration_error};
use serde_json::{Map, Value, json};

use super::predict::{All, Answered};
use crate::eval::{
    bootstrap::{draws, interval},
    timing::percentile,
};

/// Ways to sort the prompts.
const LINES: [&str; 5] = ["router", "random", "prompt_length", "tfidf_ridge", "oracle"];

/// The prompts sorted in each way; the ridge only where it was learned.
fn sorted(answered: &[Answered], all: &All) -> Vec<(&'static str, Sorted)> {
    let by = |name: &'static str| {
        let point = |answer: &Answered| {
            let (prompt, example) = (&all.prompts[answer.prompt], &all.examples[answer.prompt]);
            let predicted = match name {
                "router" => answer.estimate.gain,
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
pub(super) fn curves(answered: &[Answered], all: &All) -> Vec<(&'static str, Curve)> {
    sorted(answered, all)
        .into_iter()
        .map(|(name, sorted)| (name, sorted.curve(|_| 1)))
        .collect()
}

const DRAWS: usize = 500;

pub(super) fn figures(answered: &[Answered], all: &All) -> Map<String, Value> {
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
    let mut drawn: Vec<Vec<Vec<f64>>> = vec![vec![Vec::new(); 8]; ways.len()];
    // How much the router's area is above each other's, in the same draws.
    let mut above: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    for times in draws(DRAWS, places) {
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
        let mut figure = |at: usize| {
            let interval = rounded(interval(std::mem::take(&mut drawn[way][at])));
            json!({"value": values[at].map(round), "interval": interval})
        };
        let mut line = json!({
            "apgr": figure(0), "of_oracle": figure(1),
            "cpt": {"50": figure(2), "80": figure(3), "95": figure(4)},
            "saved": {"90": figure(5), "95": figure(6), "99": figure(7)},
        });
        if *name != "router" {
            line["router_above"] = rounded(interval(std::mem::take(&mut above[way])));
        }
        lines.insert((*name).to_owned(), line);
    }
    let points: Vec<Point> = answered
        .iter()
        .map(|answer| {
            let example = &all.examples[answer.prompt];
            Point {
                predicted: answer.estimate.gain,
                gain: example.gain,
                weak: example.weak,
            }
        })
        .collect();
    let curve = Sorted::new(points.iter().copied()).curve(|_| 1);
    let mut novelty: Vec<f64> = answered
        .iter()
        .map(|answer| f64::from(answer.estimate.novelty))
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
pub(super) fn times(mut microseconds: Vec<f64>) -> Value {
    microseconds.sort_by(f64::total_cmp);
    let of = |share| percentile(&microseconds, share).map(|us| (us * 10.0).round() / 10.0);
    json!({"p50": of(0.5), "p99": of(0.99)})
}

fn rounded(interval: Option<(f64, f64)>) -> Value {
    let (low, high) = interval.unzip();
    json!([low.map(round), high.map(round)])
}

fn round(value: f64) -> Value {
    json!((value * 1e4).round() / 1e4)
}
