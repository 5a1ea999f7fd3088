//! JSON texts as grammars (RFC 8259).
//!
//! Numbers have at most 16 digits on either side of the point and two in the exponent, so that
//! every reader has room for them; after `,`, `:` and brackets there may be a space, or a new line with
//! up to 20 spaces, as in llama.cpp's grammars: enough for any model's habit, and no endless run.

use super::{
    grammar::{Grammar, Node},
    regex::{characters, complement, json_characters},
};

/// The parts of JSON, each built once.
pub(crate) struct Json {
    pub space: Node,
    /// A character of a string, as it may be written.
    pub character: Node,
    /// Any string without its quotes.
    pub text: Node,
    pub quote: Node,
    pub number: Node,
    pub integer: Node,
    pub boolean: Node,
    pub null: Node,
    pub string: Node,
    /// Any object.
    pub object: Node,
    /// Any array.
    pub array: Node,
    pub any: Node,
}

impl Json {
    pub fn new(grammar: &mut Grammar) -> Self {
        let g = grammar;
        let indent = g.one_of(b" \t");
        let indent = g.repeat(indent, 0, Some(20));
        let line = g.text("\n");
        let line = g.sequence(vec![line, indent]);
        let blank = g.text(" ");
        let space = g.choice(vec![blank, line]);
        let space = g.optional(space);

        let quote = g.text("\"");
        let plain = characters(
            g,
            &complement(&[(0, 0x1f), (0x22, 0x22), (0x5c, 0x5c), (0x7f, 0x7f)]),
        );
        let backslash = g.text("\\");
        let letter = g.one_of(b"\"\\/bfnrt");
        let hex = hexadecimal(g);
        let hex_3 = g.repeat(hex, 3, Some(3));
        let hex_2 = g.repeat(hex, 2, Some(2));
        // \uD800 to \uDFFF are halves of pairs; a whole pair is written as its character.
        let not_d = g.one_of(b"0123456789abcefABCEF");
        let below = g.sequence(vec![not_d, hex_3]);
        let d = g.one_of(b"dD");
        let low = g.range(b'0', b'7');
        let d7 = g.sequence(vec![d, low, hex_2]);
        let point = g.choice(vec![below, d7]);
        let u = g.text("u");
        let unicode = g.sequence(vec![u, point]);
        let escaped = g.choice(vec![letter, unicode]);
        let escape = g.sequence(vec![backslash, escaped]);
        let character = g.choice(vec![plain, escape]);
        let text = g.repeat(character, 0, None);
        let string = g.sequence(vec![quote, text, quote]);

        let minus = g.text("-");
        let minus = g.optional(minus);
        let zero = g.text("0");
        let first = g.range(b'1', b'9');
        let digit = g.range(b'0', b'9');
        let digits = g.repeat(digit, 0, Some(15));
        let whole = g.sequence(vec![first, digits]);
        let whole = g.choice(vec![zero, whole]);
        let integer = g.sequence(vec![minus, whole]);
        let point = g.text(".");
        let decimals = g.repeat(digit, 1, Some(16));
        let fraction = g.sequence(vec![point, decimals]);
        let fraction = g.optional(fraction);
        let e = g.one_of(b"eE");
        let sign = g.one_of(b"+-");
        let sign = g.optional(sign);
        let power = g.repeat(digit, 1, Some(2));
        let exponent = g.sequence(vec![e, sign, power]);
        let exponent = g.optional(exponent);
        let number = g.sequence(vec![integer, fraction, exponent]);

        let truth = g.text("true");
        let falsehood = g.text("false");
        let boolean = g.choice(vec![truth, falsehood]);
        let null = g.text("null");

        let any = g.rule();
        let mut json = Self {
            space,
            character,
            text,
            quote,
            number,
            integer,
            boolean,
            null,
            string,
            object: 0,
            array: 0,
            any,
        };
        let member = json.member(g, string, any);
        json.object = json.list(g, "{", member, 0, None, "}");
        json.array = json.list(g, "[", any, 0, None, "]");
        let value = g.choice(vec![json.object, json.array, string, number, boolean, null]);
        g.define(any, value);
        json
    }

