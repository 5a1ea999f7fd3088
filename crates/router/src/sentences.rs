//! Reasons in sentences that a person understands.

use query::{EntityKind, Finding, PrivacyClass, ReasonCode};

pub(crate) fn sentence(code: ReasonCode, findings: &[Finding]) -> String {
    let sentence = match code {
        ReasonCode::ModeLocalOnly => "You chose to keep every question on this device.",
        ReasonCode::ModeCloudOnly => "You chose to send every question to the cloud.",
        ReasonCode::ModePreferLocal => "You prefer answers from this device.",
        ReasonCode::ModePreferCloud => "You prefer answers from the cloud.",
        ReasonCode::NeverLeaves => return never_leaves(findings),
        ReasonCode::CloudNotConfigured => "No cloud is set up.",
        ReasonCode::Offline => "This device is offline.",
        ReasonCode::DetectorNotReady => {
            "What finds names and addresses in a question is not loaded, so nothing may leave this device."
        }
        ReasonCode::LocalNotReady => "The model on this device is not ready yet.",
        ReasonCode::LocalContextTooSmall => {
            "The conversation is too long for the model on this device; a shorter one fits."
        }
        ReasonCode::OnlyLocalCan => {
            "This asks for something that only the model on this device can do."
        }
        ReasonCode::OverflowIsAnError => {
            "A conversation that is too long for this device is not to be sent to the cloud."
        }
        ReasonCode::LooksHard => "This looks too hard for the model on this device.",
        ReasonCode::LooksEasy => "This looks easy enough for the model on this device.",
    };
    sentence.to_owned()
}

fn never_leaves(findings: &[Finding]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for finding in findings
        .iter()
        .filter(|finding| finding.class == PrivacyClass::NeverLeaves)
    {
        let name = name(finding.kind);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    format!(
        "There is something here that must not leave this device: {}.",
        names.join(", ")
    )
}

fn name(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Email => "an e-mail address",
        EntityKind::Phone => "a telephone number",
        EntityKind::Card => "a card number",
        EntityKind::Iban => "a bank account number",
        EntityKind::BankAccount => "a bank account number",
        EntityKind::CryptoAddress => "a wallet's address",
        EntityKind::Ssn => "a social security number",
        EntityKind::NationalId => "a national identity number",
        EntityKind::TaxId => "a tax number",
        EntityKind::Passport => "a passport number",
        EntityKind::DriverLicense => "a driver's licence number",
        EntityKind::MedicalRecord => "a medical record number",
        EntityKind::LicenseNumber => "a licence number",
        EntityKind::IpAddress => "an IP address",
        EntityKind::MacAddress => "a hardware address",
        EntityKind::DeviceId => "a device's number",
        EntityKind::VehicleId => "a vehicle's number",
        EntityKind::Coordinates => "coordinates",
        EntityKind::Person => "a person's name",
        EntityKind::UserName => "a user name",
        EntityKind::Organization => "an organisation's name",
        EntityKind::Location => "a place",
        EntityKind::Address => "an address",
        EntityKind::Group => "a nationality, religion or political group",
        EntityKind::DateOfBirth => "a date of birth",
        EntityKind::Date => "a date",
        EntityKind::Age => "an age",
        EntityKind::Domain => "a web address",
        EntityKind::UrlCredential => "a password in a URL",
        EntityKind::ApiKey => "a key or password",
        EntityKind::Amount => "an amount of money",
        EntityKind::Private => "something marked as private",
    }
}
