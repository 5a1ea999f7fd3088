//! Which file, fetched and checked, into storage, into the model.

use local_model::{Backend, Model, Source, fit::Plan};
use model_store::{Error as StoreError, Manifest, Sha256, Wanted};
use query::{Error, ErrorCode};
use serde::Deserialize;
use web_sys::{File, RequestCache, Url};

use crate::{
    blob::BlobSource,
    choose::{Chosen, DeviceFacts, Offer, choose, plan_for},
    device::{EventLoop, now_ms},
    download::{fetch, get, unreachable},
    error::{local_model as model_error, model_store as store_error},
    opfs,
    place::StoredSource,
};

/// Longest manifest, bytes.
const MAX_MANIFEST: usize = 256 << 10;

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

    pub(crate) fn report(&self, phase: &str, loaded: u64, total: u64) {
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

/// A model, and which file it is of.
pub(crate) struct Ready {
    pub model: Model,
    /// Of the file's bytes, where a manifest told it and they were checked.
    pub sha256: Option<Sha256>,
}

/// Gets a model ready: a file that fits from storage or the network, its weights onto the device, and one token
/// through it.
///
/// Dropping the future at any point keeps what was downloaded.
pub(crate) async fn ready(
    model: &ModelRef,
    file: Option<File>,
    in_memory: bool,
    backend: Backend,
    facts: &DeviceFacts,
    progress: &Progress,
) -> Result<Ready, Error> {
    let events = EventLoop::new()?;
    let offer = match model {
        ModelRef::File => {
            let file =
                file.ok_or_else(|| Error::new(ErrorCode::InvalidRequest, "no file was given"))?;
            let name = file.name();
            let source = BlobSource(file.into());
            let plan = plan_for(&source, &name, backend, facts).await?;
            let mut model = load(&source, backend, &plan, progress)
                .await
                .map_err(|error| model_error(&error))?;
            self_test(&mut model, progress).await?;
            return Ok(Ready {
                model,
                sha256: None,
            });
        }
        ModelRef::Manifest { url } => manifest(url, progress).await?,
        ModelRef::Gguf { url } => Offer {
            files: vec![Wanted::unknown(url)],
            context: None,
        },
    };
    let chosen = choose(offer, in_memory, backend, facts, progress, &events).await?;
    let sha256 = chosen.wanted.sha256;
    let mut model = stored(chosen, backend, facts, progress, &events).await?;
    self_test(&mut model, progress).await?;
    Ok(Ready { model, sha256 })
}

/// The files that a manifest offers. Without a network: the manifest as it was at the last visit.
async fn manifest(url: &str, progress: &Progress) -> Result<Offer, Error> {
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
    let wanted = manifest.files.iter().map(|file| {
        let absolute = Url::new_with_base(&file.url, url).map_err(|_| {
            let message = format!("{url}: manifest field url: {} is not a URL", file.url);
            Error::new(ErrorCode::DownloadFailed, message)
        })?;
        Ok(Wanted::of(file, absolute.href()))
    });
    let files = wanted.collect::<Result<_, Error>>()?;
    progress.report("manifest", 1, 1);
    Ok(Offer {
        files,
        context: usize::try_from(manifest.context_length).ok(),
    })
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
    mut chosen: Chosen,
    backend: Backend,
    facts: &DeviceFacts,
    progress: &Progress,
    events: &EventLoop,
) -> Result<Model, Error> {
    let url = chosen.wanted.url.clone();
    fetch(&mut chosen.download, &url, progress, events).await?;
    let source = StoredSource::of(chosen.download.storage())?;
    let plan = match chosen.plan {
        Some(plan) => plan,
        None => plan_for(&source, &url, backend, facts).await?,
    };
    match load(&source, backend, &plan, progress).await {
        Ok(model) => Ok(model),
        Err(error) => {
            let error = model_error(&error);
            if error.code == ErrorCode::ModelCorrupt {
                // Nobody vouched for this file, and it is not whole: the next visit should fetch it anew.
                let discarded = chosen.download.discard();
                discarded.map_err(|error| store_error(&error))?;
            }
            Err(error)
        }
    }
}

async fn load(
    source: &impl Source,
    backend: Backend,
    plan: &Plan,
    progress: &Progress,
) -> Result<Model, local_model::Error> {
    let mut model = Model::load(source, backend, |step| {
        progress.report("upload", step.loaded, step.total)
    })
    .await?;
    model.limit_context(plan.context);
    model.set_clock(crate::device::local_seconds);
    #[cfg(target_feature = "atomics")]
    model.set_pool(crate::threads::pool());
    Ok(model)
}

/// Computes a few tokens; on a GPU they are held against the CPU's.
async fn self_test(model: &mut Model, progress: &Progress) -> Result<(), Error> {
    progress.report("selftest", 0, 1);
    match model.self_test().await {
        Ok(()) => {}
        Err(error @ local_model::Error::WrongResult { .. }) if model.info().backend == "cpu" => {
            return Err(Error::new(ErrorCode::ModelCorrupt, error.to_string()));
        }
        Err(error) => return Err(model_error(&error)),
    }
    progress.report("selftest", 1, 1);
    Ok(())
}

/// The name under which a file is stored: its hash, or its URL's where only that is known.
pub(crate) fn key_of(wanted: &Wanted) -> String {
    wanted
        .sha256
        .map_or_else(|| url_key(&wanted.url), |sha256| sha256.to_string())
}

fn url_key(url: &str) -> String {
    format!("url-{}", Sha256::of(url.as_bytes()))
}
