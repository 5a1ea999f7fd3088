//! What would leave, for a person to look at.

use query::{Preview, PreviewFinding, PreviewMessage, PrivacyClass};

use crate::{Findings, Releasable, Vault, find::Classed, offsets::Utf16, pseudonymize::mask};

/// What would leave, message by message, with the placeholders that it would really have; the vault stays as it
/// is. What may not leave is masked, too, and `blocked` says that sending it would be refused.
pub fn preview(findings: &Findings<'_>, vault: &Vault) -> Preview {
    let mut vault = vault.clone();
    let masked = mask(findings, &mut vault);
    let originals = findings.request.messages.iter().zip(&findings.messages);
    let messages = masked.request().messages.iter().zip(originals);
    let messages = messages.map(|(left, (original, found))| PreviewMessage {
        role: left.role,
        text: left.content.clone(),
        findings: shown(&original.content, found, &masked, &vault),
    });
    Preview {
        messages: messages.collect(),
        replaced: masked.replaced().to_vec(),
        topics: findings.topics.clone(),
        blocked: findings.blocked(),
    }
}

/// What was found in a text, and what leaves in its place.
fn shown(text: &str, found: &[Classed], masked: &Releasable, vault: &Vault) -> Vec<PreviewFinding> {
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
                    .and_then(|placeholder| masked.left().of(placeholder))
                    .map_or_else(String::new, |leaving| leaving.text.clone()),
            },
        }
    };
    found.iter().map(finding).collect()
}
