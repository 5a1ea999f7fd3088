mod replay;

use std::cell::Cell;

use super::{Finish, Generation, Step};
use crate::{
    Constraint, Error, Model, Pause, Sampling,
    testing::{CONTEXT, file, load, model},
};

struct Answer {
    ids: Vec<u32>,
    text: String,
    prefills: Vec<(usize, usize)>,
    done: (Finish, usize, usize),
    log_probabilities: Vec<f32>,
    mean: f32,
}

fn step(generation: &mut Generation<'_>) -> Step {
    pollster::block_on(generation.step()).unwrap()
}

fn run(model: &mut Model, prompt: &[u32], sampling: Sampling) -> Answer {
    let mut generation = model.start(prompt.to_vec(), sampling).unwrap();
    generation.limit_slice(16);
    let (mut ids, mut text, mut prefills, mut log_probabilities) =
        (vec![], String::new(), vec![], vec![]);
    loop {
        match step(&mut generation) {
            Step::Prefill { done, total } => prefills.push((done, total)),
            Step::Token {
                id,
                text: piece,
                log_probability,
                ..
            } => {
                ids.push(id);
                text.push_str(&piece);
                log_probabilities.push(log_probability);
            }
            Step::Done {
                finish,
                mean_log_probability: mean,
                prompt_tokens,
                completion_tokens,
            } => {
                let done = (finish, prompt_tokens, completion_tokens);
                return Answer {
                    ids,
                    text,
                    prefills,
                    done,
                    log_probabilities,
                    mean,
                };
            }
        }
    }
}

fn tokens(count: u32) -> Sampling {
    Sampling {
        max_tokens: count,
        ..Default::default()
    }
}

#[test]
fn a_prompt_is_taken_in_slices_and_answered_to_the_limit() {
    let mut model = model();
    let prompt: Vec<u32> = (1..40).collect();
    let answer = run(&mut model, &prompt, tokens(5));
    assert_eq!(answer.prefills, [(16, 39), (32, 39)]);
    assert_eq!(answer.done, (Finish::Length, 39, 5));
    assert_eq!(answer.ids.len(), 5);
    let mean = answer.log_probabilities.iter().sum::<f32>() / 5.0;
    assert!((answer.mean - mean).abs() < 1e-5 && answer.mean < 0.0);
    assert_eq!(
        run(&mut model, &prompt, tokens(0)).done,
        (Finish::Length, 39, 0)
    );
}

#[test]
fn slices_and_reuse_change_nothing() {
    let mut model = model();
    let prompt: Vec<u32> = (1..40).collect();
    let first = run(&mut model, &prompt, tokens(20)).ids;

    // One token at a time from another history that shares a part.
    let mut other = prompt[..20].to_vec();
    other.extend([7, 7, 7]);
    run(&mut model, &other, tokens(9));
    let generation = model.start(prompt.clone(), tokens(20)).unwrap();
    assert_eq!(generation.reused(), 20);
    drop(generation);
    assert_eq!(run(&mut model, &prompt, tokens(20)).ids, first);

    // The whole prompt is in the cache; its last token still goes through for its scores.
    let mut generation = model.start(prompt.clone(), tokens(20)).unwrap();
    assert_eq!(generation.reused(), 38);
    assert!(matches!(step(&mut generation), Step::Token { id, .. } if id == first[0]));
    drop(generation);

    // The next turn goes on after the answer.
    let longer = [prompt.clone(), first.clone()].concat();
    run(&mut model, &prompt, tokens(20));
    assert_eq!(model.start(longer, tokens(1)).unwrap().reused(), 39 + 19);
    assert_eq!(run(&mut self::model(), &prompt, tokens(20)).ids, first);
}

#[test]
fn several_conversations_take_turns_without_a_second_prefill() {
    let mut model = model();
    let first: Vec<u32> = (1..81).collect();
    let second: Vec<u32> = (100..180).collect();
    let expected = run(&mut model, &first, tokens(4)).ids;
    assert_eq!(model.start(second.clone(), tokens(4)).unwrap().reused(), 0);
    let other = run(&mut model, &second, tokens(4)).ids;
    assert_eq!(model.start(first.clone(), tokens(4)).unwrap().reused(), 79);
    assert_eq!(run(&mut model, &first, tokens(4)).ids, expected);
    assert_eq!(model.start(second.clone(), tokens(4)).unwrap().reused(), 79);
    assert_eq!(run(&mut model, &second, tokens(4)).ids, other);
    model.keep_conversations(0);
    assert_eq!(model.start(first.clone(), tokens(4)).unwrap().reused(), 0);
    assert_eq!(run(&mut model, &first, tokens(4)).ids, expected);
}

