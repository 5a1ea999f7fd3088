//! What operators are given to run the servers with: it names options that there are, and gives nothing away.

use std::{collections::BTreeSet, fs, path::Path};

use super::run;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(FOLDER).join(name)).unwrap()
}

/// The options that a command has.
fn options(command: &str) -> BTreeSet<String> {
    let help = run(&[command, "--help"], "");
    let help = String::from_utf8(help.stdout).unwrap();
    named(&help)
}

/// The options that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
    words
        .filter(|word| word.starts_with("--") && word.contains(char::is_alphabetic))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_units_run_what_there_is_as_nobody() {
    const HARD: [&str; 14] = [
        "CapabilityBoundingSet=",
        "DynamicUser=yes",
        "LimitCORE=0",
        "LockPersonality=yes",
        "MemoryDenyWriteExecute=yes",
        "MemorySwapMax=0",
        "NoNewPrivileges=yes",
        "PrivateDevices=yes",
        "PrivateTmp=yes",
        "ProtectHome=yes",
        "ProtectSystem=strict",
        "RestrictAddressFamilies=AF_INET AF_INET6",
        "RestrictNamespaces=yes",
        "SystemCallFilter=@system-service",
    ];
    for command in ["relay", "gateway"] {
        let unit = file(&format!("tidegate-{command}.service"));
        let lines: BTreeSet<&str> = unit.lines().collect();
        for line in HARD {
            assert!(lines.contains(line), "{command}: {line}");
        }
        let start = format!("ExecStart=/usr/bin/tidegate {command} ");
        let start = unit.lines().find_map(|line| line.strip_prefix(&start));
        let unknown: Vec<String> = named(start.unwrap())
            .difference(&options(command))
            .cloned()
            .collect();
        assert!(unknown.is_empty(), "{command} has no {unknown:?}");
        // No secret stands where every user of the machine can read it.
        assert!(!start.unwrap().contains("key=") && !start.unwrap().contains("--upstream-key"));
    }
}

#[test]
fn the_image_holds_the_command_alone_and_runs_it_as_nobody() {
    let image = file("Containerfile");
    let last = image.rsplit("\nFROM ").next().unwrap();
    let steps: Vec<&str> = last
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(
        steps,
        [
            "COPY --from=build /source/target/release/tidegate /usr/bin/tidegate",
            "USER 65532:65532",
            "STOPSIGNAL SIGTERM",
            "ENTRYPOINT [\"/usr/bin/tidegate\"]",
        ]
    );
}

#[test]
fn the_operators_guide_names_options_that_there_are() {
    let guide = include_str!("../../../../docs/operating.md");
    let known: BTreeSet<String> = options("relay")
        .union(&options("gateway"))
        .cloned()
        .collect();
    let unknown: Vec<String> = named(guide).difference(&known).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
