//! API keys, tokens, passwords and private keys: by the prefixes that their issuers gave them so that they can
//! be found, by form (JSON Web Token, PEM), or because the text calls them a secret.

use query::EntityKind;

use super::{CONTEXT_BONUS, Candidate, Hit, Recognizer, has_context, word_starts};
use crate::detect::Span;

pub(super) const RECOGNIZER: Recognizer = Recognizer {
    kind: EntityKind::ApiKey,
    patterns: &[PEM, ASSIGNED_KEY, ASSIGNED_PASSWORD, BEARER],
    // A secret may stand far from the word that calls it one.
    inside: |_| true,
    needs: |text| {
        let lower = text.to_ascii_lowercase();
        NEEDED.iter().any(|word| lower.contains(word))
    },
    judge,
    context: &CONTEXT,
};

const CONTEXT: [&str; 9] = [
    "key",
    "token",
    "secret",
    "api",
    "apikey",
    "bearer",
    "authorization",
    "credential",
    "credentials",
];

/// One of them is in whatever the patterns match, in lower case.
const NEEDED: [&str; 10] = [
    "pass",
    "pw",
    "kennwort",
    "mot de",
    "contrase",
    "secret",
    "token",
    "key",
    "credential",
    "bearer",
];
/// RFC 7468; a block that is cut off goes to the end of the text.
const PEM: &str = r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$)";
const ASSIGNED_KEY: &str = r#"(?i)(?:api[_\- ]?key|secret|(?:access|auth|client|private|account|subscription)[_\- ]?(?:key|token|secret)|token|credentials?)[a-z0-9_]*["']?[ \t]*(?:=>|:=|[:=]|\bis\b):?[ \t]*["'`]?([^\s"'`<>(){}\[\],;]+)"#;
const ASSIGNED_PASSWORD: &str = r#"(?i)(?:passw(?:or)?d|passphrase|passwort|kennwort|mot de passe|contrase\x{f1}a|\b(?:pwd|pw|pass)\b)[a-z0-9_]*["']?[ \t]*(?:=>|:=|[:=]|\bis\b|\bto\b|\bist\b|\best\b|\bes\b):?[ \t]*["'`]?([^\s"'`<>(){}\[\],;]+)"#;
const BEARER: &str = r"(?i)\bbearer[ \t]+([A-Za-z0-9_\-.~+/]+=*)";

/// What issuers start their secrets with.
#[rustfmt::skip]
const PREFIXES: [&str; 85] = [
    // OpenAI, Anthropic and those who copied them; other models' and data sets' hosts.
    "sk-", "hf_", "gsk_", "xai-", "r8_", "pplx-", "nvapi-", "tgp_v1_", "jina_", "csk-", "tvly-", "api_org_",
    // Source code, packages, builds.
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glptt-", "npm_", "pypi-",
    "rubygems_", "dckr_pat_", "dckr_oat_", "ATATT3", "ATBB", "lin_api_", "figd_", "PMAK-", "sntrys_", "sntryu_",
    "CCIPAT_", "sgp_",
    // Clouds and what runs in them.
    "AIza", "ya29.", "GOCSPX-", "dop_v1_", "doo_v1_", "dapi", "hvs.", "hvb.", "tskey-", "fo1_", "FlyV1", "pscale_tkn_",
    "pscale_pw_", "sbp_", "sb_secret_", "glsa_", "glc_", "NRAK-", "NRAL-", "pul-", "vercel_", "doppler_",
    "dp.pt.", "dp.st.",
    // Messages, mail, payments, shops, notes.
    "xoxa-", "xoxb-", "xoxe-", "xoxe.", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-", "SG.", "xkeysib-", "xsmtpsib-",
    "sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_", "sq0atp-", "sq0csp-", "shpat_", "shpca_", "shppa_", "shpss_",
    "ntn_", "secret_",
];

/// Of a secret with a prefix, in characters.
const SHORTEST_PREFIXED: usize = 20;
/// Of one that only looks random and is called a secret nearby.
const SHORTEST_RANDOM: usize = 24;

