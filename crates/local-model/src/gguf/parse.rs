//! The header's bytes to values.

use std::collections::BTreeMap;

use super::{TensorInfo, TensorType, Value};
use crate::Error;

/// Metadata and tensor table.
pub(super) struct Parsed {
    pub metadata: BTreeMap<String, Value>,
    pub tensors: BTreeMap<String, TensorInfo>,
}

/// Why the bytes at hand make no header.
pub(super) enum Failure {
    /// More bytes are needed: up to `needed` from the start of the file.
    Incomplete { what: String, needed: u64 },
    /// No further bytes would help.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Parses `bytes`, the beginning of a file of `length` bytes.
pub(super) fn header(bytes: &[u8], length: u64) -> Result<Parsed, Failure> {
    let mut reader = Reader {
        bytes,
        position: 0,
        length,
    };
    let magic = reader.array::<4>("the magic number")?;
    if &magic != b"GGUF" {
        return Err(Error::NotGguf { found: magic }.into());
    }
    let version = reader.u32("the version")?;
    if !matches!(version, 2 | 3) {
        return Err(Error::Version { found: version }.into());
    }
    let tensor_count = reader.u64("the number of tensors")?;
    let metadata_count = reader.u64("the number of metadata entries")?;

    // A count needs no check of its own: each entry is read from bytes that are there, so a wrong
    // count runs into the end of the file before it can allocate more than the file has.
    let mut metadata = BTreeMap::new();
    for index in 0..metadata_count {
        let key = reader.string(|| format!("the key of metadata entry {index}"))?;
        let kind = reader.u32(&key)?;
        let value = reader.value(&key, kind)?;
        if metadata.insert(key.clone(), value).is_some() {
            return Err(corrupt(format!("metadata {key} is there twice")));
        }
    }

    let alignment = match metadata.get("general.alignment") {
        None => 32,
        Some(Value::Unsigned(value)) if value.is_power_of_two() && *value <= 1 << 20 => *value,
        Some(other) => {
            return Err(corrupt(format!(
                "general.alignment is {other:?}, not a power of two"
            )));
        }
    };

    let mut tensors = BTreeMap::new();
    for index in 0..tensor_count {
        let (name, tensor) = reader.tensor(index)?;
        if tensors.contains_key(&name) {
            return Err(corrupt(format!("tensor {name} is there twice")));
        }
        tensors.insert(name, tensor);
    }

    // Tensors' offsets count from the first aligned byte after the header.
    let data = (reader.position as u64).next_multiple_of(alignment);
    for (name, tensor) in &mut tensors {
        if tensor.start % alignment != 0 {
            return Err(corrupt(format!(
                "tensor {name} begins at {}, not a multiple of {alignment}",
                tensor.start
            )));
        }
        tensor.start = tensor.start.saturating_add(data);
        let end = tensor.start.saturating_add(tensor.bytes);
        if end > length {
            return Err(Error::Truncated {
                what: format!("tensor {name}"),
                needed: end,
                length,
            }
            .into());
        }
    }
    Ok(Parsed { metadata, tensors })
}

struct Reader<'a> {
    /// The beginning of the file.
    bytes: &'a [u8],
    position: usize,
    /// Length of the whole file.
    length: u64,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64, what: &str) -> Result<&'a [u8], Failure> {
        let needed = (self.position as u64).saturating_add(count);
        // Beyond the file: say so at once, without asking for more bytes.
        if needed > self.length {
            return Err(Error::Truncated {
                what: what.to_owned(),
                needed,
                length: self.length,
            }
            .into());
        }
        let taken = usize::try_from(needed)
            .ok()
            .and_then(|end| self.bytes.get(self.position..end))
            .ok_or_else(|| Failure::Incomplete {
                what: what.to_owned(),
                needed,
            })?;
        self.position += taken.len();
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Failure> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64, what)?);
        Ok(array)
    }

    fn u32(&mut self, what: &str) -> Result<u32, Failure> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    fn u64(&mut self, what: &str) -> Result<u64, Failure> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    fn string(&mut self, what: impl Fn() -> String) -> Result<String, Failure> {
        let length = self.u64(&what())?;
        let bytes = self.take(length, &what())?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(corrupt(format!("{} is not UTF-8", what()))),
        }
    }

    fn value(&mut self, key: &str, kind: u32) -> Result<Value, Failure> {
        Ok(match kind {
            0 => Value::Unsigned(self.array::<1>(key)?[0].into()),
            1 => Value::Signed(i8::from_le_bytes(self.array(key)?).into()),
            2 => Value::Unsigned(u16::from_le_bytes(self.array(key)?).into()),
            3 => Value::Signed(i16::from_le_bytes(self.array(key)?).into()),
            4 => Value::Unsigned(self.u32(key)?.into()),
            5 => Value::Signed(i32::from_le_bytes(self.array(key)?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array(key)?).into()),
            7 => match self.array::<1>(key)? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                [other] => {
                    return Err(corrupt(format!(
                        "metadata {key}: {other} is not a truth value"
                    )));
                }
            },
            8 => Value::String(self.string(|| format!("metadata {key}"))?),
            9 => self.list(key)?,
            10 => Value::Unsigned(self.u64(key)?),
            11 => Value::Signed(i64::from_le_bytes(self.array(key)?)),
            12 => Value::Float(f64::from_le_bytes(self.array(key)?)),
            other => {
                return Err(corrupt(format!(
                    "metadata {key} has the unknown type {other}"
                )));
            }
        })
    }

    fn list(&mut self, key: &str) -> Result<Value, Failure> {
        let kind = self.u32(key)?;
        let count = self.u64(key)?;
        let width: u64 = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 => {
                let mut strings = Vec::new();
                for index in 0..count {
                    strings.push(self.string(|| format!("entry {index} of {key}"))?);
                }
                return Ok(Value::Strings(strings));
            }
            10..=12 => 8,
            9 => {
                return Err(Error::Unsupported {
                    what: format!("metadata {key}, an array of arrays"),
                }
                .into());
            }
            other => {
                return Err(corrupt(format!(
                    "metadata {key} has elements of the unknown type {other}"
                )));
            }
        };
        let bytes = self.take(count.saturating_mul(width), key)?;
        Ok(match kind {
            6 => Value::Floats(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&four| f32::from_le_bytes(four))
                    .collect(),
            ),
            12 => Value::Floats(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&eight| f64::from_le_bytes(eight) as f32)
                    .collect(),
            ),
            0 | 7 => Value::Integers(bytes.iter().map(|&byte| byte.into()).collect()),
            1 => Value::Integers(bytes.iter().map(|&byte| (byte as i8).into()).collect()),
            2 => Value::Integers(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&two| u16::from_le_bytes(two).into())
                    .collect(),
            ),
            3 => Value::Integers(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&two| i16::from_le_bytes(two).into())
                    .collect(),
            ),
            4 => Value::Integers(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&four| u32::from_le_bytes(four).into())
                    .collect(),
            ),
            5 => Value::Integers(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&four| i32::from_le_bytes(four).into())
                    .collect(),
            ),
            // A u64 beyond i64 in an array of a header means nothing here; it wraps.
            _ => Value::Integers(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&eight| i64::from_le_bytes(eight))
                    .collect(),
            ),
        })
    }

    /// An entry of the tensor table; `start` is still the offset from the first tensor.
    fn tensor(&mut self, index: u64) -> Result<(String, TensorInfo), Failure> {
        let name = self.string(|| format!("the name of tensor {index}"))?;
        let count = self.u32(&name)?;
        if !(1..=4).contains(&count) {
            return Err(corrupt(format!("tensor {name} has {count} dimensions")));
        }
        let mut dimensions = Vec::new();
        for _ in 0..count {
            dimensions.push(self.u64(&name)?);
        }
        let code = self.u32(&name)?;
        let start = self.u64(&name)?;
        let kind = match TensorType::from_code(code) {
            Ok(kind) => kind,
            Err(found) => return Err(Error::TensorType { name, found }.into()),
        };
        let block = kind.block() as u64;
        let bytes = dimensions
            .iter()
            .try_fold(1u64, |product, &size| product.checked_mul(size))
            .filter(|&values| values > 0 && dimensions[0] % block == 0)
            .and_then(|values| (values / block).checked_mul(kind.block_bytes() as u64));
        match bytes {
            Some(bytes) => Ok((
                name,
                TensorInfo {
                    kind,
                    dimensions,
                    start,
                    bytes,
                },
            )),
            None => Err(corrupt(format!(
                "tensor {name}: {kind:?} cannot have the shape {dimensions:?}"
            ))),
        }
    }
}

fn corrupt(what: String) -> Failure {
    Error::Corrupt { what }.into()
}
