//! Which model file, is it whole, and how to go on with half a download. Pure logic over a storage trait.
//!
//! Whoever has a network drives it:
//!
//! ```text
//! Download::open(storage, wanted)       what is stored, and is it checked already
//!   while rehash()                      hash what an earlier visit stored, piece by piece
//!   while let Some(from) = missing_from()   ask the server for the bytes from there on
//!     response(head)                    go on, or start again if the server has something else
//!     push(bytes) …  end()              store and hash; a body that ends early is an error, and stays stored
//!   verify()                            the hash decides; a file with a wrong one is discarded
//! ```

mod download;
mod error;
mod manifest;
mod storage;

pub use download::{Download, Head, Next, Wanted};
pub use error::Error;
pub use manifest::{Chunks, Manifest, ModelFile, Sha256};
pub use storage::{MemoryStorage, Storage, StorageError};
