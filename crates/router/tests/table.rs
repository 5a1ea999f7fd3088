//! The whole decision as a table: every combination of what matters is covered by exactly one row.

use query::{
    ChatRequest, CloudState, DeviceState, EntityKind, ErrorCode, LocalState, Message, Mode,
    Overflow, Policy, PrivacyClass, Reason,
    ReasonCode::{self, *},
    Role, Route, Strictest, Target, Topic,
};
use router::{Estimate, Judgement, NoRoute, route};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Local {
    Fits,
    TooSmall,
    Loading,
    Absent,
}
use Local::{Absent, Fits, Loading, TooSmall};
use Mode::{CloudOnly, LocalOnly, PreferCloud, PreferLocal};

/// What is expected.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Page(&'static [ReasonCode]),
    Cloud(&'static [ReasonCode]),
    Nobody(ErrorCode, [ReasonCode; 2]),
}
use Answer::{Cloud, Nobody, Page};

const ANY_LOCAL: &[Local] = &[Fits, TooSmall, Loading, Absent];
const NOT_THERE: &[Local] = &[Loading, Absent];
const BOTH: &[bool] = &[false, true];
const NO: &[bool] = &[false];
const YES: &[bool] = &[true];

/// Mode; something in it keeps it here; cloud configured; online; local model; the question is hard; answer.
type Row = (
    Mode,
    &'static [bool],
    &'static [bool],
    &'static [bool],
    &'static [Local],
    &'static [bool],
    Answer,
);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    (LocalOnly,   NO,  BOTH, BOTH, &[Fits],     BOTH, Page(&[ModeLocalOnly])),
    (LocalOnly,   NO,  BOTH, BOTH, &[TooSmall], BOTH, Nobody(ErrorCode::ContextOverflow, [ModeLocalOnly, LocalContextTooSmall])),
    (LocalOnly,   NO,  BOTH, BOTH, NOT_THERE,   BOTH, Nobody(ErrorCode::LocalUnavailable, [ModeLocalOnly, LocalNotReady])),
    (LocalOnly,   YES, BOTH, BOTH, &[Fits],     BOTH, Page(&[NeverLeaves])),
    (LocalOnly,   YES, BOTH, BOTH, &[TooSmall], BOTH, Nobody(ErrorCode::ContextOverflow, [NeverLeaves, LocalContextTooSmall])),
    (LocalOnly,   YES, BOTH, BOTH, NOT_THERE,   BOTH, Nobody(ErrorCode::LocalUnavailable, [NeverLeaves, LocalNotReady])),

    (PreferLocal, NO,  YES,  YES,  &[Fits],     NO,   Page(&[ModePreferLocal, LooksEasy])),
    (PreferLocal, NO,  YES,  YES,  &[Fits],     YES,  Cloud(&[LooksHard])),
    (PreferLocal, NO,  YES,  YES,  &[TooSmall], NO,   Cloud(&[LocalContextTooSmall])),
    (PreferLocal, NO,  YES,  YES,  &[TooSmall], YES,  Cloud(&[LooksHard])),
    (PreferLocal, NO,  YES,  YES,  NOT_THERE,   NO,   Cloud(&[LocalNotReady])),
    (PreferLocal, NO,  YES,  YES,  NOT_THERE,   YES,  Cloud(&[LooksHard])),
    (PreferLocal, NO,  YES,  NO,   &[Fits],     NO,   Page(&[ModePreferLocal, LooksEasy])),
    (PreferLocal, NO,  YES,  NO,   &[Fits],     YES,  Page(&[Offline])),
    (PreferLocal, NO,  YES,  NO,   &[TooSmall], BOTH, Nobody(ErrorCode::Offline, [Offline, LocalContextTooSmall])),
    (PreferLocal, NO,  YES,  NO,   NOT_THERE,   BOTH, Nobody(ErrorCode::Offline, [Offline, LocalNotReady])),
    (PreferLocal, NO,  NO,   BOTH, &[Fits],     NO,   Page(&[ModePreferLocal, LooksEasy])),
    (PreferLocal, NO,  NO,   BOTH, &[Fits],     YES,  Page(&[CloudNotConfigured])),
    (PreferLocal, NO,  NO,   BOTH, &[TooSmall], BOTH, Nobody(ErrorCode::ContextOverflow, [CloudNotConfigured, LocalContextTooSmall])),
    (PreferLocal, NO,  NO,   BOTH, NOT_THERE,   BOTH, Nobody(ErrorCode::LocalUnavailable, [CloudNotConfigured, LocalNotReady])),
    (PreferLocal, YES, BOTH, BOTH, &[Fits],     BOTH, Page(&[NeverLeaves])),
    (PreferLocal, YES, BOTH, BOTH, &[TooSmall], BOTH, Nobody(ErrorCode::PrivacyBlocked, [NeverLeaves, LocalContextTooSmall])),
    (PreferLocal, YES, BOTH, BOTH, NOT_THERE,   BOTH, Nobody(ErrorCode::PrivacyBlocked, [NeverLeaves, LocalNotReady])),

    (PreferCloud, NO,  YES,  YES,  ANY_LOCAL,   NO,   Cloud(&[ModePreferCloud])),
    (PreferCloud, NO,  YES,  YES,  ANY_LOCAL,   YES,  Cloud(&[ModePreferCloud, LooksHard])),
    (PreferCloud, NO,  YES,  NO,   &[Fits],     BOTH, Page(&[Offline])),
    (PreferCloud, NO,  YES,  NO,   &[TooSmall], BOTH, Nobody(ErrorCode::Offline, [Offline, LocalContextTooSmall])),
    (PreferCloud, NO,  YES,  NO,   NOT_THERE,   BOTH, Nobody(ErrorCode::Offline, [Offline, LocalNotReady])),
    (PreferCloud, NO,  NO,   BOTH, &[Fits],     BOTH, Page(&[CloudNotConfigured])),
    (PreferCloud, NO,  NO,   BOTH, &[TooSmall], BOTH, Nobody(ErrorCode::ContextOverflow, [CloudNotConfigured, LocalContextTooSmall])),
    (PreferCloud, NO,  NO,   BOTH, NOT_THERE,   BOTH, Nobody(ErrorCode::LocalUnavailable, [CloudNotConfigured, LocalNotReady])),
    (PreferCloud, YES, BOTH, BOTH, &[Fits],     BOTH, Page(&[NeverLeaves])),
    (PreferCloud, YES, BOTH, BOTH, &[TooSmall], BOTH, Nobody(ErrorCode::PrivacyBlocked, [NeverLeaves, LocalContextTooSmall])),
    (PreferCloud, YES, BOTH, BOTH, NOT_THERE,   BOTH, Nobody(ErrorCode::PrivacyBlocked, [NeverLeaves, LocalNotReady])),

    (CloudOnly,   NO,  YES,  YES,  ANY_LOCAL,   BOTH, Cloud(&[ModeCloudOnly])),
    (CloudOnly,   NO,  YES,  NO,   ANY_LOCAL,   BOTH, Nobody(ErrorCode::Offline, [Offline, ModeCloudOnly])),
    (CloudOnly,   NO,  NO,   BOTH, ANY_LOCAL,   BOTH, Nobody(ErrorCode::NoRoute, [CloudNotConfigured, ModeCloudOnly])),
    (CloudOnly,   YES, BOTH, BOTH, ANY_LOCAL,   BOTH, Nobody(ErrorCode::PrivacyBlocked, [NeverLeaves, ModeCloudOnly])),
];