    /// `key: value`.
    pub fn member(&self, g: &mut Grammar, key: Node, value: Node) -> Node {
        let colon = g.text(":");
        g.sequence(vec![key, colon, self.space, value])
    }

    /// A comma and what may stand around it.
    pub fn comma(&self, g: &mut Grammar) -> Node {
        let comma = g.text(",");
        g.sequence(vec![comma, self.space])
    }

    /// Items between brackets, at least and at most so many.
    pub fn list(
        &self,
        g: &mut Grammar,
        open: &str,
        item: Node,
        least: u32,
        most: Option<u32>,
        close: &str,
    ) -> Node {
        let (open, close) = (g.text(open), g.text(close));
        let inner = if most == Some(0) {
            g.sequence(Vec::new())
        } else {
            let comma = self.comma(g);
            let more = g.sequence(vec![comma, item]);
            let more = g.repeat(more, least.max(1) - 1, most.map(|most| most - 1));
            let some = g.sequence(vec![item, more, self.space]);
            if least == 0 { g.optional(some) } else { some }
        };
        g.sequence(vec![open, self.space, inner, close])
    }

    /// This very string.
    pub fn literal(&self, g: &mut Grammar, text: &str) -> Node {
        let mut parts = vec![self.quote];
        for character in text.chars() {
            let point = u32::from(character);
            parts.push(json_characters(g, &[(point, point)]));
        }
        parts.push(self.quote);
        g.sequence(parts)
    }

    /// A string that is none of these: without escapes, so that none can be spelled another way.
    pub fn string_but(&self, g: &mut Grammar, known: &[&str]) -> Node {
        let texts: Vec<Vec<char>> = known.iter().map(|text| text.chars().collect()).collect();
        let suffixes: Vec<&[char]> = texts.iter().map(Vec::as_slice).collect();
        let inner = but(g, &suffixes);
        g.sequence(vec![self.quote, inner, self.quote])
    }
}

fn hexadecimal(g: &mut Grammar) -> Node {
    g.one_of(b"0123456789abcdefABCDEF")
}

/// Characters of a key that needs no escape.
const UNPLAIN: [(u32, u32); 4] = [(0, 0x1f), (0x22, 0x22), (0x5c, 0x5c), (0x7f, 0x7f)];

/// Any text but these.
fn but(g: &mut Grammar, texts: &[&[char]]) -> Node {
    // A text with a character that needs an escape cannot be spelled without one.
    let plain = |c: &char| {
        !UNPLAIN
            .iter()
            .any(|&(first, last)| (first..=last).contains(&u32::from(*c)))
    };
    let mut firsts: Vec<char> = texts
        .iter()
        .filter_map(|text| text.first().copied())
        .filter(plain)
        .collect();
    firsts.sort_unstable();
    firsts.dedup();
    let mut taken: Vec<(u32, u32)> = UNPLAIN.to_vec();
    taken.extend(firsts.iter().map(|&c| (c.into(), c.into())));
    let other = characters(g, &complement(&taken));
    let any = characters(g, &complement(&UNPLAIN));
    let any = g.repeat(any, 0, None);
    let mut options = vec![g.sequence(vec![other, any])];
    for first in firsts {
        let rest: Vec<&[char]> = texts
            .iter()
            .filter(|text| text.first() == Some(&first))
            .map(|text| &text[1..])
            .collect();
        let rest = but(g, &rest);
        let point = u32::from(first);
        let first = characters(g, &[(point, point)]);
        options.push(g.sequence(vec![first, rest]));
    }
    let some = g.choice(options);
    // The text may end here, unless one of the texts does.
    if texts.iter().any(|text| text.is_empty()) {
        some
    } else {
        g.optional(some)
    }
}
