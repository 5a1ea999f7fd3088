//! `tidegate tokens`: makes an issuer's keys, rotates them, and lets apps in.

mod file;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use issuer::{App, AppsFile, KeyRing};

pub use file::IssuerFile;

use crate::{
    clock::now,
    keys::{random, replace, write_secret},
};

const DAY: u64 = 86_400;
const HOUR: u64 = 3600;

/// What to do about tokens.
#[derive(Subcommand)]
pub enum What {
    /// Make the first key of an issuer.
    Generate(Generate),
    /// Make a newer key, which signs later, and drop those that expired more than a week ago.
    Rotate(Rotate),
    /// Write the public list of an issuer's keys: for a gateway, and for an app to pin.
    Directory(Directory),
    /// Let an app ask for tokens; prints the key that its back end asks with, this once.
    Allow(Allow),
}

/// Options of `tidegate tokens generate`.
#[derive(Args)]
pub struct Generate {
    /// File for the issuer's secret keys; must not be there yet.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// For how many days the key signs, and its tokens are taken.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
}

/// Options of `tidegate tokens rotate`.
#[derive(Args)]
pub struct Rotate {
    /// File with the issuer's secret keys.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// In how many hours the new key signs: gateways and pages should know it by then.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=87_600))]
    lead_hours: u64,
    /// For how many days it does then.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
}

/// Options of `tidegate tokens directory`.
#[derive(Args)]
pub struct Directory {
    /// File with the issuer's secret keys.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// File for the list, which `tidegate gateway --issuer-keys` reads.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Options of `tidegate tokens allow`.
#[derive(Args)]
pub struct Allow {
    /// File of the apps that may ask; made if it is not there.
    #[arg(long, value_name = "FILE")]
    apps: PathBuf,
    /// What the app is called in logs; one of that name gets a new key.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// How many tokens it may have in a day (UTC).
    #[arg(long, value_name = "N")]
    daily_tokens: u32,
}

/// Does it.
pub fn run(what: &What) -> anyhow::Result<()> {
    match what {
        What::Generate(arguments) => generate(arguments),
        What::Rotate(arguments) => rotate(arguments),
        What::Directory(arguments) => directory(arguments),
        What::Allow(arguments) => allow(arguments),
    }
}

fn generate(arguments: &Generate) -> anyhow::Result<()> {
    if arguments.keys.exists() {
        bail!(
            "--keys {}: there are keys already; use `tidegate tokens rotate`, or choose another file",
            arguments.keys.display()
        );
    }
    let file = IssuerFile::first(now(), arguments.days * DAY)?;
    write_secret(&arguments.keys, "--keys", &file.to_json())?;
    print(&file)
}

fn rotate(arguments: &Rotate) -> anyhow::Result<()> {
    let mut file = IssuerFile::read(&arguments.keys)?;
    file.rotate(now(), arguments.lead_hours * HOUR, arguments.days * DAY)?;
    write_secret(&arguments.keys, "--keys", &file.to_json())?;
    print(&file)?;
    println!("now write the list anew: tidegate tokens directory");
    Ok(())
}

fn directory(arguments: &Directory) -> anyhow::Result<()> {
    let file = IssuerFile::read(&arguments.keys)?;
    let list = serde_json::to_string_pretty(&KeyRing::new(file.keys()?).directory(now()))?;
    replace(&arguments.out, "--out", &(list + "\n"), false)?;
    print(&file)
}

fn allow(arguments: &Allow) -> anyhow::Result<()> {
    let mut file = match arguments.apps.exists() {
        true => read_apps(&arguments.apps)?,
        false => AppsFile::default(),
    };
    let key = URL_SAFE_NO_PAD.encode(random()?);
    file.apps.retain(|app| app.name != arguments.name);
    file.apps
        .push(App::new(&arguments.name, &key, arguments.daily_tokens));
    write_secret(
        &arguments.apps,
        "--apps",
        &serde_json::to_string_pretty(&file)?,
    )?;
    println!("{key}");
    Ok(())
}

/// Reads the file of apps.
pub fn read_apps(path: &Path) -> anyhow::Result<AppsFile> {
    let place = || format!("--apps {}", path.display());
    let text = std::fs::read_to_string(path).with_context(place)?;
    serde_json::from_str(&text)
        .context("no file of apps; make one with `tidegate tokens allow`")
        .with_context(place)
}

/// One line for each key.
fn print(file: &IssuerFile) -> anyhow::Result<()> {
    for (key, life) in file.keys()? {
        let id = hex::encode(key.public().id());
        println!("{id} valid {} to {}", life.not_before, life.not_after);
    }
    Ok(())
}
