//! Reads amounts of money, and writes others in the same way.
//!
//! | written | |
//! | --- | --- |
//! | `$1,200` `1.200,50 EUR` `£3k` `USD 20` `€2.5 million` | certain |
//! | `$1.234` `-$5` `$5ish` | uncertain: decimals or groups, a sign, something else |

use std::ops::Range;

use super::scan::{Scan, Start, Stop};

/// An amount as it is written. Ranges and lengths in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) currency: Currency,
    /// Hundredths of the currency, as all here.
    pub(crate) value: i64,
    /// The last digit's worth.
    pub(crate) step: i64,
    pub(crate) length: usize,
    number: Range<usize>,
    decimals: usize,
    point: char,
    /// Between thousands.
    group: Option<char>,
}

/// A currency's symbol.
pub(crate) type Currency = &'static str;

/// What stands before or after a number; the longer of two that begin alike first.
const MARKS: [(&str, Currency); 15] = [
    ("$", "$"),
    ("US$", "$"),
    ("USD", "$"),
    ("dollars", "$"),
    ("dollar", "$"),
    ("€", "€"),
    ("EUR", "€"),
    ("euros", "€"),
    ("euro", "€"),
    ("£", "£"),
    ("GBP", "£"),
    ("CHF", "CHF"),
    ("¥", "¥"),
    ("JPY", "¥"),
    ("₹", "₹"),
];
/// After a number.
const MULTIPLES: [(&str, i64); 8] = [
    (" thousand", 1_000),
    (" million", 1_000_000),
    (" billion", 1_000_000_000),
    ("bn", 1_000_000_000),
    ("k", 1_000),
    ("m", 1_000_000),
    ("b", 1_000_000_000),
    ("", 1),
];
/// More digits are no amount.
const MOST_DIGITS: usize = 13;

/// Reads an amount at the start of `text`, which stands after the character `before`. `ends` says that nothing comes
/// after the text; then it is never [`Start::Partial`].
pub(crate) fn read(text: &str, before: Option<char>, ends: bool) -> Start<Amount> {
    let inside = |c: char| c.is_alphanumeric() || "_.,/\\+#%$€£¥₹".contains(c);
    if before.is_some_and(inside) {
        return Start::Other;
    }
    let scan = Scan { text, at: 0, ends };
    scan.amount().into()
}

/// The amount that a text is.
pub(crate) fn whole(text: &str) -> Option<Amount> {
    match read(text, None, true) {
        Start::Certain(amount) if amount.length == text.len() => Some(amount),
        _ => None,
    }
}

/// Another amount, written as `amount` is in `text`; nothing if it cannot be.
pub(crate) fn rewrite(text: &str, amount: &Amount, value: i64) -> Option<String> {
    if value < 0 || value % amount.step != 0 {
        return None;
    }
    let digits = format!("{:0>1$}", value / amount.step, amount.decimals + 1);
    let (whole, decimals) = digits.split_at(digits.len() - amount.decimals);
    let mut written = text[..amount.number.start].to_owned();
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            written.extend(amount.group);
        }
        written.push(digit);
    }
    if !decimals.is_empty() {
        written.push(amount.point);
        written.push_str(decimals);
    }
    written.push_str(&text[amount.number.end..amount.length]);
    Some(written)
}

/// `thousands of $`
pub(super) fn magnitude(text: &str) -> Option<String> {
    const SCALES: [&str; 5] = ["", "thousands", "millions", "billions", "trillions"];
    let amount = whole(text)?;
    let digits = (amount.value / 100).max(1).ilog10() as usize;
    let scale = SCALES.get(digits / 3)?;
    let tens = ["", "tens", "hundreds"][digits % 3];
    let words = match (tens, *scale) {
        ("", "") => "less than ten",
        ("", scale) => return Some(format!("{scale} of {}", amount.currency)),
        (tens, "") => tens,
        (tens, scale) => return Some(format!("{tens} of {scale} of {}", amount.currency)),
    };
    Some(format!("{words} of {}", amount.currency))
}

