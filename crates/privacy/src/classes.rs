//! How far each kind may go, as a table.

use query::{EntityKind, PrivacyClass, PrivacyLevel, PrivacyRules};

use EntityKind::*;
use PrivacyClass::*;

/// Kind, class when balanced, class when careful.
///
/// Secrets that would let someone in never leave: the cloud needs no password to answer, and a
/// placeholder for one invites the question back. Numbers that name a person or an account leave behind
/// a placeholder, or, when careful, not at all.
const TABLE: [(EntityKind, PrivacyClass, PrivacyClass); 32] = [
    (Email, PreferNot, Restricted),
    (Phone, PreferNot, Restricted),
    (Card, Restricted, NeverLeaves),
    (Iban, Restricted, NeverLeaves),
    (BankAccount, Restricted, NeverLeaves),
    (CryptoAddress, PreferNot, Restricted),
    (Ssn, Restricted, NeverLeaves),
    (NationalId, Restricted, NeverLeaves),
    (TaxId, Restricted, NeverLeaves),
    (Passport, Restricted, NeverLeaves),
    (DriverLicense, Restricted, NeverLeaves),
    (MedicalRecord, Restricted, NeverLeaves),
    (LicenseNumber, PreferNot, Restricted),
    (IpAddress, PreferNot, Restricted),
    (MacAddress, PreferNot, Restricted),
    (DeviceId, PreferNot, Restricted),
    (VehicleId, PreferNot, Restricted),
    (Coordinates, PreferNot, Restricted),
    (Person, PreferNot, Restricted),
    (UserName, PreferNot, Restricted),
    (Organization, PreferNot, Restricted),
    (Location, PreferNot, Restricted),
    (Address, PreferNot, Restricted),
    (Group, PreferNot, Restricted),
    (DateOfBirth, PreferNot, Restricted),
    (Date, PreferNot, Restricted),
    (Age, PreferNot, Restricted),
    (Domain, PreferNot, Restricted),
    (UrlCredential, NeverLeaves, NeverLeaves),
    (ApiKey, NeverLeaves, NeverLeaves),
    (Amount, Public, Public),
    (Private, PreferNot, Restricted),
];

/// The class of a kind by an app's rules, else by their preset.
pub fn class_of(kind: EntityKind, rules: &PrivacyRules) -> PrivacyClass {
    let own = rules.kinds.get(&kind).copied();
    own.unwrap_or_else(|| preset(kind, rules.preset))
}

fn preset(kind: EntityKind, level: PrivacyLevel) -> PrivacyClass {
    TABLE
        .iter()
        .find(|(listed, ..)| *listed == kind)
        // A kind that nobody classified stays.
        .map_or(NeverLeaves, |(_, balanced, careful)| match level {
            PrivacyLevel::Balanced => *balanced,
            PrivacyLevel::Careful => *careful,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_and_careful_is_never_laxer() {
        for (kind, name) in EntityKind::NAMES {
            assert_eq!(
                TABLE.iter().filter(|(listed, ..)| *listed == kind).count(),
                1,
                "{name}"
            );
        }
        for (kind, balanced, careful) in TABLE {
            assert!(careful >= balanced, "{kind:?}");
            assert_eq!(balanced == Public, kind == Amount, "{kind:?}");
        }
    }
}
