//! What says that somebody may ask, and not who.

use futures::future::LocalBoxFuture;
use query::Error;

/// Gives tokens of Privacy Pass (RFC 9577), one for each request.
pub trait Tokens {
    /// A token in base64 for URLs, which nothing gives a second time. None if the app has no tokens: then it asks
    /// without.
    ///
    /// # Errors
    /// [`query::ErrorCode::TokenUnavailable`] if there should be one and there is none; nothing is sent then.
    fn take(&self) -> LocalBoxFuture<'_, Result<Option<String>, Error>>;
}

/// An app without tokens.
#[derive(Clone, Copy, Debug)]
pub struct NoTokens;

impl Tokens for NoTokens {
    fn take(&self) -> LocalBoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async { Ok(None) })
    }
}
