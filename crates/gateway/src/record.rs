//! What is written down of an answer when it ends: a line in the log and the metrics, nothing of what was said.

use std::time::Instant;

use axum::body::Bytes;
use query::ErrorCode;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    error::SealedError,
    metrics::{Metrics, Outcome},
};

/// An answer on its way. Dropped when it ends, however it ends: then it is written down, and its place is free.
#[derive(Debug)]
pub(crate) struct Record {
    metrics: Metrics,
    started: Instant,
    request_bytes: usize,
    /// As sealed; 0 before the head.
    status: u16,
    bytes: usize,
    pieces: usize,
    outcome: Outcome,
    _place: OwnedSemaphorePermit,
}

impl Record {
    pub(crate) fn new(
        metrics: Metrics,
        started: Instant,
        request_bytes: usize,
        place: OwnedSemaphorePermit,
    ) -> Self {
        metrics.opened(request_bytes);
        Self {
            metrics,
            started,
            request_bytes,
            status: 0,
            bytes: 0,
            pieces: 0,
            // Until something else is known, a stream that is dropped was given up by its reader.
            outcome: Outcome::Abandoned,
            _place: place,
        }
    }

    /// The upstream has begun to answer.
    pub(crate) fn begun(&mut self) {
        self.status = 200;
        self.metrics.began(self.started.elapsed());
    }

    /// There is an error instead of an answer.
    pub(crate) fn refused(&mut self, error: &SealedError) {
        self.status = error.status;
        self.outcome = Outcome::Failed(error.code);
    }

    /// The upstream broke off in mid-answer.
    pub(crate) fn interrupted(&mut self) {
        self.outcome = Outcome::Failed(ErrorCode::UpstreamInterrupted);
    }

    /// All has gone out.
    pub(crate) fn whole(&mut self) {
        if self.outcome == Outcome::Abandoned {
            self.outcome = Outcome::Answered;
        }
    }

    /// Counts what goes out.
    pub(crate) fn count(&mut self, sealed: Vec<u8>) -> Bytes {
        self.bytes += sealed.len();
        self.pieces += 1;
        sealed.into()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.metrics.left(took, self.bytes);
        self.metrics.ended(self.outcome);
        tracing::info!(
            status = self.status,
            outcome = ?self.outcome,
            request_bytes = self.request_bytes,
            reply_bytes = self.bytes,
            pieces = self.pieces,
            ms = took.as_millis() as u64, // not half a billion years
            "answered"
        );
    }
}
