//! Relay and gateway as their operators run them: bounds, drain, limits per address, readiness, metrics.

use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use oblivious_http::REQUEST_TYPE;
use query::ErrorCode;
use relay::native;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    END, ONE, QUESTION, TWO,
    rig::{Failure, Rig, Step, listen, logged, post, soon},
};

/// Status and content.
async fn get(url: &str) -> (u16, String) {
    let reply = soon(reqwest::get(url)).await.unwrap();
    (reply.status().as_u16(), reply.text().await.unwrap())
}

/// Status, code and `retry-after` of what a request comes to.
async fn refused(url: &str, headers: &[(&str, &str)]) -> (u16, String, Option<String>) {
    let mut request = reqwest::Client::new().post(url);
    for &(name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.header("content-type", REQUEST_TYPE);
    let reply = soon(request.body(vec![0xee; 600]).send()).await.unwrap();
    let header = |name: &str| {
        let value = reply.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let retry_after = header("retry-after");
    // Pages read a header of another origin only if it is exposed. They do not ask gateways.
    let exposed = header("access-control-expose-headers");
    let relays = Some("retry-after").filter(|_| !url.ends_with("/gateway"));
    assert_eq!(exposed.as_deref(), relays);
    let status = reply.status().as_u16();
    let problem: Value = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap();
    let code = problem["code"].as_str().unwrap().to_owned();
    (status, code, retry_after)
}

fn busy(status: u16, code: &str) -> (u16, String, Option<String>) {
    (status, code.to_owned(), Some("2".to_owned()))
}

#[tokio::test]
async fn who_drains_ends_what_it_has_and_takes_nothing_new() {
    let (turn_down, draining) = watch::channel(false);
    let gateway = gateway::Settings {
        draining: draining.clone(),
        ..gateway::Settings::default()
    };
    let relay = native::Settings {
        draining,
        ..native::Settings::default()
    };
    let rig = Rig::run(gateway, relay).await;
    let steps = rig.answer_steps();
    steps.send(Step::Send(ONE)).unwrap();
    let mut page = rig.ask(QUESTION).await.unwrap();
    page.status().await;
    page.body_becomes(ONE).await;
    let at = |server: &str, path: &str| format!("{server}{path}");
    for server in [&rig.relay, &rig.gateway] {
        let ready = (200, "ready".to_owned());
        assert_eq!(get(&at(server, "/readyz")).await, ready);
    }

    turn_down.send(true).unwrap();
    assert_eq!(get(&at(&rig.relay, "/readyz")).await.0, 503);
    let draining = (503, "draining".to_owned());
    assert_eq!(get(&at(&rig.gateway, "/readyz")).await, draining);
    for server in [&rig.relay, &rig.gateway] {
        assert_eq!(get(&at(server, "/healthz")).await, (200, "ok".to_owned()));
    }
    let refusal = refused(&rig.relay, &[]).await;
    assert_eq!(refusal, busy(503, "relay-unavailable"));
    let refusal = refused(&at(&rig.gateway, "/gateway"), &[]).await;
    assert_eq!(refusal, busy(503, "gateway-unavailable"));

    steps.send(Step::Send(TWO)).unwrap();
    steps.send(Step::Send(END)).unwrap();
    assert_eq!(page.finish().await.unwrap(), [ONE, TWO, END].concat());
}

#[tokio::test]
async fn above_so_many_answers_at_once_the_next_is_refused_and_told_when_to_ask_again() {
    let one_gateway = || gateway::Settings {
        max_answers: 1,
        ..gateway::Settings::default()
    };
    let one_relay = || native::Settings {
        max_answers: 1,
        ..native::Settings::default()
    };
    for (gateway, relay, code) in [
        (
            one_gateway(),
            native::Settings::default(),
            "gateway-unavailable",
        ),
        (
            gateway::Settings::default(),
            one_relay(),
            "relay-unavailable",
        ),
    ] {
        let rig = Rig::run(gateway, relay).await;
        let steps = rig.answer_steps();
        steps.send(Step::Send(ONE)).unwrap();
        let mut page = rig.ask(QUESTION).await.unwrap();
        page.status().await;
        assert_eq!(refused(&rig.relay, &[]).await, busy(503, code));
        steps.send(Step::Send(END)).unwrap();
        page.finish().await.unwrap();

        // Its place is free.
        let steps = rig.answer_steps();
        steps.send(Step::Send(END)).unwrap();
        rig.ask(QUESTION).await.unwrap().finish().await.unwrap();
    }
}

#[tokio::test]
async fn an_address_has_its_share_and_others_have_theirs() {
    let relay = native::Settings {
        per_minute: NonZeroU32::new(2),
        address_header: Some("x-forwarded-for".parse().unwrap()),
        ..native::Settings::default()
    };
    let rig = Rig::run(gateway::Settings::default(), relay).await;
    let from = async |hops: &str| refused(&rig.relay, &[("x-forwarded-for", hops)]).await;
    let passed = (400, "key-mismatch".to_owned(), None);
    // What stands before the last hop is whatever the client wrote.
    assert_eq!(from("192.0.2.1").await, passed);
    assert_eq!(from("198.51.100.9, 192.0.2.1").await, passed);
    let (status, code, retry_after) = from("203.0.113.5, 192.0.2.1").await;
    assert_eq!((status, code.as_str()), (429, "relay-rate-limited"));
    let seconds: u32 = retry_after.unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    assert_eq!(from("192.0.2.2").await, passed);
    // A network of IPv6.
    assert_eq!(from("2001:db8::1").await, passed);
    assert_eq!(from("2001:db8::2").await, passed);
    assert_eq!(from("2001:db8::3").await.0, 429);
    assert_eq!(from("2001:db8:0:1::1").await, passed);
    // Preflights and health cost nothing.
    assert_eq!(get(&format!("{}/healthz", rig.relay)).await.0, 200);
}

#[tokio::test]
async fn an_address_has_so_many_answers_at_once() {
    let relay = native::Settings {
        at_once: NonZeroU32::new(1),
        ..native::Settings::default()
    };
    let rig = Rig::run(gateway::Settings::default(), relay).await;
    let steps = rig.answer_steps();
    steps.send(Step::Send(ONE)).unwrap();
    let mut page = rig.ask(QUESTION).await.unwrap();
    page.status().await;
    let Err(Failure::Problem(429, problem)) = rig.ask(QUESTION).await else {
        panic!("no problem")
    };
    assert_eq!(
        serde_json::from_value::<ErrorCode>(problem["code"].clone()).unwrap(),
        ErrorCode::RelayRateLimited
    );
    steps.send(Step::Send(END)).unwrap();
    page.finish().await.unwrap();
    let steps = rig.answer_steps();
    steps.send(Step::Send(END)).unwrap();
    rig.ask(QUESTION).await.unwrap().finish().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_refused_or_cut() {
    let short = || gateway::Settings {
        answer_limit: Duration::from_millis(100),
        ..gateway::Settings::default()
    };
    let mut rig = Rig::with(short()).await;
    rig.answer_never();
    let mut page = rig.ask(QUESTION).await.unwrap();
    assert_eq!(page.status().await, 504);
    let error: Value = serde_json::from_str(&page.finish().await.unwrap()).unwrap();
    assert_eq!(error["error"]["code"], "upstream-failed");
    soon(rig.asked().await.gone).await.unwrap();

    let mut rig = Rig::with(short()).await;
    let steps = rig.answer_steps();
    steps.send(Step::Send(ONE)).unwrap();
    let mut page = rig.ask(QUESTION).await.unwrap();
    assert_eq!(page.status().await, 200);
    let end = page.finish().await;
    assert!(matches!(end, Err(Failure::Broken)), "{end:?}");
    soon(rig.asked().await.gone).await.unwrap();
}

#[tokio::test]
async fn a_gateway_whose_upstream_is_down_is_not_ready() {
    let rig = Rig::before("http://127.0.0.1:9/v1").await;
    let ready = format!("{}/readyz", rig.gateway);
    for _ in 0..3 {
        assert_eq!(get(&ready).await.0, 200);
        rig.ask(QUESTION).await.unwrap().finish().await.unwrap();
    }
    let why = "the cloud model's server failed again and again just now";
    assert_eq!(get(&ready).await, (503, why.to_owned()));
}

#[tokio::test]
async fn a_gateway_whose_keys_have_expired_is_not_ready() {
    let keys = oblivious_http::GatewayKeys::generate().unwrap();
    let ring = gateway::KeyRing::new(keys, None, Some(1));
    let upstream = gateway::Upstream::new(
        gateway::Kind::OpenAi,
        "http://127.0.0.1:9/v1",
        None,
        gateway::SILENCE,
    );
    let app = gateway::app(ring, upstream.unwrap(), gateway::Settings::default());
    let gateway = listen(app.unwrap()).await;
    let why = "all keys have expired; use `tidegate keys rotate --lead-hours 0`";
    let ready = get(&format!("{gateway}/readyz")).await;
    assert_eq!(ready, (503, why.to_owned()));
}

/// Names with their labels, values left out; of labels that say how something ended, the values too.
fn series(page: &str) -> BTreeSet<String> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let series = line.rsplit_once(' ').unwrap().0;
            match series.split_once("{le=") {
                Some((name, _)) => format!("{name}{{le}}"),
                None => series.to_owned(),
            }
        })
        .collect()
}

