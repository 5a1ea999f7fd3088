//! What a decision was, in a form in which it can be made again.

use query::{ErrorCode, Reason, Route};
use serde::{Deserialize, Serialize};

use crate::{Inputs, NoRoute, decide};

/// A decision: all that it was made from, and what came of it. As JSON it can be kept, and [`replay`] comes to the
/// same result bit by bit, on any machine, with this version of the router.
///
/// It holds nothing of what was asked: counts, kinds and scores, no text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of the rules: another one may decide otherwise.
    pub version: u32,
    /// What it was made from.
    pub inputs: Inputs,
    /// Which weights judged the question; `None` if there were none. Replaying needs them not: what they said is
    /// among the inputs.
    pub weights: Option<String>,
    /// What came of it.
    pub result: Decision,
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// Where it is answered.
    Route(Route),
    /// Neither place may and can.
    NoRoute {
        /// The error's code.
        code: ErrorCode,
        /// Why the cloud cannot answer, then why the page cannot.
        reasons: [Reason; 2],
    },
}

impl Record {
    /// The version of the rules, scores and sentences here. A change of any of them is a new one.
    pub const VERSION: u32 = 1;

    /// Decides, and keeps how.
    pub fn of(inputs: Inputs, weights: Option<String>) -> Self {
        let result = decide(&inputs).into();
        Self {
            version: Self::VERSION,
            inputs,
            weights,
            result,
        }
    }
}

/// Decides again. Equal to the record's `result` if its `version` is [`Record::VERSION`].
pub fn replay(record: &Record) -> Decision {
    decide(&record.inputs).into()
}

impl From<Result<Route, NoRoute>> for Decision {
    fn from(decided: Result<Route, NoRoute>) -> Self {
        match decided {
            Ok(route) => Self::Route(route),
            Err(NoRoute { code, reasons }) => Self::NoRoute { code, reasons },
        }
    }
}

impl From<Decision> for Result<Route, NoRoute> {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Route(route) => Ok(route),
            Decision::NoRoute { code, reasons } => Err(NoRoute { code, reasons }),
        }
    }
}
