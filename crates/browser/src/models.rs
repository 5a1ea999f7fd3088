//! Which file, fetched and checked, into storage, into the model.

use local_model::{Backend, Model, Source, SourceError};
use model_store::{
    Download, Error as StoreError, Head, Manifest, MemoryStorage, Next, Sha256, Storage,
    StorageError, Wanted,
};
use query::{Error, ErrorCode};
use serde::Deserialize;
use web_sys::{File, RequestCache, Url};

use crate::{
    blob::BlobSource,
    device::{EventLoop, now_ms, storage_available},
    error::{local_model as model_error, model_store as store_error},
    fetch::{Fetch, Reply},
    opfs::{self, OpfsStorage},
};

/// Longest manifest, bytes.
const MAX_MANIFEST: usize = 64 << 10;

/// Least time between two reports of progress, ms: one per frame is more than anyone sees.
const REPORT_EVERY_MS: f64 = 50.0;

/// Which model, as the page's options say.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum ModelRef {
    /// A manifest tells where the file is and what it should be.
    Manifest { url: String },
    /// A GGUF file that nobody vouches for.
    Gguf { url: String },
    /// A file that the person chose.
    File,
}

/// Tells the page how far it is: phase, done, total.
pub(crate) struct Progress {
    tell: js_sys::Function,
    last: std::cell::Cell<f64>,
}

impl Progress {
    pub(crate) fn new(tell: js_sys::Function) -> Self {
        Self {
            tell,
            last: std::cell::Cell::new(f64::NEG_INFINITY),
        }
    }

    fn report(&self, phase: &str, loaded: u64, total: u64) {
        let now = now_ms();
        if loaded != 0 && loaded != total && now - self.last.get() < REPORT_EVERY_MS {
            return;
        }
        self.last.set(now);
        // A page that cannot be told is gone, and so is this worker soon.
        let _ = self.tell.call3(
            &wasm_bindgen::JsValue::NULL,
            &phase.into(),
            &(loaded as f64).into(),
            &(total as f64).into(),
        );
    }
}

/// Gets a model ready: its file from storage or the network, its weights onto the device, and one token
/// through it.
///
/// Dropping the future at any point keeps what was downloaded.
pub(crate) async fn ready(
    model: &ModelRef,
    file: Option<File>,
    in_memory: bool,
    backend: Backend,
    progress: &Progress,
) -> Result<Model, Error> {
    let events = EventLoop::new()?;
    let mut model = match model {
        ModelRef::File => {
            let file =
                file.ok_or_else(|| Error::new(ErrorCode::InvalidRequest, "no file was given"))?;
            load(&BlobSource(file.into()), backend, progress)
                .await
                .map_err(|error| model_error(&error))?
        }
        ModelRef::Manifest { url } => {
            let wanted = manifest(url, progress).await?;
            let key = wanted
                .sha256
                .map_or_else(|| url_key(&wanted.url), |sha256| sha256.to_string());
            stored(wanted, &key, in_memory, backend, progress, &events).await?
        }
        ModelRef::Gguf { url } => {
            let wanted = Wanted {
                url: url.clone(),
                bytes: None,
                sha256: None,
            };
            stored(wanted, &url_key(url), in_memory, backend, progress, &events).await?
        }
    };
    progress.report("selftest", 0, 1);
    self_test(&mut model).await?;
    progress.report("selftest", 1, 1);
    Ok(model)
}

/// The file that a manifest wants. Without a network: the manifest as it was at the last visit.
async fn manifest(url: &str, progress: &Progress) -> Result<Wanted, Error> {
    progress.report("manifest", 0, 1);
    let kept_as = format!("{}.manifest.json", url_key(url));
    let (text, is_new) = match fetch_manifest(url).await {
        Ok(text) => (text, true),
        Err(error) => (opfs::kept(&kept_as).await.ok_or(error)?, false),
    };
    let manifest = Manifest::parse(&text).map_err(|error| {
        let error = store_error(&error);
        Error {
            message: format!("{url}: {}", error.message),
            ..error
        }
    })?;
    if is_new {
        opfs::keep(&kept_as, &text).await;
    }
    let file = Url::new_with_base(&manifest.url, url).map_err(|_| {
        Error::new(
            ErrorCode::DownloadFailed,
            format!("{url}: manifest field url: is not a URL"),
        )
    })?;
    progress.report("manifest", 1, 1);
    Ok(Wanted::of(&manifest, file.href()))
}

