//! How the time of finding grows with a text's length.

use std::{hint::black_box, time::Instant};

use privacy::{Vault, detect, find};
use query::{ChatRequest, Message, PrivacyLevel, Role};

/// Texts that are repeated: prose with values, and what makes a pattern try again at every place. `#` becomes a
/// number that is another one each time, so that values differ.
const PATTERNS: [(&str, &str); 8] = [
    (
        "prose with values",
        "Dear Ada#, call (415) 555-0132 or write to ada#@example.com about the house in London. ",
    ),
    ("words", "the quick brown fox jumps over the lazy dog and "),
    ("names", "Ada Lovelace met Charles Babbage in London, "),
    ("digits", "1234567890"),
    ("numbers", "12-34 56.78 "),
    ("at signs", "a@"),
    ("base64", "QWxhZGRpbjpvcGVuIHNlc2FtZQ"),
    ("letters beyond ASCII", "Жé🦀漢"),
];

const LONGEST: usize = 100_000;
const LENGTHS: [usize; 3] = [LONGEST / 100, LONGEST / 10, LONGEST];

/// A table of times. Each is of as many texts as make the longest length together, so that what else the machine
/// does weighs on all alike.
pub(super) fn print() {
    println!(
        "ms for 1,000 characters in texts of {LENGTHS:?} characters, and the last by the first (linear: 1)"
    );
    for (name, pattern) in PATTERNS {
        let texts = LENGTHS.map(|length| repeated(pattern, length));
        row("detect", name, |at| {
            black_box(detect(&texts[at]));
        });
        let requests = texts.each_ref().map(|text| ChatRequest {
            messages: vec![Message::new(Role::User, text)],
            ..ChatRequest::default()
        });
        row("find", name, |at| {
            black_box(find(&requests[at], PrivacyLevel::Balanced, &Vault::new()));
        });
    }
}

/// `work` takes the text of the length with this index.
fn row(what: &str, name: &str, work: impl Fn(usize)) {
    let [a, b, c] = [0, 1, 2].map(|at| {
        let ms = best(|| (0..LONGEST / LENGTHS[at]).for_each(|_| work(at)));
        ms * 1_000.0 / LONGEST as f64
    });
    println!(
        "{what:<6} {name:<20} {a:>8.4} {b:>8.4} {c:>8.4}   x{:.1}",
        c / a
    );
}

fn repeated(pattern: &str, length: usize) -> String {
    let pieces = (0..length).map(|number| pattern.replace('#', &number.to_string()));
    let mut text = String::new();
    let mut characters = 0;
    for piece in pieces {
        if characters >= length {
            break;
        }
        characters += piece.chars().count();
        text.push_str(&piece);
    }
    text.chars().take(length).collect()
}

/// The shortest of three times, in ms.
fn best(work: impl Fn()) -> f64 {
    let times = [(); 3].map(|()| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64() * 1e3
    });
    times.into_iter().fold(f64::INFINITY, f64::min)
}
