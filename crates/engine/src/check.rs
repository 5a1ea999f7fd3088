//! What a request must be before anything is done with it.

use query::{ChatRequest, Error, ErrorCode, Stop};

/// # Errors
/// [`ErrorCode::InvalidRequest`] names the field and what was expected.
pub(crate) fn check(request: &ChatRequest) -> Result<(), Error> {
    let expect = |valid: bool, message: &str| match valid {
        true => Ok(()),
        false => Err(Error::new(ErrorCode::InvalidRequest, message)),
    };
    let stops: &[String] = match &request.stop {
        None => &[],
        Some(Stop::One(text)) => std::slice::from_ref(text),
        Some(Stop::Many(texts)) => texts,
    };
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
        tokens.iter().all(|tokens| *tokens != Some(0)),
        "max_tokens: expected at least 1",
    )?;
    expect(
        stops.iter().all(|stop| !stop.is_empty()),
        "stop: expected no empty text; it would end every answer at once",
    )
}

#[cfg(test)]
mod tests {
    use query::{Message, Role};

    use super::*;

    #[test]
    fn names_the_field() {
        let good = ChatRequest {
            messages: vec![Message {
                role: Role::User,
                content: String::new(),
            }],
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
