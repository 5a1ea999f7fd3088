//! Offsets as JavaScript counts them.

use query::Finding;

/// The same findings with offsets in UTF-16 code units of `text`, which are the indices of a JavaScript
/// string. `findings` have UTF-8 byte offsets into `text`.
pub fn to_utf16(text: &str, findings: &[Finding]) -> Vec<Finding> {
    let utf16 = |byte: u32| {
        let end = text.floor_char_boundary(byte as usize);
        text[..end].chars().map(char::len_utf16).sum::<usize>() as u32
    };
    findings
        .iter()
        .map(|finding| Finding {
            start: utf16(finding.start),
            end: utf16(finding.end),
            ..finding.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use query::{EntityKind, PrivacyClass};

    use super::*;

    #[test]
    fn counts_code_units() {
        // é: 2 bytes, 1 unit; 🦀: 4 bytes, 2 units; €: 3 bytes, 1 unit.
        let text = "é🦀€ab";
        let finding = Finding {
            message: 3,
            start: 6,
            end: 10,
            kind: EntityKind::Email,
            class: PrivacyClass::PreferNot,
            score: 0.5,
        };
        let expected = Finding {
            start: 3,
            end: 5,
            ..finding.clone()
        };
        assert_eq!(to_utf16(text, &[finding]), [expected]);
    }
}
