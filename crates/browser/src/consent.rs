//! Asks the page before something leaves, and for the token that goes along.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use engine::Decision;
use futures::future::LocalBoxFuture;
use query::{Doubt, Error, ErrorCode, Preview};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::{
    calls::current_call,
    error::{describe, failed, unreadable},
};

/// The functions of each call that wants to be asked.
#[derive(Clone, Default)]
pub(crate) struct Consent(Rc<RefCell<HashMap<u32, Asks>>>);

/// Whom a call asks.
#[derive(Clone, Default)]
pub(crate) struct Asks {
    /// `(previewJson) => Promise<boolean | editsJson>`: before anything leaves.
    pub before_cloud: Option<js_sys::Function>,
    /// `(doubtJson) => Promise<boolean>`: whether the cloud is to answer instead.
    pub when_doubtful: Option<js_sys::Function>,
    /// `() => Promise<takenJson>`: a token for one request.
    pub take_token: Option<js_sys::Function>,
}

impl Consent {
    /// Asks on behalf of `call`, until what comes back is dropped.
    pub(crate) fn register(&self, call: u32, asks: Asks) -> Registered {
        self.0.borrow_mut().insert(call, asks);
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

impl Consent {
    /// The functions of the call that runs.
    fn asks(&self) -> Asks {
        self.0
            .borrow()
            .get(&current_call())
            .cloned()
            .unwrap_or_default()
    }
}

impl engine::Consent for Consent {
    async fn decide(&self, preview: &Preview) -> Result<Decision, Error> {
        let Some(ask) = self.asks().before_cloud else {
            return Ok(Decision::Send); // the app did not want to be asked
        };
        let decided = asked("beforeCloud", &ask, preview).await?;
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

    async fn prefers_cloud(&self, doubt: &Doubt) -> Result<bool, Error> {
        let Some(ask) = self.asks().when_doubtful else {
            return Ok(false); // nobody said that it should leave
        };
        Ok(asked("whenDoubtful", &ask, doubt).await?.is_truthy())
    }
}

/// `TakenToken` of the npm package.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Taken {
    Token(String),
    Error(Error),
}

impl engine::Tokens for Consent {
    fn take(&self) -> LocalBoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async {
            let Some(take) = self.asks().take_token else {
                return Ok(None); // the app has none
            };
            let taken = take
                .call0(&JsValue::NULL)
                .map_err(|error| failed("takeToken", &error))?;
            let taken: js_sys::Promise = taken
                .dyn_into()
                .map_err(|error| failed("takeToken", &error))?;
            let taken = JsFuture::from(taken)
                .await
                .map_err(|error| failed("takeToken", &error))?;
            let taken: Taken = serde_json::from_str(&taken.as_string().unwrap_or_default())
                .map_err(|error| unreadable("what takeToken returned", &error))?;
            match taken {
                // It becomes a header field: whatever else is in it would, too.
                Taken::Token(token) if token.bytes().all(is_base64) => Ok(Some(token)),
                Taken::Token(_) => Err(Error::new(
                    ErrorCode::InvalidRequest,
                    "cloud.tokens.take() gave something else than a token in base64 for URLs",
                )),
                Taken::Error(error) => Err(error),
            }
        })
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=')
}

/// What the page's function says to `what`.
async fn asked(
    name: &str,
    ask: &js_sys::Function,
    what: &impl Serialize,
) -> Result<JsValue, Error> {
    let json = serde_json::to_string(what)
        .map_err(|error| Error::new(ErrorCode::Internal, format!("{name}: {error}")))?;
    let answer = ask
        .call1(&JsValue::NULL, &json.into())
        .map_err(|error| failed(name, &error))?;
    let promise: js_sys::Promise = answer.dyn_into().map_err(|error| failed(name, &error))?;
    JsFuture::from(promise).await.map_err(|error| {
        Error::new(
            ErrorCode::ConsentDeclined,
            format!("{name} failed: {}", describe(&error)),
        )
    })
}
