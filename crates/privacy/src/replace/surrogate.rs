//! Other values to take in the place of people's names, firms, places, accounts and numbers.

use std::collections::BTreeMap;

use query::EntityKind;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    date::as_cased,
    names::{self, People, Pool},
    shift::mix,
};
use crate::{
    name::{self, Name},
    placeholder::Subject,
};

/// Which surrogate each value of a conversation has: a place in a pool, in an order that the seed decides. None is
/// given twice.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(crate) struct Surrogates {
    chosen: BTreeMap<Subject, u32>,
    /// How many of each pool were given or passed over.
    given: [u32; names::POOLS],
}

/// Kind, number and surrogate; how many of each pool.
type Saved = (Vec<(EntityKind, u32, u32)>, [u32; names::POOLS]);

impl From<Surrogates> for Saved {
    fn from(surrogates: Surrogates) -> Self {
        let chosen = surrogates.chosen.into_iter();
        let chosen = chosen.map(|((kind, number), at)| (kind, number, at));
        (chosen.collect(), surrogates.given)
    }
}

impl From<Saved> for Surrogates {
    fn from((chosen, given): Saved) -> Self {
        let chosen = chosen.into_iter();
        let chosen = chosen.map(|(kind, number, at)| ((kind, number), at));
        Self {
            chosen: chosen.collect(),
            given,
        }
    }
}

/// The texts of a request, in lower case: no surrogate may occur in them.
pub(crate) struct Texts {
    /// By people, and the values of the conversation.
    pub(crate) said: Zeroizing<String>,
    /// By whoever answers; in these a surrogate that was given is ours.
    pub(crate) heard: Zeroizing<String>,
}

impl Surrogates {
    /// Gives surrogates to those that have none, and others to those whose surrogates occur in a text by chance.
    pub(super) fn choose(
        &mut self,
        seed: u64,
        subjects: impl Iterator<Item = Subject>,
        texts: &Texts,
    ) {
        let occurs = |text: &str, words: &[String]| {
            let mut words = words.iter();
            words.any(|word| text.contains(word.as_str()))
        };
        for subject in subjects {
            let Some(pool) = pool_of(subject.0) else {
                continue;
            };
            let chosen = self.chosen.get(&subject);
            if chosen.is_some_and(|at| !occurs(&texts.said, &words(pool, place(seed, pool, *at)))) {
                continue;
            }
            self.chosen.remove(&subject);
            let given = &mut self.given[pool as usize];
            while *given < pool.len() {
                let at = *given;
                *given += 1;
                let words = words(pool, place(seed, pool, at));
                if !occurs(&texts.said, &words) && !occurs(&texts.heard, &words) {
                    self.chosen.insert(subject, at);
                    break;
                }
            }
        }
    }

    /// Where in its pool a value's surrogate stands.
    pub(super) fn index(&self, seed: u64, subject: Subject) -> Option<u32> {
        let at = self.chosen.get(&subject)?;
        Some(place(seed, pool_of(subject.0)?, *at))
    }
}

fn pool_of(kind: EntityKind) -> Option<Pool> {
    Some(match kind {
        EntityKind::Person => Pool::People,
        EntityKind::Organization => Pool::Firms,
        EntityKind::Location | EntityKind::Address => Pool::Places,
        EntityKind::UserName | EntityKind::Email => Pool::Accounts,
        EntityKind::Phone => Pool::Phones,
        _ => return None,
    })
}

/// Every place once, in an order that depends on the seed.
fn place(seed: u64, pool: Pool, at: u32) -> u32 {
    let mixed = mix(seed ^ ((pool as u64 + 2) << 32));
    // Its last digit shares no divisor with the pools' lengths: powers of two and of five.
    let step = (mixed % 100) * 10 + 1;
    let start = mixed >> 32;
    ((u64::from(at) * step + start) % u64::from(pool.len())) as u32
}

/// What no text may hold, in lower case.
fn words(pool: Pool, index: u32) -> Vec<String> {
    match pool {
        Pool::People => {
            let names = names::people(index);
            [names.female, names.male, names.either, names.family]
                .map(str::to_lowercase)
                .to_vec()
        }
        Pool::Firms => vec![names::firm(index).to_lowercase()],
        Pool::Places => vec![names::place(index).to_lowercase()],
        Pool::Accounts => vec![names::account(index)],
        Pool::Phones => vec![names::phone(index)],
    }
}

