//! Expected gain and novelty with the weights that ship.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use proptest::prelude::*;
use router::{
    Estimate, Sections, Weights,
    gain::{Gain, KNOWN, Kind, Reading, SECTION},
};

const FILE: &[u8] = include_bytes!("../weights/router.bin");
static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| Weights::from_bytes(FILE).unwrap());

#[test]
fn the_section_is_written_as_it_was_read() {
    let sections = Sections::read(FILE).unwrap();
    let section = sections.get(SECTION).unwrap();
    assert_eq!(Gain::from_bytes(section).unwrap().to_bytes(), section);
}

#[test]
fn kinds_are_told_by_form() {
    for (text, kind) in [
        (
            "Who wrote Faust?\nA. Goethe\nB. Schiller\nC. Lessing\nD. Kleist\nAnswer:",
            Kind::Choice,
        ),
        ("Pick one.\n(A) red\n(B) blue", Kind::Choice),
        ("A. Goethe wrote it. Or did he?", Kind::Short),
        (
            "Tom has 3 apples. He buys 4 more. How many has he?",
            Kind::WordProblem,
        ),
        ("who wrote faust", Kind::Short),
        ("", Kind::Short),
    ] {
        assert_eq!(Reading::of(text).kind, kind, "{text}");
    }
    assert_eq!(
        Reading::of(&"This is a story of many words.\n".repeat(20)).kind,
        Kind::Other
    );
}

#[test]
fn what_nobody_asked_is_new_and_what_many_asked_is_not() {
    let novelty = |text: &str| WEIGHTS.gain(text).novelty;
    for known in [
        "Which of the following is a renewable resource?\nA. Coal\nB. Wind\nC. Oil\nD. Natural gas\nAnswer:",
        "Anna has 12 apples. She gives 5 of them to Tom and buys 8 more. How many apples does she have now?",
        "who won the world cup in 1998",
    ] {
        assert!(novelty(known) < KNOWN, "{known}: {}", novelty(known));
    }
    for new in [
        "今天天气怎么样？请告诉我北京和上海的天气预报。",
        "Bitte schreibe einen höflichen Brief an meinen Vermieter wegen der kaputten Heizung.",
        "qzxv wpfk jjrt blorx znitch frumbulous grelbix vortang",
    ] {
        assert!(novelty(new) >= KNOWN, "{new}: {}", novelty(new));
    }
}

#[test]
fn an_estimate_is_in_its_range_on_texts_of_any_length() {
    for text in [
        "",
        "a",
        "\n\n",
        "A.\nB.",
        &"é€ 1,2.".repeat(10_000),
        &"A. x\nB. y\n".repeat(5_000),
    ] {
        let Estimate { gain, novelty } = WEIGHTS.gain(text);
        assert!(
            (-1.0..=1.0).contains(&gain) && (0.0..=1.0).contains(&novelty),
            "{gain} {novelty}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}|(\\(?[A-D][.):] [^\n]{0,12}\n){0,6}[0-9., $%é]{0,20}") {
        let Estimate { gain, novelty } = WEIGHTS.gain(&text);
        prop_assert!((-1.0..=1.0).contains(&gain) && (0.0..=1.0).contains(&novelty));
    }

    /// A section that was changed or cut is an error, or weights that still answer in range.
    #[test]
    fn no_section_panics(cut in 0.0..1.0_f64, at in 0.0..1.0_f64, bytes in prop::collection::vec(any::<u8>(), 0..16)) {
        let sections = Sections::read(FILE).unwrap();
        let mut section = sections.get(SECTION).unwrap().to_vec();
        let end = section.len() - 4096;
        // Behind the words' and buckets' bytes, any of which is right.
        let start = end + (at * 4000.0) as usize;
        for (to, from) in section[start..].iter_mut().zip(&bytes) {
            *to = *from;
        }
        if let Ok(gain) = Gain::from_bytes(&section) {
            let estimate = gain.estimate("Who wrote Faust in 1808?");
            prop_assert!((-1.0..=1.0).contains(&estimate.gain));
        }
        let length = (cut * section.len() as f64) as usize;
        prop_assert!(Gain::from_bytes(&section[..length]).is_err());
    }
}
