//! What is personal in a text, and how far it may go.

use serde::{Deserialize, Serialize};

use crate::Topic;

/// What kind of personal data was found. The name is also the placeholder's: `[EMAIL_1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum EntityKind {
    /// E-mail address.
    Email,
    /// Telephone number.
    Phone,
    /// Payment card number (Luhn).
    Card,
    /// International bank account number (mod 97).
    Iban,
    /// Bank account or routing number of a country's own scheme.
    BankAccount,
    /// Address of a crypto-currency wallet.
    CryptoAddress,
    /// US social security number.
    Ssn,
    /// Number by which a country knows a person.
    NationalId,
    /// Number by which a tax office knows a person or a firm.
    TaxId,
    /// Passport number.
    Passport,
    /// Driver's licence number.
    DriverLicense,
    /// Medical record or health insurance number.
    MedicalRecord,
    /// Number of a professional's licence.
    LicenseNumber,
    /// IPv4 or IPv6 address.
    IpAddress,
    /// Hardware address of a network interface.
    MacAddress,
    /// Number of a device (IMEI).
    DeviceId,
    /// Vehicle identification number or number plate.
    VehicleId,
    /// Latitude and longitude.
    Coordinates,
    /// Name of a person, whole or in part.
    Person,
    /// Name of an account.
    UserName,
    /// Name of a firm, an authority or a group of people that acts as one.
    Organization,
    /// City, region, country or another place that has a name.
    Location,
    /// Where somebody can be visited or written to: street, house, postal code.
    Address,
    /// Nationality, religion, political or ethnic group.
    Group,
    /// Date of birth.
    DateOfBirth,
    /// Any other date or time that says when something happened to somebody.
    Date,
    /// Age of a person.
    Age,
    /// Domain name or URL.
    Domain,
    /// User name and password inside a URL.
    UrlCredential,
    /// API key, token or private key.
    ApiKey,
    /// Amount of money. Looked for only where an app's rules name it.
    Amount,
    /// What a person or an app marked by hand.
    Private,
}

impl EntityKind {
    /// All kinds and their names, in the order of the declaration.
    pub const NAMES: [(Self, &'static str); 32] = [
        (Self::Email, "EMAIL"),
        (Self::Phone, "PHONE"),
        (Self::Card, "CARD"),
        (Self::Iban, "IBAN"),
        (Self::BankAccount, "BANK_ACCOUNT"),
        (Self::CryptoAddress, "CRYPTO_ADDRESS"),
        (Self::Ssn, "SSN"),
        (Self::NationalId, "NATIONAL_ID"),
        (Self::TaxId, "TAX_ID"),
        (Self::Passport, "PASSPORT"),
        (Self::DriverLicense, "DRIVER_LICENSE"),
        (Self::MedicalRecord, "MEDICAL_RECORD"),
        (Self::LicenseNumber, "LICENSE_NUMBER"),
        (Self::IpAddress, "IP_ADDRESS"),
        (Self::MacAddress, "MAC_ADDRESS"),
        (Self::DeviceId, "DEVICE_ID"),
        (Self::VehicleId, "VEHICLE_ID"),
        (Self::Coordinates, "COORDINATES"),
        (Self::Person, "PERSON"),
        (Self::UserName, "USER_NAME"),
        (Self::Organization, "ORGANIZATION"),
        (Self::Location, "LOCATION"),
        (Self::Address, "ADDRESS"),
        (Self::Group, "GROUP"),
        (Self::DateOfBirth, "DATE_OF_BIRTH"),
        (Self::Date, "DATE"),
        (Self::Age, "AGE"),
        (Self::Domain, "DOMAIN"),
        (Self::UrlCredential, "URL_CREDENTIAL"),
        (Self::ApiKey, "API_KEY"),
        (Self::Amount, "AMOUNT"),
        (Self::Private, "PRIVATE"),
    ];

    /// As in JSON and in placeholders.
    pub fn name(self) -> &'static str {
        // In the order of the declaration (tested).
        Self::NAMES[self as usize].1
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        let known = Self::NAMES.into_iter().find(|(_, known)| *known == name);
        known.map(|(kind, _)| kind)
    }
}

/// How far a piece of text may go. Ordered: greater is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum PrivacyClass {
    /// May leave as it is.
    Public,
    /// Leaves behind a placeholder if it must: the page is preferred.
    PreferNot,
    /// Leaves, behind a placeholder, only to an endpoint whose hardware was verified. There is none yet, so the
    /// whole query stays.
    Restricted,
    /// Never leaves, not even behind a placeholder: the whole query stays.
    NeverLeaves,
}

/// A piece of personal data in one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Finding {
    /// Index of the message in the request.
    pub message: u32,
    /// Start of the span, in UTF-8 bytes of the message's content.
    pub start: u32,
    /// End of the span (exclusive), in UTF-8 bytes.
    pub end: u32,
    /// What it is.
    pub kind: EntityKind,
    /// How far it may go.
    pub class: PrivacyClass,
    /// How sure the recognizer is, 0 to 1.
    pub score: f32,
}

/// A topic of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TopicFinding {
    /// What it is about.
    pub topic: Topic,
    /// How far the request may go for that.
    pub class: PrivacyClass,
}

/// How far a whole request may go: as far as the strictest class of all that was found in it. With what has
/// that class, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strictest {
    /// The class.
    pub class: PrivacyClass,
    /// Kinds of values that have it.
    pub kinds: Vec<EntityKind>,
    /// Topics that have it.
    pub topics: Vec<Topic>,
}

impl Default for Strictest {
    /// Of a request in which nothing was found.
    fn default() -> Self {
        Self {
            class: PrivacyClass::Public,
            kinds: Vec::new(),
            topics: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json_in_the_order_of_the_declaration() {
        for (index, (kind, name)) in EntityKind::NAMES.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(serde_json::to_value(kind).unwrap(), name);
            assert_eq!(EntityKind::named(name), Some(kind));
        }
    }
}
