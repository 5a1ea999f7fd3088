//! Writes small GGUF files for tests: good ones, and bad ones made from them.

use super::Value;

/// What a file is made of.
#[derive(Clone, Default)]
pub(crate) struct File {
    pub metadata: Vec<(String, Value)>,
    /// Name, dimensions, type code, bytes.
    pub tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
}

impl File {
    pub fn set(&mut self, key: &str, value: Value) {
        self.metadata.retain(|(other, _)| other != key);
        self.metadata.push((key.to_owned(), value));
    }

    pub fn without(mut self, key: &str) -> Self {
        self.metadata.retain(|(other, _)| other != key);
        self.tensors.retain(|(other, ..)| other != key);
        self
    }

    /// The file's bytes, and every offset at which a field of the header begins.
    pub fn bytes(&self) -> (Vec<u8>, Vec<usize>) {
        let mut out = Out::default();
        out.field(b"GGUF");
        out.field(&3u32.to_le_bytes());
        out.field(&(self.tensors.len() as u64).to_le_bytes());
        out.field(&(self.metadata.len() as u64).to_le_bytes());
        for (key, value) in &self.metadata {
            out.string(key);
            out.value(value);
        }
        let mut offset = 0u64;
        for (name, dimensions, code, bytes) in &self.tensors {
            out.string(name);
            out.field(&(dimensions.len() as u32).to_le_bytes());
            for size in dimensions {
                out.field(&size.to_le_bytes());
            }
            out.field(&code.to_le_bytes());
            out.field(&offset.to_le_bytes());
            offset = (offset + bytes.len() as u64).next_multiple_of(32);
        }
        out.bytes.resize(out.bytes.len().next_multiple_of(32), 0);
        let data = out.bytes.len();
        for (.., bytes) in &self.tensors {
            out.bytes
                .resize(data + (out.bytes.len() - data).next_multiple_of(32), 0);
            out.field(bytes);
        }
        (out.bytes, out.fields)
    }
}

#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    fields: Vec<usize>,
}

impl Out {
    fn field(&mut self, bytes: &[u8]) {
        self.fields.push(self.bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn string(&mut self, text: &str) {
        self.field(&(text.len() as u64).to_le_bytes());
        self.field(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Unsigned(value) => {
                self.field(&4u32.to_le_bytes());
                self.field(&(*value as u32).to_le_bytes());
            }
            Value::Signed(value) => {
                self.field(&11u32.to_le_bytes());
                self.field(&value.to_le_bytes());
            }
            Value::Float(value) => {
                self.field(&6u32.to_le_bytes());
                self.field(&(*value as f32).to_le_bytes());
            }
            Value::Bool(value) => {
                self.field(&7u32.to_le_bytes());
                self.field(&[u8::from(*value)]);
            }
            Value::String(text) => {
                self.field(&8u32.to_le_bytes());
                self.string(text);
            }
            Value::Strings(texts) => {
                self.list(8, texts.len());
                texts.iter().for_each(|text| self.string(text));
            }
            Value::Integers(values) => {
                self.list(5, values.len());
                values
                    .iter()
                    .for_each(|value| self.field(&(*value as i32).to_le_bytes()));
            }
            Value::Floats(values) => {
                self.list(6, values.len());
                values
                    .iter()
                    .for_each(|value| self.field(&value.to_le_bytes()));
            }
        }
    }

    fn list(&mut self, kind: u32, count: usize) {
        self.field(&9u32.to_le_bytes());
        self.field(&kind.to_le_bytes());
        self.field(&(count as u64).to_le_bytes());
    }
}
