//! Both halves against each other, and against what an attacker on the way could do.
#![cfg(all(feature = "client", feature = "server"))]

mod damaged;
mod trust;
mod vectors;

use crate::{client::seal_text, *};

const BODY: &str =
    r#"{"messages":[{"role":"user","content":"Where do storks sleep?"}],"stream":true}"#;

const TERMS: Terms = Terms {
    date_s: 784_111_777,
    traffic: query::Traffic::Balanced,
    token: None,
};

fn keys() -> GatewayKeys {
    GatewayKeys::from_seed(&[7; 32]).unwrap()
}

/// A key of the list, chosen by KEM.
fn key(kem: Kem) -> VerifiedKey {
    let list = keys().config_list().unwrap();
    let (x_wing, x25519) = list.split_at(2 + usize::from(u16::from_be_bytes([list[0], list[1]])));
    VerifiedKey::pinned(if kem == Kem::XWing { x_wing } else { x25519 }).unwrap()
}

/// A sealed reply in three chunks and the final one, with the ranges of the four.
fn reply(sealer: Sealer) -> Vec<Vec<u8>> {
    let mut sealer = sealer;
    vec![
        sealer
            .head(200, &[("content-type", "text/event-stream")])
            .unwrap(),
        sealer.chunk(b"in ").unwrap(),
        sealer.chunk(b"nests").unwrap(),
        sealer.finish().unwrap(),
    ]
}

fn head() -> Event {
    Event::Head {
        status: 200,
        headers: vec![("content-type".into(), "text/event-stream".into())],
    }
}

/// Opens a whole reply that comes in pieces of `step` bytes; joins the body.
fn open(mut opener: Opener, bytes: &[u8], step: usize) -> Result<(Vec<Event>, Vec<u8>), Error> {
    let mut events = Vec::new();
    for piece in bytes.chunks(step) {
        events.extend(opener.push(piece)?);
    }
    events.extend(opener.finish()?);
    let mut body = Vec::new();
    events.retain(|event| match event {
        Event::Body(bytes) => {
            body.extend(bytes);
            false
        }
        Event::Head { .. } => true,
    });
    Ok((events, body))
}

#[test]
fn round_trip() {
    for kem in [Kem::XWing, Kem::X25519] {
        let (sealed, opener) = seal_text(&key(kem), BODY.into(), &TERMS).unwrap();
        let (request, sealer) = keys().open(sealed.bytes()).unwrap();
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/v1/chat/completions")
        );
        assert_eq!(
            request.headers,
            [
                ("content-type".into(), "application/json".into()),
                ("accept".into(), "text/event-stream".into()),
                ("date".into(), "Sun, 06 Nov 1994 08:49:37 GMT".into()),
                ("tidegate-traffic".into(), "balanced".into()),
            ]
        );
        assert_eq!(request.body, BODY.as_bytes());
        assert_eq!(request.date_s(), Some(TERMS.date_s));
        assert_eq!(
            open(opener, &reply(sealer).concat(), usize::MAX).unwrap(),
            (vec![head()], b"in nests".to_vec())
        );
    }
}

#[test]
fn chunks_open_as_they_come() {
    let (sealed, mut opener) = seal_text(&key(Kem::XWing), BODY.into(), &TERMS).unwrap();
    let (_, sealer) = keys().open(sealed.bytes()).unwrap();
    let chunks = reply(sealer);
    assert_eq!(opener.push(&chunks[0]).unwrap(), [head()]);
    assert_eq!(
        opener.push(&chunks[1]).unwrap(),
        [Event::Body(b"in ".to_vec())]
    );
    assert_eq!(
        opener.push(&chunks[2]).unwrap(),
        [Event::Body(b"nests".to_vec())]
    );
    assert_eq!(opener.push(&chunks[3]).unwrap(), []);
    assert_eq!(opener.finish().unwrap(), []);
}

