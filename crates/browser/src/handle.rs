//! The one exported class.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use engine::Engine;
use local_model::Backend;
use model_store::Sha256;
use privacy::{Detector, Tagger};
use query::{
    AnswerEvent, ChatRequest, Drift, Error, ErrorCode, MaskEdits, Policy, Price, Reaction, Traffic,
};
use router::calibration::Calibration;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::File;
use zeroize::Zeroizing;

use crate::{
    calls::Calls,
    choose::DeviceFacts,
    consent::{Asks, Consent},
    device::{Clock, Signals},
    error::{to_js, unreadable},
    journal::{Journal, Journals},
    local::{PageModel, Prompt},
    models::{self, ModelRef, Progress},
    precedence::Precedence,
    transport::RelayTransport,
    trust::{Evidence, KeyOptions},
};

pub(crate) type PageEngine = Engine<PageModel, RelayTransport, Clock, Signals, Consent>;

/// A model, an engine around it, and the calls that run.
///
/// Data crosses as JSON: serde then sees fields that it does not know and refuses them, which the direct
/// bridge to JavaScript objects never looks at. Each call has a number that the page chose.
#[wasm_bindgen]
pub struct EngineHandle {
    model: PageModel,
    pub(crate) engine: Rc<PageEngine>,
    /// What the gateway was asked to prove.
    pub(crate) evidence: Evidence,
    consent: Consent,
    signals: Signals,
    journals: Journals,
    precedence: Precedence,
    calls: Calls,
    /// What the app itself knows of its model's answers.
    calibration: RefCell<Option<Calibration>>,
}

/// `CloudOptions` of the npm package.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloudOptions {
    relays: Vec<String>,
    keys: KeyOptions,
    model: Option<String>,
    #[serde(default)]
    traffic: Traffic,
    #[serde(default)]
    prices: BTreeMap<String, Price>,
}

/// `FeedbackChange` of the npm package.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum FeedbackChange {
    Note { reaction: Reaction, policy: Policy },
    Load { saved: String },
    Reset,
    Look,
}

/// `Learned` of the npm package.
#[derive(Serialize)]
struct Learned {
    saved: String,
    drift: Option<Drift>,
}

#[derive(Serialize)]
struct GreedyTokens {
    prompt: Vec<u32>,
    ids: Vec<u32>,
}

#[wasm_bindgen]
impl EngineHandle {
    /// An engine without a model. `cloud_json`: the sealed path, if there is one.
    ///
    /// # Errors
    /// `key-mismatch` when the pinned keys cannot be used.
    #[wasm_bindgen(constructor)]
    pub fn new(cloud_json: Option<String>) -> Result<EngineHandle, JsValue> {
        Self::build(cloud_json.as_deref()).map_err(|error| to_js(&error))
    }

    fn build(cloud_json: Option<&str>) -> Result<Self, Error> {
        let (journals, precedence) = (Journals::default(), Precedence::default());
        let model = PageModel::new(journals.clone(), precedence.clone());
        let (consent, signals) = (Consent::default(), Signals::default());
        let engine = Engine::new(model.clone(), Clock, signals.clone(), consent.clone())
            .with_seeds(random_seed);
        let engine = match cloud_json {
            None => engine,
            Some(json) => {
                let options: CloudOptions = parse("options.cloud", json)?;
                let keys = options.keys.keys()?;
                let mut relays = options.relays.into_iter().map(RelayTransport::new);
                let first = relays.next().ok_or_else(|| {
                    Error::new(
                        ErrorCode::InvalidRequest,
                        "options.cloud.relays: expected at least one relay URL",
                    )
                })?;
                let engine = engine.with_cloud(first, keys.clone(), options.model);
                relays
                    .fold(engine, |engine, relay| engine.with_way(relay, keys.clone()))
                    .with_traffic(options.traffic)
                    .with_prices(options.prices)
                    .with_tokens(consent.clone())
            }
        };
        Ok(Self {
            model,
            engine: Rc::new(engine),
            evidence: Evidence::default(),
            consent,
            signals,
            journals,
            precedence,
            calls: Calls::default(),
            calibration: RefCell::default(),
        })
    }

