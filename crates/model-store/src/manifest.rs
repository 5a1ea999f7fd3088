//! What a model file should be.

use std::fmt;

use serde_json::{Map, Value};

use crate::Error;

/// A SHA-256 digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

/// What a model file should be, as its publisher says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// For people.
    pub name: String,
    /// Where the file is; relative to the manifest.
    pub url: String,
    /// Length of the file.
    pub bytes: u64,
    /// Hash of the file.
    pub sha256: Sha256,
    /// SPDX identifier, or a sentence.
    pub license: String,
    /// Tokens of prompt and answer together.
    pub context_length: u32,
}

impl Manifest {
    /// Reads `{"name","url","bytes","sha256","license","contextLength"}`: all of them, and nothing else.
    ///
    /// # Errors
    /// [`Error::NotJson`], or [`Error::Field`] naming the first field that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let value: Value = serde_json::from_slice(text).map_err(|error| Error::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
        let Value::Object(mut fields) = value else {
            return Err(wrong("(all)", "the manifest is not an object"));
        };
        let manifest = Self {
            name: text_field(&mut fields, "name")?,
            url: text_field(&mut fields, "url")?,
            bytes: number_field(&mut fields, "bytes")?,
            sha256: hash_field(&mut fields, "sha256")?,
            license: text_field(&mut fields, "license")?,
            context_length: u32::try_from(number_field(&mut fields, "contextLength")?)
                .map_err(|_| wrong("contextLength", "more than a model can have"))?,
        };
        match fields.keys().next() {
            Some(unknown) => Err(wrong(
                unknown,
                "is not known; known: name, url, bytes, sha256, license, contextLength",
            )),
            None => Ok(manifest),
        }
    }
}

fn take(fields: &mut Map<String, Value>, field: &'static str) -> Result<Value, Error> {
    fields
        .remove(field)
        .ok_or_else(|| wrong(field, "is missing"))
}

fn text_field(fields: &mut Map<String, Value>, field: &'static str) -> Result<String, Error> {
    match take(fields, field)? {
        Value::String(text) if !text.is_empty() => Ok(text),
        _ => Err(wrong(field, "expected a text that is not empty")),
    }
}

fn number_field(fields: &mut Map<String, Value>, field: &'static str) -> Result<u64, Error> {
    match take(fields, field)?.as_u64() {
        Some(number) if number > 0 => Ok(number),
        _ => Err(wrong(field, "expected a whole number above 0")),
    }
}

fn hash_field(fields: &mut Map<String, Value>, field: &'static str) -> Result<Sha256, Error> {
    let text = text_field(fields, field)?;
    let mut digest = [0; 32];
    match hex::decode_to_slice(&text, &mut digest) {
        Ok(()) => Ok(Sha256(digest)),
        Err(_) => Err(wrong(field, "expected 64 hexadecimal digits")),
    }
}

fn wrong(field: impl Into<String>, problem: impl Into<String>) -> Error {
    Error::Field {
        field: field.into(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"name":"Tiny","url":"tiny.gguf","bytes":7,"license":"MIT","contextLength":2048,
        "sha256":"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"}"#;

    #[test]
    fn good() {
        let manifest = Manifest::parse(GOOD.as_bytes()).unwrap();
        let digest = hex::decode("00112233445566778899aabbccddeeff".repeat(2)).unwrap();
        assert_eq!(
            manifest,
            Manifest {
                name: "Tiny".into(),
                url: "tiny.gguf".into(),
                bytes: 7,
                sha256: Sha256(digest.try_into().unwrap()),
                license: "MIT".into(),
                context_length: 2048,
            }
        );
    }

    #[test]
    fn errors_name_the_field() {
        for (from, to, message) in [
            (r#""name":"Tiny","#, "", "manifest field name: is missing"),
            (
                r#""Tiny""#,
                "7",
                "manifest field name: expected a text that is not empty",
            ),
            (
                r#""bytes":7"#,
                r#""bytes":-7"#,
                "manifest field bytes: expected a whole number above 0",
            ),
            (
                r#""bytes":7"#,
                r#""bytes":7.5"#,
                "manifest field bytes: expected a whole number above 0",
            ),
            (
                "00112233",
                "0011223",
                "manifest field sha256: expected 64 hexadecimal digits",
            ),
            (
                "00112233",
                "x0112233",
                "manifest field sha256: expected 64 hexadecimal digits",
            ),
            (
                ":2048",
                ":99999999999",
                "manifest field contextLength: more than a model can have",
            ),
            (
                r#""bytes":7"#,
                r#""bytes":7,"size":7"#,
                "manifest field size: is not known; known: name, url, bytes",
            ),
            ("{", "[", "the manifest is not JSON: line 1"),
        ] {
            let error = Manifest::parse(GOOD.replacen(from, to, 1).as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
