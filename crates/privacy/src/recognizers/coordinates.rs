//! Latitude and longitude: two decimal numbers side by side, or degrees, minutes and seconds.

use std::ops::Range;

use query::EntityKind;

use super::{has_context, is_word, raised, word_starts};
use crate::detect::Span;

const WORDS: [&str; 17] = [
    "lat",
    "latitude",
    "lng",
    "lon",
    "long",
    "longitude",
    "coordinates",
    "coordinate",
    "coords",
    "gps",
    "located",
    "location",
    "position",
    "geo",
    "map",
    "maps",
    "koordinaten",
];
/// Between the two, without what separates them.
const NAMES: [&str; 6] = ["longitude", "lng", "long", "lon", "and", "by"];

/// One of the two.
struct Angle {
    /// With the sign before it and the hemisphere after it.
    length: usize,
    degrees: f64,
    decimals: usize,
    /// A degree sign or a hemisphere says what it is.
    marked: bool,
}

/// Adds pairs.
pub(super) fn scan(text: &str, spans: &mut Vec<Span>) {
    let mut end = 0;
    for start in word_starts(text) {
        if start < end || !text[start..].starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let Some((range, score)) = pair(text, start) else {
            continue;
        };
        end = range.end;
        let near = has_context(text, &range, &WORDS);
        spans.push(Span {
            range,
            kind: EntityKind::Coordinates,
            score: raised(score, near),
        });
    }
}

fn pair(text: &str, digit: usize) -> Option<(Range<usize>, f32)> {
    let sign = text[..digit].chars().next_back().filter(|c| is_minus(*c));
    let start = digit - sign.map_or(0, char::len_utf8);
    let before = text[..start].trim_end_matches(' ');
    let latitude = angle(&text[start..])?;
    let mut rest = &text[start + latitude.length..];
    // `, `, `; `, `/`, `, lng: `
    rest = rest.trim_start_matches([' ', ',', ';', '/', '"', '\'']);
    for name in NAMES {
        if rest
            .get(..name.len())
            .is_some_and(|word| word.eq_ignore_ascii_case(name))
        {
            rest = &rest[name.len()..];
            break;
        }
    }
    rest = rest.trim_start_matches([' ', ':', '=', '"', '\'']);
    let gap = text.len() - rest.len() - start - latitude.length;
    let longitude = angle(rest)?;
    let end = text.len() - rest.len() + longitude.length;
    let after = text[end..].trim_start_matches(' ');
    // One pair of a longer list of numbers, or a sum.
    let in_list = before.ends_with([',', '*', '+', '/', '='])
        || after
            .strip_prefix([',', ';', '*', '+', '/', '%'])
            .is_some_and(|rest| {
                rest.trim_start_matches([' ', '-'])
                    .starts_with(|c: char| c.is_ascii_digit())
            })
        || text[end..].starts_with(is_word);
    if gap == 0
        || gap > 16
        || latitude.degrees.abs() > 90.0
        || longitude.degrees.abs() > 180.0
        || (in_list && !latitude.marked)
    {
        return None;
    }
    let decimals = latitude.decimals.min(longitude.decimals);
    let is_far = latitude.degrees.abs() >= 10.0 || longitude.degrees.abs() >= 10.0;
    let score = match decimals {
        _ if latitude.marked && longitude.marked => 0.8,
        4.. if is_far => 0.6,
        2.. => 0.2,
        _ => return None,
    };
    Some((start..end, score))
}

/// Latitude and longitude of what [`scan`] found, rounded to whole degrees; south and west are below zero.
pub(crate) fn whole_degrees(text: &str) -> Option<(i32, i32)> {
    let signed = |text: &str, angle: &Angle| {
        let below =
            text.starts_with(['-', '−']) || text[..angle.length].ends_with(['S', 's', 'W', 'w']);
        let degrees = angle.degrees.round() as i32;
        if below { -degrees } else { degrees }
    };
    let latitude = angle(text)?;
    let rest = &text[latitude.length..];
    let rest = &rest[rest.find(|c: char| is_minus(c) || c.is_ascii_digit())?..];
    let longitude = angle(rest)?;
    Some((signed(text, &latitude), signed(rest, &longitude)))
}

/// `-40.7128`, `40.7128° N`, `40°42'46"N`.
fn angle(text: &str) -> Option<Angle> {
    let unsigned = text.strip_prefix(is_minus).unwrap_or(text);
    let (degrees, decimals, mut rest) = number(unsigned)?;
    let mut degrees = degrees;
    let mut marked = false;
    if let Some(after) = rest.strip_prefix(['°', 'º']) {
        marked = true;
        rest = after;
        let parts: [(&[char], f64); 2] = [(&['\'', '′', '’'], 60.0), (&['"', '″', '”'], 3600.0)];
        for (signs, parts_of_degree) in parts {
            let part = number(rest.trim_start_matches(' '));
            let Some((value, _, after)) = part else { break };
            let Some(after) = after.strip_prefix(signs) else {
                break;
            };
            degrees += value / parts_of_degree;
            rest = after;
        }
    }
    if decimals == 0 && !marked {
        return None;
    }
    let hemisphere = rest.trim_start_matches(' ');
    if let Some(after) = hemisphere.strip_prefix(['N', 'S', 'E', 'W', 'n', 's', 'e', 'w'])
        && !after.starts_with(is_word)
    {
        marked = true;
        rest = after;
    }
    Some(Angle {
        length: text.len() - rest.len(),
        degrees,
        decimals,
        marked,
    })
}

/// One to three digits and what follows a point: the value, how many decimals, and the rest.
fn number(text: &str) -> Option<(f64, usize, &str)> {
    let digits = |text: &str| text.bytes().take(20).take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let decimals = text[whole..].strip_prefix('.').map_or(0, digits);
    let length = whole + if decimals > 0 { decimals + 1 } else { 0 };
    let value = text[..length].parse().ok()?;
    (1..=3)
        .contains(&whole)
        .then_some((value, decimals, &text[length..]))
}

fn is_minus(c: char) -> bool {
    matches!(c, '-' | '+' | '−')
}
