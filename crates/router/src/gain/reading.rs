//! A question as numbers: its form, and its words.
//!
//! Words say what a question is about, and that does not carry over to what nobody asked before. Its form does:
//! whether there is a choice of answers, how long and how alike they are, how much must be read, whether there is
//! something to compute, whether something is denied.

/// Bytes that are read, from the front. What comes after does not count.
const MOST: usize = 16_000;

/// Kinds of questions that are told apart by form: words count for each alone, and for all.
pub const KINDS: usize = 4;

/// How a question is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With a choice of answers.
    Choice,
    /// A story with numbers, and a question at its end.
    WordProblem,
    /// One or two lines.
    Short,
    /// Anything else.
    Other,
}

/// What a question looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// How it is put.
    pub kind: Kind,
    /// Its form, as in [`NAMES`].
    pub form: [f32; FORM],
    /// Hashes of its words, numbers and signs, rising, and how often each occurs.
    pub words: Counted,
    /// Hashes of pairs of neighbours, the same.
    pub pairs: Counted,
    /// Hashes of words alone: of the question, then of all choices. Rising.
    pub plain: [Vec<u32>; 2],
}

/// Numbers that describe the form.
pub const FORM: usize = NAMES.len();

macro_rules! form {
    ($($name:ident)*) => {
        /// Numbers that describe the form, by name. Logarithms are of base 2, of one more than the count.
        pub const NAMES: [&str; [$(stringify!($name)),*].len()] = [$(stringify!($name)),*];
        /// The same, while they are counted.
        #[derive(Default)]
        struct Form { $($name: f32),* }
        impl Form {
            fn to_array(&self) -> [f32; FORM] { [$(self.$name),*] }
        }
    };
}

form! {
    choices log_length log_stem log_choice_mean log_choice_longest log_choice_shortest choice_spread choice_to_stem
    log_sentences log_words_per_sentence log_lines word_length long_words choice_word_length stop_words
    choice_stop_words distinct_words
    log_numbers log_choice_numbers numeric_choices choices_with_digits numbers_per_word digits_of_greatest decimals
    log_years log_money log_percent log_signs log_choice_signs log_backslashes digit_share
    log_brackets log_quotes log_capitalized capitalized_share log_choice_capitalized log_acronyms upper_case_share
    ends_with_question_mark ends_with_colon blank ends_open log_commas log_other_scripts
    denied denied_in_capitals following statements all_or_none true_or_false
    what who when where_ why how how_many which
    condition because would best most between find each per person past_words progressive_words abstract_words
    shared_with_stem choices_alike
}

impl Reading {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        let text = text.get(..text.floor_char_boundary(MOST)).unwrap_or(text);
        let parts = Parts::of(text);
        let mut form = Form::default();
        describe(&parts, text, &mut form);
        let (words, pairs) = grams(text);
        let mut plain = [self::plain(parts.stem), Vec::new()];
        plain[1] = parts
            .choices
            .iter()
            .flat_map(|choice| self::plain(choice))
            .collect();
        for words in &mut plain {
            words.sort_unstable();
            words.dedup();
        }
        Self {
            kind: kind(&parts, &form),
            form: form.to_array(),
            words,
            pairs,
            plain,
        }
    }
}

fn kind(parts: &Parts<'_>, form: &Form) -> Kind {
    // `log_numbers` of two numbers, `log_sentences` of two sentences.
    let two = log(2);
    if !parts.choices.is_empty() {
        Kind::Choice
    } else if form.log_numbers >= two
        && form.log_sentences >= two
        && form.log_backslashes == 0.0
        && form.ends_with_question_mark > 0.0
    {
        Kind::WordProblem
    } else if parts.stem.len() <= 200 {
        Kind::Short
    } else {
        Kind::Other
    }
}

/// A question without its choices, and these.
struct Parts<'t> {
    stem: &'t str,
    choices: Vec<&'t str>,
}

