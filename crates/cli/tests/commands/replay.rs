//! `tidegate replay`.

use std::process::Output;

use serde_json::Value;

use crate::run;

/// What comes of records on standard input.
fn replay(records: &str) -> Output {
    run(&["replay"], records)
}

fn record() -> Value {
    serde_json::from_str(include_str!("../../../router/tests/record.json")).unwrap()
}

#[test]
fn a_kept_decision_comes_out_the_same() {
    let output = replay(&format!("{}\n", record()));
    assert!(output.status.success());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["same"], true);
    assert_eq!(told["result"], record()["result"]);
}

#[test]
fn a_decision_that_was_changed_is_found_out() {
    let mut changed = record();
    changed["inputs"]["device"]["strain"]["batteryLow"] = false.into();
    let output = replay(&format!("{}\n{changed}\n", record()));
    assert!(!output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    let same: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["same"].clone())
        .collect();
    assert_eq!(same, [true, false]);
}

#[test]
fn what_is_no_record_is_named_by_its_line() {
    let output = replay("\n{\"prompt\":\"a secret\"}\n");
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("standard input, line 2: not a record") && !error.contains("secret"),
        "{error}"
    );
}
