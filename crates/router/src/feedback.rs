//! What people do with local answers moves the threshold, slowly, on their own device.
//!
//! A threshold that was tested on questions from elsewhere is right for questions like those. Here it is moved as
//! adaptive conformal inference moves its own (Gibbs and Candès, arXiv:2106.00170): a bit up with each answer that was no
//! good, a bit down with each that was. Up is always allowed. Below what was tested only goes what this device's own
//! answers prove, at the policy's own risk, by betting against it (Waudby-Smith and Ramdas, arXiv:2010.09686): such a
//! proof holds whenever one looks.
//!
//! Only sums and products in a fixed order: the same bits everywhere. Nothing of a question is kept, only figures.

use query::{Drift, Reaction, Risk};
use serde::{Deserialize, Serialize};

/// What was learned on this device of one model file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Feedback {
    /// Added to the tested threshold.
    shift: f32,
    /// Below this it may not go; at most 0.
    floor: f32,
    /// What a bet against "more than the stated share is worse" has come to; it began with 1.
    wealth: f32,
    /// How often somebody did something with an answer.
    reactions: u32,
    confidence: PageHinkley,
    complaints: PageHinkley,
    drift: Option<Drift>,
}

/// How far one reaction moves the threshold at most.
pub const STEP: f32 = 0.01;
/// How much stricter it may become.
pub const STRICTER: f32 = 0.5;
/// How much a proof lowers what it may fall to, and how much all proofs together do.
pub const PROVEN: f32 = 0.02;
/// See [`PROVEN`].
pub const LOOSER: f32 = 0.2;
/// Share of what may be lost that is bet each time.
const BET: f32 = 0.5;

impl Default for Feedback {
    fn default() -> Self {
        Self {
            shift: 0.0,
            floor: 0.0,
            wealth: 1.0,
            reactions: 0,
            // Steady figures of a variance v set a limit off about once in exp(2 · limit · TOLERANCE / v): probabilities
            // (v below 0.07) in thousands of answers, complaints (v 0.09 where one in ten complains) hardly ever.
            confidence: PageHinkley::new(3.0),
            complaints: PageHinkley::new(8.0),
            drift: None,
        }
    }
}

impl Feedback {
    /// Somebody did this with an answer. `risk`: the share of answers that may be worse, and how likely a proof may be
    /// none. Out of its range, only a drift is looked for.
    pub fn note(&mut self, reaction: Reaction, risk: Risk) {
        let within = |share: f32| share > 0.0 && share < 1.0;
        let (loss, weight) = loss(reaction);
        self.reactions = self.reactions.saturating_add(1);
        if self.complaints.rises(loss, weight) {
            self.drift = Some(Drift::Complaints);
            self.take_back();
        }
        let Risk { alpha, delta } = risk;
        if !within(alpha) || !within(delta) {
            return;
        }

        // With a loss of at most 1, no bet loses more than half of what there is.
        self.wealth *= 1.0 + BET * weight * (alpha - loss);
        if self.wealth * delta >= 1.0 && self.drift.is_none() {
            // What was proven is so for answers above the floor of now: below it, anew.
            self.floor = (self.floor - PROVEN).max(-LOOSER);
            self.wealth = 1.0;
        } else if self.wealth < delta {
            self.take_back();
        }
        self.shift = (self.shift + STEP * weight * (loss - alpha)).clamp(self.floor, STRICTER);
    }

    /// An answer of this device was so likely to stand, shipped or not.
    pub fn answered(&mut self, probability: f32) {
        if (0.0..=1.0).contains(&probability) && self.confidence.rises(1.0 - probability, 1.0) {
            self.drift = Some(Drift::Confidence);
            self.take_back();
        }
    }

    /// From which probability on answers may be shipped, where `tested` is what the calibration allows. Where it allows
    /// nothing, no feedback does.
    pub fn threshold(&self, tested: Option<f32>) -> Option<f32> {
        tested.map(|tested| (tested + self.shift).clamp(0.0, 1.0))
    }

    /// What has changed since this began, if something has: time for a new calibration. Until [`Self::reset`], nothing
    /// below what was tested is shipped.
    pub fn drift(&self) -> Option<Drift> {
        self.drift
    }

    /// How far the threshold has moved.
    pub fn shift(&self) -> f32 {
        self.shift
    }

