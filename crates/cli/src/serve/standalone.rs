//! `tidegate relay` and `tidegate gateway`: each alone, for operators that do not know each other.

use std::{io::Write, net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Args;
use gateway::Upstream;
use oblivious_http::GatewayKeys;

use super::listen::{self, Door, Shutdown};

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
    /// File with the 32 secret bytes that the keys follow from; made if it is not there.
    #[arg(long, value_name = "FILE")]
    seed: PathBuf,
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
}

/// Answers until interrupted.
pub fn run_gateway(arguments: GatewayArguments) -> anyhow::Result<()> {
    listen::block_on(async {
        let keys = GatewayKeys::from_seed(&seed(&arguments.seed)?)?;
        let upstream = Upstream::new(&arguments.upstream_url, arguments.upstream_key)
            .map_err(anyhow::Error::msg)?;
        serve("gateway", arguments.listen, gateway::app(keys, upstream)?).await
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
