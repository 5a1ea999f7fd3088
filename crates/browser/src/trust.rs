//! Which keys the engine seals to, and what the gateway proves before anything restricted leaves.

use std::{cell::RefCell, rc::Rc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use engine::{Keys, SignedLists};
use oblivious_http::VerifiedKey;
use privacy::Challenge;
use query::{Attestation, Error, ErrorCode};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;

use crate::{
    error::to_js,
    handle::{EngineHandle, parse, parse_question, to_json},
};

/// `cloud.keys` of the npm package.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum KeyOptions {
    /// Key configs in base64.
    Pinned(String),
    Listed(ListOptions),
}

/// `SignedKeys` of the npm package.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListOptions {
    signed_by: Vec<String>,
    paths: Vec<String>,
    least_age_s: u64,
}

impl KeyOptions {
    /// # Errors
    /// `key-mismatch` if pinned keys cannot be used, `invalid-request` if lists could not be compared.
    pub(crate) fn keys(self) -> Result<Keys, Error> {
        Ok(match self {
            Self::Pinned(keys) => pinned(&keys)?.into(),
            Self::Listed(options) => {
                SignedLists::new(&options.signed_by, options.paths, options.least_age_s)?.into()
            }
        })
    }
}

fn pinned(keys: &str) -> Result<VerifiedKey, Error> {
    let unusable =
        |why: String| Error::new(ErrorCode::KeyMismatch, format!("options.cloud.keys: {why}"));
    let list = BASE64
        .decode(keys.trim())
        .map_err(|_| unusable("not base64".to_owned()))?;
    VerifiedKey::pinned(&list).map_err(|error| unusable(error.to_string()))
}

/// What the gateway was asked and has not answered yet.
pub(crate) type Evidence = Rc<RefCell<Option<Challenge>>>;

/// `Given` of the npm package.
#[derive(Serialize)]
struct Given {
    key: String,
    nonce: String,
    evidence: String,
}

#[wasm_bindgen]
impl EngineHandle {
    /// Fetches and compares the gateway's lists of keys, if it is time to.
    #[wasm_bindgen(js_name = refreshKeys)]
    pub fn refresh_keys(&self) -> js_sys::Promise {
        let engine = self.engine.clone();
        future_to_promise(async move {
            let refreshed = engine.refresh_keys().await;
            refreshed
                .map(|()| JsValue::UNDEFINED)
                .map_err(|error| to_js(&error))
        })
    }

    /// Whether the gateway has to prove something before this request may go to the cloud.
    ///
    /// # Errors
    /// `invalid-request`.
    #[wasm_bindgen(js_name = needsEvidence)]
    pub fn needs_evidence(&self, request_json: &str, policy_json: &str) -> Result<bool, JsValue> {
        parse_question(request_json, policy_json)
            .map(|(request, policy)| self.engine.needs_evidence(&request, &policy))
            .map_err(|error| to_js(&error))
    }

    /// The gateway's evidence for a fresh nonce, as the JSON of `Given`; undefined if what was verified earlier holds.
    #[wasm_bindgen(js_name = evidence)]
    pub fn ask_evidence(&self) -> js_sys::Promise {
        let (engine, asked) = (self.engine.clone(), self.evidence.clone());
        future_to_promise(async move {
            let given = async {
                let mut nonce = [0; 32];
                getrandom::fill(&mut nonce).map_err(|error| {
                    Error::new(ErrorCode::Internal, format!("no randomness: {error}"))
                })?;
                let Some(given) = engine.evidence(hex::encode(nonce)).await? else {
                    return Ok(JsValue::UNDEFINED);
                };
                let json = to_json(&Given {
                    key: given.challenge.key().to_owned(),
                    nonce: given.challenge.nonce().to_owned(),
                    evidence: given.evidence,
                })?;
                asked.replace(Some(given.challenge));
                Ok(json.into())
            };
            given.await.map_err(|error: Error| to_js(&error))
        })
    }

    /// What was verified of the evidence that was asked for last; `Attestation` as JSON.
    ///
    /// # Errors
    /// `evidence-stale`, `evidence-unbound`.
    pub fn attest(&self, statement_json: &str) -> Result<(), JsValue> {
        let accepted = parse::<Attestation>("statement", statement_json).and_then(|statement| {
            let challenge = self
                .evidence
                .take()
                .ok_or_else(|| Error::new(ErrorCode::Internal, "no evidence was asked for"))?;
            self.engine
                .attest(challenge, &statement, js_sys::Date::now())
        });
        accepted.map_err(|error| to_js(&error))
    }

    /// There is no evidence that holds; an error as JSON says why.
    ///
    /// # Errors
    /// `invalid-request`.
    #[wasm_bindgen(js_name = setNotAttested)]
    pub fn set_not_attested(&self, error_json: &str) -> Result<(), JsValue> {
        let why = parse("error", error_json).map_err(|error| to_js(&error))?;
        self.engine.set_not_attested(why);
        Ok(())
    }
}
