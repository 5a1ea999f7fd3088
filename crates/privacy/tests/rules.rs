//! Classes by kind and topic, and the app's own terms.

use privacy::{Detector, Findings, Vault, find_with, preview, pseudonymize};
use query::{
    ChatRequest, EntityKind, Message, PrivacyClass, PrivacyLevel, PrivacyRules, Role, Stop,
    Strictest, Term, Topic, TopicFinding,
};

fn request(text: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![Message::new(Role::User, text)],
        ..ChatRequest::default()
    }
}

fn find<'r>(request: &'r ChatRequest, rules: &PrivacyRules) -> Findings<'r> {
    find_with(&Detector::default(), request, rules, &Vault::new())
}

fn term(text: &str, class: PrivacyClass) -> Term {
    Term {
        text: text.into(),
        kind: EntityKind::Organization,
        class,
    }
}

#[test]
fn the_strictest_class_of_all_counts() {
    let rules = PrivacyRules {
        kinds: [
            (EntityKind::Email, PrivacyClass::Restricted),
            (EntityKind::IpAddress, PrivacyClass::Public),
        ]
        .into(),
        topics: [(Topic::Health, PrivacyClass::Restricted)].into(),
        terms: vec![
            term("falcon", PrivacyClass::PreferNot),
            term("owl", PrivacyClass::NeverLeaves),
        ],
        ..PrivacyRules::default()
    };
    for (text, class, kinds, topics) in [
        ("Hello!", PrivacyClass::Public, vec![], vec![]),
        (
            "203.0.113.7",
            PrivacyClass::Public,
            vec![EntityKind::IpAddress],
            vec![],
        ),
        (
            "203.0.113.7 of Falcon",
            PrivacyClass::PreferNot,
            vec![EntityKind::Organization],
            vec![],
        ),
        (
            "My biopsy for Falcon. Write to ada@example.com",
            PrivacyClass::Restricted,
            vec![EntityKind::Email],
            vec![Topic::Health],
        ),
        (
            "My biopsy for the Owl. Write to ada@example.com",
            PrivacyClass::NeverLeaves,
            vec![EntityKind::Organization],
            vec![],
        ),
    ] {
        let request = request(text);
        let findings = find(&request, &rules);
        let strictest = Strictest {
            class,
            kinds,
            topics,
        };
        assert_eq!(findings.strictest(), strictest, "{text}");
        let stays = class >= PrivacyClass::Restricted;
        assert_eq!(findings.blocked(), stays, "{text}");
        assert_eq!(preview(&findings, &Vault::new()).blocked, stays, "{text}");
        let mut vault = Vault::new();
        match pseudonymize(&findings, &mut vault) {
            Ok(releasable) => assert_eq!((releasable.class(), stays), (class, false)),
            Err(blocked) => {
                assert_eq!((blocked.by, stays), (strictest, true));
                assert!(vault.is_empty());
            }
        }
    }
}

#[test]
fn what_is_refused_is_named_with_the_way_out() {
    let request = request("My biopsy of ada@example.com");
    let refused = |class| {
        let rules = PrivacyRules {
            kinds: [(EntityKind::Email, class)].into(),
            topics: [(Topic::Health, class)].into(),
            ..PrivacyRules::default()
        };
        pseudonymize(&find(&request, &rules), &mut Vault::new())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(PrivacyClass::NeverLeaves),
        "the request holds something that never leaves the device (EMAIL, health); remove it, or let the local \
         model answer"
    );
    assert_eq!(
        refused(PrivacyClass::Restricted),
        "the request holds something that leaves only to an attested endpoint (EMAIL, health), and this one is not; \
         remove it, let the local model answer, or give it another class in the privacy rules"
    );
}

#[test]
fn terms_leave_no_text_as_they_are() {
    let mut request = request("PROJECT\nFalcon of ada@falcon.example");
    request
        .messages
        .push(Message::new(Role::Assistant, "Project Falcon, Falcons"));
    request.stop = Some(Stop::One("project falcon:".into()));
    let rules = PrivacyRules {
        terms: vec![
            term("Project Falcon", PrivacyClass::PreferNot),
            term("Falcon", PrivacyClass::PreferNot),
        ],
        ..PrivacyRules::default()
    };
    let findings = find(&request, &rules);
    let releasable = pseudonymize(&findings, &mut Vault::new()).unwrap();
    let left = releasable.request();
    for text in left
        .messages
        .iter()
        .map(|message| &message.content)
        .chain(left.stop_texts())
    {
        let rest = text.to_lowercase().replace("falcons", "");
        assert!(!rest.contains("falcon"), "{text}");
    }
    // A word of its own.
    assert!(left.messages[1].content.ends_with(", Falcons"));
}

#[test]
fn topics_are_told_with_their_class() {
    let mut request = request("What is diabetes?");
    let topics = |request: &ChatRequest, level: PrivacyLevel| {
        let findings = find(request, &level.into());
        let shown = preview(&findings, &Vault::new()).topics;
        assert_eq!(findings.topics(), shown);
        shown
    };
    assert_eq!(topics(&request, PrivacyLevel::Careful), []);
    request
        .messages
        .push(Message::new(Role::User, "My son is 9 and has diabetes."));
    for (level, class) in [
        (PrivacyLevel::Balanced, PrivacyClass::PreferNot),
        (PrivacyLevel::Careful, PrivacyClass::Restricted),
    ] {
        let found = |topic| TopicFinding { topic, class };
        assert_eq!(topics(&request, level), [found(Topic::Health)]);
    }
}
