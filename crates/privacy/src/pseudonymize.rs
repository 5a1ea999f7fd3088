//! Swaps what was found for placeholders. The only way to a [`Releasable`].

use std::{collections::BTreeSet, fmt};

use query::{EntityKind, PrivacyClass, Replaced, Role, Stop, Strictest};
use zeroize::Zeroizing;

use crate::{
    Findings, Releasable, Vault,
    find::Classed,
    placeholder::{Placeholder, Subject, mentioned},
    replace::{Left, Texts},
};

/// The request holds something, or is about something, that may not leave, not even behind a placeholder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Blocked {
    /// What, and of which class.
    pub by: Strictest,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.by.kinds.iter().map(|kind| kind.name());
        let topics = self.by.topics.iter().map(|topic| topic.name());
        let names: Vec<&str> = kinds.chain(topics).collect();
        let names = names.join(", ");
        match self.by.class {
            PrivacyClass::Restricted => write!(
                f,
                "the request holds something that leaves only to an attested endpoint ({names}), and this one is not; \
                 remove it, let the local model answer, or give it another class in the privacy rules"
            ),
            _ => write!(
                f,
                "the request holds something that never leaves the device ({names}); remove it, or let the local \
                 model answer"
            ),
        }
    }
}

/// Swaps every finding for a placeholder of the conversation's vault, in all messages (a restored value in an
/// earlier answer leaves no more than it did before) and in stop texts.
///
/// # Errors
/// [`Blocked`] if something found, or a topic, is [`PrivacyClass::NeverLeaves`], or [`PrivacyClass::Restricted`] and
/// the findings are not for an attested endpoint ([`Findings::for_attested`]); the vault is then unchanged.
pub fn pseudonymize(findings: &Findings<'_>, vault: &mut Vault) -> Result<Releasable, Blocked> {
    if let Some(by) = findings.refusal() {
        return Err(Blocked { by });
    }
    Ok(mask(findings, vault))
}

/// Swaps every finding, whatever its class but public, and says for what.
pub(crate) fn mask(findings: &Findings<'_>, vault: &mut Vault) -> Releasable {
    let by_chance = mentioned_by_chance(findings, vault);
    vault.learn(values(findings), &by_chance);
    let mut left = vault.leaving(
        &findings.replace,
        || rest(findings),
        || all_that_is_said(findings),
    );
    let mut masked = Masked {
        vault,
        left: &left,
        named: BTreeSet::new(),
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
    let Masked {
        named, replaced, ..
    } = masked;
    left.retain(&named);
    let class = findings.strictest().class;
    let restricted = class == PrivacyClass::Restricted;
    let only_to = findings.attested.clone().filter(|_| restricted);
    Releasable::new(request, replaced, left, class, only_to)
}

/// The texts of a request with what is to be replaced in them, in order; who speaks, if it is a message.
fn texts<'f>(
    findings: &'f Findings<'_>,
) -> impl Iterator<Item = (Option<Role>, &'f str, impl Iterator<Item = &'f Classed>)> {
    let messages = findings.request.messages.iter().zip(&findings.messages);
    let messages =
        messages.map(|(message, found)| (Some(message.role), message.content.as_str(), found));
    let stops = findings.request.stop_texts().iter().zip(&findings.stops);
    let stops = stops.map(|(text, found)| (None, text.as_str(), found));
    messages
        .chain(stops)
        .map(|(role, text, found)| (role, text, replaceable(found)))
}

fn replaceable(found: &[Classed]) -> impl Iterator<Item = &Classed> {
    let leaves = |found: &&Classed| found.class != PrivacyClass::Public;
    found.iter().filter(leaves)
}

fn values<'f>(findings: &'f Findings<'_>) -> impl Iterator<Item = (EntityKind, &'f str)> {
    texts(findings).flat_map(|(_, text, found)| {
        found.map(move |found| (found.kind, &text[found.range.clone()]))
    })
}

/// By whom, in lower case.
fn all_that_is_said(findings: &Findings<'_>) -> Texts {
    let mut said = Zeroizing::new(String::new());
    let mut heard = Zeroizing::new(String::new());
    for (role, text, _) in texts(findings) {
        let all = match role {
            Some(Role::Assistant) => &mut heard,
            _ => &mut said,
        };
        all.push_str(&text.to_lowercase());
        all.push('\n');
    }
    Texts { said, heard }
}

/// What leaves as it is.
fn rest(findings: &Findings<'_>) -> String {
    let mut rest = String::new();
    for (_, text, found) in texts(findings) {
        let mut end = 0;
        for found in found {
            rest.push_str(&text[end..found.range.start]);
            rest.push('\n');
            end = found.range.end;
        }
        rest.push_str(&text[end..]);
        rest.push('\n');
    }
    rest
}

/// Placeholders that the texts themselves hold: a value's must not look the same. One in an earlier answer that
/// is a value's means that value: it was not put back there.
fn mentioned_by_chance(findings: &Findings<'_>, vault: &Vault) -> BTreeSet<Subject> {
    let mut by_chance = BTreeSet::new();
    let mut answered = BTreeSet::new();
    for (role, text, found) in texts(findings) {
        let subjects = match role {
            Some(Role::Assistant) => &mut answered,
            _ => &mut by_chance,
        };
        let mut end = 0;
        for found in found {
            mentioned(&text[end..found.range.start], subjects);
            end = found.range.end;
        }
        mentioned(&text[end..], subjects);
    }
    answered.retain(|subject| !vault.has(*subject));
    by_chance.append(&mut answered);
    by_chance
}

struct Masked<'v> {
    vault: &'v Vault,
    left: &'v Left,
    named: BTreeSet<Placeholder>,
    replaced: Vec<Replaced>,
}

impl Masked<'_> {
    fn text(&mut self, text: &str, found: &[Classed]) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut end = 0;
        for found in replaceable(found) {
            masked.push_str(&text[end..found.range.start]);
            end = found.range.end;
            // All were learned. Whatever was not has no name, and does not leave for that.
            let Some(placeholder) = self.vault.placeholder(&text[found.range.clone()]) else {
                continue;
            };
            let Some(leaving) = self.left.of(placeholder) else {
                continue;
            };
            masked.push_str(&leaving.text);
            if self.named.insert(placeholder) {
                self.replaced.push(Replaced {
                    placeholder: leaving.text.clone(),
                    kind: placeholder.kind,
                });
            }
        }
        masked.push_str(&text[end..]);
        masked
    }
}
