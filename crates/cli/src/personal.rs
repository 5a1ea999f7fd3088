//! What is personal in one text, as the commands tell it: offsets count Unicode code points.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use privacy::{Detector, Findings, Tagger, Vault, find_with, least};
use query::{
    ChatRequest, EntityKind, Message, PrivacyClass, PrivacyLevel, PrivacyRules, Replaced, Role,
};
use serde::Serialize;

/// What the tagger learned.
const TAGGER: &[u8] = include_bytes!("../../privacy/weights/tagger.bin");

/// How carefully personal data is handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Everything found leaves behind a placeholder; secrets that would let someone in stay.
    #[default]
    Balanced,
    /// Numbers that name a person or an account stay, too, and the most personal topics.
    Careful,
}

impl From<Level> for PrivacyLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Balanced => Self::Balanced,
            Level::Careful => Self::Careful,
        }
    }
}

/// How to look for personal data.
#[derive(Args)]
pub(crate) struct Options {
    /// How carefully personal data is handled.
    #[arg(long = "privacy", value_name = "LEVEL", value_enum, default_value_t)]
    level: Level,
    /// Rules of an app instead, as JSON: `{"preset", "kinds", "topics", "terms", "replace"}`, each of which may be
    /// missing.
    #[arg(long, value_name = "FILE", conflicts_with = "level")]
    rules: Option<PathBuf>,
    /// Without the tagger: only what patterns and check digits prove, no names and places.
    #[arg(long)]
    patterns_only: bool,
}

impl Options {
    /// What looks for it.
    ///
    /// # Errors
    /// If the rules cannot be read, or would be ignored.
    pub(crate) fn finder(&self) -> anyhow::Result<Finder> {
        let rules = match &self.rules {
            Some(path) => read_rules(path).with_context(|| path.display().to_string())?,
            None => PrivacyLevel::from(self.level).into(),
        };
        let file = self.rules.as_deref().and_then(Path::file_name);
        let detector = if self.patterns_only {
            Detector::default()
        } else {
            #[expect(clippy::expect_used, reason = "a test reads the same bytes")]
            let tagger = Tagger::from_bytes(TAGGER).expect("the weights that ship are whole");
            Detector::new(tagger)
        };
        Ok(Finder {
            setting: Setting {
                privacy: rules.preset,
                rules: file.map(|name| name.to_string_lossy().into_owned()),
            },
            rules,
            detector,
        })
    }
}

/// An app's rules.
fn read_rules(path: &Path) -> anyhow::Result<PrivacyRules> {
    let rules: PrivacyRules = serde_json::from_str(&fs::read_to_string(path)?)?;
    let lower = |(kind, class): (&EntityKind, &PrivacyClass)| *class < least(*kind);
    if let Some((kind, _)) = rules.kinds.iter().find(|entry| lower(*entry)) {
        bail!(
            "kinds.{}: no rule makes this public or laxer than it always is; leave it out",
            kind.name()
        );
    }
    for (index, term) in rules.terms.iter().enumerate() {
        if term.text.trim().is_empty() {
            bail!("terms[{index}].text: is empty; give the text to look for");
        }
        if lower((&term.kind, &term.class)) {
            bail!(
                "terms[{index}].class: no rule makes {} public or laxer than it always is; choose another kind",
                term.kind.name()
            );
        }
    }
    Ok(rules)
}

/// What a report says of how personal data was handled.
#[derive(Clone, Serialize)]
pub(crate) struct Setting {
    privacy: PrivacyLevel,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<String>,
}

/// Looks for personal data.
pub(crate) struct Finder {
    pub(crate) setting: Setting,
    rules: PrivacyRules,
    detector: Detector,
}

impl Finder {
    /// What is personal in a [`request`], as it begins a conversation.
    pub(crate) fn find<'r>(&self, request: &'r ChatRequest) -> Findings<'r> {
        find_with(&self.detector, request, &self.rules, &Vault::new())
    }

    /// How it is handled.
    pub(crate) fn rules(&self) -> &PrivacyRules {
        &self.rules
    }
}

