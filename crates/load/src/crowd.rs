//! Many answers at once: is every piece there, and what does a stream take of memory and time?

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{StreamExt, future::join, stream::FuturesUnordered};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    ending::{Ending, Endings},
    figures::Figures,
    page::{Answer, Manner, Page, Question, Way},
    process::Process,
    script::Plan,
};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Answers at once.
    pub streams: usize,
    /// How long an answer streams.
    pub lasts: Duration,
    /// Between two pieces of an answer.
    pub every: Duration,
}

/// Most memory of one stream in one process, kB: the anonymous memory at its fullest less that before, by streams.
const KB_PER_STREAM: f64 = 40.0;
/// Asked before anything is measured.
const WARM_UP: usize = 50;
/// In a second: more, and the queue of new connections overflows.
const NEW_A_SECOND: u32 = 500;

/// What a process has used so far.
struct Used {
    kb: f64,
    cpu: Duration,
}

impl Used {
    fn by(process: &Process) -> Result<Self> {
        Ok(Self {
            kb: process.memory_kb()? as f64,
            cpu: process.cpu()?,
        })
    }
}

/// Asks that many at once over `way`, and measures these processes.
///
/// # Errors
/// If a process has ended.
pub async fn crowd(
    mut figures: Figures,
    way: Way,
    crowd: Crowd,
    processes: &[(&str, &Process)],
) -> Result<Figures> {
    ensure!(crowd.streams > 0, "--streams takes at least 1");
    let page = Page::new(way)?;
    let question = |lasts: Duration| {
        let pieces = lasts.as_millis() / crowd.every.as_millis().max(1);
        Question::new(Plan::whole(pieces as u32 + 1, crowd.every, 12))
    };
    let short = question(crowd.every)?;
    let warm: FuturesUnordered<_> = (0..WARM_UP)
        .map(|_| page.ask(&short, Manner::default()))
        .collect();
    let _: Vec<Answer> = warm.collect().await;
    let before: Vec<Used> = processes
        .iter()
        .map(|(_, process)| Used::by(process))
        .collect::<Result<_>>()?;

    // All run together for `lasts`, after the last has begun.
    let ramp = Duration::from_secs(1) * crowd.streams as u32 / NEW_A_SECOND;
    let long = question(crowd.lasts + ramp)?;
    let began = Instant::now();
    let asking: FuturesUnordered<_> = (0..crowd.streams)
        .map(|number| {
            let (page, long) = (&page, &long);
            async move {
                let at = began + Duration::from_secs(1) * number as u32 / NEW_A_SECOND;
                sleep_until(at).await;
                page.ask(long, Manner::default()).await
            }
        })
        .collect();
    let watching = watch(&page, began + ramp + crowd.lasts, processes);
    let (answers, watched) = join(asking.collect::<Vec<Answer>>(), watching).await;
    let (at_once, fullest) = watched?;

    let mut endings = Endings::new();
    let (mut pieces, mut lost, mut out_of_order) = (0, 0, 0);
    for answer in answers {
        *endings.entry(answer.ending).or_default() += 1;
        pieces += answer.pieces.count;
        lost += answer.pieces.lost + answer.pieces.damaged;
        out_of_order += answer.pieces.out_of_order;
    }
    figures.put("streams", crowd.streams);
    figures.put("at_once", at_once);
    figures.put("pieces", pieces);
    figures.at_most("lost", f64::from(lost), 0.0);
    figures.at_most("out_of_order", f64::from(out_of_order), 0.0);
    figures.endings(&endings);
    let whole = endings.get(&Ending::Whole).copied().unwrap_or_default();
    figures.must("all_at_once", at_once == crowd.streams);
    figures.must("all_whole", whole == crowd.streams as u64);
    for (((name, process), before), fullest) in processes.iter().zip(before).zip(fullest) {
        let kb = (fullest - before.kb) / crowd.streams as f64;
        figures.at_most(&format!("{name}_kb_per_stream"), kb, KB_PER_STREAM);
        let cpu = process.cpu()?.saturating_sub(before.cpu);
        let us = cpu.as_secs_f64() * 1e6 / f64::from(pieces.max(1));
        figures.number(&format!("{name}_cpu_us_per_piece"), us);
    }
    Ok(figures)
}

/// Until then: the most answers at once, and the most memory of each process, kB.
async fn watch(
    page: &Page,
    until: Instant,
    processes: &[(&str, &Process)],
) -> Result<(usize, Vec<f64>)> {
    let (mut at_once, mut fullest) = (0, vec![0.0; processes.len()]);
    while Instant::now() < until {
        sleep(Duration::from_millis(100)).await;
        at_once = at_once.max(page.answering.get());
        for (most, (_, process)) in fullest.iter_mut().zip(processes) {
            *most = f64::max(*most, process.memory_kb()? as f64);
        }
    }
    Ok((at_once, fullest))
}
