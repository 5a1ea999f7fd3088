//! Values that only the words before them tell: `passport number X1234567`, `my PIN is 4711`. One pass over
//! the words, and a table of labels.

use std::ops::Range;

use query::EntityKind::{self, *};

use super::{is_word, word_starts};
use crate::detect::Span;

/// What a label announces.
struct Label {
    kind: EntityKind,
    /// Lower case; a space is nothing, a space, `'`, `-` or `_`.
    phrases: &'static [&'static str],
    value: Value,
}

/// The form of what follows.
enum Value {
    /// Letters and digits: the fewest digits, the most of both.
    Number(usize, usize),
    /// The same, where a sign says that it follows (`:`, `=`, `#`, `is`), because the label has other uses.
    Assigned(usize, usize),
    /// The name of an account after such a sign.
    Name,
    /// The same, but only if it looks like one: the label is a common word.
    Handle,
}
use Value::{Assigned, Handle, Name, Number};

const LABELS: &[Label] = &[
    Label {
        kind: DriverLicense,
        phrases: &[
            "driver s license",
            "driver license",
            "driver s licence",
            "driver licence",
            "driving license",
            "driving licence",
            "driver s lic",
            "permis de conduire",
            "führerschein",
            "führerscheinnummer",
            "patente di guida",
            "permiso de conducir",
            "rijbewijs",
        ],
        value: Number(5, 20),
    },
    Label {
        kind: DriverLicense,
        phrases: &["dl"],
        value: Assigned(5, 20),
    },
    Label {
        kind: Passport,
        phrases: &[
            "passport",
            "passeport",
            "reisepass",
            "reisepassnummer",
            "pasaporte",
            "passaporto",
            "passaporte",
            "paspoort",
            "paspoortnummer",
        ],
        value: Number(5, 10),
    },
    Label {
        kind: MedicalRecord,
        phrases: &[
            "medical record",
            "mrn",
            "health record",
            "patient id",
            "patient number",
            "patient no",
            "health insurance",
            "insurance id",
            "insurance policy",
            "member id",
            "subscriber id",
            "beneficiary",
            "health plan",
            "health card",
            "medicare",
            "medicaid",
            "medical id",
            "nhs",
            "versichertennummer",
            "krankenversicherungsnummer",
            "policy number",
            "chart number",
        ],
        value: Number(5, 16),
    },
    Label {
        kind: BankAccount,
        phrases: &[
            "bank account",
            "account",
            "acct",
            "a/c",
            "routing",
            "kontonummer",
            "konto",
            "rekeningnummer",
            "cuenta",
            "sort code",
            "bank code",
            "blz",
            "bsb",
            "transit number",
        ],
        value: Number(6, 18),
    },
    Label {
        kind: LicenseNumber,
        phrases: &[
            "license number",
            "licence number",
            "license no",
            "licence no",
            "medical license",
            "dea",
            "nursing license",
            "professional license",
            "bar number",
            "npi",
            "certificate number",
            "certification number",
            "pilot license",
            "registration number",
        ],
        value: Number(4, 16),
    },
    Label {
        kind: VehicleId,
        phrases: &[
            "license plate",
            "licence plate",
            "number plate",
            "plate number",
            "registration plate",
            "vin",
            "plate no",
            "vehicle registration",
            "vehicle identification",
            "kennzeichen",
            "matrícula",
            "immatriculation",
            "chassis",
        ],
        value: Number(1, 17),
    },
    Label {
        kind: NationalId,
        phrases: &[
            "national id",
            "national identification",
            "national identity",
            "identity card",
            "id card",
            "id number",
            "identity number",
            "identification number",
            "citizen id",
            "personal id",
            "national insurance",
            "nino",
            "social insurance",
            "personalausweis",
            "personalausweisnummer",
            "resident id",
            "aadhaar",
            "aadhar",
            "voter id",
            "emirates id",
            "carte d identité",
            "documento",
            "dni",
            "nric",
            "bsn",
            "cédula",
            "government id",
            "state id",
            "residence permit",
            "visa number",
        ],
        value: Number(5, 20),
    },
    Label {
        kind: TaxId,
        phrases: &[
            "tax id",
            "tax identification",
            "tax number",
            "tax file",
            "taxpayer",
            "tin",
            "itin",
            "ein",
            "fein",
            "vat",
            "vat id",
            "utr",
            "steuernummer",
            "steuer id",
            "steueridentifikationsnummer",
            "partita iva",
            "codice fiscale",
            "pan card",
            "pan number",
            "umsatzsteuer id",
            "ust idnr",
        ],
        value: Number(6, 18),
    },
    Label {
        kind: Ssn,
        phrases: &["ssn", "social security number", "social security no"],
        value: Number(4, 9),
    },
    Label {
        kind: DeviceId,
        phrases: &[
            "imei",
            "imsi",
            "iccid",
            "device id",
            "serial number",
            "serial no",
            "device identifier",
            "udid",
            "device serial",
        ],
        value: Number(4, 22),
    },
    Label {
        kind: UserName,
        phrases: &[
            "user name",
            "user id",
            "login",
            "login name",
            "screen name",
            "nick name",
            "gamertag",
            "account name",
            "benutzername",
            "nombre de usuario",
            "nom d utilisateur",
        ],
        value: Name,
    },
    Label {
        kind: UserName,
        phrases: &[
            "user",
            "handle",
            "account",
            "account id",
            "instagram",
            "insta",
            "twitter",
            "snapchat",
            "snap",
            "telegram",
            "discord",
            "skype",
            "github",
            "tiktok",
            "reddit",
        ],
        value: Handle,
    },
    Label {
        kind: UserName,
        phrases: &[
            "employee id",
            "employee number",
            "employee no",
            "student id",
            "student number",
            "staff id",
            "badge number",
            "customer id",
            "customer number",
            "membership number",
            "badge id",
        ],
        value: Number(3, 16),
    },
    Label {
        kind: ApiKey,
        phrases: &[
            "pin",
            "pin number",
            "passcode",
            "otp",
            "security code",
            "verification code",
            "access code",
            "one time code",
            "2fa code",
            "door code",
            "alarm code",
        ],
        value: Assigned(4, 8),
    },
    Label {
        kind: ApiKey,
        phrases: &["cvv", "cvv2", "cvc"],
        value: Number(3, 4),
    },
];

