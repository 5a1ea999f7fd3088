//! Whether a reply is right, and what a count of right ones says.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How a reply is held against the expected answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Match {
    /// Equal, but for case, white space around and a final full stop.
    Exact,
    /// The answer stands somewhere in the reply, whatever the case.
    Contains,
    /// The last number of the reply is the last number of the answer, as GSM8K is graded.
    Number,
    /// The first letter from A to J that stands alone is the answer, as MMLU is graded.
    Choice,
}

impl Match {
    /// Whether `reply` is right.
    pub(crate) fn grades(self, reply: &str, answer: &str) -> bool {
        match self {
            Self::Exact => bare(reply) == bare(answer),
            Self::Contains => reply.to_lowercase().contains(&bare(answer)),
            Self::Number => match (last_number(reply), last_number(answer)) {
                (Some(found), Some(expected)) => found == expected,
                _ => false,
            },
            Self::Choice => {
                let expected = first_choice(answer);
                expected.is_some() && first_choice(reply) == expected
            }
        }
    }
}

fn bare(text: &str) -> String {
    text.trim().trim_end_matches('.').trim_end().to_lowercase()
}

/// `$1,234.50` is 1234.5; a full stop or comma after a number is none of it.
fn last_number(text: &str) -> Option<f64> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.' || c == ',' || c == '-';
    text.split(|c| !is_part(c))
        .filter_map(|word| {
            let digits = word.trim_matches([',', '.']).replace(',', "");
            // A range or a date, 3-4, ends in its last number.
            let start = digits.rfind('-').unwrap_or(0);
            let number = if start == 0 {
                &digits
            } else {
                &digits[start + 1..]
            };
            number.parse::<f64>().ok()
        })
        .next_back()
}

fn first_choice(text: &str) -> Option<char> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter_map(|word| {
            let mut letters = word.chars();
            match (letters.next(), letters.next()) {
                (Some(letter @ 'A'..='J'), None) => Some(letter),
                _ => None,
            }
        })
        .next()
}

/// Wilson's score interval at 95% for `right` of `total` (Wilson 1927): holds for small counts and
/// near 0 and 1, where the normal approximation does not.
pub(crate) fn wilson(right: usize, total: usize) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    if total == 0 {
        return (0.0, 1.0);
    }
    let n = total as f64;
    let share = right as f64 / n;
    let centre = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (
        ((centre - spread) / scale).max(0.0),
        ((centre + spread) / scale).min(1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::{Match, wilson};

    #[test]
    fn replies_are_graded() {
        for (kind, reply, answer, right) in [
            (Match::Exact, " Paris.\n", "paris", true),
            (Match::Exact, "It is Paris.", "Paris", false),
            (Match::Contains, "It is PARIS, of course", "Paris", true),
            (Match::Contains, "It is Rome", "Paris", false),
            (Match::Number, "So he made $70,000.", "#### 70000", true),
            (Match::Number, "5 + 3 = 8. The answer is 8.0", "8", true),
            (Match::Number, "8 or 9", "8", false),
            (Match::Number, "-3", "3", false),
            (Match::Number, "from 3-4", "4", true),
            (Match::Number, "I do not know", "3", false),
            (Match::Choice, "B. 4", "B", true),
            (
                Match::Choice,
                "The answer is (C), because B is wrong",
                "C",
                true,
            ),
            (Match::Choice, "I'd say D", "D", true),
            (Match::Choice, "none", "A", false),
        ] {
            assert_eq!(
                kind.grades(reply, answer),
                right,
                "{kind:?} {reply:?} {answer:?}"
            );
        }
    }

    /// Against R: `prop.test(x, n, correct = FALSE)`.
    #[test]
    fn wilson_is_as_published() {
        for (right, total, low, high) in [
            (0, 10, 0.0, 0.277_533),
            (8, 10, 0.490_162, 0.943_317),
            (50, 100, 0.403_830, 0.596_170),
        ] {
            let (found_low, found_high) = wilson(right, total);
            assert!(
                (found_low - low).abs() < 1e-5,
                "{right}/{total}: {found_low}"
            );
            assert!(
                (found_high - high).abs() < 1e-5,
                "{right}/{total}: {found_high}"
            );
        }
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }
}
