//! Expected gain of the cloud over a small local model, from the question alone.
//!
//! The one place to replace: the weights are set by hand, after what small models are known to fail at
//! (arithmetic, code, several steps, several parts), and are not trained or calibrated yet.

use query::{ChatRequest, Role};

/// Expected gain, 0 to 1: 0 if the local answer is as good, 1 if only the cloud's is any use.
///
/// A logistic function of a few features of the last question.
pub fn gain(query: &ChatRequest) -> f32 {
    let question = query
        .messages
        .iter()
        .rfind(|message| message.role == Role::User);
    let Some(text) = question.map(|message| message.content.as_str()) else {
        return 0.0;
    };
    let sum: f32 = FEATURES
        .iter()
        .map(|(weight, feature)| weight * feature(text))
        .sum();
    1.0 / (1.0 + (-(BIAS + sum)).exp())
}

/// A short plain question: a gain of 0.1.
const BIAS: f32 = -2.2;

type Feature = fn(&str) -> f32;

/// A weight, and a feature of the question, 0 to 1.
const FEATURES: [(f32, Feature); 6] = [
    (3.0, length),
    (2.8, code),
    (2.4, mathematics),
    (2.3, reasoning),
    (2.0, parts),
    (2.0, asked_length),
];

/// Words, up to 200.
fn length(text: &str) -> f32 {
    (text.split_whitespace().count() as f32 / 200.0).min(1.0)
}

/// Code in it, or asked for.
fn code(text: &str) -> f32 {
    let marks = [
        "```", "();", "){", ") {", "=>", "</", "#include", "def ", "fn ", "SELECT ",
    ];
    let marked = marks.iter().any(|mark| text.contains(mark));
    let named = share(
        text,
        &[
            "code",
            "function",
            "program",
            "script",
            "regex",
            "sql",
            "python",
            "javascript",
            "typescript",
            "rust",
            "java",
            "bug",
            "compile",
            "refactor",
            "algorithm",
            "implement",
            "api",
            "debug",
        ],
        1,
    );
    if marked { 1.0 } else { named }
}

/// Arithmetic and its words. A year or a telephone number is no arithmetic.
fn mathematics(text: &str) -> f32 {
    let has_sum = text.char_indices().any(|(at, c)| {
        let left = text[..at]
            .trim_end()
            .ends_with(|c: char| c.is_ascii_digit() || c == ')');
        let right = text[at + c.len_utf8()..]
            .trim_start()
            .starts_with(|c: char| c.is_ascii_alphanumeric() || c == '(');
        matches!(c, '+' | '*' | '×' | '÷' | '=' | '^') && left && right
    });
    let named = share(
        text,
        &[
            "calculate",
            "compute",
            "solve",
            "equation",
            "integral",
            "derivative",
            "probability",
            "percent",
            "prove",
            "proof",
            "theorem",
            "sum",
            "multiply",
            "divided",
            "times",
            "average",
            "interest",
        ],
        1,
    );
    if has_sum { 1.0 } else { named }
}

/// Words that ask for several steps of thought; two are enough.
fn reasoning(text: &str) -> f32 {
    share(
        text,
        &[
            "why",
            "compare",
            "analyse",
            "analyze",
            "explain",
            "evaluate",
            "plan",
            "design",
            "strategy",
            "argue",
            "pros",
            "cons",
            "trade",
            "difference",
            "differences",
            "reason",
            "reasoning",
            "steps",
            "critique",
            "deduce",
            "infer",
            "implications",
            "versus",
        ],
        2,
    )
}

/// Questions and list items beyond the first; three more are enough.
fn parts(text: &str) -> f32 {
    let questions = text.matches(['?', '？']).count();
    let items = text
        .lines()
        .filter(|line| is_list_item(line.trim_start()))
        .count();
    (questions.max(items).saturating_sub(1) as f32 / 3.0).min(1.0)
}

/// A long text is asked for.
fn asked_length(text: &str) -> f32 {
    share(
        text,
        &[
            "essay",
            "report",
            "article",
            "detailed",
            "comprehensive",
            "thorough",
            "story",
            "translate",
        ],
        1,
    )
}

fn is_list_item(line: &str) -> bool {
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with("- ")
        || line.starts_with("* ")
        || (numbered.len() < line.len() && numbered.starts_with(['.', ')']))
}

/// How many of `enough` listed words occur, at most 1.
fn share(text: &str, listed: &[&str], enough: usize) -> f32 {
    let lower = text.to_lowercase();
    let count = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| listed.contains(word))
        .count();
    (count as f32 / enough as f32).min(1.0)
}

#[cfg(test)]
mod tests {
    use query::Message;

    use super::*;

    fn gain_of(text: &str) -> f32 {
        let message = Message::new(Role::User, text);
        gain(&ChatRequest {
            messages: vec![message],
            ..ChatRequest::default()
        })
    }

    #[test]
    fn easy_questions_gain_little() {
        for text in [
            "What is the capital of France?",
            "Hello!",
            "Who wrote Hamlet in 1600?",
            "Name three colours.",
            "My card is 4111 1111 1111 1111 and my mail ada@example.com. Say hello to me.",
        ] {
            assert!(gain_of(text) < 0.3, "{text}: {}", gain_of(text));
        }
    }

    #[test]
    fn hard_questions_gain_much() {
        for text in [
            "Write a Python function that merges two sorted lists.",
            "What is 17 * 23?",
            "Compare the trade-offs of TCP and QUIC and explain why one is better.",
            "Solve the equation x^2 - 5x + 6 = 0.",
            "1. Who was Ada?\n2. Where did she live?\n3. What did she write?\n4. When?\n5. Explain it.",
        ] {
            assert!(gain_of(text) > 0.5, "{text}: {}", gain_of(text));
        }
        assert!(gain_of(&"word ".repeat(200)) > 0.5);
    }

    #[test]
    fn only_the_last_question_counts() {
        let message = |role, content: &str| Message::new(role, content);
        let request = ChatRequest {
            messages: vec![
                message(Role::User, "Write a Python program."),
                message(Role::Assistant, "def main(): pass"),
                message(Role::User, "Thanks!"),
            ],
            ..ChatRequest::default()
        };
        assert_eq!(gain(&request), gain_of("Thanks!"));
        assert_eq!(gain(&ChatRequest::default()), 0.0);
    }
}
