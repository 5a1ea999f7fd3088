//! What may leave the device.

use std::fmt;

use query::{ChatRequest, PrivacyClass, Replaced};

use crate::replace::Left;

/// A request that may leave: every finding that may not has a placeholder, or what else rules ask for, in its place.
///
/// Only [`crate::pseudonymize`] makes one, and only a `Releasable` can be sealed: raw text has no way out.
pub struct Releasable {
    request: ChatRequest,
    replaced: Vec<Replaced>,
    left: Left,
    class: PrivacyClass,
    only_to: Option<String>,
}

impl Releasable {
    pub(crate) fn new(
        request: ChatRequest,
        replaced: Vec<Replaced>,
        left: Left,
        class: PrivacyClass,
        only_to: Option<String>,
    ) -> Self {
        Self {
            request,
            replaced,
            left,
            class,
            only_to,
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

    /// The strictest class of what is behind the placeholders and of what it is about. One that is
    /// [`PrivacyClass::Restricted`] is for the endpoint that was attested, and no other.
    pub fn class(&self) -> PrivacyClass {
        self.class
    }

    /// The fingerprint of the one key that it may be sealed to, where it is [`PrivacyClass::Restricted`]: the one that
    /// was attested.
    pub fn only_to(&self) -> Option<&str> {
        self.only_to.as_deref()
    }
}

impl fmt::Debug for Releasable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Releasable")
            .field("replaced", &self.replaced)
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}