/// Adds secrets that can be told from themselves.
pub(super) fn scan(text: &str, spans: &mut Vec<Span>) {
    let is_part = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    // A run of random signs is looked at once, from its start.
    let mut end = 0;
    for start in word_starts(text) {
        let rest = &text[start..];
        let is_prefixed = PREFIXES.iter().any(|prefix| rest.starts_with(prefix));
        if start < end && !is_prefixed {
            continue;
        }
        let is_first = start >= end;
        if is_first {
            // All of it is ASCII: characters are bytes.
            end = start + rest.chars().take_while(is_part).count();
        }
        let found = rest[..end - start].trim_end_matches(['.', '-']);
        let range = start..start + found.len();
        let is_known = is_prefixed && found.len() >= SHORTEST_PREFIXED && is_random(found);
        let score = if is_known || is_token(found) {
            0.95
        } else if is_issued(found) {
            0.9
        } else if is_first
            && found.len() >= SHORTEST_RANDOM
            && entropy_is_high(found)
            && has_context(text, &range, &CONTEXT)
        {
            0.2 + CONTEXT_BONUS
        } else {
            continue;
        };
        spans.push(Span {
            range,
            kind: EntityKind::ApiKey,
            score,
        });
    }
}

/// RFC 7519: base64url of `{"…` twice, then the signature.
fn is_token(text: &str) -> bool {
    // Before all else, as it costs nothing: a run without dots is not to be walked for every word in it.
    if !text.starts_with("eyJ") {
        return false;
    }
    let mut parts = text.split('.');
    let is_object = |part: Option<&str>| part.is_some_and(|part| part.starts_with("eyJ"));
    text.len() > 20 && is_object(parts.next()) && is_object(parts.next()) && parts.next().is_some()
}

/// Prefixes of two letters, with a length and letters of their own: Amazon's access key ids, Twilio's accounts
/// and keys.
fn is_issued(text: &str) -> bool {
    let all = |test: fn(u8) -> bool| text.bytes().all(test);
    match text.len() {
        20 => {
            ["AKIA", "ASIA", "ABIA", "ACCA"]
                .iter()
                .any(|prefix| text.starts_with(prefix))
                && all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        }
        34 => {
            (text.starts_with("AC") || text.starts_with("SK"))
                && text
                    .bytes()
                    .skip(2)
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        }
        _ => false,
    }
}

/// Words such as `sk-learn` have no digit; a digit alone is a count, not a secret.
fn is_random(text: &str) -> bool {
    // Of a long text, the head will do.
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().take(200).any(test);
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// Letters and digits change places as they do by chance and in no name: in one in four neighbours at least.
fn entropy_is_high(text: &str) -> bool {
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let changes = text
        .as_bytes()
        .windows(2)
        .filter(|pair| {
            class(pair[0]) != class(pair[1]) && class(pair[0]) != 3 && class(pair[1]) != 3
        })
        .count();
    changes * 4 >= text.len() && !text.contains("..")
}

/// By pattern: the fewest characters, and the score.
const LEAST: [(usize, f32); 4] = [(20, 1.0), (12, 0.7), (5, 0.7), (20, 0.8)];
/// Parts of the above.
const PEM_INDEX: usize = 0;
const PASSWORD_INDEX: usize = 2;

fn judge(candidate: &Candidate<'_>, hits: &mut Vec<Hit>) {
    // The end of the sentence is not part of it; `!` may be part of a password.
    let text = candidate.as_str().trim_end_matches(['.', ',', '?']);
    let (shortest, score) = LEAST[candidate.pattern];
    let is_secret = match candidate.pattern {
        PEM_INDEX => true,
        PASSWORD_INDEX => is_random(text) || has_signs(text),
        _ => is_random(text),
    };
    if text.len() >= shortest && is_secret {
        hits.push(Hit {
            range: candidate.range.start..candidate.range.start + text.len(),
            score,
        });
    }
}

/// No word of a sentence: a sign in the middle (`Tr!cky`), and no piece of code.
fn has_signs(text: &str) -> bool {
    let inner = text.trim_end_matches(['!', ':']);
    inner.contains(['!', '@', '#', '$', '%', '^', '&', '*'])
        && !inner.contains(['.', '/', '|'])
        && !inner.starts_with(['*', '&', '%', '@', '$'])
}
