//! Where things are: in the checkout and in the cache folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout.
pub fn root() -> &'static Path {
    // Set at compile time: crates/xtask, two levels down.
    const MANIFEST: &str = env!("CARGO_MANIFEST_DIR");
    let xtask = Path::new(MANIFEST);
    xtask.parent().and_then(Path::parent).unwrap_or(xtask)
}

/// Build outputs.
pub fn target() -> PathBuf {
    root().join("target")
}

/// Output of quiet commands, one file each.
pub fn logs() -> PathBuf {
    target().join("logs")
}

/// The npm package's source folder.
pub fn npm_package() -> PathBuf {
    root().join("crates/browser/npm")
}

/// Where the package's wasm modules go.
pub fn wasm_dist() -> PathBuf {
    npm_package().join("dist/wasm")
}

/// The page.
pub fn www() -> PathBuf {
    root().join("www")
}

/// What the tagger learned.
pub fn tagger() -> PathBuf {
    root().join("crates/privacy/weights/tagger.bin")
}

/// What the router learned.
pub fn router() -> PathBuf {
    root().join("crates/router/weights/router.bin")
}

/// The browser specs.
pub fn browser_specs() -> PathBuf {
    root().join("tests/browser")
}

/// A binary of ours, as `cargo build` leaves it.
pub fn binary(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// A command that an npm package brought.
pub fn npm_binary(name: &str) -> PathBuf {
    root().join("node_modules/.bin").join(name)
}

/// What is downloaded once and kept: `$TIDEGATE_CACHE`, or `tidegate` in the user's cache folder.
pub fn cache() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("TIDEGATE_CACHE") {
        return Ok(folder.into());
    }
    let user = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("no cache folder: set TIDEGATE_CACHE, XDG_CACHE_HOME or HOME")?;
    Ok(user.join("tidegate"))
}

/// The Python environment for model downloads and the reference server.
pub fn python() -> Result<PathBuf> {
    Ok(cache()?.join("python/bin/python"))
}

/// The first of `names` that is on the PATH.
pub fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().find_map(|name| {
        folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}

/// All files below a folder.
pub fn files_under(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_under(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
