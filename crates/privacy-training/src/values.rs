//! What is put into a template's gaps.

use anyhow::{Context, bail};
use oorandom::Rand32;
use query::EntityKind;

use crate::lists::Lists;

/// Makes values.
pub struct Values {
    lists: Lists,
    /// Given and family names of one culture; the first few are English.
    cultures: Vec<Culture>,
}

struct Culture {
    given: Vec<&'static str>,
    surnames: Vec<&'static str>,
    english: bool,
}

/// Gaps whose values are personal. A gap that is not here is the name of a section of `phrases.txt`, or one of
/// the plain ones (`int`, `amount` …).
const KINDS: [(&str, EntityKind); 56] = [
    ("person", EntityKind::Person),
    ("full", EntityKind::Person),
    ("given", EntityKind::Person),
    ("surname", EntityKind::Person),
    ("single", EntityKind::Person),
    ("initials", EntityKind::Person),
    ("wordname", EntityKind::Person),
    ("listname", EntityKind::Person),
    ("invented", EntityKind::Person),
    ("invented full", EntityKind::Person),
    ("odd name", EntityKind::Person),
    ("org", EntityKind::Organization),
    ("firm", EntityKind::Organization),
    ("partners", EntityKind::Organization),
    ("school", EntityKind::Organization),
    ("hospital", EntityKind::Organization),
    ("startup", EntityKind::Organization),
    ("real org", EntityKind::Organization),
    ("invented org", EntityKind::Organization),
    ("city", EntityKind::Location),
    ("country", EntityKind::Location),
    ("state", EntityKind::Location),
    ("place", EntityKind::Location),
    ("citystate", EntityKind::Location),
    ("landmark", EntityKind::Location),
    ("region", EntityKind::Location),
    ("town", EntityKind::Location),
    ("realm", EntityKind::Location),
    ("address", EntityKind::Address),
    ("street", EntityKind::Address),
    ("streetname", EntityKind::Address),
    ("unit", EntityKind::Address),
    ("zip", EntityKind::Address),
    ("house", EntityKind::Address),
    ("group", EntityKind::Group),
    ("nationality", EntityKind::Group),
    ("religion", EntityKind::Group),
    ("date", EntityKind::Date),
    ("day", EntityKind::Date),
    ("year", EntityKind::Date),
    ("datetime", EntityKind::Date),
    ("daymonth", EntityKind::Date),
    ("dob", EntityKind::DateOfBirth),
    ("age", EntityKind::Age),
    ("user", EntityKind::UserName),
    ("phone", EntityKind::Phone),
    ("email", EntityKind::Email),
    ("spoken email", EntityKind::Email),
    ("spoken phone", EntityKind::Phone),
    ("url", EntityKind::Domain),
    ("ip", EntityKind::IpAddress),
    ("card", EntityKind::Card),
    ("iban", EntityKind::Iban),
    ("ssn", EntityKind::Ssn),
    ("id", EntityKind::LicenseNumber),
    ("licence", EntityKind::DriverLicense),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

impl Values {
    /// Sorts names by culture.
    pub fn new(lists: Lists) -> Self {
        let mut cultures = Vec::new();
        for (locale, given) in lists.given.iter() {
            let surnames = lists.surnames.get(locale);
            if !surnames.is_empty() {
                cultures.push(Culture {
                    given: given.to_vec(),
                    surnames: surnames.to_vec(),
                    english: locale.starts_with("en"),
                });
            }
        }
        Self { lists, cultures }
    }

    /// What a gap's value is.
    pub fn kind(gap: &str) -> Option<EntityKind> {
        KINDS
            .iter()
            .find(|known| known.0 == gap)
            .map(|known| known.1)
    }

    /// A value for a gap.
    ///
    /// # Errors
    /// When no gap has this name.
    pub fn value(&self, gap: &str, r: &mut Rand32) -> anyhow::Result<String> {
        Ok(match gap {
            "person" => match below(r, 100) {
                0..60 => self.full(r),
                60..90 => self.given(r),
                _ => self.surname(r),
            },
            "full" => self.full(r),
            "single" => match below(r, 3) {
                0 => self.surname(r),
                _ => self.given(r),
            },
            "given" => self.given(r),
            "surname" => self.surname(r),
            "initials" => match below(r, 3) {
                0 => format!("{}. {}", letter(r), self.surname(r)),
                1 => format!("{}.{}. {}", letter(r), letter(r), self.surname(r)),
                _ => format!("{} {}.", self.given(r), letter(r)),
            },
            "listname" => format!("{}, {}", self.surname(r), self.given(r)),
            "invented" => invented(r),
            "invented full" => format!("{} {}", invented(r), invented(r)),
            "invented org" => format!("{} {}", invented(r), self.phrase("org word", r)?),
            "odd name" => odd(&self.given(r), &self.surname(r), r),
            "realm" => invented_place(r),
            "wordname" => match below(r, 3) {
                0 => self.phrase("word name", r)?.to_owned(),
                1 => format!("{} {}", self.phrase("word name", r)?, self.surname(r)),
                _ => format!("{} {}", self.given(r), self.phrase("word surname", r)?),
            },
            "org" => match below(r, 100) {
                0..25 => self.startup(r)?,
                25..60 => self.firm(r)?,
                60..68 => self.school(r)?,
                68..74 => self.hospital(r)?,
                _ => self.phrase("real org", r)?.to_owned(),
            },
            "startup" => self.startup(r)?,
            "firm" => self.firm(r)?,
            "partners" => self.partners(r),
            "school" => self.school(r)?,
            "hospital" => self.hospital(r)?,
            "city" => self.city(r)?,
            "place" => match below(r, 100) {
                0..65 => self.city(r)?,
                65..88 => self.phrase("country", r)?.to_owned(),
                _ => self.phrase("state", r)?.to_owned(),
            },
            "citystate" => match below(r, 3) {
                0 => format!("{}, {}", self.city(r)?, self.phrase("country", r)?),
                1 => format!(
                    "{}, {}",
                    self.english_city(r)?,
                    self.phrase("state code", r)?
                ),
                _ => format!("{}, {}", self.english_city(r)?, self.phrase("state", r)?),
            },
            "address" => self.address(r)?,
            "street" => self.street(r)?,
            "streetname" => self.street_name(r)?,
            "unit" => unit(r),
            "zip" => zip(r),
            "house" => {
                let count = 2 + below(r, 4);
                digits(count, r)
            }
            "region" => match below(r, 3) {
                0 => letters(2, r),
                1 => {
                    let count = 1 + below(r, 3);
                    letters(count, r)
                }
                _ => self.phrase("state code", r)?.to_owned(),
            },
            "town" => match below(r, 3) {
                0 => self.city(r)?.to_uppercase(),
                _ => self.city(r)?,
            },
            "group" => match below(r, 5) {
                0 => self.phrase("religion", r)?.to_owned(),
                _ => self.phrase("nationality", r)?.to_owned(),
            },
            "date" => date(r, 1985, 2026),
            "dob" => date(r, 1935, 2015),
            "day" => pick(&DAYS, r).to_owned(),
            "month" => pick(&MONTHS, r).to_owned(),
            "daymonth" => match below(r, 3) {
                0 => format!("{} {}", pick(&MONTHS, r), below(r, 28) + 1),
                1 => format!("the {} of {}", ordinal(below(r, 28) + 1), pick(&MONTHS, r)),
                _ => format!("{} {}", ordinal(below(r, 28) + 1), pick(&MONTHS, r)),
            },
            "year" => (1950 + below(r, 77)).to_string(),
            "datetime" => format!(
                "{}-{:02}-{:02} {:02}:{:02}:{:02}",
                1970 + below(r, 57),
                below(r, 12) + 1,
                below(r, 28) + 1,
                below(r, 24),
                below(r, 60),
                below(r, 60)
            ),
            "time" => match below(r, 3) {
                0 => format!("{}:{:02}", below(r, 24), below(r, 60)),
                1 => format!("{} {}", below(r, 12) + 1, pick(&["am", "pm"], r)),
                _ => format!(
                    "{}:{:02} {}",
                    below(r, 12) + 1,
                    below(r, 4) * 15,
                    pick(&["AM", "PM"], r)
                ),
            },
            "age" => (1 + below(r, 95)).to_string(),
            "user" => self.user(r)?,
            "phone" => phone(r),
            "email" => format!(
                "{}{}{}@{}",
                ascii(&self.given(r)),
                pick(&["", ".", "_", "-"], r),
                ascii(&self.surname(r)),
                self.phrase("mail domain", r)?
            ),
            "spoken email" => {
                let (given, surname) = (ascii(&self.given(r)), ascii(&self.surname(r)));
                let [at, dot] = [
                    [" at ", " dot "],
                    [" (at) ", " (dot) "],
                    ["[at]", "[dot]"],
                    [" AT ", " DOT "],
                ][below(r, 4)];
                let joint = pick(&[dot, "", "_"], r);
                let domain = self.phrase("mail domain", r)?.replace('.', dot);
                format!("{given}{joint}{surname}{at}{domain}")
            }
            "spoken phone" => {
                let names = [
                    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
                    "oh",
                ];
                let count = 7 + below(r, 4);
                (0..count)
                    .map(|_| pick(&names, r))
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            "url" => format!(
                "{}{}{}.{}{}",
                pick(&["https://", "https://www.", "www.", "http://"], r),
                self.word(r)?,
                self.word(r)?,
                pick(&["com", "org", "net", "de", "co.uk", "io", "fr"], r),
                pick(&["", "/", "/about", "/en/contact"], r)
            ),
            "ip" => format!(
                "{}.{}.{}.{}",
                below(r, 223) + 1,
                below(r, 256),
                below(r, 256),
                below(r, 256)
            ),
            "card" => card(r),
            "iban" => format!("GB{}{}{}", digits(2, r), letters(4, r), digits(14, r)),
            "ssn" => format!("{}-{}-{}", digits(3, r), digits(2, r), digits(4, r)),
            "id" | "licence" => number_of_something(r),
            "int" => (2 + below(r, 200)).to_string(),
            "small" => (2 + below(r, 11)).to_string(),
            "amount" => match below(r, 3) {
                0 => format!("${}", below(r, 5000)),
                1 => format!("{},{}", below(r, 90) + 1, digits(3, r)),
                _ => format!("{}.{}", below(r, 900), digits(2, r)),
            },
            "decimal" => format!("{}.{}", below(r, 100), below(r, 1000)),
            "word" => self.word(r)?.to_owned(),
            "english" => pick(self.lists.words.get("english"), r).to_owned(),
            "Word" => capital(self.word(r)?),
            // Of a thing, so that it is nobody's.
            "codename" => match below(r, 4) {
                0 => invented(r),
                1 => format!("{}{}", capital(self.word(r)?), self.word(r)?),
                _ => capital(pick(self.lists.words.get("english"), r)),
            },
            section => self.phrase(section, r)?.to_owned(),
        })
    }

    fn phrase(&self, section: &str, r: &mut Rand32) -> anyhow::Result<&'static str> {
        let entries = self.lists.phrases.get(section);
        if entries.is_empty() {
            bail!("no list is called {section:?}");
        }
        Ok(pick(entries, r))
    }

    fn word(&self, r: &mut Rand32) -> anyhow::Result<&'static str> {
        let words = self.lists.words.get("common");
        for _ in 0..20 {
            let word = words.get(below(r, words.len())).context("no words")?;
            if word.len() >= 3 {
                return Ok(word);
            }
        }
        Ok("word")
    }

    fn culture(&self, r: &mut Rand32) -> &Culture {
        let wants_english = below(r, 100) < 42;
        loop {
            let culture = &self.cultures[below(r, self.cultures.len())];
            if culture.english == wants_english {
                return culture;
            }
        }
    }

    /// One in thirty is on no list.
    fn given(&self, r: &mut Rand32) -> String {
        match below(r, 30) {
            0 => invented(r),
            _ => pick(&self.culture(r).given, r).to_owned(),
        }
    }

    fn surname(&self, r: &mut Rand32) -> String {
        match below(r, 30) {
            0 => invented(r),
            _ => pick(&self.culture(r).surnames, r).to_owned(),
        }
    }

    fn full(&self, r: &mut Rand32) -> String {
        if below(r, 30) == 0 {
            return format!("{} {}", invented(r), invented(r));
        }
        let culture = self.culture(r);
        let given = pick(&culture.given, r);
        // Now and then a name of two cultures.
        let surname = if below(r, 8) == 0 {
            self.surname(r)
        } else {
            pick(&culture.surnames, r).to_owned()
        };
        match below(r, 24) {
            0..2 => format!("{given} {}. {surname}", letter(r)),
            2 => format!("{given} {} {surname}", letter(r)),
            3 => format!("{given} {surname}-{}", pick(&culture.surnames, r)),
            4 => format!("{given} {} {surname}", pick(&culture.given, r)),
            5 => format!("{given} {surname} {}", pick(&culture.surnames, r)),
            6 => format!(
                "{given} {surname} {}",
                pick(&["Jr.", "Sr.", "III", "II"], r)
            ),
            7 => format!(
                "{given} {} {surname}",
                pick(
                    &[
                        "van", "de", "von", "al", "bin", "da", "del", "di", "van der", "O'"
                    ],
                    r
                )
            ),
            _ => format!("{given} {surname}"),
        }
    }

    fn city(&self, r: &mut Rand32) -> anyhow::Result<String> {
        let cities = &self.lists.cities;
        Ok(match below(r, 100) {
            // The list is in no order of size, so that all count alike.
            0..40 => pick(cities.get("world"), r).to_owned(),
            40..62 => self.english_city(r)?,
            62..78 => self.phrase("big city", r)?.to_owned(),
            _ => {
                let sections: Vec<_> = cities.iter().collect();
                let (_, entries) = sections
                    .get(below(r, sections.len()))
                    .context("no cities")?;
                pick(entries, r).to_owned()
            }
        })
    }

    fn english_city(&self, r: &mut Rand32) -> anyhow::Result<String> {
        let cities = self.lists.cities.get("english");
        if cities.is_empty() {
            bail!("no list of cities is called english");
        }
        Ok(pick(cities, r).to_owned())
    }

    fn startup(&self, r: &mut Rand32) -> anyhow::Result<String> {
        let (a, b) = (self.word(r)?, self.word(r)?);
        let name = match below(r, 9) {
            0..3 => capital(&format!("{a}{b}")),
            7 => invented(r),
            8 => format!(
                "{}{}",
                invented(r),
                pick(&["ix", "on", "a", "ia", "tech", "is", "ex"], r)
            ),
            3 => format!("{}{}", capital(a), capital(b)),
            4 => format!("{} {}", capital(a), capital(b)),
            5 => format!(
                "{}{}",
                capital(a),
                pick(
                    &[
                        "ly", "ify", "io", "sy", "able", "tech", "soft", "base", "lytics", "hub",
                        "ora", "ix"
                    ],
                    r
                )
            ),
            _ => capital(a),
        };
        Ok(match below(r, 4) {
            0 => format!("{name} {}", self.phrase("org suffix", r)?),
            1 if below(r, 2) == 0 => format!("{name} {}", self.phrase("org word", r)?),
            _ => name,
        })
    }

    fn firm(&self, r: &mut Rand32) -> anyhow::Result<String> {
        let surname = self.surname(r);
        Ok(match below(r, 10) {
            0 => self.partners(r),
            1 => format!("{surname} {}", self.phrase("firm partner", r)?),
            2 => format!("{surname}-{}", self.surname(r)),
            3 => format!("{surname} & {}", self.phrase("firm partner", r)?),
            4 => format!("{} {}", self.city(r)?, self.phrase("org word", r)?),
            5 => format!(
                "{} {} {}",
                capital(self.word(r)?),
                self.phrase("org word", r)?,
                self.phrase("org suffix", r)?
            ),
            6 => format!("{surname} {}", self.phrase("org word", r)?),
            7 => format!(
                "{} {}",
                self.phrase("nationality", r)?,
                self.phrase("authority", r)?
            ),
            _ => format!("{surname} {}", self.phrase("org suffix", r)?),
        })
    }

    fn partners(&self, r: &mut Rand32) -> String {
        let [a, b, c] = [(); 3].map(|()| self.surname(r));
        format!("{a}, {b} and {c}")
    }

    fn school(&self, r: &mut Rand32) -> anyhow::Result<String> {
        let name = match below(r, 3) {
            0 => self.surname(r),
            _ => self.city(r)?,
        };
        Ok(match below(r, 4) {
            0 => format!("University of {}", self.city(r)?),
            1 => format!("{name} University"),
            _ => format!("{name} {}", self.phrase("school word", r)?),
        })
    }

    fn hospital(&self, r: &mut Rand32) -> anyhow::Result<String> {
        let name = match below(r, 3) {
            0 => format!("St. {}", self.given(r)),
            1 => self.surname(r),
            _ => self.city(r)?,
        };
        Ok(format!("{name} {}", self.phrase("hospital word", r)?))
    }

    fn street_name(&self, r: &mut Rand32) -> anyhow::Result<String> {
        Ok(match below(r, 10) {
            0..3 => format!("{} {}", self.surname(r), self.phrase("street suffix", r)?),
            3 | 4 => format!(
                "{} {}",
                capital(self.phrase("street word", r)?),
                self.phrase("street suffix", r)?
            ),
            5 => format!(
                "{} {}",
                ordinal(below(r, 150) + 1),
                self.phrase("street suffix", r)?
            ),
            6 => format!("{} {}", self.phrase("street prefix", r)?, self.surname(r)),
            7 => format!(
                "{}{}",
                capital(&self.surname(r)),
                self.phrase("street ending", r)?
            ),
            _ => {
                let sections: Vec<_> = self.lists.streets.iter().collect();
                let (_, entries) = sections
                    .get(below(r, sections.len()))
                    .context("no streets")?;
                pick(entries, r).to_owned()
            }
        })
    }

    /// Street and house, in either order.
    fn street(&self, r: &mut Rand32) -> anyhow::Result<String> {
        let name = self.street_name(r)?;
        let most = if below(r, 2) == 0 { 99 } else { 9900 };
        let house = below(r, most) + 1;
        let house = match below(r, 12) {
            0 => format!("{house}{}", pick(&["a", "B", "C", "/2", "-3", "bis"], r)),
            _ => house.to_string(),
        };
        Ok(match below(r, 16) {
            0 => format!("P.O. Box {house}"),
            1 => format!("the corner of {name} and {}", self.street_name(r)?),
            2 => format!("{} and {name} {house}", self.surname(r)),
            3 => format!(
                "{house} {} {name}",
                pick(&["N.", "S", "East", "West", "NW"], r)
            ),
            4..9 => format!("{name} {house}"),
            _ => format!("{house} {name}"),
        })
    }

    fn address(&self, r: &mut Rand32) -> anyhow::Result<String> {
        let street = self.street(r)?;
        let part = pick(&[", ", ", ", ", ", " ", "\n"], r);
        let unit = if below(r, 3) == 0 {
            format!("{}{}", pick(&[" ", ", ", part], r), unit(r))
        } else {
            String::new()
        };
        Ok(match below(r, 13) {
            0..3 => format!(
                "{street}{unit}{part}{}, {} {}",
                self.english_city(r)?,
                self.phrase("state code", r)?,
                digits(5, r)
            ),
            3 => format!("{street}{unit}{part}{} {}", zip(r), self.city(r)?),
            4 => format!(
                "{street}{unit}{part}{}{part}{}",
                self.city(r)?,
                self.phrase("country", r)?
            ),
            5 => format!(
                "{street}{unit}{part}{}, {} {}",
                self.city(r)?,
                self.phrase("country", r)?,
                zip(r)
            ),
            6 => format!("{street}{unit}{part}{} {}", self.city(r)?, zip(r)),
            7 | 10 => {
                let part = pick(&["\n ", "\n ", ", ", " "], r);
                format!(
                    "{} {street}{part}{}{part}{}{part}{} {}",
                    below(r, 9900),
                    unit_of(r),
                    self.city(r)?,
                    self.phrase("country", r)?,
                    digits(5, r)
                )
            }
            8 => format!(
                "Unit {} Box {}\n{} {} {}",
                digits(4, r),
                digits(4, r),
                pick(&["DPO", "APO", "FPO"], r),
                pick(&["AP", "AE", "AA"], r),
                digits(5, r)
            ),
            9 => format!("{street}{unit}{part}{}", self.city(r)?),
            _ => format!("{street}{unit}"),
        })
    }

    fn user(&self, r: &mut Rand32) -> anyhow::Result<String> {
        let (given, surname) = (ascii(&self.given(r)), ascii(&self.surname(r)));
        let (a, b) = (self.word(r)?, self.word(r)?);
        let number = below(r, 2020);
        Ok(match below(r, 9) {
            0 => format!("{given}{number}"),
            1 => format!("{given}_{surname}"),
            2 => format!("{}{surname}", given.chars().take(1).collect::<String>()),
            3 => format!("{a}_{b}{number}"),
            4 => format!("{}{}{}", capital(a), capital(b), below(r, 99)),
            5 => format!("xX{a}{b}Xx"),
            6 => format!("{given}.{surname}{}", below(r, 99)),
            7 => format!("{a}{given}{}", below(r, 99)),
            _ => format!("the_{a}_{given}"),
        })
    }
}

