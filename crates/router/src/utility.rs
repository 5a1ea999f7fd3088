//! What each place is worth for a query: gain − cost − latency − burden, all as shares of the best that can be
//! gained (a right answer instead of a wrong one).
//!
//! How well the answer can wait, how much rather it should stay and what it costs are three scores, told apart; each
//! weighs by itself, and a policy's preferences weigh them against each other. Only additions, multiplications and
//! divisions of `f32`, in a fixed order: every machine comes to the same bits.

use query::{
    LocalState, Mode, Overflow, Patience, PrivacyClass, ReasonCode, Scores, Target, Utility,
};

use crate::{Inputs, Intent, Judgement, LEAST_ANSWER};

/// What `prefer-local` gives the page, and `prefer-cloud` the cloud: so much better has the other one to be.
const PREFERRED: f32 = 0.5;
/// What it takes from the cloud that something has to stay (sensitivity 1).
const SENSITIVE: f32 = 0.5;
/// What it takes from the cloud that nothing is left of its rate limit, or that it fails: more than any answer gains.
const UNAVAILABLE: f32 = 2.0;
/// What it takes from the page that the battery is low, or the device hot.
const STRAINED: f32 = 0.25;
/// What it takes from the page that the device is about to slow down, or would cut the answer to nothing.
const OVERSTRAINED: f32 = 0.5;
/// What it takes from the page that it has slowed down, over what that costs in waiting.
const SLOWED: f32 = 0.15;
/// What it takes from the cloud that the person asked for less data.
const SAVING: f32 = 0.1;

/// µs in which a person reads a token: 238 words a minute (Brysbaert, Journal of Memory and Language 109, 2019), four
/// tokens to three words. Nobody waits for what comes faster than that.
const READING: u32 = 190_000;
/// ms until a cloud's first text at least, while the network's servers are far away.
const FAR: u64 = 3000;
/// How often a conversation that leaves a warm cache comes back to it, in eighths.
const COMES_BACK: u64 = 4;

/// From this novelty on, a question is said to be unlike what the estimate was learned from.
const UNFAMILIAR: f32 = 0.5;
/// Below this expected gain a question looks easy enough for the page.
const EASY: f32 = 0.25;
/// What weighs less than this is no reason worth telling.
const WORTH_TELLING: f32 = 0.1;

/// One thing that speaks for a place.
struct Term {
    /// How it is told when it speaks for the cloud, and for the page.
    told: [Option<ReasonCode>; 2],
    /// For the cloud; below 0, for the page.
    weight: f32,
}

/// What is weighed.
struct Weighed {
    gain: f32,
    /// For the cloud; below 0, for the page.
    mode: f32,
    sensitivity: f32,
    cost: f32,
    /// Waiting for the page, and for the cloud.
    waits: [f32; 2],
    /// What leaving a warm cache costs later.
    warm: f32,
    scarcity: f32,
    failing: f32,
    saving: f32,
    battery: f32,
    heat: f32,
    cut: f32,
}

/// What each place is worth.
pub(crate) fn scores(inputs: &Inputs) -> Scores {
    let weighed = weigh(inputs);
    let local = Utility {
        gain: (-weighed.mode).max(0.0),
        cost: 0.0,
        latency: weighed.waits[0],
        burden: weighed.battery + weighed.heat + weighed.cut,
        total: 0.0,
    };
    let cloud = Utility {
        gain: weighed.gain + weighed.mode.max(0.0),
        cost: weighed.cost,
        latency: weighed.waits[1] + weighed.warm,
        burden: weighed.sensitivity + weighed.scarcity + weighed.failing + weighed.saving,
        total: 0.0,
    };
    let patience = tolerated_ms(inputs) as f32;
    Scores {
        guess: inputs.judgement.guess,
        estimate: inputs.judgement.estimate,
        tolerance: patience / (patience + NORMAL_MS as f32),
        sensitivity: sensitivity(inputs.strictest.class),
        cost: cost(inputs),
        local: summed(local),
        cloud: summed(cloud),
    }
}

/// Where it would be answered if no rule forbade a place, and why: first what alone decided it, then the mode, then
/// what weighs most.
pub(crate) fn preference(inputs: &Inputs, scores: &Scores) -> (Target, Vec<ReasonCode>) {
    match inputs.mode {
        Mode::LocalOnly => return (Target::Local, vec![ReasonCode::ModeLocalOnly]),
        Mode::CloudOnly => return (Target::Cloud, vec![ReasonCode::ModeCloudOnly]),
        Mode::PreferLocal | Mode::PreferCloud => {}
    }
    let ahead = scores.cloud.total - scores.local.total;
    let to_the_cloud = ahead > 0.0;
    let mut told: Vec<(bool, bool, f32, ReasonCode)> = Vec::new();
    for (at, Term { told: as_, weight }) in terms(&weigh(inputs)).into_iter().enumerate() {
        let speaks_for_it = (weight > 0.0) == to_the_cloud && weight.abs() >= WORTH_TELLING;
        if let (true, Some(code)) = (speaks_for_it, as_[usize::from(!to_the_cloud)]) {
            let decides = (ahead - weight > 0.0) != to_the_cloud;
            let is_mode = at == 0;
            told.push((decides && !is_mode, is_mode, weight.abs(), code));
        }
    }
    told.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(b.2.total_cmp(&a.2)));
    let mut codes: Vec<ReasonCode> = told.into_iter().map(|(.., code)| code).collect();
    if to_the_cloud {
        return (Target::Cloud, codes);
    }
    codes.extend(unjudged(inputs).filter(|code| !codes.contains(code)));
    (Target::Local, codes)
}

