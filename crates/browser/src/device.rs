//! Clock, network state and event loop of the worker.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures::channel::oneshot;
use query::DeviceSignals;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{MessageChannel, StorageEstimate, WorkerGlobalScope};

use crate::error::failed;

/// The worker's global object.
pub(crate) fn scope() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Milliseconds since the worker began; never goes back.
pub(crate) fn now_ms() -> f64 {
    // Every worker has a performance object; without one, time stands still and only statistics suffer.
    scope()
        .performance()
        .map_or(0.0, |performance| performance.now())
}

/// Seconds since 1970-01-01 00:00 in local time.
pub(crate) fn local_seconds() -> u64 {
    let now = js_sys::Date::new_0();
    // The offset is what UTC is ahead by, in minutes.
    (now.get_time() / 1e3 - now.get_timezone_offset() * 60.0) as u64
}

/// The engine's clock.
#[derive(Debug)]
pub(crate) struct Clock;

impl engine::Clock for Clock {
    fn now_ms(&self) -> f64 {
        now_ms()
    }

    fn unix_s(&self) -> u64 {
        (js_sys::Date::now() / 1e3) as u64
    }

    async fn sleep(&self, ms: f64) {
        let after = &mut |resolve: js_sys::Function, _| {
            // Without a timer the promise stays open; every worker has one.
            let _ =
                scope().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms as i32);
        };
        let _ = wasm_bindgen_futures::JsFuture::from(js_sys::Promise::new(after)).await;
    }
}

/// The engine's view of the network, and of what the page says of the device: a worker cannot see the battery.
/// Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals(Rc<Cell<DeviceSignals>>);

impl Signals {
    /// The page says what the device is like now.
    pub(crate) fn set(&self, signals: DeviceSignals) {
        self.0.set(signals);
    }
}

impl engine::Signals for Signals {
    fn online(&self) -> bool {
        scope().navigator().on_line()
    }

    fn device(&self) -> DeviceSignals {
        self.0.get()
    }
}

/// Bytes that storage still has room for, if the browser tells.
pub(crate) async fn storage_available() -> Option<u64> {
    let storage = scope().navigator().storage();
    if storage.is_undefined() {
        return None; // not a secure context
    }
    let estimate: StorageEstimate = wasm_bindgen_futures::JsFuture::from(storage.estimate().ok()?)
        .await
        .ok()?
        .unchecked_into();
    Some((estimate.get_quota()? - estimate.get_usage().unwrap_or_default()).max(0.0) as u64)
}

/// Lets the event loop take a turn, so that messages of the page (an abort, above all) come in.
///
/// A message channel rather than a timer: timers wait at least 4 ms once they are nested.
pub(crate) struct EventLoop {
    channel: MessageChannel,
    /// Who waits for the next message; nobody, if the waiting call was dropped.
    waiting: Rc<RefCell<Option<oneshot::Sender<()>>>>,
    /// Lives as long as the channel calls it.
    _on_message: Closure<dyn FnMut()>,
}

impl EventLoop {
    /// # Errors
    /// When the browser gives no channel.
    pub(crate) fn new() -> Result<Self, query::Error> {
        let channel = MessageChannel::new().map_err(|error| failed("message channel", &error))?;
        let waiting = Rc::new(RefCell::new(None::<oneshot::Sender<()>>));
        let wake = waiting.clone();
        let on_message = Closure::new(move || {
            if let Some(waiting) = wake.take() {
                let _ = waiting.send(());
            }
        });
        channel
            .port1()
            .set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Ok(Self {
            channel,
            waiting,
            _on_message: on_message,
        })
    }

    /// Resolves in a later task.
    pub(crate) async fn turn(&self) {
        let (send, receive) = oneshot::channel();
        self.waiting.replace(Some(send));
        if self.channel.port2().post_message(&JsValue::NULL).is_ok() {
            let _ = receive.await;
        }
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        // A message may still be on its way; it must not find a closure that is gone.
        self.channel.port1().set_onmessage(None);
        self.channel.port1().close();
    }
}
