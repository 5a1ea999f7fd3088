//! All that training learned for the router.

use query::Guess;

use crate::{Judgement, Sections, WeightsError, intent::IntentModel};

/// What the file `router.bin` holds.
#[derive(Clone, Debug)]
pub struct Weights {
    id: String,
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
            intent: IntentModel::from_bytes(sections.get("intent")?)?,
        })
    }

    /// Which weights these are: the sum over the file, in hex.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// What a text probably asks for.
    pub fn intent(&self, text: &str) -> Guess {
        self.intent.guess(text)
    }

    /// All that is known of a text, for a decision. `text` is [`crate::question`] of the request.
    pub fn judge(&self, text: &str) -> Judgement {
        Judgement {
            guess: Some(self.intent(text)),
            estimate: None,
        }
    }

    /// The classifier by itself.
    pub fn intent_model(&self) -> &IntentModel {
        &self.intent
    }
}
