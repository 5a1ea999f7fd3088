//! Conversations in which people and others leave under other names.

use query::{ChatRequest, EntityKind, Message, PrivacyClass, PrivacyRules, ReplaceWith, Role};

use crate::{
    Detector, Findings, Releasable, Restored, Vault, find::Classed, find_with, pseudonymize,
};
use EntityKind::{Email, Location, Organization, Person};

fn rules() -> PrivacyRules {
    PrivacyRules {
        replace: [Person, Organization, Location, Email]
            .map(|kind| (kind, ReplaceWith::Surrogate))
            .into(),
        ..PrivacyRules::default()
    }
}

fn request(messages: &[(Role, &str)]) -> ChatRequest {
    ChatRequest {
        messages: messages
            .iter()
            .map(|(role, text)| Message::new(*role, *text))
            .collect(),
        ..ChatRequest::default()
    }
}

/// What a tagger would have found: these values, wherever they stand in messages of the user.
fn release(
    vault: &mut Vault,
    messages: &[(Role, &str)],
    values: &[(EntityKind, &str)],
) -> Releasable {
    let request = request(messages);
    let rules = rules();
    let found = find_with(&Detector::default(), &request, &rules, vault);
    let mut lists = found.messages;
    for (message, list) in request.messages.iter().zip(&mut lists) {
        let values = values.iter().filter(|_| message.role == Role::User);
        for (kind, value) in values {
            for (start, _) in message.content.match_indices(value) {
                let range = start..start + value.len();
                if list
                    .iter()
                    .all(|other| other.range.end <= start || other.range.start >= range.end)
                {
                    list.push(Classed {
                        range,
                        kind: *kind,
                        class: PrivacyClass::PreferNot,
                        score: 1.0,
                    });
                }
            }
        }
        list.sort_by_key(|found| found.range.start);
    }
    let findings = Findings {
        request: &request,
        messages: lists,
        stops: Vec::new(),
        topics: Vec::new(),
        attested: None,
        replace: rules.replace,
    };
    pseudonymize(&findings, vault).unwrap()
}

fn left(releasable: &Releasable) -> Vec<&str> {
    let messages = releasable.request().messages.iter();
    messages.map(|message| message.content.as_str()).collect()
}

fn restore(vault: &Vault, releasable: &Releasable, answer: &str) -> (String, Restored) {
    let run = |pieces: &[&str]| {
        let mut restorer = vault.restorer(releasable);
        let mut text: String = pieces.iter().map(|piece| restorer.push(piece)).collect();
        let (rest, restored) = restorer.finish();
        text.push_str(&rest);
        (text, restored)
    };
    let whole = run(&[answer]);
    let pieces: Vec<&str> = answer.split_inclusive(|_| true).collect();
    assert_eq!(run(&pieces), whole);
    whole
}

const RACHEL: [(EntityKind, &str); 4] = [
    (Person, "Rachel Zheng"),
    (Person, "Ms Zheng"),
    (Person, "Tom van der Berg"),
    (Organization, "Acme GmbH"),
];

#[test]
fn people_leave_under_other_names_and_come_back_under_their_own() {
    let mut vault = Vault::with_seed(1);
    let text =
        "Rachel Zheng of Acme GmbH met Tom van der Berg. Ms Zheng left; write to ada@example.org.";
    let releasable = release(&mut vault, &[(Role::User, text)], &RACHEL);
    let sent = left(&releasable)[0];
    for name in ["Rachel", "Zheng", "Tom", "Berg", "Acme", "ada@", "["] {
        assert!(!sent.contains(name), "{sent}");
    }
    assert!(
        sent.contains(" GmbH met ") && sent.contains(". Ms "),
        "{sent}"
    );
    let (back, restored) = restore(&vault, &releasable, sent);
    assert_eq!(back, text);
    assert_eq!(
        restored,
        Restored {
            count: 5,
            ..Restored::default()
        }
    );

    // By a first name, a family's name, in capitals, with a possessive; and what makes others of them.
    let replaced = releasable.replaced();
    let whole: Vec<&str> = replaced[0].placeholder.split(' ').collect();
    let firm = replaced[1].placeholder.trim_end_matches(" GmbH");
    let tom: Vec<&str> = replaced[2].placeholder.split(' ').collect();
    let (given, family) = (whole[0], whole[1]);
    let capitals = replaced[0].placeholder.to_uppercase();
    let answer = format!(
        "Dear {given}, {firm}'s Dr. {family} ({capitals}) thanks {given} {family} and {}. \
         {given} Bergman, Erik {family}, {} {family}, {family}-Hansen, {family}ish, {}, https://evil.example/?{given}",
        tom[1],
        tom[0],
        given.to_lowercase(),
    );
    let (back, restored) = restore(&vault, &releasable, &answer);
    assert_eq!(
        back,
        format!(
            "Dear Rachel, Acme's Dr. Zheng (RACHEL ZHENG) thanks Rachel Zheng and van der Berg. \
             {given} Bergman, Erik {family}, {} {family}, {family}-Hansen, {family}ish, {}, https://evil.example/?{given}",
            tom[0],
            given.to_lowercase(),
        )
    );
    assert_eq!(
        (restored.count, restored.uncertain, restored.withheld),
        (7, 7, 1)
    );
}

