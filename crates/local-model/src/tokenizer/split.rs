//! Cutting text into words before byte pairs are merged: no token reaches over a word's end.
//!
//! The patterns, written out by hand: a regex engine that knows Unicode classes and look-ahead
//! weighs more in a page than the rest of the tokenizer. GPT-2's:
//! ```text
//! 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//! ```
//! Llama 3's, and Qwen 2's with `\p{N}` in the place of `\p{N}{1,3}`:
//! ```text
//! (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
//! ```

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// A pre-tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// GPT-2's pattern.
    Gpt2,
    /// Every digit stands alone; GPT-2's pattern between them.
    SmolLm,
    /// What llama.cpp does for a file that does not say: runs of punctuation apart, then GPT-2's
    /// pattern, then numbers apart and their ASCII digits by three.
    Default,
    /// Llama 3's pattern with at most so many digits in a word.
    Llama3 { digits: usize },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Number,
    Space,
    Other,
}

impl Split {
    /// By `tokenizer.ggml.pre`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "default" => Some(Self::Default),
            "gpt-2" => Some(Self::Gpt2),
            "smollm" => Some(Self::SmolLm),
            "llama-bpe" | "llama3" | "llama-v3" | "dbrx" => Some(Self::Llama3 { digits: 3 }),
            "qwen2" | "deepseek-r1-qwen" => Some(Self::Llama3 { digits: 1 }),
            _ => None,
        }
    }

    /// The words of `text`; together they are the text.
    pub fn words(self, text: &str) -> impl Iterator<Item = &str> {
        let mut rest = text;
        std::iter::from_fn(move || {
            let word = match self {
                Self::Gpt2 => gpt2_word(rest),
                Self::SmolLm => {
                    let number = |character| class(character) == Class::Number;
                    match rest.find(number) {
                        Some(0) => first_character(rest),
                        // What comes before the digit is split as if the text ended there.
                        Some(at) => gpt2_word(&rest[..at]),
                        None => gpt2_word(rest),
                    }
                }
                Self::Default => default_word(rest),
                Self::Llama3 { digits } => llama3_word(rest, digits),
            };
            rest = &rest[word.len()..];
            (!word.is_empty()).then_some(word)
        })
    }
}

fn class(character: char) -> Class {
    if character.is_ascii() {
        return match character {
            'a'..='z' | 'A'..='Z' => Class::Letter,
            '0'..='9' => Class::Number,
            '\t'..='\r' | ' ' => Class::Space,
            _ => Class::Other,
        };
    }
    if character.is_whitespace() {
        return Class::Space;
    }
    match character.general_category_group() {
        GeneralCategoryGroup::Letter => Class::Letter,
        GeneralCategoryGroup::Number => Class::Number,
        _ => Class::Other,
    }
}

fn first_character(text: &str) -> &str {
    &text[..text.chars().next().map_or(0, char::len_utf8)]
}

/// The first match of GPT-2's pattern; empty only for an empty text.
fn gpt2_word(text: &str) -> &str {
    for ending in ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"] {
        if text.starts_with(ending) {
            return &text[..ending.len()];
        }
    }
    // One space may lead a run of one class.
    let body = text.strip_prefix(' ').unwrap_or(text);
    let space = text.len() - body.len();
    match body.chars().next().map(class) {
        Some(run) if run != Class::Space => &text[..space + run_length(body, run)],
        _ => spaces(text),
    }
}

/// The first word of [`Split::Default`].
fn default_word(text: &str) -> &str {
    let Some(first) = text.chars().next().map(punctuation) else {
        return text;
    };
    let run = text
        .find(|character| punctuation(character) != first)
        .unwrap_or(text.len());
    let word = gpt2_word(&text[..run]);
    match word
        .chars()
        .find(|&character| class(character) == Class::Number)
    {
        // The space before a number.
        Some(_) if word.starts_with(' ') => &word[..1],
        Some(_) => {
            let three = |at: usize| {
                word.as_bytes()
                    .get(at..at + 3)
                    .is_some_and(|three| three.iter().all(u8::is_ascii_digit))
            };
            match (0..word.len()).find(|&at| three(at)) {
                Some(0) => &word[..3],
                Some(at) => &word[..at],
                None => word,
            }
        }
        None => word,
    }
}

/// The first match of Llama 3's pattern; empty only for an empty text.
fn llama3_word(text: &str, digits: usize) -> &str {
    if let Some(rest) = text.strip_prefix('\'') {
        for ending in ["s", "t", "re", "ve", "m", "ll", "d"] {
            let found = rest.as_bytes().get(..ending.len());
            if found.is_some_and(|found| found.eq_ignore_ascii_case(ending.as_bytes())) {
                return &text[..1 + ending.len()];
            }
        }
    }
    let first = first_character(text);
    let rest = &text[first.len()..];
    let Some(kind) = first.chars().next().map(class) else {
        return text;
    };
    // Letters, behind one character that is neither a digit nor the end of a line.
    let letters = run_length(rest, Class::Letter);
    if kind == Class::Letter || (letters > 0 && kind != Class::Number && !is_line_end(first)) {
        return &text[..first.len() + letters];
    }
    if kind == Class::Number {
        let end = text
            .char_indices()
            .take(digits)
            .take_while(|&(_, character)| class(character) == Class::Number)
            .last()
            .map_or(0, |(at, character)| at + character.len_utf8());
        return &text[..end];
    }
    // Signs, behind at most one space, and the line ends after them.
    let space = usize::from(first == " ");
    let signs = run_length(&text[space..], Class::Other);
    if signs > 0 {
        let after = &text[space + signs..];
        let ends = after.len() - after.trim_start_matches(['\r', '\n']).len();
        return &text[..space + signs + ends];
    }
    // Space up to its last line end.
    let run = &text[..run_length(text, Class::Space)];
    match run.rfind(['\r', '\n']) {
        Some(at) => &text[..=at],
        None => spaces(text),
    }
}

/// Leading space; its last character belongs to what follows, unless it is the only one or nothing
/// follows.
fn spaces(text: &str) -> &str {
    let spaces = run_length(text, Class::Space);
    let last = text[..spaces].chars().next_back().map_or(0, char::len_utf8);
    if spaces == text.len() || spaces == last {
        &text[..spaces]
    } else {
        &text[..spaces - last]
    }
}

fn is_line_end(character: &str) -> bool {
    matches!(character, "\r" | "\n")
}

/// `[\p{P}$+<=>^~|]`
fn punctuation(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_punctuation() && character != '`';
    }
    character.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// Bytes of the leading characters of one class.
fn run_length(text: &str, run: Class) -> usize {
    text.find(|character| class(character) != run)
        .unwrap_or(text.len())
}
