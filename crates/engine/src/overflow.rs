//! A conversation that is longer than the local model's context is made to fit, as the policy says.

use std::{cell::RefCell, ops::ControlFlow};

use query::{ChatRequest, Error, ErrorCode, LocalState, Message, Overflow, Policy, Role, Usage};
use router::LEAST_ANSWER;

use crate::{LocalModel, Part};

/// Tokens of a summary at most.
const SUMMARY: u32 = 160;
/// Tokens that a chat template may put around a summary.
const AROUND: u32 = 32;

/// What of a conversation fits.
pub(crate) struct Fitted {
    /// The request with the messages that are left.
    pub(crate) request: ChatRequest,
    /// Tokens that the summary took.
    pub(crate) spent: Usage,
}

/// The last summary, and what it is of: asked the next question, it need not be written again.
#[derive(Default)]
pub(crate) struct Summary {
    of: Vec<Message>,
    text: String,
}

/// Drops whole turns, the oldest first, until prompt and answer fit; a turn is a question and all that
/// follows it up to the next. System messages and the last turn stay.
///
/// # Errors
/// [`ErrorCode::ContextOverflow`] if they alone do not fit, and what the local model says.
pub(crate) async fn fit<L: LocalModel>(
    local: &L,
    request: &ChatRequest,
    policy: &Policy,
    summary: &RefCell<Summary>,
) -> Result<Fitted, Error> {
    let whole = || Fitted {
        request: request.clone(),
        spent: Usage::default(),
    };
    let LocalState::Ready { context_length } = local.state() else {
        return Ok(whole());
    };
    let asked = request.answer_limit().unwrap_or(LEAST_ANSWER);
    let room = context_length.saturating_sub(asked.min(LEAST_ANSWER));
    // Under the other policies the router has counted, and sent on only what fits.
    if !matches!(policy.overflow, Overflow::DropOldest | Overflow::Summarise)
        || local.count_tokens(request) <= room
    {
        return Ok(whole());
    }
    let summarises = policy.overflow == Overflow::Summarise;
    let reserved = if summarises { SUMMARY + AROUND } else { 0 };
    let fits = |turns: usize| {
        let request = ChatRequest {
            messages: without(&request.messages, turns).0,
            ..request.clone()
        };
        local.count_tokens(&request).saturating_add(reserved) <= room
    };
    // Fewer turns are fewer tokens: the least number to drop is found by halving.
    let all = turns(&request.messages);
    let drop = first_that_fits(all, fits);
    if drop >= all {
        return Err(Error::new(
            ErrorCode::ContextOverflow,
            format!(
                "the last question alone does not fit into the local model's context of {context_length} tokens; shorten it"
            ),
        ));
    }
    let (mut messages, dropped) = without(&request.messages, drop);
    let mut spent = Usage::default();
    if summarises {
        let text = {
            let known = summary.borrow();
            (known.of == dropped).then(|| known.text.clone())
        };
        let text = match text {
            Some(text) => text,
            None => {
                let (text, usage) = summarise(local, &dropped, room).await?;
                spent = usage;
                summary.replace(Summary {
                    of: dropped,
                    text: text.clone(),
                });
                text
            }
        };
        let note = format!("Earlier in this conversation: {text}");
        match messages.first_mut() {
            Some(first) if first.role == Role::System => {
                first.content.push_str("\n\n");
                first.content.push_str(&note);
            }
            _ => messages.insert(0, Message::new(Role::System, note)),
        }
    }
    Ok(Fitted {
        request: ChatRequest {
            messages,
            ..request.clone()
        },
        spent,
    })
}

/// One short answer over what fits of the dropped turns, the newest of it: bounded work, however long
/// the conversation is.
async fn summarise<L: LocalModel>(
    local: &L,
    dropped: &[Message],
    room: u32,
) -> Result<(String, Usage), Error> {
    let request = |from: usize| ChatRequest {
        messages: vec![Message::new(
            Role::User,
            format!(
                "Summarise this conversation in at most three sentences. Keep names, numbers and decisions.\n\n{}",
                transcript(&dropped[from..])
            ),
        )],
        temperature: Some(0.0),
        max_tokens: Some(SUMMARY),
        ..ChatRequest::default()
    };
    let room = room.saturating_sub(SUMMARY);
    let from = first_that_fits(dropped.len(), |from| {
        local.count_tokens(&request(from)) <= room
    });
    if from == dropped.len() {
        // Not even the last message fits: nothing is remembered of it.
        return Ok(("(too long to keep)".to_owned(), Usage::default()));
    }
    let mut text = String::new();
    let mut on_part = |part: Part| {
        if let Part::Piece(piece) = part {
            text.push_str(&piece.text);
        }
        ControlFlow::Continue(())
    };
    let answer = local.generate(&request(from), &mut on_part).await?;
    Ok((text.trim().to_owned(), answer.usage))
}

fn transcript(messages: &[Message]) -> String {
    let line = |message: &Message| {
        let speaker = match message.role {
            Role::System => "System",
            Role::User => "User",
            Role::Assistant => "Assistant",
            Role::Tool => "Tool",
        };
        format!("{speaker}: {}", message.content)
    };
    messages.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Questions, each the beginning of a turn.
fn turns(messages: &[Message]) -> usize {
    messages
        .iter()
        .filter(|message| message.role == Role::User)
        .count()
}

/// The messages without the first `dropped` turns, and those.
fn without(messages: &[Message], dropped: usize) -> (Vec<Message>, Vec<Message>) {
    let mut turn = 0;
    messages.iter().cloned().partition(|message| {
        if message.role == Role::User {
            turn += 1;
        }
        // What comes before the first question goes with it.
        message.role == Role::System || turn.max(1) > dropped
    })
}

/// The first of `0..end` that fits, or `end`; what is greater than one that fits does too.
fn first_that_fits(end: usize, fits: impl Fn(usize) -> bool) -> usize {
    let candidates: Vec<usize> = (0..end).collect();
    candidates.partition_point(|&at| !fits(at))
}
