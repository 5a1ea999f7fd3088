//! The whole decision as a table: every combination of what matters is covered by exactly one row.

use query::{
    ChatRequest, CloudState, DeviceState, EntityKind, ErrorCode, Finding, LocalState, Message,
    Mode, Overflow, Policy, PrivacyClass, PrivacyLevel,
    ReasonCode::{self, *},
    Role, Target,
};
use router::route;

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

/// Mode; something never leaves; cloud configured; online; local model; the question is hard; answer.
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

    (PreferCloud, NO,  YES,  YES,  ANY_LOCAL,   BOTH, Cloud(&[ModePreferCloud])),
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

const READY: CloudState = CloudState {
    configured: true,
    detector_ready: true,
};

#[test]
fn every_combination_has_one_row_and_follows_it() {
    let mut combinations = 0;
    for mode in [LocalOnly, PreferLocal, PreferCloud, CloudOnly] {
        for local in ANY_LOCAL {
            for bits in 0..16 {
                let [never, configured, online, hard] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
                let rows: Vec<&Row> = TABLE
                    .iter()
                    .filter(|row| {
                        row.0 == mode && row.1.contains(&never) && row.2.contains(&configured)
                    })
                    .filter(|row| {
                        row.3.contains(&online) && row.4.contains(local) && row.5.contains(&hard)
                    })
                    .collect();
                let place = format!(
                    "{mode:?} never {never} configured {configured} online {online} {local:?} hard {hard}"
                );
                assert_eq!(rows.len(), 1, "{place}: {rows:?}");
                check(
                    mode, never, configured, online, *local, hard, rows[0].6, &place,
                );
                combinations += 1;
            }
        }
    }
    assert_eq!(combinations, 256);
}

#[expect(clippy::too_many_arguments, reason = "the columns of the table")]
fn check(
    mode: Mode,
    never: bool,
    configured: bool,
    online: bool,
    local: Local,
    hard: bool,
    expected: Answer,
    place: &str,
) {
    let text = if hard {
        "Write a Python function that computes 17 * 23."
    } else {
        "What is the capital of France?"
    };
    let query = ChatRequest {
        messages: vec![Message::new(Role::User, text)],
        ..ChatRequest::default()
    };
    let class = if never {
        PrivacyClass::NeverLeaves
    } else {
        PrivacyClass::Restricted
    };
    let finding = Finding {
        message: 0,
        start: 0,
        end: 4,
        kind: EntityKind::ApiKey,
        class,
        score: 0.9,
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
    };
    let policy = Policy {
        mode,
        privacy: PrivacyLevel::Balanced.into(),
        ..Policy::default()
    };
    let decided = route(
        &query,
        &[finding],
        &device,
        &CloudState {
            configured,
            detector_ready: true,
        },
        &policy,
    );
    let codes =
        |reasons: &[query::Reason]| reasons.iter().map(|reason| reason.code).collect::<Vec<_>>();
    match (decided, expected) {
        (Ok(route), Page(reasons)) => {
            assert_eq!(
                (route.target, codes(&route.reasons)),
                (Target::Local, reasons.to_vec()),
                "{place}"
            );
        }
        (Ok(route), Cloud(reasons)) => {
            assert_eq!(
                (route.target, codes(&route.reasons)),
                (Target::Cloud, reasons.to_vec()),
                "{place}"
            );
        }
        (Err(none), Nobody(code, reasons)) => {
            assert_eq!(
                (none.code, codes(&none.reasons)),
                (code, reasons.to_vec()),
                "{place}"
            );
        }
        (decided, expected) => panic!("{place}: {decided:?}, expected {expected:?}"),
    }
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
    };
    let decide = |prompt_tokens| {
        route(
            &query,
            &[],
            &device(prompt_tokens),
            &CloudState::default(),
            &Policy::default(),
        )
    };
    assert!(decide(92).is_ok());
    assert_eq!(decide(93).unwrap_err().code, ErrorCode::ContextOverflow);
}

#[test]
fn an_error_says_why_for_both_places() {
    let query = ChatRequest::default();
    let finding = Finding {
        message: 0,
        start: 0,
        end: 4,
        kind: EntityKind::Card,
        class: PrivacyClass::NeverLeaves,
        score: 0.9,
    };
    let policy = Policy {
        mode: CloudOnly,
        privacy: PrivacyLevel::Careful.into(),
        ..Policy::default()
    };
    let none = route(&query, &[finding], &DeviceState::default(), &READY, &policy);
    let error = query::Error::from(none.unwrap_err());
    assert_eq!(
        error.message,
        "Nothing can answer this. There is something here that must not leave this device: a card number. \
         You chose to send every question to the cloud."
    );
    assert_eq!(
        (error.code, error.recoverable),
        (ErrorCode::PrivacyBlocked, false)
    );
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
    };
    let ready = LocalState::Ready {
        context_length: 2048,
    };
    let decide = |n, local, mode| {
        let policy = Policy {
            mode,
            privacy: PrivacyLevel::Balanced.into(),
            ..Policy::default()
        };
        let cloud = READY;
        route(&request(n), &[], &device(local), &cloud, &policy)
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
    };
    let never = Finding {
        message: 0,
        start: 0,
        end: 2,
        kind: EntityKind::ApiKey,
        class: PrivacyClass::NeverLeaves,
        score: 1.0,
    };
    let decide = |mode, overflow, findings: &[Finding]| {
        let policy = Policy {
            mode,
            overflow,
            ..Policy::default()
        };
        let cloud = READY;
        route(&request, findings, &device, &cloud, &policy)
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
        assert_eq!(decide(mode, rule, &[]), expected, "{mode:?} {rule:?}");
    }
    // Privacy comes first.
    assert_eq!(
        decide(PreferLocal, Overflow::Cloud, std::slice::from_ref(&never)),
        Err(ErrorCode::PrivacyBlocked)
    );
    assert_eq!(
        decide(PreferCloud, DropOldest, &[never]),
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
        };
        let policy = Policy {
            mode,
            ..Policy::default()
        };
        route(&query, &[], &device, &cloud, &policy)
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
