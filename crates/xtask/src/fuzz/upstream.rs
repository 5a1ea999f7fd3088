//! What a cloud model's server might send, and what a page might ask it for: event streams that are damaged, cut
//! anywhere, or nobody's, and requests in another shape. They are read or they fail, the same however they are cut.

use gateway::{
    Reply,
    anthropic::{Translator, translate},
};
use oblivious_http::{
    Event, GatewayKeys, Kem, KeyConfig, Opener, Sealer, Terms, VerifiedKey, seal,
};
use oorandom::Rand64;
use privacy::{Detector, Vault, find_with, pseudonymize};
use query::{ChatRequest, Message, PrivacyRules, Role, Traffic};
use serde_json::{Map, Value};

use super::{
    Target,
    damage::{arbitrary, damaged},
    text::below,
};

/// A page and its gateway, in between of which an answer travels.
pub(super) struct Streams {
    gateway: GatewayKeys,
    key: VerifiedKey,
    releasable: privacy::Releasable,
}

#[derive(Debug)]
enum Case {
    /// An event stream of chat completions, and how it travels.
    Completion(Vec<u8>, Traffic),
    /// An event stream of the Messages API.
    Messages(Vec<u8>),
    /// A request.
    Request(Vec<u8>),
}

const COMPLETION: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
    : comment\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"In ne\"}}]}\n\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"sts.\"},\"finish_reason\":null}]}\r\n\r\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
    data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7}}\n\ndata: [DONE]\n\n";
const MESSAGES: [&str; 3] = [
    include_str!("../../../gateway/src/anthropic/recorded/text.txt"),
    include_str!("../../../gateway/src/anthropic/recorded/tool.txt"),
    include_str!("../../../gateway/src/anthropic/recorded/thinking.txt"),
];
const REQUEST: &str = r#"{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"How is Oslo?"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"weather","arguments":"{\"place\":\"Oslo\"}"}}]},{"role":"tool","tool_call_id":"1","content":"rain"}],"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}],"tool_choice":"auto","stop":["END"],"temperature":0.5,"top_p":0.9,"max_tokens":9,"response_format":{"type":"text"},"parallel_tool_calls":false,"stream":true}"#;

impl Streams {
    pub(super) fn new() -> anyhow::Result<Self> {
        let gateway = GatewayKeys::from_seed(&[7; 32])?;
        // X25519 alone: X-Wing takes three times as long, and it is not what is tried here.
        let configs = gateway.config_list()?;
        let first = 2 + usize::from(u16::from_be_bytes([configs[0], configs[1]]));
        let x25519 = &configs[first..];
        debug_assert!(KeyConfig::parse(x25519).is_ok_and(|keys| keys[0].kem() != Kem::XWing));
        let request = ChatRequest {
            messages: vec![Message::new(Role::User, "Where do storks sleep?")],
            ..ChatRequest::default()
        };
        let mut vault = Vault::new();
        let rules = PrivacyRules::default();
        let findings = find_with(&Detector::default(), &request, &rules, &vault);
        Ok(Self {
            key: VerifiedKey::pinned(x25519)?,
            releasable: pseudonymize(&findings, &mut vault)?,
            gateway,
        })
    }

    fn case(&self, random: &mut Rand64) -> Case {
        let of = |whole: &str, random: &mut Rand64| match below(random, 16) {
            0 => arbitrary(random),
            _ => damaged(whole.as_bytes(), random),
        };
        match below(random, 8) {
            0 => {
                let traffic = [Traffic::Off, Traffic::Balanced, Traffic::Strict][below(random, 3)];
                Case::Completion(of(COMPLETION, random), traffic)
            }
            1..=4 => {
                let whole = MESSAGES[below(random, MESSAGES.len())];
                Case::Messages(of(whole, random))
            }
            _ => Case::Request(of(REQUEST, random)),
        }
    }

