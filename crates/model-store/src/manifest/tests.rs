use super::*;

const GOOD: &str = r#"{"name":"Tiny","url":"tiny.gguf","bytes":7,"license":"MIT","contextLength":2048,
    "sha256":"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"}"#;

fn digest(byte: u8) -> Sha256 {
    Sha256([byte; 32])
}

fn hash(byte: u8) -> String {
    format!("\"{}\"", hex::encode([byte; 32]))
}

#[test]
fn one_file() {
    let sha256 = hex::decode("00112233445566778899aabbccddeeff".repeat(2)).unwrap();
    assert_eq!(
        Manifest::parse(GOOD.as_bytes()).unwrap(),
        Manifest {
            name: "Tiny".into(),
            license: "MIT".into(),
            context_length: 2048,
            files: vec![ModelFile {
                url: "tiny.gguf".into(),
                bytes: 7,
                sha256: Sha256(sha256.try_into().unwrap()),
                chunks: None,
            }],
        }
    );
}

#[test]
fn variants_and_chunks() {
    let text = format!(
        r#"{{"name":"Two","license":"MIT","contextLength":9,"variants":[
            {{"url":"a.gguf","bytes":7,"sha256":{a},"chunks":{{"bytes":4,"sha256":[{b},{c}]}}}},
            {{"url":"b.gguf","bytes":3,"sha256":{b}}}]}}"#,
        a = hash(1),
        b = hash(2),
        c = hash(3),
    );
    let manifest = Manifest::parse(text.as_bytes()).unwrap();
    assert_eq!(
        manifest.files,
        [
            ModelFile {
                url: "a.gguf".into(),
                bytes: 7,
                sha256: digest(1),
                chunks: Some(Chunks {
                    bytes: 4,
                    sha256: vec![digest(2), digest(3)],
                }),
            },
            ModelFile {
                url: "b.gguf".into(),
                bytes: 3,
                sha256: digest(2),
                chunks: None,
            },
        ]
    );
    for (from, to, message) in [
        (
            r#""bytes":4"#,
            r#""bytes":3"#,
            "manifest field variants[0].chunks.sha256: expected 3 hashes, one for each 3 bytes; found 2",
        ),
        (
            r#""bytes":3"#,
            r#""byte":3"#,
            "manifest field variants[1].bytes: is missing",
        ),
        (
            r#""url":"b.gguf""#,
            r#""url":"b.gguf","name":"b""#,
            "manifest field variants[1].name: is not known; known: url, bytes, sha256, chunks",
        ),
        (
            &hash(3),
            "7",
            "manifest field variants[0].chunks.sha256[1]: expected 64 hexadecimal digits",
        ),
        (
            r#""contextLength":9"#,
            r#""contextLength":9,"url":"a""#,
            "manifest field url: is not known; known: name,",
        ),
    ] {
        check(&text, from, to, message);
    }
    let empty = r#"{"name":"Two","license":"MIT","contextLength":9,"variants":[]}"#;
    check(
        empty,
        "",
        "",
        "manifest field variants: expected a list of at least one file",
    );
}

fn check(text: &str, from: &str, to: &str, message: &str) {
    let error = Manifest::parse(text.replacen(from, to, 1).as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.starts_with(message), "{error}");
}

#[test]
fn errors_name_the_field() {
    for (from, to, message) in [
        (r#""name":"Tiny","#, "", "manifest field name: is missing"),
        (
            r#""Tiny""#,
            "7",
            "manifest field name: expected a text that is not empty",
        ),
        (
            r#""bytes":7"#,
            r#""bytes":-7"#,
            "manifest field bytes: expected a whole number above 0",
        ),
        (
            r#""bytes":7"#,
            r#""bytes":7.5"#,
            "manifest field bytes: expected a whole number above 0",
        ),
        (
            "00112233",
            "0011223",
            "manifest field sha256: expected 64 hexadecimal digits",
        ),
        (
            "00112233",
            "x0112233",
            "manifest field sha256: expected 64 hexadecimal digits",
        ),
        (
            ":2048",
            ":99999999999",
            "manifest field contextLength: more than a model can have",
        ),
        (
            r#""bytes":7"#,
            r#""bytes":7,"size":7"#,
            "manifest field size: is not known; known: name, license, contextLength, url, bytes",
        ),
        ("{", "[", "the manifest is not JSON: line 1"),
    ] {
        check(GOOD, from, to, message);
    }
}
