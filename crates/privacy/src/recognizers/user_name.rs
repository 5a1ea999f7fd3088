//! Handles: `@ada_l`. Names of accounts after words such as `username:` are found by their labels.

use query::EntityKind;

use super::{has_context, is_word, raised};
use crate::detect::Span;

const WORDS: [&str; 20] = [
    "twitter",
    "instagram",
    "insta",
    "tiktok",
    "telegram",
    "mastodon",
    "reddit",
    "github",
    "discord",
    "snapchat",
    "threads",
    "follow",
    "following",
    "followed",
    "tweet",
    "tweeted",
    "handle",
    "dm",
    "retweet",
    "username",
];
/// After `@` in source code and style sheets.
const KEYWORDS: [&str; 24] = [
    "param",
    "return",
    "returns",
    "override",
    "property",
    "media",
    "import",
    "charset",
    "fontface",
    "keyframes",
    "supports",
    "test",
    "autowired",
    "component",
    "service",
    "staticmethod",
    "classmethod",
    "dataclass",
    "interface",
    "deprecated",
    "throws",
    "see",
    "everyone",
    "here",
];

/// Adds handles.
pub(super) fn scan(text: &str, spans: &mut Vec<Span>) {
    for (start, _) in text.match_indices('@') {
        let rest = &text[start + 1..];
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.')))
            .unwrap_or(rest.len());
        let name = rest[..length].trim_end_matches('.');
        let end = start + 1 + name.len();
        let joined = text[..start].ends_with(|c: char| {
            is_word(c) || matches!(c, '@' | '.' | '-' | '+' | '/' | ':' | '%')
        }) || text[end..]
            .starts_with(|c: char| is_word(c) || matches!(c, '/' | '(' | '-' | '@' | '='));
        let is_keyword = KEYWORDS.contains(&name.to_lowercase().as_str());
        if joined
            || is_keyword
            || !(3..=30).contains(&name.len())
            || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        {
            continue;
        }
        let range = start..end;
        let score = if name.contains(|c: char| c.is_ascii_digit() || c == '_') {
            0.55
        } else {
            0.3
        };
        let near = has_context(text, &range, &WORDS);
        spans.push(Span {
            range,
            kind: EntityKind::UserName,
            score: raised(score, near),
        });
    }
}