    fn check(&self, case: &Case, random: &mut Rand64) -> Result<u64, String> {
        let length = match case {
            Case::Completion(stream, traffic) => {
                let whole = self.travelled(stream, stream.len().max(1), *traffic)?;
                let cut = self.travelled(stream, 1 + below(random, 90), *traffic)?;
                holds(whole == cut, "cut anywhere, an answer is the same")?;
                stream.len()
            }
            Case::Messages(stream) => {
                let whole = translated(stream, stream.len().max(1));
                let cut = translated(stream, 1 + below(random, 90));
                holds(whole == cut, "cut anywhere, a translation is the same")?;
                if let Some(translation) = whole {
                    every_chunk_is_json(&translation)?;
                }
                stream.len()
            }
            Case::Request(body) => {
                if let Ok(request) = serde_json::from_slice(body) {
                    a_request_is_said_or_named(&request)?;
                }
                body.len()
            }
        };
        Ok(length as u64)
    }

    /// What a page reads of an answer, and whether it came to its end.
    fn travelled(
        &self,
        stream: &[u8],
        piece: usize,
        traffic: Traffic,
    ) -> Result<Option<Vec<u8>>, String> {
        let (sealer, mut opener) = self.pair()?;
        let mut reply = Reply::new(sealer, traffic);
        let mut wire = reply.begin(Vec::new()).map_err(text)?;
        for piece in stream.chunks(piece) {
            // Nothing is asked of an upstream that has said all.
            if reply.has_heard_all() {
                break;
            }
            match reply.upstream(piece) {
                Ok(bytes) => wire.extend(bytes),
                Err(_) => return Ok(None),
            }
        }
        if !reply.has_heard_all() {
            return Ok(None);
        }
        while !reply.is_over() {
            wire.extend(reply.beat().map_err(text)?);
        }
        let mut events = opener.push(&wire).map_err(text)?;
        events.extend(opener.finish().map_err(text)?);
        let bodies = events.into_iter().filter_map(|event| match event {
            Event::Body(bytes) => Some(bytes),
            Event::Head { .. } => None,
        });
        Ok(Some(bodies.flatten().collect()))
    }

    fn pair(&self) -> Result<(Sealer, Opener), String> {
        let terms = Terms {
            date_s: 784_111_777,
            traffic: Traffic::Off,
            token: None,
        };
        let (sealed, opener) = seal(&self.key, &self.releasable, &terms).map_err(text)?;
        let (_, sealer) = self.gateway.open(sealed.bytes()).map_err(text)?;
        Ok((sealer, opener))
    }
}

impl Target for Streams {
    const NAME: &'static str = "upstream";

    fn execute(&self, random: &mut Rand64) -> Result<u64, String> {
        let case = self.case(random);
        self.check(&case, random)
    }

    fn show(&self, random: &mut Rand64) -> String {
        format!("{:?}", self.case(random))
    }
}

/// The translation of a whole stream; none if it fails.
fn translated(stream: &[u8], piece: usize) -> Option<Vec<u8>> {
    let mut translator = Translator::default();
    let mut translation = Vec::new();
    for piece in stream.chunks(piece) {
        translation.extend(translator.push(piece).ok()?);
    }
    Some(translation)
}

fn every_chunk_is_json(translation: &[u8]) -> Result<(), String> {
    let translation = String::from_utf8(translation.to_vec()).map_err(text)?;
    for event in translation.split_terminator("\n\n") {
        let data = event.strip_prefix("data: ").unwrap_or_default();
        let is_chunk = serde_json::from_str::<Value>(data).is_ok_and(|it| it["choices"].is_array());
        holds(
            data == "[DONE]" || is_chunk,
            "what is translated is a chunk",
        )?;
    }
    Ok(())
}

fn a_request_is_said_or_named(request: &Map<String, Value>) -> Result<(), String> {
    match translate(request) {
        Ok(said) => {
            let whole = ["model", "messages", "max_tokens"];
            let whole = whole.iter().all(|name| said.contains_key(*name));
            holds(whole && said["stream"] == true, "what is said is whole")
        }
        Err(unsayable) => {
            // Where a field has no name, that is its name.
            let named = !unsayable.field.is_empty() || request.contains_key("");
            holds(named, "what cannot be said is named")
        }
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn holds(condition: bool, promise: &str) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(format!("does not hold: {promise}"))
    }
}
