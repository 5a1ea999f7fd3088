//! What is asked for, and what a model of the router's thinks of a question.

use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Intent {
    /// One label out of a few for a text.
    Classification,
    /// What a text says, in a form: names, dates, fields.
    Extraction,
    /// A text in fewer words.
    Summarization,
    /// A text in other words: corrected, shorter, politer.
    Rewriting,
    /// A text in another language.
    Translation,
    /// A question about the world.
    Facts,
    /// A new text: a story, a letter, a poem.
    Writing,
    /// Several steps of thought in words.
    Reasoning,
    /// Several steps of thought in numbers.
    Mathematics,
    /// A program, or something about one.
    Code,
    /// Steps towards an aim: a journey, a week, a project.
    Planning,
    /// Talk.
    Chat,
}

impl Intent {
    /// All intents and their names, in the order of the declaration.
    pub const NAMES: [(Self, &'static str); 12] = [
        (Self::Classification, "classification"),
        (Self::Extraction, "extraction"),
        (Self::Summarization, "summarization"),
        (Self::Rewriting, "rewriting"),
        (Self::Translation, "translation"),
        (Self::Facts, "facts"),
        (Self::Writing, "writing"),
        (Self::Reasoning, "reasoning"),
        (Self::Mathematics, "mathematics"),
        (Self::Code, "code"),
        (Self::Planning, "planning"),
        (Self::Chat, "chat"),
    ];

    /// As in JSON.
    pub fn name(self) -> &'static str {
        // In the order of the declaration (tested).
        Self::NAMES[self as usize].1
    }

    /// The intent of this name.
    pub fn named(name: &str) -> Option<Self> {
        let known = Self::NAMES.into_iter().find(|(_, known)| *known == name);
        known.map(|(intent, _)| intent)
    }
}

/// What is probably asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Guess {
    /// The likeliest intent.
    pub intent: Intent,
    /// How probable it is, 0 to 1.
    pub probability: f32,
}

/// What the cloud is expected to do better, from the question alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Estimate {
    /// How much better the cloud's answer is expected to be than the local model's: the difference of two grades of
    /// 0 to 1, so -1 to 1.
    pub gain: f32,
    /// How unlike what the estimate was learned from the question is: 0 if it knows many like it, 1 if none.
    pub novelty: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json_in_the_order_of_the_declaration() {
        for (index, (intent, name)) in Intent::NAMES.into_iter().enumerate() {
            assert_eq!(intent as usize, index);
            assert_eq!(serde_json::to_value(intent).unwrap(), name);
            assert_eq!(Intent::named(name), Some(intent));
        }
    }
}
