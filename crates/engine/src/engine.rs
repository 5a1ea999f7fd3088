//! What an engine is made of, and the two ways to ask it without doing anything.

use std::cell::RefCell;

use oblivious_http::VerifiedKey;
use privacy::{Detector, Findings, Vault};
use query::{ChatRequest, CloudState, DeviceState, Error, Policy, Preview, Route};

use crate::{Clock, Consent, LocalModel, Signals, Transport, check::check, overflow::Summary};

/// Answers questions of one conversation after the other, here or in the cloud.
///
/// `L` is the model in the page, `T` the way to the relay, `C` the clock, `S` what the device says of itself,
/// `K` who is asked before something leaves.
pub struct Engine<L, T, C, S, K> {
    pub(crate) local: L,
    pub(crate) cloud: Option<Cloud<T>>,
    pub(crate) clock: C,
    pub(crate) signals: S,
    pub(crate) consent: K,
    /// Never borrowed across an await.
    pub(crate) detector: RefCell<Detector>,
    /// Never borrowed across an await.
    pub(crate) vault: RefCell<Vault>,
    /// Never borrowed across an await.
    pub(crate) summary: RefCell<Summary>,
}

/// The sealed path.
pub(crate) struct Cloud<T> {
    pub(crate) transport: T,
    pub(crate) key: VerifiedKey,
    pub(crate) model: Option<String>,
}

impl<L: LocalModel, T: Transport, C: Clock, S: Signals, K: Consent> Engine<L, T, C, S, K> {
    /// An engine without a cloud.
    pub fn new(local: L, clock: C, signals: S, consent: K) -> Self {
        Self {
            local,
            cloud: None,
            clock,
            signals,
            consent,
            detector: RefCell::default(),
            vault: RefCell::default(),
            summary: RefCell::default(),
        }
    }

    /// The same engine with a sealed path. `model` is the cloud model's name for requests that name none.
    #[must_use]
    pub fn with_cloud(mut self, transport: T, key: VerifiedKey, model: Option<String>) -> Self {
        self.cloud = Some(Cloud {
            transport,
            key,
            model,
        });
        self
    }

    /// From now on, personal data is found by this detector; before, by recognizers alone.
    pub fn set_detector(&self, detector: Detector) {
        self.detector.replace(detector);
    }

    /// Where a request would be answered now.
    ///
    /// # Errors
    /// As [`Engine::answer`] before it begins.
    pub fn route(&self, request: &ChatRequest, policy: &Policy) -> Result<Route, Error> {
        check(request)?;
        self.decide(&self.find(request, policy), policy)
    }

    /// What of a request would leave if the cloud answered it.
    pub fn preview(&self, request: &ChatRequest, policy: &Policy) -> Preview {
        privacy::preview(&self.find(request, policy), &self.vault.borrow())
    }

    /// Ends the conversation: wipes which placeholder stood for which value, and what was summarised.
    pub fn forget(&self) {
        self.vault.replace(Vault::new());
        self.summary.take();
    }

    /// What is personal in a request.
    pub(crate) fn find<'r>(&self, request: &'r ChatRequest, policy: &Policy) -> Findings<'r> {
        let detector = self.detector.borrow();
        privacy::find_with(&detector, request, &policy.privacy, &self.vault.borrow())
    }

    pub(crate) fn decide(&self, findings: &Findings<'_>, policy: &Policy) -> Result<Route, Error> {
        let request = findings.request();
        let device = DeviceState {
            local: self.local.state(),
            online: self.signals.online(),
            prompt_tokens: self.local.count_tokens(request),
        };
        let cloud = CloudState {
            configured: self.cloud.is_some(),
        };
        Ok(router::route(
            request,
            &findings.list(),
            &device,
            &cloud,
            policy,
        )?)
    }

    /// Names the cloud model where the request does not.
    pub(crate) fn with_model_name(&self, mut request: ChatRequest) -> ChatRequest {
        if let (None, Some(cloud)) = (&request.model, &self.cloud) {
            request.model.clone_from(&cloud.model);
        }
        request
    }
}
