//! The page's answer is kept, marked, or the cloud answers instead.

use std::{cell::Cell, ops::ControlFlow};

use engine::{Decision, LocalAnswer, LocalModel, OnPart, Part};
use query::{
    Doubt, DoubtCause, LocalState, OnDoubt, Preview, Reaction, ReasonCode, Risk, Target,
    UsageByTier,
};
use router::{calibration::Calibration, confidence::Certainty};

use super::*;

/// Log-probabilities of tokens that the model is sure of, and of such that it is not.
const SURE: f32 = -0.5;
const UNSURE: f32 = -3.0;

/// Says the same each time, one word for each token.
struct Script {
    tokens: Vec<(String, f32)>,
    asked: Cell<u32>,
    /// Tokens that it has said, all told.
    said: Cell<u32>,
}

/// `word0 word1 …`, each as sure as is said.
fn script(sure: impl IntoIterator<Item = f32>) -> Script {
    let word = |(at, sure)| (format!("word{at} "), sure);
    Script {
        tokens: sure.into_iter().enumerate().map(word).collect(),
        asked: Cell::new(0),
        said: Cell::new(0),
    }
}

impl LocalModel for &Script {
    fn state(&self) -> LocalState {
        LocalState::Ready {
            context_length: 2048,
        }
    }

    fn count_tokens(&self, _: &ChatRequest) -> u32 {
        10
    }

    async fn generate(&self, _: &ChatRequest, on_part: OnPart<'_>) -> Result<LocalAnswer, Error> {
        self.asked.set(self.asked.get() + 1);
        let (mut taken, mut sum) = (0, 0.0);
        let mut end = || {
            for (text, log_probability) in &self.tokens {
                taken += 1;
                self.said.set(self.said.get() + 1);
                sum += log_probability;
                on_part(Part::Token(Certainty {
                    log_probability: *log_probability,
                    margin: 1.0,
                    entropy: 1.0,
                }))?;
                on_part(Part::Piece(Piece::text(text)))?;
            }
            ControlFlow::Continue(())
        };
        let finish_reasons = match end() {
            ControlFlow::Continue(()) => vec![FinishReason::Stop],
            ControlFlow::Break(()) => vec![],
        };
        Ok(LocalAnswer {
            finish_reasons,
            usage: usage(10, taken),
            mean_log_probability: sum / taken.max(1) as f32,
        })
    }
}

fn usage(prompt_tokens: u32, completion_tokens: u32) -> Usage {
    Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        prompt_tokens_details: None,
    }
}

/// An answer whose tokens have a mean log-probability of -4 never stands, one of 0 always, and between them a line.
fn calibration() -> Calibration {
    let curve = serde_json::json!({
        "weights": [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        "knots": [{ "score": -4.0, "probability": 0.0 }, { "score": 0.0, "probability": 1.0 }],
    });
    let calibration = serde_json::json!({
        "model": { "sha256": "00", "name": "script", "quantization": "F32" },
        "questions": [],
        "whole": { "alone": curve },
        "beginning": { "alone": curve },
    });
    Calibration::from_json(&calibration.to_string()).unwrap()
}

/// Says yes or no to the question of a doubtful answer, and to what would leave.
struct Says {
    cloud: bool,
    leave: bool,
    doubts: RefCell<Vec<Doubt>>,
}

impl Consent for &Says {
    async fn decide(&self, _: &Preview) -> Result<Decision, Error> {
        Ok(match self.leave {
            true => Decision::Send,
            false => Decision::Keep,
        })
    }

    async fn prefers_cloud(&self, doubt: &Doubt) -> Result<bool, Error> {
        self.doubts.borrow_mut().push(*doubt);
        Ok(self.cloud)
    }
}

fn says(cloud: bool, leave: bool) -> Says {
    Says {
        cloud,
        leave,
        doubts: RefCell::default(),
    }
}

fn policy(on_doubt: OnDoubt) -> Policy {
    Policy {
        mode: Mode::PreferLocal,
        on_doubt,
        ..Policy::default()
    }
}

const QUESTION: &str = "Who is ada@example.com?";

/// An engine with this model and this relay.
fn engine_with<'a, F>(
    model: &'a Script,
    relay: F,
    consent: &'a Says,
) -> InProcess<F, &'a Says, &'a Script>
where
    F: Fn(&[u8]) -> Result<Wire, Error>,
{
    let engine = engine_over(model, relay, consent);
    engine.set_detector(Detector::default());
    engine.set_calibration(Some(calibration()));
    engine
}

