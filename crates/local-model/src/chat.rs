//! The model's own chat template: a Jinja program in the GGUF file.

use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context, syntax::SyntaxConfig};

use crate::{
    Error,
    gguf::Header,
    prompt::{Guard, Prompt},
    tokenizer::Tokenizer,
};

/// Steps that a template may take. Real ones take a few for each message; a hostile one must end.
const FUEL: u64 = 1_000_000;

/// One turn of a conversation.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// `system`, `user`, `assistant`, or what else the template knows.
    pub role: &'a str,
    /// The text.
    pub content: &'a str,
}

/// A chat template with the names that it may use.
pub(crate) struct ChatTemplate {
    source: String,
    environment: Environment<'static>,
}

impl ChatTemplate {
    /// Takes `tokenizer.chat_template`, if the file has one.
    pub fn of(header: &Header) -> Option<Self> {
        let source = header.string("tokenizer.chat_template").ok()?.to_owned();
        let mut environment = Environment::new();
        // As Hugging Face's `apply_chat_template` and llama.cpp set it up.
        if let Ok(syntax) = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
        {
            environment.set_syntax(syntax);
        }
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_fuel(Some(FUEL));
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", tojson);
        environment.add_function(
            "raise_exception",
            |reason: String| -> Result<Value, minijinja::Error> {
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, reason))
            },
        );
        Some(Self {
            source,
            environment,
        })
    }

    /// The prompt for `messages`, up to where the assistant begins to speak.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`] when the template refuses the messages or is broken, or a role is no
    /// word.
    pub fn render(&self, messages: &[Message<'_>], tokenizer: &Tokenizer) -> Result<Prompt, Error> {
        if !messages.iter().all(|message| is_word(message.role)) {
            return Err(no_word());
        }
        let contents = messages.iter().map(|message| message.content);
        let guard = Guard::over(tokenizer, contents.chain([self.source.as_str()]))?;
        let messages: Vec<Value> = messages
            .iter()
            .map(
                |message| context! { role => message.role, content => guard.mark(message.content) },
            )
            .collect();
        self.render_values(&guard, messages.into(), ().into())
    }

    /// The prompt for messages and tools in the shape that Hugging Face's templates expect.
    ///
    /// # Errors
    /// [`Error::NoTools`] when there are tools and the template does not speak of any, and as
    /// [`Self::render`].
    pub fn render_json(
        &self,
        messages: &serde_json::Value,
        tools: Option<&serde_json::Value>,
        tokenizer: &Tokenizer,
    ) -> Result<Prompt, Error> {
        if tools.is_some() && !self.source.contains("tools") {
            return Err(Error::NoTools);
        }
        let given = [Some(messages), tools].map(|json| json.map(ToString::to_string));
        let texts = given.iter().flatten().map(String::as_str);
        let guard = Guard::over(tokenizer, texts.chain([self.source.as_str()]))?;
        let roles = messages.as_array().into_iter().flatten();
        if !roles
            .filter_map(|message| message.get("role")?.as_str())
            .all(is_word)
        {
            return Err(no_word());
        }
        let value =
            |json: &serde_json::Value| Value::from(minijinja::value::Serde(guard.mark_json(json)));
        let tools = tools.map_or(Value::from(()), value);
        self.render_values(&guard, value(messages), tools)
    }

    fn render_values(
        &self,
        guard: &Guard<'_>,
        messages: Value,
        tools: Value,
    ) -> Result<Prompt, Error> {
        let tokenizer = guard.tokenizer;
        let variables = context! {
            messages,
            tools,
            add_generation_prompt => true,
            bos_token => tokenizer.bos_text(),
            eos_token => tokenizer.eos_text(),
        };
        // The kind and the template's own words; a longer report would show the messages.
        self.environment
            .render_str(&self.source, variables)
            .map(|rendered| guard.unmark(&rendered))
            .map_err(|error| Error::ChatTemplate {
                reason: format!(
                    "{}{}; give messages in the order that the model was trained on",
                    error.kind(),
                    error
                        .detail()
                        .map(|detail| format!(": {detail}"))
                        .unwrap_or_default()
                ),
            })
    }
}

/// As in Hugging Face's templates: Python's `json.dumps(value, ensure_ascii=False)`, whose spaces the
/// models were trained on, with `indent` if the template gives one.
fn tojson(value: Value, options: minijinja::value::Kwargs) -> Result<Value, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    // Others change nothing here: `ensure_ascii` is false, keys keep their order.
    for name in ["ensure_ascii", "separators", "sort_keys"] {
        let _: Option<Value> = options.get(name)?;
    }
    options.assert_all_used()?;
    let json = serde_json::to_value(&value)
        .map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    let mut text = String::new();
    write_json(&json, indent, 0, &mut text);
    Ok(Value::from_safe_string(text))
}

fn write_json(value: &serde_json::Value, indent: Option<usize>, depth: usize, text: &mut String) {
    let line = |depth: usize, text: &mut String| {
        if let Some(indent) = indent {
            text.push('\n');
            text.push_str(&" ".repeat(indent * depth));
        }
    };
    let comma = if indent.is_some() { "," } else { ", " };
    match value {
        serde_json::Value::Array(items) if !items.is_empty() => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at > 0 { comma } else { "" });
                line(depth + 1, text);
                write_json(item, indent, depth + 1, text);
            }
            line(depth, text);
            text.push(']');
        }
        serde_json::Value::Object(members) if !members.is_empty() => {
            text.push('{');
            for (at, (name, member)) in members.iter().enumerate() {
                text.push_str(if at > 0 { comma } else { "" });
                line(depth + 1, text);
                text.push_str(&serde_json::Value::from(name.as_str()).to_string());
                text.push_str(": ");
                write_json(member, indent, depth + 1, text);
            }
            line(depth, text);
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

/// Whether a role is one: templates make control tokens of them, `<|` + role + `|>`.
fn is_word(role: &str) -> bool {
    role.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn no_word() -> Error {
    Error::ChatTemplate {
        reason: "a role is a word of letters, digits, - and _".to_owned(),
    }
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Message {{ role: {:?}, content: {} bytes }}",
            self.role,
            self.content.len()
        )
    }
}

#[cfg(test)]
mod tests;
