//! The engine's local model, on the page's terms: one answer at a time, those first that someone waits
//! for, and the event loop gets a turn between any two steps and within long ones.

use std::{
    cell::{Cell, RefCell},
    ops::ControlFlow,
    rc::Rc,
};

use engine::{LocalAnswer, OnPart, Part};
use futures::lock::Mutex;
use local_model::{Finish, Generation, Model, ModelInfo, Pace, Sampling, Step};
use query::{ChatRequest, Error, ErrorCode, LocalState, Message, PromptTokensDetails, Usage};
use router::confidence::Certainty;
use serde::Serialize;

use crate::{
    asked::{Answer, LastPrompt},
    device::now_ms,
    error::local_model as model_error,
    journal::Journals,
    manners::{Manner, Turns},
    precedence::Precedence,
};

/// The model in this page, if there is one. Clones are the same model.
#[derive(Clone, Default)]
pub(crate) struct PageModel(Rc<State>);

#[derive(Default)]
struct State {
    journals: Journals,
    precedence: Precedence,
    /// Nobody sees the page.
    hidden: Cell<bool>,
    /// What was learned of how long a prompt's slices may be.
    pace: RefCell<Pace>,
    model: Mutex<Option<Model>>,
    info: RefCell<Option<ModelInfo>>,
    loading: Cell<bool>,
    load_ms: Cell<f64>,
    last: RefCell<Option<LastAnswer>>,
    last_prompt: RefCell<LastPrompt>,
}

/// How the last answer went.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct LastAnswer {
    prompt_tokens: usize,
    cached_tokens: usize,
    completion_tokens: usize,
    prefill_ms: f64,
    decode_ms: f64,
    dispatches: u64,
}

/// `Stats` of the npm package, without what only the worker's script knows; `adapter` and `threads` are of its
/// `device`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    #[serde(skip_serializing_if = "Option::is_none")]
    adapter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<ModelStats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_ms: Option<f64>,
    memory_bytes: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<LastAnswer>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModelStats {
    name: String,
    architecture: String,
    context_length: usize,
    layers: usize,
    bytes: u64,
}

impl PageModel {
    pub(crate) fn new(journals: Journals, precedence: Precedence) -> Self {
        Self(Rc::new(State {
            journals,
            precedence,
            ..State::default()
        }))
    }

    /// Runs `load` and takes what it gives; while it runs the model counts as loading.
    pub(crate) async fn load(
        &self,
        load: impl Future<Output = Result<Model, Error>>,
    ) -> Result<(), Error> {
        let _loading = Loading::begin(&self.0.loading);
        let start = now_ms();
        let mut slot = self.0.model.lock().await;
        *slot = None;
        self.0.info.replace(None);
        self.0.last_prompt.take();
        let model = load.await?;
        self.0.pace.replace(model.pace());
        self.0.info.replace(Some(model.info().clone()));
        self.0.load_ms.set(now_ms() - start);
        *slot = Some(model);
        Ok(())
    }

    /// Whether someone sees the page; at first somebody does.
    pub(crate) fn set_seen(&self, seen: bool) {
        self.0.hidden.set(!seen);
    }

    /// Greedy tokens after a prompt.
    pub(crate) async fn greedy(
        &self,
        prompt: Prompt,
        max_tokens: u32,
    ) -> Result<(Vec<u32>, Vec<u32>), Error> {
        let _urgent = self.0.precedence.urgent();
        let prompt = match prompt {
            Prompt::Ids(ids) => ids,
            Prompt::Messages(messages) => {
                let request = ChatRequest {
                    messages,
                    ..ChatRequest::default()
                };
                self.prompt(&request).await?
            }
        };
        let sampling = Sampling {
            max_tokens,
            ..Sampling::default()
        };
        let mut ids = Vec::new();
        self.run(&prompt, &sampling, |step, _, _| {
            if let Step::Token { id, .. } = step {
                ids.push(*id);
            }
            ControlFlow::Continue(())
        })
        .await?;
        Ok((prompt, ids))
    }