/// What one question comes to.
#[derive(Debug)]
struct Came {
    result: Result<(), Error>,
    targets: Vec<Target>,
    text: String,
    receipt: Option<Receipt>,
    /// Bodies that the gateway saw.
    seen: Vec<String>,
}

impl Came {
    fn receipt(&self) -> &Receipt {
        self.receipt.as_ref().unwrap()
    }

    fn codes(&self) -> Vec<ReasonCode> {
        self.receipt()
            .reasons
            .iter()
            .map(|reason| reason.code)
            .collect()
    }
}

/// Asks with a cloud that answers "The cloud's.".
fn came(model: &Script, consent: &Says, policy: &Policy, question: &str) -> Came {
    let pieces = [data("The "), data("cloud's."), END.to_owned()];
    came_through(model, consent, policy, question, |seen, sealed| {
        Ok(whole(gateway(200, &pieces, seen, sealed)))
    })
}

fn came_through(
    model: &Script,
    consent: &Says,
    policy: &Policy,
    question: &str,
    relay: impl Fn(&Rc<RefCell<Vec<String>>>, &[u8]) -> Result<Wire, Error>,
) -> Came {
    let seen = Rc::default();
    let engine = engine_with(model, |sealed: &[u8]| relay(&seen, sealed), consent);
    let mut events = Vec::new();
    let result = block_on(engine.answer(ask(question), policy, &mut |event| events.push(event)));
    let mut came = Came {
        result,
        targets: Vec::new(),
        text: String::new(),
        receipt: None,
        seen: seen.take(),
    };
    for event in events {
        assert!(came.receipt.is_none(), "an event after Done");
        match event {
            AnswerEvent::Route { route } => {
                assert!(came.text.is_empty(), "what was shown stays");
                came.targets.push(route.target);
            }
            AnswerEvent::Text(piece) => came.text.push_str(&piece.text),
            AnswerEvent::Done { receipt, .. } => came.receipt = Some(receipt),
        }
    }
    came
}

fn words(count: usize) -> String {
    (0..count).map(|at| format!("word{at} ")).collect()
}

fn unsure(probability: f32, cloud: bool) -> Option<Doubt> {
    Some(Doubt {
        cause: DoubtCause::Unsure,
        probability: Some(probability),
        cloud,
    })
}

#[test]
fn a_doubtful_beginning_is_never_shown_and_the_cloud_answers() {
    let model = script([UNSURE; 20]);
    let came = came(
        &model,
        &says(false, true),
        &policy(OnDoubt::Escalate),
        QUESTION,
    );
    assert_eq!(came.result, Ok(()));
    assert_eq!(came.targets, [Target::Local, Target::Cloud]);
    assert_eq!(came.text, "The cloud's.");
    assert!(
        came.seen[0].contains("Who is [EMAIL_1]?"),
        "{:?}",
        came.seen
    );
    let receipt = came.receipt();
    assert_eq!(
        (
            receipt.source,
            receipt.confidence,
            receipt.calibrated,
            receipt.doubt
        ),
        (Source::Both, Some(0.25), true, None)
    );
    assert_eq!(receipt.replaced.len(), 1);
    assert_eq!(receipt.sent.as_ref().unwrap().text, came.seen[0]);
    assert_eq!(
        receipt.usage,
        UsageByTier {
            local: usage(10, 8),
            cloud: usage(11, 5),
        }
    );
    assert_eq!(came.codes()[0], ReasonCode::LocalDoubtful);
    assert_eq!(model.asked.get(), 1);
}

#[test]
fn what_the_model_is_sure_of_is_kept() {
    let model = script([SURE; 20]);
    let came = came(
        &model,
        &says(true, true),
        &policy(OnDoubt::Escalate),
        QUESTION,
    );
    assert_eq!(came.targets, [Target::Local]);
    assert_eq!(came.text, words(20));
    let receipt = came.receipt();
    assert_eq!(
        (
            receipt.source,
            receipt.confidence,
            receipt.calibrated,
            receipt.doubt
        ),
        (Source::Local, Some(0.875), true, None)
    );
    assert_eq!(came.codes().last(), Some(&ReasonCode::LocalConfident));
    assert_eq!((receipt.sent.clone(), came.seen), (None, vec![]));
}

