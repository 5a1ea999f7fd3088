//! The place of one model file: its bytes, and a small text beside them.

/// Why storage did not do what it was asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// There is no room.
    #[error(
        "storage: the model needs {needed} more bytes{}; free some space, or choose a smaller model",
        available.map(|bytes| format!(" and there is room for {bytes}")).unwrap_or_default()
    )]
    Full {
        /// Bytes still to be stored.
        needed: u64,
        /// Bytes that would fit, if that is known.
        available: Option<u64>,
    },
    /// Anything else.
    #[error("storage: {0}")]
    Failed(String),
}

/// The place of one model file: its bytes, and a small text beside them.
///
/// What is appended must be there again after a crash, up to a last part that may be missing; the length
/// tells how much is there.
pub trait Storage {
    /// Bytes that are stored.
    ///
    /// # Errors
    /// When the storage is gone.
    fn len(&self) -> Result<u64, StorageError>;

    /// Whether nothing is stored.
    ///
    /// # Errors
    /// When the storage is gone.
    fn is_empty(&self) -> Result<bool, StorageError> {
        Ok(self.len()? == 0)
    }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// When there are fewer.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError>;

    /// Makes room for so many more bytes, where that can be done ahead.
    ///
    /// # Errors
    /// [`StorageError::Full`] when it is certain that they will not fit.
    fn reserve(&mut self, _more: u64) -> Result<(), StorageError> {
        Ok(())
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// [`StorageError::Full`] when there is no room; then nothing or a part was added.
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError>;

    /// Forgets all bytes from `length` on.
    ///
    /// # Errors
    /// When the storage is gone.
    fn truncate(&mut self, length: u64) -> Result<(), StorageError>;

    /// Makes what was appended last, as far as the storage can.
    ///
    /// # Errors
    /// When it could not.
    fn flush(&mut self) -> Result<(), StorageError>;

    /// The small text; empty if there is none.
    ///
    /// # Errors
    /// When the storage is gone.
    fn state(&self) -> Result<Vec<u8>, StorageError>;

    /// Replaces the small text.
    ///
    /// # Errors
    /// When the storage is gone or full.
    fn set_state(&mut self, state: &[u8]) -> Result<(), StorageError>;
}

/// Storage that lasts as long as it is held.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    bytes: Vec<u8>,
    state: Vec<u8>,
    capacity: Option<u64>,
}

impl MemoryStorage {
    /// Storage with room for `capacity` bytes.
    pub fn with_capacity(capacity: u64) -> Self {
        Self {
            capacity: Some(capacity),
            ..Self::default()
        }
    }

    fn available(&self) -> Option<u64> {
        let stored = self.bytes.len() as u64;
        self.capacity
            .map(|capacity| capacity.saturating_sub(stored))
    }

    fn full(&self, needed: u64) -> StorageError {
        StorageError::Full {
            needed,
            available: self.available(),
        }
    }

    fn check_room(&self, needed: u64) -> Result<(), StorageError> {
        match self.available() {
            Some(available) if needed > available => Err(self.full(needed)),
            _ => Ok(()),
        }
    }

    /// The bytes, as they are now.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Storage for MemoryStorage {
    fn len(&self) -> Result<u64, StorageError> {
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let source = usize::try_from(offset)
            .ok()
            .and_then(|start| self.bytes.get(start..start.checked_add(buffer.len())?))
            .ok_or_else(|| {
                StorageError::Failed(format!(
                    "{} bytes at {offset} are beyond the end",
                    buffer.len()
                ))
            })?;
        buffer.copy_from_slice(source);
        Ok(())
    }

    fn reserve(&mut self, more: u64) -> Result<(), StorageError> {
        self.check_room(more)?;
        // Exactly: the usual doubling would hold two copies of a model for a moment.
        let reserved =
            usize::try_from(more).is_ok_and(|more| self.bytes.try_reserve_exact(more).is_ok());
        if reserved {
            Ok(())
        } else {
            Err(self.full(more))
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.check_room(bytes.len() as u64)?;
        if self.bytes.try_reserve(bytes.len()).is_err() {
            return Err(self.full(bytes.len() as u64));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> Result<(), StorageError> {
        self.bytes
            .truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn state(&self) -> Result<Vec<u8>, StorageError> {
        Ok(self.state.clone())
    }

    fn set_state(&mut self, state: &[u8]) -> Result<(), StorageError> {
        self.state = state.to_vec();
        Ok(())
    }
}
