//! From which probability on an answer is good enough where no risk is stated: rows of data.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

use query::{Estimate, Guess, Intent};
use router::{
    Judgement,
    calibration::{Calibration, Curves, ModelFile, Questions},
    doubtful_below,
};

/// Of so many answers in a hundred that stood, telling something for these kinds of questions.
fn calibration(stood: u32, telling: Option<Vec<Intent>>) -> Calibration {
    let curve = serde_json::json!({
        "alone": { "weights": [1, 0, 0, 0, 0, 0], "knots": [{ "score": -1, "probability": 0.5 }] },
    });
    let curves: Curves = serde_json::from_value(curve).unwrap();
    Calibration {
        model: ModelFile {
            sha256: "00".repeat(32),
            name: "a model".to_owned(),
            quantization: "Q4_1".to_owned(),
        },
        questions: vec![Questions {
            name: "questions".to_owned(),
            asked: 100,
            right: 0,
            worse: 100 - stood,
        }],
        telling,
        whole: curves.clone(),
        beginning: curves,
    }
}

/// Facts add 0.3 to what the estimate says: a model in a page knows less than those whose answers were graded.
fn judged(intent: Intent, gain: f32) -> Judgement {
    Judgement {
        guess: Some(Guess {
            intent,
            probability: 1.0,
        }),
        estimate: Some(Estimate { gain, novelty: 0.0 }),
    }
}

/// What is asked, and what is expected; answers of the calibration that stood, of a hundred; doubtful below.
type Row = (&'static str, Judgement, u32, f32);

#[test]
fn how_likely_an_answer_has_to_be_to_stand() {
    let facts = |gain| judged(Intent::Facts, gain);
    let unfamiliar = Judgement {
        estimate: Some(Estimate {
            gain: 0.9,
            novelty: 1.0,
        }),
        ..facts(0.0)
    };
    let unsure_kind = Judgement {
        guess: Some(Guess {
            intent: Intent::Code,
            probability: 0.5,
        }),
        ..facts(0.2)
    };
    #[rustfmt::skip]
    let rows: [Row; 12] = [
        ("as likely as not, among answers of which half stood", facts(0.2), 50, 0.5),
        // A weak model is held to what it can do, a strong one as well.
        ("as likely as not, and few stood", facts(0.2), 25, 0.25),
        ("as likely as not, and many stood", facts(0.2), 80, 0.8),
        ("nothing is known of the question", Judgement::default(), 25, 0.25),
        // Then more is asked of the answer where the page is expected to be worse.
        ("easy", facts(-0.1), 25, 1.0 / 13.0),
        ("moderate", facts(0.1), 25, 2.0 / 11.0),
        ("hard", facts(0.5), 25, 4.0 / 7.0),
        ("talk, which is hardly ever doubtful", judged(Intent::Chat, 0.0), 25, 1.0 / 58.0),
        ("beyond all doubt, which there is not", judged(Intent::Code, 1.0), 25, 19.0 / 22.0),
        ("unlike anything known: by its kind alone", unfamiliar, 50, 0.3),
        ("of no certain kind", unsure_kind, 50, 0.5),
        ("none stood: still not without hope", facts(0.2), 0, 0.05),
    ];
    for (name, judgement, stood, expected) in rows {
        let found = doubtful_below(judgement, &calibration(stood, None)).unwrap();
        assert!((found - expected).abs() < 1e-5, "{name}: {found}");
    }
}

#[test]
fn where_certainty_says_nothing_it_does_not_decide() {
    let telling = calibration(50, Some(vec![Intent::Facts]));
    assert!(doubtful_below(judged(Intent::Facts, 0.2), &telling).is_some());
    for judgement in [judged(Intent::Mathematics, 0.2), Judgement::default()] {
        assert_eq!(doubtful_below(judgement, &telling), None);
    }
}

#[test]
fn without_questions_half_of_the_answers_count_as_having_stood() {
    let mut calibration = calibration(25, None);
    calibration.questions.clear();
    assert_eq!(
        doubtful_below(Judgement::default(), &calibration),
        Some(0.5)
    );
}
