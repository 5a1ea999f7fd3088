//! The commands that find and replace personal data, as somebody runs them.
//!
//! The fixtures hold what patterns find, and words that nothing should take for personal.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Output},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{by_patterns, run};

const MARKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/marked.jsonl");
const PROMPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/prompts.jsonl");

fn start(words: &[&str]) -> Child {
    crate::start(&by_patterns(words))
}

fn tidegate(words: &[&str], input: &str) -> Output {
    run(&by_patterns(words), input)
}

/// What a run that succeeds writes.
#[track_caller]
fn written(words: &[&str], input: &str) -> String {
    let output = tidegate(words, input);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Its lines, as JSON.
#[track_caller]
fn lines(words: &[&str], input: &str) -> Vec<Value> {
    let written = written(words, input);
    let parse = |line| serde_json::from_str(line).unwrap();
    written.lines().map(parse).collect()
}

/// The only line.
#[track_caller]
fn line(words: &[&str], input: &str) -> Value {
    let [line] = <[Value; 1]>::try_from(lines(words, input)).unwrap();
    line
}

/// Takes the scores out, which may be anything from one half to one.
#[track_caller]
fn without_scores(mut line: Value) -> Value {
    for span in line["spans"].as_array_mut().unwrap() {
        let score = span.as_object_mut().unwrap().shift_remove("score").unwrap();
        assert!((0.5..=1.0).contains(&score.as_f64().unwrap()), "{score}");
    }
    line
}

#[test]
fn detect_writes_spans_in_code_points_and_passes_fields_through() {
    let input = json!({"id": 7, "text": "é🦀 ada@example.com", "spans": "old", "note": [1, null]});
    let found = line(&["detect"], &input.to_string());
    let span = json!({"start": 3, "end": 18, "type": "EMAIL", "class": "prefer-not"});
    let expected = json!({"id": 7, "note": [1, null], "spans": [span]});
    assert_eq!(without_scores(found), expected);
    for (level, class) in [("balanced", "prefer-not"), ("careful", "never-leaves")] {
        let found = line(
            &["detect", "--plain", "--privacy", level],
            "4111 1111 1111 1111",
        );
        let span = json!({"start": 0, "end": 19, "type": "CARD", "class": class});
        assert_eq!(without_scores(found), json!({"spans": [span]}));
    }
}

#[test]
fn detect_names_topics() {
    let input = json!({"text": "My biopsy results came back.", "topics": "old"}).to_string();
    for (level, class) in [("balanced", "prefer-not"), ("careful", "restricted")] {
        assert_eq!(
            line(&["detect", "--privacy", level], &input),
            json!({"spans": [], "topics": [{"topic": "health", "class": class}]})
        );
    }
    let masked = line(&["sanitize", "--privacy", "careful"], &input);
    assert_eq!(masked["blocked"], true);
}

/// A file of rules, and what `detect` says with it.
fn with_rules(name: &str, rules: &Value, input: &str) -> Output {
    let path = format!("{}/{name}.json", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&path, rules.to_string()).unwrap();
    tidegate(&["detect", "--rules", &path], input)
}

#[test]
fn an_apps_rules_count() {
    let rules = json!({
        "preset": "careful",
        "kinds": {"EMAIL": "restricted"},
        "topics": {"health": "public"},
        "terms": [{"text": "project falcon", "kind": "ORGANIZATION", "class": "never-leaves"}],
    });
    let text = r#"{"text": "Project Falcon: my biopsy, ada@example.com"}"#;
    let output = with_rules("rules", &rules, text);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        without_scores(found),
        json!({
            "spans": [
                {"start": 0, "end": 14, "type": "ORGANIZATION", "class": "never-leaves"},
                {"start": 27, "end": 42, "type": "EMAIL", "class": "restricted"},
            ],
            "topics": [{"topic": "health", "class": "public"}],
        })
    );

    let path = format!("{}/rules.json", env!("CARGO_TARGET_TMPDIR"));
    let report = line(&["eval", "leak", "--data", PROMPTS, "--rules", &path], "");
    assert_eq!(
        (&report["privacy"], &report["rules"]),
        (&json!("careful"), &json!("rules.json"))
    );
}