async fn fetch_manifest(url: &str) -> Result<Vec<u8>, Error> {
    let mut reply = get(url, &[], RequestCache::NoCache).await?;
    match reply.status() {
        200 => reply
            .bytes(MAX_MANIFEST)
            .await
            .map_err(|reason| unreachable(url, &reason)),
        status => Err(store_error(&StoreError::Http {
            url: url.to_owned(),
            status,
        })),
    }
}

/// Fetches what is missing, checks it, and loads it.
async fn stored(
    wanted: Wanted,
    key: &str,
    in_memory: bool,
    backend: Backend,
    progress: &Progress,
    events: &EventLoop,
) -> Result<Model, Error> {
    let opfs = if in_memory {
        None
    } else {
        OpfsStorage::open(key).await?
    };
    let place = opfs.map_or_else(|| Place::Memory(MemoryStorage::default()), Place::Opfs);
    let url = wanted.url.clone();
    let mut download = Download::open(place, wanted).map_err(|error| store_error(&error))?;
    if !download.is_verified() {
        fetch(&mut download, &url, progress, events).await?;
    }
    match load(&StoredSource::of(download.storage())?, backend, progress).await {
        Ok(model) => Ok(model),
        Err(error) => {
            let error = model_error(&error);
            if error.code == ErrorCode::ModelCorrupt {
                // Nobody vouched for this file, and it is not whole: the next visit should fetch it anew.
                download.discard().map_err(|error| store_error(&error))?;
            }
            Err(error)
        }
    }
}

/// Brings a download to its verified end.
async fn fetch(
    download: &mut Download<Place>,
    url: &str,
    progress: &Progress,
    events: &EventLoop,
) -> Result<(), Error> {
    let stored = download.stored();
    while download.rehash().map_err(|error| store_error(&error))? {
        progress.report("verify", download.hashed(), stored);
        events.turn().await;
    }
    while let Some(from) = download.missing_from() {
        let range = format!("bytes={from}-");
        let headers = [("range", range.as_str())];
        let headers = if from > 0 { &headers[..] } else { &[] };
        let mut reply = get(url, headers, RequestCache::NoStore).await?;
        if respond(download, &reply)? == Next::AskAgain {
            continue;
        }
        check_room(download).await?;
        let total = download.total().unwrap_or_default();
        progress.report("download", download.stored(), total);
        while let Some(chunk) = reply
            .chunk()
            .await
            .map_err(|reason| cut_off(download, url, &reason))?
        {
            if let Err(error) = download.push(&chunk.to_vec()) {
                return Err(store_error(&with_room(error).await));
            }
            progress.report("download", download.stored(), total);
        }
        download.end().map_err(|error| store_error(&error))?;
    }
    progress.report("verify", 0, 1);
    download.verify().map_err(|error| store_error(&error))?;
    progress.report("verify", 1, 1);
    Ok(())
}

fn respond(download: &mut Download<Place>, reply: &Reply) -> Result<Next, Error> {
    let (content_range, etag) = (reply.header("content-range"), reply.header("etag"));
    let encoded = reply.header("content-encoding").is_some();
    let content_length = reply
        .header("content-length")
        .filter(|_| !encoded)
        .and_then(|length| length.parse().ok());
    let head = Head {
        status: reply.status(),
        content_range: content_range.as_deref(),
        content_length,
        etag: etag.as_deref(),
    };
    download
        .response(&head)
        .map_err(|error| store_error(&error))
}

