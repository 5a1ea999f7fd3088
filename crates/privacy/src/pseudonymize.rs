//! Swaps what was found for placeholders. The only way to a [`Releasable`].

use std::{collections::BTreeSet, fmt};

use query::{ChatRequest, EntityKind, PrivacyClass, Replaced, Stop};

use crate::{
    Findings, Releasable, Vault,
    find::Classed,
    placeholder::{self, Placeholder},
};

/// The request holds something that may not leave, not even behind a placeholder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Blocked {
    /// What, each kind once.
    pub kinds: Vec<EntityKind>,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.kinds.iter().map(|kind| kind.name()).collect();
        write!(
            f,
            "the request holds something that never leaves the device ({}); remove it, or let the local model answer",
            names.join(", ")
        )
    }
}

/// Swaps every finding for a placeholder of the conversation's vault, in all messages (a restored value in an
/// earlier answer leaves no more than it did before) and in stop texts.
///
/// # Errors
/// [`Blocked`] if a finding's class is [`PrivacyClass::NeverLeaves`]; the vault is then unchanged.
pub fn pseudonymize(findings: &Findings<'_>, vault: &mut Vault) -> Result<Releasable, Blocked> {
    let all = || findings.messages.iter().chain(&findings.stops).flatten();
    let blocked: BTreeSet<EntityKind> = all()
        .filter(|found| found.class == PrivacyClass::NeverLeaves)
        .map(|found| found.kind)
        .collect();
    if !blocked.is_empty() {
        return Err(Blocked {
            kinds: blocked.into_iter().collect(),
        });
    }

    let (request, replaced) = mask(findings, vault);
    Ok(Releasable::new(request, replaced))
}

/// Swaps every finding, whatever its class but public, and says for what.
pub(crate) fn mask(findings: &Findings<'_>, vault: &mut Vault) -> (ChatRequest, Vec<Replaced>) {
    let mut masked = Masked {
        vault,
        reserved: written_by_hand(findings.request),
        replaced: Vec::new(),
    };
    let mut request = findings.request.clone();
    for (message, found) in request.messages.iter_mut().zip(&findings.messages) {
        message.content = masked.text(&message.content, found);
    }
    let mut stops = findings
        .request
        .stop_texts()
        .iter()
        .zip(&findings.stops)
        .map(|(text, found)| masked.text(text, found));
    request.stop = match &findings.request.stop {
        None => None,
        Some(Stop::One(_)) => stops.next().map(Stop::One),
        Some(Stop::Many(_)) => Some(Stop::Many(stops.collect())),
    };
    // Texts that nobody has looked at do not leave. The router sends no request with these; this is
    // why none could.
    request.tools = None;
    request.tool_choice = None;
    request.response_format = None;
    for message in &mut request.messages {
        message.tool_calls = None;
        message.tool_call_id = None;
    }
    (request, masked.replaced)
}

/// Placeholders that the texts themselves hold: a new one must not look the same.
fn written_by_hand(request: &ChatRequest) -> BTreeSet<Placeholder> {
    let contents = request
        .messages
        .iter()
        .map(|message| message.content.as_str());
    contents
        .chain(request.stop_texts().iter().map(String::as_str))
        .flat_map(placeholder::all)
        .collect()
}

struct Masked<'v> {
    vault: &'v mut Vault,
    reserved: BTreeSet<Placeholder>,
    replaced: Vec<Replaced>,
}

impl Masked<'_> {
    fn text(&mut self, text: &str, found: &[Classed]) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut end = 0;
        for found in found
            .iter()
            .filter(|found| found.class != PrivacyClass::Public)
        {
            let placeholder =
                self.vault
                    .placeholder(found.kind, &text[found.range.clone()], &self.reserved);
            let name = placeholder.to_string();
            masked.push_str(&text[end..found.range.start]);
            masked.push_str(&name);
            end = found.range.end;
            if !self
                .replaced
                .iter()
                .any(|replaced| replaced.placeholder == name)
            {
                self.replaced.push(Replaced {
                    placeholder: name,
                    kind: placeholder.kind,
                });
            }
        }
        masked.push_str(&text[end..]);
        masked
    }
}
