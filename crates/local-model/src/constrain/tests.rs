//! Every text that a grammar lets through is judged by another implementation of JSON Schema.

use serde_json::{Value, json};

use super::{Constraint, Function, Matcher};
use crate::testing::Random;

fn schema(schema: &Value) -> Constraint {
    Constraint::JsonSchema(schema.to_string())
}

fn refusal(constraint: &Constraint) -> String {
    constraint.matcher().err().map_or_else(
        || "accepted".to_owned(),
        |error| {
            let message = error.to_string();
            message
                .strip_prefix("constrained output: ")
                .unwrap_or(&message)
                .to_owned()
        },
    )
}

fn accepts(constraint: &Constraint, text: &str) -> bool {
    let mut matcher = constraint.matcher().unwrap();
    if !matcher.allows(text.as_bytes()).unwrap() {
        return false;
    }
    matcher.accept(text.as_bytes()).unwrap();
    matcher.complete()
}

/// A text that the grammar lets through, byte by byte at random; `None` if it would not end.
fn random_text(matcher: &mut Matcher, random: &mut Random) -> Option<String> {
    let mut text = Vec::new();
    while text.len() < 3000 {
        let hurry = text.len() > 60;
        if matcher.complete() && (hurry || matcher.exhausted() || random.byte() < 80) {
            return Some(String::from_utf8(text).expect("the grammar gives UTF-8"));
        }
        let allowed: Vec<u8> = (0..=255)
            .filter(|byte| matcher.allows(&[*byte]).unwrap())
            .collect();
        assert!(
            !allowed.is_empty(),
            "a dead end after {}",
            String::from_utf8_lossy(&text)
        );
        // Strings and lists end soon; else any byte.
        let ends = if hurry {
            allowed
                .iter()
                .find(|byte| b"\"}]0123456789nt".contains(byte))
        } else {
            allowed
                .iter()
                .find(|byte| b"\"}]".contains(byte))
                .filter(|_| random.byte() < 100)
        };
        let index = (usize::from(random.byte()) << 8 | usize::from(random.byte())) % allowed.len();
        let byte = ends.copied().unwrap_or(allowed[index]);
        matcher.accept(&[byte]).unwrap();
        text.push(byte);
    }
    None
}

fn check_against_the_judge(schema_value: &Value, random: &mut Random) {
    let judge = jsonschema::options()
        .should_validate_formats(true)
        .build(schema_value)
        .unwrap();
    let constraint = schema(schema_value);
    let mut ended = 0;
    for _ in 0..40 {
        let mut matcher = constraint
            .matcher()
            .unwrap_or_else(|error| panic!("{schema_value}: {error}"));
        if let Some(text) = random_text(&mut matcher, random) {
            ended += 1;
            let value: Value = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{schema_value}: {text}: {error}"));
            assert!(judge.is_valid(&value), "{schema_value}: {text}");
        }
    }
    assert!(ended > 20, "{schema_value}: only {ended} of 40 ended");
}

