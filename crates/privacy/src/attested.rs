//! Proof that whoever opens a request runs what they say.

/// Proof that the endpoint that a request would be sealed to was attested: its hardware vouches, with evidence that
/// was verified and is fresh, for the software that holds the key.
///
/// Only with one may [`query::PrivacyClass::Restricted`] leave. Nothing makes one yet: a key that an app pins says
/// who the gateway is, not what it runs. Whatever verifies such evidence is to be the only place that can.
#[derive(Debug)]
pub struct AttestedEndpoint(());

#[cfg(test)]
impl AttestedEndpoint {
    /// As if there were evidence.
    pub(crate) fn for_tests() -> Self {
        Self(())
    }
}

#[cfg(test)]
mod tests {
    use query::{ChatRequest, EntityKind, Message, PrivacyClass, PrivacyRules, Role, Topic};

    use super::*;
    use crate::{Detector, Vault, find_with, preview, pseudonymize};

    /// What leaves of a text, once for an endpoint that is only pinned, and once for one that is attested.
    fn leaves(text: &str, class: PrivacyClass) -> [Option<String>; 2] {
        let request = ChatRequest {
            messages: vec![Message::new(Role::User, text)],
            ..ChatRequest::default()
        };
        let rules = PrivacyRules {
            kinds: [(EntityKind::Email, class)].into(),
            topics: [(Topic::Health, class)].into(),
            ..PrivacyRules::default()
        };
        let find = || find_with(&Detector::default(), &request, &rules, &Vault::new());
        [find(), find().for_attested(&AttestedEndpoint::for_tests())].map(|findings| {
            let mut vault = Vault::new();
            let left = pseudonymize(&findings, &mut vault).ok().map(|releasable| {
                assert_eq!(releasable.class(), class);
                releasable.request().messages[0].content.clone()
            });
            assert_eq!(left.is_none(), findings.blocked());
            assert_eq!(left.is_none(), preview(&findings, &Vault::new()).blocked);
            left
        })
    }

    #[test]
    fn only_what_is_attested_gets_what_is_restricted() {
        for (text, masked) in [
            ("to ada@example.com", "to [EMAIL_1]"),
            ("My biopsy came back.", "My biopsy came back."),
        ] {
            let masked = || Some(masked.to_owned());
            assert_eq!(leaves(text, PrivacyClass::PreferNot), [masked(), masked()]);
            assert_eq!(leaves(text, PrivacyClass::Restricted), [None, masked()]);
            assert_eq!(leaves(text, PrivacyClass::NeverLeaves), [None, None]);
        }
    }
}
