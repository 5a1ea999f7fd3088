//! Which file of those that a publisher offers fits this device: asked before any weights are fetched.

use local_model::{
    Backend, Source,
    fit::{self, GpuLimits, Needs, Path, Plan, Refusal},
};
use model_store::{Download, Wanted};
use query::{Error, ErrorCode};
use serde::Deserialize;

use crate::{
    device::{EventLoop, storage_available},
    download::Arriving,
    error::{local_model as model_error, model_store as store_error},
    models::{Progress, key_of},
    opfs,
    place::Place,
};

/// `DeviceFacts` of the npm package: what only the page's script can ask.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeviceFacts {
    /// Bytes that a model may take.
    memory: f64,
    /// Bytes that storage has room for; asked of the browser if it is not given.
    storage: Option<f64>,
    relaxed_simd: bool,
    threads: usize,
    gpu: Option<GpuFacts>,
}

/// Limits of the WebGPU adapter, bytes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GpuFacts {
    max_storage_buffer_binding_size: f64,
    max_buffer_size: f64,
}

impl DeviceFacts {
    async fn device(&self, backend: Backend, in_memory: bool) -> fit::Device {
        let storage = match self.storage {
            Some(bytes) => Some(bytes as u64),
            None => storage_available().await,
        };
        fit::Device {
            memory: self.memory as u64,
            storage,
            file_in_memory: in_memory,
            gpu: self
                .gpu
                .as_ref()
                .filter(|_| backend != Backend::Cpu)
                .map(|gpu| GpuLimits {
                    binding: gpu.max_storage_buffer_binding_size as u64,
                    buffer: gpu.max_buffer_size as u64,
                }),
            relaxed_simd: self.relaxed_simd,
            threads: self.threads,
        }
    }
}

/// Files of which one should be taken, the best first.
pub(crate) struct Offer {
    pub files: Vec<Wanted>,
    /// Tokens that the publisher promises, if anyone does.
    pub context: Option<usize>,
}

/// A file that fits, and how.
pub(crate) struct Chosen {
    pub wanted: Wanted,
    pub download: Download<Place>,
    /// Unknown as long as nobody knows the file's length.
    pub plan: Option<Plan>,
}

/// The first file that fits. Of the others no more than the header was fetched, and nothing of it is kept.
///
/// # Errors
/// `quota-exceeded` or `device-limit` with the figures of every file, or what made the only file unusable.
pub(crate) async fn choose(
    offer: Offer,
    in_memory: bool,
    backend: Backend,
    facts: &DeviceFacts,
    progress: &Progress,
    events: &EventLoop,
) -> Result<Chosen, Error> {
    let alone = offer.files.len() == 1;
    let mut refused = Vec::new();
    for wanted in offer.files {
        let name = wanted.url.clone();
        let looked = look(
            wanted,
            offer.context,
            in_memory,
            backend,
            facts,
            progress,
            events,
        );
        match looked.await {
            Ok(Ok(chosen)) => return Ok(chosen),
            Ok(Err(refusals)) => refused.push((name, refusals)),
            // One file of several that this engine cannot read is no reason to leave the others.
            Err(error) if !alone && error.code == ErrorCode::ModelUnsupported => {
                refused.push((
                    name,
                    Refused {
                        code: error.code,
                        why: error.message,
                    },
                ));
            }
            Err(error) => return Err(error),
        }
    }
    Err(none_fits(&refused))
}

/// Why one file was not taken.
pub(crate) struct Refused {
    code: ErrorCode,
    why: String,
}

impl Refused {
    fn of(refusals: &[Refusal]) -> Self {
        let only_storage = refusals
            .iter()
            .all(|refusal| matches!(refusal, Refusal::Storage { .. }));
        let why: Vec<_> = refusals.iter().map(ToString::to_string).collect();
        Self {
            code: if only_storage {
                ErrorCode::QuotaExceeded
            } else {
                ErrorCode::DeviceLimit
            },
            why: why.join("; "),
        }
    }
}

