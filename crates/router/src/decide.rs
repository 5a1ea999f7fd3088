//! The decision: hard rules first, then what each place is worth.

use query::{
    ChatRequest, CloudState, DeviceState, ErrorCode, LocalState, Mode, Overflow, Policy,
    PrivacyClass, Reason, ReasonCode, Route, Scores, Strictest, Target,
};

use crate::{
    Inputs, Judgement,
    change::changes,
    sentences::reason,
    utility::{preference, scores},
};

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
/// and no mode outvotes it. `judgement` is of [`crate::question`].
///
/// # Errors
/// [`NoRoute`] if neither place is allowed and able to answer; it names what stands in the way of both.
pub fn route(
    query: &ChatRequest,
    strictest: &Strictest,
    device: &DeviceState,
    cloud: &CloudState,
    policy: &Policy,
    judgement: Judgement,
) -> Result<Route, NoRoute> {
    decide(&Inputs::of(
        query, strictest, device, cloud, policy, judgement,
    ))
}

/// As [`route`], from inputs that were put together before.
///
/// # Errors
/// As [`route`].
pub fn decide(inputs: &Inputs) -> Result<Route, NoRoute> {
    let reason = |code| reason(code, &inputs.strictest);
    match place(inputs) {
        (scores, Decided::At(target, codes)) => Ok(Route {
            target,
            reasons: codes.into_iter().map(reason).collect(),
            scores,
            changes: changes(inputs, target),
        }),
        (_, Decided::Nowhere(code, reasons)) => Err(NoRoute {
            code,
            reasons: reasons.map(reason),
        }),
    }
}

/// A decision without its words.
pub(crate) enum Decided {
    /// Where, and why.
    At(Target, Vec<ReasonCode>),
    /// Why neither the cloud nor the page.
    Nowhere(ErrorCode, [ReasonCode; 2]),
}

/// Rules, then scores.
pub(crate) fn place(inputs: &Inputs) -> (Scores, Decided) {
    let scores = scores(inputs);
    let (preferred, why) = preference(inputs, &scores);
    let decided = match (why_not_cloud(inputs), why_not_local(inputs)) {
        (None, None) => Decided::At(preferred, why),
        // What may not leave explains more than what was preferred anyway.
        (Some(code @ (ReasonCode::NeverLeaves | ReasonCode::NeedsAttestation)), None) => {
            Decided::At(Target::Local, vec![code])
        }
        (Some(_), None) if preferred == Target::Local => Decided::At(Target::Local, why),
        (Some(not_cloud), None) => Decided::At(Target::Local, vec![not_cloud]),
        (None, Some(_)) if preferred == Target::Cloud => Decided::At(Target::Cloud, why),
        (None, Some(not_local @ ReasonCode::LocalContextTooSmall))
            if inputs.overflow == Overflow::Error =>
        {
            let reasons = [ReasonCode::OverflowIsAnError, not_local];
            Decided::Nowhere(ErrorCode::ContextOverflow, reasons)
        }
        (None, Some(not_local)) => Decided::At(Target::Cloud, vec![not_local]),
        (Some(not_cloud), Some(not_local)) => Decided::Nowhere(
            error_code(inputs.mode, not_cloud, not_local),
            [not_cloud, not_local],
        ),
    };
    (scores, decided)
}

/// The first rule that forbids the cloud.
fn why_not_cloud(inputs: &Inputs) -> Option<ReasonCode> {
    match inputs.strictest.class {
        PrivacyClass::NeverLeaves => return Some(ReasonCode::NeverLeaves),
        PrivacyClass::Restricted if !inputs.cloud.attested => {
            return Some(ReasonCode::NeedsAttestation);
        }
        PrivacyClass::Restricted | PrivacyClass::PreferNot | PrivacyClass::Public => {}
    }
    if inputs.mode == Mode::LocalOnly {
        return Some(ReasonCode::ModeLocalOnly);
    }
    if inputs.only_local {
        return Some(ReasonCode::OnlyLocalCan);
    }
    if !inputs.cloud.configured {
        return Some(ReasonCode::CloudNotConfigured);
    }
    if !inputs.device.online {
        return Some(ReasonCode::Offline);
    }
    if !inputs.cloud.detector_ready {
        return Some(ReasonCode::DetectorNotReady);
    }
    None
}

/// The first rule that forbids the page.
fn why_not_local(inputs: &Inputs) -> Option<ReasonCode> {
    if inputs.mode == Mode::CloudOnly {
        return Some(ReasonCode::ModeCloudOnly);
    }
    let LocalState::Ready { context_length } = inputs.device.local else {
        return Some(ReasonCode::LocalNotReady);
    };
    if matches!(inputs.overflow, Overflow::DropOldest | Overflow::Summarise) {
        // The engine makes it fit.
        return None;
    }
    let asked = inputs.answer_limit.unwrap_or(LEAST_ANSWER);
    let needed = inputs
        .device
        .prompt_tokens
        .saturating_add(asked.min(LEAST_ANSWER));
    (needed > context_length).then_some(ReasonCode::LocalContextTooSmall)
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
