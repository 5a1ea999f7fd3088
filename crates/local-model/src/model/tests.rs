use crate::{
    Backend, Message, Model,
    gguf::Value,
    testing::{file, load, model},
};

#[test]
fn a_file_that_cannot_run_is_refused_by_name() {
    let with = |key: &str, value: Value| {
        let mut file = file();
        file.set(key, value);
        load(&file).unwrap_err().to_string()
    };
    let without = |name: &str| load(&file().without(name)).unwrap_err().to_string();
    let text = |text: &str| Value::String(text.into());
    let cases = [
        (
            with("general.architecture", text("bert")),
            "architecture bert is not supported; supported: llama, qwen2, qwen3, gemma3, phi3",
        ),
        (
            with("tokenizer.ggml.model", text("bert")),
            "tokenizer bert is not supported",
        ),
        (
            with("llama.attention.head_count", Value::Unsigned(0)),
            "64 wide with 0 heads",
        ),
        (
            with("llama.attention.head_count_kv", Value::Unsigned(3)),
            "4 heads over 3 key/value heads",
        ),
        (
            with("llama.block_count", Value::Unsigned(u64::from(u32::MAX))),
            "no tensor blk.2.attn_norm.weight",
        ),
        (
            with("llama.block_count", Value::Unsigned(1)),
            "tensor blk.1.attn_k.weight in the architecture llama is not",
        ),
        (
            with("llama.feed_forward_length", Value::Unsigned(128)),
            "tensor blk.0.ffn_gate.weight: shape [64, 96]",
        ),
        (
            with("llama.embedding_length", Value::Unsigned(128)),
            "tensor token_embd.weight: shape [64, 260]",
        ),
        (
            with("llama.rope.dimension_count", Value::Unsigned(17)),
            "llama.rope.dimension_count is 17",
        ),
        (
            with("llama.rope.scaling.type", text("yarn")),
            "llama.rope.scaling.type yarn is not supported",
        ),
        (
            with("llama.expert_count", Value::Unsigned(8)),
            "a mixture of experts",
        ),
        (
            with("llama.context_length", Value::Unsigned(0)),
            "context 0",
        ),
        (
            with(
                "llama.attention.layer_norm_rms_epsilon",
                Value::Float(f64::NAN),
            ),
            "epsilon NaN",
        ),
        (
            without("llama.context_length"),
            "no usable metadata llama.context_length",
        ),
        (
            without("general.architecture"),
            "no usable metadata general.architecture",
        ),
        (without("token_embd.weight"), "no tensor token_embd.weight"),
        (
            without("blk.1.ffn_down.weight"),
            "no tensor blk.1.ffn_down.weight",
        ),
    ];
    for (message, expected) in cases {
        assert!(
            message.contains(expected),
            "expected {expected:?}, got {message:?}"
        );
    }
    let mut bias = file();
    bias.tensors
        .push(("blk.0.attn_q.bias".into(), vec![64], 0, vec![0; 256]));
    assert_eq!(
        load(&bias).unwrap_err().to_string(),
        "tensor blk.0.attn_q.bias in the architecture llama is not supported"
    );
    let without_template = load(&file().without("tokenizer.chat_template")).unwrap();
    assert_eq!(
        without_template.encode_chat(&[]).unwrap_err().to_string(),
        "chat template: the file has none; give a prompt of your own"
    );
}

#[test]
fn loading_tells_how_far_it_is() {
    let mut seen = Vec::new();
    let model = pollster::block_on(Model::load(file().bytes().0, Backend::Cpu, |progress| {
        seen.push(progress)
    }))
    .unwrap();
    assert!(seen.windows(2).all(|pair| pair[0].loaded < pair[1].loaded));
    let last = seen.last().unwrap();
    assert_eq!(
        (last.loaded, last.total),
        (model.info().bytes, model.info().bytes)
    );
}

#[test]
fn chats_are_rendered_by_the_files_template() {
    let model = model();
    let messages = [Message {
        role: "user",
        content: "hell",
    }];
    assert_eq!(
        model.render_chat(&messages).unwrap(),
        "user: hell<|im_end|>assistant: "
    );
    let ids = model.encode_chat(&messages).unwrap();
    assert_eq!(ids[6..8], [259, 0]);
}