fn below(r: &mut Rand32, end: usize) -> usize {
    r.rand_range(0..end.max(1) as u32) as usize
}

fn pick<'a>(entries: &[&'a str], r: &mut Rand32) -> &'a str {
    entries.get(below(r, entries.len())).copied().unwrap_or("")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// A name that nobody bears, in two or three syllables.
fn invented(r: &mut Rand32) -> String {
    const ONSETS: [&str; 40] = [
        "b", "br", "c", "ch", "d", "dr", "f", "g", "gl", "h", "j", "k", "kh", "l", "m", "n", "p",
        "ph", "qu", "r", "s", "sh", "st", "t", "th", "tr", "v", "w", "x", "y", "z", "zh", "l", "m",
        "n", "r", "s", "t", "", "",
    ];
    const VOWELS: [&str; 16] = [
        "a", "e", "i", "o", "u", "ae", "ei", "ia", "ou", "y", "a", "e", "i", "o", "au", "ie",
    ];
    const CODAS: [&str; 20] = [
        "", "", "", "", "", "", "n", "r", "l", "s", "th", "k", "m", "nd", "x", "sh", "ck", "rn",
        "v", "ss",
    ];
    let mut name = String::new();
    for _ in 0..2 + below(r, 2) {
        for part in [&ONSETS[..], &VOWELS, &CODAS] {
            name.push_str(pick(part, r));
        }
    }
    capital(&name)
}

