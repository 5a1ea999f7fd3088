//! The file with a gateway's secret keys.

use std::path::Path;

use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use oblivious_http::{Directory, DirectoryKey, GatewayKeys, configs_of};
use serde::{Deserialize, Serialize};

/// For how long expired keys still open requests, in seconds: clocks of pages are late.
const GRACE: u64 = 86_400;
/// How many generations have numbers.
const NUMBERS: u8 = 127;

/// Generations of keys, in the order in which they were made. All times are seconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    generations: Vec<Generation>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Generation {
    /// What tells it from the others in a request.
    number: u8,
    /// The 32 secret bytes that its keys follow from, base64.
    seed: String,
    published: u64,
    not_before: u64,
    not_after: u64,
}

impl KeyFile {
    /// One generation that is valid from now on, and for as many seconds.
    pub fn first(seed: [u8; 32], now: u64, valid: u64) -> Self {
        let first = Generation {
            number: 0,
            seed: BASE64.encode(seed),
            published: now,
            not_before: now,
            not_after: now + valid,
        };
        Self {
            generations: vec![first],
        }
    }

    /// Reads a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("--keys {}", path.display());
        let text = std::fs::read_to_string(path).with_context(place)?;
        Self::from_json(&text).with_context(place)
    }

    /// Reads what [`KeyFile::to_json`] wrote.
    pub fn from_json(text: &str) -> anyhow::Result<Self> {
        // What serde says of a wrong value would show the value.
        let file: Self = serde_json::from_str(text).ok().context(
            "no file of keys; make one with `tidegate keys generate`, or give the seed of one pair of keys with --seed",
        )?;
        if file.generations.is_empty() {
            bail!("there are no keys in it; make some with `tidegate keys generate`");
        }
        Ok(file)
    }

    /// As it is kept, secrets in the clear.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Adds a generation that becomes valid `lead` seconds from now and stays so for `valid` seconds; drops what expired
    /// more than a day ago.
    pub fn rotate(
        &mut self,
        seed: [u8; 32],
        now: u64,
        lead: u64,
        valid: u64,
    ) -> anyhow::Result<()> {
        self.generations
            .retain(|generation| generation.not_after + GRACE >= now);
        let last = self
            .generations
            .last()
            .map_or(NUMBERS - 1, |last| last.number);
        let taken = |number: &u8| {
            let mut there = self.generations.iter();
            there.any(|generation| generation.number == *number)
        };
        let mut numbers = (1..=NUMBERS).map(|step| (last + step) % NUMBERS);
        let number = numbers
            .find(|number| !taken(number))
            .context("127 generations of keys are still valid; wait until one has expired")?;
        let not_before = now + lead;
        self.generations.push(Generation {
            number,
            seed: BASE64.encode(seed),
            published: now,
            not_before,
            not_after: not_before + valid,
        });
        Ok(())
    }

    /// What requests are opened with: the newest that is valid first.
    pub fn gateway_keys(&self, now: u64) -> anyhow::Result<GatewayKeys> {
        let mut seeds = Vec::new();
        for generation in &self.generations {
            if generation.not_after + GRACE >= now {
                let begun = generation.not_before <= now;
                seeds.push((
                    (begun, generation.not_before),
                    (generation.number, generation.seed()?),
                ));
            }
        }
        if seeds.is_empty() {
            bail!("all keys have expired; use `tidegate keys rotate --lead-hours 0`");
        }
        seeds.sort_by_key(|&(rank, _)| std::cmp::Reverse(rank));
        let seeds: Vec<(u8, [u8; 32])> = seeds.into_iter().map(|(_, seed)| seed).collect();
        Ok(GatewayKeys::from_generations(&seeds)?)
    }

    /// The second after which no page uses any of them.
    pub fn expires(&self) -> Option<u64> {
        self.generations
            .iter()
            .map(|generation| generation.not_after)
            .max()
    }

    /// The list of what has not expired, to be signed; it may be used for as many seconds.
    pub fn directory(&self, now: u64, usable: u64) -> anyhow::Result<Directory> {
        let mut keys = Vec::new();
        for generation in &self.generations {
            if generation.not_after < now {
                continue;
            }
            let pair = GatewayKeys::from_generations(&[(generation.number, generation.seed()?)])?;
            for config in configs_of(&pair.config_list()?)? {
                keys.push(DirectoryKey {
                    config,
                    published: generation.published,
                    not_before: generation.not_before,
                    not_after: generation.not_after,
                });
            }
        }
        Ok(Directory {
            issued: now,
            expires: now + usable,
            keys,
        })
    }
}