/// Byte-level tokens and random weights: the grammar alone decides what comes out.
#[test]
fn a_constraint_is_kept_whatever_the_model_would_say() {
    let mut model = model();
    let schema = r#"{"type": "object", "properties": {"n": {"type": "integer", "minimum": 10, "maximum": 99}, "ok": {"type": "boolean"}}, "required": ["n", "ok"]}"#;
    for seed in 0..8 {
        let sampling = Sampling {
            temperature: if seed == 0 { 0.0 } else { 2.0 },
            top_k: 40 * (seed % 2) as u32,
            seed,
            constraint: Some(Constraint::JsonSchema(schema.to_owned())),
            ..tokens(90)
        };
        let prompt = model.encode("hello").unwrap();
        let answer = run(&mut model, &prompt, sampling);
        if answer.done.0 == Finish::Incomplete {
            // Spaces and new lines are allowed: a random model may fill its tokens with them.
            continue;
        }
        assert_eq!(answer.done.0, Finish::EndOfTurn);
        let value: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
        assert!((10..=99).contains(&value["n"].as_i64().unwrap()), "{value}");
        assert!(value["ok"].is_boolean() && value.as_object().unwrap().len() == 2);
    }
    let sampling = Sampling {
        constraint: Some(Constraint::Regex("abc".to_owned())),
        ..tokens(2)
    };
    let cut = run(&mut model, &[1, 2], sampling.clone());
    assert_eq!((cut.text.as_str(), cut.done.0), ("ab", Finish::Incomplete));
    let none = Sampling {
        max_tokens: 0,
        ..sampling.clone()
    };
    assert_eq!(run(&mut model, &[1, 2], none).done.0, Finish::Incomplete);
    let whole = Sampling {
        max_tokens: 3,
        ..sampling
    };
    let whole = run(&mut model, &[1, 2], whole);
    assert_eq!(
        (whole.text.as_str(), whole.done.0),
        ("abc", Finish::EndOfTurn)
    );
}

