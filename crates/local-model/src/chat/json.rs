//! JSON as Python's `json.dumps` writes it: the spaces and numbers that the models were trained on.

use minijinja::{Error, ErrorKind, Value, value::Kwargs};

/// The filter `tojson` of Hugging Face's templates: `json.dumps`, but `ensure_ascii` is false unless asked for.
pub(super) fn tojson(value: Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    let style = Style {
        indent,
        separators: match separators.map(<[String; 2]>::try_from) {
            None if indent.is_some() => [",", ": "].map(str::to_owned),
            None => [", ", ": "].map(str::to_owned),
            Some(Ok(two)) => two,
            Some(Err(_)) => {
                let wrong = "tojson: separators are two, of items and of keys";
                return Err(Error::new(ErrorKind::InvalidOperation, wrong));
            }
        },
        ensure_ascii: options.get::<Option<bool>>("ensure_ascii")? == Some(true),
        sort_keys: options.get::<Option<bool>>("sort_keys")? == Some(true),
    };
    options.assert_all_used()?;
    let json = serde_json::to_value(&value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    let mut text = String::new();
    style.write(&json, 0, &mut text);
    Ok(Value::from_safe_string(text))
}

struct Style {
    /// Spaces for each level; without it all is one line.
    indent: Option<usize>,
    /// Between items, and behind a key.
    separators: [String; 2],
    ensure_ascii: bool,
    sort_keys: bool,
}

impl Style {
    fn write(&self, value: &serde_json::Value, depth: usize, text: &mut String) {
        match value {
            serde_json::Value::Array(items) if !items.is_empty() => {
                text.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.next(at, depth, text);
                    self.write(item, depth + 1, text);
                }
                self.line(depth, text);
                text.push(']');
            }
            serde_json::Value::Object(members) if !members.is_empty() => {
                let mut members: Vec<_> = members.iter().collect();
                if self.sort_keys {
                    members.sort_by_key(|&(name, _)| name);
                }
                text.push('{');
                for (at, (name, member)) in members.into_iter().enumerate() {
                    self.next(at, depth, text);
                    self.write(&name.as_str().into(), depth + 1, text);
                    text.push_str(&self.separators[1]);
                    self.write(member, depth + 1, text);
                }
                self.line(depth, text);
                text.push('}');
            }
            serde_json::Value::Number(number) if number.is_f64() => {
                text.push_str(&float(number.as_f64().unwrap_or_default()));
            }
            serde_json::Value::String(_) if self.ensure_ascii => {
                for character in value.to_string().chars() {
                    match character {
                        ' '..='~' => text.push(character),
                        _ => {
                            let mut units = [0; 2];
                            for unit in character.encode_utf16(&mut units) {
                                text.push_str(&format!("\\u{unit:04x}"));
                            }
                        }
                    }
                }
            }
            plain => text.push_str(&plain.to_string()),
        }
    }

    /// What stands before item `at`.
    fn next(&self, at: usize, depth: usize, text: &mut String) {
        if at > 0 {
            text.push_str(&self.separators[0]);
        }
        self.line(depth + 1, text);
    }

    fn line(&self, depth: usize, text: &mut String) {
        if let Some(indent) = self.indent {
            text.push('\n');
            text.push_str(&" ".repeat(indent * depth));
        }
    }
}

/// Python's `repr`: the digits and the choice of an exponent are those of Rust's `Debug`, but an exponent
/// has a sign and two digits.
fn float(number: f64) -> String {
    let text = format!("{number:?}");
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
    }
}
