//! A context-free grammar over bytes, and a matcher that follows it byte by byte.
//!
//! The matcher keeps the set of all places where a text so far may stand. A place is a byte that may
//! come and what must come after it: a linked list of frames, shared between places (a pushdown
//! automaton's stack, as in llama.cpp's grammars). Sets of places are numbered and their
//! transitions kept, so that following a known set costs one table look-up a byte: a deterministic
//! automaton made on the way.

use std::collections::{HashMap, HashSet};

/// Frames that one byte may open: more is a grammar that refers to itself without a byte between.
const MOST_OPENED: usize = 20_000;
/// Sets that are kept, at a kilobyte each, before they are forgotten and made again.
const MOST_STATES: usize = 4096;

/// A node of the grammar.
pub(crate) type Node = u32;

/// Bytes, as 256 bits.
pub(crate) type ByteSet = [u64; 4];

#[derive(Debug)]
enum Kind {
    /// One byte of a set.
    Byte(ByteSet),
    /// One after the other.
    Sequence(Box<[Node]>),
    /// One of several.
    Choice(Box<[Node]>),
    /// At least and at most so often; `u32::MAX` is without end.
    Repeat { node: Node, least: u32, most: u32 },
    /// Another node, known later: this is how a grammar refers to itself.
    Rule(Option<Node>),
}

/// A grammar under construction, then fixed.
#[derive(Debug, Default)]
pub(crate) struct Grammar {
    kinds: Vec<Kind>,
}

impl Grammar {
    pub fn byte(&mut self, set: ByteSet) -> Node {
        self.add(Kind::Byte(set))
    }

    /// A byte from `first` to `last`.
    pub fn range(&mut self, first: u8, last: u8) -> Node {
        let mut set = [0; 4];
        for byte in first..=last {
            set[usize::from(byte / 64)] |= 1 << (byte % 64);
        }
        self.byte(set)
    }

    /// One of the bytes of `bytes`.
    pub fn one_of(&mut self, bytes: &[u8]) -> Node {
        let mut set = [0; 4];
        for byte in bytes {
            set[usize::from(byte / 64)] |= 1 << (byte % 64);
        }
        self.byte(set)
    }

    /// This very text.
    pub fn text(&mut self, text: &str) -> Node {
        let bytes = text.bytes().map(|byte| self.range(byte, byte)).collect();
        self.sequence(bytes)
    }

    pub fn sequence(&mut self, nodes: Vec<Node>) -> Node {
        match nodes[..] {
            [only] => only,
            _ => self.add(Kind::Sequence(nodes.into())),
        }
    }

    pub fn choice(&mut self, nodes: Vec<Node>) -> Node {
        match nodes[..] {
            [only] => only,
            _ => self.add(Kind::Choice(nodes.into())),
        }
    }

    pub fn repeat(&mut self, node: Node, least: u32, most: Option<u32>) -> Node {
        let most = most.unwrap_or(u32::MAX);
        self.add(Kind::Repeat { node, least, most })
    }

    pub fn optional(&mut self, node: Node) -> Node {
        self.repeat(node, 0, Some(1))
    }

    /// A node to be defined later.
    pub fn rule(&mut self) -> Node {
        self.add(Kind::Rule(None))
    }

    pub fn define(&mut self, rule: Node, node: Node) {
        self.kinds[rule as usize] = Kind::Rule(Some(node));
    }

    /// Nodes so far.
    pub fn size(&self) -> usize {
        self.kinds.len()
    }

    fn add(&mut self, kind: Kind) -> Node {
        // A schema's text is far shorter than 2^32.
        self.kinds.push(kind);
        (self.kinds.len() - 1) as Node
    }
}

/// What must come: `node`, of which `at` parts or rounds are done, then `next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Frame {
    node: Node,
    at: u32,
    next: u32,
}

/// The end of the text.
const END: u32 = u32::MAX;
/// A transition that is not made yet.
const UNKNOWN: u32 = u32::MAX;
/// No text of the grammar goes on like this.
const DEAD: u32 = u32::MAX - 1;

/// A set of places where a text may stand.
struct State {
    /// A byte that may come (a node), and the frame after it.
    places: Box<[(Node, u32)]>,
    /// The text may end here.
    complete: bool,
    next: [u32; 256],
}

/// The grammar is too complex to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooComplex;

