//! Which placeholder stands for which value, for one conversation.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use query::EntityKind;
use zeroize::Zeroizing;

use crate::{Releasable, Restorer, placeholder::Placeholder};

/// The values of a conversation and their placeholders: the same value has the same placeholder in every
/// turn, different values have different ones. Never leaves the device; wiped when dropped.
#[derive(Clone, Default)]
pub struct Vault {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    placeholder: Placeholder,
    /// What two spellings of one value have in common.
    normal: Zeroizing<String>,
    /// As written; the first is the one that is put back.
    spellings: Vec<Zeroizing<String>>,
}

impl Vault {
    /// An empty vault.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many values it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts the values back into the reply to what was released. Only placeholders that left with it are
    /// turned back: an upstream that guesses another one learns and places nothing.
    pub fn restorer(&self, releasable: &Releasable) -> Restorer {
        let left: BTreeSet<&str> = releasable
            .replaced()
            .iter()
            .map(|replaced| replaced.placeholder.as_str())
            .collect();
        let values = self.entries.iter().filter_map(|entry| {
            let value = entry.spellings.first()?;
            left.contains(entry.placeholder.to_string().as_str())
                .then(|| (entry.placeholder, value.clone()))
        });
        Restorer::new(values.collect())
    }

    /// The placeholder of a value; a new one gets the next number that is not `reserved`.
    pub(crate) fn placeholder(
        &mut self,
        kind: EntityKind,
        value: &str,
        reserved: &BTreeSet<Placeholder>,
    ) -> Placeholder {
        let normal = normalize(kind, value);
        let same_spelling = |entry: &Entry| {
            entry
                .spellings
                .iter()
                .any(|spelling| spelling.as_str() == value)
        };
        let same_value = |entry: &Entry| entry.placeholder.kind == kind && *entry.normal == *normal;
        if let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| same_spelling(entry) || same_value(entry))
        {
            if !same_spelling(entry) {
                entry.spellings.push(Zeroizing::new(value.to_owned()));
            }
            return entry.placeholder;
        }
        let of_kind = self
            .entries
            .iter()
            .map(|entry| entry.placeholder)
            .filter(|other| other.kind == kind);
        let mut placeholder = Placeholder {
            kind,
            number: 1 + of_kind.map(|other| other.number).max().unwrap_or(0),
        };
        while reserved.contains(&placeholder) {
            placeholder.number += 1;
        }
        self.entries.push(Entry {
            placeholder,
            normal,
            spellings: vec![Zeroizing::new(value.to_owned())],
        });
        placeholder
    }

    /// Every spelling of every value.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, EntityKind)> {
        let spellings = |entry: &Entry| entry.placeholder.kind;
        self.entries.iter().flat_map(move |entry| {
            entry
                .spellings
                .iter()
                .map(move |value| (value.as_str(), spellings(entry)))
        })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault(<{} values>)", self.entries.len())
    }
}

/// What two spellings of one value have in common, where that is certain: one person must not become two,
/// and two must never become one.
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
        EntityKind::CryptoAddress
        | EntityKind::Coordinates
        | EntityKind::Person
        | EntityKind::UserName
        | EntityKind::Organization
        | EntityKind::Location
        | EntityKind::Address
        | EntityKind::Group
        | EntityKind::DateOfBirth
        | EntityKind::Date
        | EntityKind::Age
        | EntityKind::UrlCredential
        | EntityKind::ApiKey => value.to_owned(),
    })
}
