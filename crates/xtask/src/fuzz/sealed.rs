//! Sealed messages that were damaged on their way, and such as were sealed by somebody who means harm: whatever is
//! inside, it is an error or it is read, and nothing panics.
//!
//! Ephemeral keys are fresh every time: the number of an execution says what is damaged and how, not all bytes.

use std::pin::{Pin, pin};

use anyhow::Context as _;
use futures::{
    AsyncReadExt, AsyncWriteExt,
    executor::block_on,
    io::{AllowStdIo, Cursor},
};
use oblivious_http::{
    Event, GatewayKeys, Kem, KeyConfig, Opener, Sealed, Terms, VerifiedKey, date, seal,
};
use ohttp::hpke::{Aead, Kdf};
use oorandom::Rand64;
use privacy::{Detector, Vault, find_with, pseudonymize};
use query::{ChatRequest, Message, PrivacyRules, Role, Traffic};

use super::{
    Target,
    damage::{arbitrary, damaged},
    text::below,
};

/// Both sides: the gateway of this project, and one that says whatever it likes.
pub(super) struct Messages {
    gateway: GatewayKeys,
    configs: Vec<u8>,
    keys: Vec<VerifiedKey>,
    liar: Liar,
    releasable: privacy::Releasable,
}

/// Somebody else's gateway, whose key a page trusts.
struct Liar {
    config: ohttp::KeyConfig,
    key: VerifiedKey,
}

#[derive(Debug)]
enum Case {
    /// A list of key configs.
    Keys(Vec<u8>),
    /// A request of ours that is damaged.
    Request,
    /// A request that holds this.
    RequestOf(Vec<u8>),
    /// A reply of ours that is damaged.
    Reply,
    /// A reply that holds this.
    ReplyOf(Vec<u8>),
    /// An error in the clear.
    Problem(u16, Vec<u8>),
    /// A date.
    Date(Vec<u8>),
}

const TERMS: Terms = Terms {
    date_s: 784_111_777,
    traffic: Traffic::Balanced,
    token: None,
};

/// RFC 9292: a request of known length; a reply of known length, and one that comes piece by piece.
const REQUEST: &[u8] = b"\x00\x04POST\x05https\x00\x14/v1/chat/completions\x23\x04date\x1dSun, 06 Nov 1994 08:49:37 GMT\x02{}\x00\x00\x00";
const REPLY: &[u8] = b"\x01\x40\x66\x00\x40\xc8\x0b\x04name\x05value\x05hello\x00";
const REPLY_IN_PIECES: &[u8] =
    b"\x03\x40\x66\x00\x40\xc8\x04name\x05value\x00\x05hello\x06 again\x00\x00";
const PROBLEM: &[u8] = br#"{"type":"about:blank","title":"the gateway cannot be reached","status":502,"code":"gateway-unavailable"}"#;

impl Messages {
    pub(super) fn new() -> anyhow::Result<Self> {
        let gateway = GatewayKeys::from_seed(&[7; 32])?;
        let configs = gateway.config_list()?;
        let first = 2 + usize::from(u16::from_be_bytes([configs[0], configs[1]]));
        let (x_wing, x25519) = configs.split_at(first);
        // X-Wing seldom: it differs in one place, and takes three times as long.
        let keys = [
            x25519, x25519, x25519, x25519, x25519, x25519, x25519, x_wing,
        ];
        let keys = keys.map(VerifiedKey::pinned);
        let keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;

        let suites = vec![ohttp::SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm)];
        let config = ohttp::KeyConfig::new(1, ohttp::hpke::Kem::X25519Sha256, suites)?;
        let list = ohttp::KeyConfig::encode_list(&[&config])?;
        let key = VerifiedKey::pinned(&list)?;

