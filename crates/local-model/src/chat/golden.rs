//! Real templates, and some of our own, against Hugging Face's `transformers`: `tests/golden/chat.py` made
//! the file.

use serde::Deserialize;
use serde_json::Value;

use super::{Message, tests, time::strftime};

#[derive(Deserialize)]
struct Golden {
    /// Seconds since 1970-01-01 00:00, as all that follow.
    now: u64,
    times: Vec<(u64, String)>,
    formats: String,
    conversations: Vec<Conversation>,
    templates: Vec<Template>,
}

#[derive(Deserialize)]
struct Conversation {
    messages: Value,
    tools: Option<Value>,
}

#[derive(Deserialize)]
struct Template {
    name: String,
    /// Of a template that is no model's.
    source: Option<String>,
    bos: String,
    eos: String,
    /// Of each conversation: up to where the assistant begins to speak, and up to the last message's end;
    /// nothing where the template refuses.
    rendered: Vec<[Option<String>; 2]>,
}

/// Control tokens of all vocabularies, so that each template meets texts with marks.
const CONTROLS: [&str; 9] = [
    "<|im_start|>",
    "<|user|>",
    "<|end|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<｜User｜>",
];

const NOW: u64 = 1_772_694_489;

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../../tests/golden/chat.json")).unwrap()
}

fn source(template: &Template) -> &str {
    match template.name.as_str() {
        "deepseek-r1-qwen3" => include_str!("templates/deepseek-r1-qwen3.jinja"),
        "gemma-3" => include_str!("templates/gemma-3.jinja"),
        "llama-3.2" => include_str!("templates/llama-3.2.jinja"),
        "phi-3" => include_str!("templates/phi-3.jinja"),
        "phi-3.5" => include_str!("templates/phi-3.5.jinja"),
        "qwen2.5" => include_str!("templates/qwen2.5.jinja"),
        "qwen3" => include_str!("templates/qwen3.jinja"),
        "smollm2" => include_str!("templates/smollm2.jinja"),
        "tinyllama" => include_str!("templates/tinyllama.jinja"),
        other => template.source.as_deref().expect(other),
    }
}

#[test]
fn templates_render_as_transformers_renders_them() {
    let golden = golden();
    assert!(golden.conversations.len() >= 19 && golden.templates.len() >= 14);
    assert_eq!(golden.now, NOW);
    let mut wrong = Vec::new();
    for template in &golden.templates {
        let source = source(template);
        let controls = [&[template.bos.as_str(), &template.eos][..], &CONTROLS].concat();
        let (mut ours, tokenizer) = tests::read(&tests::file(source, &controls));
        ours.set_clock(|| NOW);
        assert_eq!(template.rendered.len(), golden.conversations.len());
        for (conversation, rendered) in golden.conversations.iter().zip(&template.rendered) {
            let messages = &conversation.messages;
            // Without a word in the template they would be refused, not passed over.
            let tools = conversation.tools.as_ref();
            let tools = tools.filter(|_| source.contains("tools"));
            for (begins, expected) in [true, false].into_iter().zip(rendered) {
                let found = ours.render_turns(messages, tools, &tokenizer, begins);
                if found.as_ref().ok().map(|prompt| &prompt.text) != expected.as_ref() {
                    wrong.push(format!(
                        "{}, {messages}, {begins}:\n{found:?}\n{expected:?}",
                        template.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn messages_of_nothing_but_text_make_the_same_prompt() {
    for template in &golden().templates {
        let file = tests::file(source(template), &["<s>", "</s>"]);
        let (ours, tokenizer) = tests::read(&file);
        for conversation in golden().conversations {
            let values = conversation.messages.as_array().unwrap();
            let text = |message: &'_ Value, name: &str| message[name].as_str().unwrap().to_owned();
            let texts: Vec<_> = values
                .iter()
                .map(|message| (text(message, "role"), text(message, "content")))
                .collect();
            let messages: Vec<_> = texts
                .iter()
                .map(|(role, content)| Message { role, content })
                .collect();
            if values
                .iter()
                .all(|message| message.get("tool_calls").is_none())
            {
                assert_eq!(
                    ours.render(&messages, &tokenizer).ok(),
                    ours.render_json(&conversation.messages, None, &tokenizer)
                        .ok(),
                    "{}, {}",
                    template.name,
                    conversation.messages
                );
            }
        }
    }
}

#[test]
fn times_are_written_as_python_writes_them() {
    let golden = golden();
    assert!(golden.times.len() > 40);
    for (seconds, expected) in golden.times {
        assert_eq!(strftime(&golden.formats, seconds).unwrap(), expected);
    }
    let refusal = strftime("%d %Q", 0).unwrap_err().to_string();
    assert!(refusal.contains("%Q is not supported"), "{refusal}");
}