/// A cloud that could answer.
const READY: CloudState = CloudState {
    configured: true,
    detector_ready: true,
    attested: false,
    speed: None,
    scarcity: 0.0,
    failing: false,
    price: None,
};

/// Classes, and whether the cloud is attested; whether that keeps a question in the page, and how it is said.
const CLASSES: [(PrivacyClass, bool, Option<ReasonCode>); 8] = [
    (PrivacyClass::Public, false, None),
    (PrivacyClass::Public, true, None),
    (PrivacyClass::PreferNot, false, None),
    (PrivacyClass::PreferNot, true, None),
    (PrivacyClass::Restricted, false, Some(NeedsAttestation)),
    (PrivacyClass::Restricted, true, None),
    (PrivacyClass::NeverLeaves, false, Some(NeverLeaves)),
    (PrivacyClass::NeverLeaves, true, Some(NeverLeaves)),
];

#[test]
fn every_combination_has_one_row_and_follows_it() {
    let mut combinations = 0;
    for mode in [LocalOnly, PreferLocal, PreferCloud, CloudOnly] {
        for local in ANY_LOCAL {
            for (class, attested, stays) in CLASSES {
                for bits in 0..8 {
                    let [configured, online, hard] = [1, 2, 4].map(|bit| bits & bit != 0);
                    let rows: Vec<&Row> = TABLE
                        .iter()
                        .filter(|row| {
                            row.0 == mode
                                && row.1.contains(&stays.is_some())
                                && row.2.contains(&configured)
                        })
                        .filter(|row| {
                            row.3.contains(&online)
                                && row.4.contains(local)
                                && row.5.contains(&hard)
                        })
                        .collect();
                    let cloud = CloudState {
                        configured,
                        detector_ready: true,
                        attested,
                        ..CloudState::default()
                    };
                    let place = format!(
                        "{mode:?} {class:?} {cloud:?} online {online} {local:?} hard {hard}"
                    );
                    assert_eq!(rows.len(), 1, "{place}: {rows:?}");
                    let judgement = expects(if hard { 0.9 } else { 0.0 });
                    let decided = decide(mode, class, cloud, online, *local, judgement);
                    // What should rather stay is told beside it, and has a test of its own.
                    let decided = decided.map(|mut route| {
                        route.reasons.retain(|reason| reason.code != PreferNot);
                        route
                    });
                    check(decided, rows[0].6, stays, &place);
                    combinations += 1;
                }
            }
        }
    }
    assert_eq!(combinations, 1024);
}

