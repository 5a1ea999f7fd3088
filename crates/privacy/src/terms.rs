//! Texts that are sensitive because somebody says so: the app's own, and what a person masks by hand.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use query::{EntityKind, PrivacyClass, Term};
use zeroize::Zeroizing;

use crate::{find::Classed, presets::least, tagger::is_unspaced};

/// Terms, to be found whatever the case. Looking for all of them takes time in the length of the text and hardly more
/// for more terms.
pub(crate) struct Terms {
    /// By their [`Folded`] text.
    known: BTreeMap<String, (EntityKind, PrivacyClass)>,
    /// How long the folded terms are that open in this way.
    lengths: BTreeMap<String, BTreeSet<usize>>,
}

impl Terms {
    /// Of one text with two classes, the stricter counts. An empty text stands nowhere.
    pub(crate) fn new(terms: &[Term]) -> Self {
        let mut known = BTreeMap::new();
        let mut lengths: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for term in terms {
            let text = fold(&term.text);
            if text.is_empty() {
                continue;
            }
            let opening = lengths.entry(opening(&text).to_owned()).or_default();
            opening.insert(text.len());
            let class = term.class.max(least(term.kind));
            let entry = known.entry(text.to_string()).or_insert((term.kind, class));
            if class > entry.1 {
                *entry = (term.kind, class);
            }
        }
        Self { known, lengths }
    }

    /// Adds the places where a term stands as whole words. Where places overlap, or one overlaps what was found,
    /// there is one finding for all that they cover, of the stricter class and its kind; of the same class, the
    /// term's kind counts. `found` is in order of place and does not overlap, before and after.
    pub(crate) fn add_to(&self, text: &str, found: &mut Vec<Classed>) {
        let places = self.places(text);
        if places.is_empty() {
            return;
        }
        let places = places.into_iter().map(|place| (place, true));
        let mut all: Vec<(Classed, bool)> = found.drain(..).map(|found| (found, false)).collect();
        all.extend(places);
        all.sort_by_key(|(found, _)| (found.range.start, Reverse(found.range.end)));
        let mut last_is_term = false;
        for (next, is_term) in all {
            match found.last_mut() {
                Some(last) if next.range.start < last.range.end => {
                    let range = last.range.start..last.range.end.max(next.range.end);
                    if (next.class, is_term) > (last.class, last_is_term) {
                        *last = next;
                        last_is_term = is_term;
                    }
                    last.range = range;
                }
                _ => {
                    found.push(next);
                    last_is_term = is_term;
                }
            }
        }
    }

    /// Where terms stand, also one in another.
    fn places(&self, text: &str) -> Vec<Classed> {
        let mut places = Vec::new();
        if self.known.is_empty() {
            return places;
        }
        let folded = Folded::new(text);
        let mut before = None;
        for (at, first) in folded.text.char_indices() {
            if !cuts(before, Some(first)) {
                self.places_at(text, &folded, at, &mut places);
            }
            before = Some(first);
        }
        places
    }

    fn places_at(&self, text: &str, folded: &Folded, at: usize, places: &mut Vec<Classed>) {
        let rest = &folded.text[at..];
        let Some(lengths) = self.lengths.get(opening(rest)) else {
            return;
        };
        for length in lengths {
            let Some((term, after)) = rest.split_at_checked(*length) else {
                continue;
            };
            let Some((kind, class)) = self.known.get(term) else {
                continue;
            };
            if cuts(term.chars().next_back(), after.chars().next()) {
                continue;
            }
            let range = folded.original(at)..folded.original(at + length);
            // `İ` is two characters in lower case, of which a term may hold the first: that is no whole word.
            if text.is_char_boundary(range.start) && text.is_char_boundary(range.end) {
                places.push(Classed {
                    range,
                    kind: *kind,
                    class: *class,
                    score: 1.0,
                });
            }
        }
    }
}

/// What all ways to write a text have in common.
pub(crate) fn fold(text: &str) -> Zeroizing<String> {
    Zeroizing::new(Folded::new(text.trim()).text)
}

/// A text in lower case, with one space for each white space.
struct Folded {
    text: String,
    /// From here on, offsets of the folded text are these of the original and count on alike. Ascending.
    places: Vec<(usize, usize)>,
}

impl Folded {
    fn new(original: &str) -> Self {
        let mut folded = Self {
            text: String::with_capacity(original.len()),
            places: Vec::new(),
        };
        let mut in_space = false;
        for (at, c) in original.char_indices() {
            if c.is_whitespace() && in_space {
                continue;
            }
            folded.mark(at);
            in_space = c.is_whitespace();
            if in_space {
                folded.text.push(' ');
            } else {
                folded.text.extend(c.to_lowercase());
            }
        }
        folded.mark(original.len());
        folded
    }

    /// The end of the folded text is this place of the original.
    fn mark(&mut self, original: usize) {
        let end = self.text.len();
        let last = self.places.last();
        if last.is_none_or(|(folded, known)| known + (end - folded) != original) {
            self.places.push((end, original));
        }
    }

    /// The offset in the original of an offset in the folded text.
    fn original(&self, offset: usize) -> usize {
        let after = self.places.partition_point(|(folded, _)| *folded <= offset);
        // The first place is the start of both.
        let place = after.checked_sub(1).and_then(|last| self.places.get(last));
        place.map_or(offset, |(folded, original)| original + (offset - folded))
    }
}