    /// How often somebody did something with an answer.
    pub fn reactions(&self) -> u32 {
        self.reactions
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// As JSON: what [`Self::from_json`] reads, and all that is known. It says nothing of what was asked.
    pub fn to_json(&self) -> String {
        // Numbers and two names: nothing there that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// What is wrong, if it is not of that form or out of bounds.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let bounded = (-LOOSER..=0.0).contains(&read.floor)
            && (read.floor..=STRICTER).contains(&read.shift)
            && read.wealth.is_finite()
            && read.wealth > 0.0
            && read.confidence.is_finite()
            && read.complaints.is_finite();
        if bounded {
            Ok(read)
        } else {
            Err("a figure is out of its bounds".to_owned())
        }
    }

    /// Nothing counts as proven any more.
    fn take_back(&mut self) {
        self.floor = 0.0;
        self.wealth = 1.0;
        self.shift = self.shift.max(0.0);
    }
}

/// How bad an answer was, 0 to 1, and how much that says, 0 to 1.
fn loss(reaction: Reaction) -> (f32, f32) {
    match reaction {
        Reaction::ThumbsUp => (0.0, 1.0),
        Reaction::ThumbsDown => (1.0, 1.0),
        Reaction::Escalate => (1.0, 0.75),
        Reaction::Retry => (1.0, 0.5),
        Reaction::Edit => (1.0, 0.25),
        Reaction::Kept => (0.0, 0.125),
    }
}

/// Page and Hinkley's test for a mean that has risen (Page 1954, "Continuous inspection schemes"; Hinkley 1971).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PageHinkley {
    /// Sets it off.
    limit: f32,
    /// Sum of weights so far, at most [`MEMORY`].
    weight: f32,
    mean: f32,
    /// Sum of what went beyond the mean, since it was last 0.
    beyond: f32,
}

/// A rise that does not count.
const TOLERANCE: f32 = 0.1;
/// Weights after which the mean follows no more slowly.
const MEMORY: f32 = 500.0;
/// Weights before which there is no mean to rise from.
const WARM_UP: f32 = 10.0;

impl PageHinkley {
    const fn new(limit: f32) -> Self {
        Self {
            limit,
            weight: 0.0,
            mean: 0.0,
            beyond: 0.0,
        }
    }

    /// Takes a value from 0 to 1 and says whether the mean has risen; then it begins anew.
    fn rises(&mut self, value: f32, weight: f32) -> bool {
        if self.weight >= WARM_UP {
            self.beyond = (self.beyond + weight * (value - self.mean - TOLERANCE)).max(0.0);
        }
        self.weight = (self.weight + weight).min(MEMORY);
        self.mean += (value - self.mean) * weight / self.weight;
        let rises = self.beyond > self.limit;
        if rises {
            *self = Self::new(self.limit);
        }
        rises
    }