/// The decision on a question in which a card number has this class.
fn decide(
    mode: Mode,
    class: PrivacyClass,
    cloud: CloudState,
    online: bool,
    local: Local,
    judgement: Judgement,
) -> Result<Route, NoRoute> {
    let query = ChatRequest {
        messages: vec![Message::new(Role::User, "What is the capital of France?")],
        max_tokens: Some(64),
        ..ChatRequest::default()
    };
    let (local, prompt_tokens) = match local {
        Fits => (
            LocalState::Ready {
                context_length: 2048,
            },
            1984,
        ),
        TooSmall => (
            LocalState::Ready {
                context_length: 2048,
            },
            1985,
        ),
        Loading => (LocalState::Loading, 0),
        Absent => (LocalState::Unavailable, 0),
    };
    let device = DeviceState {
        local,
        online,
        prompt_tokens,
        ..DeviceState::default()
    };
    let policy = Policy {
        mode,
        ..Policy::default()
    };
    route(&query, &found(class), &device, &cloud, &policy, judgement)
}

/// The cloud is expected to do so much better, on a question like many that are known.
fn expects(gain: f32) -> Judgement {
    Judgement {
        guess: None,
        estimate: Some(Estimate { gain, novelty: 0.0 }),
    }
}

/// A card number of this class.
fn found(class: PrivacyClass) -> Strictest {
    Strictest {
        class,
        kinds: vec![EntityKind::Card],
        topics: Vec::new(),
    }
}

fn codes(reasons: &[Reason]) -> Vec<ReasonCode> {
    reasons.iter().map(|reason| reason.code).collect()
}

