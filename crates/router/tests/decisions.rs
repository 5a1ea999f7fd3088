//! The decision table: what is asked against how things stand, for each mode that leaves a choice.
//!
//! A cell is where it is answered, and the reason that comes first; or the error, if nothing can answer.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

use query::{
    CloudSpeed, CloudState, DeviceState, EntityKind, Intent, LocalSpeed, LocalState, Mode,
    Overflow, Patience, Preferences, Price, PrivacyClass, Strain, Strictest, Target,
};
use router::{Estimate, Guess, Inputs, Judgement, decide};

const PREFER_LOCAL: &str = include_str!("decisions-prefer-local.txt");
const PREFER_CLOUD: &str = include_str!("decisions-prefer-cloud.txt");

/// A name in the table, and what makes it so.
type Case = (&'static str, fn(&mut Inputs));

/// What is asked, in the order of the columns.
const ASKED: [Case; 5] = [
    ("simple, urgent", |inputs| {
        inputs.patience = Patience::Urgent;
        asks(inputs, Intent::Rewriting, -0.2, 0.1, 40);
    }),
    ("complex", |inputs| {
        asks(inputs, Intent::Code, 0.2, 0.1, 300)
    }),
    ("private, moderate", |inputs| {
        inputs.strictest.class = PrivacyClass::PreferNot;
        inputs.strictest.kinds = vec![EntityKind::Person];
        asks(inputs, Intent::Writing, 0.35, 0.1, 200);
    }),
    ("ambiguous", |inputs| {
        asks(inputs, Intent::Chat, 0.6, 0.8, 100)
    }),
    ("complex, secret", |inputs| {
        inputs.strictest.class = PrivacyClass::NeverLeaves;
        inputs.strictest.kinds = vec![EntityKind::ApiKey];
        asks(inputs, Intent::Code, 1.0, 0.0, 300);
    }),
];

/// How things stand, in the order of the rows.
const STANDS: [Case; 14] = [
    ("all is well", |_| {}),
    ("cloud down", |inputs| inputs.cloud.failing = true),
    ("cloud slow", |inputs| {
        inputs.cloud.speed = Some(CloudSpeed {
            first: 30_000,
            first_at_most: 60_000,
            token: 40_000,
        });
    }),
    ("cloud expensive", |inputs| {
        inputs.cloud.price = Some(Price {
            input: 75.0,
            output: 150.0,
        });
    }),
    ("cloud limited", |inputs| inputs.cloud.scarcity = 1.0),
    ("battery low", |inputs| {
        inputs.device.strain.battery_low = true
    }),
    ("hot", |inputs| {
        inputs.device.strain.hot = true;
        inputs.device.strain.too_hot = true;
    }),
    ("battery low, hot", |inputs| {
        inputs.device.strain = Strain {
            battery_low: true,
            hot: true,
            too_hot: true,
            ..Strain::default()
        };
    }),
    ("data saver", |inputs| {
        inputs.device.strain.data_saver = true
    }),
    ("offline", |inputs| inputs.device.online = false),
    ("local not loaded", |inputs| {
        inputs.device.local = LocalState::Loading
    }),
    ("local too slow", |inputs| {
        inputs.device.speed = Some(LocalSpeed {
            prefill: 80_000,
            decode: 900_000,
        });
    }),
    ("local nearly full", |inputs| {
        inputs.device.local = LocalState::Ready {
            context_length: inputs.device.prompt_tokens + 64,
        };
    }),
    ("out of context", |inputs| {
        inputs.device.local = LocalState::Ready {
            context_length: inputs.device.prompt_tokens,
        };
    }),
];

fn asks(inputs: &mut Inputs, intent: Intent, gain: f32, novelty: f32, prompt_tokens: u32) {
    let probability = 0.9;
    inputs.judgement = Judgement {
        guess: Some(Guess {
            intent,
            probability,
        }),
        estimate: Some(Estimate { gain, novelty }),
    };
    inputs.device.prompt_tokens = prompt_tokens;
}

/// A device of the middle, a usual cloud.
fn usual(mode: Mode) -> Inputs {
    Inputs {
        only_local: false,
        answer_limit: None,
        strictest: Strictest::default(),
        device: DeviceState {
            local: LocalState::Ready {
                context_length: 2048,
            },
            online: true,
            prompt_tokens: 0,
            cached_tokens: 0,
            speed: Some(LocalSpeed {
                prefill: 3000,
                decode: 60_000,
            }),
            strain: Strain::default(),
        },
        cloud: CloudState {
            configured: true,
            detector_ready: true,
            attested: false,
            speed: Some(CloudSpeed {
                first: 900,
                first_at_most: 2000,
                token: 15_000,
            }),
            scarcity: 0.0,
            failing: false,
            price: Some(Price {
                input: 0.5,
                output: 1.5,
            }),
        },
        mode,
        overflow: Overflow::Cloud,
        patience: Patience::Normal,
        preferences: Preferences::default(),
        judgement: Judgement::default(),
    }
}

/// `page: looks-easy`.
fn cell(inputs: &Inputs) -> String {
    let code = |code| serde_json::to_value(code).unwrap();
    match decide(inputs) {
        Ok(route) => {
            let place = match route.target {
                Target::Local => "page",
                Target::Cloud => "cloud",
            };
            let reason = serde_json::to_value(route.reasons[0].code).unwrap();
            format!("{place}: {}", reason.as_str().unwrap())
        }
        Err(none) => format!("error: {}", code(none.code).as_str().unwrap()),
    }
}

fn table(mode: Mode) -> Vec<Vec<String>> {
    let heads = ASKED.iter().map(|(name, _)| (*name).to_owned());
    let mut rows = vec![std::iter::once(String::new()).chain(heads).collect()];
    for (name, stand) in STANDS {
        let cells = ASKED.iter().map(|(_, ask)| {
            let mut inputs = usual(mode);
            ask(&mut inputs);
            stand(&mut inputs);
            cell(&inputs)
        });
        rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
    }
    rows
}

fn read(table: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
    table.lines().map(cells).collect()
}

#[test]
fn every_cell_of_the_decision_table() {
    for (mode, expected) in [
        (Mode::PreferLocal, PREFER_LOCAL),
        (Mode::PreferCloud, PREFER_CLOUD),
    ] {
        let (decided, expected) = (table(mode), read(expected));
        assert_eq!(decided.len(), expected.len());
        for (decided, expected) in decided.iter().zip(&expected) {
            assert_eq!(decided, expected, "{mode:?}");
        }
    }
}
