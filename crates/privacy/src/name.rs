//! Names of people and organisations, and which may mean the same.

use std::cmp::Reverse;

use zeroize::Zeroizing;

/// A name, read.
pub(crate) struct Name {
    /// In lower case: given names first, the family's last. Of an organisation without its legal form.
    words: Zeroizing<Vec<String>>,
    mark: Mark,
}

/// What tells two bearers of the same words apart.
enum Mark {
    Person {
        gender: Option<Gender>,
        titled: bool,
    },
    /// The legal form, if one is written.
    Organization(Option<Zeroizing<String>>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gender {
    Female,
    Male,
}
use Gender::{Female, Male};

static TITLES: [(&str, Option<Gender>); 40] = [
    ("mr", Some(Male)),
    ("mister", Some(Male)),
    ("sir", Some(Male)),
    ("lord", Some(Male)),
    ("herr", Some(Male)),
    ("monsieur", Some(Male)),
    ("señor", Some(Male)),
    ("sr", Some(Male)),
    ("signor", Some(Male)),
    ("mrs", Some(Female)),
    ("ms", Some(Female)),
    ("miss", Some(Female)),
    ("lady", Some(Female)),
    ("dame", Some(Female)),
    ("madam", Some(Female)),
    ("madame", Some(Female)),
    ("mme", Some(Female)),
    ("mlle", Some(Female)),
    ("frau", Some(Female)),
    ("señora", Some(Female)),
    ("sra", Some(Female)),
    ("señorita", Some(Female)),
    ("signora", Some(Female)),
    ("mx", None),
    ("dr", None),
    ("doctor", None),
    ("prof", None),
    ("professor", None),
    ("rev", None),
    ("reverend", None),
    ("hon", None),
    ("judge", None),
    ("justice", None),
    ("captain", None),
    ("capt", None),
    ("sgt", None),
    ("sergeant", None),
    ("lt", None),
    ("senator", None),
    ("president", None),
];

/// Given names that are one gender's in the languages that most bear them, so that nobody becomes "Mr" who is not.
const FEMALE: &str = "alice amy angela anna barbara betty carol catherine charlotte christine claire deborah \
    diana elena elizabeth ellen emily emma fatima hannah helen isabella jane janet jennifer jessica julia karen \
    katherine laura linda lisa lucy margaret maria mary melissa michelle nancy natalie olivia pamela patricia \
    priya rachel rebecca ruth sandra sarah sharon sofia sophia sophie stephanie susan teresa ursula victoria";
const MALE: &str = "adam ahmed alexander andrew anthony antonio benjamin brian carlos charles christopher daniel \
    david dennis donald edward eric frank gary george gregory hans henry ivan jack jacob james jason jeffrey john \
    jonathan jose joseph juan justin kenneth kevin klaus larry mark matthew michael mohammed nicholas oliver patrick \
    paul peter raj raymond richard robert ronald ryan samuel scott stefan stephen steven thomas timothy tom walter \
    william wolfgang";

/// After a name; they say nothing about who bears it.
const DEGREES: [&str; 10] = [
    "md", "phd", "esq", "dds", "rn", "mba", "cpa", "jd", "msc", "bsc",
];

/// Parts of the family's name in these places.
const GENERATIONS: [&str; 7] = ["jr", "sr", "junior", "senior", "ii", "iii", "iv"];
const PARTICLES: [&str; 20] = [
    "van", "von", "de", "der", "den", "del", "della", "da", "di", "du", "dos", "la", "le", "bin",
    "ibn", "al", "el", "ter", "ten", "zu",
];

/// Legal forms, spelled out and short.
static LEGAL_FORMS: [(&str, &str); 41] = [
    ("incorporated", "inc"),
    ("inc", "inc"),
    ("corporation", "corp"),
    ("corp", "corp"),
    ("company", "co"),
    ("co", "co"),
    ("limited", "ltd"),
    ("ltd", "ltd"),
    ("llc", "llc"),
    ("llp", "llp"),
    ("lp", "lp"),
    ("plc", "plc"),
    ("gmbh", "gmbh"),
    ("ag", "ag"),
    ("kg", "kg"),
    ("kgaa", "kgaa"),
    ("ohg", "ohg"),
    ("gbr", "gbr"),
    ("ug", "ug"),
    ("ev", "ev"),
    ("eg", "eg"),
    ("se", "se"),
    ("sa", "sa"),
    ("sas", "sas"),
    ("sarl", "sarl"),
    ("sl", "sl"),
    ("srl", "srl"),
    ("spa", "spa"),
    ("nv", "nv"),
    ("bv", "bv"),
    ("ab", "ab"),
    ("as", "as"),
    ("asa", "asa"),
    ("aps", "aps"),
    ("oy", "oy"),
    ("oyj", "oyj"),
    ("pty", "pty"),
    ("pvt", "pvt"),
    ("kk", "kk"),
    ("ltda", "ltda"),
    ("and", ""),
];

impl Name {
    /// A person's name; `None` if it has no whole word.
    pub(crate) fn of_person(text: &str) -> Option<Self> {
        // "Zheng, Rachel", but "Rachel Zheng, MD".
        let mut words = match text.split_once(',') {
            Some((family, given)) => {
                let mut words = words(given);
                words.retain(|word| !DEGREES.contains(&word.as_str()));
                let at = words
                    .iter()
                    .position(|word| GENERATIONS.contains(&word.as_str()))
                    .unwrap_or(words.len());
                let mut generation = words.split_off(at);
                words.append(&mut self::words(family));
                words.append(&mut generation);
                words
            }
            None => words(text),
        };
        let mut gender = None;
        let mut titles = 0;
        for word in words.iter() {
            let Some((_, of_title)) = TITLES.iter().find(|(title, _)| title == word) else {
                break;
            };
            gender = gender.or(*of_title);
            titles += 1;
        }
        words.drain(..titles);
        while words
            .pop_if(|word| DEGREES.contains(&word.as_str()))
            .is_some()
        {}
        if words.len() > 1
            && let Some(generation) = words.pop_if(|word| GENERATIONS.contains(&word.as_str()))
            && let Some(family) = words.last_mut()
        {
            family.push(' ');
            family.push_str(&generation);
        }
        let given = words.first().filter(|_| words.len() > 1 || titles == 0);
        let gender = gender.or_else(|| given.and_then(|given| gender_of(given)));
        words.iter().any(|word| !is_initial(word)).then(|| Self {
            words,
            mark: Mark::Person {
                gender,
                titled: titles > 0,
            },
        })
    }

    /// An organisation's name; `None` if it is nothing but a legal form.
    pub(crate) fn of_organization(text: &str) -> Option<Self> {
        let mut words = words(text);
        let mut form = Zeroizing::new(String::new());
        let legal = |word: &String| LEGAL_FORMS.iter().find(|(long, _)| long == word);
        while let Some((_, short)) = words.last().and_then(legal) {
            form.insert_str(0, short);
            words.pop();
        }
        if words.len() > 1 && words[0] == "the" {
            words.remove(0);
        }
        (!words.is_empty()).then(|| Self {
            words,
            mark: Mark::Organization((!form.is_empty()).then_some(form)),
        })
    }

    /// In lower case: given names first, the family's last.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether a title stands before it.
    pub(crate) fn is_titled(&self) -> bool {
        matches!(self.mark, Mark::Person { titled: true, .. })
    }

    /// Whether its bearer is a woman, where title or given name tell.
    pub(crate) fn is_female(&self) -> Option<bool> {
        match self.mark {
            Mark::Person { gender, .. } => gender.map(|gender| gender == Female),
            Mark::Organization(_) => None,
        }
    }

    /// Greater comes first: whom or what it means is clearer.
    pub(crate) fn clearness(&self) -> impl Ord + use<> {
        let whole = self.words.iter().filter(|word| !is_initial(word)).count();
        let marked = match &self.mark {
            Mark::Person { titled, .. } => *titled,
            Mark::Organization(form) => form.is_some(),
        };
        Reverse((self.words.len(), whole, marked))
    }

    /// The words under which it is looked for, as a [`Name::may_be`] that is clearer.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let last = self.words.last();
        let first = self.words.first().filter(|first| Some(*first) != last);
        first.into_iter().chain(last).map(String::as_str)
    }

    /// The word under which it looks for those.
    pub(crate) fn key(&self) -> &str {
        self.words.last().map_or("", String::as_str)
    }

    /// Whether it may be short for `other`, which is at least as clear: "Rachel", "Ms Zheng" and "R. Zheng" for
    /// "Rachel Zheng"; "Acme" for "Acme GmbH".
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        match (&self.mark, &other.mark) {
            (Mark::Organization(form), Mark::Organization(others)) => {
                self.words == other.words && (form.is_none() || form == others)
            }
            (Mark::Person { titled, .. }, Mark::Person { .. }) => {
                !self.contradicts_in_gender(other) && is_part(&self.words, *titled, &other.words)
            }
            _ => false,
        }
    }

