//! What the tagger looks at in a word and around it, each thing hashed to a row of weights.

use query::EntityKind;

use super::{
    lexicon::{COMMON, ENGLISH, Lexicon, STREET},
    token::{Token, is_invisible},
};

/// Rows of weights: two to this.
pub const ROW_BITS: u32 = 20;

/// The hash of a word's characters (FNV-1a over UTF-8, then mixed).
pub fn hash(chars: impl Iterator<Item = char>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for c in chars {
        hash = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3);
    }
    mix(hash)
}

/// The rows of each token of a text, in the order of the tokens.
pub struct Features {
    rows: Vec<u32>,
    /// Where each token's rows end.
    ends: Vec<usize>,
}

impl Features {
    /// Looks at all tokens. `covered` says for each token what a recognizer took it for; `lists` is asked
    /// for each word's lists (training leaves some out on purpose).
    pub fn new(
        text: &str,
        tokens: &[Token],
        covered: &[Option<EntityKind>],
        lists: impl Fn(u64) -> u8,
    ) -> Self {
        let words: Vec<Word> = tokens
            .iter()
            .enumerate()
            .map(|(index, token)| {
                let kind = covered.get(index).copied().flatten();
                Word::new(&text[token.range.clone()], token, kind, &lists)
            })
            .collect();
        let document = Document::new(&words);
        let mut features = Self {
            rows: Vec::with_capacity(words.len() * 64),
            ends: Vec::with_capacity(words.len()),
        };
        let mut line = Line::default();
        for at in 0..words.len() {
            line.step(&words, at);
            look(&words, at, &line, &document, &mut features.rows);
            features.ends.push(features.rows.len());
        }
        features
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// No tokens.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The rows of one token; none if there is no such token.
    pub fn rows(&self, token: usize) -> &[u32] {
        let start = token
            .checked_sub(1)
            .map_or(Some(0), |before| self.ends.get(before).copied());
        match (start, self.ends.get(token)) {
            (Some(start), Some(&end)) => self.rows.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// The lists of a word, as the lexicon has them.
pub(super) fn known(lexicon: &Lexicon) -> impl Fn(u64) -> u8 {
    move |word| lexicon.lists(word)
}

/// The first few characters of something, without a place of their own on the heap: each token has some.
#[derive(Default)]
struct Few {
    chars: [char; 12],
    length: usize,
}

impl Few {
    fn push(&mut self, c: char) {
        if let Some(place) = self.chars.get_mut(self.length) {
            *place = c;
            self.length += 1;
        }
    }

    fn is_full(&self) -> bool {
        self.length == self.chars.len()
    }

    fn as_slice(&self) -> &[char] {
        &self.chars[..self.length]
    }
}

impl FromIterator<char> for Few {
    fn from_iter<I: IntoIterator<Item = char>>(chars: I) -> Self {
        let mut few = Self::default();
        for c in chars {
            if few.is_full() {
                break;
            }
            few.push(c);
        }
        few
    }
}

/// How a word is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Sign,
    Lower,
    Title,
    Upper,
    /// One capital letter.
    Initial,
    /// Capitals inside.
    Camel,
    /// Letters that have no case.
    Uncased,
    Number,
    /// Letters and digits.
    Mixed,
}

impl Case {
    fn is_capital(self) -> bool {
        matches!(
            self,
            Self::Title | Self::Upper | Self::Initial | Self::Camel
        )
    }
}

/// One token, looked at once.
struct Word {
    lower: u64,
    shape: u64,
    case: Case,
    lists: u8,
    /// What a recognizer took it for, from 1; 0 if nothing.
    covered: u64,
    starts_line: bool,
    is_word: bool,
    /// Its character, if it is a sign.
    sign: char,
    /// Of 1 to 4 characters.
    prefixes: [u64; 4],
    suffixes: [u64; 4],
    /// Hashes of three neighbouring characters, the first few.
    grams: [u64; 6],
    gram_count: usize,
    /// Of a number: the number of digits and roughly what it could be (day, year …).
    number: u64,
}

impl Word {
    fn new(
        text: &str,
        token: &Token,
        covered: Option<EntityKind>,
        lists: &impl Fn(u64) -> u8,
    ) -> Self {
        let visible = || text.chars().filter(|&c| !is_invisible(c));
        let lower = || visible().flat_map(char::to_lowercase);
        let hashed = hash(lower());
        let case = case(text, token.is_word);
        // Affixes and grams need few characters of a run that may be as long as the text.
        let first: Few = lower().collect();
        let mut last = ['\0'; 4];
        let mut length = 0;
        for (place, c) in last.iter_mut().rev().zip(visible().rev()) {
            *place = c;
            length += 1;
        }
        // A character has three lower-case ones at most.
        let last: Few = last[4 - length..]
            .iter()
            .copied()
            .flat_map(char::to_lowercase)
            .collect();
        let (first, last) = (first.as_slice(), last.as_slice());
        let mut word = Self {
            lower: hashed,
            shape: shape(text),
            case,
            lists: if token.is_word { lists(hashed) } else { 0 },
            covered: covered.map_or(0, |kind| kind as u64 + 1),
            starts_line: token.starts_line,
            is_word: token.is_word,
            sign: text.chars().next().unwrap_or(' '),
            prefixes: [0; 4],
            suffixes: [0; 4],
            grams: [0; 6],
            gram_count: 0,
            number: number(text, case),
        };
        if token.is_word {
            for length in 1..=4 {
                word.prefixes[length - 1] = hash(first.iter().take(length).copied());
                let skip = last.len().saturating_sub(length);
                word.suffixes[length - 1] = hash(last.iter().skip(skip).copied());
            }
            for gram in first.windows(3).skip(1).take(6) {
                word.grams[word.gram_count] = hash(gram.iter().copied());
                word.gram_count += 1;
            }
        }
        word
    }
}

impl Word {
    /// A common word in lower case.
    fn is_plain(&self) -> bool {
        self.case == Case::Lower && self.lists & (COMMON | STREET) == COMMON
    }
}

fn case(text: &str, is_word: bool) -> Case {
    if !is_word {
        return Case::Sign;
    }
    let (mut upper, mut lower, mut digits, mut letters) = (0_usize, 0_usize, 0_usize, 0_usize);
    for c in text.chars() {
        upper += usize::from(c.is_uppercase());
        lower += usize::from(c.is_lowercase());
        digits += usize::from(c.is_numeric());
        letters += usize::from(c.is_alphabetic());
    }
    let starts_upper = text.starts_with(char::is_uppercase);
    match (letters, digits) {
        (0, _) => Case::Number,
        (_, 1..) => Case::Mixed,
        _ if upper + lower == 0 => Case::Uncased,
        _ if upper == 0 => Case::Lower,
        _ if upper == 1 && lower == 0 => Case::Initial,
        _ if lower == 0 => Case::Upper,
        _ if upper == 1 && starts_upper => Case::Title,
        _ => Case::Camel,
    }
}

/// Characters by class, runs of letters shortened, runs of digits up to ten as they are.
fn shape(text: &str) -> u64 {
    let mut classes = Few::default();
    let mut run = 0;
    let mut last = None;
    for c in text.chars().filter(|&c| !is_invisible(c)) {
        let class = if c.is_uppercase() {
            'X'
        } else if c.is_lowercase() {
            'x'
        } else if c.is_numeric() {
            '0'
        } else if c.is_alphabetic() {
            'a'
        } else {
            c
        };
        run = if last == Some(class) { run + 1 } else { 1 };
        let limit = if class == '0' { 10 } else { 3 };
        if run <= limit {
            classes.push(class);
        }
        last = Some(class);
        if classes.is_full() {
            break;
        }
    }
    hash(classes.as_slice().iter().copied())
}

fn number(text: &str, case: Case) -> u64 {
    if case != Case::Number {
        return 0;
    }
    let length = text.len().min(12) as u64;
    let value: u64 = if text.len() <= 4 {
        text.parse().unwrap_or(0)
    } else {
        0
    };
    let range = match (text.len(), value) {
        (1..=2, 1..=12) => 1,
        (1..=2, 13..=31) => 2,
        (1..=2, _) => 3,
        (3, 0..=120) => 4,
        (4, 1900..=2035) => 5,
        (4, 1000..=1899) => 6,
        _ => 7,
    };
    1 + length * 8 + range
}

/// What a text is like as a whole.
struct Document {
    /// Its first word.
    first: u64,
    /// Its last token is a question mark.
    asks: bool,
    /// How it uses capitals: 0 not at all, 1 as a sentence does, 2 in many words, 3 in nearly all letters.
    case: u64,
    /// Hashes of words that also stand in lower case, sorted.
    lower: Vec<u64>,
    /// Hashes of words that also stand capitalised inside a sentence, sorted.
    inside: Vec<u64>,
}

impl Document {
    fn new(words: &[Word]) -> Self {
        let (mut letters, mut capital, mut upper) = (0_usize, 0_usize, 0_usize);
        let (mut lower, mut inside) = (Vec::new(), Vec::new());
        for (at, word) in words.iter().enumerate() {
            if !matches!(
                word.case,
                Case::Lower | Case::Title | Case::Upper | Case::Camel
            ) {
                continue;
            }
            letters += 1;
            capital += usize::from(word.case.is_capital());
            upper += usize::from(word.case == Case::Upper);
            if word.case == Case::Lower {
                lower.push(word.lower);
            } else if !starts_sentence(words, at) {
                inside.push(word.lower);
            }
        }
        lower.sort_unstable();
        inside.sort_unstable();
        let case = if capital == 0 {
            0
        } else if upper * 4 > letters * 3 {
            3
        } else if capital * 2 > letters {
            2
        } else {
            1
        };
        Self {
            first: words.first().map_or(0, |word| word.lower),
            asks: words.last().is_some_and(|word| word.sign == '?'),
            case,
            lower,
            inside,
        }
    }
}

fn starts_sentence(words: &[Word], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| words.get(before)) else {
        return true;
    };
    words.get(at).is_some_and(|word| word.starts_line)
        || matches!(
            before.sign,
            '.' | '!' | '?' | ':' | '"' | '“' | '>' | '*' | '•' | '|' | '-' | '#'
        )
}

/// Where in its line a token stands.
#[derive(Default)]
struct Line {
    /// The word before the line's first colon, if that stands near its start; kept for a line that follows
    /// a colon at a line's end.
    key: u64,
    /// Tokens since the line's start, and since the key.
    column: u64,
    after_key: u64,
    /// Plain lower-case words among the last ones: many in prose, few in an address on lines of its own.
    plain: u32,
}

/// How much of the count of plain words each token keeps, of 32.
const PLAIN_KEPT: u32 = 31;

impl Line {
    fn step(&mut self, words: &[Word], at: usize) {
        if words.get(at).is_some_and(|word| word.starts_line) {
            let ended_in_key = at > 0
                && words
                    .get(at - 1)
                    .is_some_and(|before| before.sign == ':' && self.key != 0);
            if !ended_in_key {
                self.key = 0;
            }
            self.column = 0;
            self.after_key = 0;
        } else {
            self.column += 1;
            self.after_key += 1;
        }
        self.plain = self.plain * PLAIN_KEPT / 32;
        if words.get(at).is_some_and(Word::is_plain) {
            self.plain += 64;
        }
        let colon_before = at > 1 && words.get(at - 1).is_some_and(|before| before.sign == ':');
        if colon_before && (1..=5).contains(&self.column) {
            self.key = words.get(at - 2).map_or(0, |word| word.lower);
            self.after_key = 0;
        }
        if at > 0
            && words.get(at).is_some_and(|word| word.sign == ':')
            && (1..=4).contains(&self.column)
            && words.get(at + 1).is_some_and(|next| next.starts_line)
        {
            self.key = words.get(at - 1).map_or(0, |word| word.lower);
        }
    }
}

/// Stands for a place before the first or after the last token.
const NOWHERE: u64 = 0x5bd1_e995;

/// Adds the rows of one token.
fn look(words: &[Word], at: usize, line: &Line, document: &Document, rows: &mut Vec<u32>) {
    let word = &words[at];
    let near = |offset: isize| {
        at.checked_add_signed(offset)
            .and_then(|place| words.get(place))
    };
    let lower = |offset: isize| near(offset).map_or(NOWHERE, |word| word.lower);
    let shape = |offset: isize| near(offset).map_or(NOWHERE, |word| word.shape);
    let lists = |offset: isize| near(offset).map_or(NOWHERE, |word| u64::from(word.lists));
    let case = |offset: isize| near(offset).map_or(NOWHERE, |word| word.case as u64);
    // A line's end matters as much as the words beyond it.
    let turns = |offset: isize| near(offset).is_none_or(|word| word.starts_line);

    let case0 = word.case as u64;
    let lists0 = u64::from(word.lists);
    let kind0 = lists0 << 8 | case0;
    let mut template = 0;
    let mut add = |a: u64, b: u64| {
        template += 1;
        rows.push(row(template, a, b));
    };

    // The word.
    add(word.lower, 0);
    add(word.lower, case0);
    add(word.shape, 0);
    add(word.number, 1);
    for (&prefix, &suffix) in word.prefixes.iter().zip(&word.suffixes).skip(1) {
        add(prefix, 0);
        add(suffix, 0);
    }
    add(word.suffixes[2], case0);
    add(lists0, 0);
    add(kind0, 0);

    // Its neighbours.
    add(lower(-1), 0);
    add(lower(1), 0);
    add(lower(-2), 0);
    add(lower(2), 0);
    add(lower(-1), word.lower);
    add(word.lower, lower(1));
    add(lower(-2), lower(-1));
    add(lower(1), lower(2));
    add(lower(-1), lower(1));
    add(lower(-1), word.shape);
    add(lower(1), word.shape);
    add(lower(-1), kind0);
    add(lower(1), kind0);
    add(lower(-2), kind0);
    add(lower(2), kind0);
    add(mix(lower(-2) ^ lower(-1).rotate_left(17)), kind0);
    add(mix(lower(1) ^ lower(2).rotate_left(17)), kind0);
    add(mix(lower(-3) ^ lower(-2).rotate_left(17)), lower(-1));

    // How they are written and what is known of them.
    add(shape(-1), word.shape);
    add(word.shape, shape(1));
    add(mix(shape(-1) ^ shape(1).rotate_left(17)), word.shape);
    add(lists(-1) << 8 | case(-1), kind0);
    add(lists(1) << 8 | case(1), kind0);
    add(
        (lists(-1) << 8 | case(-1)) << 20 | (lists(1) << 8 | case(1)),
        kind0,
    );
    add(
        (lists(-2) << 8 | case(-2)) << 20 | (lists(-1) << 8 | case(-1)),
        kind0,
    );
    add(
        (lists(1) << 8 | case(1)) << 20 | (lists(2) << 8 | case(2)),
        kind0,
    );
    add(
        case(-2) << 12 | case(-1) << 8 | case(1) << 4 | case(2),
        case0,
    );
    add(near(-1).map_or(0, |word| word.number), word.number);
    add(word.number, near(1).map_or(0, |word| word.number));

    // Where it stands.
    let start = u64::from(starts_sentence(words, at));
    let ends = u64::from(turns(1)) << 1 | u64::from(word.starts_line);
    add(start, kind0);
    add(ends, kind0);
    add(ends << 4 | line.column.min(7), word.shape);
    add(ends, lower(-1));
    add(line.key, line.after_key.min(6));
    add(line.key, kind0);
    add(line.key, word.shape);
    // None, one, a few, prose.
    let prose = match line.plain {
        0..24 => 0,
        24..80 => 1,
        80..160 => 2,
        _ => 3,
    };
    add(prose << 2 | ends, kind0);
    add(prose << 2 | ends, word.lower);
    add(
        prose << 2 | ends,
        mix(shape(-1) ^ word.shape.rotate_left(9)),
    );

    // Numbers before and after it on its line: houses stand on either side of a street's name.
    let numbers = |near: &mut dyn Iterator<Item = &Word>| {
        near.take(8)
            .filter(|word| word.case == Case::Number)
            .count()
            .min(2) as u64
    };
    let line_before = words[..at].iter().rev();
    let line_after = words[at + 1..].iter().take_while(|word| !word.starts_line);
    let before = if word.starts_line {
        0
    } else {
        let mut done = false;
        numbers(&mut line_before.take_while(|word| {
            let keep = !done;
            done = word.starts_line;
            keep
        }))
    };
    let around = before << 2 | numbers(&mut line_after.into_iter());
    add(around << 4 | prose << 2 | ends, word.shape);
    add(around << 4 | prose << 2 | ends, kind0);
    add(around << 4 | prose << 2, lower(-1));

    // What a recognizer saw beside it.
    add(
        near(-1).map_or(0, |word| word.covered),
        near(1).map_or(0, |word| word.covered),
    );
    add(
        near(-2).map_or(0, |word| word.covered),
        near(2).map_or(0, |word| word.covered),
    );

    // The text.
    let has = |sorted: &[u64]| u64::from(sorted.binary_search(&word.lower).is_ok());
    let elsewhere = if word.is_word {
        1 + has(&document.lower) * 2 + has(&document.inside)
    } else {
        0
    };
    add(document.case, kind0);
    add(document.case, word.lower);
    add(elsewhere << 1 | start, kind0);
    add(document.first, kind0);
    add(u64::from(document.asks), kind0);
    // Plain words need no closer look.
    let plain = word.case == Case::Lower && word.lists & (COMMON | ENGLISH) == word.lists;
    if word.is_word && !(plain && word.lists != 0) {
        for gram in &word.grams[..word.gram_count] {
            rows.push(row(100, *gram, 0));
        }
        for offset in [-5, -4, -3] {
            rows.push(row(101, lower(offset), case0));
        }
        for offset in [3, 4] {
            rows.push(row(102, lower(offset), case0));
        }
    }
}

/// The row of a feature of a template.
fn row(template: u64, a: u64, b: u64) -> u32 {
    let joined = template.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ a.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
        ^ b.wrapping_mul(0x1656_67b1_9e37_79f9).rotate_left(29);
    (mix(joined) >> (64 - ROW_BITS)) as u32
}

/// The finalizer of MurmurHash3.
fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