#[test]
fn the_most_likely_tokens_come_with_each() {
    let mut model = model();
    let sampling = Sampling {
        top_log_probabilities: 3,
        ..tokens(4)
    };
    let mut generation = model.start(vec![1, 2, 3], sampling).unwrap();
    let mut seen = 0;
    while let Step::Token {
        id,
        log_probability,
        top,
        ..
    } = step(&mut generation)
    {
        assert_eq!((top.len(), top[0]), (3, (id, log_probability)));
        assert!(top.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn a_generation_dropped_anywhere_leaves_the_model_in_order() {
    let prompt: Vec<u32> = (1..40).collect();
    let expected = run(&mut model(), &prompt, tokens(12)).ids;
    let mut model = model();
    for steps in 0..14 {
        let mut generation = model.start((20..90).collect(), tokens(12)).unwrap();
        for _ in 0..steps {
            step(&mut generation);
        }
        drop(generation);
        assert_eq!(
            run(&mut model, &prompt, tokens(12)).ids,
            expected,
            "after {steps} steps"
        );
    }
}

/// Leaves, forever, at the pause of that number.
struct LeavesAt {
    pauses: Cell<usize>,
    leave: usize,
}

impl Pause for LeavesAt {
    async fn pause(&self) {
        self.pauses.set(self.pauses.get() + 1);
        if self.pauses.get() == self.leave {
            std::future::pending::<()>().await;
        }
    }
}

#[test]
fn a_step_rests_after_each_layer_and_the_output_and_may_be_left_there() {
    let prompt: Vec<u32> = (1..40).collect();
    let expected = run(&mut model(), &prompt, tokens(6)).ids;
    let mut model = model();
    let layers = model.info().layers;
    // Three slices, the last of which gives a token, and a token: two of the four need the output.
    let pauses = 4 * layers + 2;
    for leave in 1..=pauses + 1 {
        let pause = LeavesAt {
            pauses: Cell::new(0),
            leave,
        };
        // Another conversation, so that nothing of it is in the cache.
        let first = 100 + leave as u32;
        let mut generation = model
            .start((first..first + 39).collect(), tokens(6))
            .unwrap();
        generation.limit_slice(16);
        let steps = async {
            for _ in 0..4 {
                generation.step_with_pauses(&pause).await.unwrap();
            }
        };
        let left = {
            let mut steps = std::pin::pin!(steps);
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            steps.as_mut().poll(&mut context).is_pending()
        };
        assert_eq!(left, leave <= pauses, "{leave}");
        assert_eq!(pause.pauses.get(), leave.min(pauses));
        if leave % 2 == 0 {
            // The same answer goes on.
            while !matches!(step(&mut generation), Step::Done { .. }) {}
        }
        drop(generation);
        assert_eq!(
            run(&mut model, &prompt, tokens(6)).ids,
            expected,
            "left at pause {leave}"
        );
    }
}

#[test]
fn slices_are_as_long_as_they_may_be() {
    let mut model = model();
    let prompt: Vec<u32> = (1..40).collect();
    let expected = run(&mut model, &prompt, tokens(4)).ids;
    let mut model = self::model();
    let mut generation = model.start(prompt, tokens(4)).unwrap();
    let mut done = Vec::new();
    for tokens in [4, 0, 20, 64] {
        generation.limit_slice(tokens);
        match step(&mut generation) {
            Step::Prefill { done: until, .. } => done.push(until),
            Step::Token { id, .. } => assert_eq!(id, expected[0]),
            Step::Done { .. } => panic!("no answer"),
        }
    }
    assert_eq!(done, [4, 5, 25]);
    let bounds = self::model().pace();
    assert_eq!(bounds.tokens(), 16);
}

#[test]
fn the_end_of_the_context_ends_the_answer() {
    let mut model = model();
    let prompt: Vec<u32> = (0..CONTEXT as u32 - 3).map(|at| 1 + at % 200).collect();
    let answer = run(&mut model, &prompt, tokens(100));
    assert_eq!(answer.done, (Finish::Length, CONTEXT - 3, 3));
    let error = model.start(vec![1; CONTEXT], tokens(1)).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the prompt has 96 tokens, the model's context 96; shorten the conversation"
    );
}

#[test]
fn stop_texts_end_the_answer_and_do_not_show() {
    let mut model = model();
    let prompt = model.encode("hello").unwrap();
    let sampling = Sampling {
        temperature: 1.0,
        seed: 5,
        ..tokens(60)
    };
    let whole = run(&mut model, &prompt, sampling.clone()).text;
    let characters: Vec<char> = whole.chars().collect();
    let stop: String = characters[10..13].iter().collect();
    let at = whole.find(&stop).unwrap();
    let never = format!("{stop}\u{1}never");
    let answer = run(
        &mut model,
        &prompt,
        Sampling {
            stop: vec![never.clone(), stop],
            ..sampling.clone()
        },
    );
    assert_eq!(
        (answer.text.as_str(), answer.done.0),
        (&whole[..at], Finish::Stop)
    );
    // A beginning of a stop text that goes on otherwise is only held back for a while.
    let answer = run(
        &mut model,
        &prompt,
        Sampling {
            stop: vec![never],
            ..sampling
        },
    );
    assert_eq!(
        (answer.text.as_str(), answer.done.0),
        (whole.as_str(), Finish::Length)
    );
}

#[test]
fn the_end_of_a_turn_ends_the_answer() {
    let mut model = model();
    let prompt = model.encode("hello").unwrap();
    // Of 260 tokens one ends the turn: some seed draws it soon.
    let ended = (0..200).find_map(|seed| {
        let answer = run(
            &mut model,
            &prompt,
            Sampling {
                temperature: 3.0,
                seed,
                ..tokens(40)
            },
        );
        (answer.done.0 == Finish::EndOfTurn).then_some(answer)
    });
    let answer = ended.unwrap();
    assert_eq!(
        answer.ids.iter().position(|&id| id == 0),
        Some(answer.ids.len() - 1)
    );
    assert_eq!(answer.done.2, answer.ids.len());
}

#[test]
fn prompts_that_cannot_be_are_refused() {
    let mut model = model();
    let mut refusal = |prompt: Vec<u32>| model.start(prompt, tokens(1)).err().unwrap().to_string();
    assert_eq!(
        refusal(vec![]),
        "the prompt is empty; give at least one token"
    );
    assert_eq!(
        refusal(vec![1, 260]),
        "token id 260 is beyond the vocabulary of 260"
    );
}

#[test]
fn scores_that_are_no_numbers_are_an_error_and_the_model_goes_on() {
    let mut file = file();
    let norm = file
        .tensors
        .iter_mut()
        .find(|tensor| tensor.0 == "output_norm.weight")
        .unwrap();
    norm.3[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut model = load(&file).unwrap();
    let mut generation = model.start(vec![1, 2], tokens(3)).unwrap();
    for _ in 0..2 {
        assert!(matches!(
            pollster::block_on(generation.step()),
            Err(Error::NotFinite)
        ));
    }
}

#[test]
fn a_text_is_scored_as_it_was_made() {
    let mut model = model();
    let prompt: Vec<u32> = (1..40).collect();
    let answer = run(&mut model, &prompt, tokens(20));
    let text = [prompt.clone(), answer.ids.clone()].concat();
    let scores = pollster::block_on(model.log_probabilities(&text)).unwrap();
    assert_eq!(scores.len(), text.len() - 1);
    let difference = scores[prompt.len() - 1..]
        .iter()
        .zip(&answer.log_probabilities)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(difference < 1e-4, "{difference}");
    // The caches are the score's now; an answer does not take them for its own.
    assert_eq!(run(&mut model, &prompt, tokens(20)).ids, answer.ids);
    let mut refusal = |tokens: &[u32]| {
        let error = pollster::block_on(model.log_probabilities(tokens)).unwrap_err();
        error.to_string()
    };
    assert!(refusal(&[]).contains("the prompt is empty"));
    assert!(refusal(&[0; CONTEXT + 1]).contains("97 tokens"));
    assert!(refusal(&[260]).contains("token id 260"));
}
