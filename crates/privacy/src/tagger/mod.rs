//! Names, places, addresses and what else only the words around it tell, found by a model that was trained.
//!
//! A linear chain of labels over hashed features: each word's own form, its neighbours, where it stands in
//! its line and text, and whether it is on a list of known words. `tidegate train privacy` makes the weights;
//! they are a file of their own, which a page loads beside the module.

mod addresses;
mod decode;
mod features;
pub mod lexicon;
mod lists;
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
        let mut rows = lists::Rows {
            text,
            tokens: &tokens,
            closed: &closed,
            kinds: self.0.kinds(),
            lexicon: self.0.lexicon(),
            labels: &mut labels,
        };
        rows.set_right();
        addresses::join_or_split(text, self.spans(text, &tokens, &labels, &likely))
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
