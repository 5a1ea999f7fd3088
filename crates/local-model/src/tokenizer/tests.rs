use super::{Pieces, Split, Tokenizer, descending};
use crate::gguf::{Header, Value, write::File};

fn words(split: Split, text: &str) -> Vec<&str> {
    split.words(text).collect()
}

#[test]
fn text_is_cut_as_gpt2_cuts_it() {
    let cases: [(&str, &[&str]); 9] = [
        ("Hello world", &["Hello", " world"]),
        ("a  b", &["a", " ", " b"]),
        ("a\nb \n", &["a", "\n", "b", " \n"]),
        (
            "it's we'll S'S",
            &["it", "'s", " we", "'ll", " S", "'", "S"],
        ),
        ("x 123!?", &["x", " 123", "!?"]),
        ("  ", &["  "]),
        ("  é日  ½", &[" ", " é日", " ", " ½"]),
        ("\u{a0}\u{a0}x", &["\u{a0}", "\u{a0}", "x"]),
        ("", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(words(Split::Gpt2, text), expected, "{text:?}");
    }
}

#[test]
fn smollm_keeps_digits_apart() {
    assert_eq!(
        words(Split::SmolLm, "in 2024  7th"),
        ["in", " ", "2", "0", "2", "4", "  ", "7", "th"]
    );
}

#[test]
fn characters_come_whole() {
    let mut pieces = Pieces::default();
    let bytes = "é🙂".as_bytes();
    let out: Vec<String> = bytes.iter().map(|byte| pieces.push(&[*byte])).collect();
    assert_eq!(out, ["", "é", "", "", "", "🙂"]);
    assert_eq!(pieces.push(b"a\xff\xf0\x9fb"), "a\u{fffd}\u{fffd}b");
    assert_eq!(pieces.push(b"\xf0\x9f"), "");
    assert_eq!(pieces.finish(), "\u{fffd}");
    assert_eq!(pieces.finish(), "");
}

#[test]
fn higher_scores_come_first() {
    let mut scores = [0.5, -1.0, 3.0, -0.25, 0.0];
    scores.sort_by_key(|&score| descending(score));
    assert_eq!(scores, [3.0, 0.5, 0.0, -0.25, -1.0]);
}

/// Two hundred and fifty-six bytes, one special token, and the merges given.
pub(crate) fn byte_level(merges: &[&str]) -> File {
    let mut tokens: Vec<String> = vec!["<|im_end|>".into()];
    let mut others = 256u32;
    for byte in 0..=255u32 {
        let itself = matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
        tokens.push(
            char::from_u32(if itself { byte } else { others })
                .unwrap()
                .to_string(),
        );
        others += u32::from(!itself);
    }
    tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    let mut types = vec![1; tokens.len()];
    types[0] = super::CONTROL;
    let mut file = File::default();
    file.set("tokenizer.ggml.model", Value::String("gpt2".into()));
    file.set("tokenizer.ggml.pre", Value::String("smollm".into()));
    file.set("tokenizer.ggml.tokens", Value::Strings(tokens));
    file.set("tokenizer.ggml.token_type", Value::Integers(types));
    file.set(
        "tokenizer.ggml.merges",
        Value::Strings(merges.iter().map(|&merge| merge.into()).collect()),
    );
    file.set("tokenizer.ggml.eos_token_id", Value::Unsigned(0));
    file
}

pub(super) fn load(file: &File) -> Result<Tokenizer, String> {
    let bytes = file.bytes().0;
    let mut header = pollster::block_on(Header::read(&bytes)).unwrap();
    Tokenizer::take(&mut header).map_err(|error| error.to_string())
}

fn texts(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    tokenizer
        .encode(text, &[])
        .iter()
        .map(|&id| String::from_utf8_lossy(tokenizer.bytes(id)).into_owned())
        .collect()
}

#[test]
fn merges_go_by_rank_and_special_tokens_stand_alone() {
    let tokenizer = load(&byte_level(&["b c", "a b", "a bc", "Ġ a"])).unwrap();
    assert_eq!(texts(&tokenizer, "abc ab"), ["abc", " ", "ab"]);
    assert_eq!(texts(&tokenizer, "é"), ["\u{fffd}", "\u{fffd}"]);
    // Token 0 is special, byte b is token 1 + b.
    let half: Vec<u32> = b"a<|im_end"
        .iter()
        .map(|&byte| 1 + u32::from(byte))
        .collect();
    assert_eq!(
        tokenizer.encode("<|im_end|>a<|im_end", &[]),
        [vec![0], half].concat()
    );
    assert!(tokenizer.is_end(0) && !tokenizer.is_end(1));
}

#[test]
fn a_hundred_thousand_equal_bytes_take_no_quadratic_time() {
    let tokenizer = load(&byte_level(&["a a", "aa aa"])).unwrap();
    assert_eq!(tokenizer.encode(&"a".repeat(100_000), &[]).len(), 25_000);
}

#[test]
fn sentencepiece_merges_by_score_and_falls_back_to_bytes() {
    let mut file = File::default();
    let tokens = [
        "<unk>", "<s>", "</s>", "<0xC3>", "<0xA9>", "▁", "a", "b", "▁a", "ab", "▁ab",
    ];
    file.set("tokenizer.ggml.model", Value::String("llama".into()));
    file.set(
        "tokenizer.ggml.tokens",
        Value::Strings(tokens.map(String::from).to_vec()),
    );
    file.set(
        "tokenizer.ggml.token_type",
        Value::Integers(vec![2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1]),
    );
    file.set(
        "tokenizer.ggml.scores",
        Value::Floats(vec![
            0.0, 0.0, 0.0, 0.0, 0.0, -9.0, -8.0, -7.0, -1.0, -2.0, -3.0,
        ]),
    );
    file.set("tokenizer.ggml.bos_token_id", Value::Unsigned(1));
    file.set("tokenizer.ggml.unknown_token_id", Value::Unsigned(0));
    let tokenizer = load(&file).unwrap();
    assert_eq!(tokenizer.encode("ab", &[]), [1, 10]);
    assert_eq!(tokenizer.encode("<s>aéab", &[]), [1, 8, 3, 4, 9]);
    assert_eq!(tokenizer.bytes(10), b" ab");
}

#[test]
fn a_tokenizer_that_cannot_be_is_refused() {
    let good = byte_level(&["a b"]);
    let with = |key: &str, value: Value| {
        let mut file = good.clone();
        file.set(&format!("tokenizer.ggml.{key}"), value);
        load(&file).unwrap_err()
    };
    assert!(
        with("model", Value::String("bert".into())).contains("tokenizer bert is not supported")
    );
    assert!(
        with("pre", Value::String("poro-chat".into()))
            .contains("gpt2 with poro-chat is not supported")
    );
    assert!(with("token_type", Value::Integers(vec![1])).contains("1 entries for 258 tokens"));
    assert!(with("eos_token_id", Value::Unsigned(258)).contains("the eos token is beyond"));
    assert!(
        with("merges", Value::Strings(vec!["ab".into()]))
            .contains("entry 0 of tokenizer.ggml.merges is no pair")
    );
    assert!(
        load(&good.clone().without("tokenizer.ggml.tokens"))
            .unwrap_err()
            .contains("tokenizer.ggml.tokens")
    );
    assert!(
        load(&good.without("tokenizer.ggml.merges"))
            .unwrap_err()
            .contains("tokenizer.ggml.merges")
    );
}