impl<'t> Parts<'t> {
    /// Choices are lines that begin with `A.`, `B.` and so on, also with `)` or `:`, also with `(` in front; two
    /// at least. A last line `Answer:` belongs to neither.
    fn of(text: &'t str) -> Self {
        let text = text.trim();
        let text = match text.rfind('\n') {
            Some(at) if text[at..].trim().eq_ignore_ascii_case("answer:") => text[..at].trim_end(),
            _ => text,
        };
        let (mut starts, mut next, mut at) = (Vec::new(), b'A', 0);
        for line in text.split_inclusive('\n') {
            if let Some(choice) = choice(line, next)
                && next <= b'J'
            {
                starts.push((at, at + line.len() - choice.len()));
                next += 1;
            }
            at += line.len();
        }
        if starts.len() < 2 {
            return Self {
                stem: text,
                choices: Vec::new(),
            };
        }
        let ends = starts
            .iter()
            .skip(1)
            .map(|start| start.0)
            .chain([text.len()]);
        Self {
            stem: text[..starts[0].0].trim_end(),
            choices: starts
                .iter()
                .zip(ends)
                .map(|(start, end)| text[start.1..end].trim())
                .collect(),
        }
    }
}

/// What comes after the letter that marks a choice.
fn choice(line: &str, letter: u8) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix('(').unwrap_or(line);
    line.strip_prefix(char::from(letter))?
        .strip_prefix(['.', ')', ':'])
}

fn describe(parts: &Parts<'_>, text: &str, form: &mut Form) {
    lengths(parts, text, form);
    words(parts, form);
    numbers_and_signs(parts, text, form);
    endings(parts, form);
    sentences(parts, form);
}

fn lengths(parts: &Parts<'_>, text: &str, form: &mut Form) {
    let lengths = || parts.choices.iter().map(|choice| choice.len());
    let (longest, shortest) = (lengths().max().unwrap_or(0), lengths().min().unwrap_or(0));
    let mean = lengths().sum::<usize>() / parts.choices.len().max(1);
    form.choices = parts.choices.len() as f32;
    form.log_length = log(text.len());
    form.log_stem = log(parts.stem.len());
    form.log_choice_mean = log(mean);
    form.log_choice_longest = log(longest);
    form.log_choice_shortest = log(shortest);
    form.choice_spread = (longest - shortest) as f32 / (1 + mean) as f32;
    form.choice_to_stem = form.log_choice_mean - form.log_stem;
    form.log_lines = log(parts.stem.matches('\n').count());
}

/// A word in lower case, and whether it was written with a capital.
struct Word {
    lower: String,
    capital: bool,
    acronym: bool,
    /// Comes after a word or a comma, so that a capital means a name.
    inside: bool,
}

fn words_of(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut before = '\n';
    let mut rest = text;
    while let Some(start) = rest.find(char::is_alphabetic) {
        before = rest[..start]
            .trim_end_matches(' ')
            .chars()
            .next_back()
            .unwrap_or(before);
        let from = &rest[start..];
        let end = from
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(from.len());
        let word = &from[..end];
        words.push(Word {
            lower: word.to_lowercase(),
            capital: word.starts_with(char::is_uppercase)
                && word.chars().nth(1).is_some_and(char::is_lowercase),
            acronym: word.chars().nth(1).is_some() && word.chars().all(char::is_uppercase),
            inside: before.is_lowercase() || before == ',',
        });
        before = word.chars().next_back().unwrap_or(before);
        rest = &from[end..];
    }
    words
}

