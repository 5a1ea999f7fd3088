//! What would leave, for a person to look at.

use query::{Preview, PreviewMessage};

use crate::{Findings, Vault, pseudonymize::mask, to_utf16};

/// What would leave, message by message, with the placeholders that it would really have; the vault stays as it
/// is. What never leaves is masked, too, and `blocked` says that sending it would be refused.
pub fn preview(findings: &Findings<'_>, vault: &Vault) -> Preview {
    let (masked, replaced) = mask(findings, &mut vault.clone());
    let list = findings.list();
    let messages = masked
        .messages
        .into_iter()
        .zip(&findings.request.messages)
        .enumerate();
    let messages = messages.map(|(index, (masked, original))| {
        let here: Vec<_> = list
            .iter()
            .filter(|finding| finding.message as usize == index)
            .cloned()
            .collect();
        PreviewMessage {
            role: masked.role,
            text: masked.content,
            findings: to_utf16(&original.content, &here),
        }
    });
    Preview {
        messages: messages.collect(),
        replaced,
        blocked: findings.blocked(),
    }
}
