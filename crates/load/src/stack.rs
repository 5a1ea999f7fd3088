//! Relay, gateway and what they are measured beside, as programs of their own on loopback.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use oblivious_http::{GatewayKeys, VerifiedKey};
use query::Traffic;

use crate::{
    page::Way,
    process::{Process, free_address},
};

/// The secret that the gateway's keys follow from. They protect nothing here.
const SEED: [u8; 32] = *b"a seed that protects only itself";

/// The upstream's key that the gateway holds.
pub const UPSTREAM_KEY: &str = "sk-only-the-gateway-has-it";

/// The programs that are run.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `tidegate`.
    pub tidegate: PathBuf,
    /// Where they run and log.
    pub folder: PathBuf,
    /// RUST_LOG of relay and gateway.
    pub log: &'static str,
}

impl Programs {
    /// In an empty folder.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(tidegate: &Path, folder: &Path, log: &'static str) -> Result<Self> {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        Ok(Self {
            tidegate: fs::canonicalize(tidegate)
                .with_context(|| format!("{}: build it first", tidegate.display()))?,
            folder: fs::canonicalize(folder)?,
            log,
        })
    }

    /// The scripted upstream, in a process of its own: this very program.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn upstream(&self) -> Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        Process::start("upstream", command.arg("upstream"), &self.folder, false)
    }

    /// `tidegate gateway` at `address` before the upstream at `upstream` (its root).
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn gateway(&self, address: SocketAddr, upstream: &str) -> Result<Process> {
        let seed = self.folder.join("seed");
        fs::write(&seed, SEED)?;
        let mut command = self.command("gateway", address);
        command
            .arg("--seed")
            .arg(seed)
            .args(["--upstream-url", &format!("{upstream}v1")])
            .env("TIDEGATE_UPSTREAM_KEY", UPSTREAM_KEY);
        Process::start("gateway", &mut command, &self.folder, false)
    }

    /// `tidegate relay` at `address` before the gateway at `gateway`.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn relay(&self, address: SocketAddr, gateway: &str) -> Result<Process> {
        let mut command = self.command("relay", address);
        // All pages are one address here.
        command.args(["--gateway", gateway, "--per-minute", "0", "--at-once", "0"]);
        Process::start("relay", &mut command, &self.folder, false)
    }

    fn command(&self, name: &str, address: SocketAddr) -> Command {
        let mut command = Command::new(&self.tidegate);
        command
            .args([name, "--listen", &address.to_string()])
            .env("RUST_LOG", self.log)
            // Whatever is written somewhere, is written here.
            .env("HOME", &self.folder)
            .env("TMPDIR", &self.folder);
        command
    }

    /// The relay on workerd; `worker` is the folder with `relay.capnp`.
    ///
    /// # Errors
    /// As [`Process::start_at`].
    pub fn workerd(&self, workerd: &Path, worker: &Path, gateway: &str) -> Result<Process> {
        let address = free_address()?;
        let mut command = Command::new(fs::canonicalize(workerd)?);
        command
            .arg("serve")
            .arg(fs::canonicalize(worker)?.join("relay.capnp"))
            .args(["--socket-addr", &format!("http={address}")])
            .env("GATEWAY", gateway);
        Process::start_at("workerd", &mut command, &self.folder, address)
    }

    /// nginx before the upstream, passing on what comes as it comes.
    ///
    /// # Errors
    /// As [`Process::start_at`].
    pub fn nginx(&self, nginx: &Path, upstream: &str) -> Result<Process> {
        let address = free_address()?;
        let file = self.folder.join("nginx.conf");
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/');
        fs::write(&file, nginx_config(&self.folder, address, upstream))?;
        let mut command = Command::new(nginx);
        command.arg("-c").arg(&file).args(["-e", "stderr"]);
        Process::start_at("nginx", &mut command, &self.folder, address)
    }
}

/// What favours nginx: connections to the upstream are kept, nothing is logged, buffered or compressed.
fn nginx_config(folder: &Path, address: SocketAddr, upstream: &str) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
pid {folder}/nginx.pid;
worker_processes 1;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  tcp_nodelay on;
  upstream model {{ server {upstream}; keepalive 1024; }}
  server {{
    listen {address};
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_buffering off;
    }}
  }}
}}
"
    )
}

/// Relay and gateway.
#[derive(Debug)]
pub struct Stack {
    /// `tidegate gateway`.
    pub gateway: Process,
    /// `tidegate relay`.
    pub relay: Process,
}

impl Stack {
    /// Both, before the upstream at `upstream` (its root).
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn before(programs: &Programs, upstream: &str) -> Result<Self> {
        let gateway = programs.gateway(free_address()?, upstream)?;
        let relay = programs.relay(free_address()?, &gateway.url)?;
        Ok(Self { gateway, relay })
    }

    /// Sealed, over this relay.
    ///
    /// # Errors
    /// If the gateway's keys cannot be encoded.
    pub fn way(&self, traffic: Traffic) -> Result<Way> {
        way(&self.relay.url, traffic)
    }
}

/// Sealed to the gateway of [`Programs::gateway`], over some relay.
///
/// # Errors
/// If the gateway's keys cannot be encoded.
pub fn way(relay: &str, traffic: Traffic) -> Result<Way> {
    Ok(Way::Sealed {
        relay: relay.to_owned(),
        key: VerifiedKey::pinned(&keys()?.config_list()?)?,
        traffic,
    })
}

/// The gateway's keys.
///
/// # Errors
/// If the sealing library refuses.
pub fn keys() -> Result<GatewayKeys> {
    Ok(GatewayKeys::from_seed(&SEED)?)
}

/// A gateway must have drained within this time.
pub const DRAINED: Duration = Duration::from_secs(45);
