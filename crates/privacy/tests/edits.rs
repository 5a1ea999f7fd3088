//! What a person changes about the masks, what a preview tells of them, and a vault that is kept.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

use privacy::{
    Detector, Findings, SavedVaultError, Vault, edit_masks, find_with, preview, pseudonymize,
};
use proptest::prelude::*;
use query::{
    ChatRequest, EntityKind, HiddenText, MaskEdits, Message, Preview, PreviewFinding, PrivacyClass,
    PrivacyLevel, PrivacyRules, ReplaceWith, Role,
};

fn request(texts: &[&str]) -> ChatRequest {
    let message = |text: &&str| Message::new(Role::User, *text);
    ChatRequest {
        messages: texts.iter().map(message).collect(),
        ..ChatRequest::default()
    }
}

fn find<'r>(request: &'r ChatRequest, rules: &PrivacyRules, vault: &Vault) -> Findings<'r> {
    find_with(&Detector::default(), request, rules, vault)
}

fn hidden(text: &str, kind: Option<EntityKind>) -> HiddenText {
    HiddenText {
        text: text.to_owned(),
        kind,
    }
}

/// What a vault is told, and what it refuses.
fn edit(
    vault: &mut Vault,
    rules: &PrivacyRules,
    hide: &[HiddenText],
    show: &[&str],
) -> Vec<String> {
    let edits = MaskEdits {
        hide: hide.to_vec(),
        show: show.iter().map(|text| (*text).to_owned()).collect(),
    };
    edit_masks(&edits, &Detector::default(), rules, vault).refused
}

fn previewed(texts: &[&str], rules: &PrivacyRules, vault: &Vault) -> Preview {
    preview(&find(&request(texts), rules, vault), vault)
}

/// The texts as they leave; the vault learns.
fn released(texts: &[&str], rules: &PrivacyRules, vault: &mut Vault) -> Vec<String> {
    let request = request(texts);
    let releasable = pseudonymize(&find(&request, rules, vault), vault).unwrap();
    let messages = releasable.request().messages.iter();
    messages.map(|message| message.content.clone()).collect()
}

fn balanced() -> PrivacyRules {
    PrivacyLevel::Balanced.into()
}

fn careful() -> PrivacyRules {
    PrivacyLevel::Careful.into()
}

/// A card leaves only to verified hardware.
fn strict() -> PrivacyRules {
    PrivacyRules {
        kinds: [(EntityKind::Card, PrivacyClass::Restricted)].into(),
        ..balanced()
    }
}

const NONE: [&str; 0] = [];

#[test]
fn what_is_hidden_leaves_behind_a_placeholder_in_every_message() {
    let mut vault = Vault::new();
    let kinds = [
        hidden("Nightjar", None),
        hidden("the  blue book", Some(EntityKind::Organization)),
        hidden("张伟", Some(EntityKind::Person)),
    ];
    assert_eq!(edit(&mut vault, &balanced(), &kinds, &[]), NONE);
    assert_eq!(
        released(
            &[
                "Nightjar, not Nightjars",
                "NIGHTJAR? The\nBlue Book! Nightjar",
                "我叫张伟，住在柏林"
            ],
            &balanced(),
            &mut vault
        ),
        [
            "[PRIVATE_1], not Nightjars",
            "[PRIVATE_2]? [ORGANIZATION_1]! [PRIVATE_1]",
            "我叫[PERSON_1]，住在柏林"
        ]
    );
}

#[test]
fn what_is_shown_leaves_as_it_is_until_it_is_hidden_again() {
    let mut vault = Vault::new();
    let text = ["ada@example.com and bob@example.com"];
    released(&text, &balanced(), &mut vault);
    assert_eq!(
        edit(&mut vault, &balanced(), &[], &["Ada@example.com"]),
        NONE
    );
    assert_eq!(
        released(&text, &balanced(), &mut vault),
        ["ada@example.com and [EMAIL_2]"]
    );
    // A preview tells of it, so that it can be masked again.
    let preview = previewed(&text, &balanced(), &vault);
    let told = |finding: &PreviewFinding| (finding.class, finding.leaves_as.clone());
    let told: Vec<_> = preview.messages[0].findings.iter().map(told).collect();
    assert_eq!(
        told,
        [
            (PrivacyClass::Public, "ada@example.com".to_owned()),
            (PrivacyClass::PreferNot, "[EMAIL_2]".to_owned())
        ]
    );
    edit(
        &mut vault,
        &balanced(),
        &[hidden("ada@example.com", None)],
        &[],
    );
    assert_eq!(
        released(&text, &balanced(), &mut vault),
        ["[EMAIL_1] and [EMAIL_2]"]
    );
}

#[test]
fn of_two_edits_of_a_text_the_later_one_counts() {
    let mut vault = Vault::new();
    for rules in [balanced(), careful()] {
        edit(&mut vault, &rules, &[hidden("Nightjar", None)], &[]);
        released(&["Nightjar"], &balanced(), &mut vault);
        assert_eq!(edit(&mut vault, &rules, &[], &["nightjar"]), NONE);
        let preview = previewed(&["Nightjar"], &rules, &vault);
        assert_eq!(preview.messages[0].text, "Nightjar", "{rules:?}");
    }
    // In one edit, the careful half.
    edit(
        &mut vault,
        &balanced(),
        &[hidden("Nightjar", None)],
        &["Nightjar"],
    );
    assert_eq!(
        released(&["Nightjar"], &balanced(), &mut vault),
        ["[PRIVATE_1]"]
    );
}

