//! `cargo xtask bench relay`: relay and gateway under load and under faults, as programs of their own on loopback. The
//! crate `load` does it, part by part; this builds what it takes and says what missed.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use duct::cmd;
use serde_json::Value;

use super::machine;
use crate::run::{self, Outcome, Steps};
use crate::{places, setup, toolchain, wasm};

/// Options of `cargo xtask bench relay`.
#[derive(Args)]
pub struct Options {
    /// Only these.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
    /// Answers at once, through native relay and gateway.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    streams: u32,
    /// Answers at once through the relay on workerd.
    #[arg(long, value_name = "N", default_value_t = 500)]
    workerd_streams: u32,
    /// Answers at once beside which the time to the first piece is measured.
    #[arg(long, value_name = "N", default_value_t = 200)]
    latency_streams: u32,
    /// How long the answers of a part stream together, seconds.
    #[arg(long, value_name = "S", default_value_t = 10)]
    seconds: u32,
    /// How long faults are injected, minutes.
    #[arg(long, value_name = "M", default_value_t = 10)]
    soak_minutes: u32,
    /// Measures what is built, without looking whether it is up to date.
    #[arg(long)]
    built: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What sealing costs, without a network.
    Sealing,
    /// Many answers at once.
    Crowd,
    /// As many answers in cells as the policy `balanced` makes of them.
    Balanced,
    /// The time to the first piece, beside nginx.
    Latency,
    /// Many answers at once through workerd.
    Workerd,
    /// Words that must stand nowhere afterwards.
    Canaries,
    /// Faults of every kind.
    Soak,
}

/// Where Debian puts it, which is not on everybody's path.
const NGINX: &str = "/usr/sbin/nginx";

/// Runs the benchmark.
pub fn bench(options: &Options) -> Result<()> {
    let parts: Vec<Part> = Part::value_variants()
        .iter()
        .copied()
        .filter(|part| options.only.is_empty() || options.only.contains(part))
        .collect();
    ensure!(options.seconds > 0, "--seconds takes at least 1");
    if !options.built {
        prepare(&parts)?;
    }
    let mut missed = Vec::new();
    for part in parts {
        let printed = run::read(cmd(places::binary("load"), arguments(part, options)?))
            .with_context(|| format!("{part:?}"))?;
        println!("{printed}");
        let line: Value = serde_json::from_str(&printed)?;
        let names = line["missed"].as_array().into_iter().flatten();
        missed.extend(names.map(|name| format!("{part:?}: {name}")));
    }
    println!("\n{}", machine());
    if !missed.is_empty() {
        bail!("missed:\n  {}", missed.join("\n  "));
    }
    Ok(())
}

fn prepare(parts: &[Part]) -> Result<()> {
    let workerd = parts.contains(&Part::Workerd);
    let nginx = parts.contains(&Part::Latency) && setup::is_debian();
    let mut progress = Steps::new(1 + usize::from(nginx) + if workerd { 4 } else { 0 });
    progress.step("tidegate and what loads it", build)?;
    if nginx {
        progress.step("nginx", || {
            setup::apt_install(&["nginx-light"])?;
            Ok(Outcome::There(NGINX.to_owned()))
        })?;
    }
    if workerd {
        progress.step("Rust toolchain for wasm32", toolchain::ensure)?;
        progress.step("npm packages from the lockfile", setup::ensure_npm_packages)?;
        wasm::worker_steps(&mut progress)?;
    }
    Ok(())
}

/// In one build: by itself each would get other features of what both use.
fn build() -> Result<Outcome> {
    let words = "build --package cli --package load --no-default-features";
    run::quiet("load", cmd("cargo", words.split(' ')).dir(places::root()))?;
    Ok(Outcome::Did("built".to_owned()))
}

fn arguments(part: Part, options: &Options) -> Result<Vec<String>> {
    let seconds = options.seconds.to_string();
    let (streams, traffic) = match part {
        Part::Sealing => return Ok(vec!["sealing".to_owned()]),
        Part::Crowd => (options.streams, "off"),
        // Ten cells a second for each, content or not: as many pieces as the others at four a second.
        Part::Balanced => (options.streams.div_ceil(4), "balanced"),
        Part::Latency => (options.latency_streams, "off"),
        Part::Workerd => (options.workerd_streams, "off"),
        Part::Canaries | Part::Soak => (0, "off"),
    };
    let mut words = vec![match part {
        Part::Balanced => "crowd".to_owned(),
        part => format!("{part:?}").to_lowercase(),
    }];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    let path = |path: PathBuf| path.display().to_string();
    option("--tidegate", path(places::binary("tidegate")));
    option("--folder", path(places::target().join("bench/relay")));
    match part {
        Part::Sealing | Part::Canaries => {}
        Part::Soak => option("--seconds", (60 * options.soak_minutes).to_string()),
        Part::Crowd | Part::Balanced | Part::Latency | Part::Workerd => {
            option("--streams", streams.to_string());
            option("--seconds", seconds);
        }
    }
    match part {
        Part::Crowd | Part::Balanced => option("--traffic", traffic.to_owned()),
        Part::Latency => {
            let nginx = places::on_path(&["nginx"]).unwrap_or_else(|| NGINX.into());
            ensure!(
                nginx.is_file(),
                "nginx is not installed (Debian: nginx-light)"
            );
            option("--nginx", path(nginx));
        }
        Part::Workerd => {
            option("--workerd", path(workerd()?));
            option("--worker", path(wasm::worker_folder()));
        }
        Part::Sealing | Part::Canaries | Part::Soak => {}
    }
    Ok(words)
}

/// The program itself: npm's `workerd` is a script that starts it, and would be measured in its place.
fn workerd() -> Result<PathBuf> {
    let packages = places::root().join("node_modules/@cloudflare");
    let program = places::files_under(&packages)?
        .into_iter()
        .find(|file| file.ends_with("bin/workerd"));
    program.with_context(|| format!("{}: no bin/workerd", packages.display()))
}
