//! A question, sealed as a page seals it, and its answer as the gateway sends it, at simulated times.

use anyhow::{Context, bail};
use gateway::Reply;
use oblivious_http::{Event, GatewayKeys, Opener, Terms, VerifiedKey};
use oorandom::Rand64;
use privacy::{Detector, Vault};
use query::{ChatRequest, Message, PrivacyRules, Role, Traffic};
use serde_json::json;

/// What a relay sees of one question and its answer, and what the page has of it.
pub(super) struct Seen {
    /// Bytes of the sealed request.
    pub(super) request: usize,
    /// ms since the request, and bytes, of each chunk of the reply.
    pub(super) chunks: Vec<(f64, usize)>,
    pub(super) first_text_ms: f64,
    pub(super) whole_text_ms: f64,
}

impl Seen {
    pub(super) fn reply_bytes(&self) -> usize {
        self.chunks.iter().map(|(_, bytes)| bytes).sum()
    }
}

pub(super) struct World {
    keys: GatewayKeys,
    key: VerifiedKey,
    detector: Detector,
}

impl World {
    pub(super) fn new() -> anyhow::Result<Self> {
        let keys = GatewayKeys::generate()?;
        let key = VerifiedKey::pinned(&keys.config_list()?)?;
        Ok(Self {
            keys,
            key,
            detector: Detector::default(),
        })
    }

    /// Nothing of the network's own jitter is added: whoever watches could do no better.
    pub(super) fn ask(
        &self,
        prompt: &str,
        answer: &str,
        traffic: Traffic,
        seed: u64,
    ) -> anyhow::Result<Seen> {
        let (request, bytes, opener) = self.request(prompt, traffic)?;
        let (_, sealer) = self.keys.open(&request)?;
        let mut reply = Reply::new(sealer, traffic);
        let mut page = Page::new(opener, bytes);
        let mut upstream = upstream(answer, seed).into_iter().peekable();
        let mut begun = false;
        let mut next_beat = 0.0;
        while !reply.is_over() {
            let beat = reply.every().map(|every| every.as_secs_f64() * 1000.0);
            let arrives = upstream.peek().map_or(f64::INFINITY, |(at, _)| *at);
            if let Some(beat) = beat
                && next_beat <= arrives
            {
                page.take(next_beat, &reply.beat()?)?;
                next_beat += beat;
                continue;
            }
            let Some((at, event)) = upstream.next() else {
                bail!("the answer has no end");
            };
            if !begun {
                begun = true;
                page.take(at, &reply.begin(Vec::new())?)?;
            }
            page.take(at, &reply.upstream(event.as_bytes())?)?;
        }
        page.finish()
    }

    /// Sealed; its length; and what opens the answer.
    fn request(&self, prompt: &str, traffic: Traffic) -> anyhow::Result<(Vec<u8>, usize, Opener)> {
        let request = ChatRequest {
            messages: vec![Message::new(Role::User, prompt)],
            model: Some(MODEL.to_owned()),
            ..ChatRequest::default()
        };
        let mut vault = Vault::new();
        let rules = PrivacyRules::default();
        let findings = privacy::find_with(&self.detector, &request, &rules, &vault);
        let releasable = privacy::pseudonymize(&findings, &mut vault)
            .context("a prompt may not leave at all; take it out of the data")?;
        let terms = Terms {
            date_s: 0,
            traffic,
            token: None,
        };
        let (sealed, opener) = oblivious_http::seal(&self.key, &releasable, &terms)?;
        let bytes = sealed.bytes().to_vec();
        let length = bytes.len();
        Ok((bytes, length, opener))
    }
}

const MODEL: &str = "gpt-4-1106-preview";

/// What the upstream sends, and when, ms since the request: OpenAI's chunks, one for each token.
///
/// Times are log-normal: until the first token 600 ms in the middle (σ 0.4); then for each answer a pace of its own,
/// 20 ms a token in the middle (σ 0.25), and for each token around that (σ 0.6).
fn upstream(answer: &str, seed: u64) -> Vec<(f64, String)> {
    let mut random = Rand64::new(u128::from(seed));
    let mut at = log_normal(&mut random, 600.0, 0.4);
    let pace = log_normal(&mut random, 20.0, 0.25);
    let chunk = |delta: serde_json::Value, finish_reason: Option<&str>| {
        let data = json!({
            "id": "chatcmpl-8f3kQ0aZb7Yc2Wd9Xe1Vf5Ug4Th6S",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": MODEL,
            "system_fingerprint": "fp_a24b4d720c",
            "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason }],
        });
        format!("data: {data}\n\n")
    };
    let mut events = vec![(
        at,
        chunk(json!({ "role": "assistant", "content": "" }), None),
    )];
    for token in tokens(answer) {
        events.push((at, chunk(json!({ "content": token }), None)));
        at += log_normal(&mut random, pace, 0.6);
    }
    let end = chunk(json!({}), Some("stop"));
    events.push((at, format!("{end}data: [DONE]\n\n")));
    events
}

