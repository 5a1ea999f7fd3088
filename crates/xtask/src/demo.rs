//! `cargo xtask demo`: set up, build, and serve on this machine.

use anyhow::Result;
use duct::cmd;

use crate::run::{self, Outcome, Steps};
use crate::{model, package, places, setup, wasm};

/// Serves until interrupted.
pub fn demo(port: u16) -> Result<()> {
    let mut progress = Steps::new(setup::BUILD_STEPS + wasm::STEPS + package::STEPS + 1);
    setup::build_steps(&mut progress)?;
    wasm::steps(&mut progress, false)?;
    package::steps(&mut progress)?;
    progress.step("the tidegate command", build_cli)?;
    let ports = [
        ("--page-port", port),
        ("--relay-port", port + 1),
        ("--gateway-port", port + 2),
    ];
    let mut words = vec!["serve".to_owned()];
    words.extend(
        ports
            .iter()
            .flat_map(|(name, port)| [(*name).to_owned(), port.to_string()]),
    );
    words.extend([
        "--www".to_owned(),
        places::www().join("dist").display().to_string(),
    ]);
    words.extend(["--model".to_owned(), model::path()?.display().to_string()]);
    cmd(places::binary("tidegate"), words).run()?;
    Ok(())
}

/// The command without WebGPU: serving needs only the CPU, and Burn takes minutes to build.
fn build_cli() -> Result<Outcome> {
    let arguments = [
        "build",
        "--quiet",
        "--package",
        "cli",
        "--no-default-features",
    ];
    run::quiet("cli", cmd("cargo", arguments).dir(places::root()))?;
    Ok(Outcome::Did("built".to_owned()))
}