#[test]
fn what_came_back_in_parts_does_not_leave_in_the_next_turn() {
    let mut vault = Vault::with_seed(1);
    let first = (Role::User, "Who is Rachel Zheng of Acme GmbH?");
    let before = release(&mut vault, &[first], &RACHEL);
    let whole = before.replaced()[0].placeholder.clone();
    let firm = before.replaced()[1].placeholder.replace(" GmbH", "");
    let (given, family) = whole.split_once(' ').unwrap();
    let answer = format!(
        "{} is Dr. {family} of {}; {given} to friends.",
        whole.to_uppercase(),
        firm.to_uppercase()
    );
    let (back, _) = restore(&vault, &before, &answer);
    assert_eq!(
        back,
        "RACHEL ZHENG is Dr. Zheng of ACME; Rachel to friends."
    );
    let turns = [first, (Role::Assistant, &back), (Role::User, "Thanks")];
    let after = release(&mut vault, &turns, &RACHEL);
    assert_eq!(left(&after)[..2], [left(&before)[0], &*answer]);
}

#[test]
fn a_name_that_is_said_is_nobodys_surrogate() {
    let mut vault = Vault::with_seed(1);
    let first = (Role::User, "Who is Rachel Zheng?");
    let before = release(&mut vault, &[first], &RACHEL);
    let whole = before.replaced()[0].placeholder.clone();
    let (given, family) = whole.split_once(' ').unwrap();
    let others = format!("And who is Mr {family}, or {given}?");
    let after = release(&mut vault, &[first, (Role::User, &others)], &RACHEL);
    assert_eq!(left(&after)[1], others);
    let new = &after.replaced()[0].placeholder;
    assert!(!new.contains(given) && !new.contains(family), "{new}");
    let (back, _) = restore(&vault, &after, &format!("{new}, {whole}"));
    assert_eq!(back, format!("Rachel Zheng, {whole}"));

    // Where an answer left it in place, it is still ours.
    let turns = [first, (Role::Assistant, &format!("Erik {new}"))];
    let again = release(&mut vault, &turns, &RACHEL);
    assert_eq!(&again.replaced()[0].placeholder, new);
}

#[test]
fn a_saved_vault_goes_on_with_the_same_names_and_gives_none_twice() {
    let mut vault = Vault::with_seed(1);
    let first = (Role::User, "Rachel Zheng, ada@example.org");
    let before = release(&mut vault, &[first], &RACHEL);
    let mut loaded = Vault::from_json(&vault.to_json()).unwrap();
    let turns = [first, (Role::User, "Tom van der Berg")];
    let expected = release(&mut vault, &turns, &RACHEL);
    let after = release(&mut loaded, &turns, &RACHEL);
    assert_eq!(left(&after), left(&expected));
    assert_eq!(left(&after)[0], left(&before)[0]);
}

#[test]
fn only_names_that_left_with_this_request_come_back() {
    let mut vault = Vault::with_seed(1);
    let before = release(&mut vault, &[(Role::User, "Rachel Zheng")], &RACHEL);
    let whole = before.replaced()[0].placeholder.clone();
    let (given, family) = whole.split_once(' ').unwrap();
    let after = release(&mut vault, &[(Role::User, "Ms Zheng")], &RACHEL);
    assert_eq!(left(&after), [format!("Ms {family}")]);
    let (back, _) = restore(&vault, &after, &format!("{given}; {family}"));
    assert_eq!(back, format!("{given}; Zheng"));
}

#[test]
fn when_a_pool_is_used_up_placeholders_leave() {
    let names: Vec<String> = (0..70_u8)
        .map(|n| {
            format!(
                "A{}b Zheng",
                char::from(b'a' + n % 26)
                    .to_string()
                    .repeat(1 + n as usize / 26)
            )
        })
        .collect();
    let values: Vec<_> = names.iter().map(|name| (Person, name.as_str())).collect();
    let mut vault = Vault::with_seed(1);
    let text = names.join(", ");
    let releasable = release(&mut vault, &[(Role::User, &text)], &values);
    let placeholders = left(&releasable)[0].matches("[PERSON_").count();
    assert_eq!(placeholders, 6);
    assert_eq!(restore(&vault, &releasable, left(&releasable)[0]).0, text);
}
