//! Tokens over the commands: an issuer's keys and apps, and a gateway that asks for them.

use privacy_pass::Directory;

use super::{
    keys::{Folder, only_its_owner_reads, tidegate},
    run,
    server::Server,
};

#[test]
fn an_issuer_serves_its_keys_and_a_gateway_takes_its_tokens() {
    let folder = Folder::new("tokens");
    let names = [
        "issuer.json",
        "apps.json",
        "directory.json",
        "seed",
        "spent",
    ];
    let [keys, apps, directory, seed, spent] = names.map(|name| folder.file(name));
    tidegate(&["tokens", "generate", "--keys", &keys]);
    tidegate(&["tokens", "rotate", "--keys", &keys]);
    let allow = [
        "tokens",
        "allow",
        "--apps",
        &apps,
        "--name",
        "an app",
        "--daily-tokens",
        "9",
    ];
    let key = tidegate(&allow);
    assert_ne!(tidegate(&allow), key, "the app has a new key");
    only_its_owner_reads(keys.as_ref());
    only_its_owner_reads(apps.as_ref());
    assert_eq!(
        std::fs::read_to_string(&apps)
            .unwrap()
            .matches("an app")
            .count(),
        1
    );
    tidegate(&["tokens", "directory", "--keys", &keys, "--out", &directory]);

    let free = ["--listen", "127.0.0.1:0"];
    let from = ["issuer", "--keys", &keys, "--apps", &apps];
    let issuer = Server::start(&[&from[..], &free].concat());
    let (status, served) = issuer.get("/.well-known/private-token-issuer-directory");
    assert_eq!(status, 200);
    let read = |json: &str| serde_json::from_str::<Directory>(json).unwrap();
    let file = std::fs::read_to_string(&directory).unwrap();
    assert_eq!(read(&served).keys().unwrap().len(), 2);
    assert_eq!(read(&served), read(&file));

    let upstream = ["--upstream-url", "http://127.0.0.1:9/v1", "--seed", &seed];
    let tokens = [
        "--issuer-keys",
        &directory,
        "--issuer",
        "issuer.example",
        "--origin",
        "gateway.example",
    ];
    let whole = [
        &["gateway"][..],
        &free,
        &upstream,
        &tokens,
        &["--spent", &spent],
    ]
    .concat();
    let gateway = Server::start(&whole);
    assert_eq!(gateway.get("/healthz").0, 200);
    // What is spent is known to one gateway at a time.
    let other = run(&whole, "");
    let error = String::from_utf8(other.stderr).unwrap();
    assert!(
        !other.status.success() && error.contains("does another gateway use it?"),
        "{error}"
    );
    // Half of the options would take tokens without remembering them.
    let half = run(&[&["gateway"][..], &free, &upstream, &tokens].concat(), "");
    assert!(!half.status.success());
}