fn log_normal(random: &mut Rand64, median: f64, sigma: f64) -> f64 {
    // Box and Muller; the first one is not 0.
    let (a, b) = (1.0 - random.rand_float(), random.rand_float());
    let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
    median * (sigma * normal).exp()
}

/// Where the tokenizer of GPT-4 cuts before it looks into its vocabulary (`cl100k_base`); common words are one token.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_len(rest));
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// Bytes of the first token; at least one character.
fn token_len(text: &str) -> usize {
    let run = |from: usize, is: &dyn Fn(char) -> bool| {
        let mut characters = text[from..].char_indices();
        let end = characters.find(|(_, character)| !is(*character));
        end.map_or(text.len(), |(at, _)| from + at)
    };
    let mut characters = text.chars();
    let (Some(first), second) = (characters.next(), characters.next()) else {
        return 0;
    };
    let letter = |character: char| character.is_alphabetic();
    let mark = |character: char| !character.is_alphanumeric() && !character.is_whitespace();
    let leads = !first.is_alphanumeric() && !matches!(first, '\r' | '\n');
    if letter(first) {
        return run(0, &letter);
    }
    if leads && second.is_some_and(letter) {
        return run(first.len_utf8(), &letter);
    }
    if first.is_numeric() {
        let digits = text.char_indices().take(3);
        let digits = digits.take_while(|(_, character)| character.is_numeric());
        return digits.last().map_or(1, |(at, digit)| at + digit.len_utf8());
    }
    let marks = usize::from(first == ' ');
    if mark(first) || (first == ' ' && second.is_some_and(mark)) {
        let end = run(marks, &mark);
        return run(end, &|character| matches!(character, '\r' | '\n'));
    }
    let spaces = run(0, &char::is_whitespace);
    // The last space goes with the word after it.
    match text[..spaces].char_indices().next_back() {
        Some((last, ' ')) if last > 0 && spaces < text.len() => last,
        _ => spaces,
    }
}

/// Opens what comes, and notes when.
struct Page {
    opener: Opener,
    seen: Seen,
    body: Vec<u8>,
}

impl Page {
    fn new(opener: Opener, request: usize) -> Self {
        let seen = Seen {
            request,
            chunks: Vec::new(),
            first_text_ms: f64::NAN,
            whole_text_ms: f64::NAN,
        };
        Self {
            opener,
            seen,
            body: Vec::new(),
        }
    }

    fn take(&mut self, at: f64, sealed: &[u8]) -> anyhow::Result<()> {
        if sealed.is_empty() {
            return Ok(());
        }
        self.seen.chunks.push((at, sealed.len()));
        for event in self.opener.push(sealed)? {
            if let Event::Body(bytes) = event {
                self.body.extend(bytes);
            }
        }
        let has = |text: &str| {
            let mut windows = self.body.windows(text.len());
            windows.any(|window| window == text.as_bytes())
        };
        if self.seen.first_text_ms.is_nan() && has("\"content\":\"") {
            self.seen.first_text_ms = at;
        }
        if self.seen.whole_text_ms.is_nan() && has("data: [DONE]\n\n") {
            self.seen.whole_text_ms = at;
        }
        // Enough to find what is cut in two.
        if self.body.len() > 4096 {
            self.body.drain(..self.body.len() - 64);
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<Seen> {
        self.opener.finish()?;
        if self.seen.first_text_ms.is_nan() || self.seen.whole_text_ms.is_nan() {
            bail!("an answer came without its text or its end");
        }
        Ok(self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_as_by_cl100k() {
        for (text, expected) in [
            (
                "It costs $1,234.50 (50%).\n\nSo he pays 12345.",
                &[
                    "It", " costs", " $", "1", ",", "234", ".", "50", " (", "50", "%).\n\n", "So",
                    " he", " pays", " ", "123", "45", ".",
                ][..],
            ),
            ("a  b\n c", &["a", " ", " b", "\n", " c"]),
            ("$5", &["$", "5"]),
            ("", &[]),
        ] {
            assert_eq!(tokens(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_hidden_is_the_same_whatever_is_said() {
        let world = World::new().unwrap();
        let ask = |answer, traffic| world.ask("Why?", answer, traffic, 7).unwrap();
        let chunks = |answer, traffic| ask(answer, traffic).chunks;
        let (one, two) = ("It costs $40 a day.", "Not often, but he does.");
        assert_eq!(tokens(one).len(), 7);
        assert_ne!(chunks(one, Traffic::Off), chunks(two, Traffic::Off));
        for traffic in [Traffic::Balanced, Traffic::Strict] {
            assert_eq!(chunks(one, traffic), chunks(two, traffic));
            let seen = ask(one, traffic);
            assert!(seen.first_text_ms <= seen.whole_text_ms);
        }
    }
}
