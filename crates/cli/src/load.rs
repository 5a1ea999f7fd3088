//! A model file onto the device that was asked for.

use std::{io::IsTerminal, path::Path, sync::Arc};

use anyhow::Context;
use clap::{Args, ValueEnum, value_parser};
use local_model::{Backend, FileSource, LoadProgress, Model, Pool};

/// What to compute on.
#[derive(Args)]
pub(crate) struct Device {
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto)]
    backend: BackendChoice,
    /// Threads on the CPU; if not given, one for each physical core. Answers are the same to the bit.
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

impl Device {
    /// One thread of the CPU: to look at a model, not to compute with it.
    pub(crate) const CPU: Self = Self {
        backend: BackendChoice::Cpu,
        threads: Some(1),
    };

    fn threads(&self) -> usize {
        self.threads
            .map_or_else(num_cpus::get_physical, usize::from)
    }
}

/// Where to compute.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BackendChoice {
    /// SIMD on the CPU.
    Cpu,
    /// Vulkan, Metal or Direct3D, by the kernels that run as WebGPU in a page.
    Webgpu,
    /// The GPU if there is a usable one, else the CPU.
    Auto,
}

/// Loads `path`, with the share that is done on a terminal's standard error.
pub(crate) async fn load(path: &Path, device: &Device) -> anyhow::Result<Model> {
    let mut model = load_on(path, device.backend).await?;
    if model.info().backend == "cpu" {
        let pool =
            Pool::start(device.threads()).context("starting threads; try fewer --threads")?;
        model.set_pool(Arc::new(pool));
    }
    Ok(model)
}

async fn load_on(path: &Path, backend: BackendChoice) -> anyhow::Result<Model> {
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