impl Scan<'_> {
    fn amount(mut self) -> Result<Start<Amount>, Stop> {
        let signed = matches!(self.peek()?, '-' | '−');
        if signed {
            self.at += self.peek()?.len_utf8();
        }
        let before = self.mark()?;
        if before.is_some() {
            self.space()?;
        }
        let number = self.number()?;
        let (multiple, odd) = self.multiple()?;
        let mark = match before {
            Some(before) => before,
            None => {
                self.space()?;
                self.mark()?.ok_or(Stop::Other)?
            }
        };
        if before.is_none() {
            let next = self.peek()?;
            // `3 €5`
            if next.is_alphanumeric() || next == '_' {
                return Err(Stop::Other);
            }
        }
        let raw = &self.text[number.clone()];
        let read = (!signed && !odd).then(|| separators(raw, mark)).flatten();
        let amount = read.and_then(|(decimals, point, group)| {
            let digits: String = raw.chars().filter(char::is_ascii_digit).collect();
            let units = 10_i64.pow(decimals as u32);
            let step = multiple.checked_mul(100)? / units;
            // Not less than a hundredth.
            if step * units != multiple * 100 {
                return None;
            }
            Some(Amount {
                currency: mark,
                value: digits.parse::<i64>().ok()?.checked_mul(step)?,
                step,
                length: self.at,
                number,
                decimals,
                point,
                group,
            })
        });
        Ok(amount.map_or(Start::Uncertain(self.at), Start::Certain))
    }

    fn mark(&mut self) -> Result<Option<Currency>, Stop> {
        for (mark, currency) in MARKS {
            if self.takes(mark)? {
                return Ok(Some(currency));
            }
        }
        Ok(None)
    }

    /// Digits, with points or commas between them.
    fn number(&mut self) -> Result<Range<usize>, Stop> {
        let start = self.at;
        loop {
            let next = self.peek()?;
            let separates =
                matches!(next, '.' | ',') && self.at > start && self.second()?.is_ascii_digit();
            if !next.is_ascii_digit() && !separates {
                break;
            }
            self.at += 1;
            if self.at - start > MOST_DIGITS + 4 {
                return Err(Stop::Other);
            }
        }
        if self.at == start {
            return Err(Stop::Other);
        }
        Ok(start..self.at)
    }

    /// What the number is multiplied by, and whether something else follows it.
    fn multiple(&mut self) -> Result<(i64, bool), Stop> {
        let start = self.at;
        for (word, multiple) in MULTIPLES {
            if self.takes(word)? {
                let next = self.peek()?;
                if !next.is_alphanumeric() && next != '_' {
                    return Ok((multiple, false));
                }
                self.at = start;
            }
        }
        // `5USD`, or nothing that we know.
        let mut ahead = *self;
        Ok((1, ahead.mark()?.is_none()))
    }

    fn space(&mut self) -> Result<(), Stop> {
        let next = self.peek()?;
        if matches!(next, ' ' | '\u{a0}') {
            self.at += next.len_utf8();
        }
        Ok(())
    }

    /// Whether this stands here, in whatever case; then it is read.
    fn takes(&mut self, word: &str) -> Result<bool, Stop> {
        let rest = &self.text[self.at..];
        let head = rest.get(..word.len());
        if head.is_some_and(|head| head.eq_ignore_ascii_case(word)) {
            self.at += word.len();
            return Ok(true);
        }
        let begins = word.get(..rest.len());
        if !self.ends && begins.is_some_and(|begins| begins.eq_ignore_ascii_case(rest)) {
            return Err(Stop::Partial);
        }
        Ok(false)
    }
}

