//! Whether a sentence that has a topic's words says them of somebody.
//!
//! Each such word is supported by what points to a person: `my` right before it, `I` or `she` before it, somebody's
//! daughter anywhere, the sentence before. It is weakened where the sentence asks for an explanation or a story, and
//! what points to the speaker is forgotten where the speaker only wants to learn or to write. A topic is found where
//! words of it, times their support, come to [`ENOUGH`].

use std::collections::BTreeSet;

use query::Topic;

use super::cues::Cue;

/// One strong word of somebody, or two weak ones.
const ENOUGH: f32 = 2.0;
/// So many words after `my` something is still the speaker's: `my older sister's asthma`.
const OWNER_REACHES: usize = 3;
/// So many words after `I` the sentence is still about the speaker.
const SUBJECT_REACHES: usize = 14;
/// What may be somebody, or only comes after the word.
const HALF: f32 = 0.5;
/// What the sentence before was about.
const CARRIED: f32 = 0.75;
/// What is left in an explanation or a story.
const WEAKENED: f32 = 0.25;

/// What a span tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mention {
    /// Somebody's name.
    Person,
    /// Somebody's age.
    Age {
        /// Of a child.
        minor: bool,
    },
    /// An address, a key.
    Nothing,
}

/// Reads words in order, sentence by sentence.
#[derive(Default)]
pub(super) struct Reader {
    /// The topics so far.
    pub(super) found: BTreeSet<Topic>,
    sentence: Sentence,
    /// By topic, what the sentence before came to.
    before: [f32; Topic::NAMES.len()],
    /// The sentence before was about somebody.
    carried: bool,
    /// From somewhere on, whoever is in it is made up.
    fiction: bool,
}

#[derive(Default)]
struct Sentence {
    hits: Vec<Hit>,
    /// Where the last owner stands.
    owner: Option<usize>,
    subject: Option<Subject>,
    /// Somebody who is not the speaker, and how surely.
    somebody: f32,
    /// It was about somebody, whatever was forgotten since.
    personal: bool,
    explains: bool,
    asks: bool,
    begun: bool,
}

#[derive(Clone, Copy)]
struct Subject {
    at: usize,
    surely: f32,
    speaks: bool,
}

/// A word of a topic.
struct Hit {
    topic: Topic,
    /// The table's: twice the same says no more than once.
    entry: usize,
    weight: f32,
    support: f32,
    /// By an owner right before it, or by the speaker: nobody made that up.
    real: bool,
    /// By an owner right before it: no explanation in general.
    owned: bool,
}

impl Reader {
    /// The word at a place, of all words, and what fits there.
    pub(super) fn word(&mut self, at: usize, lower: &[&str], fitting: &[(usize, Cue)]) {
        let sentence = &mut self.sentence;
        let before = |back: usize| at.checked_sub(back).and_then(|at| lower.get(at)).copied();
        let owned = sentence
            .owner
            .is_some_and(|owner| at - owner <= OWNER_REACHES);
        // `As a nurse, I …`
        if !sentence.begun && lower.get(at).is_some_and(|word| *word == "as") {
            sentence.subject = Some(Subject {
                at,
                surely: 1.0,
                speaks: true,
            });
        }
        // Topics after the rest: `daughter` is somebody before she is a child.
        for (_, cue) in fitting {
            match cue {
                Cue::Owner => sentence.owner = Some(at),
                Cue::Thing if owned => sentence.owner = None,
                Cue::Kin if owned => sentence.somebody = 1.0,
                Cue::Relative => sentence.somebody = 1.0,
                Cue::Role => {
                    let known = matches!(before(1), Some("the" | "this" | "our" | "my"));
                    let surely: f32 = if known { 1.0 } else { HALF };
                    sentence.somebody = sentence.somebody.max(surely);
                }
                Cue::Speaker | Cue::Third => {
                    // `How do I …` asks what anybody would do.
                    let asks = (1..=3).any(|back| {
                        matches!(before(back), Some("how" | "where" | "what" | "which"))
                    });
                    sentence.subject = Some(Subject {
                        at,
                        surely: if asks { HALF } else { 1.0 },
                        speaks: *cue == Cue::Speaker,
                    });
                }
                Cue::Interest => {
                    sentence.owner = None;
                    sentence.subject = None;
                    sentence.somebody = 0.0;
                }
                Cue::General => sentence.explains = true,
                Cue::Fiction => self.fiction = true,
                Cue::Question => sentence.asks |= !sentence.begun,
                Cue::Thing | Cue::Kin | Cue::Neutral | Cue::Topic(..) => {}
            }
        }
        sentence.begun = true;
        let owned = sentence
            .owner
            .is_some_and(|owner| at - owner <= OWNER_REACHES);
        // `She is Korean`: a weak word that somebody is said to be is a strong one.
        let stated = matches!(
            before(1),
            Some("am" | "m" | "is" | "are" | "re" | "half" | "part" | "was" | "only")
        );
        for (entry, cue) in fitting {
            if let Cue::Topic(topic, weight) = cue {
                let weight = if stated { 2.0 } else { f32::from(*weight) };
                sentence.hit(*topic, *entry, weight, at, owned);
            }
        }
        sentence.personal |= sentence.somebody >= 1.0
            || sentence
                .subject
                .is_some_and(|subject| subject.surely >= 1.0);
    }

