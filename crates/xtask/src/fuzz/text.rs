//! Texts of what the recognizers look for, tangled up.

use oorandom::Rand64;

/// Values that are found, halves of such, what stands around them, and what breaks careless code: characters of
/// one to four bytes, marks that combine, right to left, no width, letters whose other case is longer. Keys are
/// cut in two, so that scanners of source code do not take them for real.
const FRAGMENTS: [&str; 96] = [
    "ada@example.com",
    "o'brien@müller.example",
    "@",
    "a@b",
    "x..y@example.org",
    "(415) 555-0132",
    "+49 30 901820",
    "+1",
    "phone ",
    "Tel: ",
    "4111 1111 1111 1111",
    "3782 822463 10005",
    "4111-1111",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "IBAN ",
    "DE89",
    "536-90-4399",
    "SSN ",
    "000-12-3456",
    "203.0.113.7",
    "2001:db8::8a2e:370:7334",
    "::",
    "1.2.3.",
    "https://ada:hunter2@example.com/path?q=1",
    "https://example.com/[EMAIL_1]",
    "://",
    "sk-",
    concat!("ghp", "_0123456789abcdefghijABCDEFGHIJ012345"),
    concat!("eyJ", "hbGciOiJIUzI1NiJ9."),
    "password: hunter22",
    "api_key=",
    "Bearer ",
    concat!("-----BEGIN RSA ", "PRIVATE KEY-----"),
    concat!("-----END RSA ", "PRIVATE KEY-----"),
    "MIIBVgIBADANBg",
    "[EMAIL_1]",
    "[email\\_2]",
    "[PHONE_",
    "[IP_ADDRESS_1",
    "[CARD_999999]",
    "[",
    "]",
    "Ada Lovelace",
    "ada lovelace",
    "Dr. ",
    "Mr and Mrs ",
    "Rachel",
    "Ms Zheng",
    "Nguyễn Thị Minh Khai",
    "María-José",
    "O’Connor",
    "Sergeant",
    "10 Downing Street, London SW1A 2AA",
    "1600 Main St Apt 4B",
    "Springfield, IL 62704",
    "born on ",
    "1990-02-29",
    "12/31/1999",
    "5th of May",
    "aged 42",
    "42",
    "123-45-6789",
    "AB 12 34 56 C",
    "1234567890",
    "00000000000000000000",
    "passport C01X00T47",
    "1G1YY25R9Y5",
    "00:1B:44:11:3A:B7",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "52.5200, 13.4050",
    "GmbH",
    "University of ",
    "\n",
    "\r\n",
    "\t",
    " ",
    " ",
    ", ",
    ". ",
    ": ",
    "-",
    "_",
    "'",
    "\"",
    "é",
    "ß",
    "İ",
    "🦀",
    "👩‍👩‍👧",
    "e\u{301}",
    "\u{202e}",
    "\u{200b}",
    "\u{a0}",
    "\0",
];

/// What repeating makes of a text, in bytes.
const LONGEST: usize = 600;

/// Mostly a line, seldom some thousand characters: most mistakes need few, and short texts are quick.
pub(super) fn text(random: &mut Rand64) -> String {
    let parts = match below(random, 1000) {
        0 => below(random, 1000),
        1..30 => below(random, 60),
        _ => below(random, 9),
    };
    let mut text = String::new();
    for _ in 0..parts {
        match below(random, 12) {
            0 => text.push(character(random)),
            1 => digits(random, &mut text),
            2 => text.push(' '),
            _ => text.push_str(FRAGMENTS[below(random, FRAGMENTS.len())]),
        }
    }
    for _ in 0..below(random, 5) {
        text = mutated(&text, random);
    }
    text
}

/// Less than `limit`, which is not 0.
pub(super) fn below(random: &mut Rand64, limit: usize) -> usize {
    random.rand_range(0..limit as u64) as usize
}

/// A place between two characters.
pub(super) fn boundary(text: &str, random: &mut Rand64) -> usize {
    text.floor_char_boundary(below(random, text.len() + 1))
}

fn character(random: &mut Rand64) -> char {
    let highest = [0x80, 0x250, 0x3000, 0x11_0000][below(random, 4)];
    // A surrogate is no character.
    char::from_u32(below(random, highest) as u32).unwrap_or('\u{fffd}')
}

fn digits(random: &mut Rand64, text: &mut String) {
    for _ in 0..=below(random, 20) {
        text.push(char::from(b'0' + below(random, 10) as u8));
        if below(random, 6) == 0 {
            text.push(['-', ' ', '.', '/'][below(random, 4)]);
        }
    }
}

fn mutated(text: &str, random: &mut Rand64) -> String {
    let (a, b) = (boundary(text, random), boundary(text, random));
    let (start, end) = (a.min(b), a.max(b));
    let (before, piece, after) = (&text[..start], &text[start..end], &text[end..]);
    match below(random, 8) {
        0 => format!("{before}{after}"),
        1 => format!("{before}{piece}{piece}{after}"),
        2 => format!("{before}{}{after}", piece.to_uppercase()),
        3 => format!("{before}{}{after}", piece.to_lowercase()),
        4 => format!("{before}{}{piece}{after}", character(random)),
        5 => format!("{after}{piece}{before}"),
        6 => {
            let reversed: String = piece.chars().rev().collect();
            format!("{before}{reversed}{after}")
        }
        _ => {
            let times = (LONGEST / text.len().max(1)).min(below(random, 40));
            format!("{before}{}{after}", piece.repeat(times))
        }
    }
}