#[test]
fn what_comes_out_is_valid() {
    let mut random = Random::fresh();
    for schema in [
        json!({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"], "additionalProperties": false}),
        json!({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "boolean"}, "c": {"type": "number"}}}),
        json!({"type": "object", "properties": {"a": {}}, "required": ["z"], "additionalProperties": {"type": "integer"}}),
        json!({"type": "object", "properties": {"a": {"const": 1}, "ab": {"const": 2}, "\"q\\": true}, "additionalProperties": {"type": "string"}}),
        json!({"type": "object", "additionalProperties": {"enum": ["x", 1, null]}, "maxProperties": 3, "minProperties": 1}),
        json!({"type": "array", "items": {"type": "string", "minLength": 2, "maxLength": 4}, "minItems": 1, "maxItems": 3}),
        json!({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": {"type": "null"}, "minItems": 3, "maxItems": 5}),
        json!({"type": "array", "prefixItems": [true], "items": false}),
        json!({"enum": ["ä\"\\\n\u{1}", "", 3.5, -2, null, true, {"k": ["v"]}, []]}),
        json!({"type": ["string", "null"], "maxLength": 3}),
        json!({"type": "integer", "minimum": -17, "maximum": 4093}),
        json!({"type": "integer", "exclusiveMinimum": 99, "exclusiveMaximum": 102}),
        json!({"type": "integer", "maximum": -10}),
        json!({"type": "number", "minimum": 0, "exclusiveMaximum": 1}),
        json!({"type": "number", "exclusiveMinimum": -3, "maximum": 12}),
        json!({"type": "string", "pattern": "^[A-Z]{2}-\\d{3,5}$"}),
        json!({"type": "string", "pattern": "^(?:\"|\\\\|[^a-z]){1,6}|zz$"}),
        json!({"type": "string", "format": "date"}),
        json!({"type": "string", "format": "time"}),
        json!({"type": "string", "format": "date-time"}),
        json!({"type": "string", "format": "uuid"}),
        json!({"type": "string", "format": "ipv4"}),
        json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]}),
        json!({"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind", "x"]},
            {"type": "object", "properties": {"kind": {"const": "b"}, "y": {"type": "string"}}, "required": ["kind"]},
        ]}),
        json!({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2}}, "required": ["value"]}}}),
        json!({"allOf": [{"properties": {"x": {"type": "integer", "description": "an x"}}, "required": ["x"]}]}),
        json!({"type": "object"}),
        json!({"title": "anything"}),
        json!(true),
    ] {
        check_against_the_judge(&schema, &mut random);
    }
}

/// Bounds of every kind, drawn at random: numbers inside are let through and numbers outside are not.
#[test]
fn bounds_of_numbers_hold() {
    let mut random = Random::fresh();
    let mut draw = || i64::from(random.byte()) * i64::from(random.byte()) % 2311 - 900;
    for _ in 0..150 {
        let (from, span) = (draw(), draw().unsigned_abs() as i64);
        let to = from + span;
        let integers = schema(&json!({"type": "integer", "minimum": from, "maximum": to}));
        let numbers = schema(&json!({"exclusiveMinimum": from, "maximum": to + 1}));
        let at_least = schema(&json!({"type": "integer", "minimum": from}));
        let at_most = schema(&json!({"type": "integer", "maximum": to}));
        for number in [from - 1, from, from + 1, to - 1, to, to + 1, 0, draw()] {
            let text = number.to_string();
            let place = format!("{number} in {from}..={to}");
            assert_eq!(
                accepts(&integers, &text),
                (from..=to).contains(&number),
                "{place}"
            );
            assert_eq!(accepts(&at_least, &text), number >= from, "{place}");
            assert_eq!(accepts(&at_most, &text), number <= to, "{place}");
            assert_eq!(
                accepts(&numbers, &text),
                number > from && number <= to + 1,
                "{place}"
            );
            let half = number as f64 + 0.5;
            assert_eq!(
                accepts(&numbers, &half.to_string()),
                half > from as f64 && half <= (to + 1) as f64,
                "{half} in {from}..{to}"
            );
        }
    }
}

