//! A gateway's keys: made, signed, handed out by two ways, compared, rotated.

use std::{
    fs,
    path::{Path, PathBuf},
};

use dsse::PublicKey;
use oblivious_http::{Directory, KeyPolicy, Seen, Untrusted, trusted_key};

use super::{run, server::Server};

/// A folder that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tidegate-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the command prints.
pub fn tidegate(words: &[&str]) -> String {
    let output = run(words, "");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn keys_are_made_signed_handed_out_and_compared() {
    let folder = Folder::new("keys");
    let [keys, signer, list] = ["keys.json", "signer", "list.json"].map(|name| folder.file(name));
    let made = tidegate(&["keys", "generate", "--keys", &keys, "--signer", &signer]);
    let pinned = made
        .split("signed by ")
        .nth(1)
        .and_then(|rest| rest.split(';').next())
        .unwrap();
    tidegate(&[
        "keys", "sign", "--keys", &keys, "--signer", &signer, "--out", &list,
    ]);
    let shown = tidegate(&["keys", "show", "--directory", &list, "--signed-by", pinned]);
    let x_wing = shown.lines().find(|line| line.contains("XWing")).unwrap();

    let upstream = ["--upstream-url", "http://127.0.0.1:9/v1"];
    let free = ["--listen", "127.0.0.1:0"];
    let from = ["--keys", &keys, "--directory", &list];
    let gateway = Server::start(&[&["gateway"][..], &free, &from, &upstream].concat());
    let url = format!("http://{}/", gateway.address);
    let relay = Server::start(&[&["relay"][..], &free, &["--gateway", &url]].concat());

    let [by_relay, directly] = [&relay, &gateway].map(|server| server.get("/key-directory"));
    assert_eq!((by_relay.0, directly.0), (200, 200));
    let signers = [PublicKey::from_base64(pinned).unwrap()];
    let now = Directory::open(&directly.1, &signers).unwrap().issued;
    let seen = [("relay", &by_relay.1), ("directly", &directly.1)]
        .map(|(path, directory)| Seen { path, directory });
    let any_age = KeyPolicy {
        least_age_s: 0,
        ..KeyPolicy::default()
    };
    let trusted = trusted_key(&seen, &signers, &any_age, now).unwrap();
    assert_eq!(x_wing.split(' ').next(), Some(trusted.key.fingerprint()));
    assert_eq!(trusted.passed_over, []);
    // Keys that were made this moment are too young for a page that asks for an hour.
    let young = trusted_key(&seen, &signers, &KeyPolicy::default(), now);
    assert!(
        matches!(young, Err(Untrusted::TooYoung { .. })),
        "{young:?}"
    );

    // A gateway without a list has none to hand out, and its relay says so.
    let seed = folder.file("seed");
    let gateway = Server::start(&[&["gateway"][..], &free, &["--seed", &seed], &upstream].concat());
    let url = format!("http://{}/", gateway.address);
    let relay = Server::start(&[&["relay"][..], &free, &["--gateway", &url]].concat());
    assert_eq!(gateway.get("/key-directory").0, 404);
    let (status, problem) = relay.get("/key-directory");
    assert_eq!(status, 502);
    assert!(problem.contains("gateway-unavailable"), "{problem}");
}

#[test]
fn newer_keys_are_published_before_they_are_valid() {
    let folder = Folder::new("rotate");
    let [keys, signer] = ["keys.json", "signer"].map(|name| folder.file(name));
    tidegate(&["keys", "generate", "--keys", &keys, "--signer", &signer]);
    only_its_owner_reads(Path::new(&keys));
    only_its_owner_reads(Path::new(&signer));
    let again = run(
        &["keys", "generate", "--keys", &keys, "--signer", &signer],
        "",
    );
    assert!(!again.status.success());
    let error = String::from_utf8(again.stderr).unwrap();
    assert!(error.contains("there are keys already"), "{error}");

    let rotated = tidegate(&["keys", "rotate", "--keys", &keys]);
    only_its_owner_reads(Path::new(&keys));
    let shown = tidegate(&["keys", "show", "--keys", &keys]);
    let lines: Vec<&str> = shown.lines().skip(1).collect();
    assert_eq!(lines.len(), 4, "{shown}");
    assert!(lines.iter().all(|line| rotated.contains(line)), "{rotated}");
    let seconds = |line: &str, after: &str| -> u64 {
        let rest = line.split_once(after).unwrap().1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    };
    let lead = |line: &&str| seconds(line, "valid ") - seconds(line, "published ");
    let leads: Vec<u64> = lines.iter().map(lead).collect();
    assert_eq!(leads, [0, 0, 86_400, 86_400]);
}

pub fn only_its_owner_reads(path: &Path) {
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}