/// Follows a grammar.
pub(crate) struct Matcher {
    grammar: Grammar,
    frames: Vec<Frame>,
    known_frames: HashMap<Frame, u32>,
    states: Vec<State>,
    known_states: HashMap<Box<[(Node, u32)]>, u32>,
    current: u32,
}

impl Matcher {
    /// At the beginning of a text that `root` describes.
    pub fn new(grammar: Grammar, root: Node) -> Result<Self, TooComplex> {
        let mut matcher = Self {
            grammar,
            frames: Vec::new(),
            known_frames: HashMap::new(),
            states: Vec::new(),
            known_states: HashMap::new(),
            current: 0,
        };
        let start = matcher.frame(root, 0, END);
        matcher.current = matcher.open(vec![start])?;
        if matcher.current == DEAD {
            return Err(TooComplex);
        }
        Ok(matcher)
    }

    /// Whether the text may end here.
    pub fn complete(&self) -> bool {
        self.states[self.current as usize].complete
    }

    /// Whether the text must end here.
    pub fn exhausted(&self) -> bool {
        self.states[self.current as usize].places.is_empty()
    }

    /// Whether these bytes may come next.
    pub fn allows(&mut self, bytes: &[u8]) -> Result<bool, TooComplex> {
        self.follow(bytes).map(|state| state != DEAD)
    }

    /// Takes bytes that [`Self::allows`].
    pub fn accept(&mut self, bytes: &[u8]) -> Result<(), TooComplex> {
        self.current = self.follow(bytes)?;
        if self.current == DEAD {
            return Err(TooComplex);
        }
        if self.states.len() > MOST_STATES {
            // Frames are numbered anew, too: begin with what the current places need.
            let old = std::mem::take(&mut self.frames);
            let places = std::mem::take(&mut self.states[self.current as usize].places);
            let complete = self.states[self.current as usize].complete;
            self.known_frames.clear();
            self.states.clear();
            self.known_states.clear();
            let places = places
                .iter()
                .map(|&(node, next)| (node, self.copy(&old, next)))
                .collect();
            self.current = self.state(places, complete);
        }
        Ok(())
    }

    /// The frame `id` of `old` and all after it, as frames of now.
    fn copy(&mut self, old: &[Frame], id: u32) -> u32 {
        let mut chain = Vec::new();
        let mut at = id;
        while at != END {
            chain.push(old[at as usize]);
            at = old[at as usize].next;
        }
        chain
            .into_iter()
            .rev()
            .fold(END, |next, frame| self.frame(frame.node, frame.at, next))
    }

    fn follow(&mut self, bytes: &[u8]) -> Result<u32, TooComplex> {
        let mut state = self.current;
        for &byte in bytes {
            state = match self.states[state as usize].next[usize::from(byte)] {
                UNKNOWN => self.step(state, byte)?,
                known => known,
            };
            if state == DEAD {
                break;
            }
        }
        Ok(state)
    }

    fn step(&mut self, state: u32, byte: u8) -> Result<u32, TooComplex> {
        let places = self.states[state as usize].places.iter();
        let after: Vec<u32> = places
            .filter(|(node, _)| match &self.grammar.kinds[*node as usize] {
                Kind::Byte(set) => set[usize::from(byte / 64)] >> (byte % 64) & 1 == 1,
                _ => false,
            })
            .map(|&(_, next)| next)
            .collect();
        let next = if after.is_empty() {
            DEAD
        } else {
            self.open(after)?
        };
        self.states[state as usize].next[usize::from(byte)] = next;
        Ok(next)
    }