    /// `Stats` as JSON.
    pub(crate) fn stats(&self) -> String {
        let info = self.0.info.borrow();
        let memory: js_sys::WebAssembly::Memory =
            wasm_bindgen::JsCast::unchecked_into(wasm_bindgen::memory());
        let buffer: js_sys::ArrayBuffer = wasm_bindgen::JsCast::unchecked_into(memory.buffer());
        let stats = Stats {
            adapter: info.as_ref().map(|info| info.adapter.clone()),
            threads: info
                .as_ref()
                .filter(|info| info.backend == "cpu")
                .map(|_| threads()),
            model: info.as_ref().map(|info| ModelStats {
                name: info.name.clone(),
                architecture: info.architecture.clone(),
                context_length: info.context_length,
                layers: info.layers,
                bytes: info.bytes,
            }),
            load_ms: info.as_ref().map(|_| self.0.load_ms.get()),
            memory_bytes: buffer.byte_length().into(),
            last: self.0.last.borrow().clone(),
        };
        // Numbers and texts in plain structs: there is nothing that could fail.
        serde_json::to_string(&stats).unwrap_or_default()
    }

    /// The prompt that a request makes.
    async fn prompt(&self, request: &ChatRequest) -> Result<Vec<u32>, Error> {
        let slot = self.0.model.lock().await;
        let model = slot.as_ref().ok_or_else(not_there)?;
        let mut last = self.0.last_prompt.borrow_mut();
        last.of(model, request).map(<[u32]>::to_vec)
    }

