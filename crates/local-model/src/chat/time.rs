//! The time of day in words, for templates that tell the date.

use minijinja::{Error, ErrorKind};

const DAY: u64 = 24 * 60 * 60;
const WEEKDAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
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

/// `seconds` since 1970-01-01 00:00 as `format` says: directives of C's `strftime` in the C locale, with
/// GNU's `-` for numbers that are not padded.
pub(super) fn strftime(format: &str, seconds: u64) -> Result<String, Error> {
    // Neither reaches the sign.
    let (days, second) = ((seconds / DAY) as i64, (seconds % DAY) as i64);
    let (year, month, day) = date(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    // 1970 began on a Thursday.
    let weekday = WEEKDAYS[(days % 7) as usize];
    let month_name = MONTHS[(month - 1) as usize];

    let mut text = String::new();
    let mut rest = format.chars();
    while let Some(character) = rest.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        let mut directive = rest.next();
        let is_bare = directive == Some('-');
        if is_bare {
            directive = rest.next();
        }
        let padded = |number: i64, width: usize| match is_bare {
            true => number.to_string(),
            false => format!("{number:0width$}"),
        };
        text.push_str(&match directive {
            Some('Y') => year.to_string(),
            Some('y') => padded(year % 100, 2),
            Some('m') => padded(month, 2),
            Some('B') => month_name.to_owned(),
            Some('b' | 'h') => month_name[..3].to_owned(),
            Some('d') => padded(day, 2),
            Some('e') if !is_bare => format!("{day:2}"),
            Some('e') => day.to_string(),
            Some('j') => padded(days - first_of(year) + 1, 3),
            Some('A') => weekday.to_owned(),
            Some('a') => weekday[..3].to_owned(),
            Some('H') => padded(hour, 2),
            Some('I') => padded((hour + 11) % 12 + 1, 2),
            Some('M') => padded(minute, 2),
            Some('S') => padded(second % 60, 2),
            Some('p') => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            Some('%') => "%".to_owned(),
            other => {
                let name = other.map(String::from).unwrap_or_default();
                return Err(Error::new(
                    ErrorKind::InvalidOperation,
                    format!(
                        "strftime_now: %{name} is not supported; supported: %YymBbhdejAaHIMSp%"
                    ),
                ));
            }
        });
    }
    Ok(text)
}

/// Days from 1970-01-01 to a year's first.
fn first_of(year: i64) -> i64 {
    let before = year - 1;
    let leaps = before / 4 - before / 100 + before / 400;
    // 1969 * 365 and the 477 leap days up to then.
    before * 365 + leaps - 719_162
}

/// Year, month and day of the month that are `days` after 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    // Years are 365 days or longer: this is the one or a later one.
    let mut year = 1970 + days / 365;
    while first_of(year) > days {
        year -= 1;
    }
    let mut day = days - first_of(year);
    let is_leap = first_of(year + 1) - first_of(year) == 366;
    let lengths = [
        31,
        28 + i64::from(is_leap),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 1;
    for length in lengths {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (year, month, day + 1)
}
