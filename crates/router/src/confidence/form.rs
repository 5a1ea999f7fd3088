//! What is wrong with an answer as one can see without knowing what is right.
//!
//! Each check looks at the text alone, in time linear in its length, and is made to be silent when in doubt: an answer
//! that one of them finds fault with is hardly ever of use.

use query::DoubtCause;
use serde::de::IgnoredAny;

/// What is wrong with a whole answer, the plainest first. [`DoubtCause::CutOff`] is none where the answer was as long as was
/// allowed: pass `whole` only if the model itself ended it.
pub fn flaw(question: &str, answer: &str, whole: bool) -> Option<DoubtCause> {
    if is_empty(answer) {
        Some(DoubtCause::Empty)
    } else if is_a_loop(answer) {
        Some(DoubtCause::Loop)
    } else if is_a_refusal(answer) {
        Some(DoubtCause::Refusal)
    } else if is_in_another_script(question, answer) {
        Some(DoubtCause::OtherScript)
    } else if lacks_json(question, answer) {
        Some(DoubtCause::NoJson)
    } else if whole && is_cut_off(answer) {
        Some(DoubtCause::CutOff)
    } else {
        None
    }
}

/// There is no letter and no digit in it.
pub fn is_empty(answer: &str) -> bool {
    !answer.contains(char::is_alphanumeric)
}

/// Longest text whose repetition is looked for, characters.
const LONGEST_PERIOD: usize = 200;
/// The same this often in a row, at the end, is a loop.
const REPEATS: usize = 3;
/// Shorter ones are emphasis ("ha ha ha") or a table.
const LEAST_LOOP: usize = 48;

/// It ends in the same words again and again, as small models do that no longer find an end.
pub fn is_a_loop(answer: &str) -> bool {
    // The last characters, in reverse, each run of white space as one.
    let mut reversed: Vec<char> = Vec::new();
    for c in answer.trim_end().chars().rev() {
        match c.is_whitespace() {
            true if reversed.last() == Some(&' ') => {}
            true => reversed.push(' '),
            false => reversed.push(c),
        }
        if reversed.len() > LONGEST_PERIOD * REPEATS {
            break;
        }
    }
    (2..=LONGEST_PERIOD).any(|period| {
        // The space after the last one may be missing. It may itself be broken off: a tail is as good at any shift.
        let tail = (period * REPEATS - 1).max(LEAST_LOOP);
        let Some(tail) = reversed.get(..tail) else {
            return false;
        };
        let (first, second) = (&tail[period..], &tail[..tail.len() - period]);
        // A rule, a row of dots or zeros is no loop.
        first == second && has_letters(&tail[..period])
    })
}

/// At least two different letters.
fn has_letters(text: &[char]) -> bool {
    let mut letters = text.iter().filter(|c| c.is_alphabetic());
    letters
        .next()
        .is_some_and(|first| letters.any(|other| other != first))
}

/// Words after which no sentence ends, in lower case.
const OPEN: [&str; 20] = [
    "the", "a", "an", "of", "and", "or", "to", "from", "in", "with", "is", "are", "because",
    "that", "der", "die", "das", "und", "le", "la",
];

/// It ends where no sentence and no code does: with a comma or an open bracket, after a word like "the", in a block of
/// code. A missing full stop is nothing: names, lists, verses and headings have none.
pub fn is_cut_off(answer: &str) -> bool {
    if answer.matches("```").count() % 2 == 1 {
        return true;
    }
    let text = answer.trim_end();
    let mut words = text.rsplit(char::is_whitespace);
    let last = words.next().unwrap_or_default().to_lowercase();
    // One word may be what was asked for.
    text.ends_with([',', ';', '(', '[', '{', '–', '—'])
        || (words.next().is_some() && OPEN.contains(&last.as_str()))
}

/// Beginnings by which a model says that it does not answer, in lower case, apostrophes straight.
const REFUSALS: [&str; 26] = [
    "as an ai",
    "as a language model",
    "as a large language model",
    "i am an ai",
    "i'm an ai",
    "i am not able to",
    "i'm not able to",
    "i am unable to",
    "i'm unable to",
    "i can't answer",
    "i can't assist",
    "i can't help",
    "i can't provide",
    "i cannot",
    "i do not have access",
    "i do not have the ability",
    "i don't have access",
    "i don't have the ability",
    "i don't have enough information",
    "i don't know",
    "i do not know",
    "ich kann leider",
    "als ki",
    "je ne peux pas",
    "en tant qu'ia",
    "lo siento, pero no",
];
/// Characters in which a refusal begins.
const BEGINNING: usize = 120;

