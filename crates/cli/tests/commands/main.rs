//! The commands that read lines, as somebody runs them.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

mod deploy;
mod drain;
mod keys;
mod privacy;
mod replay;
mod routing;
mod server;
mod tokens;

use std::{
    io::{ErrorKind, Write},
    process::{Child, Command, Output, Stdio},
    thread,
};

fn start(words: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(words)
        // It would be part of an error.
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What comes of `input`.
fn run(words: &[&str], input: &str) -> Output {
    let mut child = start(words);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = thread::spawn(move || {
        match stdin.write_all(input.as_bytes()) {
            // It stops reading at a bad line.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.unwrap(),
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What is found is then a matter of rules, which these tests can state.
fn by_patterns<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [words, &["--patterns-only"]].concat()
}
