//! What would have changed a decision: it is decided again with one thing changed at a time.

use query::{
    Change, ChangeCode, CloudSpeed, LocalSpeed, LocalState, Mode, Patience, PrivacyClass, Strain,
    Strictest, Target,
};

use crate::{
    Inputs,
    decide::{Decided, place},
    sentences::condition,
};

/// Changes that are told at most.
const MOST: usize = 4;
/// Tokens of context that any model of today can have.
const LONG_CONTEXT: u32 = 1 << 17;

type Make = fn(&mut Inputs);

/// Each thing and how it is changed: first what a person can do, then what would have to happen.
const CHANGES: [(ChangeCode, Make); 17] = [
    (ChangeCode::WithoutFindings, |inputs| {
        inputs.strictest.class = PrivacyClass::Public;
    }),
    (ChangeCode::ShorterConversation, |inputs| {
        inputs.device.prompt_tokens = 1;
    }),
    (ChangeCode::WithoutLocalOnly, |inputs| {
        inputs.only_local = false;
    }),
    (ChangeCode::EasierQuestion, |inputs| judged(inputs, -1.0)),
    (ChangeCode::HarderQuestion, |inputs| judged(inputs, 1.0)),
    (ChangeCode::ModePreferLocal, |inputs| {
        inputs.mode = Mode::PreferLocal;
    }),
    (ChangeCode::ModePreferCloud, |inputs| {
        inputs.mode = Mode::PreferCloud;
    }),
    (ChangeCode::CanWait, |inputs| {
        inputs.patience = Patience::Patient;
    }),
    (ChangeCode::DeviceRested, |inputs| {
        inputs.device.strain = Strain {
            data_saver: inputs.device.strain.data_saver,
            far: inputs.device.strain.far,
            ..Strain::default()
        };
    }),
    (ChangeCode::CloudAvailable, |inputs| {
        inputs.cloud.scarcity = 0.0;
        inputs.cloud.failing = false;
    }),
    (ChangeCode::FasterCloud, |inputs| {
        inputs.device.strain.far = false;
        inputs.cloud.speed = Some(CloudSpeed {
            first: 0,
            first_at_most: 0,
            token: 0,
        });
    }),
    (ChangeCode::FasterLocal, |inputs| {
        inputs.device.strain.slowed = false;
        inputs.device.speed = Some(LocalSpeed {
            prefill: 0,
            decode: 0,
        });
    }),
    (ChangeCode::FreeCloud, |inputs| inputs.cloud.price = None),
    (ChangeCode::Online, |inputs| inputs.device.online = true),
    (ChangeCode::LocalReady, |inputs| {
        if !matches!(inputs.device.local, LocalState::Ready { .. }) {
            inputs.device.local = LocalState::Ready {
                context_length: LONG_CONTEXT,
            };
        }
    }),
    (ChangeCode::DetectorReady, |inputs| {
        inputs.cloud.detector_ready = true;
    }),
    (ChangeCode::CloudConfigured, |inputs| {
        inputs.cloud.configured = true;
    }),
];

/// What would have changed where it is answered, each alone, the nearest first.
pub(crate) fn changes(inputs: &Inputs, target: Target) -> Vec<Change> {
    let mut changes = Vec::new();
    for (code, make) in CHANGES {
        let mut otherwise = inputs.clone();
        make(&mut otherwise);
        match place(&otherwise).1 {
            Decided::At(there, _) if there != target => changes.push(Change {
                code,
                target: there,
                text: sentence(code, there, &inputs.strictest),
            }),
            _ => {}
        }
        if changes.len() == MOST {
            break;
        }
    }
    changes
}

/// Were the question known to be so much harder for the page; without weights, nothing knows.
fn judged(inputs: &mut Inputs, gain: f32) {
    if let Some(estimate) = &mut inputs.judgement.estimate {
        estimate.gain = gain;
        estimate.novelty = 0.0;
    }
}

fn sentence(code: ChangeCode, target: Target, strictest: &Strictest) -> String {
    let who = match target {
        Target::Local => "this device",
        Target::Cloud => "the cloud",
    };
    format!("{}, {who} would answer.", condition(code, strictest))
}
