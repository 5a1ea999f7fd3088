//! The calls of the page that are running: each has a number, and can be aborted by it.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures::future::{AbortHandle, Abortable};
use query::{Error, ErrorCode};
use wasm_bindgen::JsValue;

use crate::error::to_js;

thread_local! {
    /// The call whose future is being polled.
    static CURRENT: Cell<u32> = const { Cell::new(0) };
}

/// Running calls by number.
#[derive(Clone, Default)]
pub(crate) struct Calls(Rc<RefCell<HashMap<u32, AbortHandle>>>);

impl Calls {
    /// Runs a future as call `call`, as a promise. Aborting drops the future where it waits.
    pub(crate) fn promise(
        &self,
        call: u32,
        future: impl Future<Output = Result<JsValue, Error>> + 'static,
    ) -> js_sys::Promise {
        let (handle, registration) = AbortHandle::new_pair();
        self.0.borrow_mut().insert(call, handle);
        let calls = self.clone();
        wasm_bindgen_futures::future_to_promise(async move {
            let result = Abortable::new(
                AsCall {
                    call,
                    future: Box::pin(future),
                },
                registration,
            )
            .await;
            calls.0.borrow_mut().remove(&call);
            match result {
                Ok(result) => result.map_err(|error| to_js(&error)),
                // The page has rejected by itself, with its signal's reason.
                Err(_) => Err(to_js(&Error::new(
                    ErrorCode::Internal,
                    "the call was aborted",
                ))),
            }
        })
    }

    /// Aborts a call; one that is over, or never was, is ignored.
    pub(crate) fn abort(&self, call: u32) {
        if let Some(handle) = self.0.borrow().get(&call) {
            handle.abort();
        }
    }
}

/// The number of the call in whose future this is called.
pub(crate) fn current_call() -> u32 {
    CURRENT.get()
}

/// Makes a call's number known while its future is polled. The engine's traits know nothing of calls, and
/// several run at the same time.
struct AsCall<F> {
    call: u32,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for AsCall<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let before = CURRENT.replace(self.call);
        let polled = self.future.as_mut().poll(context);
        CURRENT.set(before);
        polled
    }
}