fn words(parts: &Parts<'_>, form: &mut Form) {
    let stem = words_of(parts.stem);
    let choices: Vec<Vec<Word>> = parts
        .choices
        .iter()
        .map(|choice| words_of(choice))
        .collect();
    let flat = || choices.iter().flatten();
    let count = |words: &[Word], test: &dyn Fn(&Word) -> bool| {
        words.iter().filter(|word| test(word)).count()
    };
    let share = |count: usize| count as f32 / stem.len().max(1) as f32;
    let is =
        |listed: &'static [&'static str]| move |word: &Word| listed.contains(&word.lower.as_str());
    let ends = |endings: &'static [&'static str]| {
        move |word: &Word| endings.iter().any(|ending| word.lower.ends_with(ending))
    };
    let flag = |listed: &'static [&'static str]| f32::from(stem.iter().any(is(listed)));

    form.word_length = share(stem.iter().map(|word| word.lower.len()).sum());
    form.long_words = share(count(&stem, &|word| word.lower.len() >= 9));
    form.stop_words = share(count(&stem, &is(STOP)));
    form.person = share(count(
        &stem,
        &is(&[
            "he", "she", "his", "her", "you", "i", "my", "your", "we", "they",
        ]),
    ));
    form.past_words = share(count(&stem, &ends(&["ed"])));
    form.progressive_words = share(count(&stem, &ends(&["ing"])));
    form.abstract_words = share(count(
        &stem,
        &ends(&["ion", "ions", "ity", "ism", "ment", "ness", "ance", "ence"]),
    ));
    let names = count(&stem, &|word| word.capital && word.inside);
    form.log_capitalized = log(names);
    form.capitalized_share = share(names);
    form.log_acronyms = log(count(&stem, &|word| word.acronym));
    form.log_choice_capitalized = log(flat().filter(|word| word.capital && word.inside).count());

    let of_choices = flat().count().max(1) as f32;
    form.choice_word_length =
        flat().map(|word| word.lower.len()).sum::<usize>() as f32 / of_choices;
    form.choice_stop_words = flat()
        .filter(|word| STOP.contains(&word.lower.as_str()))
        .count() as f32
        / of_choices;

    let known = set(&stem);
    form.distinct_words = share(known.len());
    let sets: Vec<Vec<&str>> = choices.iter().map(|words| set(words)).collect();
    let mut all: Vec<&str> = sets.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    form.shared_with_stem = shared(&all, &known) as f32 / all.len().max(1) as f32;
    let (mut alike, mut pairs) = (0.0, 0.0);
    for (at, one) in sets.iter().enumerate() {
        for other in &sets[..at] {
            let both = shared(one, other);
            alike += both as f32 / (one.len() + other.len() - both).max(1) as f32;
            pairs += 1.0_f32;
        }
    }
    form.choices_alike = alike / pairs.max(1.0);

    form.denied = flag(&["not", "except", "least", "never", "cannot", "no"]);
    let shouted = |word: &&str| parts.stem.contains(*word);
    form.denied_in_capitals = f32::from(["NOT", "EXCEPT", "LEAST"].iter().any(shouted));
    form.following = flag(&["following"]);
    form.statements = flag(&["statement"]);
    form.true_or_false = f32::from(flat().any(is(&["true", "false"])));
    form.all_or_none = f32::from(parts.choices.iter().any(|choice| {
        ["of the above", "of these", "Both", "both"]
            .iter()
            .any(|phrase| choice.contains(phrase))
    }));
    form.what = flag(&["what"]);
    form.who = flag(&["who", "whom", "whose"]);
    form.when = flag(&["when"]);
    form.where_ = flag(&["where"]);
    form.why = flag(&["why"]);
    form.how = flag(&["how"]);
    let asks_count =
        |two: &[Word]| two[0].lower == "how" && ["many", "much"].contains(&two[1].lower.as_str());
    form.how_many = f32::from(stem.windows(2).any(asks_count));
    form.which = flag(&["which"]);
    form.condition = flag(&["if", "suppose", "assume", "given"]);
    form.because = flag(&["because"]);
    form.would = flag(&["would", "could", "should"]);
    form.best = flag(&["best"]);
    form.most = flag(&["most", "likely"]);
    form.between = flag(&["between"]);
    form.find = flag(&[
        "find",
        "calculate",
        "compute",
        "determine",
        "evaluate",
        "solve",
    ]);
    form.each = flag(&["each", "every"]);
    form.per = flag(&["per", "twice", "half", "times", "percent"]);
}

