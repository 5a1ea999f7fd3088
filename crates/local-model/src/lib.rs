//! GGUF file to weights to tokens to text, on the CPU and, through Burn, on WebGPU.

mod compute;
mod error;
mod gguf;
mod source;

pub use error::Error;
pub use source::{Source, SourceError};
#[cfg(not(target_family = "wasm"))]
pub use source::FileSource;
