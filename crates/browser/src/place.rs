//! Where a model's file is kept, and how the model reads it there.

use local_model::{Source, SourceError};
use model_store::{MemoryStorage, Storage, StorageError};
use query::Error;

use crate::{error::model_store as store_error, opfs::OpfsStorage};

/// Where a model's file is kept.
pub(crate) enum Place {
    Opfs(OpfsStorage),
    Memory(MemoryStorage),
}

impl Place {
    /// In the origin private file system, or in memory: where the app wants it, or the browser has no other.
    ///
    /// # Errors
    /// When another tab has the file open.
    pub(crate) async fn open(key: &str, in_memory: bool) -> Result<Self, Error> {
        let opfs = if in_memory {
            None
        } else {
            OpfsStorage::open(key).await?
        };
        Ok(opfs.map_or_else(|| Self::Memory(MemoryStorage::default()), Self::Opfs))
    }
}

impl Storage for Place {
    fn len(&self) -> Result<u64, StorageError> {
        match self {
            Self::Opfs(storage) => storage.len(),
            Self::Memory(storage) => storage.len(),
        }
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        match self {
            Self::Opfs(storage) => storage.read_at(offset, buffer),
            Self::Memory(storage) => storage.read_at(offset, buffer),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        match self {
            Self::Opfs(storage) => storage.append(bytes),
            Self::Memory(storage) => storage.append(bytes),
        }
    }

    fn truncate(&mut self, length: u64) -> Result<(), StorageError> {
        match self {
            Self::Opfs(storage) => storage.truncate(length),
            Self::Memory(storage) => storage.truncate(length),
        }
    }

    fn reserve(&mut self, more: u64) -> Result<(), StorageError> {
        match self {
            Self::Opfs(storage) => storage.reserve(more),
            Self::Memory(storage) => storage.reserve(more),
        }
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        match self {
            Self::Opfs(storage) => storage.flush(),
            Self::Memory(storage) => storage.flush(),
        }
    }

    fn state(&self) -> Result<Vec<u8>, StorageError> {
        match self {
            Self::Opfs(storage) => storage.state(),
            Self::Memory(storage) => storage.state(),
        }
    }

    fn set_state(&mut self, state: &[u8]) -> Result<(), StorageError> {
        match self {
            Self::Opfs(storage) => storage.set_state(state),
            Self::Memory(storage) => storage.set_state(state),
        }
    }
}

/// A stored file as the model reads it.
pub(crate) struct StoredSource<'a> {
    place: &'a Place,
    length: u64,
}

impl<'a> StoredSource<'a> {
    pub(crate) fn of(place: &'a Place) -> Result<Self, Error> {
        let length = place.len().map_err(|error| store_error(&error.into()))?;
        Ok(Self { place, length })
    }
}

impl Source for StoredSource<'_> {
    fn len(&self) -> u64 {
        self.length
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        self.place
            .read_at(offset, buffer)
            .map_err(|error| SourceError::new(error.to_string()))
    }
}
