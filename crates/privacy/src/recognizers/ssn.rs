//! US social security numbers: area, group, serial, without the ranges that are never issued
//! (Social Security Administration, POMS RM 10201.030).

use query::EntityKind;

use super::{Candidate, Hit, Recognizer, digits, has_digits, is_number_part};

pub(super) const RECOGNIZER: Recognizer = Recognizer {
    kind: EntityKind::Ssn,
    patterns: &[
        r"[0-9]{3}[\-\x{2010}-\x{2013}][0-9]{2}[\-\x{2010}-\x{2013}][0-9]{4}",
        r"[0-9]{3}[ .\x{a0}][0-9]{2}[ .\x{a0}][0-9]{4}",
        r"[0-9]{9}",
    ],
    inside: is_number_part,
    needs: |run| has_digits(run, 9),
    judge,
    context: &[
        "ssn", "ssns", "social", "security", "taxpayer", "tin", "itin", "w2", "w9",
    ],
};

/// 078-05-1120 and 219-09-9999: printed in advertisements, and not valid since.
const ADVERTISED: [u32; 2] = [78_051_120, 219_099_999];

fn judge(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    let number = digits(candidate.as_str())
        .into_iter()
        .fold(0, |number, digit| number * 10 + u32::from(digit));
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    let never_issued = matches!(area, 0 | 666 | 900..)
        || group == 0
        || serial == 0
        || ADVERTISED.contains(&number);
    if never_issued || !candidate.stands_alone() {
        return;
    }
    hits.push(candidate.hit([0.7, 0.4, 0.2][candidate.pattern]));
}
