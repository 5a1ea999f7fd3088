use super::{Header, TensorInfo, TensorType, Value, write::File};
use crate::Error;

fn small() -> File {
    let mut file = File::default();
    file.set("general.architecture", Value::String("llama".into()));
    file.set("llama.block_count", Value::Unsigned(2));
    file.set("llama.rope.freq_base", Value::Float(10_000.0));
    file.set("tokenizer.ggml.add_bos_token", Value::Bool(false));
    file.set(
        "tokenizer.ggml.tokens",
        Value::Strings(vec!["a".into(), "é".into(), String::new()]),
    );
    file.set("tokenizer.ggml.token_type", Value::Integers(vec![1, -3]));
    file.set("tokenizer.ggml.scores", Value::Floats(vec![0.5]));
    file.tensors.push(("norm".into(), vec![3], 0, vec![1; 12]));
    file.tensors
        .push(("matrix".into(), vec![64, 3], 3, vec![2; 120]));
    file
}

fn read(bytes: &[u8]) -> Result<Header, Error> {
    pollster::block_on(Header::read(bytes))
}

/// Bytes with the u64 or u32 at the offset of the first `needle` plus `skip` replaced.
fn patched(file: &File, needle: &str, skip: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = file.bytes().0;
    let at = bytes
        .windows(needle.len())
        .position(|window| window == needle.as_bytes())
        .unwrap()
        + skip;
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

#[test]
fn a_good_file_is_read() {
    let (bytes, _) = small().bytes();
    let mut header = read(&bytes).unwrap();
    assert_eq!(header.string("general.architecture").unwrap(), "llama");
    assert_eq!(header.size("llama.block_count").unwrap(), 2);
    assert_eq!(header.float("llama.rope.freq_base").unwrap(), 10_000.0);
    assert_eq!(header.flag("tokenizer.ggml.add_bos_token"), Some(false));
    assert_eq!(
        header.take_strings("tokenizer.ggml.tokens").unwrap(),
        ["a", "é", ""]
    );
    assert_eq!(
        header.take_integers("tokenizer.ggml.token_type").unwrap(),
        [1, -3]
    );
    assert_eq!(header.take_floats("tokenizer.ggml.scores").unwrap(), [0.5]);
    let start = bytes.len() as u64 - 120;
    assert_eq!(
        header.tensor("matrix"),
        Some(&TensorInfo {
            kind: TensorType::Q4_1,
            dimensions: vec![64, 3],
            start,
            bytes: 120
        })
    );
}

#[test]
fn cut_anywhere_it_is_truncated() {
    let (bytes, fields) = small().bytes();
    for cut in fields
        .into_iter()
        .flat_map(|field| [field, field + 1])
        .chain([0, 1, 3, bytes.len() - 1])
    {
        match read(&bytes[..cut]) {
            Err(Error::Truncated { length, needed, .. }) => {
                assert!(length == cut as u64 && needed > length)
            }
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
}

#[test]
fn every_changed_byte_ends_in_a_header_or_an_error() {
    let (bytes, _) = small().bytes();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            drop(read(&changed));
        }
    }
}

#[test]
fn lengths_beyond_the_file_are_refused_before_they_are_allocated() {
    let huge = u64::MAX.to_le_bytes();
    let file = small();
    let cases = [
        (patched(&file, "GGUF", 8, &huge), "the name of tensor 2"),
        (patched(&file, "GGUF", 16, &huge), "metadata entry 7"),
        (
            patched(&file, "general.architecture", 24, &huge),
            "general.architecture",
        ),
        (
            patched(&file, "tokenizer.ggml.tokens", 21 + 8, &huge),
            "entry 3 of tokenizer.ggml.tokens",
        ),
        (
            patched(&file, "tokenizer.ggml.token_type", 25 + 8, &huge),
            "tokenizer.ggml.token_type",
        ),
        (
            patched(&file, "tokenizer.ggml.scores", 21 + 8, &huge),
            "tokenizer.ggml.scores",
        ),
    ];
    for (bytes, what) in cases {
        let error = read(&bytes).unwrap_err();
        // Reading on in the wrong place may also find a key or a type that cannot be.
        assert!(
            matches!(error, Error::Truncated { .. } | Error::Corrupt { .. }),
            "{what}: {error:?}"
        );
    }
    assert_eq!(
        read(&patched(&file, "general.architecture", 24, &huge))
            .unwrap_err()
            .to_string(),
        format!(
            "the model file is truncated: metadata general.architecture ends at byte {}, the file has {}; download it again",
            u64::MAX,
            file.bytes().0.len()
        )
    );
}

#[test]
fn each_wrong_field_is_named() {
    let file = small();
    let twice = {
        let mut file = file.clone();
        file.metadata
            .push(("general.architecture".into(), Value::Bool(true)));
        file.tensors.push(file.tensors[0].clone());
        file
    };
    let tensor_twice = {
        let mut file = file.clone();
        file.tensors.push(file.tensors[0].clone());
        file
    };
    let alignment = {
        let mut file = file.clone();
        file.set("general.alignment", Value::Unsigned(33));
        file
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (patched(&file, "GGUF", 0, b"GGML"), "not a GGUF file"),
        (
            patched(&file, "GGUF", 4, &1u32.to_le_bytes()),
            "version 1 is not supported",
        ),
        (
            patched(&file, "GGUF", 4, &3u32.to_be_bytes()),
            "version 50331648 is not supported",
        ),
        (
            patched(&file, "llama.block_count", 17, &99u32.to_le_bytes()),
            "llama.block_count has the unknown type 99",
        ),
        (
            patched(&file, "add_bos_token", 17, &[7]),
            "7 is not a truth value",
        ),
        (
            patched(&file, "general.architecture", 0, &[0xff]),
            "is not UTF-8",
        ),
        (
            patched(&file, "tokenizer.ggml.scores", 25, &9u32.to_le_bytes()),
            "an array of arrays is not supported",
        ),
        (
            patched(&file, "tokenizer.ggml.scores", 25, &77u32.to_le_bytes()),
            "unknown type 77",
        ),
        (twice.bytes().0, "general.architecture is there twice"),
        (tensor_twice.bytes().0, "tensor norm is there twice"),
        (alignment.bytes().0, "not a power of two"),
        (
            patched(&file, "matrix", 6, &5u32.to_le_bytes()),
            "tensor matrix has 5 dimensions",
        ),
        (
            patched(&file, "matrix", 10, &65u64.to_le_bytes()),
            "Q4_1 cannot have the shape [65, 3]",
        ),
        (
            patched(&file, "matrix", 10, &0u64.to_le_bytes()),
            "Q4_1 cannot have the shape [0, 3]",
        ),
        (
            patched(&file, "matrix", 10, &(1u64 << 63).to_le_bytes()),
            "cannot have the shape",
        ),
        (
            patched(&file, "matrix", 10, &(1u64 << 40).to_le_bytes()),
            "truncated: tensor matrix",
        ),
        (
            patched(&file, "matrix", 26, &17u32.to_le_bytes()),
            "tensor matrix: type IQ2_XS is not supported; supported: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K",
        ),
        (
            patched(&file, "matrix", 26, &999u32.to_le_bytes()),
            "type number 999",
        ),
        (
            patched(&file, "matrix", 30, &33u64.to_le_bytes()),
            "not a multiple of 32",
        ),
        (
            patched(&file, "matrix", 30, &(u64::MAX - 31).to_le_bytes()),
            "truncated: tensor matrix",
        ),
    ];
    for (bytes, expected) in cases {
        let message = read(&bytes)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            message.contains(expected),
            "expected {expected:?}, got {message:?}"
        );
    }
}

