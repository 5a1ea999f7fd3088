//! Reads dates whose day, month and year are certain, and writes other dates in the same way.
//!
//! | written | |
//! | --- | --- |
//! | `2024-03-04` `2024/03/04` `04.03.2024` `4 March 2024` `4th of Mar, 2024` `March 4, 2024` `4. März 2024` `14/3/2024` | certain |
//! | `3/4/2024` | certain if another date of the conversation shows which comes first, the day or the month |
//! | `3/4/24` `4 March` `March 2024` | uncertain |

use std::ops::Range;

use super::scan::{Scan, Start, Stop};

/// A date as it is written. Ranges and lengths in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Date {
    /// Since 1970-01-01.
    pub(crate) days: i32,
    pub(crate) length: usize,
    day: Range<usize>,
    /// `th`, `.`; may be empty.
    ordinal: Range<usize>,
    month: Range<usize>,
    year: Range<usize>,
    style: Style,
    /// `04`
    padded: bool,
}

/// How the month is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Number,
    Word { german: bool, short: bool },
}

/// Which comes first where two numbers are before the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    DayFirst,
    MonthFirst,
}
use Order::{DayFirst, MonthFirst};

const ENGLISH: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const GERMAN: [&str; 12] = [
    "januar",
    "februar",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
];
const ORDINALS: [&str; 4] = ["st", "nd", "rd", "th"];

/// Reads a date at the start of `text`, which stands after the character `before`. `ends` says that nothing comes
/// after the text; then it is never [`Start::Partial`].
pub(crate) fn read(
    text: &str,
    before: Option<char>,
    order: Option<Order>,
    ends: bool,
) -> Start<Date> {
    // A part of a word, a path, a version, a price.
    let inside = |c: char| c.is_alphanumeric() || "_-/.+#$€£\\".contains(c);
    if before.is_some_and(inside) {
        return Start::Other;
    }
    let scan = Scan { text, at: 0, ends };
    match text.bytes().next() {
        Some(b'0'..=b'9') => scan.number_first(order).into(),
        Some(b'a'..=b'z' | b'A'..=b'Z') => scan.month_first().into(),
        _ => Start::Other,
    }
}

/// The date that a text is, with or without a time after it.
pub(crate) fn whole(text: &str, order: Option<Order>) -> Option<Date> {
    let Start::Certain(date) = read(text, None, order, true) else {
        return None;
    };
    let time = &text[date.length..];
    let is_time = time.is_empty()
        || time.strip_prefix(['T', ' ']).is_some_and(|time| {
            time.chars()
                .all(|c| c.is_ascii_digit() || ":.+-Z".contains(c))
        });
    is_time.then_some(date)
}

/// Which comes first in `13/4/2024`; nothing where both may.
pub(crate) fn order_of(text: &str) -> Option<Order> {
    let Start::Certain(date) = read(text, None, None, true) else {
        return None;
    };
    let slashed = date.style == Style::Number
        && date.year.start > 0
        && matches!(text.as_bytes()[date.year.start - 1], b'/' | b'-');
    slashed.then_some(if date.day.start == 0 {
        DayFirst
    } else {
        MonthFirst
    })
}

/// Another day, written as `date` is in `text`.
pub(crate) fn rewrite(text: &str, date: &Date, days: i32) -> String {
    let (year, month, day) = civil(days);
    let number = |value: u32| match date.padded {
        true => format!("{value:02}"),
        false => value.to_string(),
    };
    let month_text = match date.style {
        Style::Number => number(month),
        Style::Word { german, short } => {
            let name = if german { GERMAN } else { ENGLISH }[month as usize - 1];
            let name = if short { &name[..3] } else { name };
            as_cased(name, &text[date.month.clone()])
        }
    };
    let old = &text[date.ordinal.clone()];
    let ordinal = match old {
        "" | "." => old.to_owned(),
        _ => as_cased(ordinal(day), old),
    };
    let mut parts = [
        (&date.day, number(day)),
        (&date.ordinal, ordinal),
        (&date.month, month_text),
        (&date.year, format!("{year:04}")),
    ];
    parts.sort_by_key(|(range, _)| (range.start, range.end));
    let mut written = String::with_capacity(date.length + 8);
    let mut end = 0;
    for (range, part) in parts {
        written.push_str(&text[end..range.start]);
        written.push_str(&part);
        end = range.end;
    }
    written.push_str(&text[end..date.length]);
    written
}

/// `May 2024`
pub(crate) fn month_and_year(days: i32) -> String {
    let (year, month, _) = civil(days);
    format!("{} {year}", as_cased(ENGLISH[month as usize - 1], "Aa"))
}

