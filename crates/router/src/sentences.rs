//! Reasons in sentences that a person understands.

use query::{ChangeCode, DoubtCause, EntityKind, Reason, ReasonCode, Strictest, Topic};

/// A reason with its sentence.
pub fn reason(code: ReasonCode, strictest: &Strictest) -> Reason {
    Reason {
        code,
        text: sentence(code, strictest),
    }
}

/// Why a local answer may be wrong.
pub fn doubtful(cause: DoubtCause) -> Reason {
    let text = match cause {
        DoubtCause::Unsure => UNSURE,
        DoubtCause::Empty => "The model on this device had no answer.",
        DoubtCause::Loop => "The answer of the model on this device repeats itself.",
        DoubtCause::CutOff => "The answer of the model on this device breaks off.",
        DoubtCause::OtherScript => {
            "The model on this device answered in another script than the question's."
        }
        DoubtCause::Refusal => "The model on this device would not answer.",
        DoubtCause::NoJson => "JSON was asked for, and the model on this device wrote none.",
    };
    Reason {
        code: ReasonCode::LocalDoubtful,
        text: text.to_owned(),
    }
}

const UNSURE: &str = "The model on this device was unsure of its answer.";

pub(crate) fn sentence(code: ReasonCode, strictest: &Strictest) -> String {
    let sentence = match code {
        ReasonCode::ModeLocalOnly => "You chose to keep every question on this device.",
        ReasonCode::ModeCloudOnly => "You chose to send every question to the cloud.",
        ReasonCode::ModePreferLocal => "You prefer answers from this device.",
        ReasonCode::ModePreferCloud => "You prefer answers from the cloud.",
        ReasonCode::NeverLeaves => {
            return because(
                "There is something here that must not leave this device",
                strictest,
            );
        }
        ReasonCode::NeedsAttestation => {
            return because(
                "There is something here that may leave only to a cloud whose hardware was verified, and this one's was not",
                strictest,
            );
        }
        ReasonCode::PreferNot => {
            return because(
                "There is something here that should rather stay on this device",
                strictest,
            );
        }
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
        ReasonCode::Unfamiliar => {
            "This is unlike the questions that are known here, so this device begins and sees how it goes."
        }
        ReasonCode::CloudSlow => "The cloud would take longer than the model on this device.",
        ReasonCode::LocalSlow => "The model on this device would take longer than the cloud.",
        ReasonCode::CloudExpensive => "The cloud would cost more than it is worth here.",
        ReasonCode::CloudLimited => "The cloud takes few more questions for now, or none.",
        ReasonCode::CloudFailing => "The cloud failed again and again, only just now.",
        ReasonCode::BatteryLow => "This device's battery is low.",
        ReasonCode::DeviceHot => "This device is warm from work, and slows down.",
        ReasonCode::DataSaver => "You asked for less data to be used.",
        ReasonCode::WarmCache => {
            "The model on this device has this conversation in mind, and would have to read it again later."
        }
        ReasonCode::LocalContextShort => {
            "The model on this device has no room for the whole answer."
        }
        ReasonCode::LocalConfident => "The model on this device was sure of its answer.",
        ReasonCode::LocalDoubtful => UNSURE,
        ReasonCode::EscalationFailed => "The cloud was asked instead and could not answer.",
        ReasonCode::EscalationDeclined => "The cloud was not to be asked instead.",
    };
    sentence.to_owned()
}

/// What would have to be otherwise: the beginning of a sentence.
pub(crate) fn condition(code: ChangeCode, strictest: &Strictest) -> String {
    let condition = match code {
        ChangeCode::WithoutFindings => return format!("Without {}", things(strictest)),
        ChangeCode::ModePreferLocal => "If you preferred answers from this device",
        ChangeCode::ModePreferCloud => "If you preferred answers from the cloud",
        ChangeCode::Online => "If this device were online",
        ChangeCode::CloudConfigured => "If a cloud were set up",
        ChangeCode::DetectorReady => "If what finds names and addresses were loaded",
        ChangeCode::LocalReady => "If the model on this device were ready",
        ChangeCode::ShorterConversation => "If the conversation were shorter",
        ChangeCode::WithoutLocalOnly => {
            "If this did not ask for what only the model on this device can do"
        }
        ChangeCode::EasierQuestion => "If this looked easier",
        ChangeCode::HarderQuestion => "If this looked harder",
        ChangeCode::CanWait => "If this could wait",
        ChangeCode::FreeCloud => "If the cloud cost nothing",
        ChangeCode::FasterCloud => "If the cloud were faster",
        ChangeCode::CloudAvailable => "If the cloud took more questions",
        ChangeCode::FasterLocal => "If the model on this device were faster",
        ChangeCode::DeviceRested => "If it were charged and cool",
    };
    condition.to_owned()
}

/// A sentence that ends with what it is about.
fn because(what: &str, strictest: &Strictest) -> String {
    format!("{what}: {}.", things(strictest))
}

/// What has the strictest class, each once.
fn things(strictest: &Strictest) -> String {
    let kinds = strictest.kinds.iter().map(|kind| name(*kind));
    let topics = strictest.topics.iter().map(|topic| topic_name(*topic));
    let mut names: Vec<&str> = Vec::new();
    for name in kinds.chain(topics) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn topic_name(topic: Topic) -> &'static str {
    match topic {
        Topic::Health => "somebody's health",
        Topic::Finance => "somebody's money",
        Topic::Legal => "somebody's legal affairs",
        Topic::Minors => "a child",
        Topic::RacialOrEthnicOrigin => "somebody's racial or ethnic origin",
        Topic::PoliticalOpinions => "somebody's political opinions",
        Topic::Beliefs => "somebody's beliefs",
        Topic::TradeUnion => "a trade union membership",
        Topic::Genetic => "somebody's genes",
        Topic::Biometric => "biometric data",
        Topic::SexLife => "somebody's sex life or orientation",
    }
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
