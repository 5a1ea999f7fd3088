//! Passes sealed bytes from pages to one gateway and back, and drops who sent them.
//!
//! A relay sees addresses and sealed bytes; it holds no key and does not depend on `oblivious-http`, so it
//! cannot open what it carries. [`forward`] decides, without I/O; `native` and `worker` carry.

pub mod forward;
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
pub mod native;
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod worker;