    fn is_finite(&self) -> bool {
        [self.limit, self.weight, self.mean, self.beyond]
            .iter()
            .all(|value| value.is_finite() && *value >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    const RISK: Risk = Risk {
        alpha: 0.1,
        delta: 0.1,
    };
    const REACTIONS: [Reaction; 6] = [
        Reaction::ThumbsUp,
        Reaction::ThumbsDown,
        Reaction::Retry,
        Reaction::Edit,
        Reaction::Escalate,
        Reaction::Kept,
    ];

    fn after(reactions: impl IntoIterator<Item = Reaction>) -> Feedback {
        let mut feedback = Feedback::default();
        for reaction in reactions {
            feedback.note(reaction, RISK);
        }
        feedback
    }

    /// Thumbs down as often as the risk allows, evenly.
    fn as_allowed(count: usize) -> impl Iterator<Item = Reaction> {
        (0..count).map(|at| {
            if at % 10 == 9 {
                Reaction::ThumbsDown
            } else {
                Reaction::ThumbsUp
            }
        })
    }

    #[test]
    fn without_feedback_the_tested_threshold_stands() {
        let feedback = Feedback::default();
        assert_eq!(feedback.threshold(Some(0.7)), Some(0.7));
        assert_eq!(feedback.threshold(None), None);
    }

    #[test]
    fn complaints_make_it_stricter_and_praise_brings_it_back() {
        let mut feedback = after([Reaction::ThumbsDown; 10]);
        let strict = feedback.threshold(Some(0.7)).unwrap();
        assert!(strict > 0.78 && strict < 0.8, "{strict}");
        for _ in 0..95 {
            feedback.note(Reaction::ThumbsUp, RISK);
        }
        assert!(feedback.shift() < 0.01, "{}", feedback.shift());
    }

    #[test]
    fn nothing_goes_below_what_was_tested_without_proof() {
        assert_eq!(after([Reaction::ThumbsUp; 40]).shift(), 0.0);
        // What is as bad as the risk allows proves nothing.
        assert!(after(as_allowed(1000)).shift() >= 0.0);
        // Praise for long does, a little at a time.
        let proven = after([Reaction::ThumbsUp; 100]);
        assert!(
            (-2.0 * PROVEN..0.0).contains(&proven.shift()),
            "{}",
            proven.shift()
        );
        // And complaints take that back at once when they are many.
        let mut proven = after([Reaction::ThumbsUp; 100]);
        for _ in 0..5 {
            proven.note(Reaction::ThumbsDown, RISK);
        }
        assert!(proven.shift() >= 0.0, "{}", proven.shift());
    }

    #[test]
    fn a_change_is_noticed_and_steadiness_is_not() {
        let steady = after(as_allowed(3000));
        assert_eq!(steady.drift(), None);

        let mut worse = steady;
        let mut noticed = None;
        for at in 0..100 {
            let reaction = if at % 2 == 0 {
                Reaction::ThumbsDown
            } else {
                Reaction::ThumbsUp
            };
            worse.note(reaction, RISK);
            if noticed.is_none() && worse.drift().is_some() {
                noticed = Some(at);
            }
        }
        assert_eq!(worse.drift(), Some(Drift::Complaints));
        assert!(noticed.is_some_and(|at| at > 5 && at < 60), "{noticed:?}");
        worse.reset();
        assert_eq!(worse, Feedback::default());

        let mut unsure = Feedback::default();
        for at in 0..2000 {
            unsure.answered(if at % 2 == 0 { 0.6 } else { 0.9 });
        }
        assert_eq!(unsure.drift(), None);
        for at in 0..40 {
            unsure.answered(if at % 2 == 0 { 0.3 } else { 0.5 });
        }
        assert_eq!(unsure.drift(), Some(Drift::Confidence));
    }

    #[test]
    fn what_was_not_saved_here_is_refused() {
        assert!(Feedback::from_json("{}").is_err());
        let saved = after([Reaction::ThumbsDown; 3]).to_json();
        let changed = saved.replacen(r#""floor":0.0"#, r#""floor":-0.9"#, 1);
        assert_ne!(saved, changed);
        assert!(Feedback::from_json(&changed).is_err());
    }

    proptest! {
        /// Whatever people do, the threshold moves by at most a step, within its bounds, and only a proof lets it fall
        /// below what was tested; what is saved is what goes on.
        #[test]
        fn it_moves_slowly_and_within_bounds(
            reactions in vec(select(&REACTIONS[..]), 0..400),
            probabilities in vec(0.0_f32..=1.0, 0..400),
            alpha in 0.01_f32..0.9,
            delta in 0.01_f32..0.9,
        ) {
            let mut feedback = Feedback::default();
            let mut rest = probabilities.into_iter();
            for reaction in reactions {
                let (before, floor) = (feedback.shift(), feedback.floor);
                feedback.note(reaction, Risk { alpha, delta });
                let moved = feedback.shift() - before;
                prop_assert!(moved >= -STEP - 1e-6);
                // Up by more than a step only where a proof is taken back.
                prop_assert!(moved <= STEP + 1e-6 || (before < 0.0 && feedback.shift() <= STEP));
                prop_assert!(feedback.floor >= floor - PROVEN - 1e-6);
                prop_assert!(feedback.shift() >= feedback.floor && feedback.shift() <= STRICTER);
                prop_assert!(feedback.drift().is_none() || feedback.shift() >= 0.0);
                if let Some(probability) = rest.next() {
                    feedback.answered(probability);
                }
                let again = Feedback::from_json(&feedback.to_json());
                prop_assert_eq!(again.as_ref(), Ok(&feedback));
            }
        }

        /// After the worst that may come, praise brings it back to what was tested.
        #[test]
        fn it_recovers(reactions in vec(select(&REACTIONS[..]), 0..300)) {
            let mut feedback = after(reactions);
            for _ in 0..600 {
                feedback.note(Reaction::ThumbsUp, RISK);
            }
            prop_assert!(feedback.shift() <= 0.0);
        }
    }
}
