//! Which spellings mean the same value, where that is certain: one person must not become two, and two must
//! never become one.

use std::{collections::BTreeMap, net::IpAddr};

use query::EntityKind;
use zeroize::Zeroizing;

use crate::name::Name;

/// More bearers of one name than this are not told apart any more: each is taken for somebody else. It bounds the
/// work.
const MOST_NAMESAKES: usize = 32;

/// For each value a number that it shares with those that mean the same: the index of one of them.
///
/// A name is linked to a clearer one ("Rachel", "Ms Zheng", "R. Zheng" to "Rachel Zheng"; "Acme" to "Acme GmbH")
/// if there is exactly one that it may be short for, and no other name that contradicts it may be short for the
/// same. So "Rachel" beside "Rachel Zheng" and "Rachel Adams" is nobody's, and of "Ms Zheng" and "Mr Zheng" neither
/// is "Robin Zheng".
pub(crate) fn subjects(values: &[(EntityKind, &str)]) -> Vec<usize> {
    let mut subjects: Vec<usize> = (0..values.len()).collect();
    link_same(values, &mut subjects);
    for (kind, read) in [
        (
            EntityKind::Person,
            Name::of_person as fn(&str) -> Option<Name>,
        ),
        (EntityKind::Organization, Name::of_organization),
    ] {
        let names = values.iter().enumerate();
        let mut names: Vec<(usize, Name)> = names
            .filter(|(_, (of, _))| *of == kind)
            .filter_map(|(index, (_, text))| Some((index, read(text)?)))
            .collect();
        names.sort_by_key(|(_, name)| name.clearness());
        link_names(&names, &mut subjects);
    }
    subjects
}

/// Links what differs in nothing but how it is written.
fn link_same(values: &[(EntityKind, &str)], subjects: &mut [usize]) {
    let mut normal: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(index, (kind, text))| (*kind, normalize(*kind, text), index))
        .collect();
    normal.sort_by(|a, b| (a.0, a.1.as_str(), a.2).cmp(&(b.0, b.1.as_str(), b.2)));
    for pair in normal.windows(2) {
        if pair[0].0 == pair[1].0 && pair[0].1 == pair[1].1 {
            subjects[pair[1].2] = subjects[pair[0].2];
        }
    }
}

/// Links names, the clearest first.
fn link_names(names: &[(usize, Name)], subjects: &mut [usize]) {
    // By position in `names`: the names that others may be short for, and under which words they are found.
    let mut heads: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut short_for: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, (_, name)) in names.iter().enumerate() {
        let namesakes = heads.get(name.key()).map_or(&[][..], Vec::as_slice);
        let mut may_be = namesakes
            .iter()
            .filter(|head| name.may_be(&names[**head].1));
        match (may_be.next(), may_be.next()) {
            (Some(head), None) if namesakes.len() <= MOST_NAMESAKES => {
                short_for.entry(*head).or_default().push(at);
            }
            _ => {
                for key in name.keys() {
                    let found = heads.entry(key).or_default();
                    if found.len() <= MOST_NAMESAKES {
                        found.push(at);
                    }
                }
            }
        }
    }
    for (head, short) in short_for {
        for at in without_doubt(names, &short) {
            subjects[names[at].0] = subjects[names[head].0];
        }
    }
}

/// Those of the names that contradict none of the others, and may not be short for one that does.
fn without_doubt(names: &[(usize, Name)], short: &[usize]) -> Vec<usize> {
    if short.len() > MOST_NAMESAKES {
        return Vec::new();
    }
    let name = |at: &usize| &names[*at].1;
    let doubtful: Vec<usize> = short
        .iter()
        .filter(|at| {
            let mut others = short.iter();
            others.any(|other| name(at).contradicts(name(other)))
        })
        .copied()
        .collect();
    let certain = short.iter().filter(|at| {
        let mut doubtful = doubtful.iter();
        !doubtful.any(|other| other == *at || name(at).may_be(name(other)))
    });
    certain.copied().collect()
}