#[test]
fn signs_of_life_before_the_head_are_skipped() {
    let (sealed, mut opener) = seal_text(&key(Kem::X25519), BODY.into(), &TERMS).unwrap();
    let (_, mut sealer) = keys().open(sealed.bytes()).unwrap();
    for _ in 0..3 {
        assert_eq!(
            opener.push(&sealer.informational(102).unwrap()).unwrap(),
            []
        );
    }
    assert_eq!(
        open(opener, &reply(sealer).concat(), 1).unwrap(),
        (vec![head()], b"in nests".to_vec())
    );
}

#[test]
fn pieces_split_anywhere_and_pieces_above_a_chunk() {
    let long = vec![b'x'; 70_000];
    for step in [1, 2, 7, 16_400, 20_000] {
        let (sealed, opener) = seal_text(&key(Kem::X25519), BODY.into(), &TERMS).unwrap();
        let (_, mut sealer) = keys().open(sealed.bytes()).unwrap();
        let bytes = [
            sealer.head(200, &[]).unwrap(),
            sealer.chunk(&long).unwrap(),
            sealer.finish().unwrap(),
        ]
        .concat();
        let (events, body) = open(opener, &bytes, step).unwrap();
        assert_eq!(
            events,
            [Event::Head {
                status: 200,
                headers: vec![]
            }]
        );
        assert!(body == long, "step {step}");
    }
}

#[test]
fn long_requests_travel_in_several_chunks() {
    let body = format!("{{\"messages\":\"{}\"}}", "stork ".repeat(9_000));
    let (sealed, _) = seal_text(&key(Kem::XWing), body.clone(), &TERMS).unwrap();
    assert_eq!(keys().open(sealed.bytes()).unwrap().0.body, body.as_bytes());
}

#[test]
fn length_tells_only_the_bucket() {
    let wire = |len: usize| {
        seal_text(&key(Kem::X25519), "a".repeat(len), &TERMS)
            .unwrap()
            .0
            .bytes()
            .len()
    };
    assert_eq!(wire(1), wire(300));
    assert_eq!(wire(600), wire(800));
    assert!(wire(300) < wire(600));
}

#[test]
fn a_request_that_comes_again_is_known_and_one_that_is_sealed_again_is_another() {
    for kem in [Kem::XWing, Kem::X25519] {
        let seal = || seal_text(&key(kem), BODY.into(), &TERMS).unwrap().0;
        let id = |sealed: &Sealed| keys().open(sealed.bytes()).unwrap().0.replay_id;
        let (once, again) = (seal(), seal());
        assert_eq!(id(&once), id(&once.clone()));
        assert_ne!(id(&once), id(&again));
        // Nothing of one is in the other: each has an ephemeral key of its own.
        assert_ne!(once.bytes()[7..39], again.bytes()[7..39]);
    }
}

#[test]
fn heads_in_cells_are_all_of_one_length() {
    const CELL: usize = 256;
    for len in 0..700 {
        let long = "x".repeat(len);
        let headers = [("content-type", "text/event-stream"), ("ratelimit", &long)];
        let (sealed, mut opener) = seal_text(&key(Kem::X25519), BODY.into(), &TERMS).unwrap();
        let (_, mut sealer) = keys().open(sealed.bytes()).unwrap();
        let mut chunks = sealer.head_in_cells(102, &[], CELL).unwrap();
        chunks.extend(sealer.head_in_cells(200, &headers, CELL).unwrap());
        chunks.push(sealer.chunk(&vec![b':'; room(CELL)]).unwrap());
        // The first one brings the nonce along.
        chunks[0].drain(..16);
        assert!(
            chunks.iter().all(|chunk| chunk.len() == 2 + CELL + 16),
            "{len}"
        );
        assert!(chunks.len() <= 3 + (len + 200) / CELL, "{len}");

        let (again, mut sealer) = keys().open(sealed.bytes()).unwrap();
        assert_eq!(again.headers.len(), 4);
        let mut events = Vec::new();
        let head = [
            sealer.head_in_cells(102, &[], CELL).unwrap(),
            sealer.head_in_cells(200, &headers, CELL).unwrap(),
        ];
        for chunk in head.concat() {
            events.extend(opener.push(&chunk).unwrap());
        }
        let [
            Event::Head {
                status: 200,
                headers: opened,
            },
        ] = events.as_slice()
        else {
            panic!("{len}: {events:?}")
        };
        assert_eq!(opened[1].1, long);
    }
}

