//! How an answer shares its worker with the page's messages, and the GPU with the page's frames: short
//! pieces of work, with a turn for the event loop between them.

use std::cell::Cell;

use local_model::{Pace, Pause};
use query::Error;

use crate::device::{EventLoop, now_ms};

/// How long messages of the page may wait for a turn, ms; the piece of work that runs then comes on top.
const TURN_EVERY_MS: f64 = 10.0;

/// On the CPU: a piece of work between two rests, at most, ms. With [`TURN_EVERY_MS`] a message, an abort
/// above all, waits 30 ms.
const PIECE_MS: f64 = 20.0;

/// On a GPU a slice of a prompt is one piece of work, and frames wait for it. While someone looks at the
/// page: half a frame at 60 Hz, ms.
const SEEN_MS: f64 = 8.0;

/// While nobody looks, ms.
const UNSEEN_MS: f64 = 50.0;

/// Who waits for an answer, and how much it may be in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Someone waits for it, on a page that they see.
    Seen,
    /// On a page that is hidden.
    Unseen,
    /// Nobody waits: everything else goes first.
    Background,
}

impl Manner {
    /// How long a piece of work may take, ms.
    fn budget(self, on_gpu: bool) -> f64 {
        match (self, on_gpu) {
            (Self::Seen, true) => SEEN_MS,
            (Self::Unseen, true) => UNSEEN_MS,
            (Self::Seen | Self::Unseen, false) => PIECE_MS,
            (Self::Background, true) => SEEN_MS / 2.0,
            (Self::Background, false) => PIECE_MS / 2.0,
        }
    }
}

/// Gives the event loop its turns while an answer is computed, and measures the work between them.
pub(crate) struct Turns {
    events: EventLoop,
    /// When the event loop had its last turn.
    turned: Cell<f64>,
    /// When the last piece of work ended.
    rested: Cell<f64>,
    /// The longest piece of the present slice, ms.
    longest: Cell<f64>,
}

impl Turns {
    /// # Errors
    /// When the browser gives no channel.
    pub(crate) fn new() -> Result<Self, Error> {
        let now = now_ms();
        Ok(Self {
            events: EventLoop::new()?,
            turned: Cell::new(now),
            rested: Cell::new(now),
            longest: Cell::new(0.0),
        })
    }

    /// A turn for the event loop.
    pub(crate) async fn turn(&self) {
        self.events.turn().await;
        let now = now_ms();
        self.turned.set(now);
        self.rested.set(now);
    }

    /// A slice of a prompt begins now.
    pub(crate) fn begin(&self) -> Slice {
        let start = now_ms();
        self.rested.set(start);
        self.longest.set(0.0);
        Slice { start }
    }

    /// The slice of `tokens` is done: `pace` learns from it.
    pub(crate) fn end(
        &self,
        slice: &Slice,
        tokens: usize,
        on_gpu: bool,
        manner: Manner,
        pace: &mut Pace,
    ) {
        // A GPU is given the whole slice at once, and has it done when the step ends.
        let ms = if on_gpu {
            now_ms() - slice.start
        } else {
            self.longest.get()
        };
        pace.learn(tokens, ms, manner.budget(on_gpu));
    }
}

/// When a slice of a prompt began, ms.
pub(crate) struct Slice {
    start: f64,
}

impl Pause for Turns {
    async fn pause(&self) {
        let now = now_ms();
        let piece = now - self.rested.replace(now);
        self.longest.set(self.longest.get().max(piece));
        if now - self.turned.get() >= TURN_EVERY_MS {
            self.turn().await;
        }
    }
}
