//! How much later the first piece comes than from the upstream itself, beside nginx in the same run.

use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until};

use crate::{
    ending::Ending,
    figures::{Figures, median, ms, quantile},
    page::{Manner, Page, Question, Way},
    script::Plan,
};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Answers at once.
    pub streams: usize,
    /// Every way is measured so often, in turns.
    pub rounds: usize,
    /// How long one way is measured in a round.
    pub lasts: Duration,
}

/// Pieces of an answer, and the time between two: twenty a second, for two seconds.
const PIECES: u32 = 40;
const EVERY: Duration = Duration::from_millis(50);
/// Of the path with relay and gateway, less that without.
const ADDED_P50_MS: f64 = 2.0;
const ADDED_P99_MS: f64 = 25.0;
/// p50 of the time that is added, by that of nginx.
const BY_NGINX: f64 = 2.0;

/// Times to the first piece in one way, ms, one for each round.
#[derive(Clone, Debug, Default)]
struct Times {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

/// The ways to be measured; the first is the upstream itself.
pub type Ways = Vec<(&'static str, Way)>;

/// Measures all ways in turns. Names: `direct`, `nginx`, `tidegate`, and others that have no bound.
///
/// # Errors
/// If there is no HTTP client.
pub async fn latency(ways: Ways, wanted: Latency) -> Result<Figures> {
    let mut figures = Figures::of("first_piece");
    figures.put("streams", wanted.streams);
    figures.put("rounds", wanted.rounds);
    let question = Question::new(Plan::whole(PIECES, EVERY, 12))?;
    let mut pages = Vec::new();
    for (name, way) in ways {
        pages.push((name, Page::new(way)?, Times::default()));
    }
    let (mut asked, mut failed) = (0, 0);
    for _ in 0..wanted.rounds {
        for (_, page, times) in &mut pages {
            let round = round(page, &question, wanted).await;
            asked += round.len();
            failed += round.iter().filter(|first| first.is_none()).count();
            let firsts: Vec<f64> = round.into_iter().flatten().map(ms).collect();
            times.p50.push(median(&firsts));
            times.p99.push(quantile(&firsts, 0.99));
        }
    }
    figures.put("asked", asked);
    figures.at_most("failed", failed as f64, 0.0);
    let of = |name: &str| {
        let times = pages.iter().find(|(other, ..)| *other == name);
        times.map(|(_, _, times)| times.clone()).unwrap_or_default()
    };
    let direct = of("direct");
    for (name, _, times) in &pages {
        figures.number(&format!("{name}_p50_ms"), median(&times.p50));
        figures.number(&format!("{name}_p99_ms"), median(&times.p99));
    }
    // Of each round by itself: what else the machine does then slows all ways of it.
    let added = |times: &[f64], base: &[f64]| {
        let differences: Vec<f64> = times
            .iter()
            .zip(base)
            .map(|(time, base)| time - base)
            .collect();
        median(&differences)
    };
    let (tidegate, nginx) = (of("tidegate"), of("nginx"));
    let ours = added(&tidegate.p50, &direct.p50);
    figures.at_most("added_p50_ms", ours, ADDED_P50_MS);
    figures.at_most(
        "added_p99_ms",
        added(&tidegate.p99, &direct.p50),
        ADDED_P99_MS,
    );
    if !nginx.p50.is_empty() {
        let theirs = added(&nginx.p50, &direct.p50);
        figures.number("nginx_added_p50_ms", theirs);
        figures.at_most("added_p50_by_nginx", ours / theirs, BY_NGINX);
        figures.number(
            "whole_p50_by_nginx",
            median(&tidegate.p50) / median(&nginx.p50),
        );
    }
    Ok(figures)
}

/// So many ask again and again; the time to the first piece of each answer that came whole.
async fn round(page: &Page, question: &Question, wanted: Latency) -> Vec<Option<Duration>> {
    let began = Instant::now();
    let lasts = EVERY * PIECES;
    let asking: FuturesUnordered<_> = (0..wanted.streams)
        .map(|number| async move {
            // Evenly spread over the length of an answer.
            sleep_until(began + lasts * number as u32 / wanted.streams as u32).await;
            // The first opens connections.
            page.ask(question, Manner::default()).await;
            let mut firsts = Vec::new();
            while began.elapsed() < lasts * 2 + wanted.lasts {
                let answer = page.ask(question, Manner::default()).await;
                let whole = answer.ending == Ending::Whole;
                firsts.push(answer.first.filter(|_| whole));
            }
            firsts
        })
        .collect();
    let firsts: Vec<Vec<Option<Duration>>> = asking.collect().await;
    firsts.concat()
}
