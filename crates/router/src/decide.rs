//! The decision: hard rules first, then the score.

use query::{
    ChatRequest, CloudState, DeviceState, ErrorCode, LocalState, Mode, Overflow, Policy,
    PrivacyClass, Reason, ReasonCode, Route, Strictest, Target,
};

use crate::{score, sentences::sentence};

/// From this expected gain on, `prefer-local` hands over to the cloud.
const MUCH_BETTER: f32 = 0.5;
/// The same where something in the query should rather stay: two signs of a hard question, not one.
const WORTH_LEAVING: f32 = 0.75;
/// Tokens of the context that must be left for an answer, unless the request asks for fewer.
pub const LEAST_ANSWER: u32 = 64;

/// No place is allowed and able to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRoute {
    /// The error's code.
    pub code: ErrorCode,
    /// Why the cloud cannot answer, then why the page cannot.
    pub reasons: [Reason; 2],
}

/// Decides where a query is answered. `strictest` is how far it may go: that rule comes first, and no score
/// and no mode outvotes it.
///
/// # Errors
/// [`NoRoute`] if neither place is allowed and able to answer; it names what stands in the way of both.
pub fn route(
    query: &ChatRequest,
    strictest: &Strictest,
    device: &DeviceState,
    cloud: &CloudState,
    policy: &Policy,
) -> Result<Route, NoRoute> {
    let gain = score::gain(query);
    let (preferred, why) = preference(policy.mode, gain, strictest.class);
    let go = |target, codes: Vec<ReasonCode>| {
        Ok(Route {
            target,
            reasons: codes
                .into_iter()
                .map(|code| reason(code, strictest))
                .collect(),
            gain,
        })
    };

    match (
        why_not_cloud(query, strictest.class, device, cloud, policy.mode),
        why_not_local(query, device, policy),
    ) {
        (None, None) => go(preferred, why),
        // What may not leave explains more than what was preferred anyway.
        (Some(code @ (ReasonCode::NeverLeaves | ReasonCode::NeedsAttestation)), None) => {
            go(Target::Local, vec![code])
        }
        (Some(_), None) if preferred == Target::Local => go(Target::Local, why),
        (Some(not_cloud), None) => go(Target::Local, vec![not_cloud]),
        (None, Some(_)) if preferred == Target::Cloud => go(Target::Cloud, why),
        (None, Some(not_local @ ReasonCode::LocalContextTooSmall))
            if policy.overflow == Overflow::Error =>
        {
            let reasons = [ReasonCode::OverflowIsAnError, not_local];
            Err(NoRoute {
                code: ErrorCode::ContextOverflow,
                reasons: reasons.map(|code| reason(code, strictest)),
            })
        }
        (None, Some(not_local)) => go(Target::Cloud, vec![not_local]),
        (Some(not_cloud), Some(not_local)) => Err(NoRoute {
            code: error_code(policy.mode, not_cloud, not_local),
            reasons: [reason(not_cloud, strictest), reason(not_local, strictest)],
        }),
    }
}

/// Where the mode would have it answered if both places could, and why.
fn preference(mode: Mode, gain: f32, class: PrivacyClass) -> (Target, Vec<ReasonCode>) {
    match mode {
        Mode::LocalOnly => (Target::Local, vec![ReasonCode::ModeLocalOnly]),
        Mode::CloudOnly => (Target::Cloud, vec![ReasonCode::ModeCloudOnly]),
        Mode::PreferCloud => (Target::Cloud, vec![ReasonCode::ModePreferCloud]),
        Mode::PreferLocal if gain >= WORTH_LEAVING => (Target::Cloud, vec![ReasonCode::LooksHard]),
        Mode::PreferLocal if gain >= MUCH_BETTER && class == PrivacyClass::Public => {
            (Target::Cloud, vec![ReasonCode::LooksHard])
        }
        Mode::PreferLocal if gain >= MUCH_BETTER => (
            Target::Local,
            vec![ReasonCode::ModePreferLocal, ReasonCode::PreferNot],
        ),
        Mode::PreferLocal => (
            Target::Local,
            vec![ReasonCode::ModePreferLocal, ReasonCode::LooksEasy],
        ),
    }
}

/// The first rule that forbids the cloud.
fn why_not_cloud(
    query: &ChatRequest,
    class: PrivacyClass,
    device: &DeviceState,
    cloud: &CloudState,
    mode: Mode,
) -> Option<ReasonCode> {
    match class {
        PrivacyClass::NeverLeaves => return Some(ReasonCode::NeverLeaves),
        PrivacyClass::Restricted if !cloud.attested => return Some(ReasonCode::NeedsAttestation),
        PrivacyClass::Restricted | PrivacyClass::PreferNot | PrivacyClass::Public => {}
    }
    if mode == Mode::LocalOnly {
        return Some(ReasonCode::ModeLocalOnly);
    }
    if query.local_only().next().is_some() {
        return Some(ReasonCode::OnlyLocalCan);
    }
    if !cloud.configured {
        return Some(ReasonCode::CloudNotConfigured);
    }
    if !device.online {
        return Some(ReasonCode::Offline);
    }
    if !cloud.detector_ready {
        return Some(ReasonCode::DetectorNotReady);
    }
    None
}

/// The first rule that forbids the page.
fn why_not_local(query: &ChatRequest, device: &DeviceState, policy: &Policy) -> Option<ReasonCode> {
    if policy.mode == Mode::CloudOnly {
        return Some(ReasonCode::ModeCloudOnly);
    }
    let LocalState::Ready { context_length } = device.local else {
        return Some(ReasonCode::LocalNotReady);
    };
    if matches!(policy.overflow, Overflow::DropOldest | Overflow::Summarise) {
        // The engine makes it fit.
        return None;
    }
    let asked = query.answer_limit().unwrap_or(LEAST_ANSWER);
    if device.prompt_tokens.saturating_add(asked.min(LEAST_ANSWER)) > context_length {
        return Some(ReasonCode::LocalContextTooSmall);
    }
    None
}

/// What stands in the way of both, as one code: of what the person could change, the nearest.
fn error_code(mode: Mode, not_cloud: ReasonCode, not_local: ReasonCode) -> ErrorCode {
    match (not_cloud, not_local) {
        // The cloud was never in question.
        (_, ReasonCode::LocalContextTooSmall) if mode == Mode::LocalOnly => {
            ErrorCode::ContextOverflow
        }
        (_, _) if mode == Mode::LocalOnly => ErrorCode::LocalUnavailable,
        (ReasonCode::NeverLeaves | ReasonCode::NeedsAttestation, _) => ErrorCode::PrivacyBlocked,
        (ReasonCode::Offline, _) => ErrorCode::Offline,
        (ReasonCode::DetectorNotReady, _) => ErrorCode::DetectorUnavailable,
        (_, ReasonCode::LocalContextTooSmall) => ErrorCode::ContextOverflow,
        (_, ReasonCode::LocalNotReady) => ErrorCode::LocalUnavailable,
        _ => ErrorCode::NoRoute,
    }
}

fn reason(code: ReasonCode, strictest: &Strictest) -> Reason {
    Reason {
        code,
        text: sentence(code, strictest),
    }
}

impl From<NoRoute> for query::Error {
    fn from(no_route: NoRoute) -> Self {
        let [not_cloud, not_local] = &no_route.reasons;
        Self::new(
            no_route.code,
            format!(
                "Nothing can answer this. {} {}",
                not_cloud.text, not_local.text
            ),
        )
    }
}
