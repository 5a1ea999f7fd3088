//! Names, places, addresses and what else only the words around it tell, found by a model that was trained.
//!
//! A linear chain of labels over hashed features: each word's own form, its neighbours, where it stands in
//! its line and text, and whether it is on a list of known words. `tidegate train privacy` makes the weights;
//! they are a file of their own, which a page loads beside the module.

mod decode;
mod features;
pub mod lexicon;
mod token;
mod weights;

pub use features::{Features, ROW_BITS, hash};
pub use token::{Token, tokens};
pub(crate) use token::{is_invisible, is_unspaced};
pub use weights::{Parts, Weights, WeightsError};

use query::{EntityKind, PrivacyLevel};

use crate::detect::Span;

/// A name as likely as this is taken for one wherever it stands in the text.
const SURE: f32 = 0.8;

/// Finds what the words around it tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagger(Weights);

impl Tagger {
    /// Reads a weights file.
    ///
    /// # Errors
    /// [`WeightsError`] says what is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        Weights::from_bytes(bytes).map(Self)
    }

    /// The weights file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// Finds spans outside of those that recognizers found, in order, without overlaps. A span's score is how
    /// likely its words are personal at all, on average. When careful, spans are taken that are less likely.
    pub fn tag(&self, text: &str, recognized: &[Span], level: PrivacyLevel) -> Vec<Span> {
        let tokens = tokens(text);
        let covered = covered(&tokens, recognized);
        let features = Features::new(text, &tokens, &covered, features::known(self.0.lexicon()));
        let closed: Vec<bool> = covered.iter().map(Option::is_some).collect();
        let emissions = decode::emissions(&self.0, &features, &closed);
        let [balanced, careful] = self.0.lean();
        let mut labels = decode::best_labels(&self.0, &emissions, balanced.into());
        if level == PrivacyLevel::Careful {
            // More is found beside what is likely, which stays as it is: leaning alone would also join spans
            // and move their ends.
            let kept = decode::keep(&emissions, &labels, self.0.label_count());
            labels = decode::best_labels(&self.0, &kept, careful.into());
        }
        if labels.iter().all(|&label| label == 0) {
            return Vec::new();
        }
        let mut likely = decode::likelihoods(&self.0, &emissions);
        self.spread(text, &tokens, &closed, &mut labels, &mut likely);
        join_names(text, &tokens, self.0.kinds(), &mut labels);
        self.split_lists(text, &tokens, &mut labels);
        join_addresses(text, self.spans(text, &tokens, &labels, &likely))
    }

    /// A name that is one in one sentence is one in the others, too, written alike.
    fn spread(
        &self,
        text: &str,
        tokens: &[Token],
        closed: &[bool],
        labels: &mut [usize],
        likely: &mut [f32],
    ) {
        let is_name = |token: &Token| {
            let word = &text[token.range.clone()];
            let lists = || {
                let lower = hash(word.chars().flat_map(char::to_lowercase));
                self.0.lexicon().lists(lower)
            };
            token.is_word
                && word.starts_with(char::is_uppercase)
                && word.chars().nth(2).is_some()
                && lists() & (lexicon::COMMON | lexicon::ENGLISH) == 0
        };
        let spreads = |label: usize| {
            let kind = label
                .checked_sub(1)
                .and_then(|at| self.0.kinds().get(at / 2));
            matches!(
                kind,
                Some(EntityKind::Person | EntityKind::Organization | EntityKind::Location)
            )
        };
        let mut names: Vec<(&str, usize, f32)> = (0..tokens.len())
            .filter(|&at| spreads(labels[at]) && likely[at] >= SURE && is_name(&tokens[at]))
            // The label that begins a span of the same kind.
            .map(|at| {
                (
                    &text[tokens[at].range.clone()],
                    (labels[at] - 1) / 2 * 2 + 1,
                    likely[at],
                )
            })
            .collect();
        names.sort_by(|a, b| a.0.cmp(b.0).then(b.2.total_cmp(&a.2)).then(a.1.cmp(&b.1)));
        names.dedup_by_key(|name| name.0);
        for at in 0..tokens.len() {
            if labels[at] != 0 || closed[at] || !tokens[at].is_word {
                continue;
            }
            let word = &text[tokens[at].range.clone()];
            let Ok(place) = names.binary_search_by_key(&word, |name| name.0) else {
                continue;
            };
            let (_, begins, sure) = names[place];
            let goes_on = at > 0
                && (labels[at - 1] == begins || labels[at - 1] == begins + 1)
                && text[tokens[at - 1].range.end..tokens[at].range.start] == *" ";
            labels[at] = begins + usize::from(goes_on);
            likely[at] = likely[at].max(sure);
            if let (Some(next), Some(label)) = (tokens.get(at + 1), labels.get_mut(at + 1))
                && *label == begins
                && text[tokens[at].range.end..next.range.start] == *" "
            {
                *label = begins + 1;
            }
        }
    }

    /// People or organisations that follow each other ("Ada, Bob and Eve") are several, even where they were
    /// taken for one. Only firms of partners ("Hale, Ito and Ross") and what has an `of` before the first comma
    /// ("Department of Health, Education and Welfare") are called like that.
    fn split_lists(&self, text: &str, tokens: &[Token], labels: &mut [usize]) {
        let word = |at: usize| &text[tokens[at].range.clone()];
        let lists = |at: usize| {
            let lower = hash(word(at).chars().flat_map(char::to_lowercase));
            self.0.lexicon().lists(lower)
        };
        let is_and = |at: usize| matches!(word(at), "and" | "And" | "AND" | "&");
        let mut at = 0;
        while at < labels.len() {
            let begins = labels[at];
            let kind = begins
                .checked_sub(1)
                .and_then(|label| self.0.kinds().get(label / 2));
            let is_firm = kind == Some(&EntityKind::Organization);
            let start = at;
            at += 1;
            if !is_firm && kind != Some(&EntityKind::Person) {
                continue;
            }
            let inside = begins + begins % 2;
            while labels.get(at) == Some(&inside) {
                at += 1;
            }
            let commas = (start..at).filter(|&at| word(at) == ",").count();
            let joints = (start..at).filter(|&at| is_and(at)).count();
            let is_list = if is_firm {
                commas > 0 && commas + joints > 1
            } else {
                joints > 0 || commas > 1
            };
            let first_comma = (start..at).find(|&at| word(at) == ",").unwrap_or(at);
            let of = (start..first_comma).any(|at| matches!(word(at), "of" | "Of" | "for"));
            let parts = (start..at).filter(|&at| word(at) != "," && !is_and(at));
            let partners = parts.clone().count() == commas + joints + 1
                && parts.clone().all(|at| lists(at) & lexicon::SURNAME != 0);
            if !is_list || is_firm && (of || partners) {
                continue;
            }
            let mut starts_part = true;
            for at in start..at {
                // What ends a firm's name after a comma ("Hale, Inc.") is no part of its own.
                let ends_name = word(at) == ","
                    && at + 1 < labels.len()
                    && lists(at + 1) & lexicon::ORGANIZATION != 0;
                if (word(at) == "," || is_and(at)) && !ends_name {
                    labels[at] = 0;
                    starts_part = true;
                } else {
                    labels[at] = if starts_part { inside - 1 } else { inside };
                    starts_part = false;
                }
            }
        }
    }

    fn spans(&self, text: &str, tokens: &[Token], labels: &[usize], likely: &[f32]) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut at = 0;
        while at < labels.len() {
            let Some(kind) = labels[at].checked_sub(1).map(|label| label / 2) else {
                at += 1;
                continue;
            };
            let inside = 2 + 2 * kind;
            let more = labels[at + 1..]
                .iter()
                .take_while(|&&label| label == inside);
            let end = at + 1 + more.count();
            // A comma at its end is the sentence's.
            let is_sign = |token: &Token| matches!(&text[token.range.clone()], "," | ";" | ":");
            let signs = tokens[at..end]
                .iter()
                .rev()
                .take_while(|token| is_sign(token));
            let last = end - signs.count();
            let has_word = tokens[at..last].iter().any(|token| token.is_word);
            if let (true, Some(&kind)) = (has_word, self.0.kinds().get(kind)) {
                spans.push(Span {
                    range: tokens[at].range.start..tokens[last - 1].range.end,
                    kind,
                    score: likely[at..last].iter().sum::<f32>() / (last - at) as f32,
                });
            }
            at = end;
        }
        spans
    }
}

