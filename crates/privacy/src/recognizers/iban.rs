//! International bank account numbers: ISO 13616, each country's length, and the check of ISO 7064
//! (mod 97, 10).

use query::EntityKind;

use super::{Candidate, Hit, Recognizer, has_digits};

pub(super) const RECOGNIZER: Recognizer = Recognizer {
    kind: EntityKind::Iban,
    // Only the start: the country tells how far it goes.
    patterns: &[r"[A-Za-z]{2}[0-9]{2}"],
    inside: |c| c.is_ascii_alphanumeric(),
    needs: |run| has_digits(run, 2),
    judge,
    context: &[
        "iban",
        "account",
        "bank",
        "transfer",
        "sepa",
        "konto",
        "kontonummer",
        "compte",
        "cuenta",
        "conto",
        "rekening",
    ],
};

fn judge(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    let country = candidate.as_str()[..2].to_ascii_uppercase();
    let Some((_, length)) = LENGTHS.iter().find(|(code, _)| *code == country) else {
        return;
    };
    if candidate.before().is_some_and(char::is_alphanumeric) {
        return;
    }
    let mut number = String::new();
    let mut separated = false;
    for (offset, c) in candidate.text[candidate.range.start..].char_indices() {
        match c {
            _ if c.is_ascii_alphanumeric() => {
                number.push(c.to_ascii_uppercase());
                separated = false;
            }
            ' ' | '-' | '\u{a0}' | '\u{202f}' if !separated => separated = true,
            _ => return,
        }
        if number.len() == *length {
            let end = candidate.range.start + offset + 1;
            let next = candidate.text[end..].chars().next();
            if !next.is_some_and(char::is_alphanumeric) {
                // A mistyped one still tells the account, if the words say that it is one.
                let score = if mod_97(&number) == 1 { 0.95 } else { 0.2 };
                hits.push(Hit {
                    range: candidate.range.start..end,
                    score,
                });
            }
            return;
        }
    }
}

/// The first four characters moved to the end, letters as two digits (A = 10), modulo 97: 1 if it is right.
fn mod_97(number: &str) -> u32 {
    let (head, tail) = number.split_at(4);
    tail.chars()
        .chain(head.chars())
        .filter_map(|c| c.to_digit(36))
        .fold(0, |remainder, value| {
            let shift = if value < 10 { 10 } else { 100 };
            (remainder * shift + value) % 97
        })
}

/// Length by country: SWIFT's IBAN registry, release 99.
#[rustfmt::skip]
const LENGTHS: [(&str, usize); 88] = [
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22), ("BH", 22),
    ("BI", 27), ("BR", 29), ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24), ("DE", 22), ("DJ", 27),
    ("DK", 18), ("DO", 28), ("EE", 20), ("EG", 29), ("ES", 24), ("FI", 18), ("FK", 18), ("FO", 18), ("FR", 27),
    ("GB", 22), ("GE", 22), ("GI", 23), ("GL", 18), ("GR", 27), ("GT", 28), ("HN", 28), ("HR", 21), ("HU", 28),
    ("IE", 22), ("IL", 23), ("IQ", 23), ("IS", 26), ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20), ("LB", 28),
    ("LC", 32), ("LI", 21), ("LT", 20), ("LU", 20), ("LV", 21), ("LY", 25), ("MC", 27), ("MD", 24), ("ME", 22),
    ("MK", 19), ("MN", 20), ("MR", 27), ("MT", 31), ("MU", 30), ("NI", 28), ("NL", 18), ("NO", 15), ("OM", 23),
    ("PK", 24), ("PL", 28), ("PS", 29), ("PT", 25), ("QA", 29), ("RO", 24), ("RS", 22), ("RU", 33), ("SA", 24),
    ("SC", 31), ("SD", 18), ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27), ("SO", 23), ("ST", 25), ("SV", 28),
    ("TL", 23), ("TN", 24), ("TR", 26), ("UA", 29), ("VA", 22), ("VG", 24), ("XK", 20),
];
