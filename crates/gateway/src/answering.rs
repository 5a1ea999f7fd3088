//! An answer on its way: what the upstream says, sealed piece by piece.

use std::{pin::Pin, time::Duration};

use axum::body::Bytes;
use futures::{Stream, stream};
use query::ErrorCode;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout, timeout_at};

use crate::{
    error::SealedError,
    record::Record,
    reply::{Interrupted, Reply},
    upstream::Answer,
};

/// After this much silence of the upstream's, a sign of life.
const HEARTBEAT: Duration = Duration::from_millis(400);

/// The upstream, asked and not heard yet.
pub(crate) type Asking = Pin<Box<dyn Future<Output = Result<Answer, SealedError>> + Send>>;

/// An answer on its way.
pub(crate) struct Answering {
    stage: Stage,
    reply: Reply,
    /// None if all goes as it comes.
    beats: Option<Interval>,
    /// When the upstream must have said all.
    deadline: Instant,
    record: Record,
}

enum Stage {
    Asking(Asking),
    Streaming(Answer),
    /// The upstream has said all.
    Ended,
}

impl Answering {
    /// From now on for `limit` at most.
    pub(crate) fn new(asking: Asking, reply: Reply, limit: Duration, record: Record) -> Self {
        Self {
            stage: Stage::Asking(asking),
            beats: reply.every().map(|every| {
                let mut beats = interval(every);
                beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
                beats
            }),
            reply,
            deadline: Instant::now() + limit,
            record,
        }
    }

    /// The sealed head, then what the upstream says (each whole event as it comes, or cells on a beat), and the final
    /// chunk after `[DONE]`; or a sealed error, if the answer does not begin. Whatever else ends the upstream's stream
    /// ends this one with an error: the connection breaks, and the page sees that the final chunk is missing.
    ///
    /// While the upstream is silent, signs of life go out: a relay (workerd for one) notices that the page went away
    /// only when it writes, and the upstream should not think on for nobody.
    pub(crate) fn sealed(self) -> impl Stream<Item = Result<Bytes, Interrupted>> {
        stream::try_unfold(self, |mut answering| async move {
            if answering.reply.is_over() {
                return Ok(None);
            }
            let sealed = match answering.next().await {
                Ok(sealed) => sealed,
                Err(interrupted) => {
                    answering.record.interrupted();
                    return Err(interrupted);
                }
            };
            if answering.reply.is_over() {
                answering.record.whole();
            }
            let sealed = answering.record.count(sealed);
            Ok(Some((sealed, answering)))
        })
    }

    /// The next sealed bytes.
    async fn next(&mut self) -> Result<Vec<u8>, Interrupted> {
        let Self {
            stage,
            reply,
            beats,
            deadline,
            record,
        } = self;
        let Some(beats) = beats else {
            loop {
                let next = stage.go_on(reply, *deadline, record);
                let sealed = match timeout(HEARTBEAT, next).await {
                    Ok(sealed) => sealed?,
                    Err(_) => reply.alive()?,
                };
                if !sealed.is_empty() {
                    return Ok(sealed);
                }
            }
        };
        loop {
            let waits = matches!(stage, Stage::Ended) || !reply.has_room();
            // What has come is taken along by the beat that is due, and a beat that is due is not put off.
            tokio::select! {
                biased;
                _ = beats.tick() => return reply.beat(),
                sealed = stage.go_on(reply, *deadline, record), if !waits => { sealed?; }
            }
        }
    }
}

impl Stage {
    /// Waits for the upstream, until the deadline, and hands on what came. Dropped while it waits, it has taken
    /// nothing.
    async fn go_on(
        &mut self,
        reply: &mut Reply,
        deadline: Instant,
        record: &mut Record,
    ) -> Result<Vec<u8>, Interrupted> {
        let (next, sealed) = match self {
            Self::Asking(asking) => {
                let asked = timeout_at(deadline, asking.as_mut()).await;
                match asked.unwrap_or_else(|_| Err(too_late())) {
                    Ok(answer) => {
                        record.begun();
                        let sealed = reply.begin(answer.limits())?;
                        (Self::Streaming(answer), sealed)
                    }
                    Err(error) => {
                        record.refused(&error);
                        (Self::Ended, reply.refuse(&error)?)
                    }
                }
            }
            Self::Streaming(answer) => {
                let events = timeout_at(deadline, answer.events()).await;
                let sealed = reply.upstream(&events.map_err(|_| Interrupted)??)?;
                if !reply.has_heard_all() {
                    return Ok(sealed);
                }
                (Self::Ended, sealed)
            }
            Self::Ended => return Ok(Vec::new()),
        };
        *self = next;
        Ok(sealed)
    }
}

fn too_late() -> SealedError {
    let message = "the cloud model did not begin to answer in time; try again";
    SealedError::new(504, ErrorCode::UpstreamFailed, message)
}
