//! Who is asked before something leaves.

use query::{Doubt, Error, MaskEdits, Preview};

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

    /// Whether the cloud is to answer instead of the page, whose answer is doubtful. What would leave is asked
    /// after that ([`Self::decide`]).
    ///
    /// # Errors
    /// If who should decide cannot be asked.
    async fn prefers_cloud(&self, doubt: &Doubt) -> Result<bool, Error>;
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

    async fn prefers_cloud(&self, _doubt: &Doubt) -> Result<bool, Error> {
        Ok(self.0)
    }
}
