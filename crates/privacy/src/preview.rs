//! What would leave, for a person to look at.

use query::{Preview, PreviewFinding, PreviewMessage, PrivacyClass};

use crate::{Findings, Vault, find::Classed, offsets::Utf16, pseudonymize::mask};

/// What would leave, message by message, with the placeholders that it would really have; the vault stays as it
/// is. What never leaves is masked, too, and `blocked` says that sending it would be refused.
pub fn preview(findings: &Findings<'_>, vault: &Vault) -> Preview {
    let mut vault = vault.clone();
    let (masked, replaced) = mask(findings, &mut vault);
    let originals = findings.request.messages.iter().zip(&findings.messages);
    let messages = masked.messages.into_iter().zip(originals);
    let messages = messages.map(|(masked, (original, found))| PreviewMessage {
        role: masked.role,
        text: masked.content,
        findings: shown(&original.content, found, &vault),
    });
    Preview {
        messages: messages.collect(),
        replaced,
        blocked: findings.blocked(),
    }
}

/// What was found in a text, and what leaves in its place.
fn shown(text: &str, found: &[Classed], vault: &Vault) -> Vec<PreviewFinding> {
    let mut utf16 = Utf16::new(text);
    let finding = |found: &Classed| {
        let value = &text[found.range.clone()];
        PreviewFinding {
            start: utf16.at(found.range.start),
            end: utf16.at(found.range.end),
            kind: found.kind,
            class: found.class,
            score: found.score,
            leaves_as: match found.class {
                PrivacyClass::Public => value.to_owned(),
                _ => vault
                    .placeholder(value)
                    .map_or_else(String::new, |placeholder| placeholder.to_string()),
            },
        }
    };
    found.iter().map(finding).collect()
}