#[test]
fn rules_that_would_be_ignored_are_refused() {
    for (rules, what) in [
        (
            json!({"kinds": {"EMIAL": "public"}}),
            "unknown variant `EMIAL`",
        ),
        (json!({"kind": {}}), "unknown field `kind`"),
        (
            json!({"kinds": {"API_KEY": "restricted"}}),
            "kinds.API_KEY: no rule makes this public",
        ),
        (
            json!({"terms": [{"text": " ", "kind": "PRIVATE", "class": "prefer-not"}]}),
            "terms[0].text: is empty",
        ),
        (
            json!({"terms": [{"text": "x", "kind": "PRIVATE", "class": "public"}]}),
            "terms[0].class: no rule makes PRIVATE public",
        ),
    ] {
        let output = with_rules("ignored", &rules, "");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(
            error.contains("ignored.json") && error.contains(what),
            "{error}"
        );
    }
    let output = tidegate(&["detect", "--privacy", "careful", "--rules", "x.json"], "");
    assert!(!output.status.success());
}

#[test]
fn sanitize_replaces_and_each_line_is_a_conversation() {
    let input = concat!(
        r#"{"text": "ada@example.com, bob@example.com, ada@example.com", "id": 1, "replaced": 0}"#,
        "\r\n\n",
        r#"{"id": 2, "text": "bob@example.com"}"#,
        "\n",
        r#"{"text": "my password is hunter22"}"#,
    );
    let replaced =
        |placeholder: &str, kind: &str| json!({"placeholder": placeholder, "kind": kind});
    let (first, second) = (
        replaced("[EMAIL_1]", "EMAIL"),
        replaced("[EMAIL_2]", "EMAIL"),
    );
    assert_eq!(
        lines(&["sanitize"], input),
        [
            json!({
                "text": "[EMAIL_1], [EMAIL_2], [EMAIL_1]",
                "id": 1,
                "replaced": [first, second],
                "blocked": false,
            }),
            json!({"id": 2, "text": "[EMAIL_1]", "replaced": [first], "blocked": false}),
            json!({
                "text": "my password is [API_KEY_1]",
                "replaced": [replaced("[API_KEY_1]", "API_KEY")],
                "blocked": true,
            }),
        ]
    );
}

#[test]
fn plain_text_is_one_text() {
    let text = "é\n\nada@example.com\r\n  bob@example.com, no line's end";
    assert_eq!(
        written(&["sanitize", "--plain"], text),
        "é\n\n[EMAIL_1]\r\n  [EMAIL_2], no line's end"
    );
    let span = |start: usize, end: usize| json!({"start": start, "end": end, "type": "EMAIL", "class": "prefer-not"});
    assert_eq!(
        without_scores(line(&["detect", "--plain", "-"], text)),
        json!({"spans": [span(3, 18), span(22, 37)]})
    );
    assert_eq!(written(&["sanitize", "--plain"], ""), "");
}

