//! Which Rust toolchain builds for wasm32, in this order: the active one if it can; on Debian the
//! distribution's own; anywhere else `rustup target add`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use duct::{Expression, cmd};

use crate::run::{self, Outcome};
use crate::{places, setup};

/// The target of pages and of workers.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// What Debian's toolchain consists of, but for the linker, whose package carries a version.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// A way to build for wasm32.
pub enum Toolchain {
    /// The active toolchain has the target's standard library.
    Active,
    /// Debian's packages `rustc-web` and friends: the standard library is built from source.
    Debian {
        /// `wasm-ld` with LLVM's version in its name.
        linker: String,
    },
}

impl Toolchain {
    /// The toolchain that is there, if one is.
    pub fn find() -> Option<Self> {
        if active_has_target() {
            return Some(Self::Active);
        }
        if !setup::debian_packages_missing(&DEBIAN_PACKAGES).is_empty() {
            return None;
        }
        newest_linker().map(|linker| Self::Debian { linker })
    }

    /// Whether the standard library is built too, as a module with threads wants it: with atomics.
    pub fn builds_std(&self) -> bool {
        matches!(self, Self::Debian { .. })
    }

    /// `cargo rustc` of a crate's library as a module for wasm32, with these features and no others, in this
    /// profile; Rust's `flags` are set for this target alone, so that build scripts and macros stay valid.
    pub fn build(
        &self,
        package: &str,
        features: &str,
        profile: &str,
        flags: &str,
        target_folder: &Path,
    ) -> Expression {
        let mut words: Vec<OsString> = [
            "rustc",
            "--lib",
            "--crate-type",
            "cdylib",
            "--profile",
            profile,
        ]
        .iter()
        .chain(&["--no-default-features", "--features", features])
        .chain(&["--package", package, "--target", TARGET, "--target-dir"])
        .map(OsString::from)
        .collect();
        words.push(target_folder.into());
        let program = match self {
            Self::Active => PathBuf::from("cargo"),
            Self::Debian { .. } => {
                words.extend(["-Z".into(), "build-std=std,panic_abort".into()]);
                // Small sorts and formatting: every type that is sorted brings a sort of its own.
                words.extend(["-Z", "build-std-features=optimize_for_size"].map(OsString::from));
                PathBuf::from("/usr/bin/cargo")
            }
        };
        let command = cmd(program, words)
            .dir(places::root())
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
        match self {
            Self::Active => command,
            Self::Debian { linker } => command
                .env_remove("RUSTUP_TOOLCHAIN")
                .env("RUSTC", "/usr/bin/rustc")
                // -Z build-std on a stable compiler; the same compiler and source package, so it fits.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Active => "the active Rust toolchain has wasm32".to_owned(),
            Self::Debian { linker } => format!("Debian's rustc-web with {linker}"),
        }
    }
}

/// Finds or installs a toolchain for wasm32.
pub fn ensure() -> Result<Outcome> {
    if let Some(toolchain) = Toolchain::find() {
        return Ok(Outcome::There(toolchain.name()));
    }
    // A fresh machine has no package lists, and without them apt knows no package.
    setup::apt_update_if_root()?;
    if setup::is_debian() && run::read(cmd!("apt-cache", "show", "rustc-web")).is_ok() {
        let linker = newest_linker_package()
            .context("apt has no package lld-NN; run apt-get update and try again")?;
        let packages: Vec<&str> = DEBIAN_PACKAGES
            .iter()
            .copied()
            .chain([linker.as_str()])
            .collect();
        setup::apt_install(&packages)?;
    } else if places::on_path(&["rustup"]).is_some() {
        println!("      running `rustup target add {TARGET}`");
        run::quiet(
            "rustup-target",
            cmd!("rustup", "target", "add", TARGET).dir(places::root()),
        )?;
    } else {
        bail!(
            "no Rust toolchain for {TARGET}: install that target's standard library, for example with rustup"
        );
    }
    match Toolchain::find() {
        Some(toolchain) => Ok(Outcome::Did(format!("installed: {}", toolchain.name()))),
        None => bail!(
            "{TARGET} still cannot be built for; see the logs in {}",
            places::logs().display()
        ),
    }
}

fn active_has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let folder =
        run::read(cmd!(rustc, "--print", "target-libdir", "--target", TARGET).dir(places::root()));
    folder.is_ok_and(|folder| fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()))
}

/// `wasm-ld-NN` with the highest NN.
fn newest_linker() -> Option<String> {
    let files = fs::read_dir("/usr/bin").ok()?;
    let names = files
        .flatten()
        .filter_map(|file| file.file_name().into_string().ok());
    highest(names, "wasm-ld-")
}

/// `lld-NN` with the highest NN that apt knows.
fn newest_linker_package() -> Option<String> {
    let list = run::read(cmd!("apt-cache", "pkgnames", "lld-")).ok()?;
    highest(list.lines().map(str::to_owned), "lld-")
}

fn highest(names: impl Iterator<Item = String>, prefix: &str) -> Option<String> {
    names
        .filter_map(|name| Some((name.strip_prefix(prefix)?.parse::<u32>().ok()?, name)))
        .max()
        .map(|(_, name)| name)
}
