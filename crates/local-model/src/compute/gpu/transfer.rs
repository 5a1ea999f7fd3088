//! Values on their way to the device and back.
//!
//! Not as Burn's `TensorData`, which converts between all types and quantizes: that is a fifth of a page's
//! module. And not read through CubeCL, which maps 16 kB for whatever is read and submits the copy apart from
//! the work before it.

use burn::tensor::{DType, Int, Tensor};
use burn_cubecl::{CubeBackend, tensor::CubeTensor};
use cubecl::{
    bytes::Bytes,
    server::Handle,
    wgpu::{
        AutoCompiler, WgpuServer,
        wgpu::{Buffer, BufferDescriptor, BufferUsages, CommandEncoderDescriptor, MapMode},
    },
};
use futures::channel::oneshot;

use super::{Gpu, device::Adapter};
use crate::Error;

/// Buffers that are kept for later reads: candidates, and all scores where those were not enough.
const STAGING: usize = 2;

impl Gpu {
    /// Uploads words into memory of exactly their size, apart from that of short-lived tensors.
    pub(super) fn keep_words(&self, words: Vec<i32>) -> Tensor<1, Int> {
        let shape = [words.len()];
        let handle = self.keep(Bytes::from_elems(words));
        Tensor::from_primitive::<CubeBackend>(self.tensor(handle, shape, DType::I32))
    }

    /// The same for floats.
    pub(super) fn keep_floats<const D: usize>(
        &self,
        values: Vec<f32>,
        shape: [usize; D],
    ) -> Tensor<D> {
        let handle = self.keep(Bytes::from_elems(values));
        Tensor::from_primitive::<CubeBackend>(self.tensor(handle, shape, DType::F32))
    }

    /// Uninitialized floats that live long.
    pub(super) fn keep_empty(&self, length: usize) -> Tensor<1> {
        let client = self.adapter.client();
        let bytes = length * size_of::<f32>();
        let handle = client.memory_persistent_allocation(bytes, |bytes| client.empty(bytes));
        Tensor::from_primitive::<CubeBackend>(self.tensor(handle, [length], DType::F32))
    }

    /// Uninitialized floats that live for a step.
    pub(super) fn empty<const D: usize>(&self, shape: [usize; D]) -> Tensor<D> {
        let bytes = shape.iter().product::<usize>() * size_of::<f32>();
        let handle = self.adapter.client().empty(bytes);
        Tensor::from_primitive::<CubeBackend>(self.tensor(handle, shape, DType::F32))
    }

    /// Uploads the ids of a step.
    pub(super) fn upload_ids(&self, ids: &[u32]) -> Tensor<1, Int> {
        let client = self.adapter.client();
        if self.queued.replace(false) {
            // A write waits for nothing that is only recorded. A launch that fails here is told when
            // what it should have written is read.
            let _ = client.flush();
        }
        let handle = client.create(Bytes::from_elems(ids.to_vec()));
        Tensor::from_primitive::<CubeBackend>(self.tensor(handle, [ids.len()], DType::I32))
    }

    fn keep(&self, bytes: Bytes) -> Handle {
        let client = self.adapter.client();
        client.memory_persistent_allocation(bytes, |bytes| client.create(bytes))
    }

    fn tensor<const D: usize>(
        &self,
        handle: Handle,
        shape: [usize; D],
        dtype: DType,
    ) -> CubeTensor {
        let Adapter { device, .. } = self.adapter;
        CubeTensor::new_contiguous(device.client(), device.clone(), shape.into(), handle, dtype)
    }

    /// The first `count` values of `x`, row-major: computes what is recorded and copies them, in one
    /// submission in a page and two elsewhere.
    pub(super) async fn fetch(&self, x: &Tensor<2>, count: usize) -> Result<Vec<f32>, Error> {
        let x = x
            .clone()
            .try_into_primitive::<CubeBackend>()
            .map_err(|error| lost(format!("{error:?}")))?;
        let Adapter { wgpu, queue, .. } = self.adapter;
        let bytes = (count * size_of::<f32>()) as u64;
        self.queued.set(false);
        let source = {
            #[cfg(target_family = "wasm")]
            let _hold = super::joined::hold();
            x.client
                .get_resource::<WgpuServer<AutoCompiler>>(x.handle)
                .map_err(|error| lost(error.to_string()))?
        };
        let from = source.resource();
        let staging = self.staging(bytes);
        let mut encoder = wgpu.create_command_encoder(&CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&from.buffer, from.offset, &staging, 0, bytes);
        let submission = queue.submit([encoder.finish()]);
        drop(source);

        let (done, is_done) = oneshot::channel();
        staging.map_async(MapMode::Read, ..bytes, move |result| {
            // Nobody waits any more for a read that was dropped.
            let _ = done.send(result);
        });
        wait(wgpu, submission)?;
        match is_done.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(lost(error.to_string())),
            Err(_) => return Err(lost("a read was given up".to_owned())),
        }
        let view = staging
            .get_mapped_range(..bytes)
            .map_err(|error| lost(error.to_string()))?;
        let values = view
            .as_chunks()
            .0
            .iter()
            .map(|&four| f32::from_le_bytes(four))
            .collect();
        drop(view);
        staging.unmap();
        let mut kept = self.staging.borrow_mut();
        kept.push(staging);
        if kept.len() > STAGING {
            kept.remove(0);
        }
        Ok(values)
    }

    /// A buffer of so many bytes that can be mapped.
    fn staging(&self, bytes: u64) -> Buffer {
        let mut kept = self.staging.borrow_mut();
        if let Some(at) = kept.iter().position(|buffer| buffer.size() == bytes) {
            return kept.swap_remove(at);
        }
        self.adapter.wgpu.create_buffer(&BufferDescriptor {
            label: None,
            size: bytes,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }
}

/// In a page the browser's event loop sees to it.
#[cfg(target_family = "wasm")]
fn wait(
    _: &cubecl::wgpu::wgpu::Device,
    _: cubecl::wgpu::wgpu::SubmissionIndex,
) -> Result<(), Error> {
    Ok(())
}

#[cfg(not(target_family = "wasm"))]
fn wait(
    device: &cubecl::wgpu::wgpu::Device,
    submission: cubecl::wgpu::wgpu::SubmissionIndex,
) -> Result<(), Error> {
    let until = cubecl::wgpu::wgpu::PollType::Wait {
        submission_index: Some(submission),
        timeout: None,
    };
    device
        .poll(until)
        .map(drop)
        .map_err(|error| lost(error.to_string()))
}

fn lost(reason: String) -> Error {
    Error::DeviceLost { reason }
}