/// Words with nothing but a space between them are one name: a person in two would have two placeholders.
fn join_names(text: &str, tokens: &[Token], kinds: &[EntityKind], labels: &mut [usize]) {
    for at in 1..tokens.len().min(labels.len()) {
        let begins = labels[at];
        let kind = begins.checked_sub(1).and_then(|label| kinds.get(label / 2));
        let is_name = matches!(kind, Some(EntityKind::Person | EntityKind::Organization));
        let follows = labels[at - 1] == begins || labels[at - 1] == begins + 1;
        let gap = &text[tokens[at - 1].range.end..tokens[at].range.start];
        if is_name && begins % 2 == 1 && follows && gap == " " {
            labels[at] = begins + 1;
        }
    }
}

/// An address that begins within a line, or after a colon, and goes on in the next lines is one value, however
/// many parts were seen in it. Where each line of a letter's head is a part, they stay apart.
fn join_addresses(text: &str, spans: Vec<Span>) -> Vec<Span> {
    let is_place = |span: &Span| matches!(span.kind, EntityKind::Address | EntityKind::Location);
    let between = |c: char| c.is_whitespace() || c == ',';
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    let mut spans = spans.into_iter().peekable();
    while let Some(mut span) = spans.next() {
        let before = text[..span.range.start].trim_end_matches([' ', '\t']);
        let goes_on = joined
            .last()
            .is_some_and(|last| text[last.range.end..span.range.start].chars().all(between));
        let is_value = !goes_on
            && (!before.is_empty() && !before.ends_with('\n') || before.trim_end().ends_with(':'));
        if span.kind == EntityKind::Address && is_value {
            let mut end = span.range.end;
            let mut parts: Vec<Span> = Vec::new();
            while let Some(next) = spans
                .next_if(|next| is_place(next) && text[end..next.range.start].chars().all(between))
            {
                end = next.range.end;
                parts.push(next);
            }
            if text[span.range.start..end].contains('\n') {
                let scores: f32 = parts.iter().map(|part| part.score).sum();
                span.score = (span.score + scores) / (parts.len() + 1) as f32;
                span.range.end = end;
                joined.push(span);
            } else {
                joined.push(span);
                joined.extend(parts);
            }
        } else {
            joined.push(span);
        }
    }
    joined
}

/// For each token, what a recognizer took it for. `recognized` is in order and without overlaps.
pub fn covered(tokens: &[Token], recognized: &[Span]) -> Vec<Option<EntityKind>> {
    let mut spans = recognized.iter().peekable();
    tokens
        .iter()
        .map(|token| {
            while spans
                .next_if(|span| span.range.end <= token.range.start)
                .is_some()
            {}
            spans
                .peek()
                .filter(|span| span.range.start < token.range.end)
                .map(|span| span.kind)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_two_becomes_one() {
        let text = "Ada Ito, Bo Kim\nEve at Ada";
        let kinds = [EntityKind::Person, EntityKind::Location];
        // `Ada` `Ito` `,` `Bo` `Kim` `Eve` `at` `Ada`
        let mut labels = [1, 1, 0, 1, 2, 1, 3, 3];
        join_names(text, &tokens(text), &kinds, &mut labels);
        assert_eq!(labels, [1, 2, 0, 1, 2, 1, 3, 3]);
    }
}
