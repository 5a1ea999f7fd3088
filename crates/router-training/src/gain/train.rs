//! From examples to weights.

use oorandom::Rand64;
use router::gain::{
    BUCKETS, DENSE, FORM, Gain, KINDS, Known, Linear, Novelty, OUTPUTS, POINTS, Reading, Row,
    Words, inputs, share,
};

use super::{
    boost::{Boosting, boost},
    sparse::Matrix,
};
use crate::corpus::Scored;

/// A prompt with its scores, read.
#[derive(Clone, Debug)]
pub struct Example {
    /// What the prompt looks like.
    pub reading: Reading,
    /// Strong less weak.
    pub gain: f32,
    /// The weak model's score.
    pub weak: f32,
}

impl Example {
    /// Reads a prompt.
    pub fn of(scored: &Scored) -> Self {
        Self {
            reading: Reading::of(&scored.prompt),
            gain: scored.strong - scored.weak,
            weak: scored.weak,
        }
    }
}

/// How weights are learned.
#[derive(Clone, Debug)]
pub struct Options {
    /// Penalty on the linear weights.
    pub penalty: f64,
    /// How much a number about the form counts beside a word: for all kinds of questions, for one.
    pub form: [f32; 2],
    /// Trees.
    pub boosting: Boosting,
    /// Of all that is chosen by chance.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            penalty: 10.0,
            form: [0.05, 0.05],
            boosting: Boosting::default(),
            seed: 1,
        }
    }
}

/// Rounds of leaving out, for what the trees learn from.
const ROUNDS: usize = 4;
/// Conjugate gradients: the weights change by less than their unit after these.
const STEPS: usize = 40;
/// Questions of a kind, at least; of a rarer one nothing is known.
const LEAST: usize = 50;

/// Learns from examples. Prompts that are nearly the same must have the same number in `groups`.
pub fn train(examples: &[&Example], groups: &[usize], options: &Options) -> Gain {
    let mut random = Rand64::new(u128::from(options.seed));
    let mut gain = Gain {
        words: count(examples),
        ..Gain::default()
    };
    let dense: Vec<[f32; DENSE]> = examples
        .iter()
        .map(|example| gain.words.dense(&example.reading, 1))
        .collect();
    gain.scale = scale(dense.iter());
    gain.novelty = novelty(examples, &dense);
    gain.by_length = by_length(examples);

    let rows: Vec<Row> = examples
        .iter()
        .zip(&dense)
        .map(|(example, dense)| gain.row(&example.reading, dense))
        .collect();
    let columns = Columns::of(&rows);
    let mut matrix = Matrix::new(columns.width());
    for row in &rows {
        matrix.push(columns.row(row, options.form));
    }
    let mean = |of: fn(&Example) -> f32| {
        examples
            .iter()
            .map(|example| f64::from(of(example)))
            .sum::<f64>()
            / examples.len().max(1) as f64
    };
    let means = [mean(|example| example.gain), mean(|example| example.weak)];
    let targets: Vec<[f64; OUTPUTS]> = examples
        .iter()
        .map(|example| {
            [
                f64::from(example.gain) - means[0],
                f64::from(example.weak) - means[1],
            ]
        })
        .collect();

    // What the linear part says of rows that it was not fitted to: that is what the trees correct.
    let most = groups.iter().max().map_or(0, |most| most + 1);
    let round: Vec<usize> = (0..most)
        .map(|_| random.rand_range(0..ROUNDS as u64) as usize)
        .collect();
    let mut unseen = vec![[0.0; OUTPUTS]; rows.len()];
    for left_out in 0..ROUNDS {
        let (out, of): (Vec<usize>, Vec<usize>) =
            (0..rows.len()).partition(|row| round[groups[*row]] == left_out);
        let weights = matrix.ridge(&of, &targets, options.penalty, STEPS);
        for row in out {
            unseen[row] = matrix.product(row, &weights);
        }
    }
    let all: Vec<usize> = (0..rows.len()).collect();
    let weights = matrix.ridge(&all, &targets, options.penalty, STEPS);
    gain.linear = columns.linear(&weights, means, options.form);

    let seen: Vec<Vec<f32>> = unseen
        .iter()
        .zip(&dense)
        .map(|(outputs, dense)| {
            inputs(
                std::array::from_fn(|at| (outputs[at] + means[at]) as f32),
                dense,
            )
        })
        .collect();
    let rest: Vec<f64> = targets
        .iter()
        .zip(&unseen)
        .map(|(target, unseen)| target[0] - unseen[0])
        .collect();
    gain.trees = boost(&seen, &rest, &options.boosting, &mut random);
    gain
}

/// In how many questions each word occurs.
fn count(examples: &[&Example]) -> Words {
    let mut counts = vec![0_u32; BUCKETS];
    for example in examples {
        let mut buckets: Vec<usize> = example
            .reading
            .words
            .iter()
            .map(|(hash, _)| Words::bucket(*hash))
            .collect();
        buckets.sort_unstable();
        buckets.dedup();
        for bucket in buckets {
            counts[bucket] += 1;
        }
    }
    Words {
        questions: examples.len() as u32,
        classes: counts.into_iter().map(Words::class).collect(),
    }
}

/// Mean and 1 / standard deviation of each number; a number that is always the same has a deviation of 0.05, so
/// that another value is far away.
fn scale<'d>(dense: impl Iterator<Item = &'d [f32; DENSE]> + Clone) -> [[f32; DENSE]; 2] {
    let count = dense.clone().count().max(1) as f64;
    let sum = |of: &dyn Fn(f32, usize) -> f64| -> [f64; DENSE] {
        std::array::from_fn(|at| dense.clone().map(|dense| of(dense[at], at)).sum::<f64>() / count)
    };
    let mean = sum(&|number, _| f64::from(number));
    let square = sum(&|number, at| (f64::from(number) - mean[at]).powi(2));
    [
        mean.map(|mean| mean as f32),
        square.map(|square| 1.0 / square.sqrt().max(0.05) as f32),
    ]
}

