//! What is written down of a request when it ends: lines in the log and the metrics, nothing of who asked.

use std::time::Instant;

use axum::body::Bytes;

use super::{
    Room,
    metrics::{Metrics, Outcome},
};
use crate::forward::Problem;

/// A request on its way. Dropped when it ends, however it ends: then it is written down, and its room is free.
#[derive(Debug)]
pub(super) struct Record {
    metrics: Metrics,
    started: Instant,
    /// Of a request that is carried.
    room: Option<Room>,
    request_bytes: u64,
    status: u16,
    reply_bytes: usize,
    chunks: usize,
    outcome: Outcome,
}

impl Record {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            started: Instant::now(),
            room: None,
            request_bytes: 0,
            status: 0,
            reply_bytes: 0,
            chunks: 0,
            // Until something else is known, what is dropped was given up by the page.
            outcome: Outcome::Abandoned,
        }
    }

    /// It is carried, and takes this room until its end.
    pub(super) fn takes(&mut self, room: Room, request_bytes: u64) {
        self.room = Some(room);
        self.request_bytes = request_bytes;
        self.metrics.opened(request_bytes);
    }

    /// The gateway has begun to reply.
    pub(super) fn begun(&mut self) {
        self.status = 200;
        self.metrics.began(self.started.elapsed());
        tracing::info!(
            request_bytes = self.request_bytes,
            head_ms = self.started.elapsed().as_millis() as u64,
            "relayed"
        );
    }

    /// A piece of the reply.
    pub(super) fn count(&mut self, chunk: &Bytes) {
        self.reply_bytes += chunk.len();
        self.chunks += 1;
    }

    /// The reply is whole.
    pub(super) fn whole(&mut self) {
        self.outcome = Outcome::Relayed;
    }

    /// The gateway's reply broke off.
    pub(super) fn cut(&mut self) {
        self.outcome = Outcome::Cut;
    }

    /// The gateway's error in the clear was passed on.
    pub(super) fn passed(&mut self, status: u16) {
        self.status = status;
        self.outcome = Outcome::GatewayRefused;
    }

    /// The gateway's list of keys was passed on.
    pub(super) fn listed(&mut self) {
        self.status = 200;
        self.outcome = Outcome::Listed;
    }

    /// The relay answered itself, with an error.
    pub(super) fn refused(&mut self, problem: &Problem) {
        self.status = problem.status;
        self.outcome = Outcome::Refused(problem.code);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        if self.room.is_some() {
            self.metrics.left(took, self.reply_bytes);
        }
        self.metrics.ended(self.outcome);
        tracing::info!(
            status = self.status,
            outcome = ?self.outcome,
            reply_bytes = self.reply_bytes,
            chunks = self.chunks,
            ms = took.as_millis() as u64, // not half a billion years
            "ended"
        );
    }
}
