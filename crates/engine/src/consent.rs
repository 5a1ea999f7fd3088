//! Who is asked before something leaves.

use query::{Error, MaskEdits, Preview};

/// Is asked before something leaves.
#[expect(
    async_fn_in_trait,
    reason = "an engine stays on one thread: a page's worker has only one"
)]
pub trait Consent {
    /// Whether what `preview` shows may leave.
    ///
    /// # Errors
    /// If who should decide cannot be asked; nothing leaves then.
    async fn decide(&self, preview: &Preview) -> Result<Decision, Error>;
}

/// What was said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may leave.
    Send,
    /// It may leave with other masks: what is then masked is checked again, and nobody is asked again.
    SendWith(MaskEdits),
    /// It stays.
    Keep,
}

/// Always the same decision.
#[derive(Clone, Copy, Debug)]
pub struct Always(pub bool);

impl Consent for Always {
    async fn decide(&self, _preview: &Preview) -> Result<Decision, Error> {
        Ok(match self.0 {
            true => Decision::Send,
            false => Decision::Keep,
        })
    }
}
