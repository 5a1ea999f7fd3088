//! Host names and URLs.

use std::ops::Range;

use query::EntityKind;

use super::is_word;
use crate::detect::Span;

/// Endings that a host name has without a scheme before it. Others are names of members (`user.id`,
/// `self.online`), file types (`main.rs`) or words after a full stop whose space is missing (`so.it`).
#[rustfmt::skip]
const ENDINGS: [&str; 56] = [
    "com", "org", "net", "edu", "gov", "mil", "biz", "io", "co", "ai", "dev", "xyz", "uk", "de", "fr", "nl", "es",
    "ch", "eu", "se", "dk", "fi", "cz", "au", "ca", "nz", "jp", "cn", "kr", "ru", "br", "mx", "ie", "gr", "hu", "ro",
    "tr", "za", "sg", "hk", "tw", "ua", "bg", "sk", "si", "lv", "ee", "cl", "pe", "ve", "uy", "cy", "lu", "ir", "ae",
    "ke",
];
/// Before an ending of any country: `example.co.in`.
const SECOND_LEVELS: [&str; 7] = ["co", "com", "org", "net", "gov", "edu", "ac"];
/// Products that are written like host names.
const PRODUCTS: [&str; 3] = ["asp.net", "ado.net", "vb.net"];

/// Adds host names, with the scheme and path around them.
pub(super) fn scan(text: &str, spans: &mut Vec<Span>) {
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.');
    let mut at = 0;
    while let Some(found) = text[at..].find(is_host) {
        let start = at + found;
        let end = text[start..]
            .find(|c| !is_host(c))
            .map_or(text.len(), |length| start + length);
        at = end;
        if let Some((range, score)) = judge(text, start, end) {
            // A path may hold what looks like another host.
            at = range.end.max(end);
            spans.push(Span {
                range,
                kind: EntityKind::Domain,
                score,
            });
        }
    }
}

/// Judges a run of letters, digits, dots and dashes.
fn judge(text: &str, start: usize, end: usize) -> Option<(Range<usize>, f32)> {
    let run = text[start..end].trim_start_matches(['.', '-']);
    let start = end - run.len();
    let host = run.trim_end_matches(['.', '-']);
    let host_end = start + host.len();
    let (rest, ending) = host.rsplit_once('.')?;
    let valid = host.split('.').all(|label| {
        !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    }) && ending.chars().all(char::is_alphabetic)
        && ending.chars().count() > 1
        && rest.contains(char::is_alphabetic);
    let after = text[host_end..].chars().next();
    // What stands before `@` is part of an address or a secret.
    if !valid || after == Some('@') {
        return None;
    }

    let before = word_before(text, start);
    let (from, score) = if let Some(from) = url_start(before) {
        (start - before.len() + from, 0.8)
    } else {
        let joined = before.ends_with(|c| !matches!(c, '=' | ':' | '*' | '“' | '‘' | '|' | '{'))
            || after.is_some_and(|c| is_word(c) || matches!(c, '(' | '\\'));
        let host = host.to_lowercase();
        match host.strip_prefix("www.") {
            _ if joined => return None,
            Some(rest) if rest.contains('.') => (start, 0.75),
            _ if is_plausible(&host, rest, ending) => (start, 0.6),
            _ => return None,
        }
    };
    Some((from..host_end + path(&text[host_end..]), score))
}

/// What is written on to the left of a place.
fn word_before(text: &str, end: usize) -> &str {
    // Nobody's name and password are longer, and a text without spaces must not be walked again and again.
    let near = &text[text.floor_char_boundary(end.saturating_sub(256))..end];
    near.rsplit(|c: char| c.is_whitespace() || "\"'<>()[]`,".contains(c))
        .next()
        .unwrap_or_default()
}

/// Where a URL starts whose host is next: at its scheme, or, if there is a name and a password, which are
/// another kind's, at the host.
fn url_start(before: &str) -> Option<usize> {
    let scheme_end = before.rfind("://")?;
    let between = &before[scheme_end + 3..];
    if between.is_empty() {
        let scheme = before[..scheme_end]
            .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        return Some(scheme.len());
    }
    (between.ends_with('@') && !between.contains(['/', '?', '#'])).then_some(before.len())
}

/// A lower-case host that ends as hosts do, and not as names in source code or files.
fn is_plausible(host: &str, rest: &str, ending: &str) -> bool {
    let second = rest.rsplit('.').next().unwrap_or_default();
    let is_listed = ENDINGS.contains(&ending) && second.len() > 1 && !PRODUCTS.contains(&host);
    let is_country = ending.len() == 2
        && ending.bytes().all(|byte| byte.is_ascii_lowercase())
        && rest.contains('.')
        && SECOND_LEVELS.contains(&second);
    is_listed || is_country
}

/// The length of the port, path and query that follow a host.
fn path(text: &str) -> usize {
    let digits = text.strip_prefix(':').map_or(0, |port| {
        port.bytes().take_while(u8::is_ascii_digit).count()
    });
    let port = if digits > 0 { digits + 1 } else { 0 };
    let rest = &text[port..];
    if !rest.starts_with(['/', '?', '#']) {
        return port;
    }
    let length = rest
        .find(|c: char| c.is_whitespace() || "\"'<>()[]{}`|\\^»”’".contains(c))
        .unwrap_or(rest.len());
    port + rest[..length]
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_'])
        .len()
}