#[test]
fn what_is_not_supported_is_named_with_its_place() {
    for (value, expected) in [
        (
            json!({"type": "object", "properties": {"a": {"not": {}}}}),
            "#/properties/a/not: not supported for the type",
        ),
        (
            json!({"type": "array", "uniqueItems": true}),
            "#/uniqueItems: not supported for the type array",
        ),
        (
            json!({"type": "array", "contains": {}}),
            "#/contains: not supported",
        ),
        (
            json!({"type": "string", "minimum": 1}),
            "#/minimum: not supported for the type string",
        ),
        (
            json!({"type": "number", "multipleOf": 2}),
            "#/multipleOf: not supported",
        ),
        (
            json!({"type": "number", "minimum": 0.5}),
            "#/minimum: expected a whole number",
        ),
        (
            json!({"patternProperties": {"a": {}}}),
            "#/patternProperties: not supported",
        ),
        (json!({"if": {}, "then": {}}), "#/if: not supported"),
        (
            json!({"x-guidance": {"lenient": true}}),
            "#/x-guidance: not supported",
        ),
        (json!({"typ": "string"}), "#/typ: not supported"),
        (
            json!({"type": "strin"}),
            "#/type: expected one of object, array",
        ),
        (json!({"type": []}), "#/type: expected one of"),
        (
            json!({"type": "string", "format": "idn-email"}),
            "#/format: idn-email is not supported",
        ),
        (
            json!({"type": "string", "pattern": "(?=a)"}),
            "#/pattern: regular expression: ",
        ),
        (
            json!({"type": "string", "pattern": "a\\b"}),
            "#/pattern: regular expression: ^ and $ are",
        ),
        (
            json!({"type": "string", "pattern": "(a)\\1"}),
            "#/pattern: regular expression: ",
        ),
        (
            json!({"type": "string", "pattern": "\\p{L}"}),
            "#/pattern: regular expression: \\p is not supported",
        ),
        (
            json!({"type": "string", "pattern": "a", "minLength": 1}),
            "#: pattern, format and lengths",
        ),
        (
            json!({"$ref": "https://x.example/s.json"}),
            "#/$ref: only references into the same schema",
        ),
        (json!({"$ref": "#/$defs/none"}), "#/$ref: leads nowhere"),
        (
            json!({"$ref": "#"}),
            "the grammar is too complex, or refers to itself",
        ),
        (
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}),
            "the grammar is too complex",
        ),
        (
            json!({"$ref": "#", "type": "string"}),
            "#/$ref: type beside it is not supported",
        ),
        (
            json!({"oneOf": [{"type": "integer"}, {"type": "number"}]}),
            "#/oneOf: two of them may accept the same value",
        ),
        (json!({"allOf": [{}, {}]}), "#/allOf: more than one schema"),
        (json!({"anyOf": []}), "#/anyOf: expected a list of schemas"),
        (json!({"enum": []}), "#/enum: accepts nothing"),
        (
            json!({"type": "string", "enum": [1]}),
            "#/enum: accepts nothing",
        ),
        (
            json!({"type": "integer", "minimum": 5, "maximum": 4}),
            "#: no number is within its bounds",
        ),
        (
            json!({"type": "object", "properties": {}, "required": ["a"], "additionalProperties": false}),
            "#/required: a is not among",
        ),
        (
            json!({"type": "object", "minProperties": 2}),
            "#/minProperties: more than 1",
        ),
        (
            json!({"type": "string", "maxLength": -1}),
            "#/maxLength: expected a whole number",
        ),
        (
            json!({"type": "array", "items": [true]}),
            "#/items: a schema is an object or a boolean",
        ),
        (json!(false), "#: false accepts nothing"),
        (json!(7), "#: a schema is an object or a boolean"),
    ] {
        let refusal = refusal(&schema(&value));
        assert!(refusal.starts_with(expected), "{value}: {refusal}");
    }
    assert_eq!(
        refusal(&Constraint::JsonSchema("{".into())),
        "the schema is no JSON (line 1, column 1)"
    );
    let mut deep = json!({"type": "integer"});
    for _ in 0..100 {
        deep = json!({"type": "array", "items": deep});
    }
    assert!(refusal(&schema(&deep)).contains("more than 64 schemas within each other"));
}

#[test]
fn hostile_schemas_end_in_bounded_time() {
    // Nested counts: 10^24 strings, no list of them.
    let counts = json!({"type": "array", "minItems": 100_000, "maxItems": 1_000_000, "items": {"type": "array", "minItems": 100_000, "items": {"type": "string", "minLength": 1_000_000}}});
    assert!(schema(&counts).matcher().is_ok());
    // Two schemas that call each other twice.
    let twice = json!({"$ref": "#/$defs/a", "$defs": {
        "a": {"anyOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/b"}]},
        "b": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "object", "properties": {"x": {"$ref": "#/$defs/a"}}}]},
    }});
    assert!(accepts(&schema(&twice), "{\"x\": {}}"));
    let ambiguous = Constraint::Regex("((a*)*|(a|aa)+b?){0,500}".into());
    assert!(accepts(&ambiguous, &"a".repeat(300)));
    let many: Value = (0..3000).map(|at| format!("value {at}")).collect();
    let many = schema(&json!({"enum": many}));
    assert!(accepts(&many, "\"value 2999\"") && !accepts(&many, "\"value 3000\""));
}

