//! Strings and numbers.

use serde_json::{Map, Value};

use super::{Compiler, Node, count};
use crate::constrain::{numbers, regex};

const DATE: &str = "([12][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])))";
const TIME: &str = "(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))";
const FORMATS: [(&str, &str); 5] = [
    ("date", "^DATE$"),
    ("time", "^TIME$"),
    ("date-time", "^DATETTIME$"),
    (
        "uuid",
        "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    ),
    (
        "ipv4",
        "^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$",
    ),
];

impl Compiler<'_, '_> {
    pub(super) fn string(
        &mut self,
        keywords: &Map<String, Value>,
        place: &str,
    ) -> Result<Node, String> {
        let least = count(keywords, "minLength", place)?;
        let most = count(keywords, "maxLength", place)?;
        let given = |keyword: &str| match keywords.get(keyword) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(format!("{place}/{keyword}: expected a text")),
        };
        let (pattern, format) = (given("pattern")?, given("format")?);
        let several = [
            pattern.is_some(),
            format.is_some(),
            least.is_some() || most.is_some(),
        ];
        if several.iter().filter(|given| **given).count() > 1 {
            return Err(format!(
                "{place}: pattern, format and lengths are not supported beside each other"
            ));
        }
        let inner = if let Some(pattern) = pattern {
            regex::found_in_json(self.grammar, pattern, self.json.text)
                .map_err(|problem| format!("{place}/pattern: {problem}"))?
        } else if let Some(format) = format {
            let pattern = FORMATS
                .iter()
                .find(|(name, _)| *name == format)
                .map(|(_, pattern)| pattern.replace("DATE", DATE).replace("TIME", TIME))
                .ok_or_else(|| format!("{place}/format: {format} is not supported"))?;
            regex::found_in_json(self.grammar, &pattern, self.json.text)
                .map_err(|problem| format!("{place}/format: {problem}"))?
        } else {
            if most.is_some_and(|most| most < least.unwrap_or(0)) {
                return Err(format!(
                    "{place}/maxLength: less than minLength accepts nothing"
                ));
            }
            self.grammar
                .repeat(self.json.character, least.unwrap_or(0), most)
        };
        Ok(self
            .grammar
            .sequence(vec![self.json.quote, inner, self.json.quote]))
    }

    pub(super) fn number(
        &mut self,
        keywords: &Map<String, Value>,
        integer: bool,
        place: &str,
    ) -> Result<Node, String> {
        let bound = |keyword: &str| match keywords.get(keyword) {
            None => Ok(None),
            Some(value) => whole_number(value).map(Some).ok_or_else(|| {
                format!("{place}/{keyword}: expected a whole number of at most 15 digits")
            }),
        };
        let [minimum, maximum, above, below] = [
            bound("minimum")?,
            bound("maximum")?,
            bound("exclusiveMinimum")?,
            bound("exclusiveMaximum")?,
        ];
        if [minimum, maximum, above, below].iter().all(Option::is_none) {
            return Ok(if integer {
                self.json.integer
            } else {
                self.json.number
            });
        }
        // Whole numbers from..=to; and between two neighbours of open..=open what has a fraction.
        let from = minimum
            .into_iter()
            .chain(above.map(|above| above + 1))
            .max();
        let to = maximum
            .into_iter()
            .chain(below.map(|below| below - 1))
            .min();
        let open_from = minimum.into_iter().chain(above).max();
        let open_to = maximum.into_iter().chain(below).min();
        let mut options = Vec::new();
        options.extend(numbers::integers(self.grammar, from, to));
        if !integer {
            options.extend(numbers::fractions(self.grammar, open_from, open_to));
        }
        if options.is_empty() {
            return Err(format!("{place}: no number is within its bounds"));
        }
        Ok(self.grammar.choice(options))
    }
}

/// `5` and `5.0` are whole, `5.5` is not.
fn whole_number(value: &Value) -> Option<i64> {
    const MOST: f64 = 1e15;
    let number = value.as_f64()?;
    (number.fract() == 0.0 && number.abs() < MOST).then_some(number as i64)
}
