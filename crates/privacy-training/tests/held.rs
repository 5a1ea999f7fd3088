//! The weights that ship, on texts that were written by hand and that training never sees.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

use std::{fs, path::Path};

use privacy::{Detector, Tagger};
use privacy_training::{Report, corpus, measure};
use query::PrivacyLevel::{self, Balanced, Careful};

fn detector() -> Detector {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../privacy/weights/tagger.bin");
    Detector::new(Tagger::from_bytes(&fs::read(file).unwrap()).unwrap())
}

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(name)
}

/// Sentences that are hard: names that are words, invented names, headlines, chats, code, and nothing at all.
#[test]
fn hard_sentences() {
    let samples = corpus::read_marked(&data("held_sentences.jsonl")).unwrap();
    assert_eq!(samples.len(), 100);
    let detector = detector();
    let report = |level| measure(&detector, level, &samples, &mut |_, _, _| {});
    let (balanced, careful): (Report, Report) = (report(Balanced), report(Careful));
    assert!(balanced.f2 >= 0.80, "{balanced:?}");
    assert!(careful.recall >= balanced.recall, "{careful:?}");
}

/// Prompts as people write them: how much that is personal is still there after masking.
#[test]
fn prompts_of_people() {
    let detector = detector();
    let lines = fs::read_to_string(data("held_prompts.jsonl")).unwrap();
    let leaked = |level: PrivacyLevel| {
        let (mut units, mut leaked) = (0, 0);
        for line in lines.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let mut prompt = line["prompt"].as_str().unwrap().to_owned();
            let spans = detector.detect(&prompt, level);
            for span in spans.into_iter().rev() {
                prompt.replace_range(span.range, "[]");
            }
            let prompt = prompt.to_lowercase();
            for unit in line["units"].as_array().unwrap() {
                units += 1;
                leaked += usize::from(prompt.contains(&unit.as_str().unwrap().to_lowercase()));
            }
        }
        leaked as f64 / f64::from(units)
    };
    let (balanced, careful) = (leaked(Balanced), leaked(Careful));
    assert!(balanced <= 0.075, "{balanced}");
    assert!(careful <= 0.04, "{careful}");
}
