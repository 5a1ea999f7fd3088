//! What ARCHITECTURE.md promises about what is absent.
//!
//! Every name in a rule must exist, so that a typing error does not pass for a rule that holds.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Decisions without I/O: the crates that run anywhere.
const PURE: [&str; 4] = ["engine", "router", "privacy", "query"];

/// Burn, networks, async runtimes and the web platform.
const OUTSIDE: [&str; 12] = [
    "burn",
    "cubecl",
    "wgpu",
    "reqwest",
    "hyper",
    "axum",
    "tokio",
    "web-sys",
    "js-sys",
    "wasm-bindgen",
    "wasm-bindgen-futures",
    "worker",
];

#[test]
fn pure_crates_reach_nothing_outside() {
    let graph = graph();
    for from in PURE {
        for to in OUTSIDE {
            assert!(
                !graph.reaches(from, to),
                "{from} must not reach {to}: {}",
                graph.path(from, to)
            );
        }
    }
}

/// On targets that this machine does not build for, too.
#[test]
fn pure_crates_name_nothing_outside() {
    let graph = graph();
    for from in PURE {
        for dependency in &graph.package(from).dependencies {
            let outside = OUTSIDE.contains(&dependency.name.as_str());
            let allowed = dependency.kind == DependencyKind::Development;
            assert!(
                !outside || allowed,
                "{from} must not name {}",
                dependency.name
            );
        }
    }
}

/// The privacy gate comes before the learned score and cannot be outvoted by it.
#[test]
fn router_does_not_know_privacy() {
    let graph = graph();
    assert!(!graph.reaches("router", "privacy"));
}

/// It cannot open what it carries.
#[test]
fn relay_does_not_know_the_envelope() {
    let graph = graph();
    for to in ["oblivious-http", "ohttp", "privacy", "engine", "gateway"] {
        assert!(!graph.reaches("relay", to), "{}", graph.path("relay", to));
    }
}

/// A gateway that could run the page's engine could also be mistaken for it.
#[test]
fn gateway_does_not_know_the_engine() {
    let graph = graph();
    for to in ["engine", "local-model", "relay"] {
        assert!(
            !graph.reaches("gateway", to),
            "{}",
            graph.path("gateway", to)
        );
    }
}

/// Every page would download what only some apps ask for.
#[test]
fn no_page_carries_the_verification_of_hardware() {
    let graph = graph();
    for from in ["engine", "privacy", "oblivious-http", "browser", "relay"] {
        for to in ["attestation", "dcap-qvl", "sev", "rsa"] {
            assert!(!graph.reaches(from, to), "{}", graph.path(from, to));
        }
    }
}

/// Who signs tokens and who takes them share public keys alone, and a page has a library of its own language.
#[test]
fn an_issuer_a_gateway_and_a_page_share_no_secrets() {
    let graph = graph();
    graph.must_exist("blind-rsa-signatures");
    for (from, to) in [
        ("gateway", "issuer"),
        ("issuer", "gateway"),
        ("issuer", "oblivious-http"),
        ("relay", "privacy-pass"),
        ("browser", "privacy-pass"),
        ("engine", "privacy-pass"),
    ] {
        assert!(!graph.reaches(from, to), "{}", graph.path(from, to));
    }
}

#[test]
fn only_local_model_names_the_gpu_stack() {
    let graph = graph();
    for gpu in ["burn", "burn-cubecl", "cubecl", "wgpu"] {
        graph.must_exist(gpu);
        let naming: Vec<&str> = graph
            .members()
            .filter(|package| package.dependencies.iter().any(|on| on.name == gpu))
            .map(|package| package.name.as_str())
            .filter(|&name| name != "local-model")
            .collect();
        assert!(naming.is_empty(), "{gpu} is named by {naming:?}");
    }
}

#[test]
fn every_crate_has_the_workspace_lints() {
    for package in graph().members() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{}: add `[lints]` with `workspace = true`",
            package.manifest_path
        );
    }
}

/// A file so named collects what belongs elsewhere.
#[test]
fn no_file_is_named_after_nothing() {
    const EMPTY: [&str; 8] = [
        "utils", "util", "common", "core", "helper", "helpers", "manager", "misc",
    ];
    for file in tracked_files() {
        for part in Path::new(&file).iter() {
            let name = part.to_string_lossy();
            let stem = name.split('.').next().unwrap_or_default();
            assert!(!EMPTY.contains(&stem), "{file}: name it after what it does");
        }
    }
}

