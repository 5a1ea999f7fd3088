//! E-mail addresses (RFC 5321 §4.1.2, RFC 6531 for non-ASCII), without quoted local parts.

use query::EntityKind;

use super::{Candidate, Hit, Recognizer};

pub(super) const RECOGNIZER: Recognizer = Recognizer {
    kind: EntityKind::Email,
    // Whatever is not white space or punctuation that ends an address in prose, around one `@`.
    patterns: &[
        r#"[^\s\x{a0}\x{2000}-\x{206f}\x{3000}-\x{303f}@<>()\[\]{},;:"|\\/=&?]+@[^\s\x{a0}\x{2000}-\x{206f}\x{3000}-\x{303f}@<>()\[\]{},;:"|\\/=&?]+"#,
    ],
    inside: |c| !c.is_ascii_whitespace(),
    needs: |run| run.contains('@'),
    judge,
    context: &[
        "email", "e", "mail", "address", "contact", "write", "correo", "courriel", "adresse",
    ],
};

/// File types in names such as `icon@2x.png`: no top-level domains.
const FILE_TYPES: [&str; 10] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "json", "html",
];

fn judge(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    let Some((left, right)) = candidate.as_str().split_once('@') else {
        return;
    };
    let local = local_part(left);
    let domain = domain(right);
    let Some((_, top)) = domain.rsplit_once('.') else {
        return;
    };
    let labels_valid = domain.split('.').all(|label| {
        !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    });
    let top_valid = top.chars().count() >= 2
        && (top.starts_with("xn--") || top.chars().all(char::is_alphabetic))
        && !FILE_TYPES.contains(&top);
    let is_remote = local == "git" && candidate.text[candidate.range.end..].starts_with(':');
    if local.is_empty()
        || local.len() > 64
        || domain.len() > 255
        || !labels_valid
        || !top_valid
        || is_remote
    {
        return;
    }
    let start = candidate.range.start + left.len() - local.len();
    if !in_user_info(&candidate.text[..start]) {
        let end = candidate.range.start + left.len() + 1 + domain.len();
        hits.push(Hit {
            range: start..end,
            score: 0.9,
        });
    }
}

/// The end of the text: without the quotes and Markdown before it, and without the prose of scripts that put
/// no spaces between words.
fn local_part(text: &str) -> &str {
    let prose = text
        .char_indices()
        .rfind(|(_, c)| is_unspaced(*c))
        .map(|(at, c)| at + c.len_utf8());
    let text = match prose {
        Some(end) if end < text.len() => &text[end..],
        _ => text,
    };
    text.trim_start_matches(['\'', '`', '*', '_', '~', '.', '!', '#', '-'])
}

/// The longest domain name at the start.
fn domain(text: &str) -> &str {
    let ascii_first = text.starts_with(|c: char| c.is_ascii());
    let end = text
        .find(|c: char| {
            !(c.is_alphanumeric() || c == '-' || c == '.') || (ascii_first && is_unspaced(c))
        })
        .unwrap_or(text.len());
    text[..end].trim_end_matches(['.', '-'])
}

/// Thai, kana, CJK, Hangul, full-width forms.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{ff00}'..='\u{ffef}')
}

/// In `https://user:secret@host` the part before `@` is a credential; that recognizer takes it.
fn in_user_info(before: &str) -> bool {
    // No name and password are longer, and a text without spaces must not be walked again and again.
    let near = &before[before.floor_char_boundary(before.len().saturating_sub(256))..];
    let word = near.rsplit(char::is_whitespace).next().unwrap_or_default();
    word.rsplit_once("://")
        .is_some_and(|(_, rest)| !rest.contains(['/', '?', '#']))
}
