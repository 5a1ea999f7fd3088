//! How much the lengths and times of sealed bytes may tell whoever sees them go by.

use serde::{Deserialize, Serialize};

/// How the cloud's answer travels. The page asks for it inside the seal, the gateway grants it within its bounds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Traffic {
    /// As it comes: the lengths of tokens and the times between them show, and with them what the answer is about.
    Off,
    /// Chunks of one size ten times a second, from the question on, as many as the next of a few numbers.
    #[default]
    Balanced,
    /// Larger chunks, less often, and fewer numbers to choose from.
    Strict,
}

impl Traffic {
    /// The header field inside the seal that says which is wanted, and in the reply which was granted.
    pub const FIELD: &str = "tidegate-traffic";

    /// As in [`Traffic::FIELD`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Balanced => "balanced",
            Self::Strict => "strict",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Off, Self::Balanced, Self::Strict]
            .into_iter()
            .find(|traffic| traffic.name() == name)
    }
}
