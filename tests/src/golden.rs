//! Holds the local model against llama.cpp: `make.py` and `models.py` in `tests/golden` made the files.

use std::path::PathBuf;

use serde::Deserialize;

/// A parting may be wider than this in log-probability only if the answer is wrong: llama.cpp rounds
/// activations to 8 bits, and so does the CPU path here, in another order of summation.
pub const TIE: f32 = 0.1;
/// At most one prompt of a file may part before this step, even if the tie is proven.
pub const EARLY: usize = 16;

/// Greedy answers of llama.cpp.
#[derive(Debug, Deserialize)]
pub struct Golden {
    /// File name of the model.
    pub model: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Prompts; the first has the fewest tokens.
    pub prompts: Vec<Prompt>,
}

/// One prompt and its answer.
#[derive(Debug, Deserialize)]
pub struct Prompt {
    /// What it is about.
    pub name: String,
    /// The conversation; empty where the prompt is no chat.
    pub messages: Vec<ChatMessage>,
    /// The conversation in the model's chat template; or a text, where there is no conversation.
    pub prompt: String,
    /// Its tokens.
    pub prompt_ids: Vec<u32>,
    /// The first greedy tokens of the answer; the last may end the turn.
    pub ids: Vec<u32>,
    /// For each of them the five most likely tokens and their log-probabilities.
    pub top: Vec<Vec<(u32, f32)>>,
}

/// A turn of the conversation.
#[derive(Debug, Deserialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: String,
    /// What.
    pub content: String,
}

/// A step at which two answers part although both are right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tie {
    /// Counted from 0, in tokens of the answer.
    pub step: usize,
    /// Our token: llama.cpp's second.
    pub ours: u32,
    /// How much less likely llama.cpp has it than its first, in log-probability.
    pub gap: f32,
}

impl Golden {
    /// The file in this repository.
    pub fn read() -> Self {
        let text = include_str!("../golden/smollm2-135m-instruct-q4_1.json");
        serde_json::from_str(text).unwrap_or_else(|error| panic!("golden file: {error}"))
    }
}

impl Prompt {
    /// Compares `ids`, tokens of an answer from step `from` on, with llama.cpp's: `None` when they
    /// are equal, the tie at which they part when there is one.
    ///
    /// # Errors
    /// A sentence that says where they part without a tie, or that there are too few.
    pub fn judge(&self, from: usize, ids: &[u32]) -> Result<Option<Tie>, String> {
        let name = &self.name;
        let expected = self.ids.get(from..).unwrap_or_default();
        let Some(at) = expected
            .iter()
            .zip(ids)
            .position(|(expected, id)| expected != id)
        else {
            return if ids.len() == expected.len() {
                Ok(None)
            } else {
                Err(format!(
                    "{name}: {} tokens from step {from} on, llama.cpp has {}",
                    ids.len(),
                    expected.len()
                ))
            };
        };
        let (step, ours) = (from + at, ids[at]);
        let (first, second) = (self.top[step][0], self.top[step][1]);
        let gap = first.1 - second.1;
        if first.0 == expected[at] && second.0 == ours && gap <= TIE {
            return Ok(Some(Tie { step, ours, gap }));
        }
        let top = &self.top[step];
        Err(format!(
            "{name}: token {ours} at step {step}, llama.cpp has {} of {top:?}",
            expected[at]
        ))
    }

    /// Compares a whole answer; after a tie it goes on from llama.cpp's token. `generate` continues
    /// token ids greedily by at most so many.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub fn hold(
        &self,
        mut generate: impl FnMut(&[u32], usize) -> Vec<u32>,
    ) -> Result<Vec<Tie>, String> {
        let mut ties = Vec::new();
        let mut from = 0;
        while from < self.ids.len() {
            let prompt = [&self.prompt_ids[..], &self.ids[..from]].concat();
            match self.judge(from, &generate(&prompt, self.ids.len() - from))? {
                None => break,
                Some(tie) => {
                    from = tie.step + 1;
                    ties.push(tie);
                }
            }
        }
        Ok(ties)
    }
}

/// Whether the ties of several prompts are few enough.
///
/// # Errors
/// A sentence, when more than one prompt parts early.
pub fn few_enough(ties: &[Vec<Tie>]) -> Result<(), String> {
    let early = ties
        .iter()
        .filter(|ties| ties.iter().any(|tie| tie.step < EARLY))
        .count();
    if early <= 1 {
        Ok(())
    } else {
        Err(format!(
            "{early} prompts part before step {EARLY}: {ties:?}"
        ))
    }
}

/// The default model's file in the cache folder.
///
/// # Panics
/// As [`cached`].
pub fn model_file() -> PathBuf {
    cached(&Golden::read().model, "cargo xtask setup")
}

/// A model file in the cache folder.
///
/// # Panics
/// When it is not there; the message says which command fetches it.
pub fn cached(model: &str, command: &str) -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let users = || {
        set("XDG_CACHE_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .map(|cache| cache.join("tidegate"))
    };
    let cache = set("TIDEGATE_CACHE").or_else(users).unwrap_or_default();
    let path = cache.join("models").join(model);
    assert!(
        path.exists(),
        "{} is not there; run `{command}`",
        path.display()
    );
    path
}
