//! A request in the local model's terms, and the model's steps in the request's.

use local_model::{AnswerPart, Finish, Generation, Model, Step, ToolCalls};
use query::{
    ChatRequest, Error, ErrorCode, FinishReason, FunctionCall, Message, Piece, Role, TokenLogprob,
    Tool, ToolCall, ToolChoice, ToolChoiceMode, ToolType, TopLogprob,
};
use serde_json::{Value, json};

use crate::error::local_model as model_error;

/// The last prompt that was made, and of what: a request is counted for the route, and then answered.
#[derive(Default)]
pub(crate) struct LastPrompt {
    messages: Vec<Message>,
    tools: Option<Vec<Tool>>,
    /// Empty before the first.
    ids: Vec<u32>,
}

impl LastPrompt {
    /// The prompt of a request, made anew if the last one was another's. All have to be of one model.
    pub(crate) fn of(&mut self, model: &Model, request: &ChatRequest) -> Result<&[u32], Error> {
        let tools = offered_tools(request);
        let is_known = self.messages == request.messages && self.tools.as_ref() == tools;
        if !is_known || self.ids.is_empty() {
            self.ids = prompt(model, &request.messages, tools)?;
            self.messages.clone_from(&request.messages);
            self.tools = tools.cloned();
        }
        Ok(&self.ids)
    }
}

/// Messages and tools through the model's own chat template.
fn prompt(
    model: &Model,
    messages: &[Message],
    tools: Option<&Vec<Tool>>,
) -> Result<Vec<u32>, Error> {
    let tools = tools.map(serde_json::to_value).transpose();
    let tools = tools.map_err(unwritable)?;
    let messages = messages.iter().map(message);
    let messages = Value::Array(messages.collect::<Result<_, _>>()?);
    model
        .encode_chat_json(&messages, tools.as_ref())
        .map_err(|error| model_error(&error))
}

/// A message as templates expect it.
fn message(message: &Message) -> Result<Value, Error> {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut value = json!({ "role": role, "content": message.content });
    if let Some(calls) = &message.tool_calls {
        let calls = calls.iter().map(|call| {
            let arguments: Value =
                serde_json::from_str(&call.function.arguments).map_err(|_| {
                    Error::new(
                        ErrorCode::InvalidRequest,
                        "messages: a tool call's arguments are no JSON",
                    )
                })?;
            Ok(json!({
                "id": call.id,
                "type": "function",
                "function": { "name": call.function.name, "arguments": arguments },
            }))
        });
        value["tool_calls"] = Value::Array(calls.collect::<Result<_, Error>>()?);
    }
    if let Some(id) = &message.tool_call_id {
        value["tool_call_id"] = id.as_str().into();
    }
    Ok(value)
}

/// One of the answers in the making: steps in, pieces out.
pub(crate) struct Answer<'r> {
    request: &'r ChatRequest,
    index: u32,
    seed: u64,
    calls: Option<ToolCalls>,
}

impl<'r> Answer<'r> {
    /// Answer `index` of `n`.
    pub(crate) fn new(request: &'r ChatRequest, index: u32, seed: u64) -> Self {
        let names = |tools: &Vec<Tool>| {
            let names = tools.iter().map(|tool| tool.function.name.clone());
            ToolCalls::new(names.collect())
        };
        let calls = offered_tools(request).map(names);
        Self {
            request,
            index,
            seed,
            calls,
        }
    }

    /// What a step brings.
    pub(crate) fn step(
        &mut self,
        step: &Step,
        generation: &Generation<'_>,
        on_piece: &mut dyn FnMut(Piece),
    ) {
        let Step::Token {
            id,
            text,
            log_probability,
            top,
            ..
        } = step
        else {
            return;
        };
        let wanted = self.request.logprobs == Some(true);
        let logprobs = wanted.then(|| vec![token_logprob(generation, *id, *log_probability, top)]);
        let parts = match &mut self.calls {
            None => vec![AnswerPart::Text(text.clone())],
            Some(calls) => calls.push(text),
        };
        let mut piece = Piece {
            index: self.index,
            logprobs,
            ..Piece::default()
        };
        for part in parts {
            self.part(part, &mut piece);
            on_piece(std::mem::replace(&mut piece, self.empty()));
        }
        if !piece.is_empty() {
            on_piece(piece);
        }
    }

    /// The answer is over: the rest of it, and why it ended.
    pub(crate) fn finish(
        &mut self,
        finish: Finish,
        tokens: usize,
        on_piece: &mut dyn FnMut(Piece),
    ) -> FinishReason {
        let mut piece = self.empty();
        if let Some(part) = self.calls.as_mut().and_then(ToolCalls::finish) {
            self.part(part, &mut piece);
        }
        if finish == Finish::Incomplete {
            piece.refusal = Some(format!(
                "the answer was cut off after {tokens} tokens, before it was what the request asks for; raise max_tokens"
            ));
        }
        on_piece(piece);
        let called = self.calls.as_ref().is_some_and(|calls| calls.calls() > 0);
        match finish {
            Finish::Length | Finish::Incomplete => FinishReason::Length,
            Finish::EndOfTurn | Finish::Stop if called => FinishReason::ToolCalls,
            Finish::EndOfTurn | Finish::Stop => FinishReason::Stop,
        }
    }

    fn empty(&self) -> Piece {
        Piece {
            index: self.index,
            ..Piece::default()
        }
    }

    fn part(&self, part: AnswerPart, piece: &mut Piece) {
        match part {
            AnswerPart::Text(text) => piece.text.push_str(&text),
            AnswerPart::Call { name, arguments } => {
                let number = self.calls.as_ref().map_or(0, ToolCalls::calls);
                piece.tool_calls.get_or_insert_default().push(ToolCall {
                    // Unlike those of other answers, since their seeds differ.
                    id: format!("call_{:08x}_{number}", self.seed),
                    r#type: ToolType::Function,
                    function: FunctionCall { name, arguments },
                });
            }
        }
    }
}

/// The tools that the model may call.
fn offered_tools(request: &ChatRequest) -> Option<&Vec<Tool>> {
    let none = Some(ToolChoice::Mode(ToolChoiceMode::None));
    request
        .tools
        .as_ref()
        .filter(|_| request.tool_choice != none)
}

fn token_logprob(
    generation: &Generation<'_>,
    id: u32,
    log_probability: f32,
    top: &[(u32, f32)],
) -> TokenLogprob {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let bytes = generation.token_bytes(id);
    let top_logprobs = top.iter().map(|&(id, logprob)| {
        let bytes = generation.token_bytes(id);
        TopLogprob {
            token: text(bytes),
            logprob,
            bytes: bytes.to_vec(),
        }
    });
    TokenLogprob {
        token: text(bytes),
        logprob: log_probability,
        bytes: bytes.to_vec(),
        top_logprobs: top_logprobs.collect(),
    }
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::new(ErrorCode::Internal, error.to_string())
}
