//! Gradient boosting of regression trees over binned numbers, for squared error (Friedman 2001; leaf by leaf, as in
//! LightGBM).

use oorandom::Rand64;
use router::gain::{Node, Trees};

/// How trees are grown.
#[derive(Clone, Debug)]
pub struct Boosting {
    /// How many.
    pub trees: usize,
    /// Share of each tree that counts.
    pub rate: f64,
    /// Leaves of a tree.
    pub leaves: usize,
    /// Rows of a leaf, at least.
    pub least: usize,
    /// Added to a leaf's rows: draws its value to zero.
    pub penalty: f64,
    /// Share of the inputs that a tree may ask about.
    pub inputs: f64,
    /// Share of the rows that a tree is grown on.
    pub rows: f64,
}

impl Default for Boosting {
    fn default() -> Self {
        Self {
            trees: 200,
            rate: 0.03,
            leaves: 8,
            least: 100,
            penalty: 50.0,
            inputs: 0.3,
            rows: 0.7,
        }
    }
}

const BINS: usize = 64;

/// Trees whose sum comes near the targets.
pub(super) fn boost(
    inputs: &[Vec<f32>],
    targets: &[f64],
    how: &Boosting,
    random: &mut Rand64,
) -> Trees {
    let width = inputs.first().map_or(0, Vec::len);
    let borders: Vec<Vec<f32>> = (0..width).map(|at| borders(inputs, at)).collect();
    let bin =
        |row: &Vec<f32>, at: usize| borders[at].partition_point(|border| *border < row[at]) as u8;
    // [inputs][rows]
    let bins: Vec<Vec<u8>> = (0..width)
        .map(|at| inputs.iter().map(|row| bin(row, at)).collect())
        .collect();
    let mut rest = targets.to_vec();
    let mut trees = Trees::default();
    for _ in 0..how.trees {
        let asked: Vec<usize> = (0..width)
            .filter(|_| random.rand_float() < how.inputs)
            .collect();
        let rows: Vec<u32> = (0..rest.len() as u32)
            .filter(|_| random.rand_float() < how.rows)
            .collect();
        let tree = grow(&bins, &asked, &borders, rows, &rest, how);
        for (row, rest) in rest.iter_mut().enumerate() {
            *rest -= f64::from(value(&tree, &inputs[row]));
        }
        trees.push(&tree);
    }
    trees
}

/// Values that part the rows evenly, rising; each belongs to what is below it.
fn borders(inputs: &[Vec<f32>], at: usize) -> Vec<f32> {
    let mut values: Vec<f32> = inputs.iter().map(|row| row[at]).collect();
    values.sort_by(f32::total_cmp);
    let last = values.last().copied();
    let mut borders: Vec<f32> = (1..BINS)
        .filter_map(|step| values.get(step * values.len() / BINS).copied())
        .collect();
    borders.dedup();
    borders.retain(|border| Some(*border) != last);
    borders
}

/// A leaf while the tree grows, and the best way to part it.
struct Leaf {
    rows: Vec<u32>,
    /// Where it stands in the tree.
    node: usize,
    sum: f64,
    best: Option<Part>,
}

#[derive(Clone, Copy)]
struct Part {
    gained: f64,
    input: usize,
    /// The last bin of the first part.
    bin: u8,
}

/// Of a tree: either two places, or a leaf's value.
enum Grown {
    Split {
        input: usize,
        threshold: f32,
        next: [usize; 2],
    },
    Leaf(f64),
}