/// A word of a surrogate, and what it stands for.
#[derive(Clone)]
pub(crate) struct Part {
    /// With a capital where names have one.
    pub(crate) word: String,
    pub(crate) role: Role,
    pub(crate) value: Zeroizing<String>,
}

/// What of a value a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Given,
    Family,
    /// All that tells the value from others.
    Whole,
    /// Too little to be put back alone.
    Fragment,
}

/// Whom a person's names mean, as the clearest of them says.
pub(crate) struct Bearer {
    given: Zeroizing<String>,
    family: Zeroizing<String>,
    words: Zeroizing<Vec<String>>,
    female: Option<bool>,
}

impl Bearer {
    pub(super) fn new(name: &Name, female: Option<bool>) -> Self {
        let words = name.words();
        let last = words.last().map_or("", String::as_str);
        // Without `jr`.
        let last = last.split(' ').next().unwrap_or_default();
        let (given, family) = match words {
            [] => ("", ""),
            [_] if name.is_titled() => ("", last),
            [_] => (last, ""),
            [first, ..] => (first.as_str(), last),
        };
        let owned = |text: &str| Zeroizing::new(text.to_owned());
        Self {
            given: owned(given),
            family: owned(family),
            words: Zeroizing::new(words.to_vec()),
            female,
        }
    }
}

/// What leaves for a value, and the words in it that say which; nothing where none would read naturally.
pub(super) fn surrogate(
    kind: EntityKind,
    value: &str,
    index: u32,
    bearer: Option<&Bearer>,
) -> Option<(String, Vec<Part>)> {
    // Other scripts than Latin have other names.
    if value.chars().any(|c| c.is_alphabetic() && c >= '\u{250}') {
        return None;
    }
    let part = |word: &str, role, value: &str| Part {
        word: word.to_owned(),
        role,
        value: Zeroizing::new(value.to_owned()),
    };
    Some(match kind {
        EntityKind::Person => person(value, bearer?, &names::people(index))?,
        EntityKind::Organization => {
            let stem = stem(value)?;
            let firm = names::firm(index);
            let (before, after) = (&value[..stem.start], &value[stem.end..]);
            let stem = &value[stem];
            let text = format!("{before}{}{after}", as_cased(&firm.to_lowercase(), stem));
            (text, vec![part(&firm, Role::Whole, stem)])
        }
        EntityKind::Location => {
            let place = names::place(index);
            let text = as_cased(&place.to_lowercase(), value);
            (text, vec![part(&place, Role::Whole, value)])
        }
        EntityKind::Address => {
            let place = names::place(index);
            let street = ["Street", "Road", "Lane", "Avenue"][index as usize % 4];
            let text = format!("{} {place} {street}", 11 + index * 7 % 88);
            (text, vec![part(&place, Role::Fragment, "")])
        }
        EntityKind::UserName | EntityKind::Email => {
            let account = names::account(index);
            let number = 10 + index * 37 % 90;
            let text = match kind {
                // Nobody's: RFC 2606, section 3.
                EntityKind::Email => {
                    let end = ["com", "net", "org"][index as usize % 3];
                    format!("{account}{number}@example.{end}")
                }
                _ => format!("{account}{number}"),
            };
            let at = if value.starts_with('@') { "@" } else { "" };
            let text = at.to_owned() + &as_cased(&text, value.trim_start_matches('@'));
            (text, vec![part(&account, Role::Fragment, "")])
        }
        EntityKind::Phone => (names::phone(index), Vec::new()),
        _ => return None,
    })
}

/// How a value may come back in an answer besides as it is written: in capitals, and a name in parts. In the next turn
/// these must not leave either.
pub(crate) fn in_answers(kind: EntityKind, value: &str) -> Vec<Zeroizing<String>> {
    let mut forms = vec![value.to_owned()];
    match kind {
        EntityKind::Person => {
            let mut end = 0;
            for piece in value.split_inclusive(char::is_whitespace) {
                let token = piece.trim_matches(|c: char| !c.is_alphanumeric());
                let word = without_possessive(token);
                let lower = word.to_lowercase();
                if word.chars().count() > 1 && !name::says_nothing_of_whom(&lower) {
                    let rest = value[end..].trim_matches(|c: char| !c.is_alphanumeric());
                    forms.push(without_possessive(rest).to_owned());
                    if !name::is_particle(&lower) {
                        forms.push(as_cased(&lower, "Aa"));
                        forms.push(word.to_owned());
                    }
                }
                end += piece.len();
            }
        }
        EntityKind::Organization => {
            forms.extend(stem(value).map(|stem| value[stem].to_owned()));
        }
        EntityKind::Location => {}
        _ => return Vec::new(),
    }
    let capitals: Vec<String> = forms.iter().map(|form| form.to_uppercase()).collect();
    forms.extend(capitals);
    forms.into_iter().map(Zeroizing::new).collect()
}