#[test]
fn a_bad_line_is_named_with_the_way_out_and_nothing_of_it() {
    let good = r#"{"text": "ada@example.com"}"#;
    for (bad, what) in [
        ("hunter22 is secret", "not JSON: expected value at column 1"),
        (
            r#"{"text": "hunter22"#,
            "not JSON: EOF while parsing a string at column 18",
        ),
        (r#""hunter22""#, "JSON, but not an object"),
        (r#"{"texd": "hunter22"}"#, "no field `text`"),
        (r#"{"text": ["hunter22"]}"#, "`text` is not a string"),
    ] {
        for command in ["detect", "sanitize"] {
            let output = tidegate(&[command], &format!("{good}\n\n{bad}\n{good}\n"));
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{error}");
            assert_eq!(
                error,
                format!(
                    "Error: standard input, line 3: {what}; each line is a JSON object with a string `text`; for plain text give --plain\n"
                )
            );
            // What was good before is there.
            assert_eq!(
                output.stdout.iter().filter(|&&byte| byte == b'\n').count(),
                1
            );
        }
    }
    let error = String::from_utf8(tidegate(&["detect", PROMPTS], "").stderr).unwrap();
    assert!(
        error.contains("prompts.jsonl, line 1: no field `text`"),
        "{error}"
    );
    let error = String::from_utf8(tidegate(&["detect", "absent.jsonl"], "").stderr).unwrap();
    assert!(error.contains("absent.jsonl"), "{error}");
}

/// The answer to a line comes before the next line is there.
#[test]
fn filters_stream() {
    let mut child = start(&["sanitize"]);
    let mut stdin = child.stdin.take().unwrap();
    let stdout = child.stdout.take().unwrap();
    let (send, lines) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            send.send(line.unwrap()).unwrap();
        }
    });
    for name in ["ada", "bob"] {
        writeln!(stdin, r#"{{"text": "{name}@example.com"}}"#).unwrap();
        // Only a filter that waits for the end of its input makes this wait.
        let line = lines.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(line.starts_with(r#"{"text":"[EMAIL_1]","#), "{line}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    reader.join().unwrap();
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    for command in ["detect", "sanitize"] {
        let mut child = start(&[command]);
        let mut stdin = child.stdin.take().unwrap();
        // Until nobody reads them any more: the pipe would hold some thousand.
        let writer =
            thread::spawn(
                move || {
                    while writeln!(stdin, r#"{{"text": "ada@example.com"}}"#).is_ok() {}
                },
            );
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        assert!(!first.is_empty());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert!(output.status.success());
    }
}

/// A figure that may be off by what parsing it costs.
#[track_caller]
fn check_near(figure: &Value, expected: f64) {
    let figure = figure.as_f64().unwrap();
    assert!((figure - expected).abs() < 1e-12, "{figure} {expected}");
}

/// Marked, found, matched of spans; the same of characters.
#[track_caller]
fn counts(both: &Value) -> [[u64; 3]; 2] {
    ["per_span", "per_character"]
        .map(|per| ["gold", "found", "matched"].map(|name| both[per][name].as_u64().unwrap()))
}

#[test]
fn eval_privacy_counts_as_done_by_hand() {
    let output = tidegate(&["eval", "privacy", "--data", MARKED, "--by", "group"], "");
    let note = String::from_utf8(output.stderr).unwrap();
    assert!(note.contains("the type \"SHOE_SIZE\" (1 spans)"), "{note}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(report["texts"], 6);
    assert_eq!(report["characters"], 24 + 17 + 26 + 26 + 21 + 22);
    check_near(&report["masked_share"], 56.0 / 136.0);
    let any = &report["any_type"];
    assert_eq!(counts(any), [[5, 4, 2], [43, 56, 29]]);
    let spans = &any["per_span"];
    for (name, figure) in [
        ("precision", 0.5),
        ("recall", 0.4),
        ("f1", 4.0 / 9.0),
        ("f2", 10.0 / 24.0),
    ] {
        check_near(&spans[name], figure);
    }
    let [low, high] = [0, 1].map(|end| spans["interval_95"]["recall"][end].as_f64().unwrap());
    assert!((0.0..=0.4).contains(&low) && (0.4..=1.0).contains(&high));

    // Found in place of SHOE_SIZE: the address counts, but not its three characters that are left out.
    let by_type = report["by_type"].as_object().unwrap();
    assert_eq!(
        by_type.keys().collect::<Vec<_>>(),
        ["EMAIL", "IP_ADDRESS", "PERSON"]
    );
    assert_eq!(counts(&by_type["EMAIL"]), [[1, 3, 1], [15, 42, 15]]);
    assert_eq!(counts(&by_type["IP_ADDRESS"]), [[1, 1, 1], [11, 11, 11]]);
    assert_eq!(counts(&by_type["PERSON"]), [[1, 0, 0], [10, 0, 0]]);
    assert_eq!(by_type["PERSON"]["per_span"]["precision"], Value::Null);
    assert_eq!(counts(&report["right_type"]), [[3, 4, 2], [36, 53, 26]]);
    assert_eq!(
        counts(&report["structured_types"]),
        [[2, 4, 2], [26, 53, 26]]
    );

    assert_eq!(
        report["by_data_type"],
        json!({
            "EMAIL_ADDRESS": {"type": "EMAIL", "gold": 1, "matched": 1, "recall": 1.0, "character_recall": 1.0},
            "IP_ADDRESS": {"type": "IP_ADDRESS", "gold": 1, "matched": 1, "recall": 1.0, "character_recall": 1.0},
            "PERSON": {"type": "PERSON", "gold": 1, "matched": 0, "recall": 0.0, "character_recall": 0.0},
            "SHOE_SIZE": {"type": null, "gold": 1, "matched": 0, "recall": 0.0, "character_recall": 1.0},
            "TITLE": {"type": null, "gold": 1, "matched": 0, "recall": 0.0, "character_recall": 0.0},
        })
    );

    let by = &report["by"];
    assert_eq!((&by["field"], &by["groups"]), (&json!("group"), &json!(3)));
    assert_eq!(by["each"]["right"]["f2"], 1.0);
    assert_eq!(by["each"]["left out"]["precision"], Value::Null);
    // Right 2 of 2, wrong 0 of 2, left out 0 of 0; and 2 of 2, 0 of 2, 0 of 1.
    assert_eq!(by["mean"]["precision"], 0.5);
    check_near(&by["mean"]["recall"], 1.0 / 3.0);

    assert!(report["ms_per_text"]["p50"].as_f64().unwrap() > 0.0);
    assert_eq!(report["ms_per_1000_characters"], Value::Null);
}

#[test]
fn eval_privacy_takes_a_map_of_types() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let (map, errors) = (
        format!("{folder}/labels.json"),
        format!("{folder}/errors.jsonl"),
    );
    fs::write(&map, r#"{"shoe size": "EMAIL", "PERSON": null}"#).unwrap();
    let words = [
        "eval", "privacy", "--data", MARKED, "--labels", &map, "--errors", &errors,
    ];
    let output = tidegate(&words, "");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(counts(&report["by_type"]["EMAIL"])[0], [2, 3, 1]);
    assert_eq!(report["by_type"]["PERSON"], Value::Null);
    assert_eq!(counts(&report["any_type"])[0], [5, 4, 2]);

    let written = fs::read_to_string(&errors).unwrap();
    let written: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let entry = |start: usize, end: usize, kind: &str, text: &str| json!({"start": start, "end": end, "type": kind, "text": text});
    assert_eq!(
        written,
        [
            json!({"line": 3, "missed": [entry(4, 14, "PERSON", "blue chair")], "spurious": []}),
            json!({"line": 4, "missed": [], "spurious": [entry(5, 20, "EMAIL", "bob@example.org")]}),
            json!({
                "line": 5,
                "missed": [entry(0, 3, "SHOE_SIZE", "bob")],
                "spurious": [entry(0, 15, "EMAIL", "bob@example.org")],
            }),
            json!({"line": 6, "missed": [entry(12, 16, "TITLE", "esq.")], "spurious": []}),
        ]
    );

    fs::write(&map, r#"{"GPE": "PLACE"}"#).unwrap();
    let output = tidegate(&words, "");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains(
            "\"GPE\" is mapped to \"PLACE\", which is no kind; choose null or one of EMAIL"
        ),
        "{error}"
    );
}

#[test]
fn eval_privacy_refuses_spans_that_cannot_be() {
    for (bad, what) in [
        (r#"{"text": "é🦀"}"#, "no field `spans`"),
        (
            r#"{"text": "é🦀", "spans": [{"start": "hunter22"}]}"#,
            "`spans` is not a list of such objects",
        ),
        (
            r#"{"text": "é🦀", "spans": [{"start": 0, "end": 2, "type": "X"}, {"start": 1, "end": 6, "type": "X"}]}"#,
            "span 2 goes from 1 to 6 in a text of 2 code points",
        ),
        (
            r#"{"text": "é🦀", "spans": [{"start": 1, "end": 1, "type": "X"}]}"#,
            "span 1 goes from 1 to 1 in a text of 2 code points",
        ),
    ] {
        let output = tidegate(&["eval", "privacy", "--data", "-"], bad);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(
            error.contains(&format!("standard input, line 1: {what}; each line")),
            "{error}"
        );
        assert!(!error.contains("hunter22"), "{error}");
    }
}

#[test]
fn eval_leak_counts_as_done_by_hand() {
    let mut report = line(&["eval", "leak", "--data", PROMPTS], "");
    let report = report.as_object_mut().unwrap();
    for ms in ["ms_per_text", "ms_per_1000_characters"] {
        report.shift_remove(ms).unwrap();
    }
    let interval = report.shift_remove("interval_95").unwrap();
    assert_eq!(interval["leaked_share"].as_array().unwrap().len(), 2);
    // Replaced: the address of 15 characters and the password of 8.
    for (name, figure) in [
        ("leaked_share", 1.0 / 3.0),
        ("leaked_share_of_in_prompt", 0.5),
        ("masked_share", 23.0 / (30.0 + 19.0 + 23.0)),
    ] {
        check_near(&report.shift_remove(name).unwrap(), figure);
    }
    assert_eq!(
        Value::Object(report.clone()),
        json!({
            "data": "prompts.jsonl",
            "privacy": "balanced",
            "prompts": 3,
            "prompts_leaking": 1,
            "prompts_blocked": 1,
            "units": 3,
            "units_in_prompt": 2,
            "leaked": 1,
        })
    );
}

#[test]
fn help_says_what_the_figures_mean() {
    for (command, words) in [
        ("privacy", "intersection over union"),
        ("leak", "whatever the case"),
    ] {
        let help = written(&["eval", command, "--help"], "");
        assert!(help.contains(words), "{help}");
    }
    let mut help = String::new();
    let mut child = start(&["detect", "--help"]);
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut help)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert!(help.contains("code points"), "{help}");
}
