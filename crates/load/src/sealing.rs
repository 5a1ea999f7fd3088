//! What sealing costs: a request, and an answer piece by piece. No network.

use std::time::Duration;

use anyhow::{Context, Result};
use oblivious_http::{Terms, VerifiedKey, seal};
use query::Traffic;
use rustix::time::{ClockId, clock_gettime};

use crate::{
    figures::{Figures, median, ms, quantile},
    page::{Question, now_s},
    script::Plan,
    stack,
};

/// Median of sealing a request, ms.
const SEALING_MS: f64 = 0.3;
/// Of a core, for an answer of 1 MB/s.
const OF_A_CORE: f64 = 0.02;
/// Requests of each kind of key.
const REQUESTS: usize = 1_000;
/// Bytes of answer that are sealed for a figure.
const ANSWER: usize = 16_000_000;
/// Lengths of pieces, bytes: an event of one token, a cell of the policy `balanced`, what a fast upstream's reads
/// hold.
const PIECES: [usize; 3] = [128, 256, 4_096];

/// Seals and opens.
///
/// # Errors
/// If the sealing library refuses.
pub fn sealing() -> Result<Figures> {
    let mut figures = Figures::of("sealing");
    let keys = stack::keys()?;
    let list = keys.config_list()?;
    // Each config has its length before it (RFC 9458 §3.2).
    let first = list.first_chunk().copied().map(u16::from_be_bytes);
    let first = 2 + usize::from(first.context("no key config")?);
    let (x_wing, x25519) = list.split_at(first);
    let question = Question::new(Plan::short(crate::script::End::Whole))?;
    let terms = Terms {
        date_s: now_s(),
        traffic: Traffic::Balanced,
        token: None,
    };
    for (name, list) in [("x_wing", x_wing), ("x25519", x25519)] {
        let key = VerifiedKey::pinned(list)?;
        let (mut sealing, mut opening) = (Vec::new(), Vec::new());
        for _ in 0..REQUESTS {
            let began = used();
            let (sealed, _) = seal(&key, question.releasable(), &terms)?;
            sealing.push(ms(used() - began));
            let began = used();
            keys.open(sealed.bytes())?;
            opening.push(ms(used() - began));
        }
        figures.at_most(&format!("{name}_seal_p50_ms"), median(&sealing), SEALING_MS);
        figures.number(&format!("{name}_seal_p99_ms"), quantile(&sealing, 0.99));
        figures.number(&format!("{name}_open_p50_ms"), median(&opening));
    }
    let key = VerifiedKey::pinned(x_wing)?;
    for length in PIECES {
        let (sealed, _) = seal(&key, question.releasable(), &terms)?;
        let (_, mut sealer) = keys.open(sealed.bytes())?;
        sealer.head(200, &[])?;
        let piece = vec![b'a'; length];
        let began = used();
        for _ in 0..ANSWER / length {
            sealer.chunk(&piece)?;
        }
        let a_megabyte = (used() - began).div_f64(ANSWER as f64 / 1e6);
        let share = a_megabyte.div_duration_f64(Duration::from_secs(1));
        let name = format!("of_a_core_for_1_mb_s_in_{length}_bytes");
        figures.at_most(&name, share, OF_A_CORE);
    }
    Ok(figures)
}

/// Processor time of this thread: what else the machine does takes none of it.
fn used() -> Duration {
    // Of a thread it is never negative.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
