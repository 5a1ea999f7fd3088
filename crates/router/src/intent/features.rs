//! What the classifier looks at in a question, each thing hashed to a row of weights.
//!
//! What is asked for stands mostly in a question's first words or in its last line; what lies between, or
//! within quotation marks, is what it is asked about. So words count by where they stand.

/// Rows of weights: two to this.
pub const ROW_BITS: u32 = 17;
/// Rows that are summed apart from each other.
pub const GROUPS: usize = 5;

/// Words and pairs of words that ask.
const WORDS: usize = 0;
/// Pieces of these words: what stays the same when a word is bent or mistyped.
const PIECES: usize = 1;
/// The words that a question begins with, and its last line.
const PLACES: usize = 2;
/// Words of what is asked about.
const BODY: usize = 3;
/// The shape of the whole.
const SHAPE: usize = 4;

/// Tokens at a question's start that may ask.
const HEAD: usize = 40;
/// Tokens of its last line, from the end, that may ask.
const TAIL: usize = 24;
/// Tokens of what is asked about that are looked at.
const BODY_TOKENS: usize = 160;
/// Of a longer question, the characters at the start and at the end that are looked at.
const CHARACTERS: usize = 6_000;

/// The rows of a question, by group, each row once and in rising order.
pub type Rows = [Vec<u32>; GROUPS];

/// Looks at a question.
pub fn rows(text: &str) -> Rows {
    let text = Text::new(text);
    let mut rows = Rows::default();
    let parts = text.parts();

    for part in [&parts.head, &parts.tail] {
        let mut before: [u64; 2] = [1, 1];
        for &at in part {
            let token = &text.tokens[at];
            let hash = token.hash;
            rows[WORDS].push(row(10, hash, 0));
            rows[WORDS].push(row(11, before[1], hash));
            rows[WORDS].push(row(12, before[0], hash));
            before = [before[1], hash];
            text.pieces(token, &mut rows[PIECES]);
        }
        rows[WORDS].push(row(11, before[1], 2));
    }
    for (kind, part) in [(20, &parts.head), (30, &parts.tail)] {
        let mut words = part.iter().map(|&at| text.tokens[at].hash);
        let [first, second, third] = [(); 3].map(|()| words.next().unwrap_or(2));
        rows[PLACES].push(row(kind, first, 0));
        rows[PLACES].push(row(kind + 1, first, second));
        rows[PLACES].push(row(kind + 2, first ^ mix(second), third));
        let mut words = part.iter().rev().map(|&at| text.tokens[at].hash);
        let [last, before] = [(); 2].map(|()| words.next().unwrap_or(2));
        rows[PLACES].push(row(kind + 3, last, 0));
        rows[PLACES].push(row(kind + 4, before, last));
    }
    for &at in parts.body.iter().take(BODY_TOKENS) {
        rows[BODY].push(row(40, text.tokens[at].hash, 0));
    }
    text.shape(&parts, &mut rows[SHAPE]);
    for group in &mut rows {
        group.sort_unstable();
        group.dedup();
    }
    rows
}

/// A word, a number or a sign.
struct Token {
    /// Of its letters in lower case; of a number, of how many digits it has.
    hash: u64,
    /// Its letters in lower case, within [`Text::letters`].
    letters: (usize, usize),
    is_word: bool,
    /// Which line it is in, from 0; blank lines do not count.
    line: usize,
    /// What it is, if it is one character.
    sign: Option<char>,
    /// White space or nothing follows.
    is_last: bool,
}

struct Text {
    tokens: Vec<Token>,
    letters: Vec<char>,
    /// Characters of each kind.
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    characters: u32,
    digits: u32,
    upper: u32,
    mathematics: u32,
    code: u32,
    commas: u32,
    questions: u32,
    exclamations: u32,
    /// Letters with an accent and the like: Latin beyond ASCII.
    accents: u32,
    cyrillic: u32,
    /// Letters of scripts other than Latin and Cyrillic.
    others: u32,
}