#[test]
fn expressions_match_as_a_whole() {
    for (pattern, yes, no) in [
        ("[a-c]+x?", vec!["a", "abcx"], vec!["", "x", "abxx", "d"]),
        (
            "^\\d{4}-\\w\\s$",
            vec!["2024-a ", "0000-_\t"],
            vec!["2024-a", "٣٣٣٣-a "],
        ),
        ("ja|nein", vec!["ja", "nein"], vec!["", "janein"]),
        ("[^é]ü.", vec!["xü😀", "😀üx"], vec!["éüx", "xü\n", "xü"]),
        (
            "(?:a{2}|b{3,}){2}",
            vec!["aabbb", "bbbbbb"],
            vec!["aab", "aa"],
        ),
        ("\\u0041\\/\\x42", vec!["A/B"], vec!["A\\/B"]),
        ("", vec![""], vec!["a"]),
    ] {
        let constraint = Constraint::Regex(pattern.into());
        for text in yes {
            assert!(accepts(&constraint, text), "{pattern} {text}");
        }
        for text in no {
            assert!(!accepts(&constraint, text), "{pattern} {text}");
        }
    }
    for pattern in [
        "(",
        "a^b",
        "(?i)a",
        "[[:alpha:]]",
        "[a&&b]",
        "a{100001}",
        "\\pL",
    ] {
        let refusal = refusal(&Constraint::Regex(pattern.into()));
        assert!(
            refusal.starts_with("regular expression: "),
            "{pattern}: {refusal}"
        );
    }
}

#[test]
fn a_pattern_is_found_anywhere_in_a_string() {
    let found = schema(&json!({"type": "string", "pattern": "a.b|^x|\\ty$"}));
    for (text, expected) in [
        ("\"a-b\"", true),
        ("\"..aébx\"", true),
        ("\"a\\\"b\"", true),
        ("\"x1\"", true),
        ("\"1x\"", false),
        ("\"1\\ty\"", true),
        ("\"1\\ty2\"", false),
        ("\"ab\"", false),
    ] {
        assert_eq!(accepts(&found, text), expected, "{text}");
    }
}

#[test]
fn half_characters_lead_on_and_broken_ones_do_not() {
    let mut matcher = Constraint::Regex(".".into()).matcher().unwrap();
    let bytes = "é".as_bytes();
    assert!(matcher.allows(&bytes[..1]).unwrap());
    assert!(!matcher.allows(&bytes[1..]).unwrap());
    // A half of a surrogate pair in UTF-8, and a code point beyond the last.
    assert!(!matcher.allows(b"\xed\xa0\x80").unwrap());
    assert!(!matcher.allows(b"\xf4\x90\x80\x80").unwrap());
    matcher.accept(&bytes[..1]).unwrap();
    assert!(!matcher.complete());
    matcher.accept(&bytes[1..]).unwrap();
    assert!(matcher.complete() && matcher.exhausted());
}

#[test]
fn tool_calls_have_a_known_name_and_its_arguments() {
    let function = |name: &str, parameters: Value| Function {
        name: name.into(),
        parameters: parameters.to_string(),
    };
    let constraint = Constraint::ToolCall(vec![
        function("now", json!({"type": "object", "properties": {}})),
        function(
            "weather",
            json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
        ),
    ]);
    let call = |name: &str, arguments: &str| {
        format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>")
    };
    assert!(accepts(&constraint, &call("now", "{}")));
    assert!(accepts(
        &constraint,
        &call("weather", "{\"city\": \"Rome\"}")
    ));
    for (name, arguments) in [
        ("now", "{\"city\": \"Rome\"}"),
        ("weather", "{}"),
        ("other", "{}"),
    ] {
        assert!(!accepts(&constraint, &call(name, arguments)), "{name}");
    }
    let wrong = Constraint::ToolCall(vec![function("f", json!({"not": {}}))]);
    assert!(refusal(&wrong).starts_with("tool f: #/not: not supported"));
}