/// What speaks for the cloud or for the page; the mode first.
fn terms(weighed: &Weighed) -> [Term; 12] {
    use ReasonCode::*;
    let term = |for_the_cloud, for_the_page, weight| Term {
        told: [for_the_cloud, for_the_page],
        weight,
    };
    [
        term(Some(ModePreferCloud), Some(ModePreferLocal), weighed.mode),
        term(Some(LooksHard), Some(LooksEasy), weighed.gain),
        term(None, Some(PreferNot), -weighed.sensitivity),
        term(None, Some(CloudExpensive), -weighed.cost),
        term(
            Some(LocalSlow),
            Some(CloudSlow),
            weighed.waits[0] - weighed.waits[1],
        ),
        term(None, Some(WarmCache), -weighed.warm),
        term(None, Some(CloudLimited), -weighed.scarcity),
        term(None, Some(CloudFailing), -weighed.failing),
        term(None, Some(DataSaver), -weighed.saving),
        term(Some(BatteryLow), None, weighed.battery),
        term(Some(DeviceHot), None, weighed.heat),
        term(Some(LocalContextShort), None, weighed.cut),
    ]
}

fn weigh(inputs: &Inputs) -> Weighed {
    let preferences = &inputs.preferences;
    let strain = inputs.device.strain;
    let if_ = |holds, weight| if holds { weight } else { 0.0 };
    let waits = waits_ms(inputs);
    let [local, cloud, cloud_and_back] = waits.map(|ms| share(ms, tolerated_ms(inputs)));
    let heat = if_(strain.hot, STRAINED)
        .max(if_(strain.too_hot, OVERSTRAINED))
        .max(if_(strain.slowed, SLOWED));
    Weighed {
        gain: preferences.quality * gain(inputs.judgement),
        mode: match inputs.mode {
            Mode::PreferLocal => -PREFERRED,
            Mode::PreferCloud => PREFERRED,
            Mode::LocalOnly | Mode::CloudOnly => 0.0,
        },
        sensitivity: SENSITIVE * sensitivity(inputs.strictest.class),
        cost: preferences.cost * cost(inputs),
        waits: [local, cloud].map(|wait| preferences.latency * wait),
        warm: preferences.latency * (cloud_and_back - cloud),
        scarcity: UNAVAILABLE * inputs.cloud.scarcity.clamp(0.0, 1.0),
        failing: if_(inputs.cloud.failing, UNAVAILABLE),
        saving: if_(strain.data_saver, SAVING),
        battery: preferences.device * if_(strain.battery_low, STRAINED),
        heat: preferences.device * heat,
        cut: OVERSTRAINED * cut(inputs),
    }
}

fn summed(utility: Utility) -> Utility {
    Utility {
        total: utility.gain - utility.cost - utility.latency - utility.burden,
        ..utility
    }
}

/// What the estimate says to somebody who stays in the page, if it weighs nothing.
fn unjudged(inputs: &Inputs) -> Option<ReasonCode> {
    let estimate = inputs.judgement.estimate?;
    if estimate.novelty >= UNFAMILIAR {
        return Some(ReasonCode::Unfamiliar);
    }
    (gain(inputs.judgement) < EASY).then_some(ReasonCode::LooksEasy)
}

/// The expected gain over the page's model: what the estimate says, as far as the question is one that it knows, and
/// how much weaker that model is than those that the estimate was learned from.
pub(crate) fn gain(judgement: Judgement) -> f32 {
    let Judgement { guess, estimate } = judgement;
    let estimated = estimate.map_or(0.0, |estimate| {
        estimate.gain.clamp(-1.0, 1.0) * (1.0 - estimate.novelty.clamp(0.0, 1.0))
    });
    let weaker = guess.map_or(0.0, |guess| {
        weaker(guess.intent) * guess.probability.clamp(0.0, 1.0)
    });
    (estimated + weaker).clamp(-1.0, 1.0)
}

