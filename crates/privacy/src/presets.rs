//! How far each kind and topic may go: what an app's rules say, else what their preset says.
//!
//! A preset is data: rules that name every kind and topic, in `presets/`. Rules may be stricter or laxer than their
//! preset, kind by kind; only what [`least`] says no rule can lower.

use std::sync::LazyLock;

use query::{EntityKind, PrivacyClass, PrivacyLevel, PrivacyRules, Topic};

/// The class of a kind.
pub fn class_of(kind: EntityKind, rules: &PrivacyRules) -> PrivacyClass {
    let class = rules.kinds.get(&kind);
    let class = class.or_else(|| preset(rules.preset).kinds.get(&kind));
    // A kind that nobody classified stays.
    let class = class.copied().unwrap_or(PrivacyClass::NeverLeaves);
    class.max(least(kind))
}

/// The class of a request about a topic.
pub fn class_of_topic(topic: Topic, rules: &PrivacyRules) -> PrivacyClass {
    let class = rules.topics.get(&topic);
    let class = class.or_else(|| preset(rules.preset).topics.get(&topic));
    class.copied().unwrap_or(PrivacyClass::NeverLeaves)
}

/// The least strict class that a kind can have, whatever rules say.
///
/// What lets somebody in never leaves: the cloud needs no password to answer, and an app that wants to show one to
/// the world need not call it a key. What somebody marked by hand does not leave as it is.
pub fn least(kind: EntityKind) -> PrivacyClass {
    match kind {
        EntityKind::ApiKey | EntityKind::UrlCredential => PrivacyClass::NeverLeaves,
        EntityKind::Private => PrivacyClass::PreferNot,
        _ => PrivacyClass::Public,
    }
}

/// The rules that a level stands for.
pub(crate) fn preset(level: PrivacyLevel) -> &'static PrivacyRules {
    static CAREFUL: LazyLock<PrivacyRules> =
        LazyLock::new(|| read(include_str!("../presets/careful.json")));
    static BALANCED: LazyLock<PrivacyRules> =
        LazyLock::new(|| read(include_str!("../presets/balanced.json")));
    match level {
        PrivacyLevel::Careful => &CAREFUL,
        PrivacyLevel::Balanced => &BALANCED,
    }
}

#[expect(clippy::expect_used, reason = "a test reads the same files")]
fn read(json: &str) -> PrivacyRules {
    serde_json::from_str(json).expect("the presets that ship can be read")
}

#[cfg(test)]
mod tests {
    use PrivacyClass::{NeverLeaves, PreferNot, Public, Restricted};
    use PrivacyLevel::{Balanced, Careful};

    use super::*;

    #[test]
    fn presets_name_every_kind_and_topic_and_careful_is_never_laxer() {
        let [balanced, careful] = [Balanced, Careful].map(preset);
        assert_eq!((balanced.preset, careful.preset), (Balanced, Careful));
        for (kind, name) in EntityKind::NAMES {
            let classes = [balanced, careful].map(|preset| preset.kinds[&kind]);
            assert!(classes[0] <= classes[1], "{name}");
            assert_eq!(classes[0] == Public, kind == EntityKind::Amount, "{name}");
            // What is written there is what holds.
            assert!(classes[0] >= least(kind), "{name}");
        }
        for (topic, name) in Topic::NAMES {
            assert!(balanced.topics[&topic] <= careful.topics[&topic], "{name}");
        }
        for preset in [balanced, careful] {
            assert!(preset.terms.is_empty());
        }
    }

    /// With `balanced`, whatever is not a secret can leave today; with `careful`, what names a person or an account,
    /// and the special categories of GDPR, Article 9, cannot.
    #[test]
    fn presets_mean_what_they_say() {
        for (kind, class) in &preset(Balanced).kinds {
            let secret = matches!(kind, EntityKind::ApiKey | EntityKind::UrlCredential);
            assert_eq!(*class >= Restricted, secret, "{kind:?}");
        }
        for (topic, class) in &preset(Balanced).topics {
            assert_eq!(*class, PreferNot, "{topic:?}");
        }
        for (topic, class) in &preset(Careful).topics {
            let about_all = matches!(topic, Topic::Finance | Topic::Legal);
            assert_eq!(*class < Restricted, about_all, "{topic:?}");
        }
        for kind in [EntityKind::Card, EntityKind::Ssn, EntityKind::MedicalRecord] {
            assert_eq!(class_of(kind, &Careful.into()), NeverLeaves);
        }
    }

    #[test]
    fn rules_go_before_their_preset_and_cannot_lower_secrets() {
        let mut rules = PrivacyRules::from(Careful);
        assert_eq!(class_of(EntityKind::Card, &rules), NeverLeaves);
        assert_eq!(class_of_topic(Topic::Health, &rules), Restricted);
        for (kind, name) in EntityKind::NAMES {
            rules.kinds.insert(kind, Public);
            let lowest = class_of(kind, &rules);
            let expected = match kind {
                EntityKind::ApiKey | EntityKind::UrlCredential => NeverLeaves,
                EntityKind::Private => PreferNot,
                _ => Public,
            };
            assert_eq!(lowest, expected, "{name}");
            rules.kinds.insert(kind, NeverLeaves);
            assert_eq!(class_of(kind, &rules), NeverLeaves, "{name}");
        }
        rules.topics.insert(Topic::Health, Public);
        assert_eq!(class_of_topic(Topic::Health, &rules), Public);
        assert_eq!(class_of_topic(Topic::Genetic, &rules), Restricted);
    }
}