/// Places of tokens.
#[derive(Default)]
struct Parts {
    head: Vec<usize>,
    body: Vec<usize>,
    tail: Vec<usize>,
}

impl Text {
    fn new(text: &str) -> Self {
        let mut read = Self {
            tokens: Vec::with_capacity(text.len().min(2 * CHARACTERS) / 5),
            letters: Vec::with_capacity(text.len().min(2 * CHARACTERS)),
            counts: Counts::default(),
        };
        let text = text.trim();
        let end = text.char_indices().nth(2 * CHARACTERS);
        match end {
            None => read.push(text, 0),
            Some(_) => {
                let first = nth(text, CHARACTERS);
                let last = text
                    .char_indices()
                    .rev()
                    .nth(CHARACTERS)
                    .map_or(0, |(at, _)| at);
                read.push(&text[..first], 0);
                let line = read.tokens.last().map_or(0, |token| token.line + 1);
                read.push(&text[last..], line);
            }
        }
        read
    }

    fn push(&mut self, text: &str, mut line: usize) {
        let mut is_new = false;
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            self.counts.add(c);
            if c.is_whitespace() {
                is_new |= c == '\n';
                continue;
            }
            if is_new && !self.tokens.is_empty() {
                line += 1;
            }
            is_new = false;
            let start = self.letters.len();
            self.letters.extend(c.to_lowercase());
            let is_word = c.is_alphanumeric();
            if is_word && !is_unspaced(c) {
                while let Some(&next) = characters.peek() {
                    let joins = next.is_alphanumeric() && !is_unspaced(next);
                    // "don't" and "what's" are one word.
                    if !joins && !matches!(next, '\'' | '’') {
                        break;
                    }
                    if joins {
                        self.letters.extend(next.to_lowercase());
                    }
                    self.counts.add(next);
                    characters.next();
                }
            }
            let letters = (start, self.letters.len());
            let token = &self.letters[start..];
            let is_number = token.iter().all(char::is_ascii_digit);
            let hash = if is_number {
                mix(token.len().min(5) as u64)
            } else {
                hash(token.iter().copied())
            };
            self.tokens.push(Token {
                hash,
                letters,
                is_word,
                line,
                sign: (!is_word).then_some(c),
                is_last: characters.peek().is_none_or(|next| next.is_whitespace()),
            });
        }
    }

    /// What asks, and what is asked about.
    fn parts(&self) -> Parts {
        let lines = self.tokens.last().map_or(0, |token| token.line + 1);
        let quoted = self.quoted();
        let head_line = self.head_line();
        let tail_line = (lines > head_line + 1).then(|| lines - 1);
        let tail_from = match tail_line {
            Some(_) => self.tokens.len().saturating_sub(TAIL),
            // One long line: its end may ask.
            None if self.tokens.len() > HEAD + TAIL => self.tokens.len() - TAIL,
            None => self.tokens.len(),
        };
        let colon = self.colon(head_line);
        let mut parts = Parts::default();
        for (at, token) in self.tokens.iter().enumerate() {
            let in_head = token.line <= head_line && at < HEAD && at <= colon && !quoted[at];
            let in_tail = at >= tail_from && tail_line.is_none_or(|line| token.line == line);
            if in_head {
                parts.head.push(at);
            } else if in_tail && !quoted[at] {
                parts.tail.push(at);
            } else {
                parts.body.push(at);
            }
        }
        // All of it in quotation marks, or a heading of one word.
        if parts.head.is_empty() && parts.tail.is_empty() {
            (parts.head, parts.body) = (parts.body, Vec::new());
            parts.head.truncate(HEAD);
        }
        parts
    }

    /// The last line of the question's beginning: its first, or its second after a greeting.
    fn head_line(&self) -> usize {
        let first = self.tokens.iter().take_while(|token| token.line == 0);
        usize::from(first.count() < 4)
    }

    /// The token at which the beginning ends with a colon and more follows; the last one if there is none.
    fn colon(&self, head_line: usize) -> usize {
        let colon = self.tokens.iter().enumerate().position(|(at, token)| {
            token.sign == Some(':')
                && token.is_last
                && at >= 2
                && token.line <= head_line
                && self
                    .tokens
                    .get(at + 5)
                    .is_some_and(|next| next.line == token.line)
        });
        colon.unwrap_or(self.tokens.len())
    }

    /// Which tokens stand between quotation marks, where these hold more than two words.
    fn quoted(&self) -> Vec<bool> {
        let mut quoted = vec![false; self.tokens.len()];
        let mut open: Option<(usize, char)> = None;
        for (at, token) in self.tokens.iter().enumerate() {
            match (token.sign, open) {
                (Some(sign), Some((from, close))) if sign == close => {
                    if at - from > 3 {
                        quoted[from + 1..at].fill(true);
                    }
                    open = None;
                }
                (Some(sign), None) => {
                    let close = match sign {
                        '"' => Some('"'),
                        '“' => Some('”'),
                        '„' => Some('“'),
                        '«' => Some('»'),
                        '「' => Some('」'),
                        _ => None,
                    };
                    open = close.map(|close| (at, close));
                }
                _ => {}
            }
        }
        quoted
    }

    /// Starts, ends and runs of three letters of a word of four letters or more.
    fn pieces(&self, token: &Token, rows: &mut Vec<u32>) {
        let letters = &self.letters[token.letters.0..token.letters.1];
        if !token.is_word || letters.len() < 4 || letters.len() > 24 {
            return;
        }
        let of = |kind, piece: &[char]| row(kind, hash(piece.iter().copied()), 0);
        rows.push(of(50, &letters[..4]));
        if letters.len() > 5 {
            rows.push(of(51, &letters[..5]));
        }
        rows.push(of(52, &letters[letters.len() - 3..]));
        rows.extend(letters.windows(3).map(|three| of(53, three)));
    }

    fn shape(&self, parts: &Parts, rows: &mut Vec<u32>) {
        let counts = &self.counts;
        let mut is = |number: u64, value: u32| rows.push(row(60, number, u64::from(value)));
        let words = self.tokens.iter().filter(|token| token.is_word).count() as u32;
        let lines = self.tokens.last().map_or(0, |token| token.line as u32 + 1);
        let length = steps(words, &[1, 2, 3, 5, 8, 12, 20, 40, 80, 160, 320]);
        let asks = self.tokens.last().and_then(|token| token.sign) == Some('?');
        is(1, length);
        is(2, steps(lines, &[1, 2, 3, 5, 8, 16]));
        is(3, u32::from(asks));
        is(4, length * 2 + u32::from(asks));
        is(5, steps(counts.questions, &[1, 2, 4]));
        is(6, steps(counts.exclamations, &[1, 2]));
        is(7, share(counts.digits, counts.characters));
        is(8, steps(counts.mathematics, &[1, 2, 3, 5, 10]));
        is(9, share(counts.mathematics, counts.characters));
        is(10, steps(counts.code, &[1, 2, 4, 8, 16]));
        is(11, share(counts.code, counts.characters));
        is(12, share(counts.commas, words));
        is(13, share(counts.upper, counts.characters));
        is(14, share(counts.accents, counts.characters));
        is(15, share(counts.cyrillic, counts.characters));
        is(16, share(counts.others, counts.characters));
        is(17, steps(parts.body.len() as u32, &[1, 4, 10, 30, 80]));
        is(18, steps(parts.tail.len() as u32, &[1, 4, 10]));
        let fenced = self
            .tokens
            .windows(3)
            .any(|three| three.iter().all(|token| token.sign == Some('`')));
        is(19, u32::from(fenced));
        // "A." or "b)" at the start of lines: answers to choose from; "1." or "-": a list.
        let starts = |at: usize| at == 0 || self.tokens[at - 1].line < self.tokens[at].line;
        let (mut options, mut items) = (0, 0);
        for at in (0..self.tokens.len()).filter(|&at| starts(at)) {
            let token = &self.tokens[at];
            let next = self.tokens.get(at + 1).and_then(|next| next.sign);
            let is_short = token.letters.1 - token.letters.0 == 1;
            if token.is_word && is_short && matches!(next, Some('.' | ')' | ':')) {
                let letter = self.letters[token.letters.0];
                options += u32::from(letter.is_alphabetic());
                items += u32::from(letter.is_ascii_digit());
            }
            items += u32::from(matches!(token.sign, Some('-' | '*' | '•')));
        }
        is(20, steps(options, &[1, 3]));
        is(21, steps(items, &[1, 3, 6]));
        // Numbers among the words, and whether what is asked has any.
        let numbers = self
            .tokens
            .iter()
            .filter(|token| token.is_word && self.letters[token.letters.0].is_ascii_digit())
            .count() as u32;
        is(22, steps(numbers, &[1, 2, 3, 5]));
        is(23, steps(numbers, &[1, 2, 3, 5]) * 16 + length);
    }
}

