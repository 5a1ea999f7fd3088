//! One part of `cargo xtask bench relay`, or its upstream. Prints a line of JSON.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use load::{
    canaries::canaries,
    crowd::{Crowd, crowd},
    figures::Figures,
    latency::{Latency, latency},
    page::Way,
    process::allow_files,
    sealing::sealing,
    soak::{Soak, soak},
    stack::{Programs, Stack, way},
    upstream::Upstream,
};
use query::Traffic;

#[derive(Parser)]
enum Command {
    /// The scripted upstream, until it is ended. Prints its URL.
    Upstream,
    #[command(flatten)]
    Part(Part),
}

#[derive(Subcommand)]
enum Part {
    /// Many answers at once through relay and gateway.
    Crowd {
        #[command(flatten)]
        places: Places,
        #[command(flatten)]
        size: Size,
        /// How answers travel.
        #[arg(long, default_value = "off", value_parser = traffic)]
        traffic: Traffic,
    },
    /// The same through the relay on workerd.
    Workerd {
        #[command(flatten)]
        places: Places,
        #[command(flatten)]
        size: Size,
        /// workerd.
        #[arg(long)]
        workerd: PathBuf,
        /// Folder with `relay.capnp` and the built worker.
        #[arg(long)]
        worker: PathBuf,
    },
    /// The time to the first piece, beside nginx.
    Latency {
        #[command(flatten)]
        places: Places,
        #[command(flatten)]
        size: Size,
        /// nginx.
        #[arg(long)]
        nginx: Option<PathBuf>,
        /// Each way is measured so often.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// What sealing costs.
    Sealing,
    /// Faults of every kind, and parts that end and come back.
    Soak {
        #[command(flatten)]
        places: Places,
        /// Pages at once.
        #[arg(long, default_value_t = 100)]
        streams: usize,
        /// How long.
        #[arg(long, default_value_t = 600)]
        seconds: u64,
        /// Of what is done when.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Words that must stand nowhere afterwards.
    Canaries {
        #[command(flatten)]
        places: Places,
    },
}

#[derive(Args)]
struct Places {
    /// The `tidegate` command.
    #[arg(long)]
    tidegate: PathBuf,
    /// Working folder of everything that runs; emptied first.
    #[arg(long)]
    folder: PathBuf,
}

impl Places {
    fn programs(&self, log: &'static str) -> Result<Programs> {
        Programs::new(&self.tidegate, &self.folder, log)
    }
}

#[derive(Args)]
struct Size {
    /// Answers at once.
    #[arg(long)]
    streams: usize,
    /// How long it is measured, seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

impl Size {
    fn crowd(&self) -> Result<Crowd> {
        // Two connections for each answer, in relay and gateway; and what a program has open anyway.
        allow_files(2 * self.streams as u64 + 200)?;
        Ok(Crowd {
            streams: self.streams,
            lasts: Duration::from_secs(self.seconds),
            every: Duration::from_millis(250),
        })
    }
}

fn traffic(name: &str) -> Result<Traffic, String> {
    Traffic::named(name).ok_or_else(|| "expected off, balanced or strict".to_owned())
}

fn main() -> Result<()> {
    // One thread: what is measured has the other cores.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match Command::parse() {
            Command::Upstream => upstream().await,
            Command::Part(part) => {
                println!("{}", run(part).await?.json());
                Ok(())
            }
        }
    })
}

async fn upstream() -> Result<()> {
    let (url, serving) = Upstream::default().listen().await?;
    println!("upstream {url}");
    Ok(serving.await??)
}

async fn run(part: Part) -> Result<Figures> {
    match part {
        Part::Sealing => sealing(),
        Part::Canaries { places } => canaries(&places.programs("trace")?).await,
        Part::Soak {
            places,
            streams,
            seconds,
            seed,
        } => {
            // Connections of those who left are closed a little later.
            allow_files(8 * streams as u64 + 200)?;
            let wanted = Soak {
                streams,
                lasts: Duration::from_secs(seconds),
                seed,
            };
            let programs = places.programs("warn")?;
            let upstream = programs.upstream()?;
            soak(&programs, &upstream.url, wanted).await
        }
        Part::Crowd {
            places,
            size,
            traffic,
        } => {
            let wanted = size.crowd()?;
            let programs = places.programs("warn")?;
            let upstream = programs.upstream()?;
            let stack = Stack::before(&programs, &upstream.url)?;
            let mut figures = Figures::of("crowd");
            figures.put("relay", "native");
            figures.put("traffic", traffic.name());
            let processes = [("relay", &stack.relay), ("gateway", &stack.gateway)];
            crowd(figures, stack.way(traffic)?, wanted, &processes).await
        }
        Part::Workerd {
            places,
            size,
            workerd,
            worker,
        } => {
            let wanted = size.crowd()?;
            let programs = places.programs("warn")?;
            let upstream = programs.upstream()?;
            let stack = Stack::before(&programs, &upstream.url)?;
            let relay = programs.workerd(&workerd, &worker, &stack.gateway.url)?;
            let mut figures = Figures::of("crowd");
            figures.put("relay", "workerd");
            let processes = [("relay", &relay), ("gateway", &stack.gateway)];
            crowd(figures, way(&relay.url, Traffic::Off)?, wanted, &processes).await
        }
        Part::Latency {
            places,
            size,
            nginx,
            rounds,
        } => {
            let lasts = size.crowd()?.lasts;
            let programs = places.programs("warn")?;
            let upstream = programs.upstream()?;
            let stack = Stack::before(&programs, &upstream.url)?;
            let completions = |root: &str| Way::Plain(format!("{root}v1/chat/completions"));
            let mut ways = vec![("direct", completions(&upstream.url))];
            let nginx = nginx
                .map(|nginx| programs.nginx(&nginx, &upstream.url))
                .transpose()?;
            ways.extend(
                nginx
                    .as_ref()
                    .map(|nginx| ("nginx", completions(&nginx.url))),
            );
            ways.push(("tidegate", stack.way(Traffic::Off)?));
            ways.push(("balanced", stack.way(Traffic::Balanced)?));
            let wanted = Latency {
                streams: size.streams,
                rounds,
                lasts,
            };
            latency(ways, wanted).await
        }
    }
}
