//! Pages, strangers and an upstream that do everything that they may do to relay and gateway, and parts that end and
//! come back: every question must end as it should, and memory must not grow.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Context, Result};
use futures::{StreamExt, future::try_join, stream::FuturesUnordered};
use oorandom::Rand64;
use query::Traffic;
use reqwest::Url;
use serde_json::{Map, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    ending::{Ending, Endings},
    faults::{Act, Acts},
    figures::{Figures, slope},
    page::Page,
    process::Process,
    stack::{DRAINED, Programs, Stack},
};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    /// Pages at once.
    pub streams: usize,
    /// How long it goes on: the first third with parts that end and come back, the rest with memory watched.
    pub lasts: Duration,
    /// Of what is done when.
    pub seed: u64,
}

/// How often parts end and come back.
const RESTARTS: u32 = 6;
/// After a part has come back, what was lost with it may show for so long.
const SETTLED: Duration = Duration::from_secs(1);
/// Growth of memory in a minute of watching, of what it was in the middle.
const GROWTH: f64 = 0.02;
/// Endings that were not expected and are shown.
const SHOWN: usize = 8;

/// What has been seen.
#[derive(Default)]
struct Seen {
    /// Odd while a part is away.
    epoch: Cell<u64>,
    endings: RefCell<BTreeMap<&'static str, Endings>>,
    unexpected: RefCell<Vec<String>>,
    /// Parts that did not end by themselves when they were asked to.
    stuck: Cell<u32>,
}

impl Seen {
    fn count(&self, act: &Act, began: u64, ending: Ending) {
        let disturbed = began % 2 == 1 || began != self.epoch.get();
        if !act.expects(&ending) && (!disturbed || ending.is_defect()) {
            let mut unexpected = self.unexpected.borrow_mut();
            unexpected.push(format!("{}: {ending}", act.name));
        }
        let mut endings = self.endings.borrow_mut();
        let of_act = endings.entry(act.name).or_default();
        *of_act.entry(ending).or_default() += 1;
    }
}

/// Runs it before the [`crate::upstream::Upstream`] at `upstream`, its root.
///
/// # Errors
/// If a part does not start.
pub async fn soak(programs: &Programs, upstream: &str, wanted: Soak) -> Result<Figures> {
    let mut figures = Figures::of("soak");
    let stack = Stack::before(programs, upstream)?;
    let page = Page::new(stack.way(Traffic::Off)?)?;
    let acts = Acts::new()?;
    let (relay, seen) = (stack.relay.url.clone(), Seen::default());
    let began = Instant::now();
    let until = began + wanted.lasts;

    let pages: FuturesUnordered<_> = (0..wanted.streams)
        .map(|number| {
            let (page, acts, relay, seen) = (&page, &acts, &relay, &seen);
            async move {
                let mut random = Rand64::new(u128::from(wanted.seed) + number as u128);
                while Instant::now() < until
                    && let Some(act) = acts.any(&mut random)
                {
                    let epoch = seen.epoch.get();
                    let ending = act.run(page, relay).await;
                    let away =
                        matches!(ending, Ending::Unreachable | Ending::Problem(502 | 503, _));
                    seen.count(act, epoch, ending);
                    if away {
                        // As a page does: not at once again.
                        sleep(SETTLED / 4).await;
                    }
                }
            }
        })
        .collect();
    let asking = async {
        pages.collect::<Vec<()>>().await;
        anyhow::Ok(())
    };
    let watching = async {
        let stack = restarts(
            (programs, upstream),
            stack,
            &seen,
            (began, wanted.lasts / 3),
        )
        .await?;
        let memory = memory(&stack, until).await?;
        Ok((stack, memory))
    };
    let ((), (stack, memory)) = try_join(asking, watching).await?;
    report(&mut figures, &seen);
    for (name, points) in ["relay", "gateway"].into_iter().zip(memory) {
        growth(&mut figures, name, &points);
    }
    figures.must(
        "upstream_is_idle_again",
        is_idle(&format!("{upstream}open")).await,
    );
    drop(stack);
    Ok(figures)
}

