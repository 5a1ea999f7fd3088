//! Regular expressions as grammars.
//!
//! What JavaScript and Rust write alike: literals, classes, `.`, groups, alternatives, repetitions,
//! and `^` and `$` at the two ends. `\d`, `\w` and `\s` are ASCII, as in JavaScript without the
//! flag `u` (but for `\s`, which here is ASCII, too). All else is refused by name.

use regex_syntax::{
    ast::{
        AssertionKind, Ast, ClassPerlKind, ClassSet, ClassSetItem, GroupKind, RepetitionKind,
        RepetitionRange, parse::Parser,
    },
    utf8::Utf8Sequences,
};

use super::grammar::{Grammar, Node};

/// Most rounds of one repetition, and nodes of one expression.
const MOST_ROUNDS: u32 = 100_000;

/// Code points, as sorted ranges that do not touch.
type Points = Vec<(u32, u32)>;

/// Where the text of an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// It is the whole answer.
    Plain,
    /// It is the value of a JSON string: some characters are written as escapes.
    JsonString,
}

/// A grammar of all texts that match `pattern` as a whole.
pub(crate) fn whole(grammar: &mut Grammar, pattern: &str) -> Result<Node, String> {
    let mut nodes = Vec::new();
    for option in options(parse(pattern)?) {
        let (_, _, ast) = unanchored(&option)?;
        let mut builder = Builder {
            grammar: &mut *grammar,
            within: Within::Plain,
        };
        nodes.push(builder.node(&ast)?);
    }
    Ok(grammar.choice(nodes))
}

/// A grammar of the values of JSON strings, without quotes, in which `pattern` is found. `any` is a
/// grammar of any value.
pub(crate) fn found_in_json(
    grammar: &mut Grammar,
    pattern: &str,
    any: Node,
) -> Result<Node, String> {
    let mut nodes = Vec::new();
    for option in options(parse(pattern)?) {
        let (start, end, ast) = unanchored(&option)?;
        let inner = Builder {
            grammar: &mut *grammar,
            within: Within::JsonString,
        }
        .node(&ast)?;
        let mut parts = vec![inner];
        if !start {
            parts.insert(0, any);
        }
        if !end {
            parts.push(any);
        }
        nodes.push(grammar.sequence(parts));
    }
    Ok(grammar.choice(nodes))
}

fn parse(pattern: &str) -> Result<Ast, String> {
    // The parser's own message quotes the pattern, which the app wrote: its kind says enough.
    Parser::new().parse(pattern).map_err(|error| {
        format!(
            "regular expression: {} (at byte {})",
            error.kind(),
            error.span().start.offset
        )
    })
}

/// What `|` at the top separates.
fn options(ast: Ast) -> Vec<Ast> {
    match &ast {
        Ast::Alternation(alternation) => alternation.asts.clone(),
        _ => vec![ast],
    }
}

/// Takes `^` from the beginning and `$` from the end, and says whether they were there.
fn unanchored(ast: &Ast) -> Result<(bool, bool, Ast), String> {
    let is = |ast: &Ast, wanted: &[AssertionKind]| matches!(ast, Ast::Assertion(assertion) if wanted.contains(&assertion.kind));
    let begins = |ast: &Ast| is(ast, &[AssertionKind::StartLine, AssertionKind::StartText]);
    let ends = |ast: &Ast| is(ast, &[AssertionKind::EndLine, AssertionKind::EndText]);
    match ast {
        Ast::Concat(concat) => {
            let start = concat.asts.first().is_some_and(begins);
            let end = concat.asts.last().is_some_and(ends);
            let mut rest = concat.clone();
            if end {
                rest.asts.pop();
            }
            if start {
                rest.asts.remove(0);
            }
            Ok((start, end, Ast::concat(*rest)))
        }
        other if begins(other) => Ok((true, false, Ast::empty(*other.span()))),
        other if ends(other) => Ok((false, true, Ast::empty(*other.span()))),
        other => Ok((false, false, other.clone())),
    }
}