#[cfg(test)]
impl Finder {
    /// Patterns alone, balanced.
    pub(crate) fn for_tests() -> Self {
        let level = Level::Balanced;
        let options = Options {
            level,
            rules: None,
            patterns_only: true,
        };
        options.finder().unwrap()
    }
}

/// A piece of personal data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Span {
    /// The first code point.
    pub(crate) start: usize,
    /// The first code point after it.
    pub(crate) end: usize,
    #[serde(rename = "type")]
    pub(crate) kind: EntityKind,
    /// How sure, 0 to 1.
    pub(crate) score: f32,
    pub(crate) class: PrivacyClass,
}

/// A text as it would leave.
pub(crate) struct Masked {
    /// With a placeholder for everything that is not public, whatever its class.
    pub(crate) text: String,
    /// The placeholders, each once.
    pub(crate) replaced: Vec<Replaced>,
    /// Something in it never leaves: Tidegate would refuse to send even this.
    pub(crate) blocked: bool,
}

/// The text as the only message of a conversation: what `privacy` looks at.
pub(crate) fn request(text: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![Message::new(Role::User, text)],
        ..ChatRequest::default()
    }
}

/// The findings, in order of place.
pub(crate) fn spans(findings: &Findings<'_>) -> Vec<Span> {
    let messages = &findings.request().messages;
    let text = messages.first().map_or("", |message| &message.content);
    let mut code_points = CodePoints::new(text);
    let mut spans: Vec<Span> = findings
        .list()
        .into_iter()
        .map(|finding| Span {
            start: code_points.at(finding.start as usize),
            end: code_points.at(finding.end as usize),
            kind: finding.kind,
            score: finding.score,
            class: finding.class,
        })
        .collect();
    spans.sort_by_key(|span| (span.start, span.end));
    spans
}

/// Swaps the findings for placeholders.
pub(crate) fn mask(findings: &Findings<'_>) -> Masked {
    let preview = privacy::preview(findings, &Vault::new());
    let text = preview.messages.into_iter().map(|message| message.text);
    Masked {
        text: text.collect(),
        replaced: preview.replaced,
        blocked: preview.blocked,
    }
}

/// Byte offsets of a text as code points. The text is walked once if they are asked in ascending order.
struct CodePoints<'t> {
    text: &'t str,
    /// The last offset asked, and the code points before it.
    byte: usize,
    count: usize,
}

impl<'t> CodePoints<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            byte: 0,
            count: 0,
        }
    }

    /// The code points before a byte; one in the middle of a code point counts from that one's start.
    fn at(&mut self, byte: usize) -> usize {
        let byte = self.text.floor_char_boundary(byte);
        if byte < self.byte {
            (self.byte, self.count) = (0, 0);
        }
        self.count += self.text[self.byte..byte].chars().count();
        self.byte = byte;
        self.count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offsets_count_code_points() {
        // é: 2 bytes; 🦀: 4 bytes; e and a combining accent: two code points.
        let request = request("é🦀e\u{301} ada@example.com, 203.0.113.7");
        let finder = Finder::for_tests();
        let findings = finder.find(&request);
        let spans = spans(&findings);
        let places: Vec<_> = spans
            .iter()
            .map(|span| (span.start, span.end, span.kind))
            .collect();
        assert_eq!(
            places,
            [(5, 20, EntityKind::Email), (22, 33, EntityKind::IpAddress)]
        );
    }

    #[test]
    fn what_never_leaves_is_masked_too_and_said() {
        let request = request("https://ada:hunter2@example.com");
        let masked = mask(&Finder::for_tests().find(&request));
        assert!(masked.blocked);
        assert!(!masked.text.contains("hunter2"), "{}", masked.text);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Both ways, in any order of asking.
        #[test]
        fn offsets_round_trip(text in "\\PC{0,80}", order in prop::collection::vec(any::<prop::sample::Index>(), 1..20)) {
            let mut code_points = CodePoints::new(&text);
            for index in order {
                let byte = text.floor_char_boundary(index.index(text.len() + 1));
                let code_point = code_points.at(byte);
                let back: usize = text.chars().take(code_point).map(char::len_utf8).sum();
                prop_assert_eq!(back, byte);
            }
            prop_assert_eq!(code_points.at(text.len()), text.chars().count());
        }
    }
}
