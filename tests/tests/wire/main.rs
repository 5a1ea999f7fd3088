//! The sealed path over real sockets: page -> relay -> gateway -> upstream, and back.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the rig is test code, too: a failure is a panic"
)]

mod anthropic;
mod operating;
mod replay;
mod rig;
mod tokens;
mod traffic;

use std::time::{Duration, Instant};

use oblivious_http::{Error, GatewayKeys, KEYS_TYPE, REPLY_TYPE, REQUEST_TYPE, VerifiedKey};
use query::CloudState;
use rig::{Failure, Rig, Step, UPSTREAM_KEY, ask, listen, logged, post, soon};
use router::{RateLimit, Schedule};
use serde_json::{Value, json};

const QUESTION: &str = "Where do storks sleep?";
const ONE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"In \"}}]}\n\n";
const TWO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"nests.\"}}]}\n\n";
const END: &str = "data: [DONE]\n\n";

#[tokio::test]
async fn an_answer_comes_piece_by_piece() {
    let rig = Rig::start().await;
    let steps = rig.answer_steps();
    steps.send(Step::Send(ONE)).unwrap();
    let mut page = rig.ask(QUESTION).await.unwrap();
    assert_eq!(page.status().await, 200);
    // The upstream sends the next piece only after the page has seen the one before.
    page.body_becomes(ONE).await;
    steps.send(Step::Send(TWO)).unwrap();
    page.body_becomes(&[ONE, TWO].concat()).await;
    steps.send(Step::Send(END)).unwrap();
    assert_eq!(page.finish().await.unwrap(), [ONE, TWO, END].concat());
}

#[tokio::test]
async fn silence_is_filled_with_signs_of_life_that_are_no_content() {
    let rig = Rig::start().await;
    rig.answer_never();
    rig.ask(QUESTION)
        .await
        .unwrap()
        .a_sign_of_life_comes()
        .await;

    let steps = rig.answer_steps();
    let mut page = rig.ask(QUESTION).await.unwrap();
    assert_eq!(page.status().await, 200);
    page.a_sign_of_life_comes().await;
    steps.send(Step::Send(ONE)).unwrap();
    page.body_becomes(ONE).await;
    page.a_sign_of_life_comes().await;
    steps.send(Step::Send(END)).unwrap();
    assert_eq!(page.finish().await.unwrap(), [ONE, END].concat());
}

#[tokio::test]
async fn the_upstream_gets_exactly_what_was_sealed_and_nothing_of_the_browser() {
    let mut rig = Rig::start().await;
    let steps = rig.answer_steps();
    steps.send(Step::Send(END)).unwrap();
    let page = rig
        .ask("Write to jane.doe@example.com about storks")
        .await
        .unwrap();
    let asked = rig.asked().await;
    assert_eq!(asked.path, "/v1/chat/completions");
    assert_eq!(asked.body, page.text);
    assert_eq!(
        serde_json::from_str::<Value>(&asked.body).unwrap(),
        json!({
            "messages": [{ "role": "user", "content": "Write to [EMAIL_1] about storks" }],
            "model": "cloud-model",
            "stream": true,
            "stream_options": { "include_usage": true },
        })
    );
    let mut headers: Vec<&str> = asked.headers.keys().map(|name| name.as_str()).collect();
    headers.sort_unstable();
    assert_eq!(
        headers,
        [
            "accept",
            "authorization",
            "content-length",
            "content-type",
            "host"
        ]
    );
    assert_eq!(
        asked.headers["authorization"],
        format!("Bearer {UPSTREAM_KEY}")
    );
}

#[tokio::test]
async fn leaving_in_mid_answer_stops_the_upstream_within_a_second() {
    let mut rig = Rig::start().await;
    let steps = rig.answer_steps();
    steps.send(Step::Send(ONE)).unwrap();
    let mut page = rig.ask(QUESTION).await.unwrap();
    page.status().await;
    page.body_becomes(ONE).await;
    let asked = rig.asked().await;
    let left = Instant::now();
    drop(page);
    soon(asked.gone).await.unwrap();
    assert!(
        left.elapsed() < Duration::from_secs(1),
        "{:?}",
        left.elapsed()
    );
}