        let request = ChatRequest {
            messages: vec![Message::new(Role::User, "Where do storks sleep?")],
            ..ChatRequest::default()
        };
        let mut vault = Vault::new();
        let rules = PrivacyRules::default();
        let findings = find_with(&Detector::default(), &request, &rules, &vault);
        Ok(Self {
            gateway,
            configs,
            keys,
            liar: Liar { config, key },
            releasable: pseudonymize(&findings, &mut vault).context("a question may leave")?,
        })
    }

    fn case(&self, random: &mut Rand64) -> Case {
        let of = |whole: &[u8], random: &mut Rand64| match below(random, 8) {
            0 => arbitrary(random),
            _ => damaged(whole, random),
        };
        match below(random, 7) {
            0 => Case::Keys(of(&self.configs, random)),
            1 => Case::Request,
            2 => Case::RequestOf(of(REQUEST, random)),
            3 => Case::Reply,
            4 => {
                let whole = [REPLY, REPLY_IN_PIECES][below(random, 2)];
                Case::ReplyOf(of(whole, random))
            }
            5 => {
                let status = 100 + below(random, 900) as u16; // less than 1000
                Case::Problem(status, of(PROBLEM, random))
            }
            _ => Case::Date(of(b"Sun, 06 Nov 1994 08:49:37 GMT", random)),
        }
    }

    fn seal(&self, key: &VerifiedKey) -> Result<(Sealed, Opener), String> {
        seal(key, &self.releasable, &TERMS).map_err(|error| error.to_string())
    }

    fn check(&self, case: &Case, random: &mut Rand64) -> Result<u64, String> {
        let length = match case {
            Case::Keys(list) => {
                self.keys_are_read_or_refused(list)?;
                list.len()
            }
            Case::Request => self.a_damaged_request_is_refused(random)?,
            Case::RequestOf(plaintext) => {
                self.a_strange_request_is_read_or_refused(plaintext)?;
                plaintext.len()
            }
            Case::Reply => self.a_damaged_reply_is_refused(random)?,
            Case::ReplyOf(plaintext) => {
                self.a_strange_reply_is_read_or_refused(plaintext, random)?;
                plaintext.len()
            }
            Case::Problem(status, body) => {
                let error = engine::problem("https://relay.example", *status, body);
                holds(error.message.len() <= body.len() + 200, "an error is short")?;
                body.len()
            }
            Case::Date(text) => {
                let text = String::from_utf8_lossy(text);
                let again = date::parse(&text).map(|s| date::parse(&date::format(s)) == Some(s));
                holds(again != Some(false), "a date that is read is written so")?;
                text.len()
            }
        };
        Ok(length as u64)
    }

    fn keys_are_read_or_refused(&self, list: &[u8]) -> Result<(), String> {
        let Ok(configs) = KeyConfig::parse(list) else {
            return Ok(());
        };
        let in_order = configs.is_sorted_by_key(|config| config.kem() != Kem::XWing);
        holds(!configs.is_empty() && in_order, "X-Wing comes first")?;
        let key = VerifiedKey::pinned(list).map_err(|error| error.to_string())?;
        // Whatever the key is, it is sealed to it or it is refused.
        let _ = seal(&key, &self.releasable, &TERMS);
        Ok(())
    }

    fn a_damaged_request_is_refused(&self, random: &mut Rand64) -> Result<usize, String> {
        let (sealed, _) = self.seal(&self.keys[below(random, self.keys.len())])?;
        let wire = damaged(sealed.bytes(), random);
        if let Ok((request, _)) = self.gateway.open(&wire) {
            // A length may be written in more bytes: what encloses the chunks is not authenticated.
            holds(
                request.body == sealed.text().as_bytes(),
                "what opens is what was sealed",
            )?;
        } else {
            holds(wire != sealed.bytes(), "what is whole opens")?;
        }
        Ok(wire.len())
    }

    fn a_damaged_reply_is_refused(&self, random: &mut Rand64) -> Result<usize, String> {
        let (sealed, opener) = self.seal(&self.keys[below(random, self.keys.len())])?;
        let text = |error: oblivious_http::Error| error.to_string();
        let (_, mut sealer) = self.gateway.open(sealed.bytes()).map_err(text)?;
        let mut whole = sealer.head_in_cells(102, &[], 128).map_err(text)?.concat();
        whole.extend(sealer.head(200, &[("name", "value")]).map_err(text)?);
        whole.extend(sealer.chunk(b"in ").map_err(text)?);
        whole.extend(sealer.chunk(b"nests").map_err(text)?);
        whole.extend(sealer.finish().map_err(text)?);
        let wire = damaged(&whole, random);
        match opened(opener, &wire, random) {
            Some((status, body)) => {
                let same = status == Some(200) && body == b"in nests";
                holds(same, "what opens is what was sealed")?;
            }
            None => holds(wire != whole, "what is whole opens")?,
        }
        Ok(wire.len())
    }

    fn a_strange_request_is_read_or_refused(&self, plaintext: &[u8]) -> Result<(), String> {
        let first = 2 + usize::from(u16::from_be_bytes([self.configs[0], self.configs[1]]));
        let wire = block_on(async {
            let client = ohttp::ClientRequest::from_encoded_config(&self.configs[first + 2..])?;
            let mut wire = Cursor::new(Vec::new());
            let mut sealer = client.encapsulate_stream(&mut wire)?;
            sealer.write_all(plaintext).await?;
            sealer.close().await?;
            Ok::<_, ohttp::Error>(wire.into_inner())
        });
        let wire = wire.map_err(|error| error.to_string())?;
        if let Ok((request, _)) = self.gateway.open(&wire) {
            holds(request.body.len() <= plaintext.len(), "nothing is made up")?;
            let _ = request.date_s();
        }
        Ok(())
    }

    fn a_strange_reply_is_read_or_refused(
        &self,
        plaintext: &[u8],
        random: &mut Rand64,
    ) -> Result<(), String> {
        let (sealed, opener) = self.seal(&self.liar.key)?;
        let wire = block_on(async {
            let server = ohttp::Server::new(self.liar.config.clone())?;
            let mut request = pin!(server.decapsulate_stream(sealed.bytes()));
            request.read_to_end(&mut Vec::new()).await?;
            let mut wire = AllowStdIo::new(Vec::new());
            let mut sealer = request.response(&mut wire)?;
            for piece in plaintext.chunks(1 + below(random, 40)) {
                Pin::new(&mut sealer).write_all(piece).await?;
            }
            sealer.close().await?;
            Ok::<_, ohttp::Error>(wire.into_inner())
        });
        let wire = wire.map_err(|error| error.to_string())?;
        if let Some((_, body)) = opened(opener, &wire, random) {
            holds(body.len() <= plaintext.len(), "nothing is made up")?;
        }
        Ok(())
    }
}

impl Target for Messages {
    const NAME: &'static str = "sealed";

    fn execute(&self, random: &mut Rand64) -> Result<u64, String> {
        let case = self.case(random);
        self.check(&case, random)
    }

    fn show(&self, random: &mut Rand64) -> String {
        format!("{:?}", self.case(random))
    }
}

/// Status and content of a reply that comes in pieces, if it is whole.
fn opened(mut opener: Opener, wire: &[u8], random: &mut Rand64) -> Option<(Option<u16>, Vec<u8>)> {
    let mut events = Vec::new();
    for piece in wire.chunks(1 + below(random, 300)) {
        events.extend(opener.push(piece).ok()?);
    }
    events.extend(opener.finish().ok()?);
    let (mut status, mut body) = (None, Vec::new());
    for event in events {
        match event {
            Event::Head { status: given, .. } => status = Some(given),
            Event::Body(bytes) => body.extend(bytes),
        }
    }
    Some((status, body))
}

fn holds(condition: bool, promise: &str) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(format!("does not hold: {promise}"))
    }
}
