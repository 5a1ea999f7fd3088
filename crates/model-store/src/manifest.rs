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

/// A model as its publisher offers it: one file, or several of which a device takes the first that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// For people.
    pub name: String,
    /// SPDX identifier, or a sentence.
    pub license: String,
    /// Tokens of prompt and answer together.
    pub context_length: u32,
    /// At least one; the best first.
    pub files: Vec<ModelFile>,
}

/// What a model file should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// Where it is; relative to the manifest.
    pub url: String,
    /// Its length.
    pub bytes: u64,
    /// Its hash.
    pub sha256: Sha256,
    /// Hashes of its parts, so that damage is found early and only the damaged part is fetched again.
    pub chunks: Option<Chunks>,
}

/// Hashes of a file's parts of equal length; the last part may be shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// Length of a part.
    pub bytes: u64,
    /// One for each part.
    pub sha256: Vec<Sha256>,
}

impl Manifest {
    /// Reads `{"name", "license", "contextLength"}` with the fields of one file beside them, or with
    /// `"variants": [file, …]`, the best first. A file is `{"url", "bytes", "sha256"}` and, if its publisher
    /// likes, `"chunks": {"bytes", "sha256": [hash, …]}`. Nothing else is allowed.
    ///
    /// # Errors
    /// [`Error::NotJson`], or [`Error::Field`] naming the first field that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let value: Value = serde_json::from_slice(text).map_err(|error| Error::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
        let mut fields = Fields::of(value, String::new())?;
        let manifest = Self {
            name: fields.text("name")?,
            license: fields.text("license")?,
            context_length: u32::try_from(fields.number("contextLength")?)
                .map_err(|_| wrong("contextLength", "more than a model can have"))?,
            files: match fields.optional("variants") {
                None => vec![ModelFile::take(&mut fields)?],
                Some(variants) => variant_list(variants)?,
            },
        };
        fields.end("name, license, contextLength, url, bytes, sha256, chunks, variants")?;
        Ok(manifest)
    }
}

impl ModelFile {
    fn take(fields: &mut Fields) -> Result<Self, Error> {
        let (url, bytes) = (fields.text("url")?, fields.number("bytes")?);
        let sha256 = fields.hash("sha256")?;
        let chunks = match fields.optional("chunks") {
            None => None,
            Some(value) => Some(Chunks::read(value, fields.path("chunks"), bytes)?),
        };
        Ok(Self {
            url,
            bytes,
            sha256,
            chunks,
        })
    }
}

impl Chunks {
    fn read(value: Value, path: String, file: u64) -> Result<Self, Error> {
        let mut fields = Fields::of(value, format!("{path}."))?;
        let bytes = fields.number("bytes")?;
        let list = fields.path("sha256");
        let Value::Array(hashes) = fields.take("sha256")? else {
            return Err(wrong(list, "expected a list of hashes"));
        };
        let sha256 = hashes
            .into_iter()
            .enumerate()
            .map(|(index, value)| hash_of(&value, format!("{list}[{index}]")))
            .collect::<Result<Vec<_>, _>>()?;
        let expected = file.div_ceil(bytes);
        if sha256.len() as u64 != expected {
            let problem = format!(
                "expected {expected} hashes, one for each {bytes} bytes; found {}",
                sha256.len()
            );
            return Err(wrong(list, problem));
        }
        fields.end("bytes, sha256")?;
        Ok(Self { bytes, sha256 })
    }
}

fn variant_list(value: Value) -> Result<Vec<ModelFile>, Error> {
    let list = match value {
        Value::Array(list) if !list.is_empty() => list,
        _ => return Err(wrong("variants", "expected a list of at least one file")),
    };
    list.into_iter()
        .enumerate()
        .map(|(index, value)| {
            let mut fields = Fields::of(value, format!("variants[{index}]."))?;
            let file = ModelFile::take(&mut fields)?;
            fields.end("url, bytes, sha256, chunks")?;
            Ok(file)
        })
        .collect()
}

/// The fields of an object that are not yet read, and where the object stands.
struct Fields {
    fields: Map<String, Value>,
    prefix: String,
}

impl Fields {
    fn of(value: Value, prefix: String) -> Result<Self, Error> {
        match value {
            Value::Object(fields) => Ok(Self { fields, prefix }),
            _ if prefix.is_empty() => Err(wrong("(all)", "the manifest is not an object")),
            _ => Err(wrong(prefix.trim_end_matches('.'), "expected an object")),
        }
    }

    fn path(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }

    fn optional(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field)
    }

    fn take(&mut self, field: &str) -> Result<Value, Error> {
        self.optional(field)
            .ok_or_else(|| wrong(self.path(field), "is missing"))
    }

    fn text(&mut self, field: &str) -> Result<String, Error> {
        match self.take(field)? {
            Value::String(text) if !text.is_empty() => Ok(text),
            _ => Err(wrong(self.path(field), "expected a text that is not empty")),
        }
    }

    fn number(&mut self, field: &str) -> Result<u64, Error> {
        match self.take(field)?.as_u64() {
            Some(number) if number > 0 => Ok(number),
            _ => Err(wrong(self.path(field), "expected a whole number above 0")),
        }
    }

    fn hash(&mut self, field: &str) -> Result<Sha256, Error> {
        let value = self.take(field)?;
        hash_of(&value, self.path(field))
    }

    fn end(&self, known: &str) -> Result<(), Error> {
        match self.fields.keys().next() {
            Some(unknown) => Err(wrong(
                self.path(unknown),
                format!("is not known; known: {known}"),
            )),
            None => Ok(()),
        }
    }
}

fn hash_of(value: &Value, path: String) -> Result<Sha256, Error> {
    let mut digest = [0; 32];
    match value
        .as_str()
        .map(|text| hex::decode_to_slice(text, &mut digest))
    {
        Some(Ok(())) => Ok(Sha256(digest)),
        _ => Err(wrong(path, "expected 64 hexadecimal digits")),
    }
}

fn wrong(field: impl Into<String>, problem: impl Into<String>) -> Error {
    Error::Field {
        field: field.into(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests;
