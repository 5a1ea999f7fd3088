//! Constrained output with the shipped model's tokenizer and weights, judged by another
//! implementation of JSON Schema.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use local_model::{Backend, Constraint, FileSource, Finish, Message, Model, Sampling, Step};
use serde_json::{Value, json};
use tests::golden::model_file;

fn load() -> Model {
    let file = FileSource::open(model_file()).unwrap();
    pollster::block_on(Model::load(file, Backend::Cpu, |_| {})).unwrap()
}

fn ask(model: &mut Model, question: &str, sampling: Sampling) -> (String, Finish) {
    let message = Message {
        role: "user",
        content: question,
    };
    let prompt = model.encode_chat(&[message]).unwrap();
    let mut generation = model.start(prompt, sampling).unwrap();
    let mut answer = String::new();
    loop {
        match pollster::block_on(generation.step()).unwrap() {
            Step::Prefill { .. } => {}
            Step::Token { text, .. } => answer.push_str(&text),
            Step::Done { finish, .. } => return (answer, finish),
        }
    }
}

fn constrained(constraint: Constraint, temperature: f32, max_tokens: u32) -> Sampling {
    Sampling {
        temperature,
        top_k: 40,
        top_p: 0.95,
        seed: 7,
        max_tokens,
        constraint: Some(constraint),
        ..Sampling::default()
    }
}

#[test]
fn answers_are_what_the_schema_says() {
    let mut model = load();
    let person = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 30},
            "age": {"type": "integer", "minimum": 0, "maximum": 130},
            "city": {"enum": ["Zürich", "東京", "São Paulo"]},
            "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]{2,8}$"}, "minItems": 1, "maxItems": 3},
            "born": {"type": "string", "format": "date"},
        },
        "required": ["name", "age", "city", "tags", "born"],
        "additionalProperties": false,
    });
    let judge = jsonschema::options()
        .should_validate_formats(true)
        .build(&person)
        .unwrap();
    for temperature in [0.0, 1.0] {
        let (answer, finish) = ask(
            &mut model,
            "Describe a person you know as JSON.",
            constrained(Constraint::JsonSchema(person.to_string()), temperature, 160),
        );
        println!("{answer}");
        assert_eq!(finish, Finish::EndOfTurn, "{answer}");
        let value: Value = serde_json::from_str(&answer).unwrap();
        assert!(judge.is_valid(&value), "{answer}");
    }
}

#[test]
fn an_expression_is_matched_and_half_an_answer_is_said_to_be_half() {
    let mut model = load();
    let date = || Constraint::Regex("\\d{4}-\\d{2}-\\d{2}".to_owned());
    let question = "On which day did people first land on the moon?";
    let (answer, finish) = ask(&mut model, question, constrained(date(), 0.0, 20));
    println!("{answer}");
    assert_eq!((answer.len(), finish), (10, Finish::EndOfTurn));
    let (half, finish) = ask(&mut model, question, constrained(date(), 0.0, 2));
    assert_eq!(finish, Finish::Incomplete);
    assert!(answer.starts_with(&half) && half.len() < 10);
}