/// The first word or number; the first character if it is neither, or of a script that puts no spaces between words.
fn opening(text: &str) -> &str {
    let mut chars = text.char_indices();
    match chars.next() {
        Some((_, first)) if is_inside(first) => {
            let end = chars.find(|(_, c)| !is_inside(*c));
            &text[..end.map_or(text.len(), |(at, _)| at)]
        }
        Some((_, first)) => &text[..first.len_utf8()],
        None => text,
    }
}

/// Whether a word goes on from one to the other.
fn cuts(left: Option<char>, right: Option<char>) -> bool {
    left.is_some_and(is_inside) && right.is_some_and(is_inside)
}

fn is_inside(c: char) -> bool {
    c.is_alphanumeric() && !is_unspaced(c)
}

#[cfg(test)]
mod tests {
    use EntityKind::{ApiKey, Email, Organization, Private, UrlCredential};
    use PrivacyClass::{NeverLeaves, PreferNot, Public, Restricted};

    use super::*;

    fn term(text: &str, kind: EntityKind, class: PrivacyClass) -> Term {
        Term {
            text: text.into(),
            kind,
            class,
        }
    }

    #[track_caller]
    fn check(
        terms: &[Term],
        text: &str,
        found: &[(&str, EntityKind, PrivacyClass)],
        expected: &[(&str, EntityKind, PrivacyClass)],
    ) {
        let classed = |(part, kind, class): &(&str, EntityKind, PrivacyClass)| {
            let start = text.find(part).unwrap();
            Classed {
                range: start..start + part.len(),
                kind: *kind,
                class: *class,
                score: 0.6,
            }
        };
        let mut found: Vec<Classed> = found.iter().map(classed).collect();
        Terms::new(terms).add_to(text, &mut found);
        let found: Vec<_> = found
            .iter()
            .map(|found| (&text[found.range.clone()], found.kind, found.class))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn stand_as_whole_words_whatever_the_case_and_the_white_space() {
        let terms = [
            term("Project Falcon", Organization, Restricted),
            term(" NIGHT owl\t", Private, PreferNot),
            term("#42", Private, PreferNot),
            term("", Private, NeverLeaves),
            term("Élan", Private, PreferNot),
            term("机密", Private, PreferNot),
        ];
        check(
            &terms,
            "PROJECT  falcon\u{a0}'s\nproject\n\tFalcon; Project Falcons, aproject falcon. İİ night Owl! #42 #421 ÉLAN élans 这是机密项目",
            &[],
            &[
                ("PROJECT  falcon", Organization, Restricted),
                ("project\n\tFalcon", Organization, Restricted),
                ("night Owl", Private, PreferNot),
                ("#42", Private, PreferNot),
                ("ÉLAN", Private, PreferNot),
                ("机密", Private, PreferNot),
            ],
        );
        // The first half of a character in lower case is no word of the text.
        check(
            &[term("i", Private, PreferNot)],
            "İ i",
            &[],
            &[("i", Private, PreferNot)],
        );
        check(&[], "night owl", &[], &[]);
    }

    #[test]
    fn one_in_another_counts() {
        let terms = [
            term("Falcon", Private, NeverLeaves),
            term("Project Falcon", Organization, PreferNot),
            term("Falcon One", Private, Restricted),
            term("falcon", Private, PreferNot),
        ];
        check(
            &terms,
            "our Project Falcon One.",
            &[],
            &[("Project Falcon One", Private, NeverLeaves)],
        );
    }

    #[test]
    fn win_over_what_they_overlap() {
        let terms = [
            term("falcon", Private, PreferNot),
            term("blue wing", Organization, Public),
            term("hunter", ApiKey, Public),
        ];
        check(
            &terms,
            "falcon@example.com, Blue Wing Ltd of Ada, ftp://falcon:pw@example.org, hunter",
            &[
                ("falcon@example.com", Email, PreferNot),
                ("Wing Ltd", Private, PreferNot),
                ("Ada", Private, Restricted),
                ("falcon:pw", UrlCredential, NeverLeaves),
            ],
            &[
                ("falcon@example.com", Private, PreferNot),
                ("Blue Wing Ltd", Private, PreferNot),
                ("Ada", Private, Restricted),
                ("falcon:pw", UrlCredential, NeverLeaves),
                // No term lowers what lets somebody in.
                ("hunter", ApiKey, NeverLeaves),
            ],
        );
    }

    /// As many look-ups as there are places for a word to begin, however many terms there are.
    #[test]
    fn many_terms_in_a_long_text() {
        let terms: Vec<Term> = (0..10_000)
            .map(|n| term(&format!("Customer {n}"), Private, PreferNot))
            .collect();
        let text = "customer 7 and customer 12345678, ".repeat(3_000);
        let mut found = Vec::new();
        Terms::new(&terms).add_to(&text, &mut found);
        assert_eq!(found.len(), 3_000);
        let run = "a".repeat(100_000);
        let same = "机".repeat(100_000);
        for text in [run, same] {
            Terms::new(&[term("机密", Private, PreferNot)]).add_to(&text, &mut Vec::new());
        }
    }
}
