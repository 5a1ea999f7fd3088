//! The gateway's list of keys, signed: which key configs it has, since when they have been public, and when each is valid.
//!
//! Overlap is what makes rotation quiet: a new key is published before it is valid, so that every page has seen it when
//! it becomes the newest, and the old one stays valid for a while.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dsse::{PublicKey, SigningKey};
use serde::{Deserialize, Serialize};

use crate::{Error, KeyConfig};

/// The type of the signed document.
pub const DIRECTORY_TYPE: &str = "application/vnd.tidegate.key-directory+json";

/// Key configs with their times. All times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Directory {
    /// When it was signed.
    pub issued: u64,
    /// Until when it may be used: an old list cannot be shown for longer.
    pub expires: u64,
    /// In any order.
    pub keys: Vec<DirectoryKey>,
}

/// One key config and its times, seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DirectoryKey {
    /// The key config (RFC 9458 §3.1) in base64.
    pub config: String,
    /// When it was first in a list.
    pub published: u64,
    /// From when on it may be sealed to.
    pub not_before: u64,
    /// Until when it may be sealed to.
    pub not_after: u64,
}

impl Directory {
    /// Opens a list that one of `signers` signed.
    ///
    /// # Errors
    /// [`dsse::Error`] says what does not fit.
    pub fn open(envelope: &str, signers: &[PublicKey]) -> Result<Self, dsse::Error> {
        let payload = dsse::open(envelope, DIRECTORY_TYPE, signers)?;
        serde_json::from_slice(&payload).map_err(|error| dsse::Error::Malformed(error.to_string()))
    }

    /// Signs it.
    pub fn sign(&self, by: &[&SigningKey]) -> String {
        dsse::sign(
            serde_json::json!(self).to_string().as_bytes(),
            DIRECTORY_TYPE,
            by,
        )
    }
}

impl DirectoryKey {
    /// The key config that it holds.
    ///
    /// # Errors
    /// [`Error::KeyConfig`] if it is none, [`Error::Unsupported`] if it cannot be used.
    pub fn key_config(&self) -> Result<KeyConfig, Error> {
        let malformed = |problem| Error::KeyConfig { index: 0, problem };
        let config = BASE64
            .decode(&self.config)
            .map_err(|_| malformed("it is not base64"))?;
        let len = u16::try_from(config.len()).map_err(|_| malformed("it is too long"))?;
        let list = [&len.to_be_bytes()[..], &config].concat();
        let mut configs = KeyConfig::parse(&list)?;
        configs.pop().ok_or(malformed("it is empty"))
    }
}

/// The configs of an `application/ohttp-keys` list, each as [`DirectoryKey::config`] holds it.
///
/// # Errors
/// [`Error::KeyConfig`] if the list ends early.
pub fn configs_of(list: &[u8]) -> Result<Vec<String>, Error> {
    let mut configs = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let cut = Error::KeyConfig {
            index: configs.len(),
            problem: "it is longer than the list",
        };
        let Some((len, after)) = rest.split_first_chunk::<2>() else {
            return Err(cut);
        };
        let Some((config, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*len)))
        else {
            return Err(cut);
        };
        configs.push(BASE64.encode(config));
        rest = after;
    }
    Ok(configs)
}
