//! The merging of neighbours that byte-pair encoding and SentencePiece share.

use std::{cmp::Reverse, collections::BinaryHeap};

/// A stretch of the text that is one token, or none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// First byte.
    pub start: usize,
    /// One after the last byte; `start` once it has been merged into its left neighbour.
    pub end: usize,
    /// Its token.
    pub id: Option<u32>,
}

const NONE: usize = usize::MAX;

/// Merges neighbours, the pair of lowest rank first and of equal ranks the leftmost, until no pair
/// has a rank. `n log n` in the number of parts.
///
/// `parts` gives where each part begins and its token, in the order of the text of `length` bytes.
pub(super) fn merge(
    length: usize,
    parts: impl Iterator<Item = (usize, Option<u32>)>,
    rank: impl Fn(&Part, &Part) -> Option<(u32, u32)>,
) -> Vec<Part> {
    let mut parts: Vec<Part> = parts
        .map(|(start, id)| Part {
            start,
            end: length,
            id,
        })
        .collect();
    for at in 1..parts.len() {
        parts[at - 1].end = parts[at].start;
    }
    // Neighbours that are still there.
    let mut previous: Vec<usize> = (0..parts.len())
        .map(|at| at.checked_sub(1).unwrap_or(NONE))
        .collect();
    let mut next: Vec<usize> = (1..=parts.len())
        .map(|at| if at < parts.len() { at } else { NONE })
        .collect();

    // (rank, left, right, the two ends as they were, merged id); a pair whose ends have moved is stale.
    let mut queue = BinaryHeap::new();
    let offer = |queue: &mut BinaryHeap<_>, parts: &[Part], left: usize, right: usize| {
        if left != NONE
            && right != NONE
            && let Some((rank, id)) = rank(&parts[left], &parts[right])
        {
            queue.push(Reverse((
                rank,
                left,
                right,
                parts[left].end,
                parts[right].end,
                id,
            )));
        }
    };
    for at in 1..parts.len() {
        offer(&mut queue, &parts, at - 1, at);
    }
    while let Some(Reverse((_, left, right, left_end, right_end, id))) = queue.pop() {
        if parts[left].end != left_end || parts[right].end != right_end {
            continue;
        }
        parts[left] = Part {
            start: parts[left].start,
            end: right_end,
            id: Some(id),
        };
        // Emptied: `end` differs from every end that a queued pair saw, for no part is empty.
        parts[right].end = parts[right].start;
        next[left] = next[right];
        if next[left] != NONE {
            previous[next[left]] = left;
        }
        offer(&mut queue, &parts, previous[left], left);
        offer(&mut queue, &parts, left, next[left]);
    }
    parts.retain(|part| part.end > part.start);
    parts
}