/// It begins by saying that it does not answer: "I cannot", "As an AI".
pub fn is_a_refusal(answer: &str) -> bool {
    let beginning: String = answer
        .trim_start()
        .chars()
        .take(BEGINNING)
        .flat_map(char::to_lowercase)
        .map(|c| if c == '’' { '\'' } else { c })
        .collect();
    // "I'm sorry, but" may come before it; it must begin a sentence or follow "but".
    let begins = |at: usize| {
        let before = beginning[..at].trim_end();
        before.is_empty() || before.ends_with(['.', '!', ',', ':', ';']) || before.ends_with("but")
    };
    REFUSALS.iter().any(|refusal| {
        let ends = |at: usize| {
            let after = &beginning[at + refusal.len()..];
            !after.starts_with(char::is_alphanumeric)
        };
        beginning
            .match_indices(refusal)
            .any(|(at, _)| begins(at) && ends(at))
    })
}

/// Scripts that are told apart. Chinese and Japanese are one: they share most of their letters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hebrew,
    Arabic,
    Devanagari,
    Thai,
    Hangul,
    Han,
}

/// All of them, by number.
const SCRIPTS: usize = Script::Han as usize + 1;

/// By Unicode's blocks.
fn script(c: char) -> Option<Script> {
    Some(match c {
        'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => Script::Latin,
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Script::Greek,
        '\u{400}'..='\u{52F}' => Script::Cyrillic,
        '\u{590}'..='\u{5FF}' => Script::Hebrew,
        '\u{600}'..='\u{77F}' | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' => Script::Arabic,
        '\u{900}'..='\u{97F}' => Script::Devanagari,
        '\u{E00}'..='\u{E7F}' => Script::Thai,
        '\u{1100}'..='\u{11FF}' | '\u{AC00}'..='\u{D7AF}' => Script::Hangul,
        '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' => Script::Han,
        _ => return None,
    })
}

/// Letters that say in which script a text is.
const LEAST_LETTERS: usize = 8;

/// Most of its letters are of a script that the question has none of. Where the question names a language or asks for a
/// translation, nothing is said: another script may be just what was asked for.
pub fn is_in_another_script(question: &str, answer: &str) -> bool {
    let (asked, given) = (letters(question), letters(answer));
    let all: usize = given.iter().sum();
    // Code and names are written in Latin letters whatever the language.
    let foreign = (Script::Greek as usize..SCRIPTS)
        .any(|script| given[script] * 2 > all && asked[script] == 0);
    let latin = Script::Latin as usize;
    let only_latin = given[latin] == all && asked[latin] == 0 && !answer.contains("```");
    all >= LEAST_LETTERS
        && asked.iter().any(|&letters| letters > 0)
        && (foreign || only_latin)
        && !names_a_language(question)
}

fn letters(text: &str) -> [usize; SCRIPTS] {
    let mut letters = [0; SCRIPTS];
    for script in text.chars().filter_map(script) {
        letters[script as usize] += 1;
    }
    letters
}

/// Parts of words for languages that are not written as most questions are, and for translating, in lower case.
const LANGUAGES: [&str; 40] = [
    "translat",
    "übersetz",
    "tradu",
    "перев",
    "翻",
    "번역",
    "ترجم",
    "तरजुम",
    "अनुवाद",
    "language",
    "alphabet",
    "script",
    "unicode",
    "emoji",
    "russian",
    "ukrain",
    "bulgarian",
    "serbian",
    "greek",
    "hebrew",
    "arabic",
    "persian",
    "farsi",
    "urdu",
    "hindi",
    "nepali",
    "marathi",
    "sanskrit",
    "thai",
    "korean",
    "hangul",
    "japan",
    "kanji",
    "chinese",
    "mandarin",
    "cantonese",
    "английск",
    "英",
    "영어",
    "अंग्रेज़ी",
];

fn names_a_language(question: &str) -> bool {
    let question = question.to_lowercase();
    LANGUAGES.iter().any(|name| question.contains(name))
}

/// Ways to ask for JSON and nothing else, in lower case.
const JSON_ASKED: [&str; 12] = [
    "as json",
    "in json",
    "as a json",
    "as valid json",
    "in valid json",
    "only json",
    "json only",
    "only valid json",
    "output json",
    "reply with json",
    "respond with json",
    "answer with json",
];

/// The question asks for JSON, and there is none in the answer.
pub fn lacks_json(question: &str, answer: &str) -> bool {
    let question = question.to_lowercase();
    JSON_ASKED.iter().any(|asked| question.contains(asked)) && !has_json(answer)
}

