//! `tidegate issuer`, and what a gateway needs to take its tokens.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::Context;
use clap::Args;
use gateway::{KEPT_S, Tokens};
use issuer::{Apps, KeyRing};
use privacy_pass::{Challenge, Directory, TokenKey};

use super::{
    connections::Bounds,
    listen::{self, Door, Shutdown},
    process,
    watch::watch,
};
use crate::{
    clock::now,
    tokens::{IssuerFile, read_apps},
};

/// After a signal, batches on their way may take this long to end.
const GRACE: Duration = Duration::from_secs(5);

/// Options of `tidegate issuer`.
#[derive(Args)]
pub struct IssuerArguments {
    /// Address to listen on. TLS is the business of the server in front of it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8083")]
    listen: SocketAddr,
    /// File with the issuer's secret keys (`tidegate tokens generate`). Read anew when it changes.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// File of the apps that may ask (`tidegate tokens allow`). Read anew when it changes.
    #[arg(long, value_name = "FILE")]
    apps: PathBuf,
}

/// Issues until interrupted.
pub fn run_issuer(arguments: IssuerArguments) -> anyhow::Result<()> {
    listen::block_on(async {
        process::harden()?;
        let shutdown = Shutdown::on_signal()?;
        let IssuerArguments { listen, keys, apps } = arguments;
        let file = IssuerFile::read(&keys)?;
        let ring = KeyRing::new(file.keys()?);
        let watched = ring.clone();
        let read = move || Ok(IssuerFile::read(&keys)?.to_json());
        watch(
            "the issuer's keys",
            file.to_json(),
            read,
            move |json| match IssuerFile::from_json(json).and_then(|file| file.keys()) {
                Ok(keys) => watched.replace(keys),
                Err(error) => tracing::error!("{error:#}"),
            },
        );

        let first = read_apps(&apps)?;
        let known = Apps::from(first.clone());
        let watched = known.clone();
        watch(
            "the apps",
            first,
            move || read_apps(&apps),
            move |file| watched.replace(file.clone()),
        );
        let door = Door::bind(listen, "--listen").await?;
        let url = door.url();
        let app = issuer::app(ring, known, SystemTime::now);
        door.serve_within(app, Bounds::default(), &shutdown);
        println!("{:<9}{url}", "issuer");
        shutdown.wait(GRACE).await;
        Ok(())
    })
}

/// Options of a gateway that takes tokens.
#[derive(Args)]
pub struct TokenArguments {
    /// Take a token with each request, signed with one of these keys (`tidegate tokens directory`). Read anew when it
    /// changes.
    #[arg(long, value_name = "FILE", requires_all = ["issuer", "origin", "spent"])]
    issuer_keys: Option<PathBuf>,
    /// The issuer's name: tokens are made for it, so it has to be the one that apps have.
    #[arg(long, value_name = "NAME", requires = "issuer_keys")]
    issuer: Option<String>,
    /// This gateway's name, for the same reason.
    #[arg(long, value_name = "NAME", requires = "issuer_keys")]
    origin: Option<String>,
    /// Folder that remembers which tokens are spent. No other gateway may use it, and none with another folder the same
    /// name.
    #[arg(long, value_name = "DIR", requires = "issuer_keys")]
    spent: Option<PathBuf>,
}

impl TokenArguments {
    /// The tokens to be taken, if any are.
    pub(super) fn tokens(self) -> anyhow::Result<Option<Tokens>> {
        let Self {
            issuer_keys,
            issuer,
            origin,
            spent,
        } = self;
        // clap asks for all or none.
        let (Some(keys), Some(issuer), Some(origin), Some(spent)) =
            (issuer_keys, issuer, origin, spent)
        else {
            return Ok(None);
        };
        let challenge = Challenge::new(&issuer, &origin).context("--issuer and --origin")?;
        let first = read_directory(&keys, now())?;
        let opened = Tokens::open(challenge, listed(&first), &spent, now());
        let tokens = opened.with_context(|| {
            format!(
                "--spent {}: cannot be opened; does another gateway use it?",
                spent.display()
            )
        })?;
        let watched = tokens.clone();
        let read = move || read_directory(&keys, now());
        watch("the issuer's public keys", first, read, move |read| {
            watched.replace(listed(read), now());
        });
        Ok(Some(tokens))
    }
}

/// An issuer's key, until when its tokens are taken, and whether it may be forgotten what was spent of them: that is a
/// change, too.
type Listed = (TokenKey, u64, bool);

fn read_directory(path: &Path, now: u64) -> anyhow::Result<Vec<Listed>> {
    let place = || format!("--issuer-keys {}", path.display());
    let text = std::fs::read_to_string(path).with_context(place)?;
    let directory: Directory = serde_json::from_str(&text)
        .context("no issuer's directory (RFC 9578 §4); make one with `tidegate tokens directory`")
        .with_context(place)?;
    let keys = directory.keys().with_context(place)?.into_iter();
    let over = |until: u64| until.saturating_add(KEPT_S) < now;
    Ok(keys.map(|(key, until)| (key, until, over(until))).collect())
}

fn listed(keys: &[Listed]) -> Vec<(TokenKey, u64)> {
    let keys = keys.iter();
    keys.map(|(key, until, _)| (key.clone(), *until)).collect()
}
