//! A line of JSON for each part, with what missed its bound.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::ending::Endings;

/// The figures of one part.
#[derive(Debug)]
pub struct Figures {
    line: Map<String, Value>,
    missed: Vec<String>,
}

impl Figures {
    /// None yet.
    pub fn of(part: &str) -> Self {
        Self {
            line: Map::from_iter([("part".to_owned(), json!(part))]),
            missed: Vec::new(),
        }
    }

    /// A figure.
    pub fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.line.insert(name.to_owned(), value.into());
    }

    /// A figure with digits that mean something.
    pub fn number(&mut self, name: &str, value: f64) {
        self.put(name, rounded(value));
    }

    /// A figure that must not be larger than this.
    pub fn at_most(&mut self, name: &str, value: f64, bound: f64) {
        self.number(name, value);
        // What is no number is no figure either.
        if value.is_nan() || value > bound {
            self.missed
                .push(format!("{name}: {} > {bound}", rounded(value)));
        }
    }

    /// Something that must be so.
    pub fn must(&mut self, name: &str, holds: bool) {
        self.put(name, holds);
        if !holds {
            self.missed.push(name.to_owned());
        }
    }

    /// How questions ended. Some endings are defects whatever happened.
    pub fn endings(&mut self, endings: &Endings) {
        let all = endings
            .iter()
            .map(|(ending, count)| (ending.to_string(), json!(count)));
        self.put("endings", Map::from_iter(all));
    }

    /// What missed its bound.
    pub fn missed(&self) -> &[String] {
        &self.missed
    }

    /// The line.
    pub fn json(mut self) -> Value {
        self.put("missed", self.missed.clone());
        Value::Object(self.line)
    }
}

/// Three digits, or all before the point.
fn rounded(value: f64) -> f64 {
    let factor = match value.abs() {
        value if value >= 100.0 => 1.0,
        value if value >= 10.0 => 10.0,
        value if value >= 1.0 => 100.0,
        _ => 1000.0,
    };
    (value * factor).round() / factor
}

/// Milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The value below which this share of them lies; not a number if there is none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize; // not below 0
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// By how much `y` grows when `x` grows by one (least squares); 0 for fewer than two points.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut products, mut squares) = (0.0, 0.0);
    for point in points {
        products += (point.0 - x) * (point.1 - y);
        squares += (point.0 - x).powi(2);
    }
    if squares > 0.0 {
        products / squares
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_slopes() {
        let values = [3.0, 1.0, 2.0, 5.0, 4.0];
        assert_eq!(median(&values), 3.0);
        assert_eq!(quantile(&values, 0.99), 5.0);
        assert!(median(&[]).is_nan());
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]), 2.0);
        assert_eq!(slope(&[(1.0, 1.0)]), 0.0);
    }

    #[test]
    fn what_misses_its_bound_is_named() {
        let mut figures = Figures::of("crowd");
        figures.at_most("kb", 12.34, 40.0);
        figures.at_most("ms", 3.456, 2.0);
        figures.at_most("none", f64::NAN, 2.0);
        figures.must("whole", false);
        let expected = json!({
            "part": "crowd", "kb": 12.3, "ms": 3.46, "none": null, "whole": false,
            "missed": ["ms: 3.46 > 2", "none: NaN > 2", "whole"],
        });
        assert_eq!(figures.json(), expected);
    }
}
