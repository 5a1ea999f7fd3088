//! Whatever goes in: what may not leave stays, and a record decides the same again, bit by bit.

use std::{env, fs};

use proptest::{option, prelude::*, sample::select};
use query::{
    CloudSpeed, CloudState, DeviceState, EntityKind, Intent, LocalSpeed, LocalState, Mode,
    Overflow, Patience, Preferences, Price, PrivacyClass, Strain, Strictest, Target, Topic,
};
use router::{Decision, Estimate, Guess, Inputs, Judgement, Record, decide, replay};

fn any_strictest() -> impl Strategy<Value = Strictest> {
    use PrivacyClass::*;
    let class = select(vec![Public, PreferNot, Restricted, NeverLeaves]);
    (class, any::<bool>()).prop_map(|(class, health)| Strictest {
        class,
        kinds: vec![EntityKind::Card],
        topics: health.then_some(Topic::Health).into_iter().collect(),
    })
}

fn any_device() -> impl Strategy<Value = DeviceState> {
    let local = prop_oneof![
        Just(LocalState::Loading),
        Just(LocalState::Unavailable),
        any::<u32>().prop_map(|context_length| LocalState::Ready { context_length }),
    ];
    let speed = any::<(u32, u32)>().prop_map(|(prefill, decode)| LocalSpeed { prefill, decode });
    (
        local,
        any::<bool>(),
        any::<(u32, u32)>(),
        option::of(speed),
        any::<[bool; 6]>(),
    )
        .prop_map(|(local, online, (prompt, cached), speed, strain)| {
            let [battery_low, hot, too_hot, slowed, data_saver, far] = strain;
            DeviceState {
                local,
                online,
                prompt_tokens: prompt >> 8,
                cached_tokens: cached >> 8,
                speed,
                strain: Strain {
                    battery_low,
                    hot,
                    too_hot,
                    slowed,
                    data_saver,
                    far,
                },
            }
        })
}

fn any_cloud() -> impl Strategy<Value = CloudState> {
    let speed = any::<(u32, u32, u32)>().prop_map(|(first, first_at_most, token)| CloudSpeed {
        first,
        first_at_most,
        token,
    });
    let price = (0.0_f32..1e9, 0.0_f32..1e9).prop_map(|(input, output)| Price { input, output });
    (
        any::<[bool; 4]>(),
        option::of(speed),
        0.0_f32..=1.0,
        option::of(price),
    )
        .prop_map(|(flags, speed, scarcity, price)| {
            let [configured, detector_ready, attested, failing] = flags;
            CloudState {
                configured,
                detector_ready,
                attested,
                speed,
                scarcity,
                failing,
                price,
            }
        })
}

fn any_judgement() -> impl Strategy<Value = Judgement> {
    let intent = select(Intent::NAMES.map(|(intent, _)| intent).to_vec());
    let guess = (intent, 0.0_f32..=1.0).prop_map(|(intent, probability)| Guess {
        intent,
        probability,
    });
    // Beyond what a model of gain would say, too: whoever writes a question has a say in these.
    let number = || {
        prop_oneof![
            -2.0_f32..2.0,
            any::<f32>().prop_filter("finite", |x| x.is_finite())
        ]
    };
    let estimate = (number(), number()).prop_map(|(gain, novelty)| Estimate { gain, novelty });
    (option::of(guess), option::of(estimate))
        .prop_map(|(guess, estimate)| Judgement { guess, estimate })
}

prop_compose! {
    fn any_inputs()(
        only_local: bool,
        answer_limit in option::of(1_u32..4096),
        strictest in any_strictest(),
        device in any_device(),
        cloud in any_cloud(),
        mode in select(vec![Mode::LocalOnly, Mode::PreferLocal, Mode::PreferCloud, Mode::CloudOnly]),
        overflow in select(vec![
            Overflow::Error, Overflow::DropOldest, Overflow::Summarise, Overflow::Cloud,
        ]),
        patience in select(vec![Patience::Urgent, Patience::Normal, Patience::Patient]),
        weights in [0.0_f32..=4.0, 0.0..=4.0, 0.0..=4.0, 0.0..=4.0],
        fair_price in 0.0_f32..1e6,
        judgement in any_judgement(),
    ) -> Inputs {
        let [quality, cost, latency, device_] = weights;
        let preferences = Preferences { quality, cost, latency, device: device_, fair_price };
        Inputs {
            only_local, answer_limit, strictest, device, cloud, mode, overflow, patience, preferences, judgement,
        }
    }
}

fn may_not_leave(inputs: &Inputs) -> bool {
    match inputs.strictest.class {
        PrivacyClass::NeverLeaves => true,
        PrivacyClass::Restricted => !inputs.cloud.attested,
        PrivacyClass::PreferNot | PrivacyClass::Public => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn what_may_not_leave_stays(inputs in any_inputs()) {
        if let (true, Ok(route)) = (may_not_leave(&inputs), decide(&inputs)) {
            prop_assert_eq!(route.target, Target::Local);
            // Nor is the person told that it would, but without what keeps it.
            for change in route.changes {
                prop_assert_eq!(change.code, query::ChangeCode::WithoutFindings);
            }
        }
    }

    /// No answer in a place that a rule forbids.
    #[test]
    fn rules_come_before_scores(inputs in any_inputs()) {
        let Ok(route) = decide(&inputs) else { return Ok(()) };
        let leaves = route.target == Target::Cloud;
        let forbidden = match inputs.mode {
            Mode::LocalOnly => leaves,
            Mode::CloudOnly => !leaves,
            Mode::PreferLocal | Mode::PreferCloud => false,
        };
        prop_assert!(!forbidden);
        let cloud = &inputs.cloud;
        prop_assert!(
            !leaves || cloud.configured && cloud.detector_ready && inputs.device.online && !inputs.only_local
        );
        let is_ready = matches!(inputs.device.local, LocalState::Ready { .. });
        prop_assert!(leaves || is_ready);
        prop_assert!(!route.reasons.is_empty());
        prop_assert!(route.changes.iter().all(|change| change.target != route.target));
        let scores = route.scores;
        for score in [scores.tolerance, scores.sensitivity, scores.cost] {
            prop_assert!((0.0..=1.0).contains(&score), "{scores:?}");
        }
    }

    #[test]
    fn a_record_decides_the_same_again(inputs in any_inputs()) {
        let record = Record::of(inputs, Some("weights".to_owned()));
        let kept = serde_json::to_string(&record).unwrap();
        let read: Record = serde_json::from_str(&kept).unwrap();
        prop_assert_eq!(&read, &record);
        let again = Record { result: replay(&read), ..read };
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), kept);
    }
}

/// What a record looks like. A change of the rules, the scores or the sentences is a new `Record::VERSION`, once the
/// last one has been published; `TIDEGATE_UPDATE=1` writes what comes of it now.
#[test]
fn a_record_of_this_version_is_read_and_replayed() {
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/record.json");
    let read = || -> Record { serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap() };
    if env::var_os("TIDEGATE_UPDATE").is_some() {
        let inputs = read().inputs;
        let fresh = Record::of(inputs, Some("5f1d".to_owned()));
        fs::write(FILE, serde_json::to_string_pretty(&fresh).unwrap() + "\n").unwrap();
    }
    let record = read();
    assert_eq!(record.version, Record::VERSION);
    assert_eq!(replay(&record), record.result);
    let Decision::Route(route) = &record.result else {
        panic!("a route")
    };
    assert_eq!(route.target, Target::Cloud);
    let fields: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&record).unwrap(), fields.to_string());
}
