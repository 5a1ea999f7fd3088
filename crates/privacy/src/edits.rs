//! Masks that a person added or took away.

use query::{
    ChatRequest, EntityKind, MaskEdits, MasksEdited, Message, PrivacyClass, PrivacyRules, Role,
    Term,
};
use zeroize::Zeroizing;

use crate::{
    Vault, class_of,
    detect::Detector,
    find::{Classed, find_with},
    terms::{Terms, fold},
};

/// Keeps edits in a conversation's vault: from then on everything that is found is masked and shown accordingly.
///
/// A text to show is refused if it is restricted or never leaves, by itself or because the conversation knows it. One
/// that only some sentence makes so stays masked in that sentence.
pub fn edit_masks(
    edits: &MaskEdits,
    detector: &Detector,
    rules: &PrivacyRules,
    vault: &mut Vault,
) -> MasksEdited {
    let mut refused = Vec::new();
    for text in &edits.show {
        let before = vault.edits.clone();
        vault.edits.set(text, None);
        if stays_masked(text, detector, rules, vault) {
            vault.edits = before;
            refused.push(text.clone());
        }
    }
    for hidden in &edits.hide {
        let kind = hidden.kind.unwrap_or(EntityKind::Private);
        vault.edits.set(&hidden.text, Some(kind));
    }
    MasksEdited { refused }
}

fn stays_masked(text: &str, detector: &Detector, rules: &PrivacyRules, vault: &Vault) -> bool {
    let request = ChatRequest {
        messages: vec![Message::new(Role::User, text)],
        ..ChatRequest::default()
    };
    let findings = find_with(detector, &request, rules, vault);
    let mut found = findings.messages.iter().flatten();
    found.any(|found| found.class >= PrivacyClass::Restricted)
}

/// What a person decided about texts, for the rest of a conversation.
#[derive(Clone, Default)]
pub(crate) struct Edits(Vec<Edit>);

/// What a person decided about one text.
#[derive(Clone)]
pub(crate) struct Edit {
    /// As [`fold`] writes it; no two edits are of the same.
    pub(crate) text: Zeroizing<String>,
    /// What it is masked as; `None` where it is to be shown.
    pub(crate) hidden_as: Option<EntityKind>,
    /// It was masked by hand at some time. That the vault knows it is then no reason to mask it.
    pub(crate) by_hand: bool,
}

impl Edits {
    /// The edits, in the order in which their texts were first edited.
    pub(crate) fn list(&self) -> &[Edit] {
        &self.0
    }

    /// Edits that were listed once.
    pub(crate) fn from_list(list: Vec<Edit>) -> Self {
        Self(list)
    }

    fn set(&mut self, text: &str, hidden_as: Option<EntityKind>) {
        let text = fold(text);
        if text.is_empty() {
            return;
        }
        let by_hand = hidden_as.is_some();
        match self.0.iter_mut().find(|edit| edit.text == text) {
            Some(edit) => {
                edit.hidden_as = hidden_as;
                edit.by_hand |= by_hand;
            }
            None => self.0.push(Edit {
                text,
                hidden_as,
                by_hand,
            }),
        }
    }

    /// Whether a value was masked by hand at some time.
    pub(crate) fn masked_by_hand(&self, value: &str) -> bool {
        self.of(value).is_some_and(|edit| edit.by_hand)
    }

    fn of(&self, text: &str) -> Option<&Edit> {
        if self.0.is_empty() {
            return None;
        }
        let text = fold(text);
        self.0.iter().find(|edit| edit.text == text)
    }

    /// Makes public what is to be shown, unless it is restricted or never leaves.
    pub(crate) fn show(&self, text: &str, found: &mut [Classed]) {
        for found in found {
            if found.class == PrivacyClass::PreferNot
                && let Some(edit) = self.of(&text[found.range.clone()])
                && edit.hidden_as.is_none()
            {
                found.class = PrivacyClass::Public;
            }
        }
    }

    /// What is hidden: terms like the app's own.
    pub(crate) fn hidden(&self, rules: &PrivacyRules) -> Terms {
        let term = |edit: &Edit| {
            let kind = edit.hidden_as?;
            Some(Term {
                text: edit.text.to_string(),
                kind,
                class: class_of(kind, rules).max(PrivacyClass::PreferNot),
            })
        };
        let hidden: Vec<Term> = self.0.iter().filter_map(term).collect();
        Terms::new(&hidden)
    }
}
