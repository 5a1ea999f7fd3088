//! The model file: loaded on a thread of its own, and described for the page.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::mpsc,
};

use anyhow::Context;
use local_model::{Backend, FileSource, Finish, Message, Model, ModelInfo, Sampling, Step};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

/// Licenses of files that are known by their hash; a GGUF does not always tell.
const LICENSES: &[(&str, &str)] = &[(
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    "Apache-2.0",
)];

/// A model file as the page may download it.
pub(super) struct ModelFile {
    /// The file's name without `.gguf`, safe in a URL.
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
    pub license: &'static str,
    /// Tokens.
    pub context_length: usize,
}

/// Reads the file once, for its hash.
pub(super) fn publish(path: &Path, info: &ModelInfo) -> anyhow::Result<ModelFile> {
    let mut hash = Sha256::new();
    let bytes = File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut hash))
        .with_context(|| format!("reading {}", path.display()))?;
    let sha256 = hex::encode(hash.finalize());
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy())
        .unwrap_or_default();
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    Ok(ModelFile {
        name: stem.chars().map(safe).collect(),
        path: path.to_owned(),
        bytes,
        license: LICENSES
            .iter()
            .find(|(known, _)| *known == sha256)
            .map_or("unknown", |(_, license)| license),
        sha256,
        context_length: info.context_length,
    })
}

/// One answer to produce.
pub(super) struct Job {
    pub messages: Vec<query::Message>,
    pub sampling: Sampling,
    /// Where the answer goes; once nobody listens there, the job ends.
    pub events: UnboundedSender<Event>,
}

/// What a job tells, in order: `Started` or `Failed`, then any number of `Text`, then `Done` or `Failed`.
pub(super) enum Event {
    /// The prompt fits.
    Started,
    /// A piece of the answer.
    Text(String),
    /// The end.
    Done {
        finish: Finish,
        prompt_tokens: usize,
        completion_tokens: usize,
    },
    /// No answer, or no more of it.
    Failed(local_model::Error),
}

/// Jobs wait in line; the thread takes one after the other.
pub(super) type Engine = mpsc::Sender<Job>;

/// Loads the model. Dropping the engine frees it.
pub(super) async fn load(path: &Path) -> anyhow::Result<(ModelInfo, Engine)> {
    let (engine, jobs) = mpsc::channel();
    let (loaded, info) = oneshot::channel();
    let source = FileSource::open(path).with_context(|| {
        format!(
            "opening {}; `cargo xtask setup` fetches the default model",
            path.display()
        )
    })?;
    // The model's futures are bound to one thread, and a step of it must not hold up the servers.
    std::thread::Builder::new()
        .name("model".to_owned())
        .spawn(move || {
            let model = pollster::block_on(Model::load(source, Backend::Cpu, |_| {}));
            match model {
                Ok(mut model) => {
                    model.set_clock(crate::clock::now);
                    // Nobody waits any more if the server was interrupted.
                    let _ = loaded.send(Ok(model.info().clone()));
                    while let Ok(job) = jobs.recv() {
                        pollster::block_on(answer(&mut model, job));
                    }
                }
                Err(error) => {
                    let _ = loaded.send(Err(error));
                }
            }
        })
        .context("starting the model's thread")?;
    let info = info.await.context("the model's thread ended")?;
    Ok((
        info.with_context(|| format!("loading {}", path.display()))?,
        engine,
    ))
}

async fn answer(model: &mut Model, job: Job) {
    if job.events.is_closed() {
        return;
    }
    if let Err(error) = generate(model, &job).await {
        let _ = job.events.send(Event::Failed(error));
    }
}

async fn generate(model: &mut Model, job: &Job) -> Result<(), local_model::Error> {
    let messages: Vec<Message<'_>> = job
        .messages
        .iter()
        .map(|message| Message {
            role: match message.role {
                query::Role::System => "system",
                query::Role::User => "user",
                query::Role::Assistant => "assistant",
                query::Role::Tool => "tool",
            },
            content: &message.content,
        })
        .collect();
    let prompt = model.encode_chat(&messages)?;
    let mut generation = model.start(prompt, job.sampling.clone())?;
    let mut listening = job.events.send(Event::Started).is_ok();
    while listening {
        listening = match generation.step().await? {
            Step::Prefill { .. } => !job.events.is_closed(),
            Step::Token { text, .. } if text.is_empty() => !job.events.is_closed(),
            Step::Token { text, .. } => job.events.send(Event::Text(text)).is_ok(),
            Step::Done {
                finish,
                prompt_tokens,
                completion_tokens,
                ..
            } => {
                let _ = job.events.send(Event::Done {
                    finish,
                    prompt_tokens,
                    completion_tokens,
                });
                false
            }
        };
    }
    Ok(())
}