fn report(figures: &mut Figures, seen: &Seen) {
    let endings = seen.endings.borrow();
    let total: u64 = endings.values().flat_map(|endings| endings.values()).sum();
    let all = endings.iter().map(|(act, endings)| {
        let counts = endings
            .iter()
            .map(|(ending, count)| (ending.to_string(), json!(count)));
        ((*act).to_owned(), json!(Map::from_iter(counts)))
    });
    figures.put("acts", total);
    figures.put("endings", Map::from_iter(all));
    let unexpected = seen.unexpected.borrow();
    figures.at_most("unexpected", unexpected.len() as f64, 0.0);
    if !unexpected.is_empty() {
        figures.put(
            "unexpected_first",
            unexpected[..unexpected.len().min(SHOWN)].to_vec(),
        );
    }
    figures.at_most("did_not_end_by_itself", f64::from(seen.stuck.get()), 0.0);
}

fn growth(figures: &mut Figures, name: &str, points: &[(f64, f64)]) {
    let a_minute = slope(points);
    let mean = points.iter().map(|(_, kb)| kb).sum::<f64>() / points.len().max(1) as f64;
    // About one a minute, to see whether it is growth or a step.
    let some = points.iter().step_by(60).map(|(_, kb)| json!(kb));
    figures.put(&format!("{name}_kb"), some.collect::<Vec<_>>());
    figures.number(&format!("{name}_kb_a_minute"), a_minute);
    figures.at_most(&format!("{name}_growth_a_minute"), a_minute / mean, GROWTH);
}

/// In turns: the relay is killed, the gateway is asked to end and drains. Each comes back where it was.
async fn restarts(
    (programs, upstream): (&Programs, &str),
    mut stack: Stack,
    seen: &Seen,
    (began, lasts): (Instant, Duration),
) -> Result<Stack> {
    for number in 0..RESTARTS {
        sleep_until(began + lasts * (number + 1) / (RESTARTS + 1)).await;
        seen.epoch.set(seen.epoch.get() + 1);
        let programs = programs.clone();
        if number % 2 == 0 {
            let (relay, gateway) = (stack.relay, stack.gateway.url.clone());
            let address = address(&relay)?;
            let again = move || {
                relay.kill()?;
                programs.relay(address, &gateway)
            };
            stack.relay = tokio::task::spawn_blocking(again).await??;
        } else {
            let (gateway, upstream) = (stack.gateway, upstream.to_owned());
            let address = address(&gateway)?;
            let again = move || {
                let ended = gateway.terminate(DRAINED)?;
                anyhow::Ok((ended, programs.gateway(address, &upstream)?))
            };
            let (ended, gateway) = tokio::task::spawn_blocking(again).await??;
            seen.stuck.set(seen.stuck.get() + u32::from(!ended));
            stack.gateway = gateway;
        }
        sleep(SETTLED).await;
        seen.epoch.set(seen.epoch.get() + 1);
    }
    Ok(stack)
}

fn address(process: &Process) -> Result<SocketAddr> {
    let url = Url::parse(&process.url)?;
    let addresses = url.socket_addrs(|| None)?;
    addresses
        .first()
        .copied()
        .context("a part without an address")
}

/// Minutes and kB of relay and gateway, once a second until then. Allocations of the beginning are not counted: a
/// sixth of the time passes first.
async fn memory(stack: &Stack, until: Instant) -> Result<[Vec<(f64, f64)>; 2]> {
    let began = Instant::now();
    sleep(until.saturating_duration_since(began) / 6).await;
    let mut points = [Vec::new(), Vec::new()];
    while Instant::now() < until {
        let minute = began.elapsed().as_secs_f64() / 60.0;
        for (points, process) in points.iter_mut().zip([&stack.relay, &stack.gateway]) {
            points.push((minute, process.memory_kb()? as f64));
        }
        sleep(Duration::from_secs(1)).await;
    }
    Ok(points)
}

/// Whether the upstream soon answers nobody any more: that all who left were noticed.
async fn is_idle(open: &str) -> bool {
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_secs(10) {
        let reply = reqwest::get(open).await;
        if let Ok(reply) = reply
            && reply.text().await.is_ok_and(|open| open == "0")
        {
            return true;
        }
        sleep(Duration::from_millis(100)).await;
    }
    false
}
