//! The model's own chat template: a Jinja program in the GGUF file.

use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context, syntax::SyntaxConfig};

use crate::{Error, gguf::Header};

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
    /// [`Error::ChatTemplate`] when the template refuses the messages or is broken.
    pub fn render(&self, messages: &[Message<'_>], bos: &str, eos: &str) -> Result<String, Error> {
        let messages: Vec<Value> = messages
            .iter()
            .map(|message| context! { role => message.role, content => message.content })
            .collect();
        self.render_values(messages.into(), ().into(), bos, eos)
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
        bos: &str,
        eos: &str,
    ) -> Result<String, Error> {
        if tools.is_some() && !self.source.contains("tools") {
            return Err(Error::NoTools);
        }
        let value = |json: &serde_json::Value| Value::from(minijinja::value::Serde(json));
        let tools = tools.map_or(Value::from(()), value);
        self.render_values(value(messages), tools, bos, eos)
    }

    fn render_values(
        &self,
        messages: Value,
        tools: Value,
        bos: &str,
        eos: &str,
    ) -> Result<String, Error> {
        let variables = context! { messages, tools, add_generation_prompt => true, bos_token => bos, eos_token => eos };
        // The kind and the template's own words; a longer report would show the messages.
        self.environment
            .render_str(&self.source, variables)
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
mod tests {
    use super::{ChatTemplate, Message};
    use crate::gguf::{Header, Value, write::File};

    fn render(template: &str, messages: &[(&str, &str)]) -> Result<String, String> {
        let mut file = File::default();
        file.set("tokenizer.chat_template", Value::String(template.into()));
        let bytes = file.bytes().0;
        let header = pollster::block_on(Header::read(&bytes)).unwrap();
        let messages: Vec<_> = messages
            .iter()
            .map(|&(role, content)| Message { role, content })
            .collect();
        ChatTemplate::of(&header)
            .unwrap()
            .render(&messages, "<s>", "</s>")
            .map_err(|error| error.to_string())
    }

    #[test]
    fn blocks_leave_no_lines_behind() {
        let template = "{{ bos_token }}{% for m in messages %}\n  {%- if m['role'] == 'user' %}\n[{{ m.content.strip() }}]\n  {% endif %}\n{% endfor %}\n{% if add_generation_prompt %}A:{% endif %}{{ eos_token }}";
        assert_eq!(
            render(template, &[("user", " hi "), ("assistant", "no")]).unwrap(),
            "<s>[hi]\nA:</s>"
        );
    }

    #[test]
    fn a_template_may_refuse_without_telling_the_messages() {
        let refusal = render(
            "{{ raise_exception('roles must alternate') }}{{ messages }}",
            &[("user", "secret")],
        )
        .unwrap_err();
        assert_eq!(
            refusal,
            "chat template: invalid operation: roles must alternate; give messages in the order that the model was trained on"
        );
    }

    #[test]
    fn tools_come_in_where_the_template_has_a_place_for_them() {
        let template = "{% if tools %}{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}{% endif %}{% for m in messages %}{{ m.role }}:{{ m.content }}{% for call in m.tool_calls or [] %}{{ call.function.name }}({{ call.function.arguments | tojson }}){% endfor %}\n{% endfor %}";
        let messages = serde_json::json!([
            {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"b": 1, "a": "x"}}}]},
            {"role": "tool", "content": "7"},
        ]);
        let tools = serde_json::json!([{"type": "function", "function": {"name": "f"}}]);
        let of = |template: &str, tools| {
            let mut file = File::default();
            file.set("tokenizer.chat_template", Value::String(template.into()));
            let bytes = file.bytes().0;
            let header = pollster::block_on(Header::read(&bytes)).unwrap();
            ChatTemplate::of(&header)
                .unwrap()
                .render_json(&messages, tools, "", "")
        };
        assert_eq!(
            of(template, Some(&tools)).unwrap(),
            "{\"type\": \"function\", \"function\": {\"name\": \"f\"}}\nassistant:f({\"b\": 1, \"a\": \"x\"})tool:7"
        );
        assert_eq!(
            of(template, None).unwrap(),
            "assistant:f({\"b\": 1, \"a\": \"x\"})tool:7"
        );
        assert_eq!(
            of("{{ messages }}", Some(&tools)).unwrap_err().to_string(),
            "the model's chat template knows no tools; choose a model that was trained on them"
        );
    }

    #[test]
    fn an_endless_template_ends() {
        let endless =
            "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}";
        assert!(render(endless, &[]).unwrap_err().contains("fuel"));
    }

    #[test]
    fn a_broken_template_is_an_error() {
        assert!(
            render("{% for %}", &[])
                .unwrap_err()
                .starts_with("chat template: syntax error")
        );
    }
}
