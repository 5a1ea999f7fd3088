//! Numbers within bounds as grammars, digit by digit.

use super::grammar::{Grammar, Node};

/// Digits of a number without a bound.
const DIGITS: usize = 16;

/// Whole numbers from `from` to `to`, both included; `None` if there are none.
pub(crate) fn integers(grammar: &mut Grammar, from: Option<i64>, to: Option<i64>) -> Option<Node> {
    signed(grammar, from, to, None)
}

/// Numbers with a fraction that is not zero, above `from` and below `to`; `None` if there are none.
pub(crate) fn fractions(grammar: &mut Grammar, from: Option<i64>, to: Option<i64>) -> Option<Node> {
    // The last digit is not zero, so that the number is no whole one.
    let digit = grammar.range(b'0', b'9');
    let digits = grammar.repeat(digit, 0, Some(14));
    let last = grammar.range(b'1', b'9');
    let point = grammar.text(".");
    let fraction = grammar.sequence(vec![point, digits, last]);
    signed(grammar, from, to, Some(fraction))
}

/// With a fraction, the part before the point runs up to one below the bound, away from zero.
fn signed(
    grammar: &mut Grammar,
    from: Option<i64>,
    to: Option<i64>,
    fraction: Option<Node>,
) -> Option<Node> {
    let mut options = Vec::new();
    let short = i64::from(fraction.is_some());
    // Magnitudes of what is not negative, and of what is.
    let least = from.unwrap_or(0).max(0);
    let most = to.map(|to| to - short);
    options.extend(magnitudes(grammar, least, most));
    // Zero has no sign, but -0.5 has.
    let least = to.map_or(1 - short, |to| (-to).max(1 - short));
    let most = from.map(|from| -from - short);
    if let Some(magnitude) = magnitudes(grammar, least, most) {
        let minus = grammar.text("-");
        options.push(grammar.sequence(vec![minus, magnitude]));
    }
    if options.is_empty() {
        return None;
    }
    let whole = grammar.choice(options);
    Some(match fraction {
        None => whole,
        Some(fraction) => grammar.sequence(vec![whole, fraction]),
    })
}

/// Whole numbers from `least` to `most`, without leading zeros.
fn magnitudes(grammar: &mut Grammar, least: i64, most: Option<i64>) -> Option<Node> {
    if most.is_some_and(|most| most < least) {
        return None;
    }
    let lowest = least.to_string();
    let highest = most.map_or("9".repeat(DIGITS), |most| most.to_string());
    let mut options = Vec::new();
    for length in lowest.len()..=highest.len() {
        let low = if length == lowest.len() {
            lowest.clone()
        } else {
            format!("1{}", "0".repeat(length - 1))
        };
        let high = if length == highest.len() {
            highest.clone()
        } else {
            "9".repeat(length)
        };
        options.push(between(grammar, low.as_bytes(), high.as_bytes()));
    }
    Some(grammar.choice(options))
}

/// As many digits as `low` and `high` have, from one to the other.
fn between(grammar: &mut Grammar, low: &[u8], high: &[u8]) -> Node {
    let (Some((&l, low)), Some((&h, high))) = (low.split_first(), high.split_first()) else {
        return grammar.sequence(Vec::new());
    };
    let any = |count: usize, digit: u8| vec![digit; count];
    let all = |digits: &[u8], digit: u8| digits.iter().all(|other| *other == digit);
    if l == b'0' && h == b'9' && all(low, b'0') && all(high, b'9') {
        let digit = grammar.range(b'0', b'9');
        let count = low.len() as u32 + 1;
        return grammar.repeat(digit, count, Some(count));
    }
    if l == h {
        let first = grammar.range(l, l);
        let rest = between(grammar, low, high);
        return grammar.sequence(vec![first, rest]);
    }
    let mut options = Vec::new();
    let mut option = |grammar: &mut Grammar, first: (u8, u8), low: &[u8], high: &[u8]| {
        let first = grammar.range(first.0, first.1);
        let rest = between(grammar, low, high);
        options.push(grammar.sequence(vec![first, rest]));
    };
    option(grammar, (l, l), low, &any(low.len(), b'9'));
    if l + 1 < h {
        option(
            grammar,
            (l + 1, h - 1),
            &any(low.len(), b'0'),
            &any(low.len(), b'9'),
        );
    }
    option(grammar, (h, h), &any(low.len(), b'0'), high);
    grammar.choice(options)
}
