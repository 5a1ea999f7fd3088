//! The GPU: found once for the whole process, then shared by every model.

use std::sync::OnceLock;

use burn_cubecl::CubeDevice;
use cubecl::{
    client::Client,
    wgpu::{
        AutoGraphicsApi, RuntimeOptions, WgpuDevice, try_init_setup_async,
        wgpu::{self, DeviceType},
    },
};
use futures::lock::Mutex;

use crate::Error;

/// A device that is ready, and what it can hold.
#[derive(Debug)]
pub(crate) struct Adapter {
    /// Burn's name for it.
    pub device: CubeDevice,
    /// The same device, for what reads (see [`super::transfer`]).
    pub wgpu: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// What the driver calls itself; may be empty in a browser.
    pub name: String,
    /// Whether it is a processor that plays GPU.
    pub is_software: bool,
    /// The largest buffer that a kernel can read, bytes.
    pub largest_binding: u64,
}

static ADAPTER: OnceLock<Adapter> = OnceLock::new();
static OPENING: Mutex<()> = Mutex::new(());

/// Kernels in one submission, at most: more than a token of any model takes, so that its work is
/// submitted once, when it is read.
const TASKS: usize = 1024;

impl Adapter {
    /// The adapter, opened on the first call. A runtime is opened once; a failure may be tried again.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] when there is none, or it gives no device.
    pub(crate) async fn open() -> Result<&'static Self, Error> {
        let _one_at_a_time = OPENING.lock().await;
        if let Some(adapter) = ADAPTER.get() {
            return Ok(adapter);
        }
        let no_adapter = |reason: String| Error::NoAdapter { reason };
        let options = RuntimeOptions::with_tasks_max(Some(TASKS))
            .map_err(|error| no_adapter(error.to_string()))?;
        let device = WgpuDevice::default();
        let setup = try_init_setup_async::<AutoGraphicsApi>(&device, options)
            .await
            .map_err(|error| no_adapter(error.to_string()))?;
        #[cfg(target_family = "wasm")]
        super::joined::join_submissions(&setup.queue);
        let (limits, info) = (setup.device.limits(), setup.adapter.get_info());
        Ok(ADAPTER.get_or_init(|| Self {
            device: CubeDevice::Wgpu(device),
            wgpu: setup.device,
            queue: setup.queue,
            name: info.name,
            is_software: info.device_type == DeviceType::Cpu,
            largest_binding: limits
                .max_storage_buffer_binding_size
                .min(limits.max_buffer_size),
        }))
    }

    /// What gives the device its work.
    pub(crate) fn client(&self) -> Client {
        self.device.client()
    }

    /// Refuses, before anything is allocated, what no kernel could read.
    ///
    /// # Errors
    /// [`Error::DeviceLimit`].
    pub(crate) fn check(&self, what: &str, bytes: u64) -> Result<(), Error> {
        if bytes > self.largest_binding {
            return Err(Error::DeviceLimit {
                what: what.to_owned(),
                needed: bytes,
                limit: self.largest_binding,
            });
        }
        Ok(())
    }
}
