//! What an engine is made of, and the two ways to ask it without doing anything.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use privacy::{AttestedEndpoint, Detector, Findings, Vault};
use query::{
    ChatRequest, CloudState, DeviceState, Error, ErrorCode, MaskEdits, MasksEdited, Policy,
    Preview, Price, ReasonCode, Route, Traffic,
};
use router::{
    Inputs, NoRoute, Record, Schedule, Weights, calibration::Calibration, feedback::Feedback,
};
use zeroize::Zeroizing;

use crate::{
    Clock, Consent, Keys, LocalModel, NoTokens, Signals, Tokens, Transport, check::check,
    overflow::Summary, ways::Way,
};

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
    /// Or why there is none. Never borrowed across an await.
    detector: RefCell<Looking>,
    /// The cloud's, as long as its evidence is fresh, or why there is none if it was asked for. Never borrowed across an
    /// await.
    pub(crate) attested: RefCell<Attested>,
    /// What is known of the local model's answers. Never borrowed across an await.
    pub(crate) calibration: RefCell<Option<Rc<Calibration>>>,
    /// What people's reactions to the local model's answers taught. Never borrowed across an await.
    pub(crate) feedback: RefCell<Feedback>,
    /// Gives each conversation's vault its secret.
    pub(crate) seeds: fn() -> u64,
    /// Never borrowed across an await.
    pub(crate) vault: RefCell<Vault>,
    /// Never borrowed across an await.
    pub(crate) summary: RefCell<Summary>,
    /// What was seen of both places. Never borrowed across an await.
    pub(crate) schedule: RefCell<Schedule>,
    /// What judges a question before it is answered, once it is there.
    weights: RefCell<Option<Weights>>,
    /// The last decision. Never borrowed across an await.
    record: RefCell<Option<Record>>,
}

/// How often a way is tried that cannot be reached, where nothing else can answer: it may only be starting.
const ROUNDS: u32 = 3;

/// What finds personal data before anything leaves, or why it is not there.
pub(crate) type Looking = Result<Rc<Detector>, Error>;

/// What the cloud's endpoint has proved.
#[derive(Default)]
pub(crate) enum Attested {
    /// Nobody has asked.
    #[default]
    No,
    Yes(AttestedEndpoint),
    Refused(Error),
}

/// The sealed path.
pub(crate) struct Cloud<T> {
    /// The first one first; at least one.
    pub(crate) ways: Vec<Way<T>>,
    pub(crate) model: Option<String>,
    pub(crate) traffic: Traffic,
    /// What says that this page may ask.
    pub(crate) tokens: Box<dyn Tokens>,
    /// What its models cost.
    prices: BTreeMap<String, Price>,
}

