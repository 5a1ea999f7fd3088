//! The boundary between the engine and a web page.
//!
//! One crate, four modules: `tidegate_cpu`, small, the same with relaxed SIMD, that one with threads too,
//! and `tidegate_gpu` with feature `wgpu`. One is loaded by
//! the npm package's worker, which talks to the one exported class, [`EngineHandle`]. Everything here runs in
//! a dedicated worker, on one thread, but for the parts of operations that other workers compute.
//!
//! ```text
//! handle.rs      the exported class: each call is a future that can be aborted
//! models.rs      a model by its address: its file, checked, into the model
//! choose.rs      which file fits this device
//! download.rs    the file from its server; place.rs: into storage
//! local.rs       the engine's local model
//! manners.rs     how an answer shares the worker and the GPU; precedence.rs: whose goes first
//! asked.rs       a request in the model's terms, and its steps in the request's
//! transport.rs   the engine's way out: fetch, aborted when dropped
//! trust.rs       which keys the engine seals to, and evidence of who holds them
//! consent.rs     asks the page before something leaves, and whether the cloud is to answer instead
//! journal.rs     what the page keeps of an answer, to go on with it after a crash
//! device.rs      clock, network state, event loop
//! threads.rs     workers that compute parts of an operation
//! fetch.rs, opfs.rs, blob.rs   what the browser offers, with Rust's rules; release.rs: memory too
//! ```
#![cfg(target_family = "wasm")]

mod asked;
mod blob;
mod calls;
mod choose;
mod consent;
mod device;
mod download;
mod error;
mod fetch;
mod handle;
mod journal;
mod local;
mod manners;
mod models;
mod opfs;
mod panic;
mod place;
mod precedence;
mod release;
#[cfg(target_feature = "atomics")]
mod threads;
mod transport;
mod trust;

pub use handle::EngineHandle;
pub use panic::set_panic_handler;
#[cfg(target_feature = "atomics")]
pub use threads::{broke, memory, module, serve, set_threads};

use wasm_bindgen::prelude::wasm_bindgen;

/// Runs the module's static constructors, once.
///
/// CubeCL registers its dialects in them. If nothing called them, the linker would take the module for a
/// command and run all of them again at every call from JavaScript: 5,900 µs instead of 30 for each dispatch.
#[wasm_bindgen(start)]
pub fn start() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: the linker makes this function; wasm-bindgen calls `start` once, before anything else.
    unsafe { __wasm_call_ctors() }
}
