//! GGUF, versions 2 and 3: metadata and a table of tensors before their bytes.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. A file may be hostile:
//! every length is held against the file before anything is allocated for it.

#[cfg(test)]
pub(crate) mod dequantize;
mod parse;
mod tensor_type;
#[cfg(test)]
pub(crate) mod write;

use std::collections::BTreeMap;

use crate::{Error, Source};
use parse::{Failure, Parsed};
pub(crate) use tensor_type::TensorType;

/// A header longer than this belongs to no known model.
const HEADER_LIMIT: u64 = 256 << 20;
/// First bytes to read; doubled until the header parses.
const FIRST_READ: u64 = 1 << 20;

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    String(String),
    Strings(Vec<String>),
    Integers(Vec<i64>),
    Floats(Vec<f32>),
}

/// Where a tensor lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TensorInfo {
    /// How it is packed.
    pub kind: TensorType,
    /// Dimensions, the contiguous one first: `[columns, rows]` of a matrix.
    pub dimensions: Vec<u64>,
    /// First byte, from the start of the file.
    pub start: u64,
    /// Length, bytes; lies within the file.
    pub bytes: u64,
}

/// The header of a file: everything but the tensors' bytes.
#[derive(Debug)]
pub(crate) struct Header {
    metadata: BTreeMap<String, Value>,
    tensors: BTreeMap<String, TensorInfo>,
}

impl Header {
    /// Reads as much of the file as the header takes.
    ///
    /// # Errors
    /// [`Error::NotGguf`], [`Error::Version`], [`Error::Truncated`], [`Error::Corrupt`],
    /// [`Error::TensorType`] by the tensor's name.
    pub async fn read<S: Source + ?Sized>(source: &S) -> Result<Self, Error> {
        let length = source.len();
        let mut bytes = Vec::new();
        let mut wanted = FIRST_READ.min(length);
        loop {
            let have = bytes.len();
            bytes.resize(usize_of(wanted, "the header")?, 0);
            source.read_at(have as u64, &mut bytes[have..]).await?;
            match parse::header(&bytes, length) {
                Ok(Parsed { metadata, tensors }) => return Ok(Self { metadata, tensors }),
                Err(Failure::Error(error)) => return Err(error),
                Err(Failure::Incomplete { needed, .. }) if needed <= length && wanted < length => {
                    if needed > HEADER_LIMIT {
                        return Err(Error::Corrupt {
                            what: format!("the header goes beyond {HEADER_LIMIT} bytes"),
                        });
                    }
                    wanted = needed.max(wanted * 2).min(length).min(HEADER_LIMIT);
                }
                Err(Failure::Incomplete { what, needed }) => {
                    return Err(Error::Truncated {
                        what,
                        needed,
                        length,
                    });
                }
            }
        }
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// [`Error::MissingMetadata`] when it is not there, of another type, or too large for memory.
    pub fn size(&self, key: &str) -> Result<usize, Error> {
        match self.metadata.get(key) {
            Some(Value::Unsigned(value)) => usize::try_from(*value).ok(),
            Some(Value::Signed(value)) => usize::try_from(*value).ok(),
            _ => None,
        }
        .ok_or_else(|| missing(key, "an unsigned integer"))
    }

    /// Like [`Self::size`], `None` when the key is not there.
    pub fn optional_size(&self, key: &str) -> Result<Option<usize>, Error> {
        if self.metadata.contains_key(key) {
            self.size(key).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A float.
    pub fn float(&self, key: &str) -> Result<f32, Error> {
        match self.metadata.get(key) {
            Some(Value::Float(value)) => Ok(*value as f32),
            _ => Err(missing(key, "a float")),
        }
    }

    /// A float, `None` when the key is not there.
    pub fn optional_float(&self, key: &str) -> Result<Option<f32>, Error> {
        if self.metadata.contains_key(key) {
            self.float(key).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A flag, `None` when the key is not there or is no flag.
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.metadata.get(key) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// A string.
    pub fn string(&self, key: &str) -> Result<&str, Error> {
        match self.metadata.get(key) {
            Some(Value::String(value)) => Ok(value),
            _ => Err(missing(key, "a string")),
        }
    }

    /// Takes an array of strings out of the header.
    pub fn take_strings(&mut self, key: &str) -> Result<Vec<String>, Error> {
        match self.metadata.remove(key) {
            Some(Value::Strings(values)) => Ok(values),
            _ => Err(missing(key, "an array of strings")),
        }
    }

    /// Takes an array of integers out of the header.
    pub fn take_integers(&mut self, key: &str) -> Result<Vec<i64>, Error> {
        match self.metadata.remove(key) {
            Some(Value::Integers(values)) => Ok(values),
            _ => Err(missing(key, "an array of integers")),
        }
    }

    /// Takes an array of floats out of the header.
    pub fn take_floats(&mut self, key: &str) -> Result<Vec<f32>, Error> {
        match self.metadata.remove(key) {
            Some(Value::Floats(values)) => Ok(values),
            _ => Err(missing(key, "an array of floats")),
        }
    }

    /// Whether the metadata has `key`.
    pub fn has(&self, key: &str) -> bool {
        self.metadata.contains_key(key)
    }

    /// Where a tensor lies, if it is there.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }

    /// Where a tensor of exactly these dimensions lies.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`].
    pub fn shaped(&self, name: &str, expected: &[usize]) -> Result<&TensorInfo, Error> {
        let info = self.tensor(name).ok_or_else(|| Error::MissingTensor {
            name: name.to_owned(),
        })?;
        let expected: Vec<u64> = expected.iter().map(|&size| size as u64).collect();
        if info.dimensions == expected {
            Ok(info)
        } else {
            Err(Error::TensorShape {
                name: name.to_owned(),
                found: info.dimensions.clone(),
                expected,
            })
        }
    }

    /// Names of all tensors.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Types of a layer's tensors, in the order of their names.
    pub fn layer_kinds(&self, layer: usize) -> Vec<TensorType> {
        let prefix = format!("blk.{layer}.");
        let of_layer = |(name, _): &(&String, _)| name.starts_with(&prefix);
        let tensors = self.tensors.iter().filter(of_layer);
        tensors.map(|(_, tensor)| tensor.kind).collect()
    }

    /// Bytes of all tensors together.
    pub fn tensor_bytes(&self) -> u64 {
        self.tensors
            .values()
            .fold(0, |sum, tensor| sum.saturating_add(tensor.bytes))
    }
}

/// The bytes of a tensor. Its place has been checked against the file.
pub(crate) async fn read_tensor<S: Source + ?Sized>(
    source: &S,
    name: &str,
    info: &TensorInfo,
) -> Result<Vec<u8>, Error> {
    let length = usize_of(info.bytes, name)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| Error::Memory {
        what: format!("tensor {name:?}"),
        needed: info.bytes,
    })?;
    bytes.resize(length, 0);
    source.read_at(info.start, &mut bytes).await?;
    Ok(bytes)
}

/// A length as a size in memory; wasm32 has 32-bit sizes.
fn usize_of(value: u64, what: &str) -> Result<usize, Error> {
    usize::try_from(value).map_err(|_| Error::DeviceLimit {
        what: what.to_owned(),
        needed: value,
        limit: usize::MAX as u64,
    })
}

fn missing(key: &str, expected: &'static str) -> Error {
    Error::MissingMetadata {
        key: key.to_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests;
