//! The peers' packages and the model in their format; fetched only when they are measured.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use duct::cmd;
use sha2::{Digest, Sha256};

use crate::places;
use crate::run::{self, Outcome};

/// The npm package that pins them.
pub fn folder() -> PathBuf {
    places::root().join("tests/bench-peers")
}

fn python() -> Result<PathBuf> {
    Ok(places::cache()?.join("peers/python"))
}

/// npm packages as the lockfile says, without their scripts, some of which fetch binaries.
pub fn ensure_packages() -> Result<Outcome> {
    let stamp = folder().join("node_modules/.tidegate-lockfile-sha256");
    let wanted = hash_of(&[folder().join("package-lock.json")])?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Outcome::There("node_modules is the lockfile's".to_owned()));
    }
    // Not `npm ci`, which wants packages for other platforms in the lockfile that the registry may lack.
    let words = "install --no-save --ignore-scripts --omit=optional --no-audit --no-fund";
    run::quiet("npm-peers", cmd("npm", words.split(' ')).dir(folder()))?;
    fs::write(stamp, wanted)?;
    Ok(Outcome::Did("installed".to_owned()))
}

/// A Python environment of its own: nothing else needs these packages.
pub fn ensure_python() -> Result<Outcome> {
    let (environment, requirements) = (python()?, folder().join("convert/requirements.txt"));
    let stamp = environment.join("requirements-sha256");
    let wanted = hash_of(std::slice::from_ref(&requirements))?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Outcome::There(environment.display().to_string()));
    }
    run::quiet("peers-venv", cmd!("python3", "-m", "venv", &environment))?;
    let pip = environment.join("bin/pip");
    run::quiet(
        "peers-pip",
        cmd!(
            pip,
            "install",
            "--quiet",
            "--only-binary=:all:",
            "-r",
            requirements
        ),
    )?;
    fs::write(stamp, wanted)?;
    Ok(Outcome::Did("installed".to_owned()))
}

/// Where a model's ONNX files are: another folder for another file and for another conversion.
pub fn onnx_folder(model: &Path) -> Result<PathBuf> {
    let convert = folder().join("convert");
    let name = hash_of(&[
        model.to_owned(),
        convert.join("gguf_to_onnx.py"),
        convert.join("llama_graph.py"),
        convert.join("requirements.txt"),
    ])?;
    Ok(places::cache()?.join("peers/onnx").join(&name[..16]))
}

/// Converts the model unless it is there. A model that cannot be converted leaves its peers to fail by
/// themselves: the others are measured.
pub fn ensure_onnx(model: &Path) -> Result<Outcome> {
    let folder_of_model = onnx_folder(model)?;
    // Written last.
    if folder_of_model.join("config.json").is_file() {
        return Ok(Outcome::There(folder_of_model.display().to_string()));
    }
    let script = folder().join("convert/gguf_to_onnx.py");
    let program = python()?.join("bin/python");
    match run::quiet("onnx", cmd!(program, script, model, &folder_of_model)) {
        Ok(()) => Ok(Outcome::Did(folder_of_model.display().to_string())),
        Err(error) => Ok(Outcome::Did(format!("not converted: {error:#}"))),
    }
}

fn hash_of(files: &[PathBuf]) -> Result<String> {
    let mut hash = Sha256::new();
    for path in files {
        let mut file = fs::File::open(path).with_context(|| path.display().to_string())?;
        std::io::copy(&mut file, &mut hash)?;
    }
    Ok(hex::encode(hash.finalize()))
}