/// Distinct words, sorted.
fn set(words: &[Word]) -> Vec<&str> {
    let mut set: Vec<&str> = words.iter().map(|word| word.lower.as_str()).collect();
    set.sort_unstable();
    set.dedup();
    set
}

/// How many words two sorted sets share.
fn shared(one: &[&str], other: &[&str]) -> usize {
    one.iter()
        .filter(|word| other.binary_search(word).is_ok())
        .count()
}

fn numbers_and_signs(parts: &Parts<'_>, text: &str, form: &mut Form) {
    let stem = numbers(parts.stem);
    form.log_numbers = log(stem.len());
    form.numbers_per_word = stem.len() as f32 / parts.stem.split_whitespace().count().max(1) as f32;
    form.digits_of_greatest = stem
        .iter()
        .map(|number| number.before_point)
        .max()
        .unwrap_or(0) as f32;
    form.decimals = log(stem.iter().filter(|number| number.point).count());
    let year = |number: &&Number<'_>| {
        number.digits.len() == 4 && number.digits.starts_with(['1', '2']) && !number.point
    };
    form.log_years = log(stem.iter().filter(year).count());
    form.log_choice_numbers = log(parts
        .choices
        .iter()
        .map(|choice| numbers(choice).len())
        .sum());
    let among = |test: &dyn Fn(&str) -> bool| {
        let count = parts.choices.iter().filter(|choice| test(choice)).count();
        count as f32 / parts.choices.len().max(1) as f32
    };
    form.choices_with_digits = among(&|choice| choice.contains(|c: char| c.is_ascii_digit()));
    form.numeric_choices = among(&|choice| {
        let letters = choice.chars().filter(|c| c.is_alphabetic()).count();
        let first = choice.find(|c: char| c.is_alphanumeric());
        2 * letters <= choice.len()
            && first.is_some_and(|at| choice[at..].starts_with(|c: char| c.is_ascii_digit()))
    });
    let count = |text: &str, listed: &[char]| log(text.matches(listed).count());
    const SIGNS: &[char] = &['=', '+', '*', '^', '<', '>', '/', '|', '{', '}', '\\'];
    form.log_money = count(parts.stem, &['$', '€', '£']);
    form.log_percent = count(text, &['%']);
    form.log_signs = count(text, SIGNS);
    form.log_choice_signs = log(parts
        .choices
        .iter()
        .map(|choice| choice.matches(SIGNS).count())
        .sum());
    form.log_backslashes = count(text, &['\\']);
    form.log_brackets = count(text, &['(']);
    form.log_quotes = count(parts.stem, &['"', '“', '”']);
    form.log_commas = count(parts.stem, &[',']);
    let (mut digits, mut upper, mut other, mut all) = (0, 0, 0, 0);
    for c in text.chars() {
        all += 1;
        digits += usize::from(c.is_ascii_digit());
        upper += usize::from(c.is_uppercase());
        other += usize::from(!c.is_ascii());
    }
    form.digit_share = digits as f32 / all.max(1) as f32;
    form.upper_case_share = upper as f32 / all.max(1) as f32;
    form.log_other_scripts = log(other);
}

/// A number as it is written: `1,250.75`.
struct Number<'t> {
    digits: &'t str,
    before_point: usize,
    point: bool,
}

fn numbers(text: &str) -> Vec<Number<'_>> {
    let mut numbers = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let from = &rest[start..];
        let bytes = from.as_bytes();
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let mut end = 0;
        while digit(end) || (matches!(bytes.get(end), Some(b'.' | b',')) && digit(end + 1)) {
            end += 1;
        }
        let digits = &from[..end];
        let whole = digits.split('.').next().unwrap_or_default();
        numbers.push(Number {
            digits,
            before_point: whole.bytes().filter(u8::is_ascii_digit).count(),
            point: digits.contains('.'),
        });
        rest = &from[end..];
    }
    numbers
}

