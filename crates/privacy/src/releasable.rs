//! What may leave the device.

use std::fmt;

use query::{ChatRequest, Replaced};

use crate::replace::Left;

/// A request that may leave: every finding that may not has a placeholder, or what else rules ask for, in its place.
///
/// Only [`crate::pseudonymize`] makes one, and only a `Releasable` can be sealed: raw text has no way out.
pub struct Releasable {
    request: ChatRequest,
    replaced: Vec<Replaced>,
    left: Left,
}

impl Releasable {
    pub(crate) fn new(request: ChatRequest, replaced: Vec<Replaced>, left: Left) -> Self {
        Self {
            request,
            replaced,
            left,
        }
    }

    /// What left in the place of values.
    pub(crate) fn left(&self) -> &Left {
        &self.left
    }

    /// The request exactly as it leaves.
    pub fn request(&self) -> &ChatRequest {
        &self.request
    }

    /// The placeholders in it and whatever else stands for a value, each once, in the order in which they first occur.
    pub fn replaced(&self) -> &[Replaced] {
        &self.replaced
    }
}

impl fmt::Debug for Releasable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Releasable")
            .field("replaced", &self.replaced)
            .finish_non_exhaustive()
    }
}
