//! API keys, tokens and private keys: by the prefixes that their issuers gave them so that they can be
//! found, by form (JSON Web Token, PEM), or because the text calls them a secret.

use query::EntityKind;

use super::{Candidate, Hit, Recognizer};

pub(super) const RECOGNIZER: Recognizer = Recognizer {
    kind: EntityKind::ApiKey,
    patterns: &[
        PREFIXED,
        AWS,
        JWT,
        PEM,
        ASSIGNED_KEY,
        ASSIGNED_PASSWORD,
        BEARER,
    ],
    needs: &['-', '_', '.', ':', '=', 'A', ' '],
    judge,
    context: &[
        "key",
        "token",
        "secret",
        "api",
        "bearer",
        "authorization",
        "credential",
        "credentials",
    ],
};

/// OpenAI, Anthropic and those who copied them; GitHub, GitLab, Hugging Face, npm, PyPI, Slack, Stripe,
/// Shopify, DigitalOcean, Google, SendGrid, Groq, xAI, Replicate, age.
const PREFIXED: &str = r"(?:sk-|gh[pousr]_|github_pat_|glpat-|hf_|npm_|pypi-|xox[abeoprs]-|[sr]k_(?:live|test)_|whsec_|shp(?:at|ca|pa|ss)_|dop_v1_|AIza|ya29\.|SG\.|gsk_|xai-|r8_|AGE-SECRET-KEY-1)[A-Za-z0-9_\-.]+";
/// Amazon's access key ids.
const AWS: &str = r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}";
/// RFC 7519: base64url of `{"…` twice, then the signature.
const JWT: &str = r"eyJ[A-Za-z0-9_\-]+\.eyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*";
/// RFC 7468; a block that is cut off goes to the end of the text.
const PEM: &str = r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$)";
const ASSIGNED_KEY: &str = r#"(?i)\b(?:api[_\- ]?key|secret|(?:secret|access|auth|client)[_\- ]?(?:key|token|secret)|token)["']?[ \t]*(?:=>|:=|[:=]|\bis\b)[ \t]*["'`]?([^\s"'`<>(){}\[\],;]+)"#;
const ASSIGNED_PASSWORD: &str = r#"(?i)(?:passw(?:or)?d|passphrase|passwort|kennwort|\bpwd|\bpass)["']?[ \t]*(?:=>|:=|[:=]|\bis\b|\bist\b)[ \t]*["'`]?([^\s"'`<>(){}\[\],;]+)"#;
const BEARER: &str = r"(?i)\bbearer[ \t]+([A-Za-z0-9_\-.~+/]+=*)";

/// By pattern: the fewest characters, and the score.
const LEAST: [(usize, f32); 7] = [
    (20, 0.95),
    (20, 0.95),
    (20, 0.95),
    (20, 1.0),
    (12, 0.7),
    (6, 0.7),
    (20, 0.8),
];
/// Parts of the above.
const PREFIXED_INDEX: usize = 0;
const AWS_INDEX: usize = 1;
const ASSIGNED_INDEX: usize = 4;

fn judge(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    // The end of the sentence is not part of it; `!` may be part of a password.
    let text = candidate.as_str().trim_end_matches(['.', ',']);
    let (shortest, score) = LEAST[candidate.pattern];
    if text.len() < shortest {
        return;
    }
    // Words such as `sk-learn` have no digit; a digit alone is a count, not a secret.
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    let looks_random = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let whole = match candidate.pattern {
        PREFIXED_INDEX => looks_random && !candidate.before().is_some_and(char::is_alphanumeric),
        AWS_INDEX => candidate.is_word(),
        ASSIGNED_INDEX.. => looks_random,
        _ => true,
    };
    if whole {
        hits.push(Hit {
            range: candidate.range.start..candidate.range.start + text.len(),
            score,
        });
    }
}
