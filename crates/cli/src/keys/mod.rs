//! `tidegate keys`: makes a gateway's keys, rotates them, signs the list of them.

mod file;

use std::{io::Write, path::Path, path::PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use dsse::{PublicKey, SigningKey};
use oblivious_http::Directory;

pub use file::KeyFile;

use crate::clock::now;

const DAY: u64 = 86_400;
const HOUR: u64 = 3600;

/// What to do with keys.
#[derive(Subcommand)]
pub enum What {
    /// Make the first keys of a gateway, and a key that signs lists if there is none.
    Generate(Generate),
    /// Make newer keys, which become valid later, and drop those that expired more than a day ago.
    Rotate(Rotate),
    /// Sign the list of keys that pages compare.
    Sign(Sign),
    /// Show keys or a signed list. Nothing secret is shown.
    Show(Show),
}

/// Options of `tidegate keys generate`.
#[derive(Args)]
pub struct Generate {
    /// File for the gateway's secret keys; must not be there yet.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// File with the secret key that signs lists; made if it is not there. Keep it off the gateway.
    #[arg(long, value_name = "FILE")]
    signer: PathBuf,
    /// For how many days the keys are valid.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
}

/// Options of `tidegate keys rotate`.
#[derive(Args)]
pub struct Rotate {
    /// File with the gateway's secret keys.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// In how many hours the new keys become valid: every page should have seen them by then.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=87_600))]
    lead_hours: u64,
    /// For how many days they are valid then.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
}

/// Options of `tidegate keys sign`.
#[derive(Args)]
pub struct Sign {
    /// File with the gateway's secret keys.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// File with the secret key that signs lists.
    #[arg(long, value_name = "FILE")]
    signer: PathBuf,
    /// File for the signed list, which `tidegate gateway --directory` hands out.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// For how many days the list may be used.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=365))]
    days: u64,
}

/// Options of `tidegate keys show`.
#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    what: Shown,
    /// The public key that has to have signed the list, base64.
    #[arg(long, value_name = "KEY", requires = "directory")]
    signed_by: Option<String>,
}

/// One of two.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Shown {
    /// File with the gateway's secret keys.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// A signed list.
    #[arg(long, value_name = "FILE", requires = "signed_by")]
    directory: Option<PathBuf>,
}

/// Does it.
pub fn run(what: &What) -> anyhow::Result<()> {
    match what {
        What::Generate(arguments) => generate(arguments),
        What::Rotate(arguments) => rotate(arguments),
        What::Sign(arguments) => sign(arguments),
        What::Show(arguments) => show(arguments),
    }
}

fn generate(arguments: &Generate) -> anyhow::Result<()> {
    if arguments.keys.exists() {
        bail!(
            "--keys {}: there are keys already; use `tidegate keys rotate`, or choose another file",
            arguments.keys.display()
        );
    }
    let signer = if arguments.signer.exists() {
        read_signer(&arguments.signer)?
    } else {
        let signer = SigningKey::from_seed(random()?);
        write_secret(&arguments.signer, "--signer", &signer.to_base64())?;
        signer
    };
    let keys = KeyFile::first(random()?, now(), arguments.days * DAY);
    write_secret(&arguments.keys, "--keys", &keys.to_json())?;
    println!(
        "lists are signed by {}; pin that in the app",
        signer.public().to_base64()
    );
    print(&keys.directory(now(), DAY)?);
    Ok(())
}

fn rotate(arguments: &Rotate) -> anyhow::Result<()> {
    let mut keys = KeyFile::read(&arguments.keys)?;
    keys.rotate(
        random()?,
        now(),
        arguments.lead_hours * HOUR,
        arguments.days * DAY,
    )?;
    write_secret(&arguments.keys, "--keys", &keys.to_json())?;
    print(&keys.directory(now(), DAY)?);
    println!("now sign the list anew: tidegate keys sign");
    Ok(())
}

fn sign(arguments: &Sign) -> anyhow::Result<()> {
    let signer = read_signer(&arguments.signer)?;
    let list = KeyFile::read(&arguments.keys)?.directory(now(), arguments.days * DAY)?;
    if list.keys.is_empty() {
        bail!(
            "--keys {}: all keys have expired; use `tidegate keys rotate --lead-hours 0`",
            arguments.keys.display()
        );
    }
    replace(
        &arguments.out,
        "--out",
        &(list.sign(&[&signer]) + "\n"),
        false,
    )?;
    print(&list);
    Ok(())
}

fn show(arguments: &Show) -> anyhow::Result<()> {
    let list = match (
        &arguments.what.keys,
        &arguments.what.directory,
        &arguments.signed_by,
    ) {
        (Some(keys), ..) => KeyFile::read(keys)?.directory(now(), DAY)?,
        (None, Some(list), Some(by)) => {
            let by = PublicKey::from_base64(by).context("--signed-by")?;
            let place = || format!("--directory {}", list.display());
            let text = std::fs::read_to_string(list).with_context(place)?;
            Directory::open(&text, &[by]).with_context(place)?
        }
        // clap asks for one of the two, and for --signed-by with a list.
        _ => bail!("give --keys, or --directory and --signed-by"),
    };
    print(&list);
    Ok(())
}

/// One line for each key.
fn print(list: &Directory) {
    println!("list issued {}, expires {}", list.issued, list.expires);
    for key in &list.keys {
        let (name, kem) = match key.key_config() {
            Ok(config) => (
                config.fingerprint().to_owned(),
                format!("{:?}", config.kem()),
            ),
            Err(error) => (error.to_string(), "unusable".to_owned()),
        };
        println!(
            "{name} {kem:<6} published {}, valid {} to {}",
            key.published, key.not_before, key.not_after
        );
    }
}

fn read_signer(path: &Path) -> anyhow::Result<SigningKey> {
    let place = || format!("--signer {}", path.display());
    let text = std::fs::read_to_string(path).with_context(place)?;
    SigningKey::from_base64(&text).with_context(place)
}

/// 32 random bytes.
pub fn random() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the system has no randomness")?;
    Ok(seed)
}

/// Only its owner can read it.
pub fn write_secret(path: &Path, option: &str, text: &str) -> anyhow::Result<()> {
    replace(path, option, &format!("{text}\n"), true)
}

/// Writes beside the file and renames, so that whoever reads it sees all of the old or all of the new.
pub fn replace(path: &Path, option: &str, text: &str, secret: bool) -> anyhow::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("{option} {}: cannot be written", path.display()))
}
