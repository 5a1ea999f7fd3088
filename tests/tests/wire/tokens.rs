//! Who may ask: tokens from a real issuer, blinded and unblinded by a library, spent at a real gateway.

use std::{path::PathBuf, sync::LazyLock, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use blind_rsa_signatures::{BlindSignature, DefaultRng, PublicKeySha384PSSDeterministic as Public};
use gateway::{Settings, Tokens};
use issuer::{App, AppsFile, KeyRing, Lifetime};
use oblivious_http::Terms;
use privacy_pass::{
    BATCH_REQUEST_TYPE, BATCH_RESPONSE_TYPE, Batch, Challenge, IssuerKey, TokenRequest,
};
use serde_json::Value;

use crate::{
    END, QUESTION,
    rig::{Rig, Step, listen, sealed, send, soon, terms},
};

static KEY: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::generate().unwrap());

fn challenge() -> Challenge {
    Challenge::new("issuer.example", "gateway.example").unwrap()
}

/// A gateway that takes tokens, and the folder where it remembers them.
struct Taking {
    rig: Rig,
    folder: PathBuf,
    tokens: Tokens,
}

impl Taking {
    async fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("wire-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let keys = vec![(KEY.public().clone(), u64::MAX)];
        let tokens = Tokens::open(challenge(), keys, &folder, 0).unwrap();
        let settings = Settings {
            tokens: Some(tokens.clone()),
            ..Settings::default()
        };
        Self {
            rig: Rig::with(settings).await,
            folder,
            tokens,
        }
    }

    /// Asks with this token: status, code of the error, challenge.
    async fn ask(&self, token: Option<&str>) -> (u16, Value, Option<String>) {
        let terms = Terms { token, ..terms() };
        let (request, opener) = sealed(&self.rig.key(), QUESTION, &terms);
        let mut page = send(&self.rig.relay, &request, opener).await.unwrap();
        let status = page.status().await;
        let mut headers = page.headers.iter();
        let challenge = headers.find(|(name, _)| name == "www-authenticate");
        let challenge = challenge.map(|(_, value)| value.clone());
        let body = page.finish().await.unwrap();
        let code = serde_json::from_str(&body)
            .map_or(Value::Null, |json: Value| json["error"]["code"].clone());
        (status, code, challenge)
    }

    /// The next question is answered.
    fn answers(&self) {
        self.rig.answer_steps().send(Step::Send(END)).unwrap();
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Tokens for a challenge: a back end forwards what a page blinded, and the page unblinds the answer.
async fn fetch(key: &IssuerKey, challenge: &Challenge, count: usize) -> Vec<String> {
    let always = Lifetime {
        not_before: 0,
        not_after: u64::MAX,
    };
    let apps = AppsFile {
        apps: vec![App::new("an app", "the back end's key", 100)],
    };
    let ring = KeyRing::new(vec![(key.clone(), always)]);
    let issuer = listen(issuer::app(ring, apps.into(), SystemTime::now)).await;

    let public = Public::from_spki(&URL_SAFE.decode(key.public().to_base64()).unwrap()).unwrap();
    let blinded = (0..count).map(|_| {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).unwrap();
        let signed = [&[0, 2][..], &nonce, &challenge.digest(), &key.public().id()].concat();
        let blinding = public.blind(&mut DefaultRng, &signed).unwrap();
        (signed, blinding)
    });
    let blinded: Vec<_> = blinded.collect();
    let requests = blinded.iter().map(|(_, blinding)| TokenRequest {
        truncated_key_id: key.public().truncated_id(),
        blinded: blinding.blind_message.0.clone().try_into().unwrap(),
    });
    let request = reqwest::Client::new()
        .post(format!("{issuer}/token-request"))
        .bearer_auth("the back end's key")
        .header("content-type", BATCH_REQUEST_TYPE)
        .body(Batch(requests.collect()).bytes());
    let reply = soon(request.send()).await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["content-type"], BATCH_RESPONSE_TYPE);
    let reply = soon(reply.bytes()).await.unwrap();
    // Behind the length: whether there is one, the type, the signature.
    let signatures = reply[reply.len() - count * 259..].chunks(259);
    let tokens = blinded
        .iter()
        .zip(signatures)
        .map(|((signed, blinding), answer)| {
            assert_eq!(answer[..3], [1, 0, 2]);
            let signature = BlindSignature(answer[3..].to_vec());
            let signature = public.finalize(&signature, blinding, signed).unwrap();
            URL_SAFE.encode([&signed[..], &signature.0].concat())
        });
    tokens.collect()
}