/// `stays` is how the table's `NeverLeaves` is said.
#[track_caller]
fn check(
    decided: Result<Route, NoRoute>,
    expected: Answer,
    stays: Option<ReasonCode>,
    place: &str,
) {
    let said = |codes: &[ReasonCode]| -> Vec<ReasonCode> {
        codes
            .iter()
            .map(|code| match (code, stays) {
                (NeverLeaves, Some(stays)) => stays,
                (code, _) => *code,
            })
            .collect()
    };
    let expected = match expected {
        Page(reasons) => Ok((Target::Local, said(reasons))),
        Cloud(reasons) => Ok((Target::Cloud, said(reasons))),
        Nobody(code, reasons) => Err((code, said(&reasons))),
    };
    let decided = decided
        .map(|route| (route.target, codes(&route.reasons)))
        .map_err(|none| (none.code, codes(&none.reasons)));
    assert_eq!(decided, expected, "{place}");
}

/// Whatever stands before a question to make it look hard moves the scores and nothing else.
#[test]
fn no_score_sends_what_may_not_leave() {
    for gain in [-1.0, 0.0, 0.5, 1.0, 1e9, f32::INFINITY, f32::NAN] {
        for mode in [LocalOnly, PreferLocal, PreferCloud, CloudOnly] {
            for (class, code) in [
                (PrivacyClass::Restricted, NeedsAttestation),
                (PrivacyClass::NeverLeaves, NeverLeaves),
            ] {
                for local in ANY_LOCAL {
                    match decide(mode, class, READY, true, *local, expects(gain)) {
                        Ok(route) => assert_eq!(
                            (route.target, codes(&route.reasons)),
                            (Target::Local, vec![code]),
                            "{mode:?} {local:?} {gain}"
                        ),
                        Err(none) => assert_eq!(none.reasons[0].code, code),
                    }
                }
            }
        }
    }
}

/// Much to gain is enough where nothing is personal, and not where something is.
#[test]
fn what_should_rather_stay_stays_unless_the_question_is_very_hard() {
    let decide = |class, gain| {
        let route = decide(PreferLocal, class, READY, true, Fits, expects(gain)).unwrap();
        (route.target, codes(&route.reasons))
    };
    let to_the_cloud = (Target::Cloud, vec![LooksHard]);
    assert_eq!(decide(PrivacyClass::Public, 0.6), to_the_cloud);
    assert_eq!(
        decide(PrivacyClass::PreferNot, 0.6),
        (Target::Local, vec![PreferNot, ModePreferLocal])
    );
    assert_eq!(decide(PrivacyClass::PreferNot, 0.9), to_the_cloud);
}

/// Without weights, or on a question that they do not know, the page begins.
#[test]
fn what_cannot_be_judged_begins_in_the_page() {
    let decide = |judgement| {
        let class = PrivacyClass::Public;
        let route = decide(PreferLocal, class, READY, true, Fits, judgement).unwrap();
        (route.target, codes(&route.reasons))
    };
    assert_eq!(
        decide(Judgement::default()),
        (Target::Local, vec![ModePreferLocal])
    );
    let unlike = Judgement {
        guess: None,
        estimate: Some(Estimate {
            gain: 0.9,
            novelty: 0.8,
        }),
    };
    assert_eq!(
        decide(unlike),
        (Target::Local, vec![ModePreferLocal, Unfamiliar])
    );
}

#[test]
fn what_would_have_changed_it_is_decided_again() {
    use query::ChangeCode::*;
    let changes = |mode, class, online, judgement| {
        let route = decide(mode, class, READY, online, Fits, judgement).unwrap();
        let told = |change: query::Change| (change.code, change.target, change.text);
        route.changes.into_iter().map(told).collect::<Vec<_>>()
    };
    let cloud = |code, text: &str| (code, Target::Cloud, text.to_owned());
    assert_eq!(
        changes(
            PreferCloud,
            PrivacyClass::NeverLeaves,
            true,
            Judgement::default()
        ),
        [cloud(
            WithoutFindings,
            "Without a card number, the cloud would answer."
        )]
    );
    // Alone, neither the network nor the card number would change it.
    assert_eq!(
        changes(
            PreferCloud,
            PrivacyClass::NeverLeaves,
            false,
            Judgement::default()
        ),
        []
    );
    assert_eq!(
        changes(PreferLocal, PrivacyClass::Public, true, expects(0.1)),
        [
            cloud(
                HarderQuestion,
                "If this looked harder, the cloud would answer."
            ),
            cloud(
                ModePreferCloud,
                "If you preferred answers from the cloud, the cloud would answer."
            ),
        ]
    );
    assert_eq!(
        changes(PreferLocal, PrivacyClass::Public, true, expects(0.9)),
        [(
            EasierQuestion,
            Target::Local,
            "If this looked easier, this device would answer.".to_owned()
        )]
    );
}