/// The same form of another name: "Ms Zheng" as "Ms Solberg", "Zheng, R." as "Solberg, I."
fn person(value: &str, bearer: &Bearer, people: &People) -> Option<(String, Vec<Part>)> {
    let given = match bearer.female {
        Some(true) => people.female,
        Some(false) => people.male,
        None => people.either,
    };
    let mut text = String::new();
    let mut parts = Vec::new();
    // Where the particles begin that stand before this word.
    let mut particles = None;
    let mut end = 0;
    for piece in value.split_inclusive(char::is_whitespace) {
        let start = end;
        end += piece.len();
        let token = piece.trim_matches(|c: char| !c.is_alphanumeric());
        if token.is_empty() {
            text.push_str(piece);
            continue;
        }
        let offset = piece.find(token)?;
        let word = without_possessive(token);
        let lower = word.replace('.', "").to_lowercase();
        let initial = |name: &str| lower.chars().count() == 1 && name.starts_with(&lower);
        let (new, role) = match &*lower {
            name if name == *bearer.given => (
                as_cased(&given.to_lowercase(), word),
                Some((Role::Given, given)),
            ),
            name if name == *bearer.family => {
                let family = people.family;
                (
                    as_cased(&family.to_lowercase(), word),
                    Some((Role::Family, family)),
                )
            }
            // Another of the person's names has no counterpart.
            other if bearer.words.iter().any(|word| word == other) => {
                if name::is_particle(other) {
                    particles.get_or_insert(start + offset);
                }
                continue;
            }
            title if name::says_nothing_of_whom(title) => (word.to_owned(), None),
            _ if initial(&bearer.given) => (as_cased(&given[..1].to_lowercase(), word), None),
            _ if initial(&bearer.family) => {
                (as_cased(&people.family[..1].to_lowercase(), word), None)
            }
            _ => return None,
        };
        let before = particles.take();
        if let Some((role, word)) = role {
            let from = before
                .filter(|_| role == Role::Family)
                .unwrap_or(start + offset);
            let stands_for = &value[from..start + offset + without_possessive(token).len()];
            parts.push(Part {
                word: word.to_owned(),
                role,
                value: Zeroizing::new(stands_for.to_owned()),
            });
        }
        text.push_str(&piece[..offset]);
        text.push_str(&new);
        text.push_str(&piece[offset + word.len()..]);
    }
    text.truncate(text.trim_end().len());
    (!parts.is_empty()).then_some((text, parts))
}

/// Where an organisation's own name stands, without article, legal form and what such organisations are called.
fn stem(value: &str) -> Option<std::ops::Range<usize>> {
    const SORTS: [&str; 8] = [
        "hospital",
        "clinic",
        "university",
        "college",
        "school",
        "bank",
        "church",
        "foundation",
    ];
    let mut tokens = Vec::new();
    let mut end = 0;
    for piece in value.split_inclusive(char::is_whitespace) {
        let start = end;
        end += piece.len();
        let token = piece.trim_matches(|c: char| !c.is_alphanumeric());
        if let (false, Some(offset)) = (token.is_empty(), piece.find(token)) {
            let word = without_possessive(token);
            let lower = word.replace('.', "").to_lowercase();
            tokens.push((start + offset..start + offset + word.len(), lower));
        }
    }
    let is_own = |word: &String| !name::is_legal_form(word) && !SORTS.contains(&word.as_str());
    let first = tokens
        .iter()
        .find(|(_, word)| word != "the" && is_own(word))?;
    let last = tokens.iter().rfind(|(_, word)| is_own(word))?;
    (first.0.start < last.0.end).then_some(first.0.start..last.0.end)
}