    /// A word that lies in a span.
    pub(super) fn mention(&mut self, at: usize, mention: Mention) {
        let sentence = &mut self.sentence;
        sentence.begun = true;
        match mention {
            Mention::Person => {
                sentence.somebody = 1.0;
                sentence.personal = true;
            }
            Mention::Age { minor } => {
                if minor {
                    let owned = sentence
                        .owner
                        .is_some_and(|owner| at - owner <= OWNER_REACHES);
                    // No entry of the table has this number.
                    sentence.hit(Topic::Minors, usize::MAX, 2.0, at, owned);
                }
                sentence.somebody = sentence.somebody.max(HALF);
            }
            Mention::Nothing => {}
        }
    }

    /// The sentence ends, with a question mark or not.
    pub(super) fn end(&mut self, asked: bool) {
        let mut sentence = std::mem::take(&mut self.sentence);
        if !sentence.begun {
            return;
        }
        let late = sentence.late_support();
        let carried = self.carried && !asked && !sentence.asks;
        for hit in &mut sentence.hits {
            hit.support = hit.support.max(late);
            if carried {
                hit.support = hit.support.max(CARRIED);
            }
            if (sentence.explains && !hit.owned) || (self.fiction && !hit.real) {
                hit.support *= WEAKENED;
            }
        }
        sentence.hits.sort_by(|a, b| {
            let by_entry = (a.topic, a.entry).cmp(&(b.topic, b.entry));
            by_entry.then(b.support.total_cmp(&a.support))
        });
        sentence.hits.dedup_by_key(|hit| (hit.topic, hit.entry));
        let mut sums = [0.0; Topic::NAMES.len()];
        for hit in &sentence.hits {
            sums[hit.topic as usize] += hit.weight * hit.support;
        }
        for (topic, _) in Topic::NAMES {
            let sum = sums[topic as usize];
            if sum > 0.0 && sum + self.before[topic as usize] * HALF >= ENOUGH {
                self.found.insert(topic);
            }
        }
        self.before = sums;
        self.carried = sentence.personal;
    }
}

impl Sentence {
    fn hit(&mut self, topic: Topic, entry: usize, weight: f32, at: usize, owned: bool) {
        let near = |subject: &Subject| at - subject.at <= SUBJECT_REACHES;
        let subject = self.subject.filter(near);
        let owner = if self.owner.is_some() { HALF } else { 0.0 };
        let support = match (owned, subject) {
            (true, _) => 1.0,
            (false, Some(subject)) => owner.max(self.somebody).max(subject.surely),
            (false, None) => owner.max(self.somebody),
        };
        self.personal |= owned;
        self.hits.push(Hit {
            topic,
            entry,
            weight,
            support,
            real: owned || subject.is_some_and(|subject| subject.speaks),
            owned,
        });
    }

    /// What its end says of words that came before.
    fn late_support(&self) -> f32 {
        let pointed = self.owner.is_some() || self.subject.is_some();
        let pointed = if pointed { HALF } else { 0.0 };
        self.somebody.max(pointed)
    }
}