/// Better to say before the download than after most of it that it will not fit.
async fn check_room(download: &Download<Place>) -> Result<(), Error> {
    let (Place::Opfs(_), Some(total)) = (download.storage(), download.total()) else {
        return Ok(());
    };
    let needed = total - download.stored();
    match storage_available().await {
        Some(available) if available < needed => Err(store_error(
            &StorageError::Full {
                needed,
                available: Some(available),
            }
            .into(),
        )),
        _ => Ok(()),
    }
}

/// A full storage does not know how full it is; the browser does.
async fn with_room(error: StoreError) -> StoreError {
    match error {
        StoreError::Storage(StorageError::Full {
            needed,
            available: None,
        }) => StorageError::Full {
            needed,
            available: storage_available().await,
        }
        .into(),
        other => other,
    }
}

fn cut_off(download: &Download<Place>, url: &str, reason: &str) -> Error {
    let stored = download.stored();
    let of = download
        .total()
        .map(|total| format!(" of {total}"))
        .unwrap_or_default();
    let message = format!(
        "{url}: the download was cut off at {stored}{of} bytes ({reason}); try again and it goes on from there"
    );
    Error::new(ErrorCode::DownloadFailed, message)
}

async fn load(
    source: &impl Source,
    backend: Backend,
    progress: &Progress,
) -> Result<Model, local_model::Error> {
    Model::load(source, backend, |step| {
        progress.report("upload", step.loaded, step.total)
    })
    .await
}

/// A token must come out, and the model must be surer of it than of any other: a device that computes zeros
/// finds all equally likely.
async fn self_test(model: &mut Model) -> Result<(), Error> {
    use local_model::{Sampling, Step};
    let vocabulary = model.info().vocabulary as f32;
    let adapter = model.info().adapter.clone();
    let is_cpu = model.info().backend == "cpu";
    let prompt = model
        .encode("One, two, three, four,")
        .map_err(|error| model_error(&error))?;
    let sampling = Sampling {
        max_tokens: 1,
        ..Sampling::default()
    };
    let mut generation = model
        .start(prompt, sampling)
        .map_err(|error| model_error(&error))?;
    loop {
        match generation
            .step()
            .await
            .map_err(|error| model_error(&error))?
        {
            Step::Token {
                log_probability, ..
            } if log_probability > -vocabulary.ln() + 0.5 => return Ok(()),
            Step::Prefill { .. } => {}
            Step::Token { .. } | Step::Done { .. } => break,
        }
    }
    Err(if is_cpu {
        Error::new(
            ErrorCode::ModelCorrupt,
            "the model's self-test gave no sensible token; download the model again",
        )
    } else {
        let message =
            format!("the self-test on GPU {adapter} gave no sensible token; use the CPU backend");
        Error::new(ErrorCode::NoAdapter, message)
    })
}

async fn get(url: &str, headers: &[(&str, &str)], cache: RequestCache) -> Result<Reply, Error> {
    let fetch = Fetch {
        method: "GET",
        url,
        headers,
        body: None,
        credentials: true,
        cache,
    };
    fetch
        .send()
        .await
        .map_err(|reason| unreachable(url, &reason))
}

fn unreachable(url: &str, reason: &str) -> Error {
    let message = format!(
        "{url} could not be fetched ({reason}); is the device online, and the URL allowed by connect-src?"
    );
    Error::new(ErrorCode::DownloadFailed, message)
}

/// The name under which something is stored of which only the URL is known.
fn url_key(url: &str) -> String {
    format!("url-{}", Sha256::of(url.as_bytes()))
}

/// Where a model's file is kept.
enum Place {
    Opfs(OpfsStorage),
    Memory(MemoryStorage),
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

    fn clear(&mut self) -> Result<(), StorageError> {
        match self {
            Self::Opfs(storage) => storage.clear(),
            Self::Memory(storage) => storage.clear(),
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
struct StoredSource<'a> {
    place: &'a Place,
    length: u64,
}

impl<'a> StoredSource<'a> {
    fn of(place: &'a Place) -> Result<Self, Error> {
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
