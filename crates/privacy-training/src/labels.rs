//! What other people's data call our kinds.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, bail};
use query::EntityKind::{self, *};

/// From a data set's type names to our kinds; by default the built-in ones.
#[derive(Default)]
pub struct Labels {
    /// By [`normal`] name; before the built-in names.
    given: BTreeMap<String, Option<EntityKind>>,
}

/// What a name means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// One of our kinds.
    Kind(EntityKind),
    /// Left out by kind, on purpose.
    LeftOut,
    /// Nobody has said; left out by kind.
    Unknown,
}

impl Labels {
    /// The built-in names, and before them those of a file: a JSON object from names to our kinds or to null.
    ///
    /// # Errors
    /// Names the file and what is wrong there.
    pub fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let place = || path.display().to_string();
        let text = fs::read_to_string(path).with_context(place)?;
        let names: BTreeMap<String, Option<String>> =
            serde_json::from_str(&text).with_context(|| {
                format!(
                    "{}: expected a JSON object from type names to kinds or null, as in {{\"GPE\": \"LOCATION\", \"TITLE\": null}}",
                    place()
                )
            })?;
        let mut given = BTreeMap::new();
        for (label, name) in names {
            let kind = match &name {
                None => None,
                Some(name) => match EntityKind::named(&normal(name)) {
                    Some(kind) => Some(kind),
                    None => {
                        let known: Vec<_> =
                            EntityKind::NAMES.iter().map(|(_, name)| *name).collect();
                        bail!(
                            "{}: {label:?} is mapped to {name:?}, which is no kind; choose null or one of {}",
                            place(),
                            known.join(", ")
                        )
                    }
                },
            };
            given.insert(normal(&label), kind);
        }
        Ok(Self { given })
    }

    /// What a data set's type name means; case and what joins its words do not matter.
    pub fn meaning(&self, label: &str) -> Meaning {
        let name = normal(label);
        let kind = match self.given.get(&name) {
            Some(kind) => *kind,
            None => match EntityKind::named(&name) {
                Some(kind) => Some(kind),
                None => match OTHERS.iter().find(|(other, _)| *other == name) {
                    Some((_, kind)) => *kind,
                    None => return Meaning::Unknown,
                },
            },
        };
        kind.map_or(Meaning::LeftOut, Meaning::Kind)
    }
}

/// `Street address`, `street-address` and `STREET_ADDRESS` are one name.
fn normal(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .flat_map(char::to_uppercase)
        .collect()
}

/// Names of Presidio and its sentence generator, of OntoNotes and CoNLL, and of data sets in their manner.
const OTHERS: [(&str, Option<EntityKind>); 63] = [
    // Presidio.
    ("ABA_ROUTING_NUMBER", Some(BankAccount)),
    ("AU_ABN", Some(TaxId)),
    ("AU_ACN", Some(TaxId)),
    ("AU_MEDICARE", Some(MedicalRecord)),
    ("AU_TFN", Some(TaxId)),
    ("CREDIT_CARD", Some(Card)),
    ("CRYPTO", Some(CryptoAddress)),
    ("DATE_TIME", Some(Date)),
    ("DOMAIN_NAME", Some(Domain)),
    ("EMAIL_ADDRESS", Some(Email)),
    ("ES_NIE", Some(NationalId)),
    ("ES_NIF", Some(NationalId)),
    ("FI_PERSONAL_IDENTITY_CODE", Some(NationalId)),
    ("GPE", Some(Location)),
    ("IBAN_CODE", Some(Iban)),
    ("IN_AADHAAR", Some(NationalId)),
    ("IN_PAN", Some(TaxId)),
    ("IN_PASSPORT", Some(Passport)),
    ("IN_VEHICLE_REGISTRATION", Some(VehicleId)),
    ("IT_DRIVER_LICENSE", Some(DriverLicense)),
    ("IT_FISCAL_CODE", Some(TaxId)),
    ("IT_IDENTITY_CARD", Some(NationalId)),
    ("IT_PASSPORT", Some(Passport)),
    ("IT_VAT_CODE", Some(TaxId)),
    ("MEDICAL_LICENSE", Some(LicenseNumber)),
    ("NRP", Some(Group)),
    ("PHONE_NUMBER", Some(Phone)),
    // Part of how somebody is addressed, and no personal data by itself.
    ("PREFIX", None),
    ("PL_PESEL", Some(NationalId)),
    ("SG_NRIC_FIN", Some(NationalId)),
    ("STREET_ADDRESS", Some(Address)),
    ("TITLE", None),
    ("UK_NHS", Some(MedicalRecord)),
    ("UK_NINO", Some(NationalId)),
    ("URL", Some(Domain)),
    ("US_BANK_NUMBER", Some(BankAccount)),
    ("US_DRIVER_LICENSE", Some(DriverLicense)),
    ("US_ITIN", Some(TaxId)),
    ("US_PASSPORT", Some(Passport)),
    ("US_SSN", Some(Ssn)),
    ("ZIP_CODE", Some(Address)),
    // OntoNotes, CoNLL.
    ("FAC", Some(Location)),
    ("LOC", Some(Location)),
    ("NORP", Some(Group)),
    ("ORG", Some(Organization)),
    ("PER", Some(Person)),
    ("TIME", Some(Date)),
    // Others.
    ("ACCOUNT_NUMBER", Some(BankAccount)),
    ("CITY", Some(Location)),
    ("COUNTRY", Some(Location)),
    ("CREDIT_CARD_NUMBER", Some(Card)),
    ("DOB", Some(DateOfBirth)),
    ("FIRST_NAME", Some(Person)),
    ("IP", Some(IpAddress)),
    ("LAST_NAME", Some(Person)),
    ("NAME", Some(Person)),
    ("PASSWORD", Some(ApiKey)),
    ("PHONENUMBER", Some(Phone)),
    ("STATE", Some(Location)),
    ("STREET", Some(Address)),
    ("USERNAME", Some(UserName)),
    ("VIN", Some(VehicleId)),
    ("ZIPCODE", Some(Address)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_whatever_their_spelling() {
        let labels = Labels::read(None).unwrap();
        for (label, meaning) in [
            ("EMAIL", Meaning::Kind(Email)),
            ("email_address", Meaning::Kind(Email)),
            ("Street Address", Meaning::Kind(Address)),
            ("GPE", Meaning::Kind(Location)),
            ("TITLE", Meaning::LeftOut),
            ("SHOE_SIZE", Meaning::Unknown),
        ] {
            assert_eq!(labels.meaning(label), meaning, "{label}");
        }
    }

    #[test]
    fn each_name_stands_once_and_is_none_of_ours() {
        for (index, (name, _)) in OTHERS.iter().enumerate() {
            assert_eq!(*name, normal(name));
            assert_eq!(EntityKind::named(name), None, "{name}");
            assert!(
                OTHERS[..index].iter().all(|(other, _)| other != name),
                "{name}"
            );
        }
    }
}
