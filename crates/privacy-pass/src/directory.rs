//! The public list of an issuer's keys.

use serde::{Deserialize, Serialize};

use crate::{Error, TOKEN_TYPE, TokenKey};

/// Media type of a [`Directory`].
pub const DIRECTORY_TYPE: &str = "application/private-token-issuer-directory";

/// What an issuer says of itself (RFC 9578 §4), JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Directory {
    /// Where requests go, relative to where this was found.
    pub issuer_request_uri: String,
    /// Keys, the one that new tokens should be asked of first.
    pub token_keys: Vec<DirectoryKey>,
}

/// One key of a directory, with its times in seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DirectoryKey {
    /// 2 for all keys that are read here.
    pub token_type: u16,
    /// Base64 for URLs.
    pub token_key: String,
    /// From when on it signs.
    #[serde(default)]
    pub not_before: u64,
    /// Until when its tokens are taken; a member of our own. Without it they are taken as long as it is listed.
    #[serde(default = "always")]
    pub not_after: u64,
}

fn always() -> u64 {
    u64::MAX
}

impl DirectoryKey {
    /// As it stands in a directory.
    pub fn new(key: &TokenKey, not_before: u64, not_after: u64) -> Self {
        Self {
            token_type: TOKEN_TYPE,
            token_key: key.to_base64(),
            not_before,
            not_after,
        }
    }
}

impl Directory {
    /// The keys of type 2 and until when their tokens are taken, expired ones too.
    ///
    /// # Errors
    /// [`Error::TokenKey`] if one cannot be read.
    pub fn keys(&self) -> Result<Vec<(TokenKey, u64)>, Error> {
        let ours = self.token_keys.iter();
        let ours = ours.filter(|listed| listed.token_type == TOKEN_TYPE);
        let read = ours.map(|listed| {
            let key = TokenKey::from_base64(&listed.token_key)?;
            Ok((key, listed.not_after))
        });
        read.collect()
    }
}
