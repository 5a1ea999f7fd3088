//! What a text is about that calls for care: somebody's health, money, children, beliefs.
//!
//! Words that tell a topic, and whether they are said of somebody: "my biopsy results came back" is about health,
//! "what is a biopsy?" is not. A table of words and a few rules, for English; nothing here knows grammar. How good that
//! is, `tests/topics.rs` says.

mod cues;
mod sentence;

use std::{collections::BTreeSet, ops::Range};

use query::{EntityKind, Topic};

use crate::{detect::Span, tagger::tokens};
use cues::Cues;
use sentence::{Mention, Reader};

/// The topics of a text that is about somebody. `spans` were found in it, in order of place.
pub(crate) fn topics(text: &str, spans: &[Span]) -> BTreeSet<Topic> {
    let cues = Cues::table();
    let (words, folded) = words(text);
    let lower: Vec<&str> = words
        .iter()
        .map(|word| &folded[word.folded.clone()])
        .collect();

    let mut reader = Reader::default();
    let mut spans = spans.iter().peekable();
    let mut fitting = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if word.opens {
            reader.end(word.asked);
        }
        while spans.next_if(|span| span.range.end <= word.start).is_some() {}
        let inside = spans.peek().filter(|span| span.range.start <= word.start);
        if let Some(mention) = inside.and_then(|span| mention(span.kind, &lower[at..])) {
            reader.mention(at, mention);
            at += 1;
            continue;
        }
        // An entry does not go over the end of a sentence.
        let more = words[at + 1..].iter().take(cues.most_words() - 1);
        let more = more.take_while(|word| !word.opens).count();
        let taken = cues.at(&lower[at..=at + more], &mut fitting);
        reader.word(at, &lower, &fitting);
        at += taken;
    }
    reader.end(text.trim_end().ends_with('?'));
    reader.found
}

/// A word or a number.
struct Word {
    /// Where, in the text.
    start: usize,
    /// Where, in the text's words in lower case.
    folded: Range<usize>,
    /// The first of a sentence.
    opens: bool,
    /// The sentence before ended with a question mark.
    asked: bool,
}

/// The words of a text; all of them in lower case.
fn words(text: &str) -> (Vec<Word>, String) {
    let mut words: Vec<Word> = Vec::new();
    let mut folded = String::with_capacity(text.len());
    let (mut opens, mut asked) = (false, false);
    for token in tokens(text) {
        let written = &text[token.range.clone()];
        // A line that goes on in lower case is a wrapped one.
        opens |= token.starts_line && !written.starts_with(char::is_lowercase);
        if !token.is_word {
            let last = words.last().map_or(0, |word| word.folded.len());
            match written {
                "?" | "？" => (opens, asked) = (true, true),
                "!" | "。" => opens = true,
                // `e.g.` and `Dr.` end nothing.
                "." if last > 2 && !text[token.range.end..].starts_with(char::is_alphanumeric) => {
                    opens = true;
                }
                _ => {}
            }
            continue;
        }
        let start = folded.len();
        folded.extend(written.chars().flat_map(char::to_lowercase));
        words.push(Word {
            start: token.range.start,
            folded: start..folded.len(),
            opens,
            asked,
        });
        (opens, asked) = (false, false);
    }
    (words, folded)
}

/// What a word tells that lies in a span: not its own meaning. `Christian` is no belief in somebody's name. None: it
/// does tell that.
fn mention(kind: EntityKind, lower: &[&str]) -> Option<Mention> {
    match kind {
        EntityKind::Person => Some(Mention::Person),
        EntityKind::Age => {
            let years = lower.first().and_then(|word| word.parse::<u32>().ok());
            let young = ["month", "week", "day"];
            let is_young = |unit: &&str| young.iter().any(|young| unit.starts_with(young));
            let minor = years.is_some_and(|years| years < 18) || lower.get(1).is_some_and(is_young);
            Some(Mention::Age { minor })
        }
        EntityKind::Email
        | EntityKind::UserName
        | EntityKind::Address
        | EntityKind::Domain
        | EntityKind::UrlCredential
        | EntityKind::ApiKey => Some(Mention::Nothing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EntityKind::{Age, Email, Person};
    use Topic::{Beliefs, Health, Minors, SexLife};

    #[track_caller]
    fn check(text: &str, spans: &[(&str, EntityKind)], expected: &[Topic]) {
        let span = |(part, kind): &(&str, EntityKind)| {
            let start = text.find(part).unwrap();
            Span {
                range: start..start + part.len(),
                kind: *kind,
                score: 1.0,
            }
        };
        let spans: Vec<Span> = spans.iter().map(span).collect();
        let found: Vec<Topic> = topics(text, &spans).into_iter().collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn said_of_somebody() {
        check("my biopsy results came back", &[], &[Health]);
        check("My son was diagnosed last week.", &[], &[Health]);
        check("I have diabetes.", &[], &[Health]);
        check("What is diabetes?", &[], &[]);
        check("I want to know what diabetes is.", &[], &[]);
        check(
            "I am writing an essay on diabetes and my essay is late.",
            &[],
            &[],
        );
        check("Write a story about a man. He has diabetes.", &[], &[]);
        check("Write a story about a man and my diabetes.", &[], &[Health]);
        check("", &[], &[]);
    }

    #[test]
    fn a_name_is_somebody_and_no_belief() {
        check(
            "Rachel Christian had a miscarriage.",
            &[("Rachel Christian", Person)],
            &[Health],
        );
        check("A miscarriage, Rachel.", &[("Rachel", Person)], &[Health]);
        check("I am Christian.", &[], &[Beliefs]);
        check("I am Christian.", &[("Christian", Person)], &[]);
        check(
            "I am muslim@gay.example",
            &[("muslim@gay.example", Email)],
            &[],
        );
        check("I am gay", &[], &[SexLife]);
    }

    #[test]
    fn who_is_under_age_is_a_minor() {
        check("she is 9 years old", &[("9", Age)], &[Minors]);
        check("she is 19 years old", &[("19", Age)], &[]);
        check("our 20 month old", &[("20", Age)], &[Minors]);
        check("9 years is an age", &[("9", Age)], &[]);
    }

    #[test]
    fn sentences_are_apart() {
        // Supported by the sentence before, unless it asks.
        check("My doctor called. The biopsy is positive.", &[], &[Health]);
        check("I like dogs. What is a biopsy?", &[], &[]);
        check("I like dogs.\nBiopsy is a word.", &[], &[]);
        // A wrapped line goes on.
        check("I was in the hospital\nfor surgery", &[], &[Health]);
        // `Dr.` ends nothing.
        check("I told Dr. Who of diabetes.", &[], &[Health]);
    }

    /// A time that grows with the square of the length would not end.
    #[test]
    fn long_texts() {
        for part in ["my biopsy ", "diabetes", "union ", "a", "? ", ". I", "机"] {
            topics(&part.repeat(100_000), &[]);
        }
    }
}
