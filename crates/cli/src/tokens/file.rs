//! The file with an issuer's secret keys.

use std::path::Path;

use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use issuer::Lifetime;
use privacy_pass::IssuerKey;
use serde::{Deserialize, Serialize};

/// For how long expired keys stay listed, in seconds, so that gateways see them expire and forget their tokens.
const GRACE: u64 = 7 * 86_400;
/// Keys made until one differs in the byte that names it in requests.
const TRIES: usize = 16;

/// Keys in the order in which they were made. All times are seconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerFile {
    keys: Vec<Kept>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kept {
    /// PKCS #8, base64.
    private_key: String,
    not_before: u64,
    not_after: u64,
}

impl Kept {
    fn new(key: &IssuerKey, not_before: u64, not_after: u64) -> anyhow::Result<Self> {
        Ok(Self {
            private_key: BASE64.encode(&*key.to_pkcs8()?),
            not_before,
            not_after,
        })
    }

    fn key(&self) -> anyhow::Result<IssuerKey> {
        let der = BASE64.decode(&self.private_key).ok();
        let key = der.and_then(|der| IssuerKey::from_pkcs8(&der).ok());
        key.with_context(|| {
            format!("the key that is valid from {}: not a private key of RSA, 2048 bits, as PKCS #8 in base64", self.not_before)
        })
    }
}

impl IssuerFile {
    /// One key that is valid from now on, and for as many seconds.
    pub fn first(now: u64, valid: u64) -> anyhow::Result<Self> {
        let key = IssuerKey::generate()?;
        Ok(Self {
            keys: vec![Kept::new(&key, now, now + valid)?],
        })
    }

    /// Reads a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("--keys {}", path.display());
        let text = std::fs::read_to_string(path).with_context(place)?;
        Self::from_json(&text).with_context(place)
    }

    /// Reads what [`IssuerFile::to_json`] wrote.
    pub fn from_json(text: &str) -> anyhow::Result<Self> {
        // What serde says of a wrong value would show the value.
        let file: Self = serde_json::from_str(text)
            .ok()
            .context("no file of an issuer's keys; make one with `tidegate tokens generate`")?;
        if file.keys.is_empty() {
            bail!("there are no keys in it; make one with `tidegate tokens generate`");
        }
        Ok(file)
    }

    /// As it is kept, secrets in the clear.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Adds a key that becomes valid `lead` seconds from now and stays so for `valid` seconds; drops what expired more
    /// than a week ago.
    pub fn rotate(&mut self, now: u64, lead: u64, valid: u64) -> anyhow::Result<()> {
        self.keys.retain(|kept| kept.not_after + GRACE >= now);
        let mut taken = Vec::new();
        for kept in &self.keys {
            taken.push(kept.key()?.public().truncated_id());
        }
        for _ in 0..TRIES {
            let key = IssuerKey::generate()?;
            if !taken.contains(&key.public().truncated_id()) {
                let not_before = now + lead;
                self.keys
                    .push(Kept::new(&key, not_before, not_before + valid)?);
                return Ok(());
            }
        }
        bail!("too many keys are still valid; wait until some have expired")
    }

    /// All keys, expired ones too.
    pub fn keys(&self) -> anyhow::Result<Vec<(IssuerKey, Lifetime)>> {
        let lifetime = |kept: &Kept| Lifetime {
            not_before: kept.not_before,
            not_after: kept.not_after,
        };
        let keys = self.keys.iter();
        keys.map(|kept| Ok((kept.key()?, lifetime(kept)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn times(file: &IssuerFile) -> Vec<(u64, u64)> {
        let keys = file.keys().unwrap();
        let times = keys
            .iter()
            .map(|(_, life)| (life.not_before, life.not_after));
        times.collect()
    }

    #[test]
    fn keys_rotate_with_an_overlap_and_are_kept() {
        let mut file = IssuerFile::first(0, 30 * DAY).unwrap();
        file.rotate(25 * DAY, DAY, 30 * DAY).unwrap();
        let (first, second) = ((0, 30 * DAY), (26 * DAY, 56 * DAY));
        assert_eq!(times(&file), [first, second]);
        let read = IssuerFile::from_json(&file.to_json()).unwrap();
        let public = |file: &IssuerFile| {
            let keys = file.keys().unwrap();
            let public = keys.iter().map(|(key, _)| key.public().clone());
            public.collect::<Vec<_>>()
        };
        assert_eq!(public(&read), public(&file));
        file.rotate(37 * DAY + 1, 0, DAY).unwrap();
        assert_eq!(times(&file), [second, (37 * DAY + 1, 38 * DAY + 1)]);
    }

    #[test]
    fn a_broken_file_shows_no_secret() {
        let text = r#"{"keys":[{"privateKey":"c2VjcmV0","notBefore":7,"notAfter":9}]}"#;
        let error = IssuerFile::from_json(text).unwrap().keys();
        let error = format!("{:#}", error.map(|_| ()).unwrap_err());
        assert!(error.starts_with("the key that is valid from 7"), "{error}");
        for text in [text, &text.replace('9', "\"c2VjcmV0\"")] {
            let read = IssuerFile::from_json(text).and_then(|file| file.keys());
            let error = format!("{:#}", read.map(|_| ()).unwrap_err());
            assert!(!error.contains("c2VjcmV0"), "{error}");
        }
    }
}
