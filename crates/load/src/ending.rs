//! How questions end: with an answer or an error that says what it is. All else is a defect.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// With the whole answer.
    Whole,
    /// With an error inside the seal: status and code.
    Refused(u16, String),
    /// With an error in the clear: status and code.
    Problem(u16, String),
    /// The answer broke off, and that is known: the final chunk is missing.
    Cut,
    /// No answer: nobody listens, or the connection broke before the head.
    Unreachable,
    /// The page went away.
    Left,
    /// It never ended: the page gave up after [`DEADLINE`].
    Hung,
    /// None of these, which is a defect.
    Wrong(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Refused(status, code) => write!(f, "sealed {status} {code}"),
            Self::Problem(status, code) => write!(f, "in the clear {status} {code}"),
            Self::Cut => f.write_str("cut"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Left => f.write_str("left"),
            Self::Hung => f.write_str("hung"),
            Self::Wrong(why) => write!(f, "wrong: {why}"),
        }
    }
}

/// How often each ending came.
pub type Endings = BTreeMap<Ending, u64>;

impl Ending {
    /// Whether it is one that no fault excuses.
    pub fn is_defect(&self) -> bool {
        matches!(self, Self::Hung | Self::Wrong(_))
    }
}

/// The error code at this place of a JSON text.
pub fn code(json: &[u8], at: &str) -> Option<String> {
    let value: Value = serde_json::from_slice(json).ok()?;
    Some(value.pointer(at)?.as_str()?.to_owned())
}
