//! IPv4 and IPv6 addresses, without loopback and unspecified ones, which name nobody.

use std::net::{Ipv4Addr, Ipv6Addr};

use query::EntityKind;

use super::{Candidate, Hit, Recognizer, has_digits};

pub(super) const RECOGNIZER: Recognizer = Recognizer {
    kind: EntityKind::IpAddress,
    patterns: &[
        r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}",
        r"[0-9A-Fa-f:]+:[0-9A-Fa-f:.]*",
    ],
    inside: |c| c.is_ascii_hexdigit() || matches!(c, '.' | ':'),
    needs: |run| run.contains(['.', ':']) && has_digits(run, 1),
    judge,
    context: &[
        "ip", "ips", "ipv4", "ipv6", "host", "server", "address", "ping", "ssh", "client", "login",
        "adresse",
    ],
};

const VERSION_WORDS: [&str; 6] = ["v", "version", "release", "ver", "build", "versions"];

fn judge(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    match candidate.pattern {
        0 => v4(candidate, hits),
        _ => v6(candidate, hits),
    }
}

fn v4(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    let Ok(address) = candidate.as_str().parse::<Ipv4Addr>() else {
        return;
    };
    // A port or a prefix length may follow, another number with a dot may not.
    let mut after = candidate.text[candidate.range.end..].chars();
    let runs_on = match after.next() {
        Some('.') => after.next().is_some_and(|c| c.is_ascii_digit()),
        next => next.is_some_and(char::is_alphanumeric),
    };
    let runs_in = candidate
        .before()
        .is_some_and(|c| c.is_alphanumeric() || c == '.');
    if runs_on
        || runs_in
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_broadcast()
    {
        return;
    }
    let previous = candidate.text[..candidate.range.start]
        .split_whitespace()
        .next_back()
        .unwrap_or_default();
    let is_version = VERSION_WORDS.contains(&previous.trim_matches([':', '(', '=']).to_lowercase().as_str())
        // Parts of versions are small.
        && address.octets().iter().all(|octet| *octet < 100);
    hits.push(candidate.hit(if is_version { 0.1 } else { 0.7 }));
}

fn v6(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    let text = candidate.as_str();
    // Punctuation of the sentence: `is 2001:db8::1.` and `fe80::1: unreachable`.
    let text = text.trim_end_matches('.');
    let text = if text.ends_with("::") {
        text
    } else {
        text.trim_end_matches(':')
    };
    let Ok(address) = text.parse::<Ipv6Addr>() else {
        return;
    };
    let range = candidate.range.start..candidate.range.start + text.len();
    let runs_on = candidate.text[range.end..].starts_with(char::is_alphanumeric);
    let runs_in = candidate.before().is_some_and(char::is_alphanumeric);
    // `a::b` is code, not an address.
    let like_code = !text.bytes().any(|byte| byte.is_ascii_digit())
        || text.bytes().filter(u8::is_ascii_hexdigit).count() < 4;
    if !(runs_on || runs_in || like_code || address.is_loopback() || address.is_unspecified()) {
        hits.push(Hit { range, score: 0.8 });
    }
}
