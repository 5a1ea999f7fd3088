//! Names in a row: several people, several firms, or one firm of several partners.

use std::ops::Range;

use query::EntityKind;

use super::{
    hash,
    lexicon::{COMMON, ENGLISH, GIVEN_NAME, Lexicon, ORGANIZATION, SURNAME},
    token::Token,
};

/// A text's tokens, what is known of their words, and their labels while rows of names are set right.
pub(super) struct Rows<'a> {
    pub text: &'a str,
    pub tokens: &'a [Token],
    /// Found by a recognizer, not to be found otherwise.
    pub closed: &'a [bool],
    pub kinds: &'a [EntityKind],
    pub lexicon: &'a Lexicon,
    pub labels: &'a mut [usize],
}

impl Rows<'_> {
    /// Makes rows of names people, splits what was taken for one, and joins firms of partners.
    pub(super) fn set_right(&mut self) {
        self.name_rows();
        self.split();
        self.firm_rows();
        self.join_partners();
    }

    fn word(&self, at: usize) -> &str {
        self.tokens
            .get(at)
            .map_or("", |token| &self.text[token.range.clone()])
    }

    fn lists(&self, at: usize) -> u8 {
        let lower = hash(self.word(at).chars().flat_map(char::to_lowercase));
        self.lexicon.lists(lower)
    }

    fn is_capital(&self, at: usize) -> bool {
        self.word(at).starts_with(char::is_uppercase)
    }

    fn is_comma(&self, at: usize) -> bool {
        self.word(at) == ","
    }

    fn is_and(&self, at: usize) -> bool {
        matches!(self.word(at), "and" | "And" | "AND" | "&")
    }

    fn kind(&self, at: usize) -> Option<EntityKind> {
        let label = self.labels.get(at)?.checked_sub(1)?;
        self.kinds.get(label / 2).copied()
    }

    /// Where the span that begins at a token ends.
    fn end(&self, start: usize) -> usize {
        let inside = self.labels[start] + self.labels[start] % 2;
        let more = self.labels[start + 1..].iter();
        start + 1 + more.take_while(|&&label| label == inside).count()
    }

    /// In a row of single names ("Ada, Mark, Eve and Bo") all are people if one is and most are given names,
    /// whatever the others were taken for.
    fn name_rows(&mut self) {
        let mut at = 0;
        while at < self.labels.len() {
            let (first, mut items) = (at, vec![at]);
            let mut last = at;
            while let Some(next) = self.next_item(last) {
                items.push(next);
                last = next;
            }
            at = last + 1;
            let count =
                |holds: &dyn Fn(usize) -> bool| items.iter().filter(|&&at| holds(at)).count();
            let people = count(&|at| self.kind(at) == Some(EntityKind::Person));
            let given = count(&|at| self.lists(at) & GIVEN_NAME != 0);
            let most = people * 2 > items.len() || given * 4 >= items.len() * 3;
            if items.len() > 2 && people > 0 && most {
                // A name's other words stand before the first or after the last.
                items.retain(|&at| {
                    let is_last_word = at == first && self.goes_on(at);
                    let is_first_word = at == last && self.goes_on(at + 1);
                    !is_last_word && !is_first_word
                });
                self.label_row(&items);
            }
        }
    }

    /// The next of a row of single capitalised words.
    fn next_item(&self, item: usize) -> Option<usize> {
        if !self.is_item(item) {
            return None;
        }
        let joints = (item + 1..self.labels.len())
            .take_while(|&at| self.is_comma(at) || self.is_and(at))
            .count();
        let next = item + 1 + joints;
        ((1..3).contains(&joints) && self.is_item(next)).then_some(next)
    }

    fn is_item(&self, at: usize) -> bool {
        self.is_capital(at) && !self.is_and(at) && !self.closed[at]
    }

    /// Goes on with what the token before it began or went on with.
    fn goes_on(&self, at: usize) -> bool {
        let inside = |&label: &usize| label != 0 && label.is_multiple_of(2);
        self.labels.get(at).is_some_and(inside)
    }

    fn label_row(&mut self, items: &[usize]) {
        let Some(person) = self.begins_person() else {
            return;
        };
        let (Some(&first), Some(&last)) = (items.first(), items.last()) else {
            return;
        };
        for at in first..=last {
            let label = self.labels[at];
            self.labels[at] = if !items.contains(&at) {
                0
            } else if self.lists(at) & GIVEN_NAME != 0
                || label == 0 && self.lists(at) & (COMMON | ENGLISH) == 0
            {
                person
            } else {
                // What went on with another name begins here.
                label.saturating_sub(usize::from(label.is_multiple_of(2)))
            };
        }
    }

    /// People or organisations that follow each other ("Ada, Bob and Eve") are several, even where they were
    /// taken for one. Only firms of partners ("Hale, Ito and Ross") and what has an `of` before the first comma
    /// ("Department of Health, Education and Welfare") are called like that.
    fn split(&mut self) {
        let mut at = 0;
        while at < self.labels.len() {
            let start = at;
            at += 1;
            let is_firm = match self.kind(start) {
                Some(EntityKind::Organization) => true,
                Some(EntityKind::Person) => false,
                _ => continue,
            };
            at = self.end(start);
            let commas = (start..at).filter(|&at| self.is_comma(at)).count();
            let joints: Vec<usize> = (start..at).filter(|&at| self.is_and(at)).collect();
            let first_comma = (start..at).find(|&at| self.is_comma(at)).unwrap_or(at);
            let of = (start..first_comma).any(|at| matches!(self.word(at), "of" | "Of" | "for"));
            let parts = (start..at).filter(|&at| !self.is_comma(at) && !self.is_and(at));
            let parts: Vec<usize> = parts.collect();
            let singles = parts.len() == commas + joints.len() + 1;
            let partners = singles && joints.len() == 1 && self.are_partners(&parts);
            let (is_list, first) = match (is_firm, commas, joints.as_slice()) {
                (false, _, joints) => (!joints.is_empty() || commas > 1, start),
                (true, 0, [.., _, last]) => (true, *last),
                // The last two firms of a row.
                (true, 0, [last]) => (!partners && self.ends_row(start), *last),
                (true, 0, []) => (false, start),
                (true, _, joints) => (!of && !partners && commas + joints.len() > 1, start),
            };
            let pair = is_firm && commas == 0 && parts.len() == 2 && !self.ends_row(start);
            if is_list {
                self.split_parts(start, first, at);
            } else if pair && self.word(start + 1) == "and" {
                self.split_pair(&parts);
            }
        }
    }

    /// Family names, not all of which are given names, too ("Peter, Paul and Mary").
    fn are_partners(&self, names: &[usize]) -> bool {
        let all = |list: u8| names.iter().all(|&at| self.lists(at) & list != 0);
        all(SURNAME) && !all(GIVEN_NAME)
    }

    /// The span that begins here follows one of its kind and a comma.
    fn ends_row(&self, start: usize) -> bool {
        start > 1 && self.is_comma(start - 1) && self.kind(start - 2) == self.kind(start)
    }

    /// Two family names ("Hale and Ross") are two people more often than a firm.
    fn split_pair(&mut self, parts: &[usize]) {
        let are_names = |at: &usize| self.is_capital(*at) && self.lists(*at) & SURNAME != 0;
        if let (&[one, two], Some(person)) = (parts, self.begins_person())
            && parts.iter().all(are_names)
            && two == one + 2
        {
            self.labels[one..=two].copy_from_slice(&[person, 0, person]);
        }
    }

    /// The label that begins a person.
    fn begins_person(&self) -> Option<usize> {
        let person = |&kind: &EntityKind| kind == EntityKind::Person;
        self.kinds.iter().position(person).map(|at| 1 + 2 * at)
    }

    /// Splits a span at the commas and `and`s from a place on.
    fn split_parts(&mut self, start: usize, first: usize, end: usize) {
        let inside = self.labels[start] + self.labels[start] % 2;
        let mut starts_part = true;
        for at in start..end {
            // What ends a firm's name after a comma ("Hale, Inc.", "Hale and Sons") is no part of its own.
            let ends_name = at + 1 < end && self.lists(at + 1) & ORGANIZATION != 0;
            let ends_name = ends_name && (self.is_comma(at) || at + 2 == end);
            if at >= first && (self.is_comma(at) || self.is_and(at)) && !ends_name {
                self.labels[at] = 0;
                starts_part = true;
            } else {
                self.labels[at] = if starts_part { inside - 1 } else { inside };
                starts_part = false;
            }
        }
    }

    /// A word on no list in a row with two firms ("Orvane, Hale Labs and Ito Steel") is a firm, too.
    fn firm_rows(&mut self) {
        let is_firm = |rows: &Self, at: Option<usize>| {
            at.is_some_and(|at| rows.kind(at) == Some(EntityKind::Organization))
        };
        for at in 0..self.labels.len() {
            let is_name = self.lists(at) & (GIVEN_NAME | SURNAME) != 0;
            let begins = self.kind(at) == Some(EntityKind::Person) && self.labels[at] % 2 == 1;
            if !begins || is_name || self.end(at) != at + 1 {
                continue;
            }
            let next = self.next_span(at);
            let third = next.and_then(|next| self.next_span(next));
            if let Some(firm) = next
                && is_firm(self, next)
                && (is_firm(self, third) || self.ends_row_of_firms(at))
            {
                self.labels[at] = self.labels[firm];
            }
        }
    }

    /// The span after a comma or an `and` or both.
    fn next_span(&self, start: usize) -> Option<usize> {
        let end = self.end(start);
        let joints = (end..self.labels.len())
            .take_while(|&at| self.is_comma(at) || self.is_and(at))
            .count();
        let next = end + joints;
        let begins = |label: &usize| label % 2 == 1;
        ((1..3).contains(&joints) && self.labels.get(next).is_some_and(begins)).then_some(next)
    }

    fn ends_row_of_firms(&self, start: usize) -> bool {
        start > 1
            && self.is_comma(start - 1)
            && self.kind(start - 2) == Some(EntityKind::Organization)
    }

    /// Three family names in a row that were each taken for a firm ("Hale", "Ito" and "Ross Orchestra") are one
    /// firm of partners.
    fn join_partners(&mut self) {
        let mut firms = Vec::new();
        let is_firm =
            |at: usize| self.is_capital(at) && self.kind(at) == Some(EntityKind::Organization);
        for first in 0..self.labels.len().saturating_sub(4) {
            // `Hale` `,` `Ito` `and` `Ross`
            let (second, third) = (first + 2, first + 4);
            let names = [first, second, third];
            if names.iter().all(|&at| is_firm(at))
                && self.are_partners(&names)
                && self.is_comma(first + 1)
                && self.is_and(second + 1)
                && self.labels[first] % 2 == 1
                && self.labels[first + 1] == 0
                && self.labels[second] % 2 == 1
            {
                firms.push(first..third);
            }
        }
        for Range { start, end } in firms {
            let inside = self.labels[start] + 1;
            self.labels[start + 1..=end].fill(inside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagger::token::tokens;

    const KINDS: [EntityKind; 3] = [
        EntityKind::Person,
        EntityKind::Organization,
        EntityKind::Address,
    ];

    /// Each span in brackets, with the letter of its kind after them.
    fn read(marked: &str) -> (String, Vec<(Range<usize>, usize)>) {
        let (mut text, mut spans) = (String::new(), Vec::new());
        let mut parts = marked.split('[');
        text += parts.next().unwrap();
        for part in parts {
            let (value, rest) = part.split_once(']').unwrap();
            let kind = "POA".find(&rest[..1]).unwrap();
            spans.push((text.len()..text.len() + value.len(), kind));
            text += value;
            text += &rest[1..];
        }
        (text, spans)
    }

    fn labels(marked: &str) -> (String, Vec<usize>) {
        let (text, spans) = read(marked);
        let label = |token: Token| {
            let (range, kind) = spans
                .iter()
                .find(|span| span.0.contains(&token.range.start))?;
            Some(1 + 2 * kind + usize::from(token.range.start > range.start))
        };
        let labels = tokens(&text)
            .into_iter()
            .map(|token| label(token).unwrap_or(0));
        let labels = labels.collect();
        (text, labels)
    }

    #[track_caller]
    fn check(taken: &str, expected: &str) {
        let (text, mut found) = labels(taken);
        let tokens = tokens(&text);
        let word = |word: &str| hash(word.chars());
        let given = ["ada", "mark", "eve", "bo"].map(|name| (word(name), GIVEN_NAME));
        let surnames =
            ["hale", "ito", "ross", "ada", "mark", "eve"].map(|name| (word(name), SURNAME));
        let others = [
            (word("mark"), COMMON),
            (word("pears"), COMMON),
            (word("inc"), ORGANIZATION),
            (word("sons"), ORGANIZATION),
        ];
        Rows {
            text: &text,
            tokens: &tokens,
            closed: &vec![false; tokens.len()],
            kinds: &KINDS,
            lexicon: &Lexicon::new(given.into_iter().chain(surnames).chain(others)),
            labels: &mut found,
        }
        .set_right();
        assert_eq!((text.clone(), found), labels(expected), "{taken}");
    }

    #[test]
    fn a_row_of_given_names_is_people() {
        check(
            "[Ada]P, Mark, [Eve, Bo]A and [Zo]P",
            "[Ada]P, [Mark]P, [Eve]P, [Bo]P and [Zo]P",
        );
        check(
            "with [Bo Ito]P, [Ada, Eve]O and Mark",
            "with [Bo Ito]P, [Ada]P, [Eve]P and [Mark]P",
        );
        // No one in it is a person, or few are names.
        check("[Ada]O, [Mark]O and [Eve]O", "[Ada]O, [Mark]O and [Eve]O");
        check("Plums, Pears and [Ada]P", "Plums, Pears and [Ada]P");
    }

    #[test]
    fn what_was_taken_for_one_is_several() {
        check("[Ada Ito and Bo Ross]P", "[Ada Ito]P and [Bo Ross]P");
        check(
            "[Hale Labs, Ross Steel and Ito]O",
            "[Hale Labs]O, [Ross Steel]O and [Ito]O",
        );
        check(
            "[Hale Labs]O, [Ross Steel and Ito Labs]O",
            "[Hale Labs]O, [Ross Steel]O and [Ito Labs]O",
        );
        check(
            "[Hale and Ross and Ito Labs]O",
            "[Hale and Ross]O and [Ito Labs]O",
        );
    }

    #[test]
    fn what_is_one_stays_one() {
        for one in [
            "[Hale, Ito and Ross]O",
            "[Hale Labs, Inc]O",
            "[Department of Health, Education and Welfare]O",
            "the bank of [Ross and Ito Labs]O",
            "[Ito Labs]O, [Hale and Sons]O",
            "[Hale, Ada]P",
        ] {
            check(one, one);
        }
    }

    #[test]
    fn what_stands_among_firms_is_one() {
        check(
            "[Zo]P, [Hale Labs]O and [Ito Steel]O",
            "[Zo]O, [Hale Labs]O and [Ito Steel]O",
        );
        check(
            "[Hale]P, [Ito Labs]O and [Ross Steel]O",
            "[Hale]P, [Ito Labs]O and [Ross Steel]O",
        );
    }

    #[test]
    fn partners_are_one_firm() {
        // Given names, all of them.
        check("[Ada, Mark and Eve]O", "[Ada]O, [Mark]O and [Eve]O");
        check(
            "[Hale]O, [Ito]O and [Ross Orchestra]O",
            "[Hale, Ito and Ross Orchestra]O",
        );
        check(
            "[Labs]O, [Hale]O, [Ito and Ross]O",
            "[Labs]O, [Hale, Ito and Ross]O",
        );
        check(
            "[Hale]O, [Ito]O and [Pears]O",
            "[Hale]O, [Ito]O and [Pears]O",
        );
        check("[Hale]P, [Ito]P and [Ross]P", "[Hale]P, [Ito]P and [Ross]P");
    }
}