    /// Runs a generation to its end, or until `on_step` breaks. One that nobody waits for gives the model away when somebody wants
    /// it, and goes on from the same token when it has it back.
    async fn run(
        &self,
        prompt: &[u32],
        sampling: &Sampling,
        mut on_step: impl FnMut(&Step, &Generation<'_>, Told) -> ControlFlow<()>,
    ) -> Result<Ended, Error> {
        let mut run = Run {
            turns: Turns::new()?,
            is_background: self.0.precedence.is_background(),
            taken: Vec::new(),
            began: None,
            cached_tokens: 0,
            first: None,
            dispatches: 0,
        };
        loop {
            if run.is_background {
                self.0.precedence.quiet().await;
            }
            let mut slot = self.0.model.lock().await;
            let model = slot.as_mut().ok_or_else(not_there)?;
            let dispatches = model.dispatches();
            let held = self
                .run_while_held(&mut run, model, prompt, sampling, &mut on_step)
                .await;
            run.dispatches += model.dispatches() - dispatches;
            if let Some(ended) = held? {
                self.0.last.replace(Some(run.figures(&ended)));
                return Ok(ended);
            }
        }
    }

    /// Runs until the end, or, in the background, until somebody wants the model.
    async fn run_while_held(
        &self,
        run: &mut Run,
        model: &mut Model,
        prompt: &[u32],
        sampling: &Sampling,
        on_step: &mut impl FnMut(&Step, &Generation<'_>, Told) -> ControlFlow<()>,
    ) -> Result<Option<Ended>, Error> {
        let state = &*self.0;
        let on_gpu = model.info().backend != "cpu";
        let is_new = run.began.is_none();
        run.began.get_or_insert_with(now_ms);
        let journal = match state.journals.current() {
            Some(journal) if is_new => journal.tokens,
            _ => std::mem::take(&mut run.taken),
        };
        let (mut generation, steps) = model
            .resume(prompt.to_vec(), &journal, sampling.clone())
            .map_err(|error| model_error(&error))?;
        if is_new {
            state.journals.replayed(steps.len());
            for step in &steps {
                if on_step(step, &generation, Told::Before).is_break() {
                    return Ok(Some(run.broken_off(prompt)));
                }
            }
            run.cached_tokens = generation.reused();
        }
        run.taken.extend(journal.into_iter().take(steps.len()));
        let mut done = generation.reused();
        loop {
            let manner = match (run.is_background, state.hidden.get()) {
                (true, _) => Manner::Background,
                (false, true) => Manner::Unseen,
                (false, false) => Manner::Seen,
            };
            generation.limit_slice(state.pace.borrow().tokens());
            let slice = run.turns.begin();
            let step = generation
                .step_with_pauses(&run.turns)
                .await
                .map_err(|error| model_error(&error))?;
            if let Step::Token {
                id,
                log_probability,
                ..
            } = &step
            {
                run.taken.push((*id, *log_probability));
                state.journals.add(*id, *log_probability);
            }
            if on_step(&step, &generation, Told::Now).is_break() {
                return Ok(Some(run.broken_off(prompt)));
            }
            match step {
                Step::Prefill { done: until, .. } => {
                    let pace = &mut state.pace.borrow_mut();
                    run.turns.end(&slice, until - done, on_gpu, manner, pace);
                    done = until;
                }
                Step::Token { .. } => {
                    run.first.get_or_insert_with(now_ms);
                }
                Step::Done {
                    finish,
                    mean_log_probability,
                    prompt_tokens,
                    completion_tokens,
                } => {
                    return Ok(Some(Ended {
                        finish: Some(finish),
                        mean_log_probability,
                        prompt_tokens,
                        cached_tokens: run.cached_tokens,
                        completion_tokens,
                    }));
                }
            }
            run.turns.turn().await;
            if run.is_background && state.precedence.is_urgent() {
                return Ok(None);
            }
        }
    }
}

/// An answer in the making, also while it has given the model away.
struct Run {
    turns: Turns,
    is_background: bool,
    /// Its tokens so far: id, natural logarithm of its probability.
    taken: Vec<(u32, f32)>,
    /// When it had the model for the first time, ms.
    began: Option<f64>,
    /// Tokens of the prompt that were in the cache then.
    cached_tokens: usize,
    /// When its first token was there, ms.
    first: Option<f64>,
    /// Kernels that were launched for it.
    dispatches: u64,
}

impl Run {
    /// It ends here, though the model could go on.
    fn broken_off(&self, prompt: &[u32]) -> Ended {
        let sum: f64 = self.taken.iter().map(|&(_, log)| f64::from(log)).sum();
        let completion_tokens = self.taken.len();
        Ended {
            finish: None,
            mean_log_probability: (sum / completion_tokens.max(1) as f64) as f32,
            prompt_tokens: prompt.len(),
            cached_tokens: self.cached_tokens,
            completion_tokens,
        }
    }

    /// How it went, now that it has ended.
    fn figures(&self, ended: &Ended) -> LastAnswer {
        let end = now_ms();
        let first = self.first.unwrap_or(end);
        let start = self.began.unwrap_or(first);
        LastAnswer {
            prompt_tokens: ended.prompt_tokens,
            cached_tokens: ended.cached_tokens,
            completion_tokens: ended.completion_tokens,
            prefill_ms: first - start,
            decode_ms: end - first,
            dispatches: self.dispatches,
        }
    }
}

/// Whether a step was told to the page before, by an engine that this one goes on for.
enum Told {
    Before,
    Now,
}

struct Ended {
    /// `None` if it was broken off.
    finish: Option<Finish>,
    mean_log_probability: f32,
    prompt_tokens: usize,
    cached_tokens: usize,
    completion_tokens: usize,
}

/// What to continue.
#[derive(serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum Prompt {
    /// Token ids as they are.
    Ids(Vec<u32>),
    /// A conversation, through the chat template.
    Messages(Vec<Message>),
}

impl engine::LocalModel for PageModel {
    fn state(&self) -> LocalState {
        match &*self.0.info.borrow() {
            Some(info) => LocalState::Ready {
                context_length: to_u32(info.context_length),
            },
            None if self.0.loading.get() => LocalState::Loading,
            None => LocalState::Unavailable,
        }
    }

    fn count_tokens(&self, request: &ChatRequest) -> u32 {
        match self.0.model.try_lock() {
            Some(slot) => {
                let Some(model) = slot.as_ref() else { return 0 };
                let mut last = self.0.last_prompt.borrow_mut();
                last.of(model, request)
                    .map_or(0, |prompt| to_u32(prompt.len()))
            }
            // It is answering something else. A token is about four bytes of English; whether the prompt
            // really fits is counted again before it is used.
            None => to_u32(
                request
                    .messages
                    .iter()
                    .map(|message| message.content.len() / 4 + 8)
                    .sum(),
            ),
        }
    }

