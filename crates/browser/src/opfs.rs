//! Model files in the origin private file system, through synchronous access handles.

use js_sys::{Reflect, Uint8Array};
use model_store::{Storage, StorageError};
use query::{Error, ErrorCode};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemReadWriteOptions, FileSystemSyncAccessHandle,
};

use crate::{
    device::scope,
    error::{describe, name_of},
};

/// The folder of the origin private file system; `store.ts` of the npm package looks into it too.
const FOLDER: &str = "tidegate";

/// Bytes that are written at once. They go through one array of JavaScript's, again and again: an array for
/// each write would be memory that stays until the collector comes round, which for a model is too late.
const PIECE: u32 = 256 << 10;

/// One open file, closed when dropped. While it is open nobody else can open it.
struct OpenFile {
    handle: FileSystemSyncAccessHandle,
    /// [`PIECE`] bytes on their way to the file: a view into wasm memory may not be written from if that
    /// memory is shared.
    piece: Uint8Array,
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// A model's file `<key>.gguf` and the small text `<key>.json` beside it.
pub(crate) struct OpfsStorage {
    file: OpenFile,
    state: OpenFile,
}

impl OpfsStorage {
    /// Opens or makes both; `None` if this browser, or this mode of it, has no such file system.
    ///
    /// # Errors
    /// When another tab has them open.
    pub(crate) async fn open(key: &str) -> Result<Option<Self>, Error> {
        let Some(folder) = folder().await else {
            return Ok(None);
        };
        let file = open(&folder, &format!("{key}.gguf")).await?;
        let state = open(&folder, &format!("{key}.json")).await?;
        Ok(Some(Self { file, state }))
    }
}

/// Bytes that are stored of the model `key`. Looks without opening, which would lock and, if need be, make it.
pub(crate) async fn stored(key: &str) -> u64 {
    let look = async {
        let folder = folder().await?;
        let handle = JsFuture::from(folder.get_file_handle(&format!("{key}.gguf")));
        let handle: FileSystemFileHandle = handle.await.ok()?.unchecked_into();
        let file: web_sys::File = JsFuture::from(handle.get_file())
            .await
            .ok()?
            .unchecked_into();
        Some(file.size() as u64)
    };
    look.await.unwrap_or(0)
}

/// Replaces the small file `name`. That it fails costs only a convenience, so nobody is told.
pub(crate) async fn keep(name: &str, bytes: &[u8]) {
    let Some(folder) = folder().await else { return };
    if let Ok(file) = open(&folder, name).await {
        let _ = file.replace(bytes);
    }
}

/// The small file `name`, if it is there.
pub(crate) async fn kept(name: &str) -> Option<Vec<u8>> {
    let file = open(&folder().await?, name).await.ok()?;
    file.all().ok().filter(|bytes| !bytes.is_empty())
}

async fn folder() -> Option<FileSystemDirectoryHandle> {
    let storage = scope().navigator().storage();
    if storage.is_undefined() || !Reflect::has(&storage, &"getDirectory".into()).unwrap_or(false) {
        return None;
    }
    let root: FileSystemDirectoryHandle = JsFuture::from(storage.get_directory())
        .await
        .ok()?
        .unchecked_into();
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(true);
    let folder = JsFuture::from(root.get_directory_handle_with_options(FOLDER, &options))
        .await
        .ok()?;
    Some(folder.unchecked_into())
}

async fn open(folder: &FileSystemDirectoryHandle, name: &str) -> Result<OpenFile, Error> {
    let open = async {
        let options = FileSystemGetFileOptions::new();
        options.set_create(true);
        let file: FileSystemFileHandle =
            JsFuture::from(folder.get_file_handle_with_options(name, &options))
                .await?
                .unchecked_into();
        let handle = JsFuture::from(file.create_sync_access_handle()).await?;
        Ok::<_, JsValue>(OpenFile {
            handle: handle.unchecked_into(),
            piece: Uint8Array::new_with_length(PIECE),
        })
    };
    open.await.map_err(|error| match name_of(&error).as_str() {
        "NoModificationAllowedError" => Error::new(
            ErrorCode::LocalUnavailable,
            format!("storage: {name} is in use by another tab of this site; try again when that has loaded"),
        ),
        "QuotaExceededError" => Error::new(
            ErrorCode::QuotaExceeded,
            format!("storage: there is no room for {name}; free some space, or choose a smaller model"),
        ),
        _ => Error::new(ErrorCode::Internal, format!("storage: {name}: {}", describe(&error))),
    })
}

impl OpenFile {
    fn length(&self) -> Result<u64, StorageError> {
        Ok(self.handle.get_size().map_err(|error| broken(&error))? as u64)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let count = self
            .handle
            .read_with_u8_array_and_options(buffer, &at(offset))
            .map_err(|error| broken(&error))?;
        if count as usize == buffer.len() {
            return Ok(());
        }
        Err(StorageError::Failed(format!(
            "{} bytes at {offset} are beyond the end",
            buffer.len()
        )))
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        let full = || StorageError::Full {
            needed: bytes.len() as u64,
            available: None,
        };
        let mut offset = offset;
        for piece in bytes.chunks(PIECE as usize) {
            // A chunk is at most PIECE long, which is a u32.
            let view = self.piece.subarray(0, piece.len() as u32);
            view.copy_from(piece);
            match self
                .handle
                .write_with_buffer_source_and_options(&view, &at(offset))
            {
                Ok(count) if count as usize == piece.len() => offset += piece.len() as u64,
                Ok(_) => return Err(full()), // a disk that is full writes a part
                Err(error) if name_of(&error) == "QuotaExceededError" => return Err(full()),
                Err(error) => return Err(broken(&error)),
            }
        }
        Ok(())
    }

    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        // Files are far below 2^53 bytes.
        self.handle
            .truncate_with_f64(length as f64)
            .map_err(|error| broken(&error))
    }

    fn all(&self) -> Result<Vec<u8>, StorageError> {
        // Only for small texts: their length fits any usize.
        let mut bytes = vec![0; self.length()? as usize];
        self.read(0, &mut bytes)?;
        Ok(bytes)
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), StorageError> {
        self.truncate(0)?;
        self.write(0, bytes)?;
        self.handle.flush().map_err(|error| broken(&error))
    }
}

impl Storage for OpfsStorage {
    fn len(&self) -> Result<u64, StorageError> {
        self.file.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        self.file.read(offset, buffer)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.file.write(self.file.length()?, bytes)
    }

    fn truncate(&mut self, length: u64) -> Result<(), StorageError> {
        self.file.truncate(length)
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.file.handle.flush().map_err(|error| broken(&error))
    }

    fn state(&self) -> Result<Vec<u8>, StorageError> {
        self.state.all()
    }

    fn set_state(&mut self, state: &[u8]) -> Result<(), StorageError> {
        self.state.replace(state)
    }
}

fn at(offset: u64) -> FileSystemReadWriteOptions {
    let options = FileSystemReadWriteOptions::new();
    options.set_at(offset as f64); // files are far below 2^53 bytes
    options
}

fn broken(error: &JsValue) -> StorageError {
    StorageError::Failed(describe(error))
}