fn novelty(examples: &[&Example], dense: &[[f32; DENSE]]) -> Novelty {
    let kinds = std::array::from_fn(|kind| {
        let of_kind = |(example, dense): (&&Example, _)| {
            (example.reading.kind as usize == kind).then_some(dense)
        };
        let own: Vec<&[f32; DENSE]> = examples.iter().zip(dense).filter_map(of_kind).collect();
        (own.len() >= LEAST).then(|| {
            let mut known = Known {
                scale: scale(own.iter().copied()),
                form: [0.0; POINTS],
                words: [0.0; POINTS],
                both: [0.0; POINTS],
            };
            let distances: Vec<[f32; 2]> = own.iter().map(|dense| known.distances(dense)).collect();
            known.form = points(distances.iter().map(|distance| distance[0]).collect());
            known.words = points(distances.iter().map(|distance| distance[1]).collect());
            let greater = distances.iter().map(|distance| {
                share(&known.form, distance[0]).max(share(&known.words, distance[1]))
            });
            known.both = points(greater.collect());
            known
        })
    });
    Novelty { kinds }
}

/// Values at even shares.
fn points(mut values: Vec<f32>) -> [f32; POINTS] {
    values.sort_by(f32::total_cmp);
    std::array::from_fn(|at| {
        values
            .get(at * (values.len() - 1) / (POINTS - 1))
            .copied()
            .unwrap_or(0.0)
    })
}

/// Least squares of the gain on the logarithm of the length.
fn by_length(examples: &[&Example]) -> [f32; 2] {
    let length = |example: &Example| f64::from(example.reading.form[1]);
    let count = examples.len().max(1) as f64;
    let mean_length = examples.iter().map(|example| length(example)).sum::<f64>() / count;
    let mean_gain = examples
        .iter()
        .map(|example| f64::from(example.gain))
        .sum::<f64>()
        / count;
    let (mut both, mut square) = (0.0, 0.0);
    for example in examples {
        let off = length(example) - mean_length;
        both += off * (f64::from(example.gain) - mean_gain);
        square += off * off;
    }
    let slope = if square > 0.0 { both / square } else { 0.0 };
    [(mean_gain - slope * mean_length) as f32, slope as f32]
}

/// Which column a bucket has: only what at least two rows have gets one.
struct Columns {
    /// `[BUCKETS]`
    of: Vec<u32>,
    sparse: usize,
}

const NONE: u32 = u32::MAX;

impl Columns {
    fn of(rows: &[Row]) -> Self {
        let mut counts = vec![0_u32; BUCKETS];
        for (bucket, _) in rows.iter().flat_map(|row| &row.sparse) {
            counts[*bucket as usize] += 1;
        }
        let mut sparse = 0;
        let number = |count: u32| {
            if count < 2 {
                return NONE;
            }
            sparse += 1;
            sparse as u32 - 1
        };
        Self {
            of: counts.into_iter().map(number).collect(),
            sparse,
        }
    }

    fn width(&self) -> usize {
        self.sparse + (1 + KINDS) * (DENSE + 1)
    }

    /// Where the dense numbers begin, for all kinds and for each.
    fn dense(&self, which: usize) -> usize {
        self.sparse + which * (DENSE + 1)
    }

    fn row(&self, row: &Row, form: [f32; 2]) -> Vec<(u32, f32)> {
        let sparse = row
            .sparse
            .iter()
            .map(|(bucket, value)| (self.of[*bucket as usize], *value));
        let mut all: Vec<(u32, f32)> = sparse.filter(|(column, _)| *column != NONE).collect();
        for (which, factor) in [(0, form[0]), (1 + row.kind, form[1])] {
            let start = self.dense(which) as u32;
            all.extend((start..).zip(row.dense.iter().map(|number| number * factor)));
        }
        // A kind's own mean; all together it is taken off the targets.
        all.push(((self.dense(1 + row.kind) + DENSE) as u32, 1.0));
        all
    }

    fn linear(&self, weights: &[[f64; OUTPUTS]], means: [f64; OUTPUTS], form: [f32; 2]) -> Linear {
        let greatest = |output: usize| {
            weights[..self.sparse]
                .iter()
                .map(|weight| weight[output].abs())
                .fold(0.0, f64::max)
        };
        let unit: [f64; OUTPUTS] = std::array::from_fn(|output| greatest(output) / 127.0);
        let byte = |value: f64, unit: f64| {
            if unit > 0.0 {
                (value / unit).round() as i8
            } else {
                0
            }
        };
        let bucket = |column: &u32| match weights.get(*column as usize) {
            Some(weight) if *column != NONE => {
                std::array::from_fn(|output| byte(weight[output], unit[output]))
            }
            _ => [0; OUTPUTS],
        };
        let dense = (0..1 + KINDS).map(|which| {
            let factor = f64::from(form[usize::from(which > 0)]);
            let start = self.dense(which);
            let mut all = [[0.0; OUTPUTS]; DENSE + 1];
            for (to, from) in all.iter_mut().zip(&weights[start..start + DENSE]) {
                *to = from.map(|weight| (weight * factor) as f32);
            }
            let one = if which == 0 {
                means
            } else {
                weights[start + DENSE]
            };
            all[DENSE] = one.map(|weight| weight as f32);
            all
        });
        Linear {
            unit: unit.map(|unit| unit as f32),
            buckets: self.of.iter().map(bucket).collect(),
            dense: dense.collect(),
        }
    }
}

// Places in the form that are used by number.
const _: () = assert!(FORM > 1);
