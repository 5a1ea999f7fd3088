//! Memory of JavaScript's arrays, given back as Rust does: when it is no longer used.

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// `ArrayBuffer` with a method that some browsers do not have yet.
    type Transferable;

    #[wasm_bindgen(method, catch)]
    fn transfer(this: &Transferable, length: u32) -> Result<JsValue, JsValue>;
}

/// Frees an array's whole buffer at once.
///
/// The collector counts objects, and bytes outside of its heap only roughly: a download of a hundred
/// megabytes in small arrays would stay in memory to its end. A buffer that is transferred into an empty one is
/// empty too. Where browsers cannot do that, the collector frees it some time.
pub(crate) fn release(array: Uint8Array) {
    let buffer: Transferable = array.buffer().unchecked_into();
    let _ = buffer.transfer(0);
}
