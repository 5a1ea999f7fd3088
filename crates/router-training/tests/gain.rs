//! Learning on prompts that are made up here.

use router::gain::KNOWN;
use router_training::{
    corpus::Scored,
    gain::{
        Example, Options, alike,
        curve::{Point, Sorted},
        train,
    },
};

const THINGS: [&str; 12] = [
    "river",
    "planet",
    "metal",
    "acid",
    "novel",
    "treaty",
    "muscle",
    "planetary orbit",
    "market",
    "poem",
    "cell",
    "verb",
];
const TRAITS: [&str; 9] = [
    "largest",
    "oldest",
    "heaviest",
    "most common",
    "rarest",
    "first",
    "last",
    "nearest",
    "best known",
];

/// Questions with choices; the cloud is better where something is denied.
fn choices(count: usize) -> Vec<Scored> {
    let prompt = |at: usize| {
        let (thing, quality) = (THINGS[at % 12], TRAITS[at / 12 % 9]);
        let denied = at % 5 < 2;
        let not = if denied { " NOT" } else { "" };
        Scored {
            id: format!("made/{at}"),
            domain: thing.to_owned(),
            prompt: format!(
                "Which {thing} of country number {at} is{not} the {quality} one?\nA. {at} north\nB. south\nC. east of it\nD. west\nAnswer:"
            ),
            weak: if denied && !at.is_multiple_of(3) {
                0.0
            } else {
                1.0
            },
            strong: 1.0,
            scores: Default::default(),
        }
    };
    (0..count).map(prompt).collect()
}

fn learn(prompts: &[Scored]) -> router::gain::Gain {
    let groups = alike::groups(prompts.iter().map(|prompt| prompt.prompt.as_str()));
    let examples: Vec<Example> = prompts.iter().map(Example::of).collect();
    train(
        &examples.iter().collect::<Vec<_>>(),
        &groups,
        &Options::default(),
    )
}

#[test]
fn what_carries_over_is_found_on_prompts_that_were_left_out() {
    let all = choices(1200);
    let (known, asked) = all.split_at(900);
    let gain = learn(known);
    let points = asked.iter().map(|prompt| Point {
        predicted: gain.estimate(&prompt.prompt).gain,
        gain: prompt.strong - prompt.weak,
        weak: prompt.weak,
    });
    let apgr = Sorted::new(points).curve(|_| 1).apgr();
    // Denied ones first, of which two of three gain: 0.8 at best without knowing which.
    assert!(apgr.is_some_and(|apgr| apgr > 0.75), "{apgr:?}");
}

#[test]
fn the_same_prompts_and_seed_give_the_same_bytes() {
    let prompts = choices(300);
    assert!(learn(&prompts).to_bytes() == learn(&prompts).to_bytes());
}

/// Learned from questions with choices alone: of a story with numbers it says that it knows nothing like it, and
/// tells only by length.
#[test]
fn a_kind_of_question_that_never_occurred_is_outside_of_what_is_known() {
    let prompts = choices(600);
    let gain = learn(&prompts);
    let story = "Tom has 3 apples. He buys 4 more, and then eats 2. How many apples has he?";
    assert_eq!(gain.estimate(story).novelty, 1.0);
    let outside = prompts
        .iter()
        .filter(|prompt| gain.estimate(&prompt.prompt).novelty >= KNOWN)
        .count();
    assert!(outside < 60, "{outside} of 600 that it learned from");
    let [start, slope] = gain.by_length;
    let expected = start + slope * router::gain::Reading::of(story).form[1];
    assert_eq!(gain.estimate(story).gain, expected.clamp(-1.0, 1.0));
}