/// What has to be there before anything leaves. Whatever is sent takes this along.
pub(crate) struct WayOut<'e, T> {
    pub(crate) cloud: &'e Cloud<T>,
    pub(crate) detector: Rc<Detector>,
    /// How often each way is tried that cannot be reached.
    pub(crate) rounds: u32,
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
            detector: RefCell::new(Err(Error::new(
                ErrorCode::DetectorUnavailable,
                "nothing finds personal data yet, so nothing may leave; give the engine a detector",
            ))),
            attested: RefCell::default(),
            calibration: RefCell::default(),
            feedback: RefCell::default(),
            seeds: || 0,
            vault: RefCell::default(),
            summary: RefCell::default(),
            schedule: RefCell::default(),
            weights: RefCell::default(),
            record: RefCell::default(),
        }
    }

    /// The same engine with a sealed path. `model` is the cloud model's name for requests that name none.
    #[must_use]
    pub fn with_cloud(
        mut self,
        transport: T,
        keys: impl Into<Keys>,
        model: Option<String>,
    ) -> Self {
        self.cloud = Some(Cloud {
            ways: vec![Way::new(transport, keys.into())],
            model,
            traffic: Traffic::default(),
            tokens: Box::new(NoTokens),
            prices: BTreeMap::new(),
        });
        self
    }

    /// The same engine with one more way to the cloud, taken where those before it fail: another relay to the same gateway,
    /// or to another one. Without a cloud it means nothing.
    #[must_use]
    pub fn with_way(mut self, transport: T, keys: impl Into<Keys>) -> Self {
        if let Some(cloud) = &mut self.cloud {
            cloud.ways.push(Way::new(transport, keys.into()));
        }
        self
    }

    /// The same engine with another policy for how the cloud's answers travel. Without a cloud it means nothing.
    #[must_use]
    pub fn with_traffic(mut self, traffic: Traffic) -> Self {
        if let Some(cloud) = &mut self.cloud {
            cloud.traffic = traffic;
        }
        self
    }

    /// The same engine with tokens, of which each request takes one. Without a cloud they mean nothing.
    #[must_use]
    pub fn with_tokens(mut self, tokens: impl Tokens + 'static) -> Self {
        if let Some(cloud) = &mut self.cloud {
            cloud.tokens = Box::new(tokens);
        }
        self
    }

    /// The same engine with what the cloud's models cost, by name. Without a cloud they mean nothing.
    #[must_use]
    pub fn with_prices(mut self, prices: BTreeMap<String, Price>) -> Self {
        if let Some(cloud) = &mut self.cloud {
            cloud.prices = prices;
        }
        self
    }

    /// The same engine with a source of secrets: each conversation takes one, by which its dates and amounts are moved
    /// and other names are chosen. Random numbers; without a source all conversations have the same.
    #[must_use]
    pub fn with_seeds(mut self, seeds: fn() -> u64) -> Self {
        self.seeds = seeds;
        self.vault = RefCell::new(Vault::with_seed(seeds()));
        self
    }

    /// From now on, personal data is found by this detector. Nothing leaves before there is one: until then a
    /// preview or a route of an engine without a cloud is made by recognizers alone.
    pub fn set_detector(&self, detector: Detector) {
        *self.detector.borrow_mut() = Ok(Rc::new(detector));
    }

    /// Nothing leaves from now on, as there is no detector: `why` is what a request ends with that only the cloud
    /// could answer.
    pub fn set_no_detector(&self, why: Error) {
        *self.detector.borrow_mut() = Err(why);
    }

    /// From now on, this says how likely an answer of the local model stands. It has to be of the very file that is
    /// loaded. Without one, no answer is doubtful because the model was unsure.
    pub fn set_calibration(&self, calibration: Option<Calibration>) {
        *self.calibration.borrow_mut() = calibration.map(Rc::new);
    }

    /// From now on, questions are judged by these weights before they are answered. Without them the page begins where
    /// it may, and how sure it is of its own answer decides.
    pub fn set_router(&self, weights: Weights) {
        self.weights.replace(Some(weights));
    }

    /// Where a request would be answered now.
    ///
    /// # Errors
    /// As [`Engine::answer`] before it begins.
    pub fn route(&self, request: &ChatRequest, policy: &Policy) -> Result<Route, Error> {
        self.timed_route(request, policy)?.0
    }

    /// How long it takes to decide where a request would be answered, in ms, whatever comes of it. What is personal was
    /// found before.
    ///
    /// # Errors
    /// If the request is not one that can be answered.
    pub fn decision_ms(&self, request: &ChatRequest, policy: &Policy) -> Result<f64, Error> {
        Ok(self.timed_route(request, policy)?.1)
    }

    fn timed_route(
        &self,
        request: &ChatRequest,
        policy: &Policy,
    ) -> Result<(Result<Route, Error>, f64), Error> {
        check(request)?;
        let detector = self.detector();
        let findings = self.find(request, policy, &detector);
        let start = self.clock.now_ms();
        let inputs = self.inputs(&findings, policy, &detector, start);
        let route = self.decide(&inputs, &detector);
        Ok((route, self.clock.now_ms() - start))
    }

    /// How the last request was decided, answered or not: [`router::replay`] decides it again. Nothing of what was
    /// asked is in it.
    pub fn last_record(&self) -> Option<Record> {
        self.record.borrow().clone()
    }

    /// There is another local model now: how fast the last one was says nothing of it.
    pub fn forget_local_speed(&self) {
        self.schedule.borrow_mut().forget_local();
    }

    /// What of a request would leave if the cloud answered it. Without a cloud, what recognizers alone would see to.
    ///
    /// # Errors
    /// [`ErrorCode::DetectorUnavailable`] if there is a cloud, and nothing that finds names and addresses.
    pub fn preview(&self, request: &ChatRequest, policy: &Policy) -> Result<Preview, Error> {
        let detector = self.detector();
        if let (Some(_), Err(why)) = (&self.cloud, &detector) {
            return Err(why.clone());
        }
        let findings = self.find(request, policy, &detector);
        Ok(privacy::preview(&findings, &self.vault.borrow()))
    }

    /// Adds masks and takes masks away, for the rest of the conversation. Says which texts stay masked all the same.
    pub fn edit_masks(&self, edits: &MaskEdits, policy: &Policy) -> MasksEdited {
        let detector = self.detector().unwrap_or_default();
        privacy::edit_masks(
            edits,
            &detector,
            &policy.privacy,
            &mut self.vault.borrow_mut(),
        )
    }

    /// The conversation's placeholders and mask edits as JSON, personal values in the clear: whoever keeps it
    /// encrypts it.
    pub fn save_vault(&self) -> Zeroizing<String> {
        self.vault.borrow().to_json()
    }

    /// Goes on with a conversation whose vault was saved.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] if it cannot be read; the engine's vault is then as it was.
    pub fn load_vault(&self, saved: &str) -> Result<(), Error> {
        let vault = Vault::from_json(saved)
            .map_err(|error| Error::new(ErrorCode::InvalidRequest, error.to_string()))?;
        self.vault.replace(vault);
        Ok(())
    }

    /// Ends the conversation: wipes which placeholder stood for which value, how masks were edited, and what was
    /// summarised.
    pub fn forget(&self) {
        self.vault.replace(Vault::with_seed((self.seeds)()));
        self.summary.take();
    }

    /// What finds personal data now.
    pub(crate) fn detector(&self) -> Looking {
        self.detector.borrow().clone()
    }

    /// What is personal in a request: by recognizers alone, if there is nothing else.
    pub(crate) fn find<'r>(
        &self,
        request: &'r ChatRequest,
        policy: &Policy,
        detector: &Looking,
    ) -> Findings<'r> {
        let recognizers = Detector::default();
        let detector = detector.as_deref().unwrap_or(&recognizers);
        let found = privacy::find_with(detector, request, &policy.privacy, &self.vault.borrow());
        self.for_endpoint(found)
    }

    /// The same for the cloud's endpoint, which may have been attested.
    pub(crate) fn for_endpoint<'r>(&self, findings: Findings<'r>) -> Findings<'r> {
        match &*self.attested.borrow() {
            Attested::Yes(endpoint) => findings.for_attested(endpoint, self.clock.now_ms()),
            Attested::No | Attested::Refused(_) => findings,
        }
    }

    /// All that it is decided from where a request is answered.
    pub(crate) fn inputs(
        &self,
        findings: &Findings<'_>,
        policy: &Policy,
        detector: &Looking,
        now_ms: f64,
    ) -> Inputs {
        let request = findings.request();
        let mut schedule = self.schedule.borrow_mut();
        let device = DeviceState {
            local: self.local.state(),
            online: self.signals.online(),
            prompt_tokens: self.local.count_tokens(request),
            cached_tokens: self.local.cached_tokens(request),
            ..DeviceState::default()
        };
        let device = schedule.device(&self.signals.device(), device);
        let cloud = CloudState {
            configured: self.cloud.is_some(),
            detector_ready: detector.is_ok(),
            // A key that an app pins says who the gateway is, not what it runs.
            attested: findings.are_for_attested(),
            price: self.price(request),
            failing: self.ways().all(|way| way.open_ms(now_ms) > 0.0) && self.cloud.is_some(),
            ..CloudState::default()
        };
        let cloud = schedule.cloud(now_ms, cloud);
        let strictest = findings.strictest();
        let judgement = self
            .weights
            .borrow()
            .as_ref()
            .map(|weights| weights.judge(router::question(request)));
        let judgement = judgement.unwrap_or_default();
        Inputs::of(request, &strictest, &device, &cloud, policy, judgement)
    }

    pub(crate) fn decide(&self, inputs: &Inputs, detector: &Looking) -> Result<Route, Error> {
        let weights = self.weights.borrow().as_ref().map(Weights::id);
        let record = Record::of(inputs.clone(), weights);
        let decided: Result<Route, NoRoute> = record.result.clone().into();
        self.record.replace(Some(record));
        decided.map_err(|no_route| {
            let [not_cloud, not_local] = &no_route.reasons;
            // Who set it knows the file, or the gateway, and the way out.
            let why = match (&*self.attested.borrow(), detector) {
                (_, Err(why)) if no_route.code == ErrorCode::DetectorUnavailable => why.clone(),
                (Attested::Refused(why), _) if not_cloud.code == ReasonCode::NeedsAttestation => {
                    why.clone()
                }
                _ => return no_route.into(),
            };
            Error::new(why.code, format!("{} {}", why.message, not_local.text))
        })
    }

    /// What it tells the time by.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// None without a cloud.
    pub(crate) fn ways(&self) -> impl Iterator<Item = &Way<T>> {
        self.cloud.iter().flat_map(|cloud| &cloud.ways)
    }

    /// The relays, in the app's order, and for how many more milliseconds each is left alone because it failed.
    pub fn relays(&self) -> Vec<(&str, f64)> {
        let now = self.clock.now_ms();
        self.ways()
            .map(|way| (way.transport.relay(), way.open_ms(now)))
            .collect()
    }

    /// What the model costs that would be asked.
    fn price(&self, request: &ChatRequest) -> Option<Price> {
        let cloud = self.cloud.as_ref()?;
        let model = request.model.as_ref().or(cloud.model.as_ref())?;
        cloud.prices.get(model).copied()
    }

    /// The sealed path, for a request in which a detector has looked.
    pub(crate) fn way_out(&self, detector: Rc<Detector>) -> Result<WayOut<'_, T>, Error> {
        let cloud = self.cloud.as_ref().ok_or_else(|| {
            Error::new(
                ErrorCode::NoRoute,
                "no cloud is set up; give its relays and keys",
            )
        })?;
        Ok(WayOut {
            cloud,
            detector,
            rounds: ROUNDS,
        })
    }

    /// Names the cloud model where the request does not.
    pub(crate) fn with_model_name(&self, mut request: ChatRequest) -> ChatRequest {
        if let (None, Some(cloud)) = (&request.model, &self.cloud) {
            request.model.clone_from(&cloud.model);
        }
        request
    }
}