    /// The set of places that these frames lead to.
    fn open(&mut self, mut frames: Vec<u32>) -> Result<u32, TooComplex> {
        let mut places = Vec::new();
        let mut complete = false;
        let mut seen = HashSet::new();
        while let Some(id) = frames.pop() {
            if !seen.insert(id) {
                continue;
            }
            if seen.len() > MOST_OPENED {
                return Err(TooComplex);
            }
            if id == END {
                complete = true;
                continue;
            }
            let Frame { node, at, next } = self.frames[id as usize];
            match &self.grammar.kinds[node as usize] {
                Kind::Byte(_) => places.push((node, next)),
                Kind::Sequence(parts) => match parts.get(at as usize) {
                    None => frames.push(next),
                    Some(&part) if at as usize + 1 == parts.len() => {
                        frames.push(self.frame(part, 0, next));
                    }
                    Some(&part) => {
                        let rest = self.frame(node, at + 1, next);
                        frames.push(self.frame(part, 0, rest));
                    }
                },
                Kind::Choice(options) => {
                    for option in options.clone() {
                        frames.push(self.frame(option, 0, next));
                    }
                }
                &Kind::Repeat {
                    node: inner,
                    least,
                    most,
                } => {
                    if at >= least {
                        frames.push(next);
                    }
                    if at < most {
                        // Without an end there is nothing to count beyond `least`.
                        let done = if most == u32::MAX {
                            (at + 1).min(least)
                        } else {
                            at + 1
                        };
                        let rest = self.frame(node, done, next);
                        frames.push(self.frame(inner, 0, rest));
                    }
                }
                Kind::Rule(Some(inner)) => frames.push(self.frame(*inner, 0, next)),
                Kind::Rule(None) => return Err(TooComplex),
            }
        }
        if places.is_empty() && !complete {
            return Ok(DEAD);
        }
        places.sort_unstable();
        places.dedup();
        Ok(self.state(places, complete))
    }

    fn state(&mut self, places: Vec<(Node, u32)>, complete: bool) -> u32 {
        // The end is a place, too: two sets that differ only in it are two.
        let mut key = places.clone();
        if complete {
            key.push((END, END));
        }
        let states = &mut self.states;
        *self.known_states.entry(key.into()).or_insert_with(|| {
            states.push(State {
                places: places.into(),
                complete,
                next: [UNKNOWN; 256],
            });
            (states.len() - 1) as u32
        })
    }

    fn frame(&mut self, node: Node, at: u32, next: u32) -> u32 {
        let frame = Frame { node, at, next };
        let frames = &mut self.frames;
        *self.known_frames.entry(frame).or_insert_with(|| {
            frames.push(frame);
            (frames.len() - 1) as u32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(build: impl FnOnce(&mut Grammar) -> Node, text: &str) -> bool {
        let mut grammar = Grammar::default();
        let root = build(&mut grammar);
        let mut matcher = Matcher::new(grammar, root).unwrap();
        for byte in text.bytes() {
            if !matcher.allows(&[byte]).unwrap() {
                return false;
            }
            matcher.accept(&[byte]).unwrap();
        }
        matcher.complete()
    }

    #[test]
    fn brackets_nest() {
        let nested = |grammar: &mut Grammar| {
            let rule = grammar.rule();
            let (open, close) = (grammar.text("("), grammar.text(")"));
            let inner = grammar.repeat(rule, 0, None);
            let body = grammar.sequence(vec![open, inner, close]);
            grammar.define(rule, body);
            rule
        };
        for (text, expected) in [
            ("()", true),
            ("(()(()))", true),
            ("(()", false),
            ("())", false),
        ] {
            assert_eq!(matches(nested, text), expected, "{text}");
        }
    }

    #[test]
    fn counts_are_kept_and_empty_rounds_end() {
        let twos = |grammar: &mut Grammar| {
            let a = grammar.text("a");
            grammar.repeat(a, 2, Some(3))
        };
        for (text, expected) in [("a", false), ("aa", true), ("aaa", true), ("aaaa", false)] {
            assert_eq!(matches(twos, text), expected, "{text}");
        }
        let empty_rounds = |grammar: &mut Grammar| {
            let a = grammar.text("a");
            let maybe = grammar.repeat(a, 0, None);
            grammar.repeat(maybe, 3, None)
        };
        assert!(matches(empty_rounds, "") && matches(empty_rounds, "aaaa"));
    }

    #[test]
    fn a_rule_that_begins_with_itself_is_refused() {
        let mut grammar = Grammar::default();
        let rule = grammar.rule();
        let a = grammar.text("a");
        let body = grammar.sequence(vec![rule, a]);
        grammar.define(rule, body);
        assert_eq!(Matcher::new(grammar, rule).err(), Some(TooComplex));
    }

    #[test]
    fn a_long_text_keeps_memory_bounded() {
        let mut grammar = Grammar::default();
        let digit = grammar.range(b'0', b'9');
        let root = grammar.repeat(digit, 0, Some(100_000));
        let mut matcher = Matcher::new(grammar, root).unwrap();
        for _ in 0..20_000 {
            matcher.accept(b"7").unwrap();
        }
        assert!(matcher.states.len() <= MOST_STATES + 1 && matcher.complete());
    }
}
