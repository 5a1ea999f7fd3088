//! `tidegate relay` and `tidegate gateway`: each alone, for operators that do not know each other.

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use clap::Args;
use gateway::{KeyRing, Settings, Upstream};
use oblivious_http::GatewayKeys;
use query::Traffic;

use super::listen::{self, Door, Shutdown};
use crate::{clock, keys::KeyFile};

/// How often the files of keys are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Options of `tidegate relay`.
#[derive(Args)]
pub struct RelayArguments {
    /// Address to listen on. TLS is the business of the server in front of it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Root URL of the gateway.
    #[arg(long, value_name = "URL", env = "TIDEGATE_GATEWAY_URL")]
    gateway: String,
}

/// Relays until interrupted.
pub fn run_relay(arguments: RelayArguments) -> anyhow::Result<()> {
    listen::block_on(async {
        let app = relay::native::app(&arguments.gateway).map_err(anyhow::Error::msg)?;
        serve("relay", arguments.listen, app).await
    })
}

/// Options of `tidegate gateway`.
#[derive(Args)]
pub struct GatewayArguments {
    /// Address to listen on. TLS is the business of the server in front of it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8082")]
    listen: SocketAddr,
    #[command(flatten)]
    keys: Keys,
    /// The signed list of the keys (`tidegate keys sign`), handed out at /key-directory. Read anew when it changes.
    #[arg(long, value_name = "FILE", requires = "keys")]
    directory: Option<PathBuf>,
    /// Base URL of an OpenAI-compatible server.
    #[arg(long, value_name = "URL", env = "TIDEGATE_UPSTREAM_URL")]
    upstream_url: String,
    /// Its API key.
    #[arg(
        long,
        value_name = "KEY",
        env = "TIDEGATE_UPSTREAM_KEY",
        hide_env_values = true
    )]
    upstream_key: Option<String>,
    /// Answers travel at least so: what a page wants below it becomes this. `off`, `balanced` or `strict`.
    #[arg(long, value_name = "POLICY", default_value = "off", value_parser = traffic)]
    traffic_at_least: Traffic,
    /// And at most so.
    #[arg(long, value_name = "POLICY", default_value = "strict", value_parser = traffic)]
    traffic_at_most: Traffic,
}

fn traffic(name: &str) -> Result<Traffic, String> {
    Traffic::named(name).ok_or_else(|| "expected off, balanced or strict".to_owned())
}

/// Where the keys come from.
#[derive(Args)]
#[group(required = true, multiple = false, id = "source")]
struct Keys {
    /// File with the 32 secret bytes that one pair of keys follows from; made if it is not there.
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// File with keys that rotate (`tidegate keys generate`). Read anew when it changes.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// Answers until interrupted.
pub fn run_gateway(arguments: GatewayArguments) -> anyhow::Result<()> {
    listen::block_on(async {
        let keys = key_ring(&arguments.keys, arguments.directory)?;
        let upstream = Upstream::new(&arguments.upstream_url, arguments.upstream_key)
            .map_err(anyhow::Error::msg)?;
        let (at_least, at_most) = (arguments.traffic_at_least, arguments.traffic_at_most);
        ensure!(
            at_least <= at_most,
            "--traffic-at-least {} is more than --traffic-at-most {}",
            at_least.name(),
            at_most.name()
        );
        let settings = Settings {
            traffic: at_least..=at_most,
            ..Settings::default()
        };
        serve(
            "gateway",
            arguments.listen,
            gateway::app(keys, upstream, settings)?,
        )
        .await
    })
}

/// The keys, from a seed for good or from files that are watched.
fn key_ring(source: &Keys, directory: Option<PathBuf>) -> anyhow::Result<KeyRing> {
    let file = match (&source.keys, &source.seed) {
        (Some(file), _) => file.clone(),
        (None, Some(file)) => return Ok(GatewayKeys::from_seed(&seed(file)?)?.into()),
        // clap asks for one of them.
        (None, None) => anyhow::bail!("give --keys or --seed"),
    };
    let mut last = read_keys(&file, directory.as_ref(), clock::now())?;
    let ring = KeyRing::new(last.keys.clone(), last.directory.clone());
    let watched = ring.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            match read_keys(&file, directory.as_ref(), clock::now()) {
                Ok(read) if read.configs == last.configs && read.directory == last.directory => {}
                Ok(read) => {
                    watched.replace(read.keys.clone(), read.directory.clone());
                    last = read;
                    tracing::warn!("the keys have changed");
                }
                // What is there goes on; half a file is whole the next time.
                Err(error) => tracing::error!("the keys cannot be read anew: {error:#}"),
            }
        }
    });
    Ok(ring)
}

/// What the files hold now.
struct ReadKeys {
    keys: GatewayKeys,
    /// What tells them from others. They also change when one of them becomes valid or expires.
    configs: Vec<u8>,
    directory: Option<String>,
}

fn read_keys(file: &Path, directory: Option<&PathBuf>, now: u64) -> anyhow::Result<ReadKeys> {
    let keys = KeyFile::read(file)?.gateway_keys(now)?;
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("--directory {}", path.display()))
    };
    Ok(ReadKeys {
        configs: keys.config_list()?,
        keys,
        directory: directory.map(read).transpose()?,
    })
}

async fn serve(name: &str, address: SocketAddr, app: axum::Router) -> anyhow::Result<()> {
    let shutdown = Shutdown::on_signal()?;
    let door = Door::bind(address, "--listen").await?;
    let url = door.url();
    door.serve(app, &shutdown);
    println!("{name:<9}{url}");
    shutdown.wait().await;
    Ok(())
}

/// Reads the seed, or makes one that only its owner can read.
fn seed(path: &PathBuf) -> anyhow::Result<[u8; 32]> {
    match std::fs::read(path) {
        Ok(bytes) => bytes.try_into().ok().with_context(|| {
            format!(
                "--seed {}: expected exactly 32 bytes; choose another file",
                path.display()
            )
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).context("the system has no randomness")?;
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options
                .open(path)
                .and_then(|mut file| file.write_all(&seed))
                .with_context(|| format!("--seed {}: cannot be written", path.display()))?;
            Ok(seed)
        }
        Err(error) => {
            Err(error).with_context(|| format!("--seed {}: cannot be read", path.display()))
        }
    }
}