fn invented_place(r: &mut Rand32) -> String {
    let name = invented(r);
    match below(r, 4) {
        0 => format!(
            "{name}{}",
            pick(
                &[
                    "heim", "ia", "burg", "mere", "hold", "dale", "ford", "ton", "vale", "wick"
                ],
                r
            )
        ),
        1 => format!(
            "{name} {}",
            pick(
                &[
                    "Falls", "Bay", "Valley", "Springs", "Hollow", "Keep", "Island"
                ],
                r
            )
        ),
        _ => name,
    }
}

/// A name that is written so that it does not look like one.
fn odd(given: &str, surname: &str, r: &mut Rand32) -> String {
    let spaced = |name: &str, between: &str| {
        let letters: Vec<String> = name.chars().map(String::from).collect();
        letters.join(between)
    };
    match below(r, 7) {
        0 => spaced(&given.to_uppercase(), " "),
        1 => spaced(given, "-"),
        2 => spaced(given, "."),
        3 => {
            let digit = |c: char| match c {
                'a' => '4',
                'e' => '3',
                'i' => '1',
                'o' => '0',
                _ => c,
            };
            let name = format!("{given} {surname}");
            name.chars().map(digit).collect()
        }
        4 => format!("{given}{surname}"),
        5 => format!("{}_{}", given.to_lowercase(), surname.to_lowercase()),
        _ => given
            .chars()
            .enumerate()
            .map(|(at, c)| {
                if at % 2 == 1 {
                    c.to_uppercase().next().unwrap_or(c)
                } else {
                    c
                }
            })
            .collect(),
    }
}