#[tokio::test]
async fn leaving_before_the_answer_stops_a_silent_upstream_within_a_second() {
    let mut rig = Rig::start().await;
    rig.answer_never();
    let page = rig.ask(QUESTION).await.unwrap();
    let asked = rig.asked().await;
    let left = Instant::now();
    drop(page);
    soon(asked.gone).await.unwrap();
    assert!(
        left.elapsed() < Duration::from_secs(1),
        "{:?}",
        left.elapsed()
    );
}

#[tokio::test]
async fn refusals_of_the_upstream_arrive_sealed() {
    for (upstream, status, code) in [
        (401, 502, "upstream-unauthorized"),
        (403, 502, "upstream-unauthorized"),
        (404, 400, "invalid-request"),
        (429, 429, "upstream-rate-limited"),
        (500, 502, "upstream-failed"),
        (302, 502, "upstream-failed"),
        (204, 502, "upstream-failed"),
    ] {
        let rig = Rig::start().await;
        rig.answer_status(upstream);
        let mut page = rig.ask(QUESTION).await.unwrap();
        assert_eq!(page.status().await, status, "upstream {upstream}");
        let error: Value = serde_json::from_str(&page.finish().await.unwrap()).unwrap();
        assert_eq!(error["error"]["code"], code, "upstream {upstream}");
    }
}

#[tokio::test]
async fn what_an_upstream_says_of_its_rate_limit_reaches_the_router_inside_the_seal() {
    let rig = Rig::start().await;
    rig.answer_limited(&[("retry-after", "7"), ("set-cookie", "account=1")]);
    let mut page = rig.ask(QUESTION).await.unwrap();
    assert_eq!(page.status().await, 429);
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let sealed = [
        field("content-type", "application/json"),
        field("retry-after", "7"),
    ];
    assert_eq!(page.headers, sealed);

    // As the engine does with what it opened.
    let fields = page
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let mut schedule = Schedule::default();
    schedule.cloud_refused(1_000.0, &RateLimit::read(fields));
    let scarcity = |now_ms| schedule.cloud(now_ms, CloudState::default()).scarcity;
    assert_eq!([scarcity(7_999.0), scarcity(8_001.0)], [1.0, 0.0]);
}