#[test]
fn signs_of_life_may_go_on_for_long() {
    let (sealed, mut opener) = seal_text(&key(Kem::X25519), BODY.into(), &TERMS).unwrap();
    let (_, mut sealer) = keys().open(sealed.bytes()).unwrap();
    // More than a head may have, all in all.
    for _ in 0..1000 {
        for cell in sealer.head_in_cells(102, &[], 256).unwrap() {
            assert_eq!(opener.push(&cell).unwrap(), []);
        }
    }
    assert_eq!(
        opener.push(&sealer.head(200, &[]).unwrap()).unwrap().len(),
        1
    );
}

#[test]
fn a_reply_to_another_request_does_not_open() {
    let (_, opener) = seal_text(&key(Kem::XWing), BODY.into(), &TERMS).unwrap();
    let (other, _) = seal_text(&key(Kem::XWing), BODY.into(), &TERMS).unwrap();
    let bytes = reply(keys().open(other.bytes()).unwrap().1).concat();
    assert!(matches!(
        open(opener, &bytes, usize::MAX),
        Err(Error::Broken)
    ));
}

#[test]
fn a_failed_opener_stays_failed() {
    let (_, mut opener) = seal_text(&key(Kem::X25519), BODY.into(), &TERMS).unwrap();
    assert!(matches!(opener.push(&[9; 64]), Err(Error::Broken)));
    assert!(matches!(opener.push(&[9; 64]), Err(Error::Failed)));
    assert!(matches!(opener.finish(), Err(Error::Failed)));
}

#[test]
fn a_request_to_another_key_is_refused() {
    let other = GatewayKeys::from_seed(&[8; 32]).unwrap();
    for kem in [Kem::XWing, Kem::X25519] {
        let (sealed, _) = seal_text(&key(kem), BODY.into(), &TERMS).unwrap();
        assert!(
            matches!(other.open(sealed.bytes()), Err(Error::Broken)),
            "{kem:?}"
        );
    }
}

#[test]
fn unknown_keys_and_suites_are_refused_by_name() {
    let (sealed, _) = seal_text(&key(Kem::X25519), BODY.into(), &TERMS).unwrap();
    let with = |at: usize, value: u8| {
        let mut bytes = sealed.bytes().to_vec();
        bytes[at] = value;
        keys().open(&bytes).unwrap_err().to_string()
    };
    assert_eq!(
        with(0, 9),
        "the gateway has no key with id 9 and KEM 0x0020; fetch its key configs again"
    );
    assert_eq!(
        with(6, 3),
        "KDF 0x0001 with AEAD 0x0003 was not offered; offered: HKDF-SHA256 with AES-128-GCM"
    );
}

/// RFC 9458, Appendix A: offers AES-128-GCM and ChaCha20-Poly1305.
const RFC_CONFIG: &str =
    "01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e79815500080001000100010003";

fn list(configs: &[Vec<u8>]) -> Vec<u8> {
    configs
        .iter()
        .flat_map(|c| [&(c.len() as u16).to_be_bytes()[..], c].concat())
        .collect()
}

#[test]
fn the_key_config_of_rfc_9458_appendix_a() {
    let config = hex::decode(RFC_CONFIG).unwrap();
    let key = VerifiedKey::pinned(&list(std::slice::from_ref(&config))).unwrap();
    assert_eq!(key.kem(), Kem::X25519);
    let parsed = &KeyConfig::parse(&list(&[config])).unwrap()[0];
    assert_eq!((parsed.key_id(), parsed.kem()), (1, Kem::X25519));
    // AES-128-GCM is chosen: the header of Appendix A's encapsulated request, 0100200001 0001.
    assert_eq!(
        hex::encode(&seal_text(&key, BODY.into(), &TERMS).unwrap().0.bytes()[..7]),
        "01002000010001"
    );
}

