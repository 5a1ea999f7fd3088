//! What a chat completion request asks of the choice of tokens.

use query::{ChatRequest, ResponseFormat, ToolChoice, ToolChoiceMode};

use crate::{Constraint, Function, Sampling};

impl Sampling {
    /// As `request` says, with the defaults that its fields document; `random` is a seed if it has none.
    pub fn of(request: &ChatRequest, random: u64) -> Self {
        let parameters = request.sampling();
        Self {
            temperature: parameters.temperature,
            top_k: parameters.top_k,
            top_p: parameters.top_p,
            min_p: parameters.min_p,
            repetition_penalty: parameters.repetition_penalty,
            frequency_penalty: parameters.frequency_penalty,
            presence_penalty: parameters.presence_penalty,
            logit_bias: request
                .logit_bias
                .iter()
                .flatten()
                .map(|(&id, &bias)| (id, bias))
                .collect(),
            top_log_probabilities: request.top_logprobs.unwrap_or(0) as usize,
            seed: request.seed.map_or(random, u64::from),
            max_tokens: parameters.max_tokens,
            stop: request.stop_texts().to_vec(),
            constraint: constraint(request),
        }
    }
}

fn constraint(request: &ChatRequest) -> Option<Constraint> {
    let functions = |only: Option<&str>| {
        let tools = request.tools.iter().flatten();
        let functions = tools
            .filter(|tool| only.is_none_or(|name| tool.function.name == name))
            .map(|tool| Function {
                name: tool.function.name.clone(),
                parameters: match &tool.function.parameters {
                    Some(parameters) => parameters.to_string(),
                    None => r#"{"type": "object", "properties": {}}"#.to_owned(),
                },
            });
        Some(Constraint::ToolCall(functions.collect()))
    };
    match (&request.tool_choice, &request.response_format) {
        (Some(ToolChoice::Mode(ToolChoiceMode::Required)), _) => functions(None),
        (Some(ToolChoice::Named(choice)), _) => functions(Some(&choice.function.name)),
        (_, None | Some(ResponseFormat::Text)) => None,
        (_, Some(ResponseFormat::JsonObject)) => Some(Constraint::JsonObject),
        (_, Some(ResponseFormat::JsonSchema { json_schema })) => {
            Some(Constraint::JsonSchema(json_schema.schema.to_string()))
        }
        (_, Some(ResponseFormat::Regex { pattern })) => Some(Constraint::Regex(pattern.clone())),
    }
}

#[cfg(test)]
mod tests {
    use query::ChatRequest;
    use serde_json::{Value, json};

    use crate::{Constraint, Function, Sampling};

    fn sampling(request: Value) -> Sampling {
        let request: ChatRequest = serde_json::from_value(request).unwrap();
        Sampling::of(&request, 1 << 40)
    }

    #[test]
    fn every_field_of_a_request_counts() {
        let asked = json!({
            "messages": [], "temperature": 0.5, "top_k": 2, "top_p": 0.25, "min_p": 0.125,
            "repetition_penalty": 1.5, "frequency_penalty": 0.75, "presence_penalty": -0.5,
            "logit_bias": {"7": -100.0, "3": 2.5}, "logprobs": true, "top_logprobs": 5, "seed": 9,
            "max_tokens": 8, "stop": "x",
        });
        assert_eq!(
            sampling(asked),
            Sampling {
                temperature: 0.5,
                top_k: 2,
                top_p: 0.25,
                min_p: 0.125,
                repetition_penalty: 1.5,
                frequency_penalty: 0.75,
                presence_penalty: -0.5,
                logit_bias: vec![(3, 2.5), (7, -100.0)],
                top_log_probabilities: 5,
                seed: 9,
                max_tokens: 8,
                stop: vec!["x".to_owned()],
                constraint: None,
            }
        );
        let default = sampling(json!({ "messages": [] }));
        assert_eq!((default.seed, default.temperature), (1 << 40, 0.7));
    }

    #[test]
    fn the_form_of_an_answer_is_a_constraint() {
        let constraint = |mut request: Value| {
            request["messages"] = json!([]);
            sampling(request).constraint
        };
        let format = |format: Value| constraint(json!({ "response_format": format }));
        assert_eq!(format(json!({ "type": "text" })), None);
        assert_eq!(
            format(json!({ "type": "json_object" })),
            Some(Constraint::JsonObject)
        );
        assert_eq!(
            format(
                json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": { "type": "null" } } })
            ),
            Some(Constraint::JsonSchema(r#"{"type":"null"}"#.to_owned()))
        );
        assert_eq!(
            format(json!({ "type": "regex", "pattern": "a+" })),
            Some(Constraint::Regex("a+".to_owned()))
        );

        let tools = json!([
            { "type": "function", "function": { "name": "now" } },
            { "type": "function", "function": { "name": "at", "parameters": { "type": "object" } } },
        ]);
        let choice = |choice: Value| constraint(json!({ "tools": tools, "tool_choice": choice }));
        let now = Function {
            name: "now".to_owned(),
            parameters: r#"{"type": "object", "properties": {}}"#.to_owned(),
        };
        let at = Function {
            name: "at".to_owned(),
            parameters: r#"{"type":"object"}"#.to_owned(),
        };
        assert_eq!(choice(json!("auto")), None);
        assert_eq!(
            choice(json!({ "type": "function", "function": { "name": "at" } })),
            Some(Constraint::ToolCall(vec![at.clone()]))
        );
        assert_eq!(
            choice(json!("required")),
            Some(Constraint::ToolCall(vec![now, at]))
        );
    }
}
