//! A request that is too old, too new, or comes again.

use oblivious_http::{Event, Opener, REQUEST_TYPE, Terms, date};
use serde_json::Value;

use crate::{
    END, QUESTION,
    rig::{Rig, Step, post, sealed, send, terms},
};

/// Status, date and content of a sealed reply.
async fn opened(mut reply: reqwest::Response, mut opener: Opener) -> (u16, Option<u64>, Vec<u8>) {
    let mut events = Vec::new();
    while let Some(chunk) = reply.chunk().await.unwrap() {
        events.extend(opener.push(&chunk).unwrap());
    }
    events.extend(opener.finish().unwrap());
    let mut events = events.into_iter();
    let Some(Event::Head { status, headers }) = events.next() else {
        panic!("no head")
    };
    let body = events.flat_map(|event| match event {
        Event::Body(bytes) => bytes,
        Event::Head { .. } => panic!("two heads"),
    });
    let mut headers = headers.iter();
    let given = headers.find(|(name, _)| name == "date");
    let given = given.and_then(|(_, value)| date::parse(value));
    (status, given, body.collect())
}

#[tokio::test]
async fn a_repeated_request_is_refused_and_the_upstream_asked_once() {
    let mut rig = Rig::start().await;
    rig.answer_steps().send(Step::Send(END)).unwrap();
    let (request, opener) = sealed(&rig.key(), QUESTION, &terms());
    let first = post(&rig.relay, REQUEST_TYPE, request.bytes().to_vec()).await;
    rig.asked().await;
    first.bytes().await.unwrap();

    // As whoever kept it on the way would send it.
    let reply = send(&rig.relay, &request, opener).await.unwrap();
    let (reply, opener) = reply.into_parts();
    let (status, _, body) = opened(reply, opener).await;
    let error: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &error["error"]["code"]), (400, &"replayed".into()));
    assert_eq!(rig.asked_beside(), 0);
}

#[tokio::test]
async fn a_wrong_date_is_refused_with_the_gateways_which_is_then_taken() {
    let mut rig = Rig::start().await;
    for off in [-3600, 3600, i64::MIN / 2] {
        let skewed = Terms {
            date_s: terms().date_s.saturating_add_signed(off),
            ..terms()
        };
        let (request, opener) = sealed(&rig.key(), QUESTION, &skewed);
        let reply = send(&rig.relay, &request, opener).await.unwrap();
        let (reply, opener) = reply.into_parts();
        let (status, date, body) = opened(reply, opener).await;
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (status, &problem["error"]["code"]),
            (400, &"clock-skewed".into())
        );
        assert_eq!(
            problem["type"],
            "https://iana.org/assignments/http-problem-types#date"
        );
        assert_eq!(rig.asked_beside(), 0);

        rig.answer_steps().send(Step::Send(END)).unwrap();
        let corrected = Terms {
            date_s: date.unwrap(),
            ..terms()
        };
        let (request, opener) = sealed(&rig.key(), QUESTION, &corrected);
        let page = send(&rig.relay, &request, opener).await.unwrap();
        assert_eq!(page.finish().await.unwrap(), END);
        rig.asked().await;
    }
}
