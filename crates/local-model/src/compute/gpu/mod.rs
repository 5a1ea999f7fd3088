//! Operations on WebGPU: CubeCL kernels over Burn tensors.