#[test]
fn a_header_longer_than_the_first_read_is_read_in_pieces() {
    let mut file = small();
    let tokens: Vec<String> = (0..100_000).map(|index| format!("token {index}")).collect();
    file.set("tokenizer.ggml.tokens", Value::Strings(tokens.clone()));
    let (bytes, _) = file.bytes();
    assert!(bytes.len() as u64 > super::FIRST_READ);
    assert_eq!(
        read(&bytes)
            .unwrap()
            .take_strings("tokenizer.ggml.tokens")
            .unwrap(),
        tokens
    );
}

#[test]
fn what_is_missing_is_named() {
    let mut header = read(&small().bytes().0).unwrap();
    let messages = [
        header.size("llama.context_length").unwrap_err().to_string(),
        header.size("general.architecture").unwrap_err().to_string(),
        header.take_strings("nothing").unwrap_err().to_string(),
        header.shaped("nothing", &[1]).unwrap_err().to_string(),
        header.shaped("matrix", &[64, 4]).unwrap_err().to_string(),
    ];
    assert_eq!(
        messages,
        [
            "the model file has no usable metadata llama.context_length (an unsigned integer)",
            "the model file has no usable metadata general.architecture (an unsigned integer)",
            "the model file has no usable metadata nothing (an array of strings)",
            "the model file has no tensor nothing; it may be one part of a split model, which is not supported",
            "tensor matrix: shape [64, 3], but the metadata asks for [64, 4]",
        ]
    );
}