fn grow(
    bins: &[Vec<u8>],
    asked: &[usize],
    borders: &[Vec<f32>],
    rows: Vec<u32>,
    targets: &[f64],
    how: &Boosting,
) -> Vec<Node> {
    let leaf = |rows: Vec<u32>, node| {
        let sum = rows.iter().map(|row| targets[*row as usize]).sum();
        let best = best(bins, asked, &rows, sum, targets, how);
        Leaf {
            rows,
            node,
            sum,
            best,
        }
    };
    let mean = |leaf: &Leaf| how.rate * leaf.sum / (leaf.rows.len() as f64 + how.penalty);
    let root = leaf(rows, 0);
    let mut grown = vec![Grown::Leaf(mean(&root))];
    let mut leaves = vec![root];
    while leaves.len() < how.leaves {
        let gained = |leaf: &Leaf| leaf.best.map_or(0.0, |part| part.gained);
        // The first of equals.
        let most = (0..leaves.len())
            .rev()
            .max_by(|one, other| gained(&leaves[*one]).total_cmp(&gained(&leaves[*other])));
        let Some((at, part)) = most.and_then(|at| Some((at, leaves[at].best?))) else {
            break;
        };
        let old = leaves.swap_remove(at);
        let (low, high): (Vec<u32>, Vec<u32>) = old
            .rows
            .iter()
            .partition(|row| bins[part.input][**row as usize] <= part.bin);
        let next = [grown.len(), grown.len() + 1];
        grown[old.node] = Grown::Split {
            input: part.input,
            threshold: borders[part.input][usize::from(part.bin)],
            next,
        };
        for (rows, node) in [low, high].into_iter().zip(next) {
            let leaf = leaf(rows, node);
            grown.push(Grown::Leaf(mean(&leaf)));
            leaves.push(leaf);
        }
    }
    let step = |at: usize, next: usize| (next - at) as u8;
    let nodes = grown.iter().enumerate().map(|(at, grown)| match *grown {
        Grown::Leaf(value) => Node::Leaf(value as f32),
        Grown::Split {
            input,
            threshold,
            next,
        } => Node::Split {
            input: input as u8,
            threshold,
            next: next.map(|next| step(at, next)),
        },
    });
    nodes.collect()
}

/// The part that takes most from the squared error; none if no part is large enough.
fn best(
    bins: &[Vec<u8>],
    asked: &[usize],
    rows: &[u32],
    sum: f64,
    targets: &[f64],
    how: &Boosting,
) -> Option<Part> {
    if rows.len() < 2 * how.least {
        return None;
    }
    let score = |sum: f64, count: usize| sum * sum / (count as f64 + how.penalty);
    let whole = score(sum, rows.len());
    let mut best: Option<Part> = None;
    for &input in asked {
        let mut histogram = [(0.0, 0_usize); BINS];
        for &row in rows {
            let (sum, count) = &mut histogram[usize::from(bins[input][row as usize])];
            *sum += targets[row as usize];
            *count += 1;
        }
        let (mut low, mut count) = (0.0, 0);
        for (bin, of) in (0_u8..).zip(&histogram) {
            low += of.0;
            count += of.1;
            let rest = rows.len() - count;
            if rest < how.least {
                break;
            }
            if count < how.least || of.1 == 0 {
                continue;
            }
            let gained = score(low, count) + score(sum - low, rest) - whole;
            if gained > best.map_or(1e-9, |best| best.gained) {
                best = Some(Part { gained, input, bin });
            }
        }
    }
    best
}

fn value(tree: &[Node], inputs: &[f32]) -> f32 {
    let mut one = Trees::default();
    one.push(tree);
    one.sum(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step in one input, and an input that means nothing.
    #[test]
    fn a_step_is_found() {
        let mut random = Rand64::new(1);
        let inputs: Vec<Vec<f32>> = (0..2000)
            .map(|row| vec![random.rand_float() as f32, row as f32 / 2000.0])
            .collect();
        let targets: Vec<f64> = inputs
            .iter()
            .map(|row| if row[1] > 0.25 { 1.0 } else { 0.0 })
            .collect();
        let how = Boosting {
            rate: 0.3,
            inputs: 1.0,
            penalty: 1.0,
            trees: 40,
            ..Boosting::default()
        };
        let trees = boost(&inputs, &targets, &how, &mut random);
        for (at, expected) in [(0.1, 0.0), (0.24, 0.0), (0.26, 1.0), (0.9, 1.0)] {
            let value = trees.sum(&[0.5, at]);
            assert!((value - expected).abs() < 0.05, "{at}: {value}");
        }
    }
}