impl Counts {
    fn add(&mut self, c: char) {
        self.characters += 1;
        match c {
            '0'..='9' => self.digits += 1,
            'A'..='Z' => self.upper += 1,
            '+' | '=' | '^' | '×' | '÷' | '√' | '∫' | '∑' | '≤' | '≥' | 'π' | '%' | '$' | '·' =>
            {
                self.mathematics += 1;
            }
            '{' | '}' | ';' | '<' | '>' | '[' | ']' | '_' | '`' | '|' | '\\' | '#' | '@' => {
                self.code += 1;
            }
            ',' => self.commas += 1,
            '?' | '？' | '¿' => self.questions += 1,
            '!' | '！' => self.exclamations += 1,
            '\u{c0}'..='\u{24f}' => self.accents += 1,
            '\u{400}'..='\u{52f}' => self.cyrillic += 1,
            _ if !c.is_ascii() && c.is_alphabetic() => self.others += 1,
            _ => {}
        }
    }
}

/// Scripts that put no spaces between words: each character is a word.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

/// The byte at which the character of this number starts.
fn nth(text: &str, number: usize) -> usize {
    text.char_indices()
        .nth(number)
        .map_or(text.len(), |(at, _)| at)
}

/// How many of the bounds a count has reached.
fn steps(count: u32, bounds: &[u32]) -> u32 {
    bounds.iter().filter(|&&bound| count >= bound).count() as u32
}