struct Builder<'g> {
    grammar: &'g mut Grammar,
    within: Within,
}

impl Builder<'_> {
    fn node(&mut self, ast: &Ast) -> Result<Node, String> {
        match ast {
            Ast::Empty(_) => Ok(self.grammar.sequence(Vec::new())),
            Ast::Literal(literal) => {
                let point = u32::from(literal.c);
                Ok(self.points(&[(point, point)]))
            }
            Ast::Dot(_) => {
                // All but what ends a line in JavaScript.
                let lines = [(0x0a, 0x0a), (0x0d, 0x0d), (0x2028, 0x2029)];
                Ok(self.points(&complement(&lines)))
            }
            Ast::ClassPerl(class) => Ok(self.points(&perl(&class.kind, class.negated))),
            Ast::ClassBracketed(class) => {
                let points = bracketed(&class.kind)?;
                let points = if class.negated {
                    complement(&points)
                } else {
                    points
                };
                Ok(self.points(&points))
            }
            Ast::Repetition(repetition) => {
                let (least, most) = match &repetition.op.kind {
                    RepetitionKind::ZeroOrOne => (0, Some(1)),
                    RepetitionKind::ZeroOrMore => (0, None),
                    RepetitionKind::OneOrMore => (1, None),
                    RepetitionKind::Range(RepetitionRange::Exactly(count)) => {
                        (*count, Some(*count))
                    }
                    RepetitionKind::Range(RepetitionRange::AtLeast(least)) => (*least, None),
                    RepetitionKind::Range(RepetitionRange::Bounded(least, most)) => {
                        (*least, Some(*most))
                    }
                };
                if least.max(most.unwrap_or(0)) > MOST_ROUNDS {
                    return Err(format!(
                        "regular expression: more than {MOST_ROUNDS} repetitions"
                    ));
                }
                let inner = self.node(&repetition.ast)?;
                Ok(self.grammar.repeat(inner, least, most))
            }
            Ast::Group(group) => match &group.kind {
                GroupKind::NonCapturing(flags) if !flags.items.is_empty() => {
                    Err("regular expression: flags are not supported".to_owned())
                }
                _ => self.node(&group.ast),
            },
            Ast::Alternation(alternation) => {
                let nodes = alternation.asts.iter().map(|ast| self.node(ast));
                let nodes = nodes.collect::<Result<_, _>>()?;
                Ok(self.grammar.choice(nodes))
            }
            Ast::Concat(concat) => {
                let nodes = concat.asts.iter().map(|ast| self.node(ast));
                let nodes = nodes.collect::<Result<_, _>>()?;
                Ok(self.grammar.sequence(nodes))
            }
            Ast::Assertion(_) => Err(
                "regular expression: ^ and $ are supported at its two ends only, \\b not at all"
                    .to_owned(),
            ),
            Ast::Flags(_) => Err("regular expression: flags are not supported".to_owned()),
            Ast::ClassUnicode(_) => Err("regular expression: \\p is not supported".to_owned()),
        }
    }

    /// One of these code points.
    fn points(&mut self, points: &[(u32, u32)]) -> Node {
        match self.within {
            Within::Plain => characters(self.grammar, points),
            Within::JsonString => json_characters(self.grammar, points),
        }
    }
}

/// One of these code points, in UTF-8. Without any, a node that nothing matches.
pub(crate) fn characters(grammar: &mut Grammar, points: &[(u32, u32)]) -> Node {
    let mut options = Vec::new();
    for &(first, last) in points {
        // Halves of surrogate pairs are no characters.
        for (first, last) in [(first, last.min(0xd7ff)), (first.max(0xe000), last)] {
            if let (Some(first), Some(last)) = (char::from_u32(first), char::from_u32(last))
                && first <= last
            {
                for sequence in Utf8Sequences::new(first, last) {
                    let bytes = sequence
                        .as_slice()
                        .iter()
                        .map(|range| grammar.range(range.start, range.end))
                        .collect();
                    options.push(grammar.sequence(bytes));
                }
            }
        }
    }
    grammar.choice(options)
}