#[test]
fn x_wing_comes_first_wherever_it_stands() {
    let own = keys().config_list().unwrap();
    let x_wing_len = 2 + usize::from(u16::from_be_bytes([own[0], own[1]]));
    let swapped = [&own[x_wing_len..], &own[..x_wing_len]].concat();
    assert_eq!(VerifiedKey::pinned(&swapped).unwrap().kem(), Kem::XWing);
    assert_eq!(
        VerifiedKey::pinned(&own).unwrap(),
        VerifiedKey::pinned(&swapped).unwrap()
    );
}

#[test]
fn what_is_not_supported_is_named() {
    let mut chacha_only = hex::decode(RFC_CONFIG).unwrap();
    chacha_only.drain(37..41);
    chacha_only[36] = 4;
    let p256 = [&[3, 0x00, 0x10][..], &[4; 65], &[0, 4, 0, 1, 0, 1]].concat();
    assert_eq!(
        VerifiedKey::pinned(&list(&[chacha_only, p256]))
            .unwrap_err()
            .to_string(),
        "no usable key config; offered: X25519 (0x0020): HKDF-SHA256 (0x0001) with ChaCha20-Poly1305 (0x0003); \
         P-256 (0x0010); supported: X-Wing (0x647a) or X25519 (0x0020) with HKDF-SHA256 (0x0001) and \
         AES-128-GCM (0x0001)"
    );
    assert!(
        VerifiedKey::pinned(&[])
            .unwrap_err()
            .to_string()
            .contains("offered: nothing")
    );
}

#[test]
fn malformed_key_configs_are_errors() {
    let whole = keys().config_list().unwrap();
    let first = 2 + usize::from(u16::from_be_bytes([whole[0], whole[1]]));
    for cut in 1..whole.len() {
        let result = KeyConfig::parse(&whole[..cut]);
        // Cut between two configs, the list is shorter and whole.
        assert_eq!(result.is_ok(), cut == first, "cut at {cut}");
    }
}

#[test]
fn nothing_secret_prints() {
    let (sealed, opener) = seal_text(&key(Kem::X25519), BODY.into(), &TERMS).unwrap();
    let (request, mut sealer) = keys().open(sealed.bytes()).unwrap();
    let event = Event::Body(b"storks".to_vec());
    sealer.head(200, &[]).unwrap();
    let printed = format!(
        "{sealed:?} {opener:?} {request:?} {sealer:?} {event:?} {:?}",
        keys()
    );
    assert!(
        !printed.contains("stork") && !printed.contains("115, 116"),
        "{printed}"
    );
    assert!(printed.ends_with("GatewayKeys(<redacted>)"));
}

/// The type says where it may go; the engine's care is not needed for it.
#[test]
fn what_is_restricted_is_sealed_to_the_attested_key_alone() {
    let request = query::ChatRequest {
        messages: vec![query::Message::new(
            query::Role::User,
            "My biopsy came back.",
        )],
        ..query::ChatRequest::default()
    };
    let rules = query::PrivacyRules {
        topics: [(query::Topic::Health, query::PrivacyClass::Restricted)].into(),
        ..query::PrivacyRules::default()
    };
    let releasable = |attested: &str| {
        let statement = query::Attestation {
            key: attested.to_owned(),
            nonce: "n".to_owned(),
            hardware: "tdx".to_owned(),
            software: "gateway 1".to_owned(),
            until_ms: 1000.0,
        };
        let endpoint = privacy::Challenge::new(attested, "n").accept(&statement, 0.0, 0.0);
        let mut vault = privacy::Vault::new();
        let found = privacy::find_with(&privacy::Detector::default(), &request, &rules, &vault)
            .for_attested(&endpoint.unwrap(), 0.0);
        privacy::pseudonymize(&found, &mut vault).unwrap()
    };
    let key = key(Kem::XWing);
    assert!(seal(&key, &releasable(key.fingerprint()), &TERMS).is_ok());
    assert!(matches!(
        seal(&key, &releasable("another"), &TERMS),
        Err(Error::NotAttested { .. })
    ));
}