fn none_fits(refused: &[(String, Refused)]) -> Error {
    // The one code that all share, else that of the device.
    let code = match refused {
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other.code == first.code) => {
            first.code
        }
        _ => ErrorCode::DeviceLimit,
    };
    let why: Vec<_> = refused
        .iter()
        .map(|(url, refused)| format!("{url}: {}", refused.why))
        .collect();
    Error::new(
        code,
        format!("no model file fits this device: {}", why.join(". ")),
    )
}

async fn look(
    wanted: Wanted,
    context: Option<usize>,
    in_memory: bool,
    backend: Backend,
    facts: &DeviceFacts,
    progress: &Progress,
    events: &EventLoop,
) -> Result<Result<Chosen, Refused>, Error> {
    let key = key_of(&wanted);
    let stored = if in_memory {
        0
    } else {
        opfs::stored(&key).await
    };
    let device = facts.device(backend, in_memory).await;
    let file = |bytes, stored| fit::File {
        bytes,
        stored,
        context,
    };
    if let Some(bytes) = wanted.bytes
        && let Err(refusals) = planned(&file(bytes, stored), None, &device, backend)
    {
        return Ok(Err(refusals));
    }

    let place = Place::open(&key, in_memory).await?;
    let device = fit::Device {
        file_in_memory: matches!(place, Place::Memory(_)),
        ..device
    };
    let url = wanted.url.clone();
    let mut download =
        Download::open(place, wanted.clone()).map_err(|error| store_error(&error))?;
    let stored = download.stored();
    let found = match Arriving::of(&mut download, &url, progress, events).await? {
        None => Ok(None),
        Some(arriving) => {
            let file = file(arriving.len(), stored);
            match planned(&file, None, &device, backend) {
                Err(refused) => Err(refused),
                Ok(_) => match Needs::read(&arriving).await {
                    Ok(needs) => planned(&file, Some(&needs), &device, backend).map(Some),
                    Err(error) => {
                        let error = arriving.failure().unwrap_or_else(|| model_error(&error));
                        if error.code == ErrorCode::ModelCorrupt {
                            // The next visit should fetch it anew.
                            download.discard().map_err(|error| store_error(&error))?;
                        }
                        return Err(error);
                    }
                },
            }
        }
    };
    match found {
        Ok(plan) => Ok(Ok(Chosen {
            wanted,
            download,
            plan,
        })),
        Err(refused) => {
            if stored == 0 {
                download.discard().map_err(|error| store_error(&error))?;
            }
            Ok(Err(refused))
        }
    }
}

/// A plan for the device that this module computes on.
pub(crate) fn planned(
    file: &fit::File,
    needs: Option<&Needs>,
    device: &fit::Device,
    backend: Backend,
) -> Result<Plan, Refused> {
    let plan = fit::plan(file, needs, device).map_err(|refusals| Refused::of(&refusals))?;
    match (&plan.path, plan.not_on_gpu) {
        // This module computes on the GPU alone; the worker takes the other one.
        (Path::Cpu { .. }, Some(refusal)) if backend != Backend::Cpu => {
            Err(Refused::of(&[refusal]))
        }
        _ => Ok(plan),
    }
}

/// The plan for a file that the person chose.
///
/// # Errors
/// As [`choose`].
pub(crate) async fn plan_for(
    source: &impl Source,
    name: &str,
    backend: Backend,
    facts: &DeviceFacts,
) -> Result<Plan, Error> {
    let bytes = source.len();
    let file = fit::File {
        bytes,
        stored: bytes,
        context: None,
    };
    let device = facts.device(backend, false).await;
    let needs = Needs::read(source)
        .await
        .map_err(|error| model_error(&error))?;
    planned(&file, Some(&needs), &device, backend)
        .map_err(|refused| none_fits(&[(name.to_owned(), refused)]))
}