/// What stands in the repository is true on every machine.
#[test]
fn no_machine_paths_and_no_registry_hosts() {
    // In two pieces, so that this file does not find itself.
    let forbidden = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("registry.", "npmjs.org"),
        concat!("files.", "pythonhosted.org"),
        concat!("static.", "crates.io"),
        concat!("deb.", "debian.org"),
    ];
    // Sentences to learn from may hold a folder, because its name says whose it is.
    let files = tracked_files();
    let files = files
        .iter()
        .filter(|file| !file.starts_with("crates/privacy-training/data/"));
    for file in files {
        // Binary files (icons, pictures) are not text and are left out.
        let Ok(text) = std::fs::read_to_string(Path::new(ROOT).join(file)) else {
            continue;
        };
        for word in forbidden {
            let found = text.lines().position(|line| line.contains(word));
            assert_eq!(found, None, "{file} (line counted from 0): {word}");
        }
    }
}

fn tracked_files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(ROOT)
        .output()
        .unwrap();
    let files: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .split_terminator('\0')
        .filter(|file| Path::new(ROOT).join(file).exists())
        .map(str::to_owned)
        .collect();
    assert!(files.iter().any(|file| file == "Cargo.toml"), "{files:?}");
    files
}

/// Who depends on whom, as built: features as by default, this machine's platform, no dev-dependencies.
struct Graph {
    metadata: Metadata,
    edges: HashMap<PackageId, Vec<PackageId>>,
}

fn graph() -> &'static Graph {
    static GRAPH: LazyLock<Graph> = LazyLock::new(Graph::new);
    &GRAPH
}

impl Graph {
    fn new() -> Self {
        let mut command = MetadataCommand::new();
        command.manifest_path(Path::new(ROOT).join("Cargo.toml"));
        command.features(CargoOpt::AllFeatures);
        let metadata = command.exec().unwrap();
        let host = command
            .other_options(["--filter-platform".to_owned(), host_platform()])
            .exec()
            .unwrap();
        let nodes = host.resolve.unwrap().nodes;
        let edges = nodes.into_iter().map(|node| {
            let used = node.deps.into_iter().filter(|dependency| {
                let mut kinds = dependency.dep_kinds.iter();
                kinds.any(|kind| kind.kind == DependencyKind::Normal)
            });
            (node.id, used.map(|dependency| dependency.pkg).collect())
        });
        Self {
            metadata,
            edges: edges.collect(),
        }
    }

    fn members(&self) -> impl Iterator<Item = &Package> {
        self.metadata.workspace_packages().into_iter()
    }

    fn package(&self, name: &str) -> &Package {
        let found = self.members().find(|package| package.name == name);
        found.unwrap_or_else(|| panic!("no crate of this workspace is named {name}"))
    }

    fn must_exist(&self, name: &str) {
        let mut packages = self.metadata.packages.iter();
        assert!(
            packages.any(|package| package.name == name),
            "{name}: no such package is in Cargo.lock; is the rule spelled right?"
        );
    }

    fn reaches(&self, from: &str, to: &str) -> bool {
        self.must_exist(to);
        !self.path(from, to).is_empty()
    }

    /// `a -> b -> c`, or nothing.
    fn path(&self, from: &str, to: &str) -> String {
        let names: HashMap<&PackageId, &str> = self
            .metadata
            .packages
            .iter()
            .map(|package| (&package.id, package.name.as_str()))
            .collect();
        let mut seen = BTreeSet::new();
        let mut open = vec![vec![&self.package(from).id]];
        while let Some(path) = open.pop() {
            let Some(&last) = path.last() else { continue };
            if path.len() > 1 && names[last] == to {
                let path: Vec<&str> = path.iter().map(|id| names[id]).collect();
                return path.join(" -> ");
            }
            if seen.insert(last) {
                let next = self.edges.get(last).into_iter().flatten();
                open.extend(next.map(|id| path.iter().copied().chain([id]).collect()));
            }
        }
        String::new()
    }
}

fn host_platform() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}
