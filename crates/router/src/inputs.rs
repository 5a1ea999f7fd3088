//! All that a decision is made from.

use query::{
    ChatRequest, CloudState, DeviceState, Estimate, Guess, Mode, Overflow, Patience, Policy,
    Preferences, Price, Role, Strictest,
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

/// Most that a preference weighs.
const MOST: f32 = 4.0;

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
    /// How well the answer can wait.
    pub patience: Patience,
    /// What counts how much.
    pub preferences: Preferences,
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
            cloud: CloudState {
                price: cloud.price.map(|price| Price {
                    input: number(price.input, f32::MAX, 0.0),
                    output: number(price.output, f32::MAX, 0.0),
                }),
                scarcity: number(cloud.scarcity, 1.0, 0.0),
                ..*cloud
            },
            mode: policy.mode,
            overflow: policy.overflow,
            patience: policy.patience,
            preferences: {
                let usual = Preferences::default();
                let given = policy.preferences;
                Preferences {
                    quality: number(given.quality, MOST, usual.quality),
                    cost: number(given.cost, MOST, usual.cost),
                    latency: number(given.latency, MOST, usual.latency),
                    device: number(given.device, MOST, usual.device),
                    fair_price: number(given.fair_price, f32::MAX, usual.fair_price),
                }
            },
            judgement: judgement.of_numbers(),
        }
    }
}

/// From 0 to `most`; `otherwise` for what is no number, which JSON has not either.
fn number(given: f32, most: f32, otherwise: f32) -> f32 {
    if given.is_finite() {
        given.clamp(0.0, most)
    } else {
        otherwise
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
