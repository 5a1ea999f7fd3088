//! Answers in the page.

use std::cell::RefCell;

use engine::{
    Always, Engine, FixedSignals, InMemory, LocalAnswer, LocalModel, ManualClock, OnPart, Part,
};
use futures::{executor::block_on, stream::LocalBoxStream};
use query::{
    AnswerEvent, ChatRequest, Error, ErrorCode, FinishReason, LocalState, Message, Mode, Piece,
    Policy, PrivacyLevel, PromptTokensDetails, Reason, ReasonCode, Receipt, Role, Route, Source,
    Target, Timing, Usage, UsageByTier,
};

/// Says the prompt back, word by word.
struct Echo {
    state: LocalState,
}

impl LocalModel for Echo {
    fn state(&self) -> LocalState {
        self.state
    }

    fn count_tokens(&self, request: &ChatRequest) -> u32 {
        request
            .messages
            .iter()
            .map(|message| message.content.split(' ').count() as u32)
            .sum()
    }

    async fn generate(
        &self,
        request: &ChatRequest,
        on_part: OnPart<'_>,
    ) -> Result<LocalAnswer, Error> {
        let words = request.messages[0].content.split_inclusive(' ');
        for word in [""].into_iter().chain(words) {
            assert!(on_part(Part::Piece(Piece::text(word))).is_continue());
        }
        let usage = Usage {
            prompt_tokens: 3,
            completion_tokens: 2,
            total_tokens: 5,
            prompt_tokens_details: Some(PromptTokensDetails { cached_tokens: 1 }),
        };
        Ok(LocalAnswer {
            finish_reasons: vec![FinishReason::Length],
            usage,
            mean_log_probability: -std::f32::consts::LN_2,
        })
    }
}

type NoRelay = fn(&[u8]) -> Result<LocalBoxStream<'static, Result<Vec<u8>, Error>>, Error>;

fn engine(state: LocalState) -> Engine<Echo, InMemory<NoRelay>, ManualClock, FixedSignals, Always> {
    Engine::new(
        Echo { state },
        ManualClock::new(10.0),
        FixedSignals { online: false },
        Always(true),
    )
}

fn ask(text: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![Message::new(Role::User, text)],
        ..ChatRequest::default()
    }
}

#[test]
fn nothing_leaves_and_the_receipt_says_so() {
    let engine = engine(LocalState::Ready {
        context_length: 2048,
    });
    let events = RefCell::new(Vec::new());
    let request = ask("ada@example.com hello");
    block_on(engine.answer(request, &Policy::default(), &mut |event| {
        events.borrow_mut().push(event)
    }))
    .unwrap();
    let reason = Reason {
        code: ReasonCode::ModeLocalOnly,
        text: "You chose to keep every question on this device.".to_owned(),
    };
    let mut events = events.into_inner();
    let AnswerEvent::Done { receipt, .. } = events.last_mut().unwrap() else {
        panic!("Done comes last")
    };
    assert!((receipt.confidence.take().unwrap() - 0.5).abs() < 1e-6);
    let AnswerEvent::Route {
        route: Route {
            scores, changes, ..
        },
    } = &events[0]
    else {
        panic!("Route comes first")
    };
    let text = |text: &str| AnswerEvent::Text(Piece::text(text));
    assert_eq!(
        events,
        [
            AnswerEvent::Route {
                route: Route {
                    target: Target::Local,
                    reasons: vec![reason.clone()],
                    scores: *scores,
                    changes: changes.clone(),
                }
            },
            text("ada@example.com "),
            text("hello"),
            AnswerEvent::Done {
                finish_reasons: vec![FinishReason::Length],
                receipt: Receipt {
                    source: Source::Local,
                    reasons: vec![reason],
                    confidence: None,
                    calibrated: false,
                    doubt: None,
                    sent: None,
                    replaced: vec![],
                    restored: 0,
                    uncertain: 0,
                    withheld: 0,
                    invented: 0,
                    dropped: vec![],
                    usage: UsageByTier {
                        local: Usage {
                            prompt_tokens: 3,
                            completion_tokens: 2,
                            total_tokens: 5,
                            prompt_tokens_details: Some(PromptTokensDetails { cached_tokens: 1 }),
                        },
                        cloud: Usage::default(),
                    },
                    // Read at the start, before the model's, at the first text (twice), after the model's, at the end.
                    ms: Timing {
                        first: 30.0,
                        total: 50.0
                    },
                },
            },
        ]
    );
}

#[test]
fn where_nothing_can_answer_an_error_says_why() {
    let long = ask(&"word ".repeat(100));
    for (state, mode, request, code) in [
        (
            LocalState::Loading,
            Mode::LocalOnly,
            ask("Hi"),
            ErrorCode::LocalUnavailable,
        ),
        (
            LocalState::Ready {
                context_length: 100,
            },
            Mode::LocalOnly,
            long,
            ErrorCode::ContextOverflow,
        ),
        (
            LocalState::Ready {
                context_length: 100,
            },
            Mode::CloudOnly,
            ask("Hi"),
            ErrorCode::NoRoute,
        ),
        (
            LocalState::Ready {
                context_length: 100,
            },
            Mode::LocalOnly,
            ChatRequest::default(),
            ErrorCode::InvalidRequest,
        ),
    ] {
        let policy = Policy {
            mode,
            ..Policy::default()
        };
        let engine = engine(state);
        let result = block_on(engine.answer(request.clone(), &policy, &mut |_| panic!("no event")));
        assert_eq!(result.as_ref().unwrap_err().code, code);
        assert_eq!(
            engine.route(&request, &policy).unwrap_err(),
            result.unwrap_err()
        );
    }
}

#[test]
fn route_and_preview_do_nothing() {
    let engine = engine(LocalState::Ready {
        context_length: 2048,
    });
    let policy = Policy {
        mode: Mode::PreferLocal,
        privacy: PrivacyLevel::Careful.into(),
        ..Policy::default()
    };
    let request = ask("card 4111 1111 1111 1111, ada@example.com");
    assert_eq!(
        engine.route(&request, &policy).unwrap().reasons[0].code,
        ReasonCode::NeverLeaves
    );
    let preview = engine.preview(&request, &policy).unwrap();
    assert_eq!(preview.messages[0].text, "card [CARD_1], [EMAIL_1]");
    assert!(preview.blocked);
    assert_eq!(
        engine
            .preview(&ask("bob@example.com"), &policy)
            .unwrap()
            .messages[0]
            .text,
        "[EMAIL_1]"
    );
}
