//! The model's own chat template: a Jinja program in the GGUF file.

mod json;
mod time;

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
        let source = without_generation_tags(header.string("tokenizer.chat_template").ok()?);
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
        environment.add_filter("tojson", json::tojson);
        // In Python nothing can be taken out of `None`, which is what a template gets for no tools.
        environment.add_test("iterable", |value: Value| {
            !value.is_none() && value.try_iter().is_ok()
        });
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

    /// Lets the template know the time, `strftime_now`: `clock` gives seconds since 1970-01-01 00:00, as clocks
    /// on the wall show them.
    pub fn set_clock(&mut self, clock: fn() -> u64) {
        self.environment
            .add_function("strftime_now", move |format: String| {
                time::strftime(&format, clock())
            });
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
        self.render_values(&guard, messages.into(), ().into(), true)
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
        self.render_turns(messages, tools, tokenizer, true)
    }

    /// `begins`: up to where the assistant begins to speak, not only to where the last message ends.
    fn render_turns(
        &self,
        messages: &serde_json::Value,
        tools: Option<&serde_json::Value>,
        tokenizer: &Tokenizer,
        begins: bool,
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
        self.render_values(&guard, value(messages), tools, begins)
    }

    fn render_values(
        &self,
        guard: &Guard<'_>,
        messages: Value,
        tools: Value,
        begins: bool,
    ) -> Result<Prompt, Error> {
        let tokenizer = guard.tokenizer;
        let variables = context! {
            messages,
            tools,
            documents => (),
            add_generation_prompt => begins,
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

/// Hugging Face's `{% generation %}` marks what the assistant says, for training: a scope and nothing more,
/// `{% with %}`.
fn without_generation_tags(source: &str) -> String {
    let signs = ['-', '+'];
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at + 2);
        text.push_str(before);
        rest = tag;
        let name = tag.trim_start_matches(signs).trim_start();
        for (theirs, ours) in [("generation", "with"), ("endgeneration", "endwith")] {
            let Some(after) = name.strip_prefix(theirs) else {
                continue;
            };
            let end = after.trim_start().trim_start_matches(signs);
            if end.starts_with("%}") {
                text.push_str(&tag[..tag.len() - name.len()]);
                text.push_str(ours);
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
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
mod golden;
#[cfg(test)]
mod tests;
