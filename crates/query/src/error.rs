//! One error type for the page: a closed set of codes and a sentence that names the way out.

use serde::{Deserialize, Serialize};

/// What went wrong. Closed: a new code is a change of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum ErrorCode {
    /// The request is malformed or has a field that is not supported.
    InvalidRequest,
    /// The prompt does not fit into the model's context.
    ContextOverflow,
    /// The model file is truncated or damaged.
    ModelCorrupt,
    /// The model file's hash is not the manifest's.
    ModelHashMismatch,
    /// The file is whole but its architecture, tensor type or tokenizer is not supported.
    ModelUnsupported,
    /// The model's chat template knows no tools.
    ToolsUnsupported,
    /// The model file or its manifest could not be fetched.
    DownloadFailed,
    /// The browser's storage has no room for the model.
    QuotaExceeded,
    /// No usable WebGPU adapter, and the CPU was not allowed.
    NoAdapter,
    /// The device's limits or memory are too small for this model.
    DeviceLimit,
    /// The GPU device was lost.
    DeviceLost,
    /// The local model is not there, and nothing else was allowed to answer.
    LocalUnavailable,
    /// No route is allowed under the policy.
    NoRoute,
    /// The query holds something that may not leave the device, and only the cloud could answer.
    PrivacyBlocked,
    /// What finds names and addresses in a question is not there, so nothing may leave, and only the cloud could
    /// answer.
    DetectorUnavailable,
    /// The person or the app declined to send.
    ConsentDeclined,
    /// The relay could not be reached, or failed.
    RelayUnavailable,
    /// The relay takes no more from this address for a while.
    RelayRateLimited,
    /// The gateway could not be reached, or failed.
    GatewayUnavailable,
    /// The gateway does not know the key, or the pinned key config is unusable.
    KeyMismatch,
    /// The gateway's signed list of keys is not believed.
    KeyListRefused,
    /// The gateway's signed list of keys has expired.
    KeyListExpired,
    /// The gateway showed its key by one path only: it may have been made to recognize this person.
    KeyTargeted,
    /// The gateway's key has not been public for as long as the app asks.
    KeyTooYoung,
    /// The gateway's hardware does not vouch for its software, or its evidence is not genuine.
    EvidenceRefused,
    /// The gateway's evidence was made for another question than this page's, or is too old.
    EvidenceStale,
    /// The gateway's evidence is for another key than the one that would be sealed to.
    EvidenceUnbound,
    /// The gateway runs software that is not in the app's list.
    SoftwareUnknown,
    /// The gateway's hardware or its firmware has known holes.
    PlatformOutdated,
    /// A sealed message did not open: tampered, truncated or out of order.
    SealBroken,
    /// The gateway refused when the request was sealed, also after the device's clock was corrected.
    ClockSkewed,
    /// The gateway had seen this sealed request before.
    Replayed,
    /// The gateway takes a token with each request, and the app has given none.
    TokenRequired,
    /// There is no token left, and no new one could be had.
    TokenUnavailable,
    /// The gateway does not accept the token: it is of another issuer, or has expired.
    TokenRefused,
    /// The token paid for another request before.
    TokenSpent,
    /// The cloud model refused the gateway's credentials.
    UpstreamUnauthorized,
    /// The cloud model's rate limit.
    UpstreamRateLimited,
    /// The cloud model failed.
    UpstreamFailed,
    /// The answer broke off in mid-stream.
    UpstreamInterrupted,
    /// The device is offline.
    Offline,
    /// `dispose()` was called.
    Disposed,
    /// A defect of Tidegate.
    Internal,
}

/// An error as the page sees it.
///
/// The message names the thing, the place and the way out, and never holds text of the query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "ErrorData"))]
pub struct Error {
    /// What went wrong.
    pub code: ErrorCode,
    /// A sentence for a developer: the thing, the place, the way out.
    pub message: String,
    /// The same call may succeed later or after a change that `message` names.
    pub recoverable: bool,
}

impl Error {
    /// An error; whether it is recoverable follows from its code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            recoverable: code.recoverable(),
        }
    }
}

impl ErrorCode {
    /// Whether the same call may succeed later without a change of the app, the file or the device.
    pub fn recoverable(self) -> bool {
        use ErrorCode::*;
        match self {
            ContextOverflow | ModelCorrupt | ModelHashMismatch | DownloadFailed | QuotaExceeded
            | DeviceLost | LocalUnavailable | DetectorUnavailable | ConsentDeclined
            | RelayUnavailable | RelayRateLimited | GatewayUnavailable | KeyListExpired
            | KeyTooYoung | EvidenceStale | SealBroken | Replayed | TokenUnavailable
            | TokenRefused | TokenSpent | UpstreamRateLimited | UpstreamFailed
            | UpstreamInterrupted | Offline => true,
            InvalidRequest | ModelUnsupported | ToolsUnsupported | NoAdapter | DeviceLimit
            | NoRoute | PrivacyBlocked | KeyMismatch | KeyListRefused | KeyTargeted
            | EvidenceRefused | EvidenceUnbound | SoftwareUnknown | PlatformOutdated
            | ClockSkewed | TokenRequired | UpstreamUnauthorized | Disposed | Internal => false,
        }
    }
}
