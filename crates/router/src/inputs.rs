//! All that a decision is made from.

use query::{
    ChatRequest, CloudState, DeviceState, Estimate, Guess, Mode, Overflow, Policy, Role, Strictest,
};
use serde::{Deserialize, Serialize};

/// What the router's weights say of a question; empty without them. Then the page begins, and how sure it is of its
/// own answer decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// What is probably asked for.
    pub guess: Option<Guess>,
    /// What the cloud is expected to do better.
    pub estimate: Option<Estimate>,
}

/// All that a decision is made from. The same inputs give the same decision on every machine, bit by bit.
///
/// Nothing of the question is in it, and nothing of an app's own sensitive texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// The request asks for what only the local model does.
    pub only_local: bool,
    /// Tokens of the answer at most, if the request says.
    pub answer_limit: Option<u32>,
    /// How far it may go, and what keeps it from going further.
    pub strictest: Strictest,
    /// The page.
    pub device: DeviceState,
    /// The cloud.
    pub cloud: CloudState,
    /// Who may answer.
    pub mode: Mode,
    /// What to do with a conversation that is too long for the page.
    pub overflow: Overflow,
    /// What the router's weights say.
    pub judgement: Judgement,
}

impl Inputs {
    /// Of a request.
    pub fn of(
        query: &ChatRequest,
        strictest: &Strictest,
        device: &DeviceState,
        cloud: &CloudState,
        policy: &Policy,
        judgement: Judgement,
    ) -> Self {
        Self {
            only_local: query.local_only().next().is_some(),
            answer_limit: query.answer_limit(),
            strictest: strictest.clone(),
            device: *device,
            cloud: *cloud,
            mode: policy.mode,
            overflow: policy.overflow,
            judgement: judgement.of_numbers(),
        }
    }
}

impl Judgement {
    /// Without what is no number: such an estimate says nothing, and has no JSON.
    fn of_numbers(self) -> Self {
        Self {
            guess: self.guess.filter(|guess| guess.probability.is_finite()),
            estimate: self
                .estimate
                .filter(|estimate| estimate.gain.is_finite() && estimate.novelty.is_finite()),
        }
    }
}

/// The text that a judgement is of: the last that a person wrote.
pub fn question(query: &ChatRequest) -> &str {
    let last = query
        .messages
        .iter()
        .rfind(|message| message.role == Role::User);
    last.map_or("", |message| message.content.as_str())
}