    fn cached_tokens(&self, request: &ChatRequest) -> u32 {
        let Some(slot) = self.0.model.try_lock() else {
            return 0;
        };
        let Some(model) = slot.as_ref() else { return 0 };
        let mut last = self.0.last_prompt.borrow_mut();
        last.of(model, request)
            .map_or(0, |prompt| to_u32(model.cached_tokens(prompt)))
    }

    async fn generate(
        &self,
        request: &ChatRequest,
        on_part: OnPart<'_>,
    ) -> Result<LocalAnswer, Error> {
        let state = &*self.0;
        let is_background = state.precedence.is_background();
        let _urgent = (!is_background).then(|| state.precedence.urgent());
        let prompt = self.prompt(request).await?;
        let random = match self.0.journals.current() {
            Some(journal) => journal.seed.into(),
            None => (js_sys::Math::random() * 2f64.powi(32)) as u64,
        };
        let sampling = Sampling::of(request, random);
        let mut finish_reasons = Vec::new();
        let mut usage = Usage::default();
        let mut log_probabilities = 0.0;
        for index in 0..request.n.unwrap_or(1) {
            let sampling = Sampling {
                seed: sampling.seed.wrapping_add(index.into()),
                ..sampling.clone()
            };
            let mut answer = Answer::new(request, index, sampling.seed);
            // The cache still holds the prompt after the first answer.
            let ended = self
                .run(&prompt, &sampling, |step, generation, told| match told {
                    // The page has what these brought; the answer has to know of them.
                    Told::Before => {
                        answer.step(step, generation, &mut |_| {});
                        ControlFlow::Continue(())
                    }
                    Told::Now => tell(&mut answer, step, generation, on_part),
                })
                .await?;
            if let Some(finish) = ended.finish {
                // Nothing comes after it that could be broken off.
                let mut on_piece = |piece| _ = on_part(Part::Piece(piece));
                finish_reasons.push(answer.finish(finish, ended.completion_tokens, &mut on_piece));
            }
            log_probabilities +=
                f64::from(ended.mean_log_probability) * ended.completion_tokens as f64;
            usage.completion_tokens += to_u32(ended.completion_tokens);
            if index == 0 {
                usage.prompt_tokens = to_u32(ended.prompt_tokens);
                usage.prompt_tokens_details = Some(PromptTokensDetails {
                    cached_tokens: to_u32(ended.cached_tokens),
                });
            }
            if ended.finish.is_none() {
                break;
            }
        }
        usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
        Ok(LocalAnswer {
            finish_reasons,
            usage,
            mean_log_probability: (log_probabilities / f64::from(usage.completion_tokens.max(1)))
                as f32,
        })
    }
}

/// What a step brings: first how sure the model was of the token, then its text.
fn tell(
    answer: &mut Answer<'_>,
    step: &Step,
    generation: &Generation<'_>,
    on_part: OnPart<'_>,
) -> ControlFlow<()> {
    if let Step::Token {
        log_probability,
        margin,
        entropy,
        ..
    } = step
    {
        on_part(Part::Token(Certainty {
            log_probability: *log_probability,
            margin: *margin,
            entropy: *entropy,
        }))?;
    }
    let mut flow = ControlFlow::Continue(());
    answer.step(step, generation, &mut |piece| {
        if flow.is_continue() {
            flow = on_part(Part::Piece(piece));
        }
    });
    flow
}

fn not_there() -> Error {
    Error::new(
        ErrorCode::LocalUnavailable,
        "no model is loaded in this page; load one, or allow the cloud",
    )
}

/// Threads that compute.
fn threads() -> usize {
    #[cfg(target_feature = "atomics")]
    return crate::threads::pool().threads();
    #[cfg(not(target_feature = "atomics"))]
    1
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Loading, until dropped: also when the load is aborted.
struct Loading<'a>(&'a Cell<bool>);

impl<'a> Loading<'a> {
    fn begin(flag: &'a Cell<bool>) -> Self {
        flag.set(true);
        Self(flag)
    }
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
