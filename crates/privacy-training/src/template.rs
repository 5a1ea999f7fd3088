//! Sentences with gaps.
//!
//! ```text
//! {given}            a gap: a value of that name is put there
//! {given#1}          the same value wherever the number is the same
//! {PERSON=Will}      these very letters, marked as that kind
//! «a|b|c»            one of these, which may hold gaps
//! \n                 a new line
//! ⦃ ⦄                braces as they are
//! ```

use anyhow::{Context, bail};
use query::EntityKind;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// A value.
    Gap {
        /// Of which list or kind.
        name: String,
        /// Gaps of one number share a value.
        number: Option<u8>,
    },
    /// Letters of a kind.
    Marked(EntityKind, String),
    /// One of these.
    Choice(Vec<Vec<Piece>>),
}

/// Reads a template.
///
/// # Errors
/// Says what is not closed or not known.
pub fn parse(template: &str) -> anyhow::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '«']) {
        push_text(&mut pieces, &rest[..at]);
        rest = &rest[at..];
        if let Some(inner) = rest.strip_prefix('«') {
            let (choices, after) = inner
                .split_once('»')
                .with_context(|| format!("« without » in {template}"))?;
            let choices: anyhow::Result<Vec<_>> = choices.split('|').map(parse).collect();
            pieces.push(Piece::Choice(choices?));
            rest = after;
        } else {
            let (gap, after) = rest[1..]
                .split_once('}')
                .with_context(|| format!("{{ without }} in {template}"))?;
            pieces.push(gap_piece(gap)?);
            rest = after;
        }
    }
    push_text(&mut pieces, rest);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        let text = text.replace("\\n", "\n").replace('⦃', "{");
        pieces.push(Piece::Text(text.replace('⦄', "}")));
    }
}

fn gap_piece(gap: &str) -> anyhow::Result<Piece> {
    if let Some((kind, text)) = gap.split_once('=') {
        let Some(kind) = EntityKind::named(kind) else {
            bail!("no kind {kind} in {{{gap}}}");
        };
        return Ok(Piece::Marked(kind, text.to_owned()));
    }
    Ok(match gap.split_once('#') {
        Some((name, number)) => Piece::Gap {
            name: name.to_owned(),
            number: Some(number.parse().with_context(|| format!("{{{gap}}}"))?),
        },
        None => Piece::Gap {
            name: gap.to_owned(),
            number: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let gap = |name: &str, number| Piece::Gap {
            name: name.into(),
            number,
        };
        assert_eq!(
            parse("Hi {given#1},\\n{PERSON=Will} «and {org}|or»").unwrap(),
            [
                Piece::Text("Hi ".into()),
                gap("given", Some(1)),
                Piece::Text(",\n".into()),
                Piece::Marked(EntityKind::Person, "Will".into()),
                Piece::Text(" ".into()),
                Piece::Choice(vec![
                    vec![Piece::Text("and ".into()), gap("org", None)],
                    vec![Piece::Text("or".into())],
                ]),
            ]
        );
        for wrong in ["{given", "«a|b", "{NOBODY=x}", "{given#x}"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