#[test]
fn a_short_answer_needs_less_room() {
    let query = ChatRequest {
        messages: vec![Message::new(Role::User, "Hi")],
        max_tokens: Some(8),
        ..ChatRequest::default()
    };
    let device = |prompt_tokens| DeviceState {
        local: LocalState::Ready {
            context_length: 100,
        },
        online: false,
        prompt_tokens,
        ..DeviceState::default()
    };
    let decide = |prompt_tokens| {
        route(
            &query,
            &Strictest::default(),
            &device(prompt_tokens),
            &CloudState::default(),
            &Policy::default(),
            Judgement::default(),
        )
    };
    assert!(decide(92).is_ok());
    assert_eq!(decide(93).unwrap_err().code, ErrorCode::ContextOverflow);
}

#[test]
fn an_error_says_why_for_both_places() {
    let query = ChatRequest::default();
    let policy = Policy {
        mode: CloudOnly,
        ..Policy::default()
    };
    for (class, why) in [
        (
            PrivacyClass::NeverLeaves,
            "There is something here that must not leave this device: a card number, somebody's health.",
        ),
        (
            PrivacyClass::Restricted,
            "There is something here that may leave only to a cloud whose hardware was verified, and this one's was \
             not: a card number, somebody's health.",
        ),
    ] {
        let strictest = Strictest {
            topics: vec![Topic::Health],
            ..found(class)
        };
        let nobody = DeviceState::default();
        let none = route(
            &query,
            &strictest,
            &nobody,
            &READY,
            &policy,
            Judgement::default(),
        );
        let error = query::Error::from(none.unwrap_err());
        assert_eq!(
            error.message,
            format!(
                "Nothing can answer this. {why} You chose to send every question to the cloud."
            )
        );
        assert_eq!(
            (error.code, error.recoverable),
            (ErrorCode::PrivacyBlocked, false)
        );
    }
}

#[test]
fn what_only_the_local_model_does_stays_with_it() {
    let request = |n| ChatRequest {
        messages: vec![Message::new(Role::User, "Hi")],
        n,
        ..ChatRequest::default()
    };
    let device = |local| DeviceState {
        local,
        online: true,
        prompt_tokens: 4,
        ..DeviceState::default()
    };
    let ready = LocalState::Ready {
        context_length: 2048,
    };
    let decide = |n, local, mode| {
        let policy = Policy {
            mode,
            ..Policy::default()
        };
        let nothing = Strictest::default();
        let judgement = Judgement::default();
        route(
            &request(n),
            &nothing,
            &device(local),
            &READY,
            &policy,
            judgement,
        )
        .map(|route| (route.target, route.reasons[0].code))
        .map_err(|error| (error.code, error.reasons.map(|reason| reason.code)))
    };
    assert_eq!(
        decide(Some(1), ready, PreferCloud),
        Ok((Target::Cloud, ModePreferCloud))
    );
    assert_eq!(
        decide(Some(2), ready, PreferCloud),
        Ok((Target::Local, OnlyLocalCan))
    );
    assert_eq!(
        decide(Some(2), ready, CloudOnly),
        Err((ErrorCode::NoRoute, [OnlyLocalCan, ModeCloudOnly]))
    );
    assert_eq!(
        decide(Some(2), LocalState::Loading, PreferLocal),
        Err((ErrorCode::LocalUnavailable, [OnlyLocalCan, LocalNotReady]))
    );
}