#[test]
fn what_is_restricted_or_never_leaves_cannot_be_shown() {
    let card = "4111 1111 1111 1111";
    let url = "https://ada:hunter2@example.com";
    let mut vault = Vault::new();
    let shown = [card, url, "hunter22", "ada@example.com"];
    let refused = edit(&mut vault, &strict(), &[], &shown);
    assert_eq!(refused, [card, url]);
    let texts = [
        "4111 1111 1111 1111, ada@example.com",
        "my password is hunter22",
    ];
    let preview = previewed(&texts, &strict(), &vault);
    // `hunter22` is a password only here.
    let left: Vec<&str> = preview.messages.iter().map(|m| m.text.as_str()).collect();
    assert_eq!(
        left,
        ["[CARD_1], ada@example.com", "my password is [API_KEY_1]"]
    );
    assert!(preview.blocked);
}

#[test]
fn a_hidden_text_never_loosens_what_was_found() {
    let card = "4111 1111 1111 1111";
    let mut vault = Vault::new();
    let hide = [
        hidden(card, None),
        hidden("111 4111", None),
        hidden("card 4111 1111", None),
    ];
    edit(&mut vault, &strict(), &hide, &[]);
    let preview = previewed(&["my card 4111 1111 1111 1111"], &strict(), &vault);
    assert_eq!(preview.messages[0].text, "my [CARD_1]");
    assert_eq!(
        preview.messages[0].findings[0].class,
        PrivacyClass::Restricted
    );
}

#[test]
fn a_vault_of_another_version_or_a_damaged_one_is_refused() {
    let mut vault = Vault::new();
    released(
        &["ada@example.com", "bob@example.com"],
        &balanced(),
        &mut vault,
    );
    let json = vault.to_json();
    assert!(Vault::from_json(&json).is_ok());
    let read = |json: &str| Vault::from_json(json).unwrap_err();
    let next = json.replace("\"version\":1", "\"version\":2");
    assert_eq!(read(&next), SavedVaultError::Version(2));
    for damaged in [
        "",
        "{}",
        "{\"version\":1}",
        &json[..json.len() - 1],
        &json.replace("bob@", "ada@"),
        &json.replace("\"bob@example.com\",2,1", "\"bob@example.com\",1,1"),
        &json.replace("\"bob@example.com\",2,1", "\"bob@example.com\",3,1"),
        &json.replace("\"bob@example.com\",2,1", "\"bob@example.com\",2,0"),
    ] {
        assert_eq!(read(damaged), SavedVaultError::Damaged, "{damaged}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is edited: a page that replaces each span of its own text by what it is said to leave as has what
    /// leaves, and a vault that was saved goes on like the one that was not.
    #[test]
    fn a_preview_is_a_diff_and_a_saved_vault_the_same(
        parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..14),
        hide in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..4),
        show in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..4),
        careful in any::<bool>(),
        replaces in any::<bool>(),
    ) {
        let mut rules = if careful { self::careful() } else { balanced() };
        if replaces {
            rules.replace = [
                (EntityKind::Date, ReplaceWith::Shift),
                (EntityKind::Email, ReplaceWith::Surrogate),
                (EntityKind::DateOfBirth, ReplaceWith::Generalise),
            ]
            .into();
        }
        let (before, after) = parts.split_at(parts.len() / 2);
        let (before, after) = (before.concat(), after.concat());
        let mut vault = Vault::with_seed(7);
        let earlier = request(&[&before]);
        let _ = pseudonymize(&find(&earlier, &rules, &vault), &mut vault);
        let hide: Vec<HiddenText> = hide.iter().map(|text| hidden(text, None)).collect();
        edit(&mut vault, &rules, &hide, &show);

        let texts = [before.as_str(), after.as_str()];
        let shown = previewed(&texts, &rules, &vault);
        for (message, text) in shown.messages.iter().zip(texts) {
            let units: Vec<u16> = text.encode_utf16().collect();
            let (mut made, mut end) = (Vec::new(), 0);
            for found in &message.findings {
                prop_assert!(end <= found.start as usize && found.start < found.end);
                made.extend(&units[end..found.start as usize]);
                made.extend(found.leaves_as.encode_utf16());
                end = found.end as usize;
            }
            made.extend(&units[end..]);
            prop_assert_eq!(String::from_utf16(&made).unwrap(), message.text.clone());
        }
        let mut saved = Vault::from_json(&vault.to_json()).unwrap();
        prop_assert_eq!(&previewed(&texts, &rules, &saved), &shown);
        let all = request(&texts);
        let release = |vault: &mut Vault| {
            let released = pseudonymize(&find(&all, &rules, vault), vault);
            released.map(|released| released.request().clone())
        };
        prop_assert_eq!(release(&mut saved), release(&mut vault));
        prop_assert_eq!(saved.to_json(), vault.to_json());
    }
}

static PARTS: [&str; 18] = [
    " ",
    "\n",
    "é🦀",
    "ada@example.com",
    "Ada@Example.com",
    "4111 1111 1111 1111",
    "+49 30 901820",
    "Nightjar",
    "nightjar",
    " and ",
    "[EMAIL_1]",
    "PRIVATE_1",
    "203.0.113.7",
    "seen on 4 March 2024",
    "born on 3 May 1980",
    "111",
    "a",
    ", ",
];
