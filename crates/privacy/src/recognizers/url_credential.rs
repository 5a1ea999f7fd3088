//! User name and password inside a URL (RFC 3986 §3.2.1): `https://user:secret@host`.

use query::EntityKind;

use super::{Candidate, Hit, Recognizer};

pub(super) const RECOGNIZER: Recognizer = Recognizer {
    kind: EntityKind::UrlCredential,
    // The user information alone, so that the model still sees which host is meant.
    patterns: &[r#"://([^\s/?#"'<>]+)@"#],
    inside: |c| !c.is_ascii_whitespace(),
    needs: |run| run.contains("://") && run.contains('@'),
    judge,
    context: &["password", "credentials", "login"],
};

/// A user name alone is a secret only if it is a token.
const SHORTEST_TOKEN: usize = 16;

fn judge(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    let user_info = candidate.as_str();
    let is_secret = match user_info.split_once(':') {
        Some((_, password)) => !password.is_empty(),
        None => {
            user_info.len() >= SHORTEST_TOKEN && user_info.bytes().any(|byte| byte.is_ascii_digit())
        }
    };
    if is_secret {
        hits.push(candidate.hit(0.95));
    }
}
