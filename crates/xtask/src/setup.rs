//! What the other commands need, checked first and put in place only where it is missing.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use duct::cmd;
use sha2::{Digest, Sha256};

use crate::run::{self, Outcome, Steps};
use crate::{model, places, software_gpu, toolchain};

/// The reference server of the browser specs, pinned: the golden files come from it.
const XLLAMACPP: &str = "xllamacpp==2026.10.11549";

/// How many steps `steps` takes.
pub const STEPS: usize = 7;

/// `cargo xtask setup`.
pub fn setup() -> Result<()> {
    let mut progress = Steps::new(STEPS);
    steps(&mut progress)
}

/// Everything, step by step.
pub fn steps(progress: &mut Steps) -> Result<()> {
    build_steps(progress)?;
    progress.step("Chromium, for the browser specs", ensure_chromium)?;
    progress.step(
        "a Vulkan adapter in software, for WebGPU tests without a GPU",
        software_gpu::ensure,
    )?;
    progress.step(
        "Python environment with the reference server (llama.cpp)",
        ensure_reference_server,
    )
}

/// How many steps `build_steps` takes.
pub const BUILD_STEPS: usize = 4;

/// Only what building and serving take.
pub fn build_steps(progress: &mut Steps) -> Result<()> {
    progress.step("Rust toolchain for wasm32", toolchain::ensure)?;
    progress.step("npm packages from the lockfile", ensure_npm_packages)?;
    progress.step("Python environment, for downloads", ensure_python)?;
    progress.step(&format!("model {}", model::TITLE), model::ensure)
}

/// The browser of the specs: `$CHROMIUM`, or the first that is found.
pub fn chromium() -> Option<PathBuf> {
    env::var_os("CHROMIUM").map(PathBuf::from).or_else(|| {
        places::on_path(&[
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
        ])
    })
}

/// npm packages, without running their scripts: nothing that they fetch is needed.
pub fn ensure_npm_packages() -> Result<Outcome> {
    let lockfile = places::root().join("package-lock.json");
    let bytes =
        fs::read(&lockfile).with_context(|| format!("{}: not readable", lockfile.display()))?;
    let wanted = hex::encode(Sha256::digest(&bytes));
    let stamp = places::root().join("node_modules/.tidegate-lockfile-sha256");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Outcome::There("node_modules is the lockfile's".to_owned()));
    }
    if places::on_path(&["npm"]).is_none() {
        if !is_debian() {
            bail!("npm is not installed: install Node.js 20 or later");
        }
        apt_install(&["nodejs", "npm"])?;
    }
    run::quiet(
        "npm-ci",
        cmd!("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").dir(places::root()),
    )?;
    fs::write(stamp, wanted)?;
    Ok(Outcome::Did("installed".to_owned()))
}

/// Python with `pip`, in an environment of its own.
pub fn ensure_python() -> Result<Outcome> {
    let python = places::python()?;
    if python.is_file() {
        return Ok(Outcome::There(python.display().to_string()));
    }
    let folder = places::cache()?.join("python");
    fs::create_dir_all(&folder)?;
    if places::on_path(&["python3"]).is_none() {
        if !is_debian() {
            bail!("python3 is not installed; install it with its venv module");
        }
        apt_install(&["python3", "python3-venv"])?;
    }
    // Debian ships Python without `ensurepip`, which the environment needs.
    if cmd!("python3", "-c", "import ensurepip")
        .stderr_null()
        .unchecked()
        .run()?
        .status
        .code()
        != Some(0)
    {
        apt_install(&["python3-venv"])?;
    }
    run::quiet("python-venv", cmd!("python3", "-m", "venv", &folder))?;
    Ok(Outcome::Did(format!("made {}", folder.display())))
}

fn ensure_reference_server() -> Result<Outcome> {
    let python = places::python()?;
    let version = "import importlib.metadata as m; print('xllamacpp==' + m.version('xllamacpp'))";
    if run::read(cmd!(&python, "-c", version)).is_ok_and(|installed| installed == XLLAMACPP) {
        return Ok(Outcome::There(XLLAMACPP.to_owned()));
    }
    run::quiet(
        "pip-xllamacpp",
        cmd!(
            &python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--only-binary=:all:",
            XLLAMACPP
        ),
    )?;
    Ok(Outcome::Did(format!("installed {XLLAMACPP}")))
}

fn ensure_chromium() -> Result<Outcome> {
    if let Some(program) = chromium() {
        return Ok(Outcome::There(program.display().to_string()));
    }
    if !is_debian() {
        bail!(
            "no Chromium or Chrome on the PATH: install one, or name it in the variable CHROMIUM"
        );
    }
    apt_install(&["chromium"])?;
    Ok(Outcome::Did("installed chromium".to_owned()))
}

/// Whether this machine has apt's tools.
pub fn is_debian() -> bool {
    places::on_path(&["apt-get"]).is_some() && places::on_path(&["dpkg-query"]).is_some()
}

/// Those of `packages` that are not installed.
pub fn debian_packages_missing<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    let status =
        |name: &str| run::read(cmd!("dpkg-query", "-W", "-f", "${db:Status-Status}", name));
    packages
        .iter()
        .copied()
        .filter(|name| !status(name).is_ok_and(|status| status == "installed"))
        .collect()
}

/// Installs those of `packages` that are missing; only root may, everyone else is told the command.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    let missing = debian_packages_missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    let command = format!(
        "apt-get install --no-install-recommends {}",
        missing.join(" ")
    );
    if !is_root()? {
        bail!(
            "not installed: {}. Run as root: {command}",
            missing.join(", ")
        );
    }
    println!("      running `{command}`");
    apt_update_if_root()?;
    let install = ["-qq", "-y", "install", "--no-install-recommends"];
    run::quiet(
        "apt-install",
        cmd("apt-get", install.into_iter().chain(missing)).env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// Fetches the package lists where apt is and may be used.
pub fn apt_update_if_root() -> Result<()> {
    if !is_debian() || !is_root()? {
        return Ok(());
    }
    run::quiet("apt-update", cmd!("apt-get", "-qq", "update"))
}

fn is_root() -> Result<bool> {
    Ok(run::read(cmd!("id", "-u"))? == "0")
}
