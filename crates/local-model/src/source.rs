//! Where the bytes of a model file come from.

/// Why bytes could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    message: String,
}

impl SourceError {
    /// An error with a sentence about the place and the cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

/// Random access to a file of known length: a file, a buffer, or storage of a browser.
#[expect(
    async_fn_in_trait,
    reason = "a page has one thread: no Send bounds, by design"
)]
pub trait Source {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills the whole of `buffer` from `offset` on.
    ///
    /// # Errors
    /// When fewer bytes are there, or the storage failed.
    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError>;
}

impl Source for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buffer.len())?))
            .ok_or_else(|| {
                SourceError::new(format!(
                    "{} bytes at {offset} are beyond the end",
                    buffer.len()
                ))
            })?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

impl Source for Vec<u8> {
    fn len(&self) -> u64 {
        Vec::len(self) as u64
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        self.as_slice().read_at(offset, buffer).await
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn len(&self) -> u64 {
        (**self).len()
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        (**self).read_at(offset, buffer).await
    }
}

/// A file of the operating system.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug)]
pub struct FileSource {
    file: std::fs::File,
    length: u64,
}

#[cfg(not(target_family = "wasm"))]
impl FileSource {
    /// Opens `path` for reading.
    ///
    /// # Errors
    /// When there is no such file, or it may not be read.
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, SourceError> {
        let path = path.as_ref();
        let open = || {
            let file = std::fs::File::open(path)?;
            let length = file.metadata()?.len();
            Ok::<_, std::io::Error>(Self { file, length })
        };
        open().map_err(|error| SourceError::new(format!("{}: {error}", path.display())))
    }
}

#[cfg(not(target_family = "wasm"))]
impl Source for FileSource {
    fn len(&self) -> u64 {
        self.length
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(buffer))
            .map_err(|error| {
                SourceError::new(format!("{} bytes at {offset}: {error}", buffer.len()))
            })
    }
}
