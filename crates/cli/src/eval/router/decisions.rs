//! What a policy makes of the prompts: the whole decision, and not the expected gain alone.

use std::{collections::BTreeMap, fs, ops::AddAssign, path::Path};

use anyhow::Context;
use privacy::{Detector, Vault, find_with};
use query::{CloudState, DeviceState, LocalState, Policy, Price, ReasonCode, Target};
use router::{Inputs, Judgement, Weights, decide, question};
use router_training::gain::curve::{Point, Sorted};
use serde_json::{Value, json};

use super::predict::{All, Answered};
use crate::{eval::bootstrap::intervals, personal, route};

/// A policy by the name of its mode, or in a file of JSON.
///
/// # Errors
/// If it is neither.
pub(super) fn policy(given: &str) -> anyhow::Result<Policy> {
    let mode = serde_json::from_value(Value::String(given.to_owned()));
    if let Ok(mode) = mode {
        return Ok(Policy {
            mode,
            ..Policy::default()
        });
    }
    let place = || {
        format!(
            "--policy {given}: neither local-only, prefer-local, prefer-cloud or cloud-only, nor a file of JSON"
        )
    };
    let text = fs::read_to_string(Path::new(given)).with_context(place)?;
    serde_json::from_str(&text).with_context(place)
}

/// Of prompts of one group, which stand or fall together.
#[derive(Clone, Copy, Default)]
struct Sum {
    prompts: f64,
    sent: f64,
    weak: f64,
    strong: f64,
    score: f64,
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.prompts += other.prompts;
        self.sent += other.sent;
        self.weak += other.weak;
        self.strong += other.strong;
        self.score += other.score;
    }
}

impl Sum {
    /// Mean score; and how far it is above that of as many prompts that are sent by chance.
    fn figures(&self) -> [Option<f64>; 2] {
        let prompts = self.prompts.max(1.0);
        let by_chance = self.weak + (self.strong - self.weak) * self.sent / prompts;
        [
            Some(self.score / prompts),
            Some((self.score - by_chance) / prompts),
        ]
    }
}

/// Decides for each prompt, with what was expected of it by weights that did not learn from it. All is well: the local
/// model is loaded, the cloud is there and as fast as the page.
pub(super) fn decisions(
    answered: &[Answered],
    all: &All,
    policy: &Policy,
    price: Price,
    weights: &Weights,
) -> Value {
    let mut groups: BTreeMap<usize, Sum> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let (mut cost, mut cost_of_all, mut nowhere) = (0.0, 0.0, 0);
    for answer in answered {
        let prompt = &all.prompts[answer.prompt];
        let inputs = inputs(&prompt.prompt, answer, policy, price, weights);
        let Ok(route) = decide(&inputs) else {
            nowhere += 1;
            continue;
        };
        let is_sent = route.target == Target::Cloud;
        // It tells the cost as a share of what is fair and itself.
        let share = f64::from(route.scores.cost);
        let spent = f64::from(policy.preferences.fair_price) * share / (1.0 - share).max(1e-9);
        cost_of_all += spent;
        if is_sent {
            cost += spent;
        }
        if let Some(reason) = route.reasons.first() {
            *reasons.entry(name(reason.code)).or_default() += 1;
        }
        let (weak, strong) = (f64::from(prompt.weak), f64::from(prompt.strong));
        *groups.entry(all.groups[answer.prompt]).or_default() += Sum {
            prompts: 1.0,
            sent: f64::from(u8::from(is_sent)),
            weak,
            strong,
            score: if is_sent { strong } else { weak },
        };
    }
    let groups: Vec<Sum> = groups.into_values().collect();
    let mut sum = Sum::default();
    for group in &groups {
        sum += *group;
    }
    let prompts = sum.prompts.max(1.0);
    let sent = sum.sent / prompts;
    let points = answered.iter().map(|answer| {
        let example = &all.examples[answer.prompt];
        Point {
            predicted: answer.estimate.gain,
            gain: example.gain,
            weak: example.weak,
        }
    });
    let by_gain = Sorted::new(points).curve(|_| 1).score_at(sent);
    let [score, above] = intervals(&groups, Sum::figures);
    let [value, above_value] = sum.figures();
    let gap = sum.strong - sum.weak;
    json!({
        "sent": sent,
        "score": {"value": value, "interval": score},
        "above_chance": {"value": above_value, "interval": above},
        "score_by_gain_alone": by_gain,
        "recovered": (gap > 0.0).then(|| (sum.score - sum.weak) / gap),
        "cost": cost / prompts,
        "cost_of_all": cost_of_all / prompts,
        "no_route": nowhere,
        "reasons": reasons,
    })
}

fn inputs(
    text: &str,
    answer: &Answered,
    policy: &Policy,
    price: Price,
    weights: &Weights,
) -> Inputs {
    let request = personal::request(text);
    let detector = Detector::default();
    let findings = find_with(&detector, &request, &policy.privacy, &Vault::default());
    let device = DeviceState {
        local: LocalState::Ready {
            context_length: 8192,
        },
        online: true,
        prompt_tokens: route::tokens(text),
        ..DeviceState::default()
    };
    let cloud = CloudState {
        configured: true,
        detector_ready: true,
        price: Some(price),
        ..CloudState::default()
    };
    let judgement = Judgement {
        guess: Some(weights.intent(question(&request))),
        estimate: Some(answer.estimate),
    };
    Inputs::of(
        &request,
        &findings.strictest(),
        &device,
        &cloud,
        policy,
        judgement,
    )
}

/// As a page reads it.
fn name(code: ReasonCode) -> String {
    let value = serde_json::to_value(code).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
