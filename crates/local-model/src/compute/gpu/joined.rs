//! In a page: what would be two submissions to the GPU's queue is one.
//!
//! CubeCL submits all it has recorded when anybody asks for a buffer, and the copy that reads the buffer can
//! only be submitted after that. Each submission is a message to the browser's GPU process with a fence of its
//! own. So while [`hold`] lasts, what is given to the queue waits, and goes with the next submission.
//!
//! The queue's method is shadowed on the one object that belongs to this module, not on the browser's class.

use std::cell::{Cell, RefCell};

use cubecl::wgpu::wgpu::Queue;
use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};

thread_local! {
    static HOLDING: Cell<bool> = const { Cell::new(false) };
}

/// Submissions wait until this is dropped and the next one comes.
pub(super) struct Hold(());

/// Nothing may be written to a buffer that the waiting work reads: writes are not held.
pub(super) fn hold() -> Hold {
    HOLDING.set(true);
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        HOLDING.set(false);
    }
}

/// Makes `queue` obey [`hold`]. Where that cannot be, there are two submissions instead of one.
pub(super) fn join_submissions(queue: &Queue) {
    let Some(queue) = queue.as_webgpu() else {
        return;
    };
    let queue: JsValue = AsRef::<JsValue>::as_ref(queue).clone();
    let of = queue.clone();
    let waiting = RefCell::new(Array::new());
    let submit = Closure::<dyn Fn(Array) -> Result<(), JsValue>>::new(move |buffers: Array| {
        let all = waiting.borrow().concat(&buffers);
        if HOLDING.get() {
            waiting.replace(all);
            return Ok(());
        }
        waiting.replace(Array::new());
        let class = Object::get_prototype_of(&of);
        let submit: Function = Reflect::get(&class, &"submit".into())?.dyn_into()?;
        submit.call1(&of, &all).map(drop)
    });
    // A queue that refuses a property keeps its own method.
    let _ = Reflect::set(&queue, &"submit".into(), submit.as_ref());
    // The queue is there as long as this module is.
    submit.forget();
}
