//! Prompts that are nearly the same, so that none is learned from while another is asked about.

use std::collections::HashMap;

/// Words of a shingle.
const SHINGLE: usize = 5;
/// Of two prompts' shingles, the share that both have from which on they are nearly the same.
const SAME: f64 = 0.6;
/// Least hashes by which candidates are found: two prompts above [`SAME`] share one of them but for one time in a
/// thousand (Broder 1997).
const SKETCH: usize = 8;

/// A number for each prompt, the same for prompts that are nearly the same: five words in a row for five words in a
/// row, or the same question whatever its choices are. Letters' case and signs do not count.
pub fn groups<'p>(prompts: impl IntoIterator<Item = &'p str>) -> Vec<usize> {
    let mut parents: Vec<usize> = Vec::new();
    let mut shingles: Vec<Vec<u64>> = Vec::new();
    let mut by_hash: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut by_question: HashMap<String, usize> = HashMap::new();
    for (at, prompt) in prompts.into_iter().enumerate() {
        parents.push(at);
        let own = shingles_of(prompt);
        for hash in own.iter().take(SKETCH) {
            let others = by_hash.entry(*hash).or_default();
            for &other in others.iter() {
                if root(&parents, other) != root(&parents, at)
                    && shared(&own, &shingles[other]) >= SAME
                {
                    join(&mut parents, other, at);
                }
            }
            others.push(at);
        }
        shingles.push(own);
        let question = words(question(prompt)).collect::<Vec<_>>().join(" ");
        let first = *by_question.entry(question).or_insert(at);
        join(&mut parents, first, at);
    }
    (0..parents.len()).map(|at| root(&parents, at)).collect()
}

/// What comes before the first choice.
fn question(prompt: &str) -> &str {
    let choices = ["\nA.", "\nA)", "\n(A)"]
        .iter()
        .filter_map(|mark| prompt.find(mark))
        .min();
    choices.map_or(prompt, |at| &prompt[..at])
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Hashes, rising, each once.
fn shingles_of(text: &str) -> Vec<u64> {
    let hashes: Vec<u64> = words(text)
        .map(|word| hash(word.bytes().map(u64::from)))
        .collect();
    let size = SHINGLE.min(hashes.len()).max(1);
    let mut shingles: Vec<u64> = hashes
        .windows(size)
        .map(|words| hash(words.iter().copied()))
        .collect();
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}

/// FNV-1a, mixed so that the least are a fair sample.
fn hash(parts: impl Iterator<Item = u64>) -> u64 {
    let hash = parts.fold(0xcbf2_9ce4_8422_2325, |hash: u64, part| {
        (hash ^ part).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    hash ^ (hash >> 27)
}

/// The share of all shingles that both have.
fn shared(one: &[u64], other: &[u64]) -> f64 {
    let both = one
        .iter()
        .filter(|hash| other.binary_search(hash).is_ok())
        .count();
    both as f64 / (one.len() + other.len() - both).max(1) as f64
}

fn root(parents: &[usize], mut at: usize) -> usize {
    while parents[at] != at {
        at = parents[at];
    }
    at
}

fn join(parents: &mut [usize], one: usize, other: usize) {
    let (one, other) = (root(parents, one), root(parents, other));
    parents[one.max(other)] = one.min(other);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_the_same_is_one_group() {
        let prompts = [
            "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?",
            "Who wrote Hamlet?\nA. Kyd\nB. Shakespeare",
            "a robe takes 2 bolts of blue fiber, and half that much white fiber.  How many bolts in total does it take",
            "Who wrote Hamlet?",
            "Who wrote Faust?",
            "Q: A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?",
            "A robe takes 9 bolts of red silk and twice as much of green silk. How many does it take?",
        ];
        assert_eq!(groups(prompts), [0, 1, 0, 1, 4, 0, 6]);
    }
}