#[tokio::test]
async fn a_token_pays_for_one_answer() {
    let mut taking = Taking::start("once").await;
    let tokens = fetch(&KEY, &challenge(), 2).await;
    for token in &tokens {
        taking.answers();
        assert_eq!(taking.ask(Some(token)).await, (200, Value::Null, None));
        let asked = taking.rig.asked().await;
        // It goes no further.
        assert!(!asked.headers.contains_key("www-authenticate"));
        assert!(!asked.body.contains(token));
        let authorization = asked.headers["authorization"].to_str().unwrap();
        assert!(authorization.starts_with("Bearer "), "{authorization}");
    }
    let asked = challenge().header(KEY.public());
    for token in &tokens {
        let refused = (401, "token-spent".into(), Some(asked.clone()));
        assert_eq!(taking.ask(Some(token)).await, refused);
    }
    assert_eq!(taking.rig.asked_beside(), 0);
}

#[tokio::test]
async fn what_is_no_token_of_the_issuers_gets_the_challenge_and_no_answer() {
    let mut taking = Taking::start("refused").await;
    let elsewhere = Challenge::new("issuer.example", "another.example").unwrap();
    let stranger = IssuerKey::generate().unwrap();
    let of_another = fetch(&KEY, &elsewhere, 1).await.remove(0);
    let of_a_stranger = fetch(&stranger, &challenge(), 1).await.remove(0);
    let asked = challenge().header(KEY.public());
    for (token, code) in [
        (None, "token-required"),
        (Some("AAAA"), "token-refused"),
        (Some(of_another.as_str()), "token-refused"),
        (Some(of_a_stranger.as_str()), "token-refused"),
    ] {
        let refused = (401, code.into(), Some(asked.clone()));
        assert_eq!(taking.ask(token).await, refused);
    }
    // A key whose time is over.
    let token = fetch(&KEY, &challenge(), 1).await.remove(0);
    taking.tokens.replace(vec![(KEY.public().clone(), 1)], 2);
    assert_eq!(taking.ask(Some(&token)).await.1, "token-refused");
    assert_eq!(taking.rig.asked_beside(), 0);
}

#[tokio::test]
async fn of_many_questions_at_once_with_one_token_one_is_answered() {
    let mut taking = Taking::start("double").await;
    let token = fetch(&KEY, &challenge(), 1).await.remove(0);
    taking.answers();
    let asking = (0..20).map(|_| taking.ask(Some(&token)));
    let results = futures::future::join_all(asking).await;
    let answered = results.iter().filter(|(status, ..)| *status == 200).count();
    let spent = results.iter().filter(|(_, code, _)| code == "token-spent");
    assert_eq!((answered, spent.count()), (1, 19));
    taking.rig.asked().await;
    assert_eq!(taking.rig.asked_beside(), 0);
}

#[tokio::test]
async fn a_request_of_a_wrong_date_costs_no_token() {
    let mut taking = Taking::start("unspent").await;
    let token = fetch(&KEY, &challenge(), 1).await.remove(0);
    let skewed = Terms {
        date_s: 0,
        token: Some(&token),
        ..terms()
    };
    let (request, opener) = sealed(&taking.rig.key(), QUESTION, &skewed);
    let mut page = send(&taking.rig.relay, &request, opener).await.unwrap();
    assert_eq!(page.status().await, 400);

    taking.answers();
    let dated = Terms {
        token: Some(&token),
        ..terms()
    };
    let (request, opener) = sealed(&taking.rig.key(), QUESTION, &dated);
    let page = send(&taking.rig.relay, &request, opener).await.unwrap();
    assert_eq!(page.finish().await.unwrap(), END);
    taking.rig.asked().await;
}
