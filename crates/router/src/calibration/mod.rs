//! How likely a local answer stands, for one model file, and from which probability on answers may be shipped.
//!
//! The same log-probabilities mean one thing for one file and another for the next: a 4-bit file of a model can need
//! twice the hand-off of the same model in 16 bit. So a calibration belongs to the very bytes of a file, by their
//! SHA-256. `tidegate calibrate` makes one; those of files that are known ship with this crate.
//!
//! "Stands" means: is no worse than the answer that the cloud would have given. A question that neither can answer is
//! no reason to leave the device.
//!
//! Only sums, products, divisions and comparisons in a fixed order: the same bits everywhere.

mod binomial;
mod curve;
mod shipped;
mod threshold;

use serde::{Deserialize, Serialize};

pub use binomial::at_most;
pub use curve::{Curve, Knot};
pub use threshold::{Tested, Threshold, certified, threshold};

use crate::{Estimate, Intent, confidence::Evidence};

/// Tokens of an answer that [`Calibration::beginning`] is of.
pub const BEGINNING: u32 = 8;

/// What was learned of one model file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Calibration {
    /// The file.
    pub model: ModelFile,
    /// What it was asked.
    pub questions: Vec<Questions>,
    /// Kinds of questions, by what is asked for, of which its certainty was seen to tell answers that stand from others:
    /// better than chance, by 95% intervals. Of others it says nothing. Absent: not looked at, and taken for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telling: Option<Vec<Intent>>,
    /// Of whole answers.
    pub whole: Curves,
    /// Of the first [`BEGINNING`] tokens of an answer: whether the whole one will stand. Nothing is shipped by it alone,
    /// so it has no thresholds of its own.
    pub beginning: Curves,
}

/// Which file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelFile {
    /// Of all its bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// As the file calls itself.
    pub name: String,
    /// The type of most of its weights, as GGUF calls it: `Q4_1`.
    pub quantization: String,
}

/// A set of questions whose right answers are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Questions {
    /// Its name.
    pub name: String,
    /// How many were asked.
    pub asked: u32,
    /// How many the model answered rightly.
    pub right: u32,
    /// How many of its answers were worse than the cloud's.
    pub worse: u32,
}

/// From what the answer alone says, and with what is expected of the question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Curves {
    /// From [`Evidence`] alone.
    pub alone: Curve,
    /// From [`Evidence`] and [`Estimate`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combined: Option<Curve>,
}

/// A file that is no calibration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotACalibration {
    /// What is wrong, and where.
    pub reason: String,
}