    /// Whether no one bears both.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        match (&self.mark, &other.mark) {
            (Mark::Organization(form), Mark::Organization(others)) => {
                form.is_some() && others.is_some() && form != others
            }
            _ => {
                self.contradicts_in_gender(other)
                    || (self.words.len() > 1
                        && other.words.len() > 1
                        && !self.may_be(other)
                        && !other.may_be(self))
            }
        }
    }

    fn contradicts_in_gender(&self, other: &Self) -> bool {
        let gender = |name: &Self| match name.mark {
            Mark::Person { gender, .. } => gender,
            Mark::Organization(_) => None,
        };
        matches!((gender(self), gender(other)), (Some(one), Some(other)) if one != other)
    }
}

/// Whether a word is a title.
pub(crate) fn is_title(lower: &str) -> bool {
    TITLES.iter().any(|(title, _)| *title == lower)
}

/// Whether a word of a person's name is a title, a degree or a generation.
pub(crate) fn says_nothing_of_whom(lower: &str) -> bool {
    is_title(lower) || DEGREES.contains(&lower) || GENERATIONS.contains(&lower)
}

/// Whether a word may stand before a family's name as a part of it.
pub(crate) fn is_particle(lower: &str) -> bool {
    PARTICLES.contains(&lower)
}

/// Whether a word is a part of firms' legal forms.
pub(crate) fn is_legal_form(lower: &str) -> bool {
    LEGAL_FORMS.iter().any(|(form, _)| *form == lower)
}

