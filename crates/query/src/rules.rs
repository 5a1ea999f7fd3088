//! How personal data is handled: a preset, and where an app differs from it.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{EntityKind, PrivacyClass, PrivacyLevel, redact::Redacted};

/// What a text is about that calls for care, whether or not it names anybody.
///
/// From `RacialOrEthnicOrigin` on, and `Health`: the special categories of GDPR, Article 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Topic {
    /// Somebody's body and mind: illness, treatment, disability.
    Health,
    /// Somebody's money: income, debts, accounts, taxes.
    Finance,
    /// Somebody's law: suits, crimes, contracts, immigration.
    Legal,
    /// A child.
    Minors,
    /// Racial or ethnic origin.
    RacialOrEthnicOrigin,
    /// Political opinions.
    PoliticalOpinions,
    /// Religious or philosophical beliefs.
    Beliefs,
    /// Trade union membership.
    TradeUnion,
    /// Genetic data.
    Genetic,
    /// Biometric data.
    Biometric,
    /// Sex life or sexual orientation.
    SexLife,
}

impl Topic {
    /// All topics and their names, in the order of the declaration.
    pub const NAMES: [(Self, &'static str); 11] = [
        (Self::Health, "health"),
        (Self::Finance, "finance"),
        (Self::Legal, "legal"),
        (Self::Minors, "minors"),
        (Self::RacialOrEthnicOrigin, "racial-or-ethnic-origin"),
        (Self::PoliticalOpinions, "political-opinions"),
        (Self::Beliefs, "beliefs"),
        (Self::TradeUnion, "trade-union"),
        (Self::Genetic, "genetic"),
        (Self::Biometric, "biometric"),
        (Self::SexLife, "sex-life"),
    ];

    /// As in JSON.
    pub fn name(self) -> &'static str {
        // In the order of the declaration (tested).
        Self::NAMES[self as usize].1
    }

    /// The topic of this name.
    pub fn named(name: &str) -> Option<Self> {
        let known = Self::NAMES.into_iter().find(|(_, known)| *known == name);
        known.map(|(topic, _)| topic)
    }
}

/// What leaves in the place of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum ReplaceWith {
    /// `[PERSON_1]`: says that something is missing, and of what kind.
    #[default]
    Placeholder,
    /// Another value of its kind that reads naturally: another name for a name.
    Surrogate,
    /// A date or an amount, moved by as much as every other of the conversation, so that differences survive.
    Shift,
    /// A placeholder that keeps what the task may need: `[ADDRESS_1: Berlin]`, `[DATE_OF_BIRTH_1: 1980s]`.
    Generalise,
}

/// A text that the app itself knows to be sensitive: a project's name, a customer's number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Term {
    /// As it is written, whatever the case; found where it stands as whole words.
    pub text: String,
    /// What it is.
    pub kind: EntityKind,
    /// How far it may go.
    pub class: PrivacyClass,
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term")
            .field("text", &Redacted(&self.text))
            .field("kind", &self.kind)
            .field("class", &self.class)
            .finish()
    }
}

/// How personal data is handled. What is not named is as the preset says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PrivacyRules {
    /// What these rules start from.
    pub preset: PrivacyLevel,
    /// How far values of a kind may go.
    pub kinds: BTreeMap<EntityKind, PrivacyClass>,
    /// How far a whole request may go that is about a topic.
    pub topics: BTreeMap<Topic, PrivacyClass>,
    /// The app's own sensitive texts.
    pub terms: Vec<Term>,
    /// What leaves in the place of values of a kind.
    pub replace: BTreeMap<EntityKind, ReplaceWith>,
}

impl From<PrivacyLevel> for PrivacyRules {
    fn from(preset: PrivacyLevel) -> Self {
        Self {
            preset,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json_in_the_order_of_the_declaration() {
        for (index, (topic, name)) in Topic::NAMES.into_iter().enumerate() {
            assert_eq!(topic as usize, index);
            assert_eq!(serde_json::to_value(topic).unwrap(), name);
            assert_eq!(Topic::named(name), Some(topic));
        }
    }
}
