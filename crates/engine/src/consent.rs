//! Who is asked before something leaves.

use query::{Error, Preview};

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
    async fn allow(&self, preview: &Preview) -> Result<bool, Error>;
}

/// Always the same decision.
#[derive(Clone, Copy, Debug)]
pub struct Always(pub bool);

impl Consent for Always {
    async fn allow(&self, _preview: &Preview) -> Result<bool, Error> {
        Ok(self.0)
    }
}