#[test]
fn what_turns_out_later_marks_and_erases_nothing() {
    let model = script([SURE; 8].into_iter().chain([-4.0; 32]));
    let came = came(
        &model,
        &says(true, true),
        &policy(OnDoubt::Escalate),
        QUESTION,
    );
    assert_eq!(
        (came.targets.as_slice(), came.text.as_str()),
        ([Target::Local].as_slice(), words(40).as_str())
    );
    // The mean of 8 × -0.5 and 32 × -4 is -3.3.
    let doubt = came.receipt().doubt.unwrap();
    assert_eq!((doubt.cause, doubt.cloud), (DoubtCause::Unsure, true));
    assert!(
        (doubt.probability.unwrap() - 0.175).abs() < 1e-6,
        "{doubt:?}"
    );
    assert_eq!(came.codes().last(), Some(&ReasonCode::LocalDoubtful));
    assert_eq!(came.seen, Vec::<String>::new());
}

#[test]
fn mark_and_ship_hold_nothing_back() {
    for (on_doubt, doubt) in [(OnDoubt::Mark, unsure(0.25, true)), (OnDoubt::Ship, None)] {
        let model = script([UNSURE; 20]);
        let says = says(true, true);
        let engine = engine_with(&model, |_: &[u8]| panic!("nothing leaves"), &says);
        let (mut shown, mut receipt) = (Vec::new(), None);
        block_on(
            engine.answer(ask(QUESTION), &policy(on_doubt), &mut |event| match event {
                AnswerEvent::Route { .. } => {}
                AnswerEvent::Text(_) => shown.push(model.said.get()),
                AnswerEvent::Done { receipt: done, .. } => receipt = Some(done),
            }),
        )
        .unwrap();
        let receipt = receipt.unwrap();
        // Each word at once.
        assert_eq!(shown, (1..=20).collect::<Vec<_>>());
        assert_eq!(receipt.doubt, doubt);
        assert_eq!((receipt.confidence, receipt.calibrated), (Some(0.25), true));
    }
}

#[test]
fn who_is_asked_decides() {
    let model = script([UNSURE; 20]);
    let yes = says(true, true);
    let came_of_yes = came(&model, &yes, &policy(OnDoubt::Ask), QUESTION);
    assert_eq!(
        (came_of_yes.text.as_str(), came_of_yes.receipt().source),
        ("The cloud's.", Source::Both)
    );
    assert_eq!(yes.doubts.take(), [unsure(0.25, true).unwrap()]);

    let no = says(false, true);
    let came_of_no = came(&model, &no, &policy(OnDoubt::Ask), QUESTION);
    assert_eq!(
        (came_of_no.text.as_str(), came_of_no.targets.as_slice()),
        (words(20).as_str(), [Target::Local].as_slice())
    );
    let receipt = came_of_no.receipt();
    assert_eq!(
        (receipt.source, receipt.doubt),
        (Source::Local, unsure(0.25, true))
    );
    // The first eight came twice.
    assert_eq!(receipt.usage.local, usage(10, 28));
    assert_eq!(
        came_of_no.codes()[came_of_no.codes().len() - 2..],
        [ReasonCode::LocalDoubtful, ReasonCode::EscalationDeclined]
    );
    assert_eq!(came_of_no.seen, Vec::<String>::new());
}

#[test]
fn what_may_not_leave_is_marked_and_stays() {
    let model = script([UNSURE; 20]);
    for (mode, question, why) in [
        (
            Mode::PreferLocal,
            "What is sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789 for?",
            ReasonCode::NeverLeaves,
        ),
        (Mode::LocalOnly, QUESTION, ReasonCode::ModeLocalOnly),
    ] {
        let policy = Policy {
            mode,
            ..policy(OnDoubt::Escalate)
        };
        let came = came(&model, &says(true, true), &policy, question);
        assert_eq!(
            (came.text.as_str(), came.targets.as_slice()),
            (words(20).as_str(), [Target::Local].as_slice())
        );
        assert_eq!(came.receipt().doubt, unsure(0.25, false));
        assert_eq!(came.codes(), [why, ReasonCode::LocalDoubtful]);
        assert_eq!(came.seen, Vec::<String>::new());
    }
}

