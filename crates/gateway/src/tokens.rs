//! Who may ask: whoever has a token that is not spent (RFC 9577). It is inside the seal, so that the relay does not see
//! it, and says nothing of whose it is.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use privacy_pass::{Challenge, Token, TokenKey};
use query::ErrorCode;

use crate::{
    error::SealedError,
    spent::{NotSpent, Spent},
};

/// For how long it is remembered what was spent of a key that has expired, in seconds: should the clock have been wrong.
pub const KEPT_S: u64 = 86_400;

/// The tokens that a gateway takes, one for each request. Clones share what is spent.
#[derive(Clone, Debug)]
pub struct Tokens {
    challenge: Challenge,
    /// With the second until which their tokens are taken, since 1970-01-01 00:00 UTC.
    keys: Arc<RwLock<Vec<(TokenKey, u64)>>>,
    spent: Spent,
}

impl Tokens {
    /// Takes tokens that were made for `challenge` and signed with one of these keys, each until the second beside it.
    /// What is spent is kept in `folder`, which no other gateway may use at the same time.
    ///
    /// # Errors
    /// If the files there cannot be opened.
    pub fn open(
        challenge: Challenge,
        keys: Vec<(TokenKey, u64)>,
        folder: &Path,
        now: u64,
    ) -> Result<Self, redb::Error> {
        let valid = keys.iter().filter(|(_, until)| *until >= now);
        let spent = Spent::open(folder, valid.map(|(key, _)| key.id()))?;
        let tokens = Self {
            challenge,
            keys: Arc::default(),
            spent,
        };
        tokens.replace(keys, now);
        Ok(tokens)
    }

    /// From now on these keys. What is spent of those that expired more than [`KEPT_S`] ago is deleted; that of keys
    /// that are missing is not, because they may come back.
    pub fn replace(&self, keys: Vec<(TokenKey, u64)>, now: u64) {
        for (key, until) in &keys {
            if until.saturating_add(KEPT_S) < now {
                self.spent.forget(key.id());
            }
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Spends the token of a request, by its header field `authorization`.
    pub(crate) async fn redeem(&self, header: Option<&str>, now: u64) -> Result<(), SealedError> {
        let header = header.ok_or_else(|| {
            let message =
                "the gateway takes a token with each request; give Tidegate tokens (cloud.tokens)";
            self.refusal(ErrorCode::TokenRequired, message)
        })?;
        let redeemed = Token::from_header(header).and_then(|token| {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            let valid = keys.iter().filter(|(_, until)| *until >= now);
            token.redeem(&self.challenge, valid.map(|(key, _)| key))
        });
        let redeemed =
            redeemed.map_err(|error| self.refusal(ErrorCode::TokenRefused, error.to_string()))?;
        match self.spent.spend(redeemed).await {
            Ok(()) => Ok(()),
            Err(NotSpent::Before) => {
                let message = "this token paid for another request; ask again with another one";
                Err(self.refusal(ErrorCode::TokenSpent, message))
            }
            Err(NotSpent::Unwritten) => {
                let message = "the gateway cannot note which tokens are spent; try again later";
                Err(SealedError::new(
                    503,
                    ErrorCode::GatewayUnavailable,
                    message,
                ))
            }
        }
    }

    /// With the challenge that a token has to answer (RFC 9577 §2.1).
    fn refusal(&self, code: ErrorCode, message: impl Into<String>) -> SealedError {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let newest = keys.first();
        SealedError {
            challenge: newest.map(|(key, _)| self.challenge.header(key)),
            ..SealedError::new(401, code, message)
        }
    }
}
