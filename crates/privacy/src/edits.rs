//! Masks that a person added or took away.

use std::ops::Range;

use query::{
    ChatRequest, EntityKind, MaskEdits, MasksEdited, Message, PrivacyClass, PrivacyRules, Role,
};
use zeroize::Zeroizing;

use crate::{
    Vault, class_of,
    detect::Detector,
    find::{Classed, find_with},
    known::cuts,
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

    /// Makes public what is to be shown, unless it is restricted or never leaves, and adds what is hidden. `found` is
    /// in order of place and without overlaps, before and after.
    pub(crate) fn apply(&self, text: &str, found: &mut Vec<Classed>, rules: &PrivacyRules) {
        for found in found.iter_mut() {
            if found.class == PrivacyClass::PreferNot
                && let Some(edit) = self.of(&text[found.range.clone()])
                && edit.hidden_as.is_none()
            {
                found.class = PrivacyClass::Public;
            }
        }
        let mut all: Vec<(Classed, ByHand)> = Vec::new();
        for edit in &self.0 {
            let Some(kind) = edit.hidden_as else {
                continue;
            };
            let class = class_of(kind, rules).max(PrivacyClass::PreferNot);
            all.extend(places(text, &edit.text).into_iter().map(|range| {
                let hidden = Classed {
                    range,
                    kind,
                    class,
                    score: 1.0,
                };
                (hidden, true)
            }));
        }
        if all.is_empty() {
            return;
        }
        all.extend(found.drain(..).map(|found| (found, false)));
        all.sort_by_key(|(span, _)| (span.range.start, span.range.end));
        let mut apart: Vec<(Classed, ByHand)> = Vec::new();
        for span in all {
            match apart.last_mut() {
                Some(last) if span.0.range.start < last.0.range.end => join(last, span),
                _ => apart.push(span),
            }
        }
        found.extend(apart.into_iter().map(|(span, _)| span));
    }
}

/// Whether a person put a mask there.
type ByHand = bool;

/// One span for two that overlap, over all that they cover together and as strict as the stricter. A public one gives
/// way.
fn join(last: &mut (Classed, ByHand), span: (Classed, ByHand)) {
    if span.0.class == PrivacyClass::Public {
        return;
    }
    if last.0.class == PrivacyClass::Public {
        *last = span;
        return;
    }
    let range = last.0.range.start..last.0.range.end.max(span.0.range.end);
    // A kind that was found tells more than `PRIVATE`; one that a person gave counts more.
    let strength = |(span, by_hand): &(Classed, ByHand)| {
        let is_named = span.kind != EntityKind::Private;
        (span.class, span.range.len(), is_named, *by_hand)
    };
    if strength(&span) > strength(last) {
        *last = span;
    }
    last.0.range = range;
}

/// Where a folded text stands as whole words, in UTF-8 bytes.
fn places(text: &str, folded: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut before = None;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if at >= end
            && !cuts(before, Some(c))
            && let Some(length) = beginning(&text[at..], folded)
        {
            let (inside, after) = text.split_at(at + length);
            if !cuts(inside.chars().next_back(), after.chars().next()) {
                end = at + length;
                places.push(at..end);
            }
        }
        before = Some(c);
    }
    places
}

/// How many bytes of the text's beginning are the folded text.
fn beginning(text: &str, folded: &str) -> Option<usize> {
    let mut wanted = folded.chars();
    let mut after_space = false;
    for (at, c) in text.char_indices() {
        if wanted.as_str().is_empty() {
            return Some(at);
        }
        if !c.is_whitespace() {
            after_space = false;
            if c.to_lowercase().any(|lower| wanted.next() != Some(lower)) {
                return None;
            }
        } else if !after_space {
            after_space = true;
            if wanted.next() != Some(' ') {
                return None;
            }
        }
    }
    wanted.as_str().is_empty().then_some(text.len())
}

/// A text whatever its case and its white space.
fn fold(text: &str) -> Zeroizing<String> {
    // Some letters' small forms take more bytes: growing would leave a copy behind.
    let mut folded = Zeroizing::new(String::with_capacity(3 * text.len()));
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_whole_words_in_any_case_and_white_space() {
        let check = |text: &str, wanted: &str, expected: &[&str]| {
            let found: Vec<&str> = places(text, &fold(wanted))
                .into_iter()
                .map(|range| &text[range])
                .collect();
            assert_eq!(found, expected, "{wanted:?} in {text:?}");
        };
        check(
            "Project Nightjar, PROJECT\n  nightjar; Projects Nightjar; project nightjars",
            " project  Nightjar ",
            &["Project Nightjar", "PROJECT\n  nightjar"],
        );
        check("aa a aaa a-a", "a", &["a", "a", "a"]);
        check("é É éa", "É", &["é", "É"]);
        check("İstanbul istanbul", "istanbul", &["istanbul"]);
        check("(a b) a\u{a0}b ab", "(A B)", &["(a b)"]);
        check("", "a", &[]);
        check("a a a b", "a a b", &["a a b"]);
    }

    #[test]
    fn spans_of_hand_and_eye_are_one_where_they_overlap() {
        use EntityKind::{Card, Email, Organization, Person, Private};
        use PrivacyClass::{NeverLeaves, PreferNot, Public, Restricted};
        let text = "abcdefghij";
        let check = |hidden: (Range<usize>, EntityKind),
                     found: (Range<usize>, EntityKind, PrivacyClass),
                     expected: &[(Range<usize>, EntityKind, PrivacyClass)]| {
            let classed = |range: &Range<usize>, kind, class| Classed {
                range: range.clone(),
                kind,
                class,
                score: 0.5,
            };
            let mut spans = [
                (classed(&hidden.0, hidden.1, PreferNot), true),
                (classed(&found.0, found.1, found.2), false),
            ];
            spans.sort_by_key(|(span, _)| (span.range.start, span.range.end));
            let [mut joined, next] = spans;
            join(&mut joined, next);
            let (joined, _) = joined;
            let place = format!("{:?}", text.get(joined.range.clone()));
            assert_eq!(
                [(joined.range, joined.kind, joined.class)],
                expected,
                "{place}"
            );
        };
        check(
            (0..4, Private),
            (0..4, Person, PreferNot),
            &[(0..4, Person, PreferNot)],
        );
        check(
            (0..4, Organization),
            (0..4, Person, PreferNot),
            &[(0..4, Organization, PreferNot)],
        );
        check(
            (0..9, Private),
            (2..4, Person, PreferNot),
            &[(0..9, Private, PreferNot)],
        );
        check(
            (3..5, Private),
            (0..4, Card, Restricted),
            &[(0..5, Card, Restricted)],
        );
        check(
            (0..9, Email),
            (2..4, Card, NeverLeaves),
            &[(0..9, Card, NeverLeaves)],
        );
        check(
            (2..4, Private),
            (0..9, Person, Public),
            &[(2..4, Private, PreferNot)],
        );
        check(
            (0..4, Private),
            (2..9, Person, Public),
            &[(0..4, Private, PreferNot)],
        );
    }
}
