//! Made-up vocabularies against llama.cpp: `tests/golden/tokenizers.py` made the file.

use serde::Deserialize;

use super::tests::load;
use crate::gguf::{Value, write::File};

#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    vocabularies: std::collections::BTreeMap<String, Vocabulary>,
    variants: Vec<Variant>,
}

#[derive(Deserialize)]
struct Vocabulary {
    model: String,
    tokens: Vec<String>,
    types: Vec<i64>,
    #[serde(default)]
    merges: Vec<String>,
    #[serde(default)]
    scores: Vec<f32>,
}

#[derive(Deserialize)]
struct Variant {
    vocabulary: String,
    name: String,
    pre: String,
    add_space: bool,
    ids: Vec<Vec<u32>>,
}

#[test]
fn texts_become_the_tokens_of_llama_cpp() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../../../tests/golden/tokenizers.json")).unwrap();
    assert!(golden.texts.len() > 300 && golden.variants.len() == 9);
    let mut wrong = Vec::new();
    for variant in &golden.variants {
        let tokenizer = load(&file(&golden.vocabularies[&variant.vocabulary], variant)).unwrap();
        assert_eq!(variant.ids.len(), golden.texts.len());
        for (text, expected) in golden.texts.iter().zip(&variant.ids) {
            let ids = tokenizer.encode(text, &[]);
            if &ids != expected {
                let Variant {
                    vocabulary,
                    pre,
                    name,
                    add_space,
                    ..
                } = variant;
                wrong.push(format!(
                    "{vocabulary} {pre} {name} {add_space}, {text:?}: {ids:?}, llama.cpp has {expected:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

fn file(vocabulary: &Vocabulary, variant: &Variant) -> File {
    let id = |token: &str| {
        let at = vocabulary.tokens.iter().position(|other| other == token);
        Value::Unsigned(at.unwrap() as u64)
    };
    let mut file = File::default();
    file.set("general.name", Value::String(variant.name.clone()));
    for (key, value) in [
        ("model", Value::String(vocabulary.model.clone())),
        ("pre", Value::String(variant.pre.clone())),
        ("tokens", Value::Strings(vocabulary.tokens.clone())),
        ("token_type", Value::Integers(vocabulary.types.clone())),
        ("merges", Value::Strings(vocabulary.merges.clone())),
        ("scores", Value::Floats(vocabulary.scores.clone())),
        ("bos_token_id", id("<s>")),
        ("eos_token_id", id("<|im_end|>")),
        ("add_space_prefix", Value::Bool(variant.add_space)),
        ("unknown_token_id", Value::Unsigned(0)),
        // The ids were recorded without the token that begins a text.
        ("add_bos_token", Value::Bool(false)),
    ] {
        file.set(&format!("tokenizer.ggml.{key}"), value);
    }
    file
}
