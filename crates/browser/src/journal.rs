//! What the page has to know of a local answer to go on with it in another worker, should this one break.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use serde::Deserialize;
use wasm_bindgen::JsValue;

use crate::calls::current_call;

/// `Journal` of the npm package.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Journal {
    /// Where the random numbers begin, if the request does not say.
    pub seed: u32,
    /// Tokens that an earlier worker chose: id, natural logarithm of its probability.
    pub tokens: Vec<(u32, f32)>,
}

/// The journals of the calls that run.
#[derive(Clone, Default)]
pub(crate) struct Journals(Rc<RefCell<HashMap<u32, Kept>>>);

struct Kept {
    journal: Journal,
    /// `(id, logProbability) => void`
    on_token: js_sys::Function,
}

impl Journals {
    /// Keeps `journal` for `call`, until what comes back is dropped.
    pub(crate) fn register(
        &self,
        call: u32,
        journal: Journal,
        on_token: js_sys::Function,
    ) -> Registered {
        let kept = Kept { journal, on_token };
        self.0.borrow_mut().insert(call, kept);
        Registered {
            journals: self.clone(),
            call,
        }
    }

    /// The journal of the call that runs, if it has one.
    pub(crate) fn current(&self) -> Option<Journal> {
        let kept = self.0.borrow();
        kept.get(&current_call()).map(|kept| kept.journal.clone())
    }

    /// Drops the first `count` tokens: an answer has taken them. What is left belongs to the next one of
    /// the same call.
    pub(crate) fn replayed(&self, count: usize) {
        if let Some(kept) = self.0.borrow_mut().get_mut(&current_call()) {
            kept.journal.tokens.drain(..count);
        }
    }

    /// Tells the page of a token of the call that runs.
    pub(crate) fn add(&self, id: u32, log_probability: f32) {
        if let Some(kept) = self.0.borrow().get(&current_call()) {
            // If the page's function throws, the page is gone, and so is this worker soon.
            let _ = kept
                .on_token
                .call2(&JsValue::NULL, &id.into(), &log_probability.into());
        }
    }
}

/// Forgets the journal when dropped.
pub(crate) struct Registered {
    journals: Journals,
    call: u32,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.journals.0.borrow_mut().remove(&self.call);
    }
}
