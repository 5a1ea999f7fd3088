//! All that training learned for the router.

use query::{Estimate, Guess};

use crate::{
    Judgement, Sections, WeightsError,
    gain::{self, Gain},
    intent::IntentModel,
};

/// What the file `router.bin` holds.
#[derive(Clone, Debug)]
pub struct Weights {
    id: String,
    gain: Gain,
    intent: IntentModel,
}

impl Weights {
    /// Reads the file.
    ///
    /// # Errors
    /// [`WeightsError`] says what is wrong; nothing panics, whatever the bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let sections = Sections::read(bytes)?;
        Ok(Self {
            id: sections
                .sum()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            gain: Gain::from_bytes(sections.get(gain::SECTION)?)?,
            intent: IntentModel::from_bytes(sections.get("intent")?)?,
        })
    }

    /// Which weights these are: the sum over the file, in hex.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// How much better the cloud's answer to a text is expected to be, and how new the text is.
    pub fn gain(&self, text: &str) -> Estimate {
        self.gain.estimate(text)
    }

    /// What a text probably asks for.
    pub fn intent(&self, text: &str) -> Guess {
        self.intent.guess(text)
    }

    /// All that is known of a text, for a decision. `text` is [`crate::question`] of the request.
    pub fn judge(&self, text: &str) -> Judgement {
        Judgement {
            guess: Some(self.intent(text)),
            estimate: Some(self.gain(text)),
        }
    }

    /// Expected gain by itself.
    pub fn gain_model(&self) -> &Gain {
        &self.gain
    }

    /// The classifier by itself.
    pub fn intent_model(&self) -> &IntentModel {
        &self.intent
    }
}