impl Calibration {
    /// The one that ships for a file, by the SHA-256 of its bytes in hexadecimal digits.
    pub fn for_model(sha256: &str) -> Option<Self> {
        shipped::json(sha256).and_then(|json| Self::from_json(json).ok())
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`NotACalibration`] if it is not of that form, or one of its figures is out of its range.
    pub fn from_json(json: &str) -> Result<Self, NotACalibration> {
        let calibration: Self = serde_json::from_str(json).map_err(|error| NotACalibration {
            reason: error.to_string(),
        })?;
        let curves = [
            ("whole", &calibration.whole),
            ("beginning", &calibration.beginning),
        ];
        for (name, curves) in curves {
            let check = |kind, curve: &Curve, weights| {
                curve.check(weights).map_err(|reason| NotACalibration {
                    reason: format!("{name}.{kind}: {reason}"),
                })
            };
            check("alone", &curves.alone, ALONE)?;
            if let Some(combined) = &curves.combined {
                check("combined", combined, COMBINED)?;
            }
        }
        Ok(calibration)
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        // Strings and numbers, and no map with other keys: nothing there that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether its certainty says something of answers to questions of this kind; `None` if the kind is not known.
    pub fn tells(&self, kind: Option<Intent>) -> bool {
        let telling = self.telling.as_ref();
        telling.is_none_or(|telling| kind.is_some_and(|kind| telling.contains(&kind)))
    }

    /// The share of its answers that stood, 0 to 1, if it was asked something.
    pub fn stood(&self) -> Option<f32> {
        let sum = |of: fn(&Questions) -> u32| self.questions.iter().map(of).sum::<u32>();
        let (asked, worse) = (sum(|set| set.asked), sum(|set| set.worse));
        (asked > 0).then(|| 1.0 - worse as f32 / asked as f32)
    }

    /// How likely a whole answer stands, 0 to 1; 0 if it has no tokens.
    pub fn probability(&self, evidence: &Evidence, estimate: Option<Estimate>) -> f32 {
        self.whole.probability(evidence, estimate)
    }

    /// How likely an answer will stand that begins so, 0 to 1. `evidence` is of its first [`BEGINNING`] tokens, or of
    /// a few more or less.
    pub fn probability_of_beginning(&self, evidence: &Evidence, estimate: Option<Estimate>) -> f32 {
        self.beginning.probability(evidence, estimate)
    }

    /// From which [`Self::probability`] on answers may be shipped so that, with probability `1 - delta` over the choice
    /// of the questions of this calibration, at most the share `alpha` of those shipped is worse than the cloud's.
    /// None if nothing can promise that. `estimated`: whether probabilities are with an [`Estimate`].
    ///
    /// The promise is about questions of the same kind as those of the calibration, and about answers that are chosen
    /// by their most likely tokens.
    pub fn threshold(&self, alpha: f32, delta: f32, estimated: bool) -> Option<Threshold> {
        let curve = self.whole.curve(estimated);
        threshold(&curve.tested, curve.of, alpha, delta)
    }

    /// Below which [`Self::probability_of_beginning`] going on is of no use, where whole answers are shipped from
    /// `at_least` on: of those that would be shipped, hardly one begins so. It is lower than `at_least`, because a
    /// beginning says less than the whole. Thresholds were tested with it; where none were, it is `at_least`.
    pub fn beginning_at_least(&self, at_least: f32, estimated: bool) -> f32 {
        let tested = &self.whole.curve(estimated).tested;
        let next = tested.iter().find(|tested| tested.at_least <= at_least);
        next.or(tested.last())
            .map_or(at_least, |tested| tested.beginning)
    }
}

impl Curves {
    fn probability(&self, evidence: &Evidence, estimate: Option<Estimate>) -> f32 {
        if evidence.tokens == 0 {
            return 0.0;
        }
        match (estimate, &self.combined) {
            (Some(estimate), Some(combined)) => {
                combined.probability(&combined_features(evidence, estimate))
            }
            _ => self.alone.probability(&features(evidence)),
        }
    }

    fn curve(&self, estimated: bool) -> &Curve {
        match &self.combined {
            Some(combined) if estimated => combined,
            _ => &self.alone,
        }
    }
}

/// Figures that [`features`] gives.
pub const ALONE: usize = 6;
/// Figures that [`combined_features`] gives.
pub const COMBINED: usize = ALONE + 2;

/// Tokens beyond which an answer counts as no longer.
const LONG: u32 = 256;

/// What a curve's weights are of: mean, lowest window, first token (log-probabilities), margin, entropy (nats), and
/// length in units of 256 tokens.
pub fn features(evidence: &Evidence) -> [f32; ALONE] {
    [
        evidence.mean,
        evidence.lowest,
        evidence.first,
        evidence.margin,
        evidence.entropy,
        evidence.tokens.min(LONG) as f32 / LONG as f32,
    ]
}

/// [`features`], then the expected gain and how unlike training the question is.
pub fn combined_features(evidence: &Evidence, estimate: Estimate) -> [f32; COMBINED] {
    let [mean, lowest, first, margin, entropy, length] = features(evidence);
    [
        mean,
        lowest,
        first,
        margin,
        entropy,
        length,
        estimate.gain,
        estimate.novelty,
    ]
}

impl std::fmt::Display for NotACalibration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "not a calibration: {}; `tidegate calibrate` makes one",
            self.reason
        )
    }
}

impl std::error::Error for NotACalibration {}

#[cfg(test)]
mod tests;