#[tokio::test]
async fn an_upstream_that_is_down_is_a_sealed_error() {
    let rig = Rig::before("http://127.0.0.1:9/v1").await;
    let mut page = rig.ask(QUESTION).await.unwrap();
    assert_eq!(page.status().await, 502);
    let error: Value = serde_json::from_str(&page.finish().await.unwrap()).unwrap();
    assert_eq!(
        error,
        json!({ "error": {
            "code": "upstream-failed",
            "message": "the gateway cannot reach the cloud model; try again later",
        } })
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_whole() {
    for (name, last) in [
        ("connection cut", Step::Cut),
        ("end without [DONE]", Step::End),
        (
            "error in the stream",
            Step::Send("data: {\"error\":{\"code\":500}}\n\n"),
        ),
    ] {
        let rig = Rig::start().await;
        let steps = rig.answer_steps();
        steps.send(Step::Send(ONE)).unwrap();
        let mut page = rig.ask(QUESTION).await.unwrap();
        page.status().await;
        page.body_becomes(ONE).await;
        let broken = Instant::now();
        steps.send(last).unwrap();
        let end = page.finish().await;
        assert!(
            matches!(end, Err(Failure::Broken | Failure::Seal(Error::Truncated))),
            "{name}: {end:?}"
        );
        assert!(
            broken.elapsed() < Duration::from_secs(1),
            "{name}: {:?}",
            broken.elapsed()
        );
    }
}

#[tokio::test]
async fn a_gateway_that_is_down_is_a_problem_of_the_relays() {
    let app = relay::native::app("http://127.0.0.1:9", relay::native::Settings::default());
    let relay = listen(app.unwrap()).await;
    let key =
        VerifiedKey::pinned(&GatewayKeys::generate().unwrap().config_list().unwrap()).unwrap();
    let Err(Failure::Problem(502, problem)) = ask(&relay, &key, QUESTION).await else {
        panic!("no problem")
    };
    assert_eq!(
        problem,
        json!({
            "status": 502,
            "title": "the gateway cannot be reached; try again",
            "code": "gateway-unavailable",
        })
    );
}

#[tokio::test]
async fn a_request_to_another_key_is_a_key_problem() {
    let rig = Rig::start().await;
    let other =
        VerifiedKey::pinned(&GatewayKeys::generate().unwrap().config_list().unwrap()).unwrap();
    let Err(Failure::Problem(400, problem)) = ask(&rig.relay, &other, QUESTION).await else {
        panic!("no problem")
    };
    assert_eq!(problem["code"], "key-mismatch");
    assert_eq!(
        problem["type"],
        "https://iana.org/assignments/http-problem-types#ohttp-key"
    );
}

#[tokio::test]
async fn the_gateway_publishes_the_configs_that_pages_pin() {
    let rig = Rig::start().await;
    let reply = reqwest::get(format!("{}/ohttp-keys", rig.gateway))
        .await
        .unwrap();
    assert_eq!(reply.headers()["content-type"], KEYS_TYPE);
    assert_eq!(
        reply.bytes().await.unwrap(),
        rig.keys.config_list().unwrap()
    );
}

/// Status and code of what relay and gateway say to a body that is no sealed request of ours.
#[tokio::test]
async fn what_is_no_sealed_request_is_refused() {
    let rig = Rig::start().await;
    let gateway = format!("{}/gateway", rig.gateway);
    for (name, url, content_type, body, status, code) in [
        (
            "garbage",
            &rig.relay,
            REQUEST_TYPE,
            vec![0xee; 2000],
            400,
            "key-mismatch",
        ),
        (
            "too short",
            &rig.relay,
            REQUEST_TYPE,
            vec![1, 0x64, 0x7a],
            400,
            "seal-broken",
        ),
        (
            "empty",
            &rig.relay,
            REQUEST_TYPE,
            vec![],
            411,
            "invalid-request",
        ),
        ("empty", &gateway, REQUEST_TYPE, vec![], 400, "seal-broken"),
        (
            "plain JSON",
            &rig.relay,
            "application/json",
            b"{}".to_vec(),
            415,
            "invalid-request",
        ),
        (
            "plain JSON",
            &gateway,
            "application/json",
            b"{}".to_vec(),
            415,
            "invalid-request",
        ),
        (
            "oversize",
            &rig.relay,
            REQUEST_TYPE,
            vec![0; 2 << 20],
            413,
            "invalid-request",
        ),
        (
            "oversize",
            &gateway,
            REQUEST_TYPE,
            vec![0; 2 << 20],
            413,
            "invalid-request",
        ),
    ] {
        let reply = post(url, content_type, body).await;
        assert_eq!(reply.status(), status, "{name} to {url}");
        assert_eq!(
            reply.headers()["content-type"],
            "application/problem+json",
            "{name} to {url}"
        );
        let problem: Value = serde_json::from_str(&reply.text().await.unwrap()).unwrap();
        assert_eq!(problem["code"], code, "{name} to {url}");
    }
}

#[tokio::test]
async fn pages_of_any_origin_may_use_the_relay() {
    let rig = Rig::start().await;
    let preflight = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, &rig.relay)
        .header("origin", "https://page.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    assert_eq!(
        preflight.headers()["access-control-allow-headers"],
        "content-type"
    );
    rig.answer_status(500);
    let key = rig.keys.config_list().unwrap();
    let refused = post(&rig.relay, REQUEST_TYPE, key).await;
    // Errors too must be readable by the page.
    assert_eq!(refused.headers()["access-control-allow-origin"], "*");
    assert_ne!(refused.headers()["content-type"], REPLY_TYPE);
}

#[tokio::test]
async fn no_word_of_a_query_is_logged() {
    let rig = Rig::start().await;
    let steps = rig.answer_steps();
    steps
        .send(Step::Send(
            "data: {\"choices\":[{\"delta\":{\"content\":\"quadrille\"}}]}\n\n",
        ))
        .unwrap();
    steps.send(Step::Send(END)).unwrap();
    rig.ask("Is a zebrafinch a bird? Ask tom.archer@example.org.")
        .await
        .unwrap()
        .finish()
        .await
        .unwrap();
    let rig = Rig::start().await;
    rig.answer_status(500);
    rig.ask("Is a zebrafinch a bird?")
        .await
        .unwrap()
        .finish()
        .await
        .unwrap();

    let logged = logged().to_lowercase();
    for wanted in ["relayed", "answered"] {
        assert!(
            logged.contains(wanted),
            "nothing was logged as {wanted}: this test would see nothing"
        );
    }
    for word in [
        "zebrafinch",
        "archer",
        "quadrille",
        "browser of somebody",
        "who=somebody",
        UPSTREAM_KEY,
    ] {
        assert!(!logged.contains(word), "{word} is in the logs");
    }
}
