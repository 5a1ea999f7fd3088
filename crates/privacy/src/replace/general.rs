//! What of a value may be told: the city of an address, the decade of a birth. Whatever is not known to be coarse is
//! left out, and where nothing remains there is no such part.

use query::EntityKind;

use super::{
    amount,
    cities::{cities, is_state},
    date,
};
use crate::recognizers::whole_degrees;

/// The coarse part of a value.
pub(super) fn general_part(kind: EntityKind, value: &str) -> Option<String> {
    match kind {
        EntityKind::Address => address(value),
        EntityKind::DateOfBirth => year(value).map(decade),
        EntityKind::Date => calendar(value),
        EntityKind::Age => age(value),
        EntityKind::Coordinates => {
            let (latitude, longitude) = whole_degrees(value)?;
            Some(format!("{latitude}, {longitude}"))
        }
        EntityKind::Amount => amount::magnitude(value),
        _ => None,
    }
}

/// A city with so many inhabitants that it says little, or the state of an American address. It stands by itself
/// between commas, with nothing but a postal code: `5 London Road, York` is not in London.
fn address(value: &str) -> Option<String> {
    let mut parts = value.split([',', '\n', ';']);
    // The street, unless the postal code follows it at once.
    let first = parts.next()?;
    for part in parts.chain(after_last_number(first)) {
        let words: Vec<&str> = part
            .split_whitespace()
            .filter(|word| !has_digit(word))
            .collect();
        let words = match words[..] {
            // `Springfield IL 62704`
            [ref city @ .., state] if !city.is_empty() && is_state(state) => city,
            ref words => words,
        };
        let name = words.join(" ");
        let name = name.to_lowercase();
        if let Some(city) = cities().find(|city| city.to_lowercase() == name) {
            return Some(city.to_owned());
        }
    }
    // `IL 62704`, at the end.
    let mut words = value.split_whitespace().rev();
    let code = words.next()?;
    let state = words.next()?.trim_end_matches(',');
    let is_code = code.len() >= 5 && code.chars().all(|c| c.is_ascii_digit() || c == '-');
    (is_code && is_state(state)).then(|| state.to_owned())
}

/// `Berlin` of `Hauptstr. 5 10115 Berlin`.
fn after_last_number(part: &str) -> Option<&str> {
    let end = part.rfind(|c: char| c.is_ascii_digit())? + 1;
    let code = part[..end].bytes().rev().take_while(u8::is_ascii_digit);
    // A house has fewer digits than a postal code.
    (code.count() >= 4).then(|| &part[end..])
}

/// `May 2024` of a day, `2024` of a month, `2020s` of a year.
fn calendar(value: &str) -> Option<String> {
    if let Some(date) = date::whole(value, None) {
        return Some(date::month_and_year(date.days));
    }
    let year = year(value)?;
    Some(if value.trim().len() == 4 {
        decade(year)
    } else {
        year.to_string()
    })
}

/// The only number of four digits that is a year.
fn year(value: &str) -> Option<u32> {
    let numbers = value.split(|c: char| !c.is_ascii_digit());
    let mut years = numbers
        .filter(|number| number.len() == 4)
        .filter_map(|number| {
            let year: u32 = number.parse().ok()?;
            (1900..=2099).contains(&year).then_some(year)
        });
    years.next().filter(|_| years.next().is_none())
}

fn decade(year: u32) -> String {
    format!("{}s", year / 10 * 10)
}

/// `40-49`. Who is older than 89 is one of few.
fn age(value: &str) -> Option<String> {
    let age: u32 = value.parse().ok()?;
    let from = age / 10 * 10;
    Some(if from < 90 {
        format!("{from}-{}", from + 9)
    } else {
        "90+".to_owned()
    })
}

fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use EntityKind::*;
    use proptest::{prelude::*, sample::select};

    use super::*;

    #[test]
    fn keeps_what_is_coarse() {
        for (kind, value, expected) in [
            (Address, "12 Hauptstraße, 10115 Berlin", Some("Berlin")),
            (Address, "Hauptstr. 5 10115 berlin", Some("Berlin")),
            (Address, "1 Long Rd,\nLondon SW1A 2AA, UK", Some("London")),
            (
                Address,
                "12 Main St, Apt 4B, Chicago, IL 60601",
                Some("Chicago"),
            ),
            (Address, "12 Main St, Chicago IL 60601", Some("Chicago")),
            (Address, "12 Main St, Smallville, KS 66002", Some("KS")),
            (Address, "5 London Road, York", None),
            (Address, "5 London", None),
            (Address, "12 Main St", None),
            (Address, "12 Main St, Berlin Mitte", None),
            (DateOfBirth, "1984-03-12", Some("1980s")),
            (DateOfBirth, "3/4/1990", Some("1990s")),
            (DateOfBirth, "3/4/90", None),
            (DateOfBirth, "1990", Some("1990s")),
            (Date, "4 May 2024", Some("May 2024")),
            (Date, "2024-05-04 12:00", Some("May 2024")),
            (Date, "3/4/2024", Some("2024")),
            (Date, "May 2024", Some("2024")),
            (Date, "2024", Some("2020s")),
            (Date, "3 May", None),
            (Age, "42", Some("40-49")),
            (Age, "7", Some("0-9")),
            (Age, "101", Some("90+")),
            (Coordinates, "52.5200, 13.4050", Some("53, 13")),
            (Coordinates, "-33.8688, 151.2093", Some("-34, 151")),
            (Coordinates, "40°42'46\"N 74°00'21\"W", Some("41, -74")),
            (Amount, "$1,200", Some("thousands of $")),
            (Person, "Ada Berlin", None),
        ] {
            assert_eq!(general_part(kind, value).as_deref(), expected, "{value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Neither street nor house number nor postal code, nor the day of any date.
        #[test]
        fn nothing_fine_is_kept(
            house in 10_u32..9999,
            street in "[A-Z][a-z]{4,8} (Street|Weg|Road)",
            code in 10_000_u32..99_999,
            city in select(cities().collect::<Vec<_>>()),
            form in 0_usize..4,
            (day, month, year) in (13_u32..=28, 1_u32..=12, 1930_u32..=2019),
        ) {
            let address = match form {
                0 => format!("{house} {street}, {city} {code}"),
                1 => format!("{street} {house}, {code} {city}"),
                2 => format!("{house} {street}, {city}, TX {code}"),
                _ => format!("{street} {house} {code} {city}"),
            };
            let part = general_part(Address, &address);
            prop_assert_eq!(part.as_deref(), Some(city), "{}", address);
            for date in [
                format!("{year}-{month:02}-{day}"),
                format!("{day}.{month}.{year}"),
                format!("{month}/{day}/{year}"),
                format!("{day} March {year}"),
            ] {
                for kind in [Date, DateOfBirth] {
                    let part = general_part(kind, &date).unwrap();
                    let coarse = part.replace(&year.to_string(), "").replace(&decade(year), "");
                    prop_assert!(!coarse.contains(|c: char| c.is_ascii_digit()), "{date}: {part}");
                }
            }
        }
    }
}
