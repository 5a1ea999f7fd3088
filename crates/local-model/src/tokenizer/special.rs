//! Tokens that are found in a text before anything else is done with it.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
};

/// Control tokens and tokens that a model's makers added.
#[derive(Debug, Default)]
pub(super) struct Special {
    ids: HashMap<Vec<u8>, u32>,
    /// Lengths that there are, bytes; with each the first bytes of such tokens.
    lengths: Vec<(usize, Box<[bool; 256]>)>,
    /// Bytes that such tokens have behind their first one.
    behind_first: BTreeSet<u8>,
    /// Bytes that such tokens have before their last one.
    before_last: BTreeSet<u8>,
    /// Tokens that swallow the white space after them.
    swallowing: BTreeSet<u32>,
}

/// A stretch of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fragment {
    /// Bytes of ordinary text.
    Text(Range<usize>),
    /// A token.
    Token(u32),
}

impl Special {
    /// From texts, none empty, with their ids. Those in `swallowing` take the white space after them.
    pub fn new(tokens: &[(&str, u32)], swallowing: BTreeSet<u32>) -> Self {
        let mut special = Self {
            swallowing,
            ..Self::default()
        };
        for &(text, id) in tokens {
            let text = text.as_bytes();
            let at = match special
                .lengths
                .binary_search_by(|(length, _)| text.len().cmp(length))
            {
                Ok(at) => at,
                Err(at) => {
                    special
                        .lengths
                        .insert(at, (text.len(), Box::new([false; 256])));
                    at
                }
            };
            special.lengths[at].1[usize::from(text[0])] = true;
            special.behind_first.extend(&text[1..]);
            special.before_last.extend(&text[..text.len() - 1]);
            special.ids.insert(text.to_vec(), id);
        }
        special
    }

    /// Cuts a text: the longest tokens first wherever they are, of one length the leftmost, as
    /// llama.cpp does. No token reaches over one of the `breaks` (ascending offsets, bytes).
    pub fn partition(&self, text: &str, breaks: &[usize]) -> Vec<Fragment> {
        let mut fragments = Vec::new();
        if !text.is_empty() {
            fragments.push(Fragment::Text(0..text.len()));
        }
        for (length, firsts) in &self.lengths {
            if *length > text.len() {
                continue;
            }
            let mut cut = Vec::with_capacity(fragments.len());
            for fragment in fragments {
                match fragment {
                    Fragment::Text(range) => {
                        self.cut(text, range, *length, firsts, breaks, &mut cut);
                    }
                    Fragment::Token(_) => cut.push(fragment),
                }
            }
            fragments = cut;
        }
        fragments
    }

    /// An offset, bytes, inside of each place of a text where one of these tokens is written out;
    /// ascending. Tokens are two characters or longer.
    pub fn inside(&self, text: &str) -> Vec<usize> {
        let written = |rest: &[u8]| {
            self.lengths.iter().any(|(length, firsts)| {
                firsts[usize::from(rest[0])]
                    && rest
                        .get(..*length)
                        .is_some_and(|found| self.ids.contains_key(found))
            })
        };
        text.char_indices()
            .filter(|&(at, _)| written(&text.as_bytes()[at..]))
            .map(|(at, character)| at + character.len_utf8())
            .collect()
    }

    /// Whether one of these tokens could reach into `text` from before it. What begins with a byte that they
    /// have in the first place alone, often `<`, is safe.
    pub fn may_begin_before(&self, text: &str) -> bool {
        let first = text.as_bytes().first();
        first.is_some_and(|byte| self.behind_first.contains(byte))
    }

    /// Whether one of these tokens could reach out of `text` behind it. What ends with a byte that they
    /// have in the last place alone, often `>`, is safe.
    pub fn may_end_after(&self, text: &str) -> bool {
        let last = text.as_bytes().last();
        last.is_some_and(|byte| self.before_last.contains(byte))
    }

    fn cut(
        &self,
        text: &str,
        range: Range<usize>,
        length: usize,
        firsts: &[bool; 256],
        breaks: &[usize],
        cut: &mut Vec<Fragment>,
    ) {
        let bytes = text.as_bytes();
        let (mut start, mut at) = (range.start, range.start);
        while at + length <= range.end {
            let found = if firsts[usize::from(bytes[at])] {
                self.ids.get(&bytes[at..at + length])
            } else {
                None
            };
            match found {
                Some(&id) if !broken(breaks, at..at + length) => {
                    if start < at {
                        cut.push(Fragment::Text(start..at));
                    }
                    cut.push(Fragment::Token(id));
                    at += length;
                    if self.swallowing.contains(&id) {
                        at += bytes[at..range.end]
                            .iter()
                            .take_while(|byte| byte.is_ascii_whitespace() || **byte == 0x0b)
                            .count();
                    }
                    start = at;
                }
                _ => at += 1,
            }
        }
        if start < range.end {
            cut.push(Fragment::Text(start..range.end));
        }
    }
}

/// Whether a break lies inside of the range.
fn broken(breaks: &[usize], range: Range<usize>) -> bool {
    let after = breaks.partition_point(|&at| at <= range.start);
    breaks.get(after).is_some_and(|&at| at < range.end)
}
