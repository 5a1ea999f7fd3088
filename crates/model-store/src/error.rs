//! Why a model file is not there or not right.

use crate::{Sha256, StorageError};

/// Why a model file is not there or not right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The manifest is not JSON.
    #[error("the manifest is not JSON: line {line}, column {column}")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },

    /// A field of the manifest is missing, or not what it should be.
    #[error("manifest field {field}: {problem}")]
    Field {
        /// The field's name.
        field: String,
        /// What is wrong, and what would be right.
        problem: String,
    },

    /// The server did not deliver.
    #[error("{url}: HTTP {status}; is the model file there?")]
    Http {
        /// The file.
        url: String,
        /// The status.
        status: u16,
    },

    /// The server answered with bytes that were not asked for.
    #[error(
        "{url}: asked for the bytes from {asked} on, got those from {got} on; does a proxy rewrite ranges?"
    )]
    WrongRange {
        /// The file.
        url: String,
        /// Offset in bytes.
        asked: u64,
        /// Offset in bytes.
        got: u64,
    },

    /// The server's file has another length than the manifest's.
    #[error(
        "{url}: the server's file has {got} bytes, the manifest says {wanted}; one of them is out of date"
    )]
    WrongSize {
        /// The file.
        url: String,
        /// Bytes.
        got: u64,
        /// Bytes.
        wanted: u64,
    },

    /// What came is no GGUF file.
    #[error(
        "{url}: what came is no GGUF file (it begins with {found:02x?}); does the URL lead to a web page?"
    )]
    NotGguf {
        /// The file.
        url: String,
        /// Its first bytes.
        found: Vec<u8>,
    },

    /// The body ended early. What came is kept.
    #[error(
        "{url}: the download was cut off at {stored} of {wanted} bytes; try again and it goes on from there"
    )]
    CutOff {
        /// The file.
        url: String,
        /// Bytes.
        stored: u64,
        /// Bytes.
        wanted: u64,
    },

    /// A part of the file came damaged. It was dropped, and only it need be fetched again.
    #[error(
        "{url}: the bytes from {start} to {end} came damaged: their SHA-256 is not the manifest's; try again, and if \
         this repeats, file and manifest do not belong together"
    )]
    WrongChunk {
        /// The file.
        url: String,
        /// First byte of the part.
        start: u64,
        /// First byte after it.
        end: u64,
    },

    /// The whole file is there and is not the right one. It was discarded.
    #[error(
        "{url}: the file's SHA-256 is {got}, the manifest says {wanted}; it was discarded: \
         download it again, and if this repeats, file and manifest do not belong together"
    )]
    WrongHash {
        /// The file.
        url: String,
        /// Of what came.
        got: Sha256,
        /// Of what should have come.
        wanted: Sha256,
    },

    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