#[test]
fn a_conversation_that_is_too_long_goes_where_the_policy_says() {
    let request = ChatRequest {
        messages: vec![Message::new(Role::User, "Hi")],
        ..ChatRequest::default()
    };
    let device = DeviceState {
        local: LocalState::Ready {
            context_length: 2048,
        },
        online: true,
        prompt_tokens: 3000,
        ..DeviceState::default()
    };
    let decide = |mode, overflow, class| {
        let policy = Policy {
            mode,
            overflow,
            ..Policy::default()
        };
        let judgement = Judgement::default();
        route(&request, &found(class), &device, &READY, &policy, judgement)
            .map(|route| (route.target, route.reasons[0].code))
            .map_err(|error| error.code)
    };
    use Overflow::{DropOldest, Error, Summarise};
    let overflow = Err(ErrorCode::ContextOverflow);
    for (mode, rule, expected) in [
        (
            PreferLocal,
            Overflow::Cloud,
            Ok((Target::Cloud, LocalContextTooSmall)),
        ),
        (PreferLocal, Error, overflow),
        (
            PreferLocal,
            DropOldest,
            Ok((Target::Local, ModePreferLocal)),
        ),
        (PreferLocal, Summarise, Ok((Target::Local, ModePreferLocal))),
        // The cloud was preferred anyway.
        (PreferCloud, Error, Ok((Target::Cloud, ModePreferCloud))),
        (
            PreferCloud,
            DropOldest,
            Ok((Target::Cloud, ModePreferCloud)),
        ),
        (LocalOnly, Overflow::Cloud, overflow),
        (LocalOnly, Error, overflow),
        (LocalOnly, Summarise, Ok((Target::Local, ModeLocalOnly))),
        (CloudOnly, DropOldest, Ok((Target::Cloud, ModeCloudOnly))),
    ] {
        let decided = decide(mode, rule, PrivacyClass::Public);
        assert_eq!(decided, expected, "{mode:?} {rule:?}");
    }
    // Privacy comes first.
    assert_eq!(
        decide(PreferLocal, Overflow::Cloud, PrivacyClass::NeverLeaves),
        Err(ErrorCode::PrivacyBlocked)
    );
    assert_eq!(
        decide(PreferCloud, DropOldest, PrivacyClass::NeverLeaves),
        Ok((Target::Local, NeverLeaves))
    );
}

#[test]
fn nothing_leaves_while_names_cannot_be_found() {
    let cloud = CloudState {
        detector_ready: false,
        ..READY
    };
    let query = ChatRequest {
        messages: vec![Message::new(Role::User, "What is the capital of France?")],
        ..ChatRequest::default()
    };
    let decide = |mode, online, local| {
        let device = DeviceState {
            local,
            online,
            prompt_tokens: 8,
            ..DeviceState::default()
        };
        let policy = Policy {
            mode,
            ..Policy::default()
        };
        let judgement = Judgement::default();
        route(
            &query,
            &Strictest::default(),
            &device,
            &cloud,
            &policy,
            judgement,
        )
    };
    let fits = LocalState::Ready {
        context_length: 2048,
    };
    for (mode, online, code) in [
        (LocalOnly, true, ModeLocalOnly),
        (PreferLocal, true, ModePreferLocal),
        (PreferCloud, true, DetectorNotReady),
        (PreferCloud, false, Offline),
    ] {
        let went = decide(mode, online, fits).unwrap();
        assert_eq!((went.target, went.reasons[0].code), (Target::Local, code));
    }
    for (mode, local, reason) in [
        (CloudOnly, fits, ModeCloudOnly),
        (PreferCloud, LocalState::Unavailable, LocalNotReady),
    ] {
        let refused = decide(mode, true, local).unwrap_err();
        assert_eq!(refused.code, ErrorCode::DetectorUnavailable);
        assert_eq!(
            refused.reasons.map(|reason| reason.code),
            [DetectorNotReady, reason]
        );
    }
}