/// How much more often a model that a page can hold fails than the weak models of the graded answers (Mixtral 8x7B,
/// and 7 to 9B), by what is asked for.
///
/// Mathematics is as measured: SmolLM2-135M is right in 5% of GSM8K, those in 64%. Facts are two thirds of what is
/// measured on the examinations of MMLU (21% against 67%), because people ask a page easier things.
/// (`docs/evaluation.md`). Nobody graded the others; they are set by hand, after what such models are known to do.
fn weaker(intent: Intent) -> f32 {
    match intent {
        Intent::Mathematics | Intent::Code => 0.6,
        Intent::Reasoning | Intent::Planning | Intent::Translation => 0.45,
        Intent::Facts => 0.3,
        Intent::Classification
        | Intent::Extraction
        | Intent::Summarization
        | Intent::Rewriting
        | Intent::Writing => 0.25,
        Intent::Chat => 0.0,
    }
}

fn sensitivity(class: PrivacyClass) -> f32 {
    match class {
        PrivacyClass::Public => 0.0,
        PrivacyClass::PreferNot => 0.5,
        PrivacyClass::Restricted => 0.75,
        PrivacyClass::NeverLeaves => 1.0,
    }
}

/// Half where it costs what the policy calls fair.
fn cost(inputs: &Inputs) -> f32 {
    let Some(price) = inputs.cloud.price else {
        return 0.0;
    };
    let [prompt, answer] = [inputs.device.prompt_tokens, answer_tokens(inputs)];
    let cost = (prompt as f32 * price.input + answer as f32 * price.output) / 1e6;
    let cost = cost.max(0.0);
    if cost == 0.0 {
        return 0.0;
    }
    cost / (cost + inputs.preferences.fair_price.max(0.0))
}

/// ms that a person waits: for the page, for the cloud, and for the cloud and then again for the page, whose cache
/// will lack this turn. What was not measured counts as fast.
fn waits_ms(inputs: &Inputs) -> [u64; 3] {
    let answer = answer_tokens(inputs);
    let over_reading = |each: u32| u64::from(each.saturating_sub(READING)) * u64::from(answer);
    let device = &inputs.device;
    let new = u64::from(device.prompt_tokens.saturating_sub(device.cached_tokens));
    let prefill = |tokens: u64| tokens * device.speed.map_or(0, |speed| u64::from(speed.prefill));

    let decode = device.speed.map_or(0, |speed| over_reading(speed.decode));
    let local = (prefill(new) + decode) / 1000;

    let far = if device.strain.far { FAR } else { 0 };
    let cloud = inputs.cloud.speed.map_or(far, |speed| {
        let first = match inputs.patience {
            Patience::Urgent => speed.first_at_most,
            Patience::Normal | Patience::Patient => speed.first,
        };
        far.max(first.into()) + over_reading(speed.token) / 1000
    });
    let back = if device.cached_tokens > 0 {
        prefill(new + u64::from(answer)) * COMES_BACK / 8 / 1000
    } else {
        0
    };
    [local, cloud, cloud + back]
}

/// A wait that is half of all patience.
const NORMAL_MS: u64 = 10_000;

/// The wait that takes half of what an answer is worth. Who asks for a long text expects to wait for it.
fn tolerated_ms(inputs: &Inputs) -> u64 {
    let waits = match inputs.patience {
        Patience::Urgent => 4000,
        Patience::Normal => NORMAL_MS,
        Patience::Patient => 60_000,
    };
    let is_long = inputs
        .judgement
        .guess
        .is_some_and(|guess| usual_tokens(guess.intent) >= LONG);
    if is_long { 2 * waits } else { waits }
}

fn share(ms: u64, tolerated_ms: u64) -> f32 {
    ms as f32 / (ms + tolerated_ms) as f32
}

/// How much of the answer the page has no room for, 0 to 1.
fn cut(inputs: &Inputs) -> f32 {
    let LocalState::Ready { context_length } = inputs.device.local else {
        return 0.0;
    };
    let room = context_length.saturating_sub(inputs.device.prompt_tokens);
    // Either the engine makes room, or there is a rule for it.
    let is_full = room
        < inputs
            .answer_limit
            .unwrap_or(LEAST_ANSWER)
            .min(LEAST_ANSWER);
    if is_full || matches!(inputs.overflow, Overflow::DropOldest | Overflow::Summarise) {
        return 0.0;
    }
    let answer = answer_tokens(inputs);
    answer.saturating_sub(room) as f32 / answer.max(1) as f32
}

/// Tokens that the answer will probably have.
fn answer_tokens(inputs: &Inputs) -> u32 {
    let usual = match inputs.judgement.guess {
        Some(guess) => usual_tokens(guess.intent),
        None => USUAL,
    };
    inputs.answer_limit.map_or(usual, |limit| limit.min(usual))
}

/// Tokens of an answer of which nothing is known.
const USUAL: u32 = 192;
/// An answer of so many tokens is a long one.
const LONG: u32 = 256;

/// Tokens of an answer, roughly.
fn usual_tokens(intent: Intent) -> u32 {
    match intent {
        Intent::Classification => 8,
        Intent::Extraction | Intent::Facts | Intent::Chat => 64,
        Intent::Summarization | Intent::Rewriting | Intent::Translation => 128,
        Intent::Reasoning | Intent::Mathematics => 256,
        Intent::Writing | Intent::Code | Intent::Planning => 448,
    }
}
