//! `tidegate serve`: page, relay, gateway and an upstream on loopback, in one process.
//!
//! In earnest, relay and gateway belong to different operators: `tidegate relay` and `tidegate gateway`.

mod connections;
mod issuer;
mod listen;
mod model;
mod page;
mod process;
mod standalone;
mod upstream;
mod watch;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Args;
use gateway::Upstream;
use oblivious_http::GatewayKeys;
use serde_json::json;

pub use issuer::{IssuerArguments, run_issuer};
use listen::{Door, Shutdown};
pub use standalone::{GatewayArguments, RelayArguments, run_gateway, run_relay};

/// After a signal, answers on their way may take this long to end.
const GRACE: Duration = Duration::from_secs(2);

/// Options of `tidegate serve`.
#[derive(Args)]
pub struct Arguments {
    /// The page's port; 0 picks a free one, as for all ports.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    page_port: u16,
    /// The relay's port.
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    relay_port: u16,
    /// The gateway's port.
    #[arg(long, value_name = "PORT", default_value_t = 8082)]
    gateway_port: u16,
    /// The port of the embedded upstream.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    upstream_port: u16,
    /// Name another relay to the page; the built-in one runs all the same.
    #[arg(long, value_name = "URL")]
    relay_url: Option<String>,
    /// Folder with the built page.
    #[arg(long, value_name = "DIR")]
    www: PathBuf,
    /// The model that the page downloads, and that answers for the cloud without TIDEGATE_UPSTREAM_URL. GGUF.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Base URL of an OpenAI-compatible server to use as the cloud.
    #[arg(long, value_name = "URL", env = "TIDEGATE_UPSTREAM_URL")]
    upstream_url: Option<String>,
    /// Its API key.
    #[arg(
        long,
        value_name = "KEY",
        env = "TIDEGATE_UPSTREAM_KEY",
        hide_env_values = true
    )]
    upstream_key: Option<String>,
    /// The model's name at that server.
    #[arg(long, value_name = "NAME", env = "TIDEGATE_UPSTREAM_MODEL")]
    upstream_model: Option<String>,
    /// Print one line of JSON with the URLs.
    #[arg(long)]
    json: bool,
}

/// Serves until interrupted.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    listen::block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    page::check_www(&arguments.www)?;
    let shutdown = Shutdown::on_signal()?;
    let page_door = Door::open(arguments.page_port, "--page-port").await?;
    let relay_door = Door::open(arguments.relay_port, "--relay-port").await?;
    let gateway_door = Door::open(arguments.gateway_port, "--gateway-port").await?;
    let external = arguments.upstream_url.filter(|url| !url.is_empty());

    let (info, engine) = model::load(&arguments.model).await?;
    let file = model::publish(&arguments.model, &info)?;
    let (upstream_url, upstream_model) = match external {
        Some(url) => (url, arguments.upstream_model),
        None => {
            let door = Door::open(arguments.upstream_port, "--upstream-port").await?;
            let url = format!("{}v1", door.url());
            door.serve(upstream::app(engine, &file.name), &shutdown);
            (url, Some(file.name.clone()))
        }
    };

    let keys = GatewayKeys::generate().context("making the gateway's keys")?;
    let upstream = Upstream::new(
        gateway::Kind::OpenAi,
        &upstream_url,
        arguments.upstream_key,
        gateway::SILENCE,
    )
    .map_err(anyhow::Error::msg)?;
    let relay_url = arguments.relay_url.unwrap_or_else(|| relay_door.url());
    let site = page::Site {
        www: arguments.www,
        relay: relay_url.clone(),
        keys: keys.config_list().context("encoding the gateway's keys")?,
        cloud_model: upstream_model,
        file,
    };
    let urls = [
        ("page", page_door.url()),
        ("relay", relay_url),
        ("gateway", gateway_door.url()),
        ("upstream", upstream_url),
    ];
    page_door.serve(page::app(site)?, &shutdown);
    relay_door.serve(
        relay::native::app(&gateway_door.url(), relay::native::Settings::default())
            .map_err(anyhow::Error::msg)?,
        &shutdown,
    );
    gateway_door.serve(
        gateway::app(keys, upstream, gateway::Settings::default())?,
        &shutdown,
    );

    if arguments.json {
        let line: serde_json::Map<_, _> = urls
            .iter()
            .map(|(name, url)| ((*name).to_owned(), json!(url)))
            .collect();
        println!("{}", serde_json::Value::Object(line));
    } else {
        urls.iter()
            .for_each(|(name, url)| println!("{name:<9}{url}"));
    }
    shutdown.wait(GRACE).await;
    Ok(())
}
