//! Anthropic's Messages API as the upstream: what the page sends and reads is the same.

use serde_json::{Value, json};

use crate::{
    QUESTION,
    rig::{Failure, Rig, Step, UPSTREAM_KEY},
};

/// As Anthropic's documentation of streaming shows it.
const TEXT: &str = include_str!("../../../crates/gateway/src/anthropic/recorded/text.txt");
const OVERLOADED: &str = "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": \"Overloaded\"}}\n\n";

/// What the page gets of an answer.
fn data(content: &str) -> Vec<Value> {
    let events = content.strip_suffix("data: [DONE]\n\n").unwrap();
    let events = events.split_terminator("\n\n");
    let data = events.map(|event| event.strip_prefix("data: ").unwrap());
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

#[tokio::test]
async fn a_question_and_its_answer_are_translated() {
    let mut rig = Rig::anthropic().await;
    let steps = rig.answer_steps();
    // Each byte in a chunk of its own.
    for at in 0..TEXT.len() {
        steps.send(Step::Send(&TEXT[at..=at])).unwrap();
    }
    steps.send(Step::End).unwrap();
    let mut page = rig.ask(QUESTION).await.unwrap();
    assert_eq!(page.status().await, 200);
    let text = |text: &str| json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
    let first =
        json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" } }] });
    let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    let usage = json!({ "choices": [], "usage": {
        "prompt_tokens": 25, "completion_tokens": 15, "total_tokens": 40,
        "prompt_tokens_details": { "cached_tokens": 0 },
    } });
    let content = page.finish().await.unwrap();
    assert_eq!(
        data(&content),
        [first, text("Hello"), text("!"), end, usage]
    );

    let asked = rig.asked().await;
    assert_eq!(asked.path, "/v1/messages");
    assert_eq!(
        serde_json::from_str::<Value>(&asked.body).unwrap(),
        json!({
            "model": "cloud-model",
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": QUESTION }] }],
            "max_tokens": 4096,
            "stream": true,
        })
    );
    let mut headers: Vec<(&str, &str)> = asked
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .filter(|(name, _)| !["host", "content-length"].contains(name))
        .collect();
    headers.sort_unstable();
    assert_eq!(
        headers,
        [
            ("accept", "text/event-stream"),
            ("anthropic-version", "2023-06-01"),
            ("content-type", "application/json"),
            ("x-api-key", UPSTREAM_KEY),
        ]
    );
}

#[tokio::test]
async fn errors_have_the_codes_that_the_page_knows() {
    for (status, code, sealed) in [
        (429, "upstream-rate-limited", 429),
        (529, "upstream-rate-limited", 429),
        (401, "upstream-unauthorized", 502),
        (400, "invalid-request", 400),
        (500, "upstream-failed", 502),
    ] {
        let rig = Rig::anthropic().await;
        rig.answer_status(status);
        let mut page = rig.ask(QUESTION).await.unwrap();
        assert_eq!(page.status().await, sealed, "{status}");
        let error: Value = serde_json::from_str(&page.finish().await.unwrap()).unwrap();
        assert_eq!(error["error"]["code"], code, "{status}");
    }
    // An error although the status was none: before the answer it is one, in mid-answer the answer breaks off.
    let rig = Rig::anthropic().await;
    let steps = rig.answer_steps();
    steps.send(Step::Send(OVERLOADED)).unwrap();
    let mut page = rig.ask(QUESTION).await.unwrap();
    assert_eq!(page.status().await, 429);

    for last in [Step::Send(OVERLOADED), Step::End, Step::Cut] {
        let rig = Rig::anthropic().await;
        let steps = rig.answer_steps();
        let beginning = TEXT.find("event: content_block_stop").unwrap();
        steps.send(Step::Send(&TEXT[..beginning])).unwrap();
        let mut page = rig.ask(QUESTION).await.unwrap();
        assert_eq!(page.status().await, 200);
        steps.send(last).unwrap();
        let end = page.finish().await;
        assert!(
            matches!(end, Err(Failure::Broken | Failure::Seal(_))),
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn when_to_ask_again_reaches_the_page() {
    let rig = Rig::anthropic().await;
    rig.answer_limited(&[
        ("retry-after", "7"),
        ("anthropic-ratelimit-requests-remaining", "0"),
    ]);
    let mut page = rig.ask(QUESTION).await.unwrap();
    assert_eq!(page.status().await, 429);
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let fields = [
        field("content-type", "application/json"),
        field("retry-after", "7"),
        field("x-ratelimit-remaining-requests", "0"),
    ];
    assert_eq!(page.headers, fields);
}