/// Between a label and its value.
const FILLERS: [&str; 18] = [
    "number", "numbers", "no", "nr", "num", "nummer", "numéro", "número", "numero", "id", "card",
    "is", "was", "ist", "est", "es", "è", "s",
];
/// Of these, those that end in a full stop.
const ABBREVIATIONS: [&str; 3] = ["no", "nr", "num"];
/// Of these, those that say that the value follows.
const ASSIGNING: [&str; 6] = ["is", "was", "ist", "est", "es", "è"];
/// A value follows its label within so many bytes.
const REACH: usize = 28;

/// Nobody's name.
const NO_NAMES: [&str; 40] = [
    "not",
    "a",
    "an",
    "the",
    "in",
    "on",
    "at",
    "to",
    "no",
    "none",
    "null",
    "nil",
    "undefined",
    "true",
    "false",
    "required",
    "string",
    "str",
    "text",
    "varchar",
    "invalid",
    "incorrect",
    "wrong",
    "already",
    "taken",
    "empty",
    "unique",
    "also",
    "now",
    "my",
    "your",
    "is",
    "and",
    "or",
    "name",
    "password",
    "admin",
    "root",
    "user",
    "this",
];

/// Adds what labels announce.
pub(super) fn scan(text: &str, spans: &mut Vec<Span>) {
    for start in word_starts(text) {
        let first = text.as_bytes()[start].to_ascii_lowercase();
        for label in LABELS {
            let ends = label
                .phrases
                .iter()
                .filter(|phrase| phrase.as_bytes()[0] == first)
                .filter_map(|phrase| phrase_at(phrase, &text[start..]));
            // The longest: `user name`, not `user`.
            let Some(length) = ends.max() else { continue };
            if let Some(range) = label.value.find(text, start + length) {
                spans.push(Span {
                    range,
                    kind: label.kind,
                    score: 0.65,
                });
            }
        }
    }
}

