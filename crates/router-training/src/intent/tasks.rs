//! Prompts of public sets whose tasks have one intent.

use query::Intent;

use super::Sample;
use crate::corpus::Labelled;

/// Tasks that ask for one thing throughout. `gpqa` mixes facts and calculations and is left out; what stands
/// under `self-instruct/` is decided prompt by prompt.
const TASKS: &[(&str, Intent)] = &[
    ("math", Intent::Mathematics),
    ("gsm8k", Intent::Mathematics),
    ("agentverse-mgsm", Intent::Mathematics),
    ("mbpp", Intent::Code),
    ("human_eval", Intent::Code),
    ("natural_qa", Intent::Facts),
    ("trivia_qa", Intent::Facts),
    ("mmlu", Intent::Facts),
    ("openbook_qa", Intent::Facts),
    ("arc_challenge", Intent::Facts),
    ("commonsense_qa", Intent::Reasoning),
    ("agentverse-logicgrid", Intent::Reasoning),
    ("commongen", Intent::Writing),
];
/// Longer questions of `mmlu` ask about a text that comes with them, which is no question about the world.
const LONGEST_FACT: usize = 400;
/// What the prompts of self-instruct ask for, as somebody judged who read them: the FNV-1a sum of a prompt in
/// hexadecimal, and an intent. Prompts that ask for something else, or for two things, are not in it.
const SELF_INSTRUCT: &str = include_str!("../../data/self_instruct_intents.txt");

/// Prompts of tasks that have one intent; others are left out.
pub fn from_tasks(prompts: &[Labelled]) -> Vec<Sample> {
    let judged: std::collections::BTreeMap<&str, &str> = SELF_INSTRUCT
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    prompts
        .iter()
        .filter_map(|prompt| {
            let (intent, task) = if prompt.task.starts_with("self-instruct/") {
                let sum = format!("{:016x}", sum(&prompt.prompt));
                (Intent::named(judged.get(sum.as_str())?)?, "self-instruct")
            } else {
                let task = TASKS.iter().find(|(task, _)| *task == prompt.task)?;
                (task.1, task.0)
            };
            let is_long = intent == Intent::Facts && prompt.prompt.len() > LONGEST_FACT;
            (!is_long).then(|| Sample {
                text: prompt.prompt.clone(),
                intent,
                origin: prompt.prompt.clone(),
                task: Some(task),
            })
        })
        .collect()
}

/// FNV-1a over bytes.
fn sum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tasks_of_one_intent_are_taken() {
        let prompt = |task: &str, prompt: &str| Labelled {
            task: task.to_owned(),
            prompt: prompt.to_owned(),
        };
        let long = "word ".repeat(100);
        let samples = from_tasks(&[
            prompt("gsm8k", "How many?"),
            prompt("gpqa", "Which one?"),
            prompt("mmlu", &long),
            prompt("self-instruct/Nobody", "never judged"),
        ]);
        let found: Vec<_> = samples
            .iter()
            .map(|sample| (sample.intent, sample.task))
            .collect();
        assert_eq!(found, [(Intent::Mathematics, Some("gsm8k"))]);
    }

    #[test]
    fn every_judgement_names_an_intent() {
        for line in SELF_INSTRUCT.lines() {
            let (sum, intent) = line.split_once(' ').unwrap();
            assert!(u64::from_str_radix(sum, 16).is_ok(), "{line}");
            assert!(Intent::named(intent).is_some(), "{line}");
        }
    }
}
