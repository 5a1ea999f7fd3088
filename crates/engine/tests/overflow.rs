//! Conversations that are longer than the local model's context.

use std::cell::RefCell;

use engine::{
    Always, Engine, FixedSignals, InMemory, LocalAnswer, LocalModel, ManualClock, OnPart, Part,
};
use futures::{executor::block_on, stream::LocalBoxStream};
use query::{
    AnswerEvent, ChatRequest, Error, ErrorCode, FinishReason, LocalState, Message, Overflow, Piece,
    Policy, Role, Usage,
};

const CONTEXT: u32 = 400;

/// Counts words, and keeps what it was asked.
#[derive(Default)]
struct Words {
    asked: RefCell<Vec<Vec<(Role, String)>>>,
}

impl LocalModel for &Words {
    fn state(&self) -> LocalState {
        LocalState::Ready {
            context_length: CONTEXT,
        }
    }

    fn count_tokens(&self, request: &ChatRequest) -> u32 {
        let words = request
            .messages
            .iter()
            .map(|message| message.content.split_whitespace().count());
        words.sum::<usize>() as u32
    }

    async fn generate(
        &self,
        request: &ChatRequest,
        on_part: OnPart<'_>,
    ) -> Result<LocalAnswer, Error> {
        assert!(self.count_tokens(request) < CONTEXT, "it was made to fit");
        let messages = request.messages.iter();
        let asked = messages.map(|message| (message.role, message.content.clone()));
        self.asked.borrow_mut().push(asked.collect());
        let said = Piece::text(" They said hello. ");
        assert!(on_part(Part::Piece(said)).is_continue());
        Ok(LocalAnswer {
            finish_reasons: vec![FinishReason::Stop],
            usage: Usage {
                prompt_tokens: 10,
                completion_tokens: 3,
                total_tokens: 13,
                prompt_tokens_details: None,
            },
            mean_log_probability: -1.0,
        })
    }
}

type NoRelay = fn(&[u8]) -> Result<LocalBoxStream<'static, Result<Vec<u8>, Error>>, Error>;
type TestEngine<'m> = Engine<&'m Words, InMemory<NoRelay>, ManualClock, FixedSignals, Always>;

fn engine(model: &Words) -> TestEngine<'_> {
    Engine::new(
        model,
        ManualClock::new(1.0),
        FixedSignals { online: false },
        Always(true),
    )
}

/// Turns of 100 words each, behind a system message.
fn conversation(turns: usize) -> ChatRequest {
    let mut messages = vec![Message::new(Role::System, "Be kind.")];
    for turn in 0..turns {
        messages.push(Message::new(Role::User, format!("q{turn} ").repeat(60)));
        if turn + 1 < turns {
            messages.push(Message::new(
                Role::Assistant,
                format!("a{turn} ").repeat(40),
            ));
        }
    }
    ChatRequest {
        messages,
        ..ChatRequest::default()
    }
}

fn answer(engine: &TestEngine<'_>, request: ChatRequest, overflow: Overflow) -> Result<u32, Error> {
    let policy = Policy {
        overflow,
        ..Policy::default()
    };
    let tokens = RefCell::new(0);
    block_on(engine.answer(request, &policy, &mut |event| {
        if let AnswerEvent::Done { receipt, .. } = event {
            tokens.replace(receipt.usage.local.total_tokens);
        }
    }))?;
    Ok(tokens.into_inner())
}

/// Who spoke, and the first word.
fn heads(asked: &[(Role, String)]) -> Vec<(Role, &str)> {
    asked
        .iter()
        .map(|(role, text)| (*role, text.split(' ').next().unwrap_or_default()))
        .collect()
}

#[test]
fn what_fits_is_left_alone() {
    for overflow in [Overflow::DropOldest, Overflow::Summarise, Overflow::Error] {
        let model = Words::default();
        assert_eq!(answer(&engine(&model), conversation(3), overflow), Ok(13));
        assert_eq!(model.asked.borrow()[0].len(), 6);
    }
}

#[test]
fn the_oldest_turns_go_as_a_whole_and_system_messages_stay() {
    let model = Words::default();
    answer(&engine(&model), conversation(9), Overflow::DropOldest).unwrap();
    let asked = model.asked.borrow();
    assert_eq!(asked.len(), 1);
    // 336 words: 2 of the system's, 100 for each turn, 60 of the question.
    assert_eq!(
        heads(&asked[0]),
        [
            (Role::System, "Be"),
            (Role::User, "q6"),
            (Role::Assistant, "a6"),
            (Role::User, "q7"),
            (Role::Assistant, "a7"),
            (Role::User, "q8"),
        ]
    );
}

#[test]
fn what_is_dropped_is_summarised_once_in_bounded_work() {
    let model = Words::default();
    let engine = engine(&model);
    let tokens = answer(&engine, conversation(40), Overflow::Summarise).unwrap();
    assert_eq!(tokens, 26, "the summary's tokens count");
    {
        let asked = model.asked.borrow();
        assert_eq!(asked.len(), 2);
        assert!(asked[0][0].1.starts_with("Summarise this conversation"));
        assert!(
            asked[0][0].1.contains("a38 a38"),
            "the newest of what is dropped"
        );
        assert!(!asked[0][0].1.contains("q0 "));
        assert_eq!(
            asked[1][0],
            (
                Role::System,
                "Be kind.\n\nEarlier in this conversation: They said hello.".to_owned()
            )
        );
        assert_eq!(heads(&asked[1])[1..], [(Role::User, "q39")]);
    }
    // The same conversation again: the summary is known, until it is to be forgotten.
    answer(&engine, conversation(40), Overflow::Summarise).unwrap();
    assert_eq!(model.asked.borrow().len(), 3);
    engine.forget();
    answer(&engine, conversation(40), Overflow::Summarise).unwrap();
    assert_eq!(model.asked.borrow().len(), 5);
}

#[test]
fn a_question_that_is_too_long_alone_is_an_error_under_every_policy() {
    let mut request = conversation(2);
    request.messages[3].content = "word ".repeat(500);
    for overflow in [
        Overflow::Error,
        Overflow::DropOldest,
        Overflow::Summarise,
        Overflow::Cloud,
    ] {
        let model = Words::default();
        let error = answer(&engine(&model), request.clone(), overflow).unwrap_err();
        assert_eq!(error.code, ErrorCode::ContextOverflow);
        assert!(model.asked.borrow().is_empty());
    }
}
