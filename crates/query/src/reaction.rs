//! What people do with answers.

use serde::{Deserialize, Serialize};

/// What somebody did with an answer that came from the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Reaction {
    /// Said that it is good.
    ThumbsUp,
    /// Said that it is not.
    ThumbsDown,
    /// Asked for another answer.
    Retry,
    /// Asked the same in other words.
    Edit,
    /// Asked the cloud instead.
    Escalate,
    /// Went on. People also go on after answers that they did not believe, so this counts little.
    Kept,
}

/// What was noticed to have changed on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Drift {
    /// The model is less sure of its answers than it was.
    Confidence,
    /// People find fault with answers more often than they did.
    Complaints,
}
