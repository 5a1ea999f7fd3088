//! Answers that go on in another model.

use super::{Finish, run, step, tokens};
use crate::{Sampling, Step, testing::model};

#[test]
fn an_answer_goes_on_in_another_model_from_any_token() {
    let prompt: Vec<u32> = (1..40).collect();
    let sampling = Sampling {
        max_tokens: 24,
        temperature: 0.9,
        seed: 5,
        ..Default::default()
    };
    let whole = run(&mut model(), &prompt, sampling.clone());
    let tokens: Vec<_> = whole
        .ids
        .iter()
        .copied()
        .zip(whole.log_probabilities.iter().copied())
        .collect();
    for done in 0..=tokens.len() {
        let mut other = model();
        let (mut generation, replayed) = other
            .resume(prompt.clone(), &tokens[..done], sampling.clone())
            .unwrap();
        assert_eq!(replayed.len(), done);
        let mut ids = Vec::new();
        let end = loop {
            match step(&mut generation) {
                Step::Prefill { .. } => {}
                Step::Token { id, .. } => ids.push(id),
                Step::Done {
                    finish,
                    mean_log_probability,
                    prompt_tokens,
                    completion_tokens,
                } => {
                    assert!((mean_log_probability - whole.mean).abs() < 1e-3);
                    break (finish, prompt_tokens, completion_tokens);
                }
            }
        };
        assert_eq!(
            (&ids[..], end),
            (&whole.ids[done..], whole.done),
            "after {done}"
        );
    }
}

#[test]
fn an_answer_goes_on_in_the_same_model_after_another_one() {
    let mut model = model();
    let prompt: Vec<u32> = (1..40).collect();
    let sampling = Sampling {
        temperature: 0.9,
        seed: 5,
        ..tokens(40)
    };
    let whole = run(&mut model, &prompt, sampling.clone());
    let answered: Vec<_> = whole
        .ids
        .iter()
        .copied()
        .zip(whole.log_probabilities)
        .collect();
    run(&mut model, &(100..170).collect::<Vec<_>>(), tokens(4));
    let (mut generation, _) = model.resume(prompt, &answered[..30], sampling).unwrap();
    // Neither the prompt nor its own tokens are computed again, but for the last one.
    assert_eq!(generation.reused(), 39 + 29);
    for &(expected, _) in &answered[30..] {
        assert!(matches!(step(&mut generation), Step::Token { id, .. } if id == expected));
    }
}

#[test]
fn tokens_beyond_the_end_of_an_answer_are_not_taken() {
    let mut model = model();
    let prompt: Vec<u32> = (1..40).collect();
    let answer = run(&mut model, &prompt, tokens(5));
    let answered: Vec<_> = answer.ids.iter().map(|&id| (id, -1.0)).collect();
    let (mut generation, steps) = model.resume(prompt.clone(), &answered, tokens(3)).unwrap();
    assert_eq!(steps.len(), 3);
    let done = step(&mut generation);
    assert!(matches!(
        done,
        Step::Done {
            finish: Finish::Length,
            completion_tokens: 3,
            ..
        }
    ));
    drop(generation);
    assert_eq!(run(&mut model, &prompt, tokens(5)).ids, answer.ids);
}

#[test]
fn text_that_was_held_back_comes_after_a_replay() {
    // Three bytes of one character, the last of which has not come.
    let mut model = model();
    let prompt: Vec<u32> = (1..9).collect();
    let euro: Vec<_> = model
        .encode("€")
        .unwrap()
        .into_iter()
        .map(|id| (id, -1.0))
        .collect();
    assert_eq!(euro.len(), 3);
    let (_, steps) = model.resume(prompt, &euro, tokens(9)).unwrap();
    let texts = steps.iter().map(|step| match step {
        Step::Token { text, .. } => text.as_str(),
        _ => panic!("no token"),
    });
    assert_eq!(texts.collect::<Vec<_>>(), ["", "", "€"]);
}
