//! How well topics are found: sentences written by hand, each about somebody, or about the same in general.
//!
//! `cargo test -p privacy --test topics -- --nocapture` prints the figures. Rules and words were changed after looking
//! at what goes wrong in the set `tuned`, and none for a sentence of `unseen`. But sentences and words are by one
//! author: what others write will do worse.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "outside `#[test]` functions, but only for them"
)]

use std::{collections::BTreeSet, fmt};

use privacy::{Detector, Vault, find_with};
use query::{ChatRequest, Message, PrivacyRules, Role, Topic};
use serde::Deserialize;

#[derive(Deserialize)]
struct Labelled {
    set: Set,
    topics: BTreeSet<Topic>,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Set {
    Tuned,
    Unseen,
}

fn sentences() -> Vec<Labelled> {
    let lines = include_str!("data/topics.jsonl").lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn topics(text: &str) -> BTreeSet<Topic> {
    let request = ChatRequest {
        messages: vec![Message::new(Role::User, text)],
        ..ChatRequest::default()
    };
    let rules = PrivacyRules::default();
    let findings = find_with(&Detector::default(), &request, &rules, &Vault::new());
    findings.topics().iter().map(|found| found.topic).collect()
}

/// Counts of topics of sentences.
#[derive(Clone, Copy, Default)]
struct Counts {
    labelled: usize,
    found: usize,
    right: usize,
}

impl Counts {
    fn precision(self) -> f64 {
        self.right as f64 / self.found as f64
    }

    fn recall(self) -> f64 {
        self.right as f64 / self.labelled as f64
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (precision, recall) = (self.precision(), self.recall());
        let Self {
            labelled,
            found,
            right,
        } = self;
        write!(
            f,
            "precision {precision:.2} ({right}/{found}), recall {recall:.2} ({right}/{labelled})"
        )
    }
}

/// Of one topic, or of all.
fn count(sentences: &[Labelled], set: Set, topic: Option<Topic>) -> Counts {
    let mut counts = Counts::default();
    for sentence in sentences.iter().filter(|sentence| sentence.set == set) {
        let found = topics(&sentence.text);
        let of = |topics: &BTreeSet<Topic>| {
            let counted = topics
                .iter()
                .filter(|found| topic.is_none_or(|topic| topic == **found));
            counted.count()
        };
        counts.labelled += of(&sentence.topics);
        counts.found += of(&found);
        counts.right += of(&found.intersection(&sentence.topics).copied().collect());
    }
    counts
}

#[test]
fn most_topics_are_found_and_few_for_nothing() {
    let sentences = sentences();
    for (set, least_precision, least_recall) in [(Set::Tuned, 0.9, 0.8), (Set::Unseen, 0.8, 0.55)] {
        let all = count(&sentences, set, None);
        println!("{set:?}: {all}");
        for (topic, name) in Topic::NAMES {
            println!("  {name}: {}", count(&sentences, set, Some(topic)));
        }
        if set == Set::Tuned {
            for sentence in sentences.iter().filter(|sentence| sentence.set == set) {
                let found = topics(&sentence.text);
                if found != sentence.topics {
                    println!("  {found:?}, not {:?}: {}", sentence.topics, sentence.text);
                }
            }
        }
        assert!(all.precision() >= least_precision, "{set:?}: {all}");
        assert!(all.recall() >= least_recall, "{set:?}: {all}");
    }
}

/// What a sentence says counts, not how it is written.
#[test]
fn case_and_lines_do_not_matter() {
    for sentence in sentences() {
        let found = topics(&sentence.text);
        assert_eq!(
            topics(&sentence.text.to_uppercase()),
            found,
            "{}",
            sentence.text
        );
        let text = format!("  {}\r\n", sentence.text);
        assert_eq!(topics(&text), found, "{text}");
    }
}