/// One of these code points, as it is written in a JSON string (RFC 8259 §7).
pub(crate) fn json_characters(grammar: &mut Grammar, points: &[(u32, u32)]) -> Node {
    let special: Points = vec![(0, 0x1f), (0x22, 0x22), (0x5c, 0x5c)];
    let plain = intersection(points, &complement(&special));
    let mut options = vec![characters(grammar, &plain)];
    for (first, last) in intersection(points, &special) {
        for point in first..=last {
            let escape = match point {
                0x08 => "\\b".to_owned(),
                0x09 => "\\t".to_owned(),
                0x0a => "\\n".to_owned(),
                0x0c => "\\f".to_owned(),
                0x0d => "\\r".to_owned(),
                0x22 => "\\\"".to_owned(),
                0x5c => "\\\\".to_owned(),
                _ => format!("\\u{point:04x}"),
            };
            options.push(grammar.text(&escape));
        }
    }
    grammar.choice(options)
}

fn perl(kind: &ClassPerlKind, negated: bool) -> Points {
    let points = match kind {
        ClassPerlKind::Digit => vec![(0x30, 0x39)],
        ClassPerlKind::Space => vec![(0x09, 0x0d), (0x20, 0x20)],
        ClassPerlKind::Word => vec![(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)],
    };
    if negated { complement(&points) } else { points }
}

fn bracketed(set: &ClassSet) -> Result<Points, String> {
    match set {
        ClassSet::Item(item) => class_item(item),
        ClassSet::BinaryOp(_) => {
            Err("regular expression: operations on classes are not supported".to_owned())
        }
    }
}

fn class_item(item: &ClassSetItem) -> Result<Points, String> {
    match item {
        ClassSetItem::Empty(_) => Ok(Vec::new()),
        ClassSetItem::Literal(literal) => Ok(vec![(literal.c.into(), literal.c.into())]),
        ClassSetItem::Range(range) => Ok(vec![(range.start.c.into(), range.end.c.into())]),
        ClassSetItem::Perl(class) => Ok(perl(&class.kind, class.negated)),
        ClassSetItem::Bracketed(class) => {
            let points = bracketed(&class.kind)?;
            Ok(if class.negated {
                complement(&points)
            } else {
                points
            })
        }
        ClassSetItem::Union(union) => {
            let mut points = Vec::new();
            for item in &union.items {
                points.extend(class_item(item)?);
            }
            Ok(normal(points))
        }
        ClassSetItem::Ascii(_) | ClassSetItem::Unicode(_) => {
            Err("regular expression: named classes are not supported".to_owned())
        }
    }
}

/// Sorted, and ranges that touch as one.
fn normal(mut points: Points) -> Points {
    points.sort_unstable();
    let mut merged: Points = Vec::new();
    for (first, last) in points {
        match merged.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged
}

/// All other code points.
pub(crate) fn complement(points: &[(u32, u32)]) -> Points {
    let mut rest = Vec::new();
    let mut from = 0;
    for (first, last) in normal(points.to_vec()) {
        if first > from {
            rest.push((from, first - 1));
        }
        from = last + 1;
    }
    if from <= 0x10_ffff {
        rest.push((from, 0x10_ffff));
    }
    rest
}

fn intersection(a: &[(u32, u32)], b: &[(u32, u32)]) -> Points {
    let mut both = Vec::new();
    for &(first, last) in &normal(a.to_vec()) {
        for &(other_first, other_last) in b {
            let (first, last) = (first.max(other_first), last.min(other_last));
            if first <= last {
                both.push((first, last));
            }
        }
    }
    both
}
