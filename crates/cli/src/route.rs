//! `tidegate route`: where prompts would be answered, line by line, and why.

use std::{io::Write, path::PathBuf, time::Instant};

use clap::{Args, ValueEnum};
use query::{
    CloudState, DeviceState, ErrorCode, Intent, LocalState, Mode, Patience, Policy, Price, Reason,
    Strain, Target,
};
use router::{Judgement, NoRoute, Weights};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    learned,
    lines::{Lines, until_closed},
    personal::{self, Finder},
};

/// Options of `tidegate route`.
#[derive(Args)]
pub struct Arguments {
    /// What to read; standard input if none is given, or `-`.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    circumstances: Circumstances,
}

/// The policy, and the state of the two places that can answer.
#[derive(Args)]
pub(crate) struct Circumstances {
    /// Who may answer.
    #[arg(long, value_enum, default_value_t = Who::PreferLocal)]
    mode: Who,
    /// How well the answers can wait.
    #[arg(long, value_enum, default_value_t = Wait::Normal)]
    patience: Wait,
    /// The local model.
    #[arg(long, value_enum, default_value_t = Local::Ready)]
    local: Local,
    /// Tokens that prompt and answer together may have in the local model. A prompt's tokens are taken to be a
    /// quarter of its bytes.
    #[arg(long, value_name = "TOKENS", default_value_t = 4096)]
    context: u32,
    /// No cloud is configured.
    #[arg(long)]
    no_cloud: bool,
    /// The cloud failed again and again, only just now.
    #[arg(long)]
    cloud_failing: bool,
    /// The device has no network.
    #[arg(long)]
    offline: bool,
    /// Its battery is low.
    #[arg(long)]
    battery_low: bool,
    /// It is warm from work.
    #[arg(long)]
    hot: bool,
    #[command(flatten)]
    personal: personal::Options,
}

#[derive(Clone, Copy, ValueEnum)]
enum Who {
    LocalOnly,
    PreferLocal,
    PreferCloud,
    CloudOnly,
}

#[derive(Clone, Copy, ValueEnum)]
enum Wait {
    Urgent,
    Normal,
    Patient,
}

#[derive(Clone, Copy, ValueEnum)]
enum Local {
    Ready,
    Loading,
    Unavailable,
}

/// Decides for one prompt after the other, each as the only message of a conversation.
pub(crate) struct Decider {
    finder: Finder,
    weights: Weights,
    policy: Policy,
    device: DeviceState,
    cloud: CloudState,
}

/// What was decided.
pub(crate) struct Decided {
    pub(crate) judgement: Judgement,
    pub(crate) result: Result<query::Route, NoRoute>,
    /// Microseconds of judging and deciding; what is personal was found before.
    us: f64,
}

impl Circumstances {
    /// What decides.
    ///
    /// # Errors
    /// If an app's rules cannot be read, or would be ignored.
    pub(crate) fn decider(&self) -> anyhow::Result<Decider> {
        let finder = self.personal.finder()?;
        let policy = Policy {
            mode: match self.mode {
                Who::LocalOnly => Mode::LocalOnly,
                Who::PreferLocal => Mode::PreferLocal,
                Who::PreferCloud => Mode::PreferCloud,
                Who::CloudOnly => Mode::CloudOnly,
            },
            privacy: finder.rules().clone(),
            patience: match self.patience {
                Wait::Urgent => Patience::Urgent,
                Wait::Normal => Patience::Normal,
                Wait::Patient => Patience::Patient,
            },
            ..Policy::default()
        };
        let device = DeviceState {
            local: match self.local {
                Local::Ready => LocalState::Ready {
                    context_length: self.context,
                },
                Local::Loading => LocalState::Loading,
                Local::Unavailable => LocalState::Unavailable,
            },
            online: !self.offline,
            strain: Strain {
                battery_low: self.battery_low,
                hot: self.hot,
                ..Strain::default()
            },
            ..DeviceState::default()
        };
        let cloud = CloudState {
            configured: !self.no_cloud,
            detector_ready: true,
            failing: self.cloud_failing,
            ..CloudState::default()
        };
        Ok(Decider {
            finder,
            weights: learned::router(),
            policy,
            device,
            cloud,
        })
    }
}

impl Decider {
    /// As the engine does: what is personal first, which no score outvotes; then what is asked for; then where.
    pub(crate) fn decide(&self, prompt: &str, price: Option<Price>) -> Decided {
        let request = personal::request(prompt);
        let strictest = self.finder.find(&request).strictest();
        let started = Instant::now();
        let judgement = self.weights.judge(router::question(&request));
        let device = DeviceState {
            prompt_tokens: tokens(prompt),
            ..self.device
        };
        let cloud = CloudState {
            price,
            ..self.cloud
        };
        let result = router::route(
            &request,
            &strictest,
            &device,
            &cloud,
            &self.policy,
            judgement,
        );
        Decided {
            judgement,
            result,
            us: started.elapsed().as_secs_f64() * 1e6,
        }
    }

    /// What a prompt asks for.
    pub(crate) fn intent(&self, prompt: &str) -> Intent {
        self.weights.intent(prompt).intent
    }
}

/// About how many tokens a text has.
pub(crate) fn tokens(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX)
}

/// The fields that a line gets.
const FIELDS: [&str; 8] = [
    "intent",
    "intent_probability",
    "expected_gain",
    "novelty",
    "route",
    "error",
    "reasons",
    "us",
];

#[derive(Serialize)]
struct Routed {
    #[serde(flatten)]
    other: Map<String, Value>,
    intent: Option<Intent>,
    intent_probability: Option<f32>,
    expected_gain: Option<f32>,
    novelty: Option<f32>,
    route: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorCode>,
    reasons: Vec<Reason>,
    us: f64,
}

/// Writes where each prompt would be answered.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let decider = arguments.circumstances.decider()?;
    // Patterns compile at their first use.
    decider.decide("warm up 1", None);
    let expected = "each line is a JSON object with a string `prompt`";
    let mut lines = Lines::open(arguments.file.as_deref(), expected)?;
    let mut out = std::io::stdout().lock();
    while let Some(mut other) = lines.read()? {
        let decided = decider.decide(lines.text(&other, "prompt")?, None);
        // `remove` would move the last field into the gap.
        other.shift_remove("prompt");
        for field in FIELDS {
            other.shift_remove(field);
        }
        let Judgement { guess, estimate } = decided.judgement;
        let (route, error, reasons) = match decided.result {
            Ok(route) => (Some(route.target), None, route.reasons),
            Err(none) => (None, Some(none.code), none.reasons.into()),
        };
        let line = serde_json::to_string(&Routed {
            other,
            intent: guess.map(|guess| guess.intent),
            intent_probability: guess.map(|guess| guess.probability),
            expected_gain: estimate.map(|estimate| estimate.gain),
            novelty: estimate.map(|estimate| estimate.novelty),
            route,
            error,
            reasons,
            us: (decided.us * 10.0).round() / 10.0,
        })?;
        let written = writeln!(out, "{line}").map_err(Into::into);
        if written.is_err() {
            return until_closed(written);
        }
    }
    Ok(())
}