    /// Gets a model ready. `on_progress(phase, done, total)`; `facts_json`: `DeviceFacts` of the npm package.
    #[expect(clippy::too_many_arguments, reason = "each is one JavaScript value")]
    pub fn load(
        &self,
        call: u32,
        model_json: &str,
        file: Option<File>,
        storage: &str,
        backend: &str,
        on_progress: js_sys::Function,
        facts_json: &str,
    ) -> js_sys::Promise {
        let facts = parse::<DeviceFacts>("device facts", facts_json);
        let reference = parse::<ModelRef>("model", model_json);
        let backend = backend_named(backend);
        let in_memory = storage == "memory";
        let (model, engine) = (self.model.clone(), self.engine.clone());
        let given = self.calibration.borrow().clone();
        self.engine.forget_local_speed();
        self.calls.promise(call, async move {
            let (reference, backend, facts) = (reference?, backend?, facts?);
            let progress = Progress::new(on_progress);
            let load = async {
                let ready =
                    models::ready(&reference, file, in_memory, backend, &facts, &progress).await?;
                engine.set_calibration(calibration_of(ready.sha256, given)?);
                Ok(ready.model)
            };
            model.load(load).await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// How likely answers stand of the model that is loaded next, as `tidegate calibrate` wrote it. Without it, what is
    /// known here of the file that a manifest names.
    ///
    /// # Errors
    /// `invalid-request` if it is no calibration.
    #[wasm_bindgen(js_name = setCalibration)]
    pub fn set_calibration(&self, json: &str) -> Result<(), JsValue> {
        let calibration = Calibration::from_json(json).map_err(|error| {
            to_js(&Error::new(
                ErrorCode::InvalidRequest,
                format!("options.calibration: {error}"),
            ))
        })?;
        self.calibration.replace(Some(calibration));
        Ok(())
    }

    /// Answers. `on_event(eventJson)` for each event; `on_consent(previewJson)`, if given, is asked before
    /// anything leaves and returns a promise of a boolean, or of `MaskEdits` as JSON; `on_doubt(doubtJson)`, if given, whether
    /// the cloud is to answer instead of the page, and returns a promise of a boolean; `take_token()`, if given, is asked for
    /// the token of a request that leaves, and returns a promise of `TakenToken` as JSON. `journal_json`: what an earlier worker had answered of a
    /// local answer; `on_token(id, logProbability)` is told of each token after that, before its text. `background`:
    /// nobody waits for it.
    #[expect(clippy::too_many_arguments, reason = "each is one JavaScript value")]
    pub fn answer(
        &self,
        call: u32,
        request_json: &str,
        policy_json: &str,
        on_event: js_sys::Function,
        on_consent: Option<js_sys::Function>,
        on_doubt: Option<js_sys::Function>,
        take_token: Option<js_sys::Function>,
        journal_json: &str,
        on_token: js_sys::Function,
        background: bool,
    ) -> js_sys::Promise {
        let question = parse_question(request_json, policy_json);
        let journal = parse::<Journal>("journal", journal_json);
        let (engine, journals) = (self.engine.clone(), self.journals.clone());
        let asks = Asks {
            before_cloud: on_consent,
            when_doubtful: on_doubt,
            take_token,
        };
        let asks = self.consent.register(call, asks);
        let background = background.then(|| self.precedence.register(call));
        self.calls.promise(call, async move {
            let _registered = (asks, background);
            let (request, policy) = question?;
            let _kept = journals.register(call, journal?, on_token);
            let mut tell = |event: AnswerEvent| {
                // Plain data; if the page's function throws, the page is gone, and so is this worker soon.
                let json = serde_json::to_string(&event).unwrap_or_default();
                let _ = on_event.call1(&JsValue::NULL, &json.into());
            };
            engine.answer(request, &policy, &mut tell).await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Where a request would be answered now, as JSON.
    ///
    /// # Errors
    /// `no-route`, `privacy-blocked` and the like, when nothing may answer.
    pub fn route(&self, request_json: &str, policy_json: &str) -> Result<String, JsValue> {
        self.look(request_json, policy_json, |engine, request, policy| {
            engine.route(request, policy)
        })
    }

    /// How long it takes to decide where a request would be answered, in ms, once it is known what is personal.
    ///
    /// # Errors
    /// `invalid-request`.
    #[wasm_bindgen(js_name = decisionCost)]
    pub fn decision_cost(&self, request_json: &str, policy_json: &str) -> Result<f64, JsValue> {
        parse_question(request_json, policy_json)
            .and_then(|(request, policy)| self.engine.decision_ms(&request, &policy))
            .map_err(|error| to_js(&error))
    }

    /// What of a request would leave, as JSON.
    ///
    /// # Errors
    /// `invalid-request`; `detector-unavailable` with a cloud and without a tagger.
    pub fn preview(&self, request_json: &str, policy_json: &str) -> Result<String, JsValue> {
        self.look(request_json, policy_json, |engine, request, policy| {
            engine.preview(request, policy)
        })
    }

    /// The weights of what finds names, addresses and organisations. Nothing leaves before.
    ///
    /// # Errors
    /// `detector-unavailable` if these are not the weights of a tagger.
    #[wasm_bindgen(js_name = setTagger)]
    pub fn set_tagger(&self, weights: &[u8]) -> Result<(), JsValue> {
        let tagger = Tagger::from_bytes(weights).map_err(|error| {
            to_js(&Error::new(
                ErrorCode::DetectorUnavailable,
                error.to_string(),
            ))
        })?;
        self.engine.set_detector(Detector::new(tagger));
        Ok(())
    }

    /// There is no tagger: what only the cloud could answer ends with `detector-unavailable` and `why`.
    #[wasm_bindgen(js_name = setNoTagger)]
    pub fn set_no_tagger(&self, why: String) {
        self.engine
            .set_no_detector(Error::new(ErrorCode::DetectorUnavailable, why));
    }

    /// The weights of what judges a question before it is answered.
    ///
    /// # Errors
    /// `invalid-request` if these are not the router's weights.
    #[wasm_bindgen(js_name = setRouter)]
    pub fn set_router(&self, weights: &[u8]) -> Result<(), JsValue> {
        let weights = router::Weights::from_bytes(weights)
            .map_err(|error| to_js(&Error::new(ErrorCode::InvalidRequest, error.to_string())))?;
        self.engine.set_router(weights);
        Ok(())
    }

    /// Adds masks and takes masks away, for the rest of the conversation; `MaskEdits` as JSON, `MasksEdited` comes
    /// back.
    ///
    /// # Errors
    /// `invalid-request`.
    #[wasm_bindgen(js_name = editMasks)]
    pub fn edit_masks(&self, edits_json: &str, policy_json: &str) -> Result<String, JsValue> {
        let edited = parse::<MaskEdits>("edits", edits_json).and_then(|edits| {
            let policy = parse("policy", policy_json)?;
            to_json(&self.engine.edit_masks(&edits, &policy))
        });
        edited.map_err(|error| to_js(&error))
    }

    /// The conversation's placeholders and mask edits, to go on with it later; personal values in the clear.
    #[wasm_bindgen(js_name = saveVault)]
    pub fn save_vault(&self) -> String {
        self.engine.save_vault().to_string()
    }

    /// Goes on with a conversation whose vault was saved.
    ///
    /// # Errors
    /// `invalid-request` if it cannot be read.
    #[wasm_bindgen(js_name = loadVault)]
    pub fn load_vault(&self, saved: String) -> Result<(), JsValue> {
        let saved = Zeroizing::new(saved);
        self.engine
            .load_vault(&saved)
            .map_err(|error| to_js(&error))
    }

    /// What people do with the page's answers: takes a `FeedbackChange` as JSON, and gives what is learned as `Learned`.
    ///
    /// # Errors
    /// `invalid-request` if what is to be loaded was not saved here.
    pub fn feedback(&self, change_json: &str) -> Result<String, JsValue> {
        let learned = parse::<FeedbackChange>("feedback", change_json).and_then(|change| {
            match change {
                FeedbackChange::Note { reaction, policy } => {
                    self.engine.feedback(reaction, &policy)
                }
                FeedbackChange::Load { saved } => self.engine.load_feedback(&saved)?,
                FeedbackChange::Reset => self.engine.reset_feedback(),
                FeedbackChange::Look => {}
            }
            to_json(&Learned {
                saved: self.engine.save_feedback(),
                drift: self.engine.drift(),
            })
        });
        learned.map_err(|error| to_js(&error))
    }

    /// Greedy tokens after messages, or after the very token ids given: `{prompt, ids}` as JSON.
    pub fn greedy(&self, call: u32, prompt_json: &str, max_tokens: u32) -> js_sys::Promise {
        let prompt = parse::<Prompt>("prompt", prompt_json);
        let model = self.model.clone();
        self.calls.promise(call, async move {
            let (prompt, ids) = model.greedy(prompt?, max_tokens).await?;
            Ok(to_json(&GreedyTokens { prompt, ids })?.into())
        })
    }

    /// What `operations` dependent small tensor operations cost: `[until issued, until the result is back]`, ms.
    #[wasm_bindgen(js_name = dispatchCost)]
    pub fn dispatch_cost(&self, operations: u32) -> js_sys::Promise {
        wasm_bindgen_futures::future_to_promise(async move {
            dispatch_cost(operations)
                .await
                .map(|cost| js_sys::Float64Array::from(&cost[..]).into())
                .map_err(|error| to_js(&error))
        })
    }

    /// Ends the conversation: wipes which placeholder stood for which value, and how masks were edited.
    pub fn forget(&self) {
        self.engine.forget();
    }

    /// Whether someone sees the page: then its frames come first.
    pub fn seen(&self, seen: bool) {
        self.model.set_seen(seen);
    }

    /// What the page says of the device; `DeviceSignals` as JSON. Until the first one, nothing is known.
    ///
    /// # Errors
    /// `invalid-request`.
    #[wasm_bindgen(js_name = setSignals)]
    pub fn set_signals(&self, signals_json: &str) -> Result<(), JsValue> {
        let signals = parse("signals", signals_json).map_err(|error| to_js(&error))?;
        self.signals.set(signals);
        Ok(())
    }

    /// How the last request was decided, as the JSON of a `Record`; nothing before the first one.
    #[wasm_bindgen(js_name = lastRecord)]
    pub fn last_record(&self) -> Option<String> {
        let record = self.engine.last_record()?;
        to_json(&record).ok()
    }

    /// Stops a call.
    pub fn abort(&self, call: u32) {
        self.calls.abort(call);
    }

    /// `Stats` without `device`, with `adapter`, as JSON.
    pub fn stats(&self) -> String {
        self.model.stats()
    }

    fn look<T: Serialize>(
        &self,
        request_json: &str,
        policy_json: &str,
        look: impl FnOnce(&PageEngine, &ChatRequest, &Policy) -> Result<T, Error>,
    ) -> Result<String, JsValue> {
        let seen = parse_question(request_json, policy_json)
            .and_then(|(request, policy)| look(&self.engine, &request, &policy))
            .and_then(|seen| to_json(&seen));
        seen.map_err(|error| to_js(&error))
    }
}

/// What is known of the answers of the file that was loaded.
fn calibration_of(
    file: Option<Sha256>,
    given: Option<Calibration>,
) -> Result<Option<Calibration>, Error> {
    let file = file.map(|file| file.to_string());
    match (given, file) {
        (Some(given), Some(file)) if !given.model.sha256.eq_ignore_ascii_case(&file) => {
            Err(Error::new(
                ErrorCode::InvalidRequest,
                format!(
                    "options.calibration is of the file {}, and the model's is {file}; run `tidegate calibrate` on that one",
                    given.model.sha256
                ),
            ))
        }
        (Some(given), _) => Ok(Some(given)),
        (None, Some(file)) => Ok(Calibration::for_model(&file)),
        (None, None) => Ok(None),
    }
}

#[cfg(feature = "wgpu")]
async fn dispatch_cost(operations: u32) -> Result<[f64; 2], Error> {
    let cost = local_model::dispatch_cost(operations, &crate::device::now_ms).await;
    cost.map(|cost| [cost.issue, cost.total])
        .map_err(|error| crate::error::local_model(&error))
}

#[cfg(not(feature = "wgpu"))]
async fn dispatch_cost(_operations: u32) -> Result<[f64; 2], Error> {
    Err(Error::new(
        ErrorCode::NoAdapter,
        "dispatchCost: this page computes on the CPU, which dispatches nothing",
    ))
}

/// From the browser's own source. Where that fails nothing can be sealed, and so nothing leaves.
fn random_seed() -> u64 {
    getrandom::u64().unwrap_or_default()
}

fn backend_named(name: &str) -> Result<Backend, Error> {
    match name {
        "cpu" => Ok(Backend::Cpu),
        #[cfg(feature = "wgpu")]
        "webgpu" => Ok(Backend::WebGpu),
        _ => Err(Error::new(
            ErrorCode::Internal,
            format!("backend {name} is not in this module"),
        )),
    }
}

pub(crate) fn parse_question(
    request_json: &str,
    policy_json: &str,
) -> Result<(ChatRequest, Policy), Error> {
    Ok((
        parse("request", request_json)?,
        parse("policy", policy_json)?,
    ))
}

pub(crate) fn parse<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| unreadable(what, &error))
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))
}
