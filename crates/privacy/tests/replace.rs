//! What leaves in the place of a value where rules ask for more than a placeholder, and what comes back.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

use privacy::{Detector, Restored, Restorer, Vault, find_with, pseudonymize};
use proptest::prelude::*;
use query::{
    ChatRequest, EntityKind, Message, PrivacyClass, PrivacyRules,
    ReplaceWith::{self, Generalise, Shift},
    Role,
};

const DATED: [EntityKind; 2] = [EntityKind::Date, EntityKind::DateOfBirth];

fn rules(kinds: &[EntityKind], way: ReplaceWith) -> PrivacyRules {
    PrivacyRules {
        replace: kinds.iter().map(|kind| (*kind, way)).collect(),
        ..PrivacyRules::default()
    }
}

/// The text as it leaves, and what puts the values back.
fn release(text: &str, rules: &PrivacyRules, vault: &mut Vault) -> (String, Restorer) {
    let request = ChatRequest {
        messages: vec![Message::new(Role::User, text)],
        ..ChatRequest::default()
    };
    let findings = find_with(&Detector::default(), &request, rules, vault);
    let releasable = pseudonymize(&findings, vault).unwrap();
    let left = releasable.request().messages[0].content.clone();
    for replaced in releasable.replaced() {
        assert!(left.contains(&replaced.placeholder), "{left}");
    }
    (left, vault.restorer(&releasable))
}

