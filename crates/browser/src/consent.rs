//! Asks the page before something leaves.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use engine::Decision;
use query::{Error, ErrorCode, Preview};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::{
    calls::current_call,
    error::{describe, failed, unreadable},
};

/// `(previewJson) => Promise<boolean | editsJson>` of each call that wants to be asked.
#[derive(Clone, Default)]
pub(crate) struct Consent(Rc<RefCell<HashMap<u32, js_sys::Function>>>);

impl Consent {
    /// Asks `ask` on behalf of `call`, until what comes back is dropped.
    pub(crate) fn register(&self, call: u32, ask: Option<js_sys::Function>) -> Registered {
        if let Some(ask) = ask {
            self.0.borrow_mut().insert(call, ask);
        }
        Registered {
            consent: self.clone(),
            call,
        }
    }
}

/// Ends the asking when dropped.
pub(crate) struct Registered {
    consent: Consent,
    call: u32,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.consent.0.borrow_mut().remove(&self.call);
    }
}

impl engine::Consent for Consent {
    async fn decide(&self, preview: &Preview) -> Result<Decision, Error> {
        let Some(ask) = self.0.borrow().get(&current_call()).cloned() else {
            return Ok(Decision::Send); // the app did not want to be asked
        };
        let json = serde_json::to_string(preview)
            .map_err(|error| Error::new(ErrorCode::Internal, format!("preview: {error}")))?;
        let answer = ask
            .call1(&JsValue::NULL, &json.into())
            .map_err(|error| failed("beforeCloud", &error))?;
        let promise: js_sys::Promise = answer
            .dyn_into()
            .map_err(|error| failed("beforeCloud", &error))?;
        let decided = JsFuture::from(promise).await.map_err(|error| {
            Error::new(
                ErrorCode::ConsentDeclined,
                format!("beforeCloud failed: {}", describe(&error)),
            )
        })?;
        if let Some(edits) = decided.as_string() {
            let edits = serde_json::from_str(&edits)
                .map_err(|error| unreadable("what beforeCloud returned", &error))?;
            return Ok(Decision::SendWith(edits));
        }
        Ok(match decided.is_truthy() {
            true => Decision::Send,
            false => Decision::Keep,
        })
    }
}
