//! A panic is a defect: the page is told, and this module is used no more.

use std::cell::RefCell;

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

thread_local! {
    static HANDLER: RefCell<Option<js_sys::Function>> = const { RefCell::new(None) };
}

/// `on_panic(message)` is called when this module breaks; after that none of its promises settles.
///
/// The message names the place. What a panic says itself may quote a text that someone wrote: it goes to the
/// console, which stays on the device, and not into the message.
#[wasm_bindgen(js_name = setPanicHandler)]
pub fn set_panic_handler(on_panic: js_sys::Function) {
    HANDLER.set(Some(on_panic));
    std::panic::set_hook(Box::new(|info| {
        log(&info.to_string());
        let place = info
            .location()
            .map(|at| format!(" at {}:{}", at.file(), at.line()))
            .unwrap_or_default();
        let message = format!("a defect in Tidegate{place}; the browser's console says more");
        HANDLER.with_borrow(|handler| {
            if let Some(handler) = handler {
                // A handler that throws has nobody to tell; the module stops either way.
                let _ = handler.call1(&JsValue::NULL, &message.into());
            }
        });
    }));
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn log(text: &str);
}
