//! The npm package and the page: built, and packed into target/package.

use std::fs;

use anyhow::Result;
use duct::cmd;

use crate::run::{self, Outcome, Steps};
use crate::{places, setup, wasm};

/// How many steps `steps` takes.
pub const STEPS: usize = 2;

/// `cargo xtask package`.
pub fn package() -> Result<()> {
    let mut progress = Steps::new(2 + wasm::STEPS + 2);
    progress.step("Rust toolchain for wasm32", crate::toolchain::ensure)?;
    progress.step("npm packages from the lockfile", setup::ensure_npm_packages)?;
    wasm::steps(&mut progress, false)?;
    progress.step("the npm package", build_package)?;
    progress.step("packing", pack)
}

/// Builds the package's JavaScript, and the page with it.
pub fn steps(progress: &mut Steps) -> Result<()> {
    progress.step("the npm package", build_package)?;
    progress.step("the page", build_page)
}

/// TypeScript to JavaScript and types.
pub fn build_package() -> Result<Outcome> {
    run::quiet(
        "npm-package",
        cmd!("npm", "run", "build").dir(places::npm_package()),
    )?;
    Ok(Outcome::Did("built".to_owned()))
}

/// The page as static files in www/dist.
pub fn build_page() -> Result<Outcome> {
    run::quiet("www", cmd!("npm", "run", "build").dir(places::www()))?;
    Ok(Outcome::Did("built www/dist".to_owned()))
}

fn pack() -> Result<Outcome> {
    let folder = places::target().join("package");
    fs::create_dir_all(&folder)?;
    run::quiet(
        "npm-pack",
        cmd!("npm", "pack", "--pack-destination", &folder).dir(places::npm_package()),
    )?;
    Ok(Outcome::Did(format!("packed into {}", folder.display())))
}
