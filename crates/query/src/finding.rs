//! What is personal in a text, and how far it may go.

use serde::{Deserialize, Serialize};

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
    /// US social security number.
    Ssn,
    /// IPv4 or IPv6 address.
    IpAddress,
    /// User name and password inside a URL.
    UrlCredential,
    /// API key, token or private key.
    ApiKey,
}

/// How far a piece of text may go. Ordered: greater is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum PrivacyClass {
    /// May leave as it is.
    Public,
    /// May leave if it must, behind a placeholder.
    PreferNot,
    /// Leaves only behind a placeholder.
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
