//! A model's file, from its server into its place: all of it, or only its header.

use futures::lock::Mutex;
use local_model::{Source, SourceError};
use model_store::{Download, Error as StoreError, Head, Next, Storage, StorageError};
use query::{Error, ErrorCode};
use web_sys::RequestCache;

use crate::{
    device::{EventLoop, storage_available},
    error::model_store as store_error,
    fetch::{Fetch, Reply},
    models::Progress,
    place::Place,
    release::release,
};

/// How often the same part of a file may come damaged before the file counts as wrong.
const DAMAGED: u32 = 2;

/// Brings a download to its verified end.
///
/// # Errors
/// `download-failed`, `model-hash-mismatch`, `quota-exceeded`; what came is kept as far as it is good.
pub(crate) async fn fetch(
    download: &mut Download<Place>,
    url: &str,
    progress: &Progress,
    events: &EventLoop,
) -> Result<(), Error> {
    if download.is_verified() {
        return Ok(());
    }
    fetch_until(download, url, None, progress, events).await?;
    progress.report("verify", 0, 1);
    download.verify().map_err(|error| store_error(&error))?;
    progress.report("verify", 1, 1);
    Ok(())
}

/// Fetches the bytes before `until`, or all.
async fn fetch_until(
    download: &mut Download<Place>,
    url: &str,
    until: Option<u64>,
    progress: &Progress,
    events: &EventLoop,
) -> Result<(), Error> {
    let is_there = |stored: u64| until.is_some_and(|until| stored >= until);
    let mut damaged = Damaged::default();
    if is_there(download.stored()) {
        return Ok(());
    }
    // What an earlier visit stored has to go through the hash before anything can follow it.
    let stored = download.stored();
    loop {
        match download.rehash() {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => damaged.again(error)?,
        }
        progress.report("verify", download.hashed(), stored);
        events.turn().await;
    }
    'ask: while let Some(from) = download.missing_from() {
        let range = until.map_or_else(
            || format!("bytes={from}-"),
            |until| format!("bytes={from}-{}", until - 1),
        );
        let headers = [("range", range.as_str())];
        // No header for a whole file: other origins would be asked for permission first.
        let headers = if from > 0 || until.is_some() {
            &headers[..]
        } else {
            &[]
        };
        let mut reply = get(url, headers, RequestCache::NoStore).await?;
        if respond(download, &reply, until)? == Next::AskAgain {
            continue;
        }
        let total = download.total().unwrap_or_default();
        progress.report("download", download.stored(), total);
        while let Some(chunk) = reply
            .chunk()
            .await
            .map_err(|reason| cut_off(download, url, &reason))?
        {
            let bytes = chunk.to_vec();
            release(chunk);
            match download.push(&bytes) {
                Ok(()) => {}
                Err(error @ StoreError::WrongChunk { .. }) => {
                    damaged.again(error)?;
                    continue 'ask;
                }
                Err(error) => return Err(store_error(&with_room(error).await)),
            }
            progress.report("download", download.stored(), total);
            if is_there(download.stored()) {
                return Ok(()); // a server that knows no ranges would go on
            }
        }
        download.end().map_err(|error| store_error(&error))?;
    }
    Ok(())
}

/// Parts that came damaged: on the network that happens; again and again it does not.
#[derive(Default)]
struct Damaged {
    start: u64,
    times: u32,
}

impl Damaged {
    fn again(&mut self, error: StoreError) -> Result<(), Error> {
        let StoreError::WrongChunk { start, .. } = error else {
            return Err(store_error(&error));
        };
        if start != self.start {
            *self = Self { start, times: 0 };
        }
        self.times += 1;
        if self.times > DAMAGED {
            return Err(store_error(&error));
        }
        Ok(())
    }
}

fn respond(
    download: &mut Download<Place>,
    reply: &Reply,
    until: Option<u64>,
) -> Result<Next, Error> {
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
        until,
    };
    download
        .response(&head)
        .map_err(|error| store_error(&error))
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

pub(crate) async fn get(
    url: &str,
    headers: &[(&str, &str)],
    cache: RequestCache,
) -> Result<Reply, Error> {
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

pub(crate) fn unreachable(url: &str, reason: &str) -> Error {
    let message = format!(
        "{url} could not be fetched ({reason}); is the device online, and the URL allowed by connect-src?"
    );
    Error::new(ErrorCode::DownloadFailed, message)
}

/// A file that is on its way: reading beyond what is stored fetches up to there and no further. What was fetched
/// stays, so that no byte comes twice.
pub(crate) struct Arriving<'a> {
    download: Mutex<&'a mut Download<Place>>,
    url: &'a str,
    progress: &'a Progress,
    events: &'a EventLoop,
    length: u64,
    /// Why a fetch failed, as the page shall see it.
    failure: Mutex<Option<Error>>,
}

impl<'a> Arriving<'a> {
    /// Asks the server for a beginning if nobody knows the length yet; `None` if it does not tell either.
    ///
    /// # Errors
    /// As [`fetch`].
    pub(crate) async fn of(
        download: &'a mut Download<Place>,
        url: &'a str,
        progress: &'a Progress,
        events: &'a EventLoop,
    ) -> Result<Option<Self>, Error> {
        if download.total().is_none() {
            fetch_until(download, url, Some(1 << 20), progress, events).await?;
        }
        Ok(download.total().map(|length| Self {
            download: Mutex::new(download),
            url,
            progress,
            events,
            length,
            failure: Mutex::new(None),
        }))
    }

    /// What went wrong, rather than that a read failed.
    pub(crate) fn failure(self) -> Option<Error> {
        self.failure.into_inner()
    }
}

impl Source for Arriving<'_> {
    fn len(&self) -> u64 {
        self.length
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let mut download = self.download.lock().await;
        let until = (offset + buffer.len() as u64).min(self.length);
        let fetched = fetch_until(
            &mut download,
            self.url,
            Some(until),
            self.progress,
            self.events,
        )
        .await;
        if let Err(error) = fetched {
            let message = error.message.clone();
            *self.failure.lock().await = Some(error);
            return Err(SourceError::new(message));
        }
        download
            .storage()
            .read_at(offset, buffer)
            .map_err(|error| SourceError::new(error.to_string()))
    }
}