/// What stands between the first bracket and the last is JSON: also in a block of code, or after a sentence.
fn has_json(answer: &str) -> bool {
    [('{', '}'), ('[', ']')].iter().any(|&(open, close)| {
        let bounds = answer.find(open).zip(answer.rfind(close));
        bounds
            .and_then(|(from, to)| answer.get(from..=to))
            .is_some_and(|json| serde_json::from_str::<IgnoredAny>(json).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question, an answer, its flaw.
    fn check(rows: &[(&str, &str, Option<DoubtCause>)]) {
        for (question, answer, expect) in rows {
            assert_eq!(flaw(question, answer, true), *expect, "{question} {answer}");
        }
    }

    #[test]
    fn plain_answers_have_no_flaw() {
        let list = "Here are three colours that I like:\n\n1. red\n2. blue as the sea on a very clear and cold day\n3. green";
        let code = "Use a loop:\n\n```python\nfor i in range(3):\n    print(i)\n```";
        let table = "| a | b |\n| --- | --- |\n| 0 | 0 |\n| 0 | 0 |\n| 0 | 0 |\n| 0 | 0 |";
        check(&[
            ("What is the capital of France?", "Paris", None),
            ("What is 2 + 2?", "4", None),
            ("Name three colours", list, None),
            ("Print 0 to 2", code, None),
            ("A table of zeros", table, None),
            (
                "Draw a rule",
                "Here it is:\n------------------------------------------------------------",
                None,
            ),
            ("Say ha", "ha ha ha ha ha ha", None),
            (
                "How are you?",
                "I am fine, and I do hope that you are, too. “Quite.”",
                None,
            ),
            ("你好吗？", "我很好，谢谢你的关心，希望你今天过得愉快", None),
            ("Was I right?", "No. I do not think so.", None),
            ("Can I cannot?", "In English one says: \"can I not\".", None),
        ]);
    }

    #[test]
    fn nothing_said_is_empty() {
        check(&[
            ("Why?", "", Some(DoubtCause::Empty)),
            ("Why?", " \n…", Some(DoubtCause::Empty)),
        ]);
    }

    #[test]
    fn what_no_longer_finds_an_end_is_a_loop() {
        let looped = format!("It is so. {}", "The cat sat on the mat.\n".repeat(5));
        let broken_off = format!(
            "{} The cat",
            "The cat sat on the mat. ".repeat(5).trim_end()
        );
        let words = "very ".repeat(20);
        let han = "我喜欢猫。".repeat(20);
        check(&[
            ("Why?", &looped, Some(DoubtCause::Loop)),
            ("Why?", &broken_off, Some(DoubtCause::Loop)),
            ("Why?", &words, Some(DoubtCause::Loop)),
            ("为什么？", &han, Some(DoubtCause::Loop)),
        ]);
        let long = "A sentence of quite some length that comes again and again, as if there was nothing else to be said about it. ";
        assert!(!is_a_loop(&long.repeat(2)));
        assert!(is_a_loop(&long.repeat(3)));
    }

    #[test]
    fn sentences_and_code_need_an_end() {
        check(&[
            (
                "Why?",
                "The sky is blue because the light of the sun is",
                Some(DoubtCause::CutOff),
            ),
            (
                "Why?",
                "There are many reasons for that, some old, some new,",
                Some(DoubtCause::CutOff),
            ),
            (
                "Print 1",
                "So:\n```python\nprint(1)",
                Some(DoubtCause::CutOff),
            ),
        ]);
        let cut = "The sky is blue because the light of the sun is";
        assert_eq!(flaw("Why?", cut, false), None);
    }

    #[test]
    fn refusals_begin_an_answer() {
        check(&[
            (
                "Who won?",
                "I'm sorry, but I can’t help with that.",
                Some(DoubtCause::Refusal),
            ),
            (
                "Who won?",
                "As an AI language model, I know nothing.",
                Some(DoubtCause::Refusal),
            ),
            ("Who won?", "I cannot say.", Some(DoubtCause::Refusal)),
            (
                "Who won?",
                "Sorry. I don't know.",
                Some(DoubtCause::Refusal),
            ),
            (
                "Wer gewann?",
                "Ich kann leider nichts dazu sagen.",
                Some(DoubtCause::Refusal),
            ),
            (
                "A sentence with cannot",
                "She said that I cannot swim.",
                None,
            ),
            (
                "Who are you?",
                "As an aide to the king, he wrote letters.",
                None,
            ),
        ]);
    }

    #[test]
    fn an_answer_is_in_the_script_of_its_question() {
        check(&[
            (
                "What is a cat?",
                "Кошка — это домашнее животное.",
                Some(DoubtCause::OtherScript),
            ),
            (
                "What is a cat?",
                "猫是一种常见的家养动物。",
                Some(DoubtCause::OtherScript),
            ),
            (
                "Что такое кошка?",
                "A cat is a small animal.",
                Some(DoubtCause::OtherScript),
            ),
            (
                "What is cat in Russian?",
                "Кошка — это домашнее животное.",
                None,
            ),
            (
                "Кто написал Python?",
                "Guido van Rossum создал Python.",
                None,
            ),
            ("Что такое π?", "Пи — это число.", None),
            ("Name a Greek letter", "αβγδεζηθ", None),
            ("2 + 2 = ?", "That makes four.", None),
        ]);
    }

    #[test]
    fn json_that_was_asked_for_is_there() {
        check(&[
            (
                "Give me a person as JSON.",
                "A person is called Ada.",
                Some(DoubtCause::NoJson),
            ),
            (
                "Give me a person as JSON.",
                "{\"name\": \"Ada\",}",
                Some(DoubtCause::NoJson),
            ),
            (
                "Give me a person as JSON.",
                "Sure:\n```json\n{\"name\": \"Ada\"}\n```",
                None,
            ),
            ("Two numbers in JSON", "[1, 2]", None),
            ("What is JSON?", "JSON is a format for data.", None),
        ]);
    }
}