/// A word in lower case as `model` is written: in upper case, with a capital, or so.
pub(super) fn as_cased(word: &str, model: &str) -> String {
    let mut letters = model.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_uppercase() => {
            word.to_uppercase()
        }
        (Some(first), _) if first.is_uppercase() => {
            let mut letters = word.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            first.chain(letters).collect()
        }
        _ => word.to_owned(),
    }
}

fn ordinal(day: u32) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    }
}

/// Days since 1970-01-01, if there is such a day.
/// <https://howardhinnant.github.io/date_algorithms.html>
fn days(year: u32, month: u32, day: u32) -> Option<i32> {
    if !(1880..=2199).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let year = year as i32 - i32::from(month <= 2);
    let (era, month_of_era) = (year / 400, (month as i32 + 9) % 12);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * month_of_era + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    // The 30th of February is another day.
    (civil(days).2 == day).then_some(days)
}

/// Year, month and day.
fn civil(days: i32) -> (i32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_of_era = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_of_era + 2) / 5 + 1) as u32;
    let month = (if month_of_era < 10 {
        month_of_era + 3
    } else {
        month_of_era - 9
    }) as u32;
    (year_of_era + era * 400 + i32::from(month <= 2), month, day)
}

impl Scan<'_> {
    /// `2024-03-04`, `04.03.2024`, `4 March 2024`.
    fn number_first(mut self, order: Option<Order>) -> Result<Start<Date>, Stop> {
        let (first, first_range) = self.digits(4)?;
        let separator = self.peek()?;
        if !matches!(separator, '-' | '/' | '.') || !self.second()?.is_ascii_digit() {
            return self.day_first(first, first_range);
        }
        self.at += 1;
        let (second, second_range) = self.digits(2)?;
        if self.peek()? != separator {
            return Err(Stop::Other);
        }
        self.at += 1;
        let (third, third_range) = self.digits(4)?;
        let two = first_range.len() <= 2;
        let (year, year_range) = match (two, third_range.len()) {
            (false, 1 | 2) if first_range.len() == 4 && separator != '.' => {
                (first, first_range.clone())
            }
            (true, 4) => (third, third_range.clone()),
            (true, 2) => return self.uncertain(),
            _ => return Err(Stop::Other),
        };
        let (month, day) = if two {
            let order = match (first > 12, second > 12) {
                _ if separator == '.' => Some(DayFirst),
                (true, _) => Some(DayFirst),
                (_, true) => Some(MonthFirst),
                _ => order,
            };
            match order {
                Some(DayFirst) => ((second, second_range), (first, first_range)),
                Some(MonthFirst) => ((first, first_range), (second, second_range)),
                None => return self.uncertain(),
            }
        } else {
            ((second, second_range), (third, third_range))
        };
        let zero = |range: &Range<usize>| self.text.as_bytes()[range.start] == b'0';
        let padded = zero(&month.1) || zero(&day.1) || month.1.len() + day.1.len() == 4;
        let days = days(year, month.0, day.0).ok_or(Stop::Other)?;
        // With a time.
        let before_time = !two && self.peek()? == 'T' && self.second()?.is_ascii_digit();
        if !before_time {
            self.at_end()?;
        }
        Ok(Start::Certain(Date {
            days,
            length: self.at,
            ordinal: day.1.end..day.1.end,
            day: day.1,
            month: month.1,
            year: year_range,
            style: Style::Number,
            padded,
        }))
    }

    /// `4 March 2024`, after the day.
    fn day_first(mut self, day: u32, day_range: Range<usize>) -> Result<Start<Date>, Stop> {
        if day_range.len() > 2 {
            return Err(Stop::Other);
        }
        let ordinal = self.ordinal(true)?;
        self.joint(&[" ", "-", "\u{a0}"])?.ok_or(Stop::Other)?;
        self.joint(&["of "])?;
        let dotted = &self.text[ordinal.clone()] == ".";
        let month = self.month(dotted)?;
        let end = self.at;
        if self.peek()? == '.' && self.second()? == ' ' {
            self.at += 1;
        }
        let year = self.year(&[", ", " ", "-", "\u{a0}"])?;
        self.named(end, (day, day_range), ordinal, month, year)
    }

    /// `March 4, 2024`
    fn month_first(mut self) -> Result<Start<Date>, Stop> {
        let month = self.month(false)?;
        if self.peek()? == '.' {
            self.at += 1;
        }
        self.joint(&[" ", "-", "\u{a0}"])?.ok_or(Stop::Other)?;
        if !self.peek()?.is_ascii_digit() {
            return Err(Stop::Other);
        }
        let (day, day_range) = self.digits(4)?;
        if day_range.len() > 2 {
            // A month and a year.
            return self.uncertain();
        }
        let ordinal = self.ordinal(false)?;
        let end = self.at;
        let year = self.year(&[", ", ",", " ", "-", "\u{a0}"])?;
        self.named(end, (day, day_range), ordinal, month, year)
    }

    /// With a month's name. Without a year, `end` is where the date ends.
    fn named(
        mut self,
        end: usize,
        (day, day_range): (u32, Range<usize>),
        ordinal: Range<usize>,
        (month, month_range, style): (u32, Range<usize>, Style),
        year: Option<(u32, Range<usize>)>,
    ) -> Result<Start<Date>, Stop> {
        let Some((year, year_range)) = year else {
            self.at = end;
            return self.uncertain();
        };
        let days = days(year, month, day).ok_or(Stop::Other)?;
        self.at_end()?;
        Ok(Start::Certain(Date {
            days,
            length: self.at,
            padded: self.text.as_bytes()[day_range.start] == b'0',
            day: day_range,
            ordinal,
            month: month_range,
            year: year_range,
            style,
        }))
    }

    fn uncertain(self) -> Result<Start<Date>, Stop> {
        self.at_end()?;
        Ok(Start::Uncertain(self.at))
    }

    /// The date does not run on: `2024-03-04-17`, `March 4, 2024a`.
    fn at_end(&self) -> Result<(), Stop> {
        let next = self.peek()?;
        let runs_on = next.is_alphanumeric()
            || matches!(next, '_' | '%')
            || (matches!(next, '.' | '-' | '/' | ':' | ',') && self.second()?.is_ascii_digit());
        if runs_on { Err(Stop::Other) } else { Ok(()) }
    }

    /// `st`, `nd`, `rd`, `th`, and `.` if dots may be; or nothing.
    fn ordinal(&mut self, dots: bool) -> Result<Range<usize>, Stop> {
        let start = self.at;
        let first = self.peek()?;
        if dots && first == '.' {
            self.at += 1;
        } else if first.is_ascii_alphabetic() {
            self.second()?;
            let ending = self.text.get(start..start + 2).unwrap_or_default();
            if !ORDINALS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(ending))
            {
                return Err(Stop::Other);
            }
            self.at += 2;
        }
        Ok(start..self.at)
    }

    /// A month's name, from 1.
    fn month(&mut self, dotted: bool) -> Result<(u32, Range<usize>, Style), Stop> {
        let start = self.at;
        let mut letters = 0;
        while self.peek()?.is_alphabetic() {
            letters += 1;
            self.at += self.peek()?.len_utf8();
            let so_far = self.text[start..self.at].to_lowercase();
            let mut names = ENGLISH.iter().chain(&GERMAN);
            if !names.any(|name| name.starts_with(&so_far)) {
                return Err(Stop::Other);
            }
        }
        let raw = &self.text[start..self.at];
        let word = raw.to_lowercase();
        let position = |names: [&str; 12]| names.iter().position(|name| *name == word);
        let found = match (position(ENGLISH), position(GERMAN)) {
            (Some(month), Some(_)) => Some((month, dotted, false)),
            (Some(month), None) => Some((month, false, false)),
            (None, Some(month)) => Some((month, true, false)),
            (None, None) if letters == 3 => {
                let month = ENGLISH.iter().position(|name| name.starts_with(&word));
                month.map(|month| (month, false, true))
            }
            _ => None,
        };
        let (month, german, short) = found.ok_or(Stop::Other)?;
        // `may 3 of them`, `march 3 miles`: only the capital tells.
        let is_verb = matches!(word.as_str(), "may" | "march" | "mar");
        if is_verb && !raw.starts_with(char::is_uppercase) {
            return Err(Stop::Other);
        }
        Ok((
            month as u32 + 1,
            start..self.at,
            Style::Word { german, short },
        ))
    }

    /// Four digits after one of these.
    fn year(&mut self, joints: &[&str]) -> Result<Option<(u32, Range<usize>)>, Stop> {
        if self.joint(joints)?.is_none() || !self.peek()?.is_ascii_digit() {
            return Ok(None);
        }
        let (year, range) = self.digits(4)?;
        Ok((range.len() == 4).then_some((year, range)))
    }

    /// One to `most` digits, and no more.
    fn digits(&mut self, most: usize) -> Result<(u32, Range<usize>), Stop> {
        let start = self.at;
        let mut value = 0;
        while let Some(digit) = self.peek()?.to_digit(10) {
            if self.at - start == most {
                return Err(Stop::Other);
            }
            value = value * 10 + digit;
            self.at += 1;
        }
        if self.at == start {
            return Err(Stop::Other);
        }
        Ok((value, start..self.at))
    }

    /// The first of these that stands here.
    fn joint(&mut self, joints: &[&str]) -> Result<Option<()>, Stop> {
        let rest = &self.text[self.at..];
        for joint in joints {
            if rest.starts_with(joint) {
                self.at += joint.len();
                return Ok(Some(()));
            }
            if !self.ends && joint.starts_with(rest) {
                return Err(Stop::Partial);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn moved(text: &str, by: i32) -> String {
        match read(text, None, None, true) {
            Start::Certain(date) => rewrite(text, &date, date.days + by) + &text[date.length..],
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn another_day_is_written_in_the_same_way() {
        for (text, later) in [
            ("2024-03-04", "2024-04-03"),
            ("2024-3-4", "2024-4-3"),
            ("2024/12/04", "2025/01/03"),
            ("2024-03-04T12:00Z", "2024-04-03T12:00Z"),
            ("04.03.2024", "03.04.2024"),
            ("4.3.2024.", "3.4.2024."),
            ("14/3/2024", "13/4/2024"),
            ("3/14/2024", "4/13/2024"),
            ("12/25/2023", "01/24/2024"),
            ("4 March 2024", "3 April 2024"),
            ("04 MARCH 2024", "03 APRIL 2024"),
            ("4th of March, 2024", "3rd of April, 2024"),
            ("1st March 2024", "31st March 2024"),
            ("March 4, 2024", "April 3, 2024"),
            ("March 4th, 2024;", "April 3rd, 2024;"),
            ("Mar 4 2024", "Apr 3 2024"),
            ("Mar. 4, 2024", "Apr. 3, 2024"),
            ("4-Mar-2024", "3-Apr-2024"),
            ("4. März 2024", "3. April 2024"),
            ("4. April 2024", "4. Mai 2024"),
            ("4 April 2024", "4 May 2024"),
            ("30 January 2024", "29 February 2024"),
        ] {
            assert_eq!(moved(text, 30), later);
            assert_eq!(moved(later, -30), text);
        }
    }

    #[test]
    fn says_what_it_cannot_tell() {
        for (text, length) in [
            ("3/4/2024", 8),
            ("3/4/24", 6),
            ("4 March", 7),
            ("4th of March and", 12),
            ("March 2024", 10),
            ("March 4.", 7),
            ("March 4, in", 7),
        ] {
            assert_eq!(
                read(text, None, None, true),
                Start::Uncertain(length),
                "{text}"
            );
        }
        let first = |order| match read("3/4/2024", None, Some(order), true) {
            Start::Certain(date) => civil(date.days),
            other => panic!("{other:?}"),
        };
        assert_eq!(first(DayFirst), (2024, 4, 3));
        assert_eq!(first(MonthFirst), (2024, 3, 4));
        for (text, order) in [
            ("13/4/2024", Some(DayFirst)),
            ("4-13-2024", Some(MonthFirst)),
            ("4/3/2024", None),
            ("13.4.2024", None),
            ("2024/3/14", None),
            ("4 March 2024", None),
        ] {
            assert_eq!(order_of(text), order, "{text}");
        }
    }

    #[test]
    fn leaves_the_rest_alone() {
        for text in [
            "30 February 2024",
            "2024-13-01",
            "2024-03-04-05",
            "1.2.3.4",
            "2024.1.2",
            "03.04.20245",
            "4 apples 2024",
            "march 4 miles",
            "may 3, 2024",
            "Marching",
            "12345",
            "4 March 2024a",
            "4x March 2024",
            "",
        ] {
            assert_eq!(read(text, None, None, true), Start::Other, "{text}");
        }
        assert_eq!(read("2024-03-04", Some('/'), None, true), Start::Other);
    }

    #[test]
    fn every_prefix_may_become_one_and_no_more_is_held_back() {
        for text in [
            "2024-03-04 ",
            "14/3/2024 ",
            "4th of September, 2024 ",
            "September 24th, 2024 ",
            "24. Dezember 2024 ",
        ] {
            for end in 0..text.len() - 1 {
                if end > 0 && text.is_char_boundary(end) {
                    assert_eq!(
                        read(&text[..end], None, None, false),
                        Start::Partial,
                        "{text}"
                    );
                }
            }
            assert!(matches!(read(text, None, None, false), Start::Certain(_)));
        }
        for text in ["2 apples", "May I", "Ma c", "12 ", "Septembers"] {
            let start = read(text, None, None, false);
            assert_eq!(start == Start::Partial, text == "12 ", "{text}: {start:?}");
        }
    }

    #[test]
    fn every_day_is_one() {
        let first = days(1900, 1, 1).unwrap();
        let last = days(2099, 12, 31).unwrap();
        assert_eq!(last - first + 1, 73_049);
        for day in first..=last {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year as u32, month, of_month), Some(day));
        }
    }
}
