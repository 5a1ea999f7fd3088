//! A text as words, numbers and signs.

use std::ops::Range;

/// A word, a number or one sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where, in UTF-8 bytes.
    pub range: Range<usize>,
    /// Letters and digits, not a sign.
    pub is_word: bool,
    /// The first of its line.
    pub starts_line: bool,
}

/// The tokens of a text in order. White space belongs to none.
///
/// A run of letters and digits is one token, every other character is one of its own, and so is each
/// character of scripts that put no spaces between words.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::with_capacity(text.len() / 4);
    let mut starts_line = true;
    // The last token was a run that the next letter continues.
    let mut open = false;
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        if c.is_whitespace() {
            starts_line |= c == '\n';
            open = false;
            continue;
        }
        let is_word = c.is_alphanumeric();
        let joins = (is_word || is_mark(c) || is_invisible(c)) && !is_unspaced(c);
        if let (true, true, Some(last)) = (open, joins, tokens.last_mut()) {
            last.range.end = end;
            continue;
        }
        tokens.push(Token {
            range: start..end,
            is_word,
            starts_line,
        });
        starts_line = false;
        open = is_word && joins;
    }
    tokens
}

/// Marks that stand on a letter.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'
            ..='\u{36f}'
                | '\u{93c}'
                | '\u{94d}'
                | '\u{9bc}'
                | '\u{9cd}'
                | '\u{acd}'
                | '\u{b4d}'
                | '\u{bcd}'
                | '\u{c4d}'
                | '\u{ccd}'
                | '\u{d4d}'
    )
}

/// Takes no room: soft hyphen, zero-width space, joiners, word joiner, byte order mark. Who reads does not see it, and
/// a word is the same word with it.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
    )
}

/// Thai, kana, CJK.
pub(crate) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = tokens(text)
            .into_iter()
            .map(|token| &text[token.range])
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn words_numbers_and_signs() {
        check("Ada's 2 cats.", &["Ada", "'", "s", "2", "cats", "."]);
        check("a_b-c1", &["a", "_", "b", "-", "c1"]);
        check("Zoe\u{308} Å", &["Zoe\u{308}", "Å"]);
        check("A\u{200b}da \u{ad}x", &["A\u{200b}da", "\u{ad}", "x"]);
        check("山田です", &["山", "田", "で", "す"]);
        check(" \n\t", &[]);
    }

    #[test]
    fn lines_start() {
        let starts: Vec<bool> = tokens("\n a b\nc")
            .iter()
            .map(|token| token.starts_line)
            .collect();
        assert_eq!(starts, [true, false, true]);
    }
}
