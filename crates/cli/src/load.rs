//! A model file onto the device that was asked for.

use std::{io::IsTerminal, path::Path};

use anyhow::Context;
use clap::ValueEnum;
use local_model::{Backend, FileSource, LoadProgress, Model};

/// Where to compute.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendChoice {
    /// SIMD on one thread.
    Cpu,
    /// Vulkan, Metal or Direct3D, by the kernels that run as WebGPU in a page.
    Webgpu,
    /// The GPU if there is a usable one, else the CPU.
    Auto,
}

/// Loads `path`, with the share that is done on a terminal's standard error.
pub(crate) async fn load(path: &Path, backend: BackendChoice) -> anyhow::Result<Model> {
    let open = || FileSource::open(path).with_context(|| "opening the model");
    let shows = std::io::stderr().is_terminal();
    let progress = |progress: LoadProgress| {
        if shows {
            eprint!(
                "\rloading {:3} %",
                progress.loaded * 100 / progress.total.max(1)
            );
            if progress.loaded == progress.total {
                eprint!("\r             \r");
            }
        }
    };
    let place = || format!("loading {}", path.display());
    match backend {
        BackendChoice::Cpu => Model::load(open()?, Backend::Cpu, progress)
            .await
            .with_context(place),
        #[cfg(feature = "wgpu")]
        BackendChoice::Webgpu => Model::load(open()?, Backend::WebGpu, progress)
            .await
            .with_context(place),
        #[cfg(not(feature = "wgpu"))]
        BackendChoice::Webgpu => {
            anyhow::bail!("this tidegate was built without the feature wgpu; use --backend cpu")
        }
        #[cfg(feature = "wgpu")]
        BackendChoice::Auto => match Model::load(open()?, Backend::WebGpu, progress).await {
            Err(
                error @ (local_model::Error::NoAdapter { .. }
                | local_model::Error::DeviceLimit { .. }),
            ) => {
                eprintln!("{error}; using the CPU");
                Model::load(open()?, Backend::Cpu, progress)
                    .await
                    .with_context(place)
            }
            loaded => loaded.with_context(place),
        },
        #[cfg(not(feature = "wgpu"))]
        BackendChoice::Auto => Model::load(open()?, Backend::Cpu, progress)
            .await
            .with_context(place),
    }
}
