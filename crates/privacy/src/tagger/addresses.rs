//! Addresses over several lines: one value, or parts of a letter's head.

use query::EntityKind;

use crate::detect::Span;

/// An address that begins within a line, or after a colon, and goes on in the next lines is one value, however
/// many parts were seen in it. In a letter's head each line is a part.
pub(super) fn join_or_split(text: &str, spans: Vec<Span>) -> Vec<Span> {
    let mut done: Vec<Span> = Vec::with_capacity(spans.len());
    let mut spans = spans.into_iter().peekable();
    while let Some(mut span) = spans.next() {
        if span.kind != EntityKind::Address {
            done.push(span);
            continue;
        }
        if !is_value(text, &done, &span) {
            split(text, span, &mut done);
            continue;
        }
        let mut end = span.range.end;
        let mut parts: Vec<Span> = Vec::new();
        while let Some(next) = spans
            .next_if(|next| is_place(next) && text[end..next.range.start].chars().all(is_between))
        {
            end = next.range.end;
            parts.push(next);
        }
        if text[span.range.start..end].contains('\n') {
            // On several lines.
            let scores: f32 = parts.iter().map(|part| part.score).sum();
            span.score = (span.score + scores) / (parts.len() + 1) as f32;
            span.range.end = end;
            done.push(span);
        } else {
            done.push(span);
            done.extend(parts);
        }
    }
    done
}

fn is_place(span: &Span) -> bool {
    matches!(span.kind, EntityKind::Address | EntityKind::Location)
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || c == ','
}

/// Stands where a value stands. A line that begins with a name, and a line after a part of an address, are a
/// letter's head.
fn is_value(text: &str, before: &[Span], span: &Span) -> bool {
    let line_start = text[..span.range.start].rfind('\n').map_or(0, |at| at + 1);
    let line = &text[line_start..span.range.start];
    if !line.contains(char::is_alphanumeric) {
        let goes_on = before.last().is_some_and(|last| {
            is_place(last)
                && text[last.range.end..span.range.start]
                    .chars()
                    .all(is_between)
        });
        return !goes_on && text[..line_start].trim_end().ends_with(':');
    }
    let Some(last) = before.last() else {
        return true;
    };
    if !text[last.range.end..span.range.start]
        .chars()
        .all(is_between)
    {
        return true;
    }
    let is_name = matches!(last.kind, EntityKind::Person | EntityKind::Organization);
    // A name has a title before it at most.
    let starts_line = last.range.start >= line_start
        && text[line_start..last.range.start]
            .split_whitespace()
            .count()
            < 2
        && !text[line_start..last.range.start].contains(':');
    let is_head = is_name && starts_line && !text[..line_start].trim_end().ends_with(':');
    !is_place(last) && !is_head
}

/// Pushes each line of a span, without the signs before and the spaces after it.
fn split(text: &str, span: Span, done: &mut Vec<Span>) {
    let mut start = span.range.start;
    for line in text[span.range.clone()].split_inclusive('\n') {
        let signs = line.len() - line.trim_start_matches(is_between).len();
        let end = start + line.trim_end().len();
        if line.contains(char::is_alphanumeric) {
            done.push(Span {
                range: start + signs..end,
                ..span.clone()
            });
        }
        start += line.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spans in brackets: addresses, but `P` after one says a person.
    #[track_caller]
    fn check(marked: &str, expected: &[&str]) {
        let (mut text, mut spans) = (String::new(), Vec::new());
        let mut parts = marked.split('[');
        text += parts.next().unwrap();
        for part in parts {
            let (value, rest) = part.split_once(']').unwrap();
            let person = rest.strip_prefix('P');
            spans.push(Span {
                range: text.len()..text.len() + value.len(),
                kind: person.map_or(EntityKind::Address, |_| EntityKind::Person),
                score: 0.9,
            });
            text += value;
            text += person.unwrap_or(rest);
        }
        let found = join_or_split(&text, spans);
        let found: Vec<&str> = found.iter().map(|span| &text[span.range.clone()]).collect();
        assert_eq!(found, expected, "{marked}");
    }

    #[test]
    fn a_value_is_one() {
        check(
            "I live in [7 Elm St\nApt. 3], [\n9000 Ghent].",
            &["7 Elm St\nApt. 3, \n9000 Ghent"],
        );
        check(
            "address:\n[7 Elm St]\n[9000 Ghent]",
            &["7 Elm St\n9000 Ghent"],
        );
        check(
            "Address: [7 Elm St]\n[9000 Ghent]",
            &["7 Elm St\n9000 Ghent"],
        );
        check(
            "to [Ada]P at [7 Elm St]\n[Ghent]",
            &["Ada", "7 Elm St\nGhent"],
        );
        check("at [7 Elm St], [Ghent]", &["7 Elm St", "Ghent"]);
    }

    #[test]
    fn each_line_of_a_head_is_one() {
        check(
            "[Ada Ito]P\n[7 Elm St\n , Apt. 3\n Ghent]",
            &["Ada Ito", "7 Elm St", "Apt. 3", "Ghent"],
        );
        check("> [7 Elm St]\n> [9000 Ghent]", &["7 Elm St", "9000 Ghent"]);
        check(
            "Mrs. [Ada Ito]P [7 Elm St\nGhent]",
            &["Ada Ito", "7 Elm St", "Ghent"],
        );
        check(
            "Ship to: [Ada Ito]P\n [7 Elm St\n Ghent]",
            &["Ada Ito", "7 Elm St", "Ghent"],
        );
    }
}
