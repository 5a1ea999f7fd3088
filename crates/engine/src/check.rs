//! What a request must be before anything is done with it.

use query::{ChatRequest, Error, ErrorCode, ResponseFormat, Role, ToolChoice, ToolChoiceMode};

/// # Errors
/// [`ErrorCode::InvalidRequest`] names the field and what was expected.
pub(crate) fn check(request: &ChatRequest) -> Result<(), Error> {
    let expect = |valid: bool, message: &str| match valid {
        true => Ok(()),
        false => Err(Error::new(ErrorCode::InvalidRequest, message)),
    };
    let stops = request.stop_texts();
    let tokens = [request.max_tokens, request.max_completion_tokens];
    expect(
        !request.messages.is_empty(),
        "messages: expected at least one",
    )?;
    expect(
        request.temperature.is_none_or(|t| (0.0..=2.0).contains(&t)),
        "temperature: expected 0 to 2",
    )?;
    expect(
        request.top_p.is_none_or(|p| p > 0.0 && p <= 1.0),
        "top_p: expected more than 0 and at most 1",
    )?;
    expect(
        request.min_p.is_none_or(|p| (0.0..=1.0).contains(&p)),
        "min_p: expected 0 to 1",
    )?;
    expect(
        request
            .repetition_penalty
            .is_none_or(|penalty| penalty > 0.0 && penalty <= 10.0),
        "repetition_penalty: expected more than 0 and at most 10",
    )?;
    let within_2 =
        |penalty: Option<f32>| penalty.is_none_or(|penalty| (-2.0..=2.0).contains(&penalty));
    expect(
        within_2(request.frequency_penalty),
        "frequency_penalty: expected -2 to 2",
    )?;
    expect(
        within_2(request.presence_penalty),
        "presence_penalty: expected -2 to 2",
    )?;
    expect(
        request
            .logit_bias
            .iter()
            .flatten()
            .all(|(_, bias)| (-100.0..=100.0).contains(bias)),
        "logit_bias: expected -100 to 100",
    )?;
    expect(
        request.top_logprobs.is_none_or(|count| count <= 20),
        "top_logprobs: expected 0 to 20",
    )?;
    expect(
        request.top_logprobs.is_none() || request.logprobs == Some(true),
        "top_logprobs: needs logprobs: true",
    )?;
    expect(
        request.n.is_none_or(|n| (1..=16).contains(&n)),
        "n: expected 1 to 16",
    )?;
    let constrained = !matches!(request.response_format, None | Some(ResponseFormat::Text));
    expect(
        !constrained || stops.is_empty(),
        "response_format: not together with stop, which could cut the answer",
    )?;
    if let Some(ResponseFormat::JsonSchema { json_schema }) = &request.response_format {
        expect(
            json_schema.strict != Some(false),
            "response_format.json_schema.strict: false is not supported; a schema is always kept to",
        )?;
    }
    tools(request, constrained)?;
    expect(
        tokens.iter().all(|tokens| *tokens != Some(0)),
        "max_tokens: expected at least 1",
    )?;
    expect(
        stops.iter().all(|stop| !stop.is_empty()),
        "stop: expected no empty text; it would end every answer at once",
    )
}