/// Lower case, the ASCII letters alone; `x` if there are none.
fn ascii(text: &str) -> String {
    let text: String = text
        .to_lowercase()
        .chars()
        .filter(char::is_ascii_lowercase)
        .collect();
    if text.is_empty() {
        "x".to_owned()
    } else {
        text
    }
}

fn digits(count: usize, r: &mut Rand32) -> String {
    (0..count)
        .map(|_| char::from(b'0' + below(r, 10) as u8))
        .collect()
}

fn letters(count: usize, r: &mut Rand32) -> String {
    (0..count).map(|_| letter(r)).collect()
}

fn letter(r: &mut Rand32) -> char {
    char::from(b'A' + below(r, 26) as u8)
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (1, other) if other != 11 => "st",
        (2, other) if other != 12 => "nd",
        (3, other) if other != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn unit_of(r: &mut Rand32) -> String {
    format!("{} {}", pick(&["Apt.", "Suite"], r), digits(3, r))
}

fn unit(r: &mut Rand32) -> String {
    let number = match below(r, 4) {
        0 => format!("{}{}", below(r, 30) + 1, letter(r)),
        1 => digits(3, r),
        _ => (1 + below(r, 999)).to_string(),
    };
    let word = pick(
        &[
            "Apt.",
            "Apt",
            "Suite",
            "Suite",
            "Unit",
            "Flat",
            "Apartment",
            "#",
            "Floor",
            "Room",
        ],
        r,
    );
    if word == "#" {
        format!("#{number}")
    } else {
        format!("{word} {number}")
    }
}

fn zip(r: &mut Rand32) -> String {
    match below(r, 14) {
        0 => format!(
            "{}{} {}{}",
            letters(2, r),
            below(r, 30) + 1,
            below(r, 9) + 1,
            letters(2, r)
        ),
        1 => format!(
            "{}{}{} {}{}{}",
            letter(r),
            below(r, 10),
            letter(r),
            below(r, 10),
            letter(r),
            below(r, 10)
        ),
        2 => format!("{}-{}", digits(5, r), digits(4, r)),
        3 => format!("{} {}", digits(4, r), letters(2, r)),
        4 => format!("{} {}", digits(3, r), digits(2, r)),
        5 => format!("{}-{}", digits(5, r), digits(3, r)),
        6 | 7 => digits(4, r),
        8 => digits(6, r),
        9 => digits(3, r),
        _ => digits(5, r),
    }
}

fn date(r: &mut Rand32, from: usize, to: usize) -> String {
    let (year, month, day) = (from + below(r, to - from), below(r, 12), below(r, 28) + 1);
    match below(r, 9) {
        0 => format!("{year}-{:02}-{day:02}", month + 1),
        1 => format!("{:02}/{day:02}/{year}", month + 1),
        2 => format!("{day:02}.{:02}.{year}", month + 1),
        3 => format!("{} {day}, {year}", MONTHS[month]),
        4 => format!("{day} {} {year}", MONTHS[month]),
        5 => format!("{day} {} {year}", &MONTHS[month][..3]),
        6 => format!("{} {}, {year}", MONTHS[month], ordinal(day)),
        7 => format!("{}/{day}/{:02}", month + 1, year % 100),
        _ => format!("{} {year}", MONTHS[month]),
    }
}

fn phone(r: &mut Rand32) -> String {
    match below(r, 14) {
        0 => format!(
            "{} {} {} {}",
            digits(4, r),
            digits(2, r),
            digits(2, r),
            digits(2, r)
        ),
        1 => format!("({}) {}-{}", digits(2, r), digits(3, r), digits(3, r)),
        2 => format!("({}) {}-{}", digits(3, r), digits(3, r), digits(4, r)),
        3 => format!(
            "{}.{}.{}x{}",
            digits(3, r),
            digits(3, r),
            digits(4, r),
            digits(4, r)
        ),
        4 => format!("{}-{}-{}", digits(3, r), digits(3, r), digits(4, r)),
        5 => format!(
            "+1-{}-{}-{}x{}",
            digits(3, r),
            digits(3, r),
            digits(4, r),
            digits(3, r)
        ),
        6 => format!(
            "+{} {} {} {}",
            below(r, 90) + 10,
            digits(3, r),
            digits(3, r),
            digits(3, r)
        ),
        7 => format!("{} {}", digits(2, r), digits(6, r)),
        8 => format!("0{}", digits(9, r)),
        9 => format!("{} {}", digits(4, r), digits(4, r)),
        10 => format!("({}) {}-{}", digits(2, r), digits(4, r), digits(4, r)),
        11 => format!("0{}-{}", digits(1, r), digits(8, r)),
        12 => format!("0{} {} {}", digits(4, r), digits(3, r), digits(3, r)),
        _ => digits(10, r),
    }
}

/// With a valid check digit, mostly.
fn card(r: &mut Rand32) -> String {
    let length = [15, 16, 16, 16, 19][below(r, 5)] - 1;
    let body = format!("4{}", digits(length - 1, r));
    let sum: usize = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = usize::from(byte - b'0');
            if place % 2 == 0 {
                digit * 2 / 10 + digit * 2 % 10
            } else {
                digit
            }
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn number_of_something(r: &mut Rand32) -> String {
    match below(r, 8) {
        0 => format!("{}{}", letter(r), digits(8, r)),
        1 => format!("{}{}", letters(2, r), digits(7, r)),
        2 => format!("{}-{}-{}", digits(4, r), digits(2, r), digits(4, r)),
        3 => digits(9, r),
        4 => format!("{}-{}", letters(3, r), digits(5, r)),
        5 => format!("{}{}{}", letter(r), digits(6, r), letter(r)),
        6 => format!("{}{}", letter(r), digits(12, r)),
        _ => digits(7, r),
    }
}