/// How many decimals a number has, what stands before them, and what between thousands. Nothing where that is not
/// certain.
fn separators(number: &str, currency: Currency) -> Option<(usize, char, Option<char>)> {
    let is_separator = |c: char| !c.is_ascii_digit();
    let Some(last) = number.rfind(is_separator) else {
        let group = (number.len() < 4).then_some(',');
        return Some((0, '.', group));
    };
    let after = number.len() - last - 1;
    let other = |c: char| if c == ',' { '.' } else { ',' };
    let separator = if number[last..].starts_with(',') {
        ','
    } else {
        '.'
    };
    let whole = &number[..last];
    let groups = |text: &str, group: char| {
        let mut parts = text.split(group);
        let first = parts.next().unwrap_or_default();
        (1..=3).contains(&first.len())
            && !first.contains(is_separator)
            && parts.all(|part| part.len() == 3 && !part.contains(is_separator))
    };
    if after <= 2 {
        // Decimals.
        let group = other(separator);
        if !whole.contains(is_separator) {
            return Some((after, separator, (whole.len() < 4).then_some(group)));
        }
        return groups(whole, group).then_some((after, separator, Some(group)));
    }
    // `$1.234` may be a price with three decimals.
    let clear = separator == ',' || whole.contains('.') || matches!(currency, "€" | "CHF");
    (clear && groups(number, separator) && !number.starts_with('0')).then_some((
        0,
        other(separator),
        Some(separator),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn plus(text: &str, hundredths: i64) -> String {
        match read(text, None, true) {
            Start::Certain(amount) => {
                rewrite(text, &amount, amount.value + hundredths).unwrap() + &text[amount.length..]
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn another_amount_is_written_in_the_same_way() {
        for (text, more) in [
            ("$1,200", "$2,200"),
            ("$1,200.50.", "$2,200.50."),
            ("$200", "$1,200"),
            ("$1200, and", "$2200, and"),
            ("1.200,50 EUR", "2.200,50 EUR"),
            ("1.200 €", "2.200 €"),
            ("£3k", "£4k"),
            ("£3.5k", "£4.5k"),
            ("usd 20", "usd 1,020"),
            ("0,05 €", "1.000,05 €"),
            ("5USD", "1,005USD"),
            ("$2 thousand", "$3 thousand"),
            ("999,999 dollars", "1,000,999 dollars"),
        ] {
            assert_eq!(plus(text, 100_000), more);
            assert_eq!(plus(more, -100_000), text);
        }
        let text = "£3k";
        let amount = whole(text).unwrap();
        assert_eq!(rewrite(text, &amount, 350_000), None);
        assert_eq!(rewrite(text, &amount, -100_000), None);
    }

    #[test]
    fn says_what_it_cannot_tell() {
        for (text, length) in [
            ("$1.234", 6),
            ("-$5", 3),
            ("−5 €", 8),
            ("$5ish", 2),
            ("$1,23,456", 9),
            ("$1.2.3", 6),
        ] {
            assert_eq!(read(text, None, true), Start::Uncertain(length), "{text}");
        }
        for text in [
            "5",
            "5 apples",
            "$",
            "$x",
            "5 €5",
            "$99999999999999999999",
            "",
        ] {
            assert_eq!(read(text, None, true), Start::Other, "{text}");
        }
        assert_eq!(read("$5", Some('5'), true), Start::Other);
    }

    #[test]
    fn every_prefix_may_become_one_and_no_more_is_held_back() {
        for text in ["$1,200.50 ", "1.200,50 dollars ", "US$ 2 million ", "€5 "] {
            for end in 0..text.len() - 1 {
                if text.is_char_boundary(end) {
                    assert_eq!(read(&text[..end], None, false), Start::Partial, "{text}");
                }
            }
        }
        for text in ["5 a", "5. ", "Uh", "x"] {
            assert_eq!(read(text, None, false), Start::Other, "{text}");
        }
    }

    #[test]
    fn magnitudes_are_told_in_words() {
        for (text, expected) in [
            ("$5", "less than ten of $"),
            ("$1,200", "thousands of $"),
            ("85.000 EUR", "tens of thousands of €"),
            ("£3.5m", "millions of £"),
            ("$120", "hundreds of $"),
        ] {
            assert_eq!(magnitude(text).as_deref(), Some(expected));
        }
        assert_eq!(magnitude("$1.234"), None);
    }
}
