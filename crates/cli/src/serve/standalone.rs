//! `tidegate relay` and `tidegate gateway`: each alone, for operators that do not know each other.

use std::{
    io::Write,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use axum::http::HeaderName;
use clap::{Args, ValueEnum};
use gateway::{KeyRing, Settings, Upstream};
use oblivious_http::GatewayKeys;
use query::Traffic;

use super::{
    connections::Bounds,
    issuer::TokenArguments,
    listen::{self, Door, Shutdown},
    process,
    watch::watch,
};
use crate::{clock, keys::KeyFile};

/// How a server listens and ends.
#[derive(Args)]
struct Serving {
    /// Serve metrics for Prometheus at /metrics on this address; not at all if not given. Keep it off the public network.
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// How many connections are served at once; those above wait.
    #[arg(long, value_name = "N", default_value_t = Bounds::default().connections, value_parser = at_least_one)]
    max_connections: usize,
    /// How many answers may be on their way at once; what comes above is refused, with the time to wait.
    #[arg(long, value_name = "N", default_value_t = 4_096, value_parser = at_least_one)]
    max_answers: usize,
    /// After SIGTERM, how long answers on their way may take to end, while new requests are refused.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    drain_seconds: u64,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number from 1 on".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// Options of `tidegate relay`.
#[derive(Args)]
pub struct RelayArguments {
    /// Address to listen on. TLS is the business of the server in front of it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Root URL of the gateway.
    #[arg(long, value_name = "URL", env = "TIDEGATE_GATEWAY_URL")]
    gateway: String,
    /// How many requests an address may send in a minute (IPv6: a network of /64); 0: as many as come.
    #[arg(long, value_name = "N", default_value_t = 30)]
    per_minute: u32,
    /// How many answers to an address may be on their way at once; 0: as many as come.
    #[arg(long, value_name = "N", default_value_t = 16)]
    at_once: u32,
    /// The header in which the server in front says whose request it is (its last entry counts), such as
    /// x-forwarded-for. If not given, the connection's address counts.
    #[arg(long, value_name = "NAME")]
    address_header: Option<HeaderName>,
    #[command(flatten)]
    serving: Serving,
}

/// Relays until interrupted.
pub fn run_relay(arguments: RelayArguments) -> anyhow::Result<()> {
    listen::block_on(async {
        process::harden()?;
        let shutdown = Shutdown::on_signal()?;
        let serving = &arguments.serving;
        let settings = relay::native::Settings {
            per_minute: NonZeroU32::new(arguments.per_minute),
            at_once: NonZeroU32::new(arguments.at_once),
            address_header: arguments.address_header,
            max_answers: serving.max_answers,
            draining: shutdown.down(),
            ..relay::native::Settings::default()
        };
        let metrics = settings.metrics.clone();
        let app = relay::native::app(&arguments.gateway, settings).map_err(anyhow::Error::msg)?;
        let encode = move || metrics.encode();
        serve("relay", arguments.listen, app, serving, encode, shutdown).await
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
    /// What the cloud model's server speaks.
    #[arg(long, value_enum, default_value_t = UpstreamKind::Openai)]
    upstream_kind: UpstreamKind,
    /// Its base URL, such as https://host/v1.
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
    /// How long an answer may take, from the question to its last word.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    answer_seconds: u64,
    /// How long the upstream may be silent, before its first word and between two.
    #[arg(long, value_name = "SECONDS", default_value_t = gateway::SILENCE.as_secs())]
    idle_seconds: u64,
    #[command(flatten)]
    tokens: TokenArguments,
    #[command(flatten)]
    serving: Serving,
}

fn traffic(name: &str) -> Result<Traffic, String> {
    Traffic::named(name).ok_or_else(|| "expected off, balanced or strict".to_owned())
}

/// What the cloud model's server speaks.
#[derive(Clone, Copy, ValueEnum)]
enum UpstreamKind {
    /// Chat completions, as OpenAI streams them.
    Openai,
    /// Anthropic's Messages API.
    Anthropic,
}

impl From<UpstreamKind> for gateway::Kind {
    fn from(kind: UpstreamKind) -> Self {
        match kind {
            UpstreamKind::Openai => Self::OpenAi,
            UpstreamKind::Anthropic => Self::Anthropic,
        }
    }
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
        process::harden()?;
        let shutdown = Shutdown::on_signal()?;
        let keys = key_ring(&arguments.keys, arguments.directory)?;
        let silence = Duration::from_secs(arguments.idle_seconds);
        let kind = arguments.upstream_kind.into();
        let (url, key) = (&arguments.upstream_url, arguments.upstream_key);
        let upstream = Upstream::new(kind, url, key, silence).map_err(anyhow::Error::msg)?;
        let (at_least, at_most) = (arguments.traffic_at_least, arguments.traffic_at_most);
        ensure!(
            at_least <= at_most,
            "--traffic-at-least {} is more than --traffic-at-most {}",
            at_least.name(),
            at_most.name()
        );
        let serving = &arguments.serving;
        let settings = Settings {
            traffic: at_least..=at_most,
            max_answers: serving.max_answers,
            answer_limit: Duration::from_secs(arguments.answer_seconds),
            draining: shutdown.down(),
            tokens: arguments.tokens.tokens()?,
            ..Settings::default()
        };
        let metrics = settings.metrics.clone();
        let app = gateway::app(keys, upstream, settings)?;
        let encode = move || metrics.encode();
        serve("gateway", arguments.listen, app, serving, encode, shutdown).await
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
    let first = read_keys(&file, directory.as_ref(), clock::now())?;
    let ring = KeyRing::new(first.keys.clone(), first.directory.clone(), first.expires);
    let watched = ring.clone();
    let read = move || read_keys(&file, directory.as_ref(), clock::now());
    watch("the keys", first, read, move |read| {
        watched.replace(read.keys.clone(), read.directory.clone(), read.expires);
    });
    Ok(ring)
}

/// What the files hold now.
struct ReadKeys {
    keys: GatewayKeys,
    /// What tells them from others. They also change when one of them becomes valid or expires.
    configs: Vec<u8>,
    directory: Option<String>,
    /// When no page uses any of them any more.
    expires: Option<u64>,
}

impl PartialEq for ReadKeys {
    fn eq(&self, other: &Self) -> bool {
        (&self.configs, &self.directory, self.expires)
            == (&other.configs, &other.directory, other.expires)
    }
}

fn read_keys(file: &Path, directory: Option<&PathBuf>, now: u64) -> anyhow::Result<ReadKeys> {
    let file = KeyFile::read(file)?;
    let keys = file.gateway_keys(now)?;
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("--directory {}", path.display()))
    };
    Ok(ReadKeys {
        configs: keys.config_list()?,
        keys,
        directory: directory.map(read).transpose()?,
        expires: file.expires(),
    })
}

async fn serve(
    name: &str,
    address: SocketAddr,
    app: axum::Router,
    serving: &Serving,
    encode: impl Fn() -> String + Clone + Send + Sync + 'static,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let door = Door::bind(address, "--listen").await?;
    let url = door.url();
    let metrics = match serving.metrics_listen {
        Some(address) => Some(Door::bind(address, "--metrics-listen").await?),
        None => None,
    };
    let bounds = Bounds {
        connections: serving.max_connections,
        ..Bounds::default()
    };
    door.serve_within(app, bounds, &shutdown);
    println!("{name:<9}{url}");
    if let Some(door) = metrics {
        println!("{:<9}{}metrics", "metrics", door.url());
        door.serve_metrics(encode);
    }
    shutdown
        .wait(Duration::from_secs(serving.drain_seconds))
        .await;
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