fn without_possessive(word: &str) -> &str {
    word.strip_suffix("'s")
        .or_else(|| word.strip_suffix("’s"))
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use EntityKind::*;

    use super::*;

    fn bearer(clearest: &str, female: Option<bool>) -> Bearer {
        Bearer::new(&Name::of_person(clearest).unwrap(), female)
    }

    #[test]
    fn names_of_a_person_become_the_same_names_of_another() {
        let people = || People {
            female: "Ingrid",
            male: "Torsten",
            either: "Ellery",
            family: "Solberg",
        };
        let rachel = bearer("Dr. Rachel M. Zheng", Some(true));
        for (value, expected) in [
            ("Rachel Zheng", "Ingrid Solberg"),
            ("Rachel", "Ingrid"),
            ("Ms Zheng", "Ms Solberg"),
            ("Ms. Zheng's", "Ms. Solberg's"),
            ("Zheng, Rachel", "Solberg, Ingrid"),
            ("R. Zheng", "I. Solberg"),
            ("RACHEL ZHENG, PhD", "INGRID SOLBERG, PhD"),
            ("rachel", "ingrid"),
            ("Rachel\nM. Zheng", "Ingrid\nSolberg"),
        ] {
            let (text, _) = person(value, &rachel, &people()).unwrap();
            assert_eq!(text, expected);
        }
        assert!(person("Rachel Adams", &rachel, &people()).is_none());
        assert!(person("Dr. M.", &rachel, &people()).is_none());

        let anna = bearer("Anna van der Berg Jr.", None);
        let (text, parts) = person("Herr van der Berg", &anna, &people()).unwrap();
        assert_eq!(
            (&*text, &**parts[0].value),
            ("Herr Solberg", "van der Berg")
        );
        let (text, parts) = person("Anna", &bearer("Anna", None), &people()).unwrap();
        assert_eq!((&*text, parts[0].role), ("Ellery", Role::Given));
        let (text, parts) = person("Zheng", &bearer("Mr Zheng", Some(false)), &people()).unwrap();
        assert_eq!((&*text, parts[0].role), ("Solberg", Role::Family));
    }

    #[test]
    fn others_keep_their_sort() {
        for (kind, value, before, after) in [
            (
                Organization,
                "The Acme Tools GmbH & Co. KG",
                "The ",
                " GmbH & Co. KG",
            ),
            (Organization, "St. Mary's Hospital", "", " Hospital"),
            (Organization, "Acme, Inc.'s", "", ", Inc.'s"),
            (UserName, "@ada", "@", ""),
            (Email, "ada@acme.de", "", "@example.com"),
        ] {
            let (text, parts) = surrogate(kind, value, 3, None).unwrap();
            assert!(text.starts_with(before) && text.ends_with(after), "{text}");
            assert!(text.contains(&parts[0].word), "{text}");
            assert!(
                !text.to_lowercase().contains("acme") && !text.contains("Mary"),
                "{text}"
            );
        }
        for value in ["GmbH", "株式会社"] {
            assert!(surrogate(Organization, value, 3, None).is_none());
        }
        assert!(surrogate(Card, "4111 1111 1111 1111", 3, None).is_none());
    }

    #[test]
    fn parts_and_capitals_are_known_in_answers() {
        let forms = in_answers(Person, "Dr. Anna van der Berg's");
        for form in [
            "Anna",
            "Berg",
            "van der Berg",
            "ANNA",
            "VAN DER BERG",
            "Anna van der Berg",
        ] {
            assert!(forms.iter().any(|known| **known == form), "{form}");
        }
        for form in ["Dr", "van", "der", "DR"] {
            assert!(!forms.iter().any(|known| **known == form), "{form}");
        }
        let forms = in_answers(Organization, "Acme GmbH");
        assert!(forms.iter().any(|known| **known == "ACME"));
        assert!(in_answers(Email, "ada@example.com").is_empty());
    }

    #[test]
    fn none_is_given_twice_or_occurs_in_a_text() {
        let texts = |said: String| Texts {
            said: Zeroizing::new(said),
            heard: Zeroizing::default(),
        };
        let subjects = || (1..=70).map(|number| (Person, number));
        let mut surrogates = Surrogates::default();
        surrogates.choose(9, subjects(), &texts(String::new()));
        let index = |surrogates: &Surrogates| -> Vec<Option<u32>> {
            subjects()
                .map(|subject| surrogates.index(9, subject))
                .collect()
        };
        let before = index(&surrogates);
        let mut given: Vec<u32> = before.iter().copied().flatten().collect();
        given.sort_unstable();
        assert_eq!(given, (0..64).collect::<Vec<u32>>());

        let mut few = Surrogates::default();
        few.choose(9, subjects().take(3), &texts(String::new()));
        assert_eq!(index(&few)[..3], before[..3]);
        let said = names::people(before[1].unwrap()).family.to_lowercase();
        few.choose(9, subjects().take(3), &texts(format!("the {said}s")));
        let after = index(&few);
        assert_eq!(
            (after[0], after[1], after[2]),
            (before[0], before[3], before[2])
        );
    }
}
