//! Everything personal in a whole request.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
};

use query::{
    ChatRequest, EntityKind, Finding, PrivacyClass, PrivacyLevel, PrivacyRules, ReplaceWith, Role,
    Strictest, Topic, TopicFinding,
};

use crate::{
    AttestedEndpoint, Vault,
    detect::{Detector, Span},
    known::Known,
    presets::{class_of, class_of_topic, preset},
    recognizers::amounts,
    replace::in_answers,
    terms::Terms,
    topics::topics,
};

/// What is personal in a request, and how far it may go. Only [`find`] makes one, so that what is released
/// has always been looked at.
pub struct Findings<'r> {
    pub(crate) request: &'r ChatRequest,
    /// One list for each message.
    pub(crate) messages: Vec<Vec<Classed>>,
    /// One list for each stop text: they leave, too.
    pub(crate) stops: Vec<Vec<Classed>>,
    /// What the messages are about, each topic once.
    pub(crate) topics: Vec<TopicFinding>,
    /// The fingerprint of the key to which it would go, if that was attested.
    pub(crate) attested: Option<String>,
    /// What leaves in the place of a kind's values, where that is no plain placeholder.
    pub(crate) replace: BTreeMap<EntityKind, ReplaceWith>,
}

/// A span and how far it may go.
#[derive(Clone, Debug)]
pub(crate) struct Classed {
    pub(crate) range: Range<usize>,
    pub(crate) kind: EntityKind,
    pub(crate) class: PrivacyClass,
    pub(crate) score: f32,
}

/// Finds what is personal in a request: what the recognizers see, every value that was seen elsewhere in the
/// conversation, be it in this request or earlier (then the vault knows it), the app's own terms, and topics.
pub fn find<'r>(request: &'r ChatRequest, level: PrivacyLevel, vault: &Vault) -> Findings<'r> {
    find_with(&Detector::default(), request, &level.into(), vault)
}

/// [`find`] with what a detector sees, by an app's rules.
pub fn find_with<'r>(
    detector: &Detector,
    request: &'r ChatRequest,
    rules: &PrivacyRules,
    vault: &Vault,
) -> Findings<'r> {
    let contents = request
        .messages
        .iter()
        .map(|message| message.content.as_str());
    let stops = request.stop_texts().iter().map(String::as_str);
    let texts: Vec<&str> = contents.chain(stops).collect();

    let mut replace = preset(rules.preset).replace.clone();
    replace.extend(&rules.replace);

    let mut found: Vec<Vec<Span>> = texts
        .iter()
        .map(|text| detector.detect(text, rules.preset))
        .collect();
    let amount = EntityKind::Amount;
    if rules.kinds.contains_key(&amount) || replace.contains_key(&amount) {
        for (text, spans) in texts.iter().zip(&mut found) {
            spans.append(&mut amounts(text, spans));
            spans.sort_by_key(|span| span.range.start);
        }
    }
    // A number that one sentence calls a telephone number is one in the next sentence, too.
    let mut known = Known::default();
    for (value, kind) in vault.values() {
        // What was masked by hand is masked as long as the person wants it.
        if !vault.edits.masked_by_hand(value) {
            known.insert(value, kind);
        }
    }
    for (text, spans) in texts.iter().zip(&found) {
        for span in spans {
            // Another `42` is no age.
            if span.kind != EntityKind::Age {
                known.insert(&text[span.range.clone()], span.kind);
            }
        }
    }
    for (text, spans) in texts.iter().zip(&mut found) {
        known.add_to(text, spans);
    }
    // A surrogate's parts were put back in earlier answers, each as a part of a value.
    let mut ways = replace.values();
    if ways.any(|way| *way == ReplaceWith::Surrogate) {
        let forms: Vec<_> = vault
            .values()
            .filter(|(value, _)| !vault.edits.masked_by_hand(value))
            .flat_map(|(value, kind)| {
                in_answers(kind, value)
                    .into_iter()
                    .map(move |form| (form, kind))
            })
            .collect();
        let mut parts = Known::default();
        for (form, kind) in &forms {
            parts.insert(form.as_str(), *kind);
        }
        let answers = request.messages.iter().zip(&mut found);
        for (message, spans) in answers.filter(|(message, _)| message.role == Role::Assistant) {
            parts.add_to(&message.content, spans);
        }
    }

    let about: BTreeSet<Topic> = request
        .messages
        .iter()
        .zip(&found)
        .flat_map(|(message, spans)| topics(&message.content, spans))
        .collect();
    let classify_topic = |topic| TopicFinding {
        topic,
        class: class_of_topic(topic, rules),
    };

    // What is to be replaced is not public.
    let least = |kind| match replace.get(&kind) {
        Some(_) => PrivacyClass::PreferNot,
        None => PrivacyClass::Public,
    };
    let classify = |span: Span| Classed {
        class: class_of(span.kind, rules).max(least(span.kind)),
        range: span.range,
        kind: span.kind,
        score: span.score,
    };
    let terms = Terms::new(&rules.terms);
    let hidden = vault.edits.hidden(rules);
    let mut classed = texts.iter().zip(found).map(|(text, spans)| {
        let mut classed = spans.into_iter().map(classify).collect();
        terms.add_to(text, &mut classed);
        vault.edits.show(text, &mut classed);
        hidden.add_to(text, &mut classed);
        classed
    });
    Findings {
        request,
        messages: classed.by_ref().take(request.messages.len()).collect(),
        stops: classed.collect(),
        topics: about.into_iter().map(classify_topic).collect(),
        attested: None,
        replace,
    }
}

