//! What training learned, as bytes of a file: named sections, one for each thing that is learned.
//!
//! Little-endian: `TGRW`, the version, how many sections (a byte each); for each section its name (eight
//! bytes, filled up with zeros) and its length in bytes (`u32`); the sections one after the other; and the
//! FNV-1a sum (64 bits) of all before it.

use std::fmt;

const MAGIC: &[u8; 4] = b"TGRW";
const VERSION: u8 = 1;
/// Bytes of a section's name.
const NAME: usize = 8;

/// Why bytes are not the router's weights.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeightsError {
    /// They begin otherwise.
    OtherFormat,
    /// Written by another version of the trainer.
    OtherVersion(u8),
    /// The sum over the bytes is another one: the file was cut or changed.
    Damaged,
    /// A section is not there.
    Missing(&'static str),
    /// A part is not what it must be: section, part.
    Invalid(&'static str, &'static str),
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherFormat => write!(
                f,
                "not the router's weights: the file does not begin with {:?}",
                String::from_utf8_lossy(MAGIC)
            ),
            Self::OtherVersion(other) => write!(
                f,
                "the router's weights have format {other}, this build reads {VERSION}; train them again"
            ),
            Self::Damaged => write!(
                f,
                "the router's weights are damaged: their sum is wrong; fetch the file again"
            ),
            Self::Missing(section) => write!(
                f,
                "the router's weights have no section {section}; train them again"
            ),
            Self::Invalid(section, part) => write!(
                f,
                "the router's weights are damaged: section {section}, {part}; fetch the file again"
            ),
        }
    }
}

impl std::error::Error for WeightsError {}

/// The sections of a file of weights.
#[derive(Clone, Copy, Debug)]
pub struct Sections<'a> {
    /// Over all that is before it.
    sum: [u8; 8],
    /// Names and lengths.
    table: &'a [u8],
    content: &'a [u8],
}

impl<'a> Sections<'a> {
    /// Checks the frame, not what is in it.
    ///
    /// # Errors
    /// [`WeightsError`] says what is wrong; nothing panics, whatever the bytes are.
    pub fn read(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(WeightsError::OtherFormat)?;
        match body.first() {
            Some(&VERSION) => {}
            Some(&other) => return Err(WeightsError::OtherVersion(other)),
            None => return Err(WeightsError::Damaged),
        }
        let (summed, end) = bytes.split_last_chunk::<8>().ok_or(WeightsError::Damaged)?;
        if sum(summed) != u64::from_le_bytes(*end) {
            return Err(WeightsError::Damaged);
        }
        let invalid = WeightsError::Invalid("table", "length");
        let head = MAGIC.len() + 1;
        let (&count, rest) = summed
            .get(head..)
            .and_then(<[u8]>::split_first)
            .ok_or(invalid.clone())?;
        let (table, content) = rest
            .split_at_checked(usize::from(count) * (NAME + 4))
            .ok_or(invalid.clone())?;
        let sections = Self {
            sum: *end,
            table,
            content,
        };
        let total = sections
            .entries()
            .try_fold(0_usize, |sum, (_, length)| sum.checked_add(length));
        if total != Some(content.len()) {
            return Err(invalid);
        }
        Ok(sections)
    }

    /// The file's sum, its last bytes.
    pub fn sum(&self) -> [u8; 8] {
        self.sum
    }

    /// The bytes of a section.
    ///
    /// # Errors
    /// [`WeightsError::Missing`] if there is none of that name.
    pub fn get(&self, name: &'static str) -> Result<&'a [u8], WeightsError> {
        let mut rest = self.content;
        for (entry, length) in self.entries() {
            let (section, after) = rest
                .split_at_checked(length)
                .ok_or(WeightsError::Invalid("table", "length"))?;
            if entry == padded(name) {
                return Ok(section);
            }
            rest = after;
        }
        Err(WeightsError::Missing(name))
    }

    fn entries(&self) -> impl Iterator<Item = ([u8; NAME], usize)> + use<'a> {
        let (entries, _) = self.table.as_chunks::<{ NAME + 4 }>();
        entries.iter().map(|entry| {
            let (mut name, mut length) = ([0; NAME], [0; 4]);
            name.copy_from_slice(&entry[..NAME]);
            length.copy_from_slice(&entry[NAME..]);
            (name, u32::from_le_bytes(length) as usize)
        })
    }
}

/// Writes what [`Sections::read`] reads: names (at most eight bytes) and bytes of at most 255 sections.
pub fn write_sections(sections: &[(&'static str, Vec<u8>)]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend([VERSION, sections.len() as u8]);
    for (name, content) in sections {
        out.extend(padded(name));
        out.extend((content.len() as u32).to_le_bytes());
    }
    for (_, content) in sections {
        out.extend(content);
    }
    let sum = sum(&out);
    out.extend(sum.to_le_bytes());
    out
}

fn padded(name: &str) -> [u8; NAME] {
    let mut padded = [0; NAME];
    for (to, from) in padded.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    padded
}

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> Vec<u8> {
        write_sections(&[("gain", vec![1, 2, 3]), ("intent", Vec::new())])
    }

    /// The sum, made right again.
    fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.truncate(bytes.len() - 8);
        let sum = sum(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    #[test]
    fn sections_are_read_as_they_were_written() {
        let bytes = file();
        let sections = Sections::read(&bytes).unwrap();
        assert_eq!(sections.get("gain"), Ok(&[1, 2, 3][..]));
        assert_eq!(sections.get("intent"), Ok(&[][..]));
        assert_eq!(sections.get("other"), Err(WeightsError::Missing("other")));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let check =
            |bytes: &[u8], expected| assert_eq!(Sections::read(bytes).err(), Some(expected));
        check(b"", WeightsError::OtherFormat);
        check(b"GGUF....", WeightsError::OtherFormat);
        check(b"TGRW", WeightsError::Damaged);
        let mut other = file();
        other[4] = 9;
        check(&other, WeightsError::OtherVersion(9));
        for length in 5..file().len() {
            check(&file()[..length], WeightsError::Damaged);
        }
        for at in 5..file().len() {
            let mut changed = file();
            changed[at] ^= 1;
            check(&changed, WeightsError::Damaged);
        }
        let mut longer = file();
        longer[14] = 4;
        check(&summed(longer), WeightsError::Invalid("table", "length"));
        let mut more = file();
        more[5] = 200;
        check(&summed(more), WeightsError::Invalid("table", "length"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = b"TGRW\x01".to_vec();
            bytes.extend(body);
            bytes.extend([0; 8]);
            if let Ok(sections) = Sections::read(&summed(bytes)) {
                let _ = sections.get("gain");
            }
        }
    }
}