/// What two spellings of one value have in common.
fn normalize(kind: EntityKind, value: &str) -> Zeroizing<String> {
    let only = |keep: fn(&char) -> bool| value.chars().filter(keep).collect::<String>();
    Zeroizing::new(match kind {
        // Local parts may differ by case in theory (RFC 5321 §2.4); no mailbox of a person does.
        EntityKind::Email | EntityKind::Domain => value.to_lowercase(),
        EntityKind::Phone => only(|c| c.is_ascii_digit() || *c == '+'),
        EntityKind::Card | EntityKind::Ssn | EntityKind::DeviceId => only(char::is_ascii_digit),
        EntityKind::Iban
        | EntityKind::BankAccount
        | EntityKind::NationalId
        | EntityKind::TaxId
        | EntityKind::Passport
        | EntityKind::DriverLicense
        | EntityKind::MedicalRecord
        | EntityKind::LicenseNumber
        | EntityKind::MacAddress
        | EntityKind::VehicleId => only(char::is_ascii_alphanumeric).to_ascii_uppercase(),
        EntityKind::IpAddress => value
            .parse::<IpAddr>()
            .map_or_else(|_| value.to_owned(), |address| address.to_string()),
        EntityKind::Location | EntityKind::Address | EntityKind::Group => {
            let words: Vec<String> = value.split_whitespace().map(str::to_lowercase).collect();
            words.join(" ")
        }
        EntityKind::CryptoAddress
        | EntityKind::Coordinates
        | EntityKind::Person
        | EntityKind::UserName
        | EntityKind::Organization
        | EntityKind::DateOfBirth
        | EntityKind::Date
        | EntityKind::Age
        | EntityKind::UrlCredential
        | EntityKind::ApiKey
        | EntityKind::Amount
        | EntityKind::Private => value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spellings in groups, each one a person or an organisation.
    #[track_caller]
    fn check(kind: EntityKind, groups: &[&[&str]]) {
        let mut spellings: Vec<&str> = groups.concat();
        for _ in 0..spellings.len() {
            spellings.rotate_left(1);
            let values: Vec<_> = spellings.iter().map(|text| (kind, *text)).collect();
            let subjects = subjects(&values);
            for (a, one) in spellings.iter().enumerate() {
                for (b, other) in spellings.iter().enumerate() {
                    let together = |group: &&[&str]| group.contains(one) && group.contains(other);
                    assert_eq!(
                        subjects[a] == subjects[b],
                        groups.iter().any(together),
                        "{one} and {other} in {spellings:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn one_person_is_one() {
        let groups: &[&[&str]] = &[
            &[
                "Rachel Zheng",
                "Rachel",
                "Ms Zheng",
                "R. Zheng",
                "Zheng, Rachel",
                "rachel",
                "RACHEL ZHENG",
                "Dr. Rachel Zheng",
                "Ms. Zheng's",
                "Rachel\nM. Zheng",
                "Zheng",
            ],
            &["J. R. Doe", "Doe", "Jo R. Doe, PhD"],
            &["Anna van der Berg", "Frau van der Berg", "van der Berg"],
            &["Ana María García", "Señora García", "ana"],
            &["Li", "li"],
        ];
        for group in groups {
            check(EntityKind::Person, &[group]);
        }
    }

    #[test]
    fn two_people_are_two() {
        let cases: &[&[&[&str]]] = &[
            &[&["Ms Zheng"], &["Mr Zheng"]],
            &[
                &["Rachel Zheng", "Zheng"],
                &["Rachel Adams", "Ms Adams"],
                &["Rachel"],
            ],
            &[
                &["Robin Zheng", "Robin"],
                &["Ms Zheng"],
                &["Mr Zheng"],
                &["Zheng"],
            ],
            &[&["Rachel Zheng", "Ms Zheng"], &["Mr Zheng"], &["Zheng"]],
            &[
                &["Rachel Zheng", "Rachel"],
                &["Robert Zheng", "Robert"],
                &["R. Zheng"],
                &["Zheng"],
            ],
            &[&["R. Zheng"], &["Rachel Zheng"], &["Robert Zheng"]],
            &[&["R. M. Zheng"], &["Rachel Zheng"], &["Robert Zheng"]],
            &[&["Kim M. Lee"], &["Kim K. Lee"], &["Kim Lee"], &["Kim"]],
            &[&["John Doe"], &["John Doe Jr."]],
            &[&["Anna Maria Lopez"], &["Maria Lopez"]],
            &[&["Rachel"], &["Zheng"], &["R."]],
            &[&["Ms Robin Zheng"], &["Mr Robin Zheng"], &["Robin"]],
        ];
        for groups in cases {
            check(EntityKind::Person, groups);
        }
    }

    #[test]
    fn organisations_with_and_without_legal_form() {
        let cases: &[&[&[&str]]] = &[
            &[&["Acme GmbH", "ACME", "Acme", "The Acme GmbH", "Acme GmbH's"]],
            &[&["Acme, Inc.", "Acme Incorporated", "Acme"]],
            &[&["Acme Inc"], &["Acme GmbH"], &["Acme"]],
            &[&["Acme GmbH & Co. KG", "Acme"], &["Acme Tools GmbH"]],
            &[&["Société X S.A.", "société x sa"], &["Société Y"]],
            &[&["GmbH"], &["AG"]],
        ];
        for groups in cases {
            check(EntityKind::Organization, groups);
        }
    }

    #[test]
    fn other_values_differ_in_more_than_how_they_are_written() {
        check(
            EntityKind::Iban,
            &[&["DE89 3704", "de893704"], &["DE89 3705"]],
        );
        check(
            EntityKind::Email,
            &[
                &["ada@example.com", "Ada@Example.com"],
                &["ida@example.com"],
            ],
        );
        check(
            EntityKind::Location,
            &[&["New York", "new\nyork"], &["York"]],
        );
        check(EntityKind::UserName, &[&["ada"], &["Ada"]]);
        let same = "ada";
        let values = [(EntityKind::UserName, same), (EntityKind::Location, same)];
        assert_eq!(subjects(&values), [0, 1]);
    }

    #[test]
    fn many_namesakes_take_bounded_work_and_are_told_apart() {
        let names: Vec<String> = (0..5000)
            .map(|index| format!("{}{} Doe", char::from(b'a' + (index % 26) as u8), index))
            .chain(["Doe".to_owned()])
            .collect();
        let values: Vec<_> = names
            .iter()
            .map(|name| (EntityKind::Person, name.as_str()))
            .collect();
        let mut subjects = subjects(&values);
        subjects.sort_unstable();
        subjects.dedup();
        assert_eq!(subjects.len(), names.len());
    }
}