#[test]
fn where_the_cloud_does_not_answer_the_page_does() {
    let offline = |_: &Rc<RefCell<Vec<String>>>, _: &[u8]| {
        Err(Error::new(
            ErrorCode::Offline,
            "the relay cannot be reached",
        ))
    };
    let model = script([UNSURE; 20]);
    let came = came_through(
        &model,
        &says(true, true),
        &policy(OnDoubt::Escalate),
        QUESTION,
        offline,
    );
    assert_eq!(came.result, Ok(()));
    assert_eq!(came.targets, [Target::Local, Target::Cloud, Target::Local]);
    assert_eq!(came.text, words(20));
    let receipt = came.receipt();
    assert_eq!(
        (receipt.source, receipt.doubt),
        (Source::Local, unsure(0.25, true))
    );
    // Nobody knows how far it came, so it is told.
    assert!(receipt.sent.as_ref().unwrap().text.contains("[EMAIL_1]"));
    let last = receipt.reasons.last().unwrap();
    assert_eq!(last.code, ReasonCode::EscalationFailed);
    assert_eq!(
        last.text,
        "The cloud was asked instead and could not answer: the relay cannot be reached."
    );

    let declined = came_through(
        &model,
        &says(true, false),
        &policy(OnDoubt::Escalate),
        QUESTION,
        offline,
    );
    assert_eq!(
        (declined.text.as_str(), declined.receipt().sent.clone()),
        (words(20).as_str(), None)
    );
    assert_eq!(
        declined.codes().last(),
        Some(&ReasonCode::EscalationDeclined)
    );
}

#[test]
fn a_cloud_answer_that_was_shown_is_not_replaced() {
    let model = script([UNSURE; 20]);
    let pieces = [data("The cl"), END.to_owned()];
    let came = came_through(
        &model,
        &says(true, true),
        &policy(OnDoubt::Escalate),
        QUESTION,
        |seen, sealed| {
            let mut wire = gateway(200, &pieces, seen, sealed);
            wire.truncate(2);
            Ok(whole(wire))
        },
    );
    assert_eq!(
        came.result.unwrap_err().code,
        ErrorCode::UpstreamInterrupted
    );
    assert_eq!((came.text.as_str(), came.receipt), ("The cl", None));
}

#[test]
fn a_short_answer_is_looked_at_when_it_is_whole() {
    let model = script([UNSURE; 3]);
    let instead = came(
        &model,
        &says(true, true),
        &policy(OnDoubt::Escalate),
        QUESTION,
    );
    assert_eq!(
        (instead.text.as_str(), instead.receipt().usage.local),
        ("The cloud's.", usage(10, 3))
    );

    // It need not be written again.
    let kept = came(
        &model,
        &says(true, false),
        &policy(OnDoubt::Escalate),
        QUESTION,
    );
    assert_eq!(
        (kept.text.as_str(), kept.receipt().usage.local),
        (words(3).as_str(), usage(10, 3))
    );
    assert_eq!(kept.receipt().doubt, unsure(0.25, true));
    assert_eq!(model.asked.get(), 2);

    let sure = script([SURE; 3]);
    let sure = came(
        &sure,
        &says(true, true),
        &policy(OnDoubt::Escalate),
        QUESTION,
    );
    assert_eq!(
        (sure.text.as_str(), sure.receipt().doubt),
        (words(3).as_str(), None)
    );
}

#[test]
fn without_a_calibration_only_the_form_makes_doubtful() {
    let ask = |model: &Script| {
        let says = says(true, true);
        let engine = engine_with(
            model,
            |_: &[u8]| Err(Error::new(ErrorCode::Offline, "off")),
            &says,
        );
        engine.set_calibration(None);
        let mut events = Vec::new();
        block_on(
            engine.answer(ask(QUESTION), &policy(OnDoubt::Escalate), &mut |event| {
                events.push(event)
            }),
        )
        .unwrap();
        let Some(AnswerEvent::Done { receipt, .. }) = events.pop() else {
            panic!("Done comes last")
        };
        receipt
    };
    let receipt = ask(&script([UNSURE; 20]));
    assert_eq!(
        (receipt.doubt, receipt.calibrated, receipt.sent),
        (None, false, None)
    );
    assert!((receipt.confidence.unwrap() - f64::from(UNSURE).exp()).abs() < 1e-6);

    // Nothing to show, so the cloud was tried.
    let receipt = ask(&script([]));
    assert!(receipt.sent.is_some());
    let doubt = receipt.doubt.unwrap();
    assert_eq!((doubt.cause, doubt.probability), (DoubtCause::Empty, None));
    assert_eq!(
        receipt.reasons[receipt.reasons.len() - 2].text,
        "The model on this device had no answer."
    );
}