/// In one piece and character by character.
fn restore(restorer: impl Fn() -> Restorer, answer: &str) -> (String, Restored) {
    let run = |pieces: &[&str]| {
        let mut restorer = restorer();
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

fn ask(text: &str, rules: &PrivacyRules, answer: &str) -> (String, Restored) {
    restore(|| release(text, rules, &mut Vault::with_seed(7)).1, answer)
}

#[test]
fn a_placeholder_may_say_what_is_coarse() {
    use EntityKind::{Age, Amount, Coordinates, Date, DateOfBirth, Email};
    let rules = rules(
        &[Age, Amount, Coordinates, Date, DateOfBirth, Email],
        Generalise,
    );
    let text = "Born 1984-03-12, aged 42, at 52.5200, 13.4050 since 4 May 2024; $1,200 to ada@example.com.";
    let (left, _) = release(text, &rules, &mut Vault::new());
    assert_eq!(
        left,
        "Born [DATE_OF_BIRTH_1: 1980s], aged [AGE_1: 40-49], at [COORDINATES_1: 53, 13] since [DATE_1: May 2024]; \
         [AMOUNT_1: thousands of $] to [EMAIL_1]."
    );
    assert_eq!(ask(text, &rules, &left).0, text);
    let answer = "[DATE_OF_BIRTH_1], [Age 1: in the forties], {{DATE_1: May}}, DATE_1: May, [EMAIL_1: work], \
        [AGE_1: 40-49, DATE_1: May 2024], https://evil.example/[AGE_1: 40-49]";
    let (back, restored) = ask(text, &rules, answer);
    assert_eq!(
        back,
        "1984-03-12, 42, 4 May 2024, 4 May 2024: May, [ada@example.com: work], \
        [42: 40-49, 4 May 2024: May 2024], https://evil.example/[AGE_1: 40-49]"
    );
    assert_eq!(
        restored,
        Restored {
            count: 7,
            withheld: 1,
            dropped: vec![
                "[COORDINATES_1: 53, 13]".into(),
                "[AMOUNT_1: thousands of $]".into()
            ],
            ..Restored::default()
        }
    );
}

#[test]
fn dates_move_together_and_come_back() {
    let rules = rules(&DATED, Shift);
    let text = "Born 12.03.1984. From Monday, March 4, 2024 to 2024-03-11T12:00, not 3/4/2024, and in May 2024.";
    let (left, _) = release(text, &rules, &mut Vault::with_seed(7));
    let (again, _) = release(text, &rules, &mut Vault::with_seed(7));
    assert_eq!(left, again);
    let (other, _) = release(text, &rules, &mut Vault::with_seed(8));
    assert_ne!(left, other);
    for value in [
        "12.03.1984",
        "March 4, 2024",
        "2024-03-11",
        "3/4/2024",
        "May 2024",
    ] {
        assert!(!left.contains(value), "{left}");
    }
    assert!(
        left.contains("Monday, ") && left.contains("T12:00, not [DATE_"),
        "{left}"
    );
    assert_eq!(
        ask(text, &rules, &left),
        (
            text.to_owned(),
            Restored {
                count: 5,
                ..Restored::default()
            }
        )
    );
}

#[test]
fn a_date_that_was_worked_out_moves_back() {
    let rules = rules(&DATED, Shift);
    let text = "The contract was signed on 2024-03-04. When is its thirtieth day?";
    let (left, _) = release(text, &rules, &mut Vault::with_seed(7));
    let sent = left
        .split_inclusive(' ')
        .nth(5)
        .unwrap()
        .trim_end_matches(['.', ' ']);
    // With our own writer: another date moves by as much.
    let (later, _) = release("2024-04-03", &rules, &mut Vault::with_seed(7));
    let answer = format!(
        "{sent}, so {later}, in any case before 5 May or 3/4/24. See https://x.example/{later}"
    );
    let (back, restored) = ask(text, &rules, &answer);
    assert_eq!(
        back,
        format!(
            "2024-03-04, so 2024-04-03, in any case before 5 May or 3/4/24. See https://x.example/{later}"
        )
    );
    assert_eq!(
        (restored.count, restored.uncertain, restored.dropped),
        (2, 2, vec![])
    );
}

#[test]
fn dates_that_left_as_they_are_stay() {
    let mut rules = rules(&[EntityKind::DateOfBirth], Shift);
    let (moved, _) = release("Born 2024-03-04", &rules, &mut Vault::with_seed(7));
    let moved = moved.trim_start_matches("Born ");
    rules.kinds.insert(EntityKind::Date, PrivacyClass::Public);

    let text = "Since 2023-01-01; born 2024-03-04.";
    let (back, restored) = ask(text, &rules, &format!("2023-01-01, {moved}"));
    assert_eq!((&*back, restored.uncertain), ("2023-01-01, 2024-03-04", 1));

    // What would leave as another date that leaves as it is could not be told from it.
    let text = format!("Since {moved}; born 2024-03-04.");
    let (left, _) = release(&text, &rules, &mut Vault::with_seed(7));
    assert_eq!(left, format!("Since {moved}; born [DATE_OF_BIRTH_1]."));
}

#[test]
fn amounts_keep_their_differences_and_come_back() {
    let rules = rules(&[EntityKind::Amount], Shift);
    let text =
        "I earn $4,200 and pay $1,500.50 of rent; she earns 3.000 EUR, he £3k, and I owe -$20.";
    let (left, _) = release(text, &rules, &mut Vault::with_seed(7));
    for value in ["4,200", "1,500", "3.000", "£3k", "-$20"] {
        assert!(!left.contains(value), "{left}");
    }
    assert!(left.contains("owe [AMOUNT_"), "{left}");
    assert_eq!(ask(text, &rules, &left).0, text);

    let moved = left
        .split([' ', ';'])
        .find(|word| word.starts_with('$'))
        .unwrap();
    let answer = format!("{moved} ({moved}.00), {moved}.01, $2,700, [AMOUNT_1]");
    let (back, restored) = ask(text, &rules, &answer);
    assert_eq!(
        back,
        format!("$4,200 ($4,200.00), {moved}.01, $2,700, [AMOUNT_1]")
    );
    assert_eq!(
        (restored.count, restored.uncertain, restored.invented),
        (2, 2, 1)
    );
}

#[test]
fn amounts_leave_as_they_are_where_no_rule_asks() {
    let (left, _) = release(
        "I earn $4,200.",
        &PrivacyRules::default(),
        &mut Vault::new(),
    );
    assert_eq!(left, "I earn $4,200.");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shifted_values_come_back_exactly(
        seed: u64,
        dates in prop::collection::vec((1_u32..=28, 1_u32..=12, 1900_u32..=2099, 0_usize..6), 1..6),
        amounts in prop::collection::vec((1_u32..10_000_000, 0_usize..4), 0..4),
    ) {
        let dates = dates.iter().map(|(day, month, year, form)| match form {
            0 => format!("{year}-{month:02}-{day:02}"),
            1 => format!("{day:02}.{month:02}.{year}"),
            2 => format!("{day}/{month}/{year}"),
            3 => format!("{month}/{day}/{year}"),
            4 => format!("{day} May {year}"),
            _ => format!("Dec {day}, {year}"),
        });
        let amounts = amounts.iter().map(|(value, form)| match form {
            0 => format!("${value}"),
            1 => format!("{}.{:02} EUR", value / 100, value % 100),
            2 => format!("£{}k", value % 1000),
            _ => format!("$0.{:02}", value % 100),
        });
        let text: String = dates.chain(amounts).map(|value| format!("On {value}; ")).collect();
        let mut all = rules(&DATED, Shift);
        all.replace.insert(EntityKind::Amount, Shift);
        let (left, _) = release(&text, &all, &mut Vault::with_seed(seed));
        let (back, restored) = restore(|| release(&text, &all, &mut Vault::with_seed(seed)).1, &left);
        prop_assert_eq!(back, text, "{}", left);
        prop_assert_eq!((restored.uncertain, restored.invented, restored.dropped.len()), (0, 0, 0));
    }
}
