//! Key configs, RFC 9458 §3: parsed here rather than by `ohttp`, which picks the last of a list, drops
//! what it does not know without a word, and takes a suite that panics later (ChaCha20-Poly1305 in streams).

use sha2::{Digest, Sha256};

use crate::Error;

/// How the shared secret is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kem {
    /// X25519 and ML-KEM-768 together: safe as long as one of them is. KEM 0x647a.
    XWing,
    /// DHKEM(X25519, HKDF-SHA256), KEM 0x0020.
    X25519,
}

impl Kem {
    /// The number in the HPKE registry.
    pub fn id(self) -> u16 {
        match self {
            Self::XWing => 0x647a,
            Self::X25519 => 0x0020,
        }
    }

    /// Bytes of a public key.
    fn public_key_len(self) -> usize {
        match self {
            Self::XWing => 1216,
            Self::X25519 => 32,
        }
    }
}

/// HKDF-SHA256 with AES-128-GCM, as (KDF, AEAD): the one symmetric suite that is spoken.
pub(crate) const SUITE: (u16, u16) = (0x0001, 0x0001);

/// One usable key config. To seal to it, it must become a verified key first.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyConfig {
    key_id: u8,
    kem: Kem,
    public_key: Vec<u8>,
    /// Hex SHA-256 of the config as it was published.
    fingerprint: String,
}

impl std::fmt::Debug for KeyConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyConfig")
            .field("key_id", &self.key_id)
            .field("kem", &self.kem)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl KeyConfig {
    /// The usable configs of an `application/ohttp-keys` list, best first: X-Wing before X25519,
    /// otherwise in the list's order.
    ///
    /// # Errors
    /// [`Error::KeyConfig`] if the list is malformed, [`Error::Unsupported`] (naming what was offered)
    /// if it has nothing usable.
    pub fn parse(list: &[u8]) -> Result<Vec<Self>, Error> {
        let (mut usable, mut offered) = (Vec::new(), Vec::new());
        let mut rest = list;
        let mut index = 0;
        while !rest.is_empty() {
            let malformed = |problem| Error::KeyConfig { index, problem };
            let (len, after) = rest
                .split_first_chunk::<2>()
                .ok_or(malformed("the length is cut off"))?;
            let len = usize::from(u16::from_be_bytes(*len));
            let (config, after) = after
                .split_at_checked(len)
                .ok_or(malformed("it is longer than the list"))?;
            match Self::parse_one(config).map_err(malformed)? {
                Ok(config) => usable.push(config),
                Err(names) => offered.push(names),
            }
            rest = after;
            index += 1;
        }
        if usable.is_empty() {
            let offered = if offered.is_empty() {
                "nothing".to_owned()
            } else {
                offered.join("; ")
            };
            return Err(Error::Unsupported { offered });
        }
        usable.sort_by_key(|config| match config.kem {
            Kem::XWing => 0,
            Kem::X25519 => 1,
        });
        Ok(usable)
    }

    /// `Err(problem)` if malformed, `Ok(Err(what it offers))` if whole but not usable.
    fn parse_one(config: &[u8]) -> Result<Result<Self, String>, &'static str> {
        let (&[key_id, kem_high, kem_low], rest) =
            config.split_first_chunk::<3>().ok_or("it is too short")?;
        let kem_id = u16::from_be_bytes([kem_high, kem_low]);
        let kem = match kem_id {
            0x647a => Kem::XWing,
            0x0020 => Kem::X25519,
            // The key's length is unknown, so what follows cannot be read.
            other => return Ok(Err(kem_name(other))),
        };
        let (public_key, rest) = rest
            .split_at_checked(kem.public_key_len())
            .ok_or("the public key is cut off")?;
        let (len, suites) = rest
            .split_first_chunk::<2>()
            .ok_or("the list of suites is cut off")?;
        if usize::from(u16::from_be_bytes(*len)) != suites.len()
            || suites.is_empty()
            || suites.len() % 4 != 0
        {
            return Err("the list of suites has a wrong length");
        }
        let suites: Vec<(u16, u16)> = suites
            .chunks_exact(4)
            .map(|s| {
                (
                    u16::from_be_bytes([s[0], s[1]]),
                    u16::from_be_bytes([s[2], s[3]]),
                )
            })
            .collect();
        if !suites.contains(&SUITE) {
            let names: Vec<String> = suites
                .iter()
                .map(|&(kdf, aead)| format!("{} with {}", kdf_name(kdf), aead_name(aead)))
                .collect();
            return Ok(Err(format!("{}: {}", kem_name(kem_id), names.join(", "))));
        }
        let fingerprint = hex::encode(Sha256::digest(config));
        Ok(Ok(Self {
            key_id,
            kem,
            public_key: public_key.to_vec(),
            fingerprint,
        }))
    }

    /// The id by which a request names the key to the gateway.
    pub fn key_id(&self) -> u8 {
        self.key_id
    }

    /// How the shared secret is made.
    pub fn kem(&self) -> Kem {
        self.kem
    }

    /// Hex SHA-256 of the config as it was published: the same for everyone, or the key is not the same.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The config as `ohttp` reads it, with the one suite that we speak.
    #[cfg(feature = "client")]
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.key_id];
        out.extend(self.kem.id().to_be_bytes());
        out.extend(&self.public_key);
        out.extend(4_u16.to_be_bytes());
        out.extend(SUITE.0.to_be_bytes());
        out.extend(SUITE.1.to_be_bytes());
        out
    }
}

fn kem_name(id: u16) -> String {
    match id {
        0x0010 => "P-256 (0x0010)".into(),
        0x0020 => "X25519 (0x0020)".into(),
        0x647a => "X-Wing (0x647a)".into(),
        other => format!("KEM {other:#06x}"),
    }
}

fn kdf_name(id: u16) -> String {
    match id {
        1 => "HKDF-SHA256 (0x0001)".into(),
        2 => "HKDF-SHA384 (0x0002)".into(),
        3 => "HKDF-SHA512 (0x0003)".into(),
        other => format!("KDF {other:#06x}"),
    }
}

fn aead_name(id: u16) -> String {
    match id {
        1 => "AES-128-GCM (0x0001)".into(),
        2 => "AES-256-GCM (0x0002)".into(),
        3 => "ChaCha20-Poly1305 (0x0003)".into(),
        other => format!("AEAD {other:#06x}"),
    }
}