/// Tools, the choice among them, and the messages that tell what came of them.
fn tools(request: &ChatRequest, constrained: bool) -> Result<(), Error> {
    let expect = |valid: bool, message: &str| match valid {
        true => Ok(()),
        false => Err(Error::new(ErrorCode::InvalidRequest, message)),
    };
    let names: Vec<&str> = request
        .tools
        .iter()
        .flatten()
        .map(|tool| tool.function.name.as_str())
        .collect();
    let distinct = |at: usize| !names[at].is_empty() && !names[..at].contains(&names[at]);
    expect(
        request.tools.is_none() || !names.is_empty() && (0..names.len()).all(distinct),
        "tools: expected at least one, each with a name of its own",
    )?;
    expect(
        names.is_empty() || !constrained,
        "response_format: not together with tools",
    )?;
    match &request.tool_choice {
        None | Some(ToolChoice::Mode(ToolChoiceMode::None)) => {}
        Some(ToolChoice::Mode(_)) => {
            expect(!names.is_empty(), "tool_choice: needs tools")?;
        }
        Some(ToolChoice::Named(choice)) => expect(
            names.contains(&choice.function.name.as_str()),
            "tool_choice: names no function of tools",
        )?,
    }
    let must_call = matches!(
        request.tool_choice,
        Some(ToolChoice::Named(_) | ToolChoice::Mode(ToolChoiceMode::Required))
    );
    expect(
        !must_call || request.stop.is_none(),
        "tool_choice: a required call is not possible together with stop",
    )?;
    for message in &request.messages {
        expect(
            (message.role == Role::Tool) == message.tool_call_id.is_some(),
            "messages: tool_call_id belongs to messages of role tool, and each has one",
        )?;
        expect(
            message.tool_calls.is_none() || message.role == Role::Assistant,
            "messages: tool_calls belong to messages of role assistant",
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use query::{Message, Role, Stop};

    use super::*;

    #[test]
    fn names_the_field() {
        let good = ChatRequest {
            messages: vec![Message::new(Role::User, "")],
            temperature: Some(2.0),
            top_p: Some(1.0),
            max_tokens: Some(1),
            stop: Some(Stop::One("x".to_owned())),
            ..ChatRequest::default()
        };
        assert_eq!(check(&good), Ok(()));
        for (field, bad) in [
            (
                "messages",
                ChatRequest {
                    messages: vec![],
                    ..good.clone()
                },
            ),
            (
                "temperature",
                ChatRequest {
                    temperature: Some(-0.1),
                    ..good.clone()
                },
            ),
            (
                "temperature",
                ChatRequest {
                    temperature: Some(f32::NAN),
                    ..good.clone()
                },
            ),
            (
                "top_p",
                ChatRequest {
                    top_p: Some(0.0),
                    ..good.clone()
                },
            ),
            (
                "min_p",
                ChatRequest {
                    min_p: Some(1.1),
                    ..good.clone()
                },
            ),
            (
                "repetition_penalty",
                ChatRequest {
                    repetition_penalty: Some(0.0),
                    ..good.clone()
                },
            ),
            (
                "frequency_penalty",
                ChatRequest {
                    frequency_penalty: Some(2.5),
                    ..good.clone()
                },
            ),
            (
                "presence_penalty",
                ChatRequest {
                    presence_penalty: Some(f32::NAN),
                    ..good.clone()
                },
            ),
            (
                "logit_bias",
                ChatRequest {
                    logit_bias: Some([(1, 101.0)].into()),
                    ..good.clone()
                },
            ),
            (
                "top_logprobs",
                ChatRequest {
                    logprobs: Some(true),
                    top_logprobs: Some(21),
                    ..good.clone()
                },
            ),
            (
                "top_logprobs",
                ChatRequest {
                    top_logprobs: Some(2),
                    ..good.clone()
                },
            ),
            (
                "response_format: not together with stop",
                ChatRequest {
                    response_format: Some(ResponseFormat::JsonObject),
                    ..good.clone()
                },
            ),
            (
                "n",
                ChatRequest {
                    n: Some(0),
                    ..good.clone()
                },
            ),
            (
                "max_tokens",
                ChatRequest {
                    max_completion_tokens: Some(0),
                    ..good.clone()
                },
            ),
            (
                "stop",
                ChatRequest {
                    stop: Some(Stop::Many(vec!["x".to_owned(), String::new()])),
                    ..good.clone()
                },
            ),
        ] {
            let error = check(&bad).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest);
            assert!(error.message.starts_with(field), "{}", error.message);
        }
    }
}