#[test]
fn where_no_threshold_keeps_the_risk_every_answer_is_doubtful() {
    let model = script([SURE; 20]);
    let policy = Policy {
        risk: Some(Risk {
            alpha: 0.1,
            delta: 0.1,
        }),
        ..policy(OnDoubt::Mark)
    };
    let came = came(&model, &says(true, true), &policy, QUESTION);
    assert_eq!(came.receipt().doubt, unsure(0.875, true));
}

/// Where no risk is stated, an answer is held against the average of its calibration, and only where certainty says something.
#[test]
fn a_weak_model_is_held_to_what_it_can_do() {
    // Of a hundred answers 25 stood; of these kinds of questions certainty says something, or of all.
    let weak = |telling: Option<serde_json::Value>| {
        let mut json = serde_json::to_value(calibration()).unwrap();
        json["questions"] =
            serde_json::json!([{ "name": "all", "asked": 100, "right": 20, "worse": 75 }]);
        if let Some(telling) = telling {
            json["telling"] = telling;
        }
        Calibration::from_json(&json.to_string()).unwrap()
    };
    let nothing = Some(serde_json::json!([]));
    for (sure, telling, doubt) in [
        (-2.75, None, None),
        (-3.25, None, unsure(0.1875, true)),
        (-3.25, nothing, None),
    ] {
        let model = script([sure; 20]);
        let says = says(true, true);
        let engine = engine_with(&model, |_: &[u8]| panic!("nothing leaves"), &says);
        engine.set_calibration(Some(weak(telling)));
        let mut receipt = None;
        block_on(
            engine.answer(ask(QUESTION), &policy(OnDoubt::Mark), &mut |event| {
                if let AnswerEvent::Done { receipt: done, .. } = event {
                    receipt = Some(done);
                }
            }),
        )
        .unwrap();
        let receipt = receipt.unwrap();
        assert_eq!((receipt.doubt, receipt.calibrated), (doubt, true), "{sure}");
        // It was not sure of any of these.
        let codes = receipt.reasons.iter().map(|reason| reason.code);
        assert!(codes.clone().all(|code| code != ReasonCode::LocalConfident));
    }
}

#[test]
fn an_escalation_that_is_dropped_leaves_an_engine_that_answers() {
    let model = script([UNSURE; 20]);
    let says = says(true, true);
    let engine = engine_with(
        &model,
        |_: &[u8]| Ok(stream::pending().boxed_local()),
        &says,
    );
    let mut events = Vec::new();
    {
        let policy = policy(OnDoubt::Escalate);
        let mut tell = |event| events.push(event);
        let answer = std::pin::pin!(engine.answer(ask(QUESTION), &policy, &mut tell));
        assert!(futures::FutureExt::now_or_never(answer).is_none());
    }
    // Two routes, and no text.
    assert_eq!(events.len(), 2);
    block_on(
        engine.answer(ask(QUESTION), &policy(OnDoubt::Mark), &mut |event| {
            events.push(event)
        }),
    )
    .unwrap();
    assert!(
        matches!(events.last(), Some(AnswerEvent::Done { receipt, .. }) if receipt.source == Source::Local)
    );
}

/// Asks the same engine the same again and again, and says what was doubtful.
#[test]
fn reactions_move_what_is_doubtful_and_are_kept() {
    let model = script([-2.0; 20]);
    let consent = says(false, false);
    let engine = engine_with(&model, |_: &[u8]| unreachable!(), &consent);
    let policy = policy(OnDoubt::Mark);
    let is_doubtful = || {
        let mut doubt = None;
        let mut on_event = |event| {
            if let AnswerEvent::Done { receipt, .. } = event {
                doubt = receipt.doubt;
            }
        };
        block_on(engine.answer(ask(QUESTION), &policy, &mut on_event)).unwrap();
        doubt.is_some()
    };
    // Tokens of -2 make a probability of 0.5.
    assert!(!is_doubtful());
    engine.feedback(Reaction::ThumbsDown, &policy);
    assert!(is_doubtful());

    let saved = engine.save_feedback();
    engine.reset_feedback();
    assert!(!is_doubtful());
    engine.load_feedback(&saved).unwrap();
    assert!(is_doubtful());
    assert_eq!(
        engine.load_feedback("{}").unwrap_err().code,
        ErrorCode::InvalidRequest
    );
    assert_eq!(engine.drift(), None);
    for _ in 0..2 {
        engine.feedback(Reaction::ThumbsUp, &policy);
    }
    assert!(!is_doubtful());
}
