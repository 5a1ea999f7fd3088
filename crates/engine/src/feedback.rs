//! What people do with the page's answers, and what is learned from that: it stays on the device.

use query::{Drift, Error, ErrorCode, Policy, Reaction, Risk};
use router::feedback::Feedback;

use crate::{Clock, Consent, Engine, LocalModel, Signals, Transport};

/// Without a risk that the policy states, an answer is doubtful if it rather does not stand.
const EVEN: Risk = Risk {
    alpha: 0.5,
    delta: 0.1,
};

impl<L: LocalModel, T: Transport, C: Clock, S: Signals, K: Consent> Engine<L, T, C, S, K> {
    /// Somebody did this with an answer that came from the page: from how likely on answers are not doubtful moves by at
    /// most [`router::feedback::STEP`]. What is learned is of one model file: with another one, reset it.
    pub fn feedback(&self, reaction: Reaction, policy: &Policy) {
        let risk = policy.risk.unwrap_or(EVEN);
        self.feedback.borrow_mut().note(reaction, risk);
    }

    /// What has changed on this device so much that the model's calibration should be made anew, if something has.
    pub fn drift(&self) -> Option<Drift> {
        self.feedback.borrow().drift()
    }

    /// All that was learned from people's reactions, as JSON: figures, and nothing of what was asked.
    pub fn save_feedback(&self) -> String {
        self.feedback.borrow().to_json()
    }

    /// Goes on with what was saved.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] if it cannot be read; what was learned is then as it was.
    pub fn load_feedback(&self, saved: &str) -> Result<(), Error> {
        let feedback = Feedback::from_json(saved).map_err(|reason| {
            Error::new(
                ErrorCode::InvalidRequest,
                format!("not feedback that was saved here: {reason}; reset it"),
            )
        })?;
        self.feedback.replace(feedback);
        Ok(())
    }

    /// Forgets what was learned from people's reactions.
    pub fn reset_feedback(&self) {
        self.feedback.borrow_mut().reset();
    }
}