/// A share in steps: none, then by two to the power.
fn share(part: u32, whole: u32) -> u32 {
    if part == 0 {
        return 0;
    }
    let hundredths = part * 100 / whole.max(1);
    1 + steps(hundredths, &[1, 2, 4, 8, 16, 32, 64])
}

fn row(kind: u64, first: u64, second: u64) -> u32 {
    let mixed = mix(mix(first.wrapping_add(kind << 56)) ^ second.rotate_left(17));
    (mixed >> (64 - ROW_BITS)) as u32
}

/// FNV-1a over code points.
fn hash(characters: impl Iterator<Item = char>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for c in characters {
        hash = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

/// The end of MurmurHash3: every bit of the result depends on every bit.
fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_or_follows_a_colon_is_asked_about() {
        let asking = |text: &str| {
            let text = Text::new(text);
            let parts = text.parts();
            let of = |places: &[usize]| -> Vec<String> {
                let words = places.iter().map(|&at| {
                    let (start, end) = text.tokens[at].letters;
                    text.letters[start..end].iter().collect()
                });
                words.collect()
            };
            [of(&parts.head).join(" "), of(&parts.tail).join(" ")]
        };
        for (text, head, tail) in [
            (
                "Translate: the cat is on the mat today",
                "translate : the cat is on the mat today",
                "",
            ),
            (
                "Translate to German: the cat is on the mat today",
                "translate to german :",
                "",
            ),
            (
                "Is \"I never liked this place\" rude?",
                "is \" \" rude ?",
                "",
            ),
            (
                "Dear all, we meet at noon.\nBring your own lunch.\nsum this up",
                "dear all , we meet at noon .",
                "sum this up",
            ),
            ("\"all of it is quoted\"", "\" \"", ""),
        ] {
            assert_eq!(asking(text), [head, tail], "{text}");
        }
    }
}
