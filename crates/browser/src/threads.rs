//! Threads of a page: workers that run this module over the same memory.
//!
//! Only the module with shared memory has them. `npm/src/threads.ts` starts the workers, each calls
//! [`serve`] and stays in it, and the engine's worker says how many there are with [`set_threads`].

use std::sync::{Arc, LazyLock};

use local_model::Pool;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

/// One for all: a static lies in the memory that the workers share.
static POOL: LazyLock<Arc<Pool>> = LazyLock::new(Arc::default);

/// The pool that models of this page use.
pub(crate) fn pool() -> Arc<Pool> {
    POOL.clone()
}

/// The compiled module, which every worker instantiates.
#[wasm_bindgen(js_name = threadModule)]
pub fn module() -> JsValue {
    wasm_bindgen::module()
}

/// The memory that all share.
#[wasm_bindgen(js_name = threadMemory)]
pub fn memory() -> JsValue {
    wasm_bindgen::memory()
}

/// How many threads compute, the engine's own among them.
#[wasm_bindgen(js_name = setThreads)]
pub fn set_threads(threads: usize) {
    POOL.set_threads(threads);
}

/// Computes as one of the threads until the worker is ended.
#[wasm_bindgen(js_name = serveAsThread)]
pub fn serve() {
    POOL.serve();
}

/// Says that [`serve`] ended with a trap. The engine then fails too, instead of waiting for a part that
/// nobody computes.
#[wasm_bindgen(js_name = threadBroke)]
pub fn broke() {
    POOL.thread_broke();
}
