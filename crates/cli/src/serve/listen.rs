//! Ports, signals, logs.

use std::{future::Future, net::SocketAddr, time::Duration};

use anyhow::Context;
use axum::{Router, http::header, routing::get};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tracing_subscriber::EnvFilter;

use super::connections::{self, Bounds};

/// Runs a server; logs go to standard error, as much as RUST_LOG says (`warn` without it).
pub(super) fn block_on(server: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Runtime::new().context("starting the server's threads")?;
    let result = runtime.block_on(server);
    // Whatever still runs after the grace is dropped.
    runtime.shutdown_background();
    result
}

/// A port that is taken and not yet served.
pub(super) struct Door {
    listener: TcpListener,
    address: SocketAddr,
}

impl Door {
    /// Takes a port of loopback; 0 picks one. `option` names the way out if it is in use.
    pub(super) async fn open(port: u16, option: &str) -> anyhow::Result<Self> {
        Self::bind(SocketAddr::from(([127, 0, 0, 1], port)), option).await
    }

    /// Takes an address.
    pub(super) async fn bind(address: SocketAddr, option: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address}; choose another with {option} (port 0 picks one)")
        })?;
        let address = listener
            .local_addr()
            .context("asking for the port that was picked")?;
        Ok(Self { listener, address })
    }

    /// With a slash at its end.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Serves in the background until the shutdown.
    pub(super) fn serve(self, app: Router, shutdown: &Shutdown) {
        self.serve_within(app, Bounds::default(), shutdown);
    }

    /// The same, within these bounds.
    pub(super) fn serve_within(self, app: Router, bounds: Bounds, shutdown: &Shutdown) {
        let down = shutdown.down();
        shutdown.spawn(connections::serve(self.listener, app, bounds, down));
    }

    /// Serves metrics at `/metrics` in the background, until the process ends.
    pub(super) fn serve_metrics(self, encode: impl Fn() -> String + Clone + Send + Sync + 'static) {
        const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        let page = move || async move { ([(header::CONTENT_TYPE, TYPE)], encode()) };
        let app = Router::new().route("/metrics", get(page));
        // A few scrapers.
        let bounds = Bounds {
            connections: 16,
            ..Bounds::default()
        };
        let (never, down) = watch::channel(false);
        tokio::spawn(async move {
            connections::serve(self.listener, app, bounds, down).await;
            drop(never);
        });
    }
}

/// SIGTERM or ctrl-c, for all servers.
pub(super) struct Shutdown {
    down: watch::Receiver<bool>,
    servers: std::sync::Mutex<JoinSet<()>>,
}

impl Shutdown {
    /// Listens for the signals from now on.
    pub(super) fn on_signal() -> anyhow::Result<Self> {
        let (set, down) = watch::channel(false);
        #[cfg(unix)]
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .context("listening for SIGTERM")?;
        tokio::spawn(async move {
            #[cfg(unix)]
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            #[cfg(not(unix))]
            let _ = tokio::signal::ctrl_c().await;
            let _ = set.send(true);
        });
        Ok(Self {
            down,
            servers: std::sync::Mutex::default(),
        })
    }

    /// Turns true with the first signal.
    pub(super) fn down(&self) -> watch::Receiver<bool> {
        self.down.clone()
    }

    fn spawn(&self, server: impl Future<Output = ()> + Send + 'static) {
        self.servers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .spawn(server);
    }

    /// Returns when a signal has come and the answers that were on their way have ended, or `grace` has.
    pub(super) async fn wait(mut self, grace: Duration) {
        let _ = self.down.wait_for(|&down| down).await;
        let servers = self
            .servers
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = tokio::time::timeout(grace, servers.join_all()).await;
    }
}