impl Generation {
    fn seed(&self) -> anyhow::Result<[u8; 32]> {
        let bytes = BASE64.decode(&self.seed).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .with_context(|| {
                format!(
                    "generation {}: the seed is not 32 bytes in base64",
                    self.number
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use oblivious_http::KeyConfig;

    use super::*;

    const DAY: u64 = 86_400;

    /// Key ids that a gateway offers, the one that it prefers first.
    fn ids(file: &KeyFile, now: u64) -> Vec<u8> {
        let list = file.gateway_keys(now).unwrap().config_list().unwrap();
        let configs = KeyConfig::parse(&list).unwrap();
        configs.iter().map(KeyConfig::key_id).collect()
    }

    #[test]
    fn keys_rotate_with_an_overlap() {
        let mut file = KeyFile::first([1; 32], 0, 30 * DAY);
        file.rotate([2; 32], 28 * DAY, DAY, 30 * DAY).unwrap();
        // Not valid yet, valid, and the old ones gone a day after they have expired.
        assert_eq!(ids(&file, 28 * DAY), [1, 3, 2, 4]);
        assert_eq!(ids(&file, 29 * DAY), [3, 1, 4, 2]);
        assert_eq!(ids(&file, 31 * DAY), [3, 1, 4, 2]);
        assert_eq!(ids(&file, 31 * DAY + 1), [3, 4]);
        let listed = |now| file.directory(now, DAY).unwrap().keys.len();
        assert_eq!([listed(30 * DAY), listed(30 * DAY + 1)], [4, 2]);
        assert!(file.gateway_keys(61 * DAY).is_err());
        assert_eq!(file.expires(), Some(59 * DAY));

        // What is kept is what was there, and a third generation takes the place of the first.
        let mut file = KeyFile::from_json(&file.to_json()).unwrap();
        file.rotate([3; 32], 40 * DAY, 0, 30 * DAY).unwrap();
        assert_eq!(ids(&file, 40 * DAY), [5, 3, 6, 4]);
    }

    #[test]
    fn numbers_go_round() {
        let mut file = KeyFile::first([1; 32], 0, DAY);
        for day in 1..=300 {
            file.rotate([1; 32], day * DAY, 0, DAY).unwrap();
        }
        // 300 is 46 beyond twice 127; those of the last two days still open.
        assert_eq!(ids(&file, 300 * DAY)[..3], [93, 91, 89]);
        let kept = file.generations.len();
        for _ in kept..127 {
            file.rotate([1; 32], 300 * DAY, 0, DAY).unwrap();
        }
        assert!(file.rotate([1; 32], 300 * DAY, 0, DAY).is_err());
    }

    #[test]
    fn a_broken_file_shows_no_secret() {
        let text = r#"{"generations":[{"number":0,"seed":"c2VjcmV0","published":0,"notBefore":0,"notAfter":9}]}"#;
        let error = KeyFile::from_json(text).unwrap().gateway_keys(0);
        let error = error.map(|_| ()).unwrap_err().to_string();
        assert_eq!(error, "generation 0: the seed is not 32 bytes in base64");
        let error = KeyFile::from_json(&text.replace('9', "\"c2VjcmV0\""));
        let error = format!("{:#}", error.map(|_| ()).unwrap_err());
        assert!(!error.contains("c2VjcmV0"), "{error}");
    }
}
