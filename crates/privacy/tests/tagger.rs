//! The tagger with the weights that ship, and its file.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

use std::sync::LazyLock;

use privacy::{
    Detector, Tagger,
    tagger::{Parts, Weights, WeightsError, hash, lexicon::Lexicon, tokens},
};
use proptest::prelude::*;
use query::{
    EntityKind::{self, Address, Group, Location, Organization, Person},
    PrivacyLevel,
};

static FILE: &[u8] = include_bytes!("../weights/tagger.bin");
static TAGGER: LazyLock<Tagger> = LazyLock::new(|| Tagger::from_bytes(FILE).unwrap());
static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector::new(TAGGER.clone()));

#[track_caller]
fn check(text: &str, expected: &[(&str, EntityKind)]) {
    let found: Vec<_> = DETECTOR
        .detect(text, PrivacyLevel::Balanced)
        .into_iter()
        .map(|span| (&text[span.range], span.kind))
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn people() {
    check(
        "My name is Rachel Zheng and I have a question.",
        &[("Rachel Zheng", Person)],
    );
    check("hey sarah are you coming tonight", &[("sarah", Person)]);
    check(
        "Dear Dr. Okonkwo,\n\nthank you for your time.\n\nBest regards,\nJürgen Weiß",
        &[("Okonkwo", Person), ("Jürgen Weiß", Person)],
    );
}

#[test]
fn places_and_organisations() {
    check(
        "I work for Henderson & Sons in Wrocław.",
        &[("Henderson & Sons", Organization), ("Wrocław", Location)],
    );
    check(
        "I live at 742 Evergreen Terrace, Springfield, OR 97477.",
        &[("742 Evergreen Terrace, Springfield, OR 97477", Address)],
    );
    check(
        "As a Hungarian citizen, do I need a visa?",
        &[("Hungarian", Group)],
    );
}

#[test]
fn what_follows_each_other_is_several_and_an_address_over_lines_is_one() {
    check(
        "The bidders are Velcrant, Okafor Logistics and Brimline Foods.",
        &[
            ("Velcrant", Organization),
            ("Okafor Logistics", Organization),
            ("Brimline Foods", Organization),
        ],
    );
    check(
        "Please send it to 18 Orchard Road, Apt. 7\nLeeds\nUnited Kingdom before Friday.",
        &[
            ("18 Orchard Road, Apt. 7\nLeeds\nUnited Kingdom", Address),
            ("Friday", EntityKind::Date),
        ],
    );
}

#[test]
fn nothing_personal() {
    for text in [
        "What is the difference between a list and a tuple in Python?",
        "Write a poem about the sea.",
        "Solve for x: 3x + 7 = 22",
        "how do i boil eggs",
        "def area(width, height):\n    return width * height",
        "We will mark the date and hope for the best.",
    ] {
        check(text, &[]);
    }
}

#[test]
fn careful_covers_all_that_balanced_covers() {
    let text = "Ask Mira from Halvorsen Logistics, she is in Tromsø until Friday.";
    let covered = |level| -> Vec<usize> {
        let spans = DETECTOR.detect(text, level);
        spans.into_iter().flat_map(|span| span.range).collect()
    };
    let careful = covered(PrivacyLevel::Careful);
    for byte in covered(PrivacyLevel::Balanced) {
        assert!(careful.contains(&byte), "{}", &text[byte..]);
    }
}

#[test]
fn a_file_comes_back_as_it_was() {
    let tagger = Tagger::from_bytes(FILE).unwrap();
    assert_eq!(tagger.to_bytes(), FILE);
}

#[test]
fn other_files_are_refused() {
    assert_eq!(Tagger::from_bytes(b""), Err(WeightsError::OtherFormat));
    assert_eq!(Tagger::from_bytes(b"GGUF"), Err(WeightsError::OtherFormat));
    assert_eq!(Tagger::from_bytes(b"TGPT"), Err(WeightsError::Damaged));
    assert_eq!(
        Tagger::from_bytes(b"TGPT\x63........"),
        Err(WeightsError::OtherVersion(0x63))
    );
    let cut = &FILE[..FILE.len() - 1];
    assert_eq!(Tagger::from_bytes(cut), Err(WeightsError::Damaged));
    let mut changed = FILE.to_vec();
    changed[FILE.len() / 2] ^= 1;
    assert_eq!(Tagger::from_bytes(&changed), Err(WeightsError::Damaged));
}

/// A file so small that every byte can be changed and its sum made right again.
fn small() -> Vec<u8> {
    let weights = Weights::new(Parts {
        kinds: vec![Person],
        unit: 0.1,
        transitions: vec![0; 12],
        lean: [1, 2],
        lexicon: Lexicon::new([(hash("ada".chars()), 1), (hash("may".chars()), 9)]),
        entries: vec![(3, 0, 5), (3, 1, -5), (70_000, 2, 7)],
    });
    weights.unwrap().to_bytes()
}

fn with_right_sum(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len().saturating_sub(8);
    let sum = bytes[..end]
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, &byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    bytes.truncate(end);
    bytes.extend(sum.to_le_bytes());
    bytes
}

#[test]
fn damage_that_the_sum_does_not_show_is_an_error_or_harmless() {
    let file = small();
    assert_eq!(Tagger::from_bytes(&file).unwrap().to_bytes(), file);
    for place in 5..file.len() - 8 {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = file.clone();
            changed[place] = value;
            if let Ok(tagger) = Tagger::from_bytes(&with_right_sum(changed)) {
                Detector::new(tagger).detect("Ada may, may she?", PrivacyLevel::Careful);
            }
        }
        // Cut short there.
        let cut = [&file[..place], &[0; 8]].concat();
        assert!(Tagger::from_bytes(&with_right_sum(cut)).is_err(), "{place}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let file = [b"TGPT\x01".to_vec(), bytes].concat();
        let _ = Tagger::from_bytes(&with_right_sum(file));
    }

    #[test]
    fn any_text_gives_spans_in_order_at_characters(text in "\\PC{0,80}|(\\p{L}|\\p{N}|\\p{M}|[ \n:.,'\"-]){0,120}") {
        for level in [PrivacyLevel::Balanced, PrivacyLevel::Careful] {
            let mut end = 0;
            let spans = DETECTOR.detect(&text, level);
            for span in &spans {
                prop_assert!(span.range.start >= end && span.range.end > span.range.start);
                prop_assert!(text.get(span.range.clone()).is_some());
                prop_assert!((0.0..=1.0).contains(&span.score));
                end = span.range.end;
            }
            prop_assert_eq!(&DETECTOR.detect(&text, level), &spans);
        }
    }
}

/// Counts steps instead of time: each token has so many rows at most.
#[test]
fn work_is_linear() {
    use privacy::tagger::Features;
    let rows = |text: &str| -> usize {
        let tokens = tokens(text);
        let features = Features::new(text, &tokens, &vec![None; tokens.len()], |_| 0);
        (0..features.len())
            .map(|token| features.rows(token).len())
            .sum()
    };
    for unit in ["Ada met Bob. ", "x", "山", "a:", "\n- ", "'"] {
        let (one, ten) = (unit.repeat(2000), unit.repeat(20_000));
        assert!(rows(&ten) <= 11 * rows(&one), "{unit:?}");
        let most = ten.len() * 80;
        assert!(rows(&ten) <= most, "{unit:?}");
    }
    // As long as the longest query that is promised, in one word and in many.
    for text in ["a".repeat(100_000), "Ada ".repeat(25_000)] {
        TAGGER.tag(&text, &[], PrivacyLevel::Balanced);
    }
}
