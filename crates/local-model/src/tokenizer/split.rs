//! Cutting text into words before byte pairs are merged: no token reaches over a word's end.
//!
//! GPT-2's pattern, written out by hand: a regex engine that knows Unicode classes and look-ahead
//! weighs more in a page than the rest of the tokenizer.
//! ```text
//! 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//! ```

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// A pre-tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// GPT-2's pattern.
    Gpt2,
    /// Every digit stands alone; GPT-2's pattern between them.
    SmolLm,
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
            "default" | "gpt-2" | "gpt2" => Some(Self::Gpt2),
            "smollm" => Some(Self::SmolLm),
            _ => None,
        }
    }

    /// The words of `text`; together they are the text.
    pub fn words(self, text: &str) -> impl Iterator<Item = &str> {
        let mut rest = text;
        std::iter::from_fn(move || {
            let word = match self {
                Self::Gpt2 => first_word(rest),
                Self::SmolLm => {
                    let number = |character| class(character) == Class::Number;
                    match rest.find(number) {
                        Some(0) => first_character(rest),
                        // What comes before the digit is split as if the text ended there.
                        Some(at) => first_word(&rest[..at]),
                        None => first_word(rest),
                    }
                }
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
fn first_word(text: &str) -> &str {
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
        _ => {
            let spaces = run_length(text, Class::Space);
            let last = text[..spaces].chars().next_back().map_or(0, char::len_utf8);
            // The last space belongs to what follows, unless it is the only one or nothing follows.
            if spaces == text.len() || spaces == last {
                &text[..spaces]
            } else {
                &text[..spaces - last]
            }
        }
    }
}

/// Bytes of the leading characters of one class.
fn run_length(text: &str, run: Class) -> usize {
    text.find(|character| class(character) != run)
        .unwrap_or(text.len())
}