impl<'r> Findings<'r> {
    /// The request that was looked at.
    pub fn request(&self) -> &'r ChatRequest {
        self.request
    }

    /// The findings in the messages, in order, offsets in UTF-8 bytes.
    pub fn list(&self) -> Vec<Finding> {
        // Offsets are u32 in the page's types: a wasm memory ends at 4 GiB.
        let finding = |message: usize, found: &Classed| Finding {
            message: message as u32,
            start: found.range.start as u32,
            end: found.range.end as u32,
            kind: found.kind,
            class: found.class,
            score: found.score,
        };
        let messages = self.messages.iter().enumerate();
        messages
            .flat_map(|(index, list)| list.iter().map(move |found| finding(index, found)))
            .collect()
    }

    /// What the messages are about that calls for care, each topic once.
    pub fn topics(&self) -> &[TopicFinding] {
        &self.topics
    }

    /// How far the whole request may go.
    pub fn strictest(&self) -> Strictest {
        let found = || self.messages.iter().chain(&self.stops).flatten();
        let topics = || self.topics.iter();
        let classes = found().map(|found| found.class);
        let classes = classes.chain(topics().map(|topic| topic.class));
        let class = classes.max().unwrap_or(PrivacyClass::Public);
        let kinds: BTreeSet<EntityKind> = found()
            .filter(|found| found.class == class)
            .map(|found| found.kind)
            .collect();
        let topics = topics().filter(|topic| topic.class == class);
        Strictest {
            class,
            kinds: kinds.into_iter().collect(),
            topics: topics.map(|topic| topic.topic).collect(),
        }
    }

    /// The same for an endpoint that was attested: what is [`PrivacyClass::Restricted`] may leave for it, as long as its
    /// evidence is fresh. `now_ms` is of the clock that the evidence was accepted by.
    #[must_use]
    pub fn for_attested(self, endpoint: &AttestedEndpoint, now_ms: f64) -> Self {
        Self {
            attested: endpoint.is_fresh(now_ms).then(|| endpoint.key().to_owned()),
            ..self
        }
    }

    /// Whether it would go to an endpoint that was attested.
    pub fn are_for_attested(&self) -> bool {
        self.attested.is_some()
    }

    /// Something here may not leave, not even behind a placeholder.
    pub fn blocked(&self) -> bool {
        self.refusal().is_some()
    }

    /// What may not leave, if something may not.
    pub(crate) fn refusal(&self) -> Option<Strictest> {
        let strictest = self.strictest();
        let stays = match strictest.class {
            PrivacyClass::NeverLeaves => true,
            PrivacyClass::Restricted => self.attested.is_none(),
            PrivacyClass::PreferNot | PrivacyClass::Public => false,
        };
        stays.then_some(strictest)
    }
}

impl fmt::Debug for Findings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Findings")
            .field("messages", &self.messages)
            .field("stops", &self.stops)
            .field("topics", &self.topics)
            .finish()
    }
}