/// All series of a server: what each has, and its requests by how they ended.
fn expected(server: &str, times: [&str; 2], outcomes: &[&str]) -> BTreeSet<String> {
    let of_times = times.iter().flat_map(|time| {
        ["_bucket{le}", "_count", "_sum"]
            .map(|part| format!("tidegate_{server}_{time}_seconds{part}"))
    });
    let others = [
        "answers_under_way",
        "reply_bytes_total",
        "request_bytes_total",
    ];
    let others = others.map(|name| format!("tidegate_{server}_{name}"));
    let outcomes = outcomes
        .iter()
        .map(|outcome| format!("tidegate_{server}_requests_total{{outcome=\"{outcome}\"}}"));
    of_times.chain(others).chain(outcomes).collect()
}

#[tokio::test]
async fn metrics_are_counts_and_nothing_that_anybody_said_is_in_them_or_in_the_logs() {
    const CANARIES: [&str; 7] = [
        "hippogriff",
        "manticore",
        "cockatrice",
        "basilisk",
        "wyvern",
        "chimaera",
        "amphisbaena",
    ];
    let gateway = gateway::Settings::default();
    let relay = native::Settings {
        address_header: Some("x-forwarded-for".parse().unwrap()),
        ..native::Settings::default()
    };
    let (of_gateway, of_relay) = (gateway.metrics.clone(), relay.metrics.clone());
    let rig = Rig::run(gateway, relay).await;

    let steps = rig.answer_steps();
    let said = "data: {\"choices\":[{\"delta\":{\"content\":\"manticore\"}}]}\n\n";
    steps.send(Step::Send(said)).unwrap();
    steps.send(Step::Send(END)).unwrap();
    rig.ask("hippogriff").await.unwrap().finish().await.unwrap();
    rig.answer_status(500);
    rig.ask("cockatrice").await.unwrap().finish().await.unwrap();
    let steps = rig.answer_steps();
    steps.send(Step::Send(said)).unwrap();
    let mut page = rig.ask("basilisk").await.unwrap();
    page.status().await;
    page.body_becomes(said).await;
    steps.send(Step::Cut).unwrap();
    let end = page.finish().await;
    assert!(matches!(end, Err(Failure::Broken)), "{end:?}");
    let mut rig = rig;
    while rig.asked_beside() > 0 {}
    rig.answer_never();
    let page = rig.ask("wyvern").await.unwrap();
    let asked = rig.asked().await;
    drop(page);
    soon(asked.gone).await.unwrap();
    // Errors in the clear: of the gateway, and of the relay, with what a browser may tell.
    let headers = [
        ("x-forwarded-for", "203.0.113.77"),
        ("chimaera", "chimaera"),
    ];
    refused(&rig.relay, &headers).await;
    refused(&format!("{}/amphisbaena?amphisbaena", rig.relay), &headers).await;
    post(&rig.relay, "text/amphisbaena", b"amphisbaena".to_vec()).await;
    get(&format!("{}/key-directory", rig.relay)).await;

    // The relay writes down a page that went away when it has noticed it.
    let relayed = expected(
        "relay",
        ["head", "reply"],
        &[
            "abandoned",
            "cut",
            "gateway-refused",
            "gateway-unavailable",
            "invalid-request",
            "relayed",
        ],
    );
    soon(async {
        while !of_relay.encode().contains("\"abandoned\"") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(series(&of_relay.encode()), relayed);
    let answered = expected(
        "gateway",
        ["head", "answer"],
        &[
            "abandoned",
            "answered",
            "key-mismatch",
            "upstream-failed",
            "upstream-interrupted",
        ],
    );
    assert_eq!(series(&of_gateway.encode()), answered);
    let zero = "_answers_under_way 0\n";
    for page in [of_gateway.encode(), of_relay.encode()] {
        assert!(page.contains(zero) && page.ends_with("# EOF\n"), "{page}");
        for canary in CANARIES {
            assert!(!page.contains(canary), "{canary} is in {page}");
        }
        assert!(!page.contains("203.0.113") && !page.contains("127.0.0.1"));
    }
    let logged = logged();
    assert!(logged.contains("refused") && logged.contains("ended"));
    // Libraries below log what they are sent at their finest levels; ours do not.
    let ours = logged
        .lines()
        .filter(|line| line.contains(" gateway") || line.contains(" relay"));
    for line in ours {
        for canary in CANARIES.iter().chain(&["203.0.113"]) {
            assert!(!line.contains(canary), "{canary} is in {line}");
        }
    }
}