/// Whether `part` may be short for the whole name of a person.
fn is_part(part: &[String], titled: bool, whole: &[String]) -> bool {
    let (Some(first), Some(last)) = (part.first(), part.last()) else {
        return false;
    };
    let (Some(given), Some(family)) = (whole.first(), whole.last()) else {
        return false;
    };
    if part.len() == 1 {
        return first == given || first == family;
    }
    // The family's name alone has several words.
    if whole.ends_with(part) && (titled || PARTICLES.contains(&first.as_str())) {
        return true;
    }
    if whole.len() < 2 || last != family || !same_or_initial(first, given) {
        return false;
    }
    // What stands between them, in order.
    let mut middle = whole[1..whole.len() - 1].iter();
    part[1..part.len() - 1]
        .iter()
        .all(|word| middle.any(|other| same_or_initial(word, other)))
}

fn same_or_initial(one: &str, other: &str) -> bool {
    one == other
        || (is_initial(one) && other.starts_with(one))
        || (is_initial(other) && one.starts_with(other))
}

fn is_initial(word: &str) -> bool {
    word.chars().count() == 1
}

fn gender_of(given: &str) -> Option<Gender> {
    let is_in = |names: &str| names.split_ascii_whitespace().any(|name| name == given);
    match (is_in(FEMALE), is_in(MALE)) {
        (true, false) => Some(Female),
        (false, true) => Some(Male),
        _ => None,
    }
}

/// The words in lower case, without punctuation at their ends, dots inside ("S.A.") and possessives.
fn words(text: &str) -> Zeroizing<Vec<String>> {
    let word = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let word = word
            .strip_suffix("'s")
            .or_else(|| word.strip_suffix("’s"))
            .unwrap_or(word);
        word.replace('.', "").to_lowercase()
    };
    let words = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .map(word)
        .filter(|word| !word.is_empty());
    Zeroizing::new(words.collect())
}
