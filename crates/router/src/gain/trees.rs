//! A sum of small decision trees.

use super::{bytes::Reader, weights_error};
use crate::WeightsError;

/// A sum of small decision trees over numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trees {
    nodes: Vec<Node>,
    roots: Vec<u16>,
}

/// A question about a number, or a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    /// Goes on at one of two later nodes.
    Split {
        /// Which number.
        input: u8,
        /// Up to this it is the first.
        threshold: f32,
        /// Steps forward to each, at least 1.
        next: [u8; 2],
    },
    /// The tree's part of the sum.
    Leaf(f32),
}

const LEAF: u8 = 255;

impl Trees {
    /// Adds a tree, its root first. Nodes point forward inside of the tree.
    pub fn push(&mut self, tree: &[Node]) {
        self.roots.push(self.nodes.len() as u16);
        self.nodes.extend(tree);
    }

    /// The sum of all trees.
    pub fn sum(&self, inputs: &[f32]) -> f32 {
        let values = self
            .roots
            .iter()
            .map(|root| self.value(usize::from(*root), inputs));
        values.fold(0.0, |sum, value| sum + value)
    }

    fn value(&self, mut at: usize, inputs: &[f32]) -> f32 {
        // Every step goes forward, so this ends.
        while let Some(node) = self.nodes.get(at) {
            match node {
                Node::Leaf(value) => return *value,
                Node::Split {
                    input,
                    threshold,
                    next,
                } => {
                    let value = inputs.get(usize::from(*input)).copied().unwrap_or(0.0);
                    at += usize::from(next[usize::from(value > *threshold)]);
                }
            }
        }
        0.0
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend((self.roots.len() as u16).to_le_bytes());
        out.extend((self.nodes.len() as u16).to_le_bytes());
        for root in &self.roots {
            out.extend(root.to_le_bytes());
        }
        for node in &self.nodes {
            let (input, value, next) = match *node {
                Node::Split {
                    input,
                    threshold,
                    next,
                } => (input, threshold, next),
                Node::Leaf(value) => (LEAF, value, [0, 0]),
            };
            out.extend([input, next[0], next[1]]);
            out.extend(value.to_le_bytes());
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, WeightsError> {
        let roots = u16::from_le_bytes(reader.array()?);
        let nodes = u16::from_le_bytes(reader.array()?);
        let mut trees = Self::default();
        for _ in 0..roots {
            let root = u16::from_le_bytes(reader.array()?);
            if root >= nodes {
                return Err(weights_error("trees"));
            }
            trees.roots.push(root);
        }
        for _ in 0..nodes {
            let [input, near, far] = reader.array()?;
            let value = reader.number()?;
            trees.nodes.push(match input {
                LEAF => Node::Leaf(value),
                _ if near == 0 || far == 0 => return Err(weights_error("trees")),
                _ => Node::Split {
                    input,
                    threshold: value,
                    next: [near, far],
                },
            });
        }
        Ok(trees)
    }
}