fn endings(parts: &Parts<'_>, form: &mut Form) {
    let stem = parts.stem.trim_end();
    form.ends_with_question_mark = f32::from(stem.ends_with('?'));
    form.ends_with_colon = f32::from(stem.ends_with(':'));
    form.blank = f32::from(stem.contains("__"));
    form.ends_open = f32::from(!stem.ends_with(['?', '.', ':', '!', '_']));
}

fn sentences(parts: &Parts<'_>, form: &mut Form) {
    let words = parts.stem.split_whitespace().count();
    let ends = parts
        .stem
        .split_whitespace()
        .filter(|word| word.ends_with(['.', '!', '?']));
    let count = ends.count();
    form.log_sentences = log(count);
    form.log_words_per_sentence = log(words / count.max(1));
}

/// Hashes, rising, and how often each occurs.
pub type Counted = Vec<(u32, u16)>;

/// Words, numbers and signs, and pairs of neighbours, hashed.
fn grams(text: &str) -> (Counted, Counted) {
    let tokens = tokens(text);
    // Another constant than the hash's own, so that a pair is no word.
    let pair =
        |two: &[u32]| (two[0] ^ 0x9e37_79b9).wrapping_mul(0x85eb_ca6b) ^ two[1].rotate_left(13);
    let pairs = tokens.windows(2).map(pair).collect();
    (counted(tokens), counted(pairs))
}

/// Words that are letters alone, hashed as in [`grams`].
fn plain(text: &str) -> Vec<u32> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().all(char::is_alphabetic) && !word.is_empty())
        .map(|word| word.chars().flat_map(char::to_lowercase).fold(EMPTY, with))
        .collect()
}

/// Hashes of words and numbers in lower case, and of signs.
fn tokens(text: &str) -> Vec<u32> {
    let mut tokens = Vec::new();
    let mut word = None;
    for c in text.chars() {
        if c.is_alphanumeric() {
            word = Some(c.to_lowercase().fold(word.unwrap_or(EMPTY), with));
            continue;
        }
        tokens.extend(word.take());
        if !c.is_whitespace() {
            tokens.push(with(EMPTY, c));
        }
    }
    tokens.extend(word);
    tokens
}

/// Each once, rising, and how often it occurs.
fn counted(mut hashes: Vec<u32>) -> Counted {
    hashes.sort_unstable();
    let mut counted: Counted = Vec::with_capacity(hashes.len());
    for hash in hashes {
        match counted.last_mut() {
            Some((last, count)) if *last == hash => *count = count.saturating_add(1),
            _ => counted.push((hash, 1)),
        }
    }
    counted
}

/// FNV-1a's start.
const EMPTY: u32 = 0x811c_9dc5;

/// FNV-1a, 32 bits, over code points.
fn with(hash: u32, c: char) -> u32 {
    (hash ^ u32::from(c)).wrapping_mul(0x0100_0193)
}

/// log2(1 + count), straight between powers of two: the same bits on every machine.
pub(crate) fn log(count: usize) -> f32 {
    let one_more = count.min(1 << 20) as u32 + 1;
    let exponent = one_more.ilog2();
    exponent as f32 + (one_more - (1 << exponent)) as f32 / (1_u32 << exponent) as f32
}

/// Words that carry little.
const STOP: &[&str] = &[
    "the", "of", "and", "a", "to", "in", "is", "that", "it", "as", "for", "was", "on", "are", "by",
    "with", "be", "this", "from", "at", "or", "an", "not", "have", "has", "which", "but", "they",
    "he", "she", "his", "her", "their", "its", "we", "you", "i", "had", "were", "been", "one",
    "all", "would", "there", "can", "will", "if", "more", "when", "no", "so", "who", "what",
];
