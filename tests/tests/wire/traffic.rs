//! What a relay sees of answers that go out in cells.

use gateway::Settings;
use oblivious_http::{Event, Terms};
use query::Traffic;
use serde_json::Value;

use crate::{
    END,
    rig::{Rig, Step, sealed, send, terms},
};

/// What one answer was: the traffic that was granted, its text, and its bytes on the wire.
async fn answer(
    wanted: Traffic,
    settings: Settings,
    question: &str,
    pieces: &[&'static str],
) -> (String, String, usize) {
    let rig = Rig::with(settings).await;
    let steps = rig.answer_steps();
    for piece in pieces {
        steps.send(Step::Send(piece)).unwrap();
    }
    steps.send(Step::Send(END)).unwrap();
    let terms = Terms {
        traffic: wanted,
        ..terms()
    };
    let (request, opener) = sealed(&rig.key(), question, &terms);
    let page = send(&rig.relay, &request, opener).await.unwrap();
    let (mut reply, mut opener) = page.into_parts();
    let (mut events, mut length) = (Vec::new(), 0);
    while let Some(chunk) = reply.chunk().await.unwrap() {
        length += chunk.len();
        events.extend(opener.push(&chunk).unwrap());
    }
    events.extend(opener.finish().unwrap());
    let (mut granted, mut content) = (None, Vec::new());
    for event in events {
        match event {
            Event::Head { status, headers } => {
                assert_eq!(status, 200);
                let mut headers = headers.into_iter();
                granted = headers.find(|(name, _)| name == Traffic::FIELD);
            }
            Event::Body(bytes) => content.extend(bytes),
        }
    }
    let content = String::from_utf8(content).unwrap();
    let data = content
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let text = data.filter(|data| *data != "[DONE]").map(|data| {
        let event: Value = serde_json::from_str(data).unwrap();
        let text = event["choices"][0]["delta"]["content"].as_str();
        text.unwrap().to_owned()
    });
    (granted.unwrap().1, text.collect(), length)
}

const SHORT: &[&str] = &["data: {\"choices\":[{\"delta\":{\"content\":\"No.\"}}]}\n\n"];
const LONG: &[&str] = &[
    "data: {\"choices\":[{\"delta\":{\"content\":\"Storks \"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"sleep \"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"in their nests, on one leg, mostly on roofs.\"}}]}\n\n",
];

#[tokio::test]
async fn answers_of_about_one_length_look_the_same_on_the_way() {
    let all = Settings::default;
    let (short, long) = tokio::join!(
        answer(Traffic::Balanced, all(), "Do storks sleep?", SHORT),
        answer(Traffic::Balanced, all(), "Where do they sleep?", LONG),
    );
    assert_eq!((short.0.as_str(), short.1.as_str()), ("balanced", "No."));
    let text = "Storks sleep in their nests, on one leg, mostly on roofs.";
    assert_eq!((long.0.as_str(), long.1.as_str()), ("balanced", text));
    assert_eq!(short.2, long.2);

    let (short, long) = tokio::join!(
        answer(Traffic::Off, all(), "Do storks sleep?", SHORT),
        answer(Traffic::Off, all(), "Where do they sleep?", LONG),
    );
    assert!(short.2 < long.2, "without cells, more is longer");
}

#[tokio::test]
async fn the_gateway_has_the_last_word_on_how_answers_travel() {
    let bounded = |traffic| Settings {
        traffic,
        ..Settings::default()
    };
    let balanced = Traffic::Balanced..=Traffic::Balanced;
    let at_most = bounded(Traffic::Off..=Traffic::Off);
    let (raised, lowered) = tokio::join!(
        answer(Traffic::Off, bounded(balanced), "Do storks sleep?", SHORT),
        answer(Traffic::Strict, at_most, "Do storks sleep?", SHORT),
    );
    assert_eq!((raised.0.as_str(), raised.1.as_str()), ("balanced", "No."));
    assert_eq!((lowered.0.as_str(), lowered.1.as_str()), ("off", "No."));
}