/// The length of a phrase that stands whole at the start of a text.
fn phrase_at(phrase: &str, text: &str) -> Option<usize> {
    let mut rest = text;
    for expected in phrase.chars() {
        if expected == ' ' {
            rest = rest
                .strip_prefix([' ', '\'', '’', '-', '_', '\u{a0}'])
                .unwrap_or(rest);
            continue;
        }
        let found = rest.chars().next()?;
        if found != expected && !found.to_lowercase().eq([expected]) {
            return None;
        }
        rest = &rest[found.len_utf8()..];
    }
    let plural = rest.strip_prefix('s').unwrap_or(rest);
    let rest = if plural.starts_with(char::is_alphanumeric) {
        rest
    } else {
        plural
    };
    (!rest.starts_with(char::is_alphanumeric)).then_some(text.len() - rest.len())
}

impl Value {
    /// Where the value stands that is announced before `from`.
    fn find(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let mut at = from;
        let mut signed = false;
        let mut said = false;
        let mut abbreviated = false;
        loop {
            let gap = text[at..].find(|c: char| c.is_alphanumeric() || c == '@')?;
            let signs = &text[at..at + gap];
            let ends_sentence = signs.contains(['?', '!', ';', ','])
                || signs.contains("\n\n")
                || (signs.contains('.') && !abbreviated);
            at += gap;
            if ends_sentence || at - from > REACH {
                return None;
            }
            signed |= signs.contains([':', '=', '#']);
            let end = text[at..]
                .find(|c| !is_word(c))
                .map_or(text.len(), |length| at + length);
            let word = text[at..end].to_lowercase();
            if !FILLERS.contains(&word.as_str()) {
                break;
            }
            said |= ASSIGNING.contains(&word.as_str());
            abbreviated = ABBREVIATIONS.contains(&word.as_str());
            at = end;
        }
        match *self {
            Number(digits, longest) => number(text, at, digits, longest),
            Assigned(digits, longest) if signed || said => number(text, at, digits, longest),
            Name if signed => name(text, at, false),
            Name | Handle if signed || said => name(text, at, true),
            _ => None,
        }
    }
}

/// Groups of letters and digits, joined by a dash, a dot or a slash, or by a space while there are few digits.
fn number(text: &str, start: usize, digits: usize, longest: usize) -> Option<Range<usize>> {
    let mut end = start;
    let (mut length, mut found) = (0, 0);
    while let Some((group, group_digits)) = group(&text[end..]) {
        (length, found, end) = (length + group, found + group_digits, end + group);
        let mut after = text[end..].chars();
        let joint = after.next();
        let follows_space = text[start..end].contains(' ')
            && after.as_str().starts_with(|c: char| c.is_ascii_digit());
        let joins = matches!(joint, Some('-' | '.' | '/'))
            || (joint == Some(' ') && (found < digits.max(6) || follows_space));
        // The next group belongs to it, too.
        match joins.then(|| self::group(after.as_str())).flatten() {
            Some((next, _)) if length + next <= longest => end += 1,
            _ => break,
        }
    }
    let whole = !text[end..].starts_with(|c| is_word(c) || c == '@');
    // Plates have few digits, but not few signs.
    let shortest = if digits < 3 { 4 } else { digits };
    (whole && found >= digits && (shortest..=longest).contains(&length)).then_some(start..end)
}

/// The letters and digits at the start of a text, and how many are digits; none if it is a word of the
/// sentence. A few capitals may be the head of a number.
fn group(text: &str) -> Option<(usize, usize)> {
    let length = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let group = &text.as_bytes()[..length];
    let digits = group.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_word = digits == 0 && (length > 5 || group.iter().any(u8::is_ascii_lowercase));
    (length > 0 && !is_word).then_some((length, digits))
}

/// The name of an account: to the first sign that no such name has.
fn name(text: &str, start: usize, must_look_so: bool) -> Option<Range<usize>> {
    let rest = &text[start..];
    let length = rest
        .find(|c: char| !(is_word(c) || matches!(c, '.' | '-' | '@')))
        .unwrap_or(rest.len());
    let name = rest[..length].trim_end_matches(['.', '-']);
    let end = start + name.len();
    let looks_so = name.starts_with('@')
        || name.contains(|c: char| c.is_ascii_digit() || matches!(c, '_' | '.'));
    let is_code = text[end..].starts_with(['(', '[', '<', '/']) || name.contains("..");
    let is_name = name.contains(char::is_alphabetic)
        && !NO_NAMES.contains(&name.to_lowercase().as_str())
        && (looks_so || !must_look_so);
    ((3..=40).contains(&name.len()) && is_name && !is_code).then_some(start..end)
}
