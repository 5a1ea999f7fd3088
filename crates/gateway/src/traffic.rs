//! Answers re-cut into cells: chunks of one size on a steady beat, as many as the next of a few numbers.
//!
//! What goes by tells a relay otherwise what an answer is about, sealed or not: the lengths of chunks are those of
//! tokens (Weiss et al., "What Was Your Prompt? A Remote Keylogging Attack on AI Assistants", USENIX Security 2024),
//! and so are the times between them ("Whisper Leak", McDonald and Bar Or, 2025). `tidegate eval traffic` measures
//! what is left.

use std::{collections::VecDeque, time::Duration};

use query::Traffic;

use crate::sse::Merged;

/// What a policy does to an answer. All of it is public: it hides nothing that it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of plaintext in a sealed chunk.
    pub cell: usize,
    /// Between two chunks.
    pub beat: Duration,
    /// The fewest chunks of an answer; after that this number times `factor`, and so on.
    pub fewest: u32,
    /// See `fewest`.
    pub factor: u32,
    /// Above this number of chunks, the next multiple of it: a long answer waits no longer than so many beats.
    pub multiple: u32,
}

impl Shape {
    /// None for [`Traffic::Off`].
    pub fn of(traffic: Traffic) -> Option<Self> {
        match traffic {
            Traffic::Off => None,
            Traffic::Balanced => Some(Self {
                cell: 256,
                beat: Duration::from_millis(100),
                fewest: 32,
                factor: 2,
                multiple: 256,
            }),
            Traffic::Strict => Some(Self {
                cell: 1024,
                beat: Duration::from_millis(250),
                fewest: 64,
                factor: 4,
                multiple: 1024,
            }),
        }
    }

    /// How many chunks an answer has that needs so many.
    fn total(&self, needed: u32) -> u32 {
        let mut total = self.fewest;
        while total < needed && total < self.multiple {
            total *= self.factor;
        }
        if total >= needed {
            total
        } else {
            needed.next_multiple_of(self.multiple)
        }
    }
}

/// Above so many beats' worth of content that wait, each beat carries twice as many chunks from then on. It happens
/// where the upstream is faster than a few hundred tokens a second, and tells that it is.
const LONGEST_WAIT: usize = 8;
const MOST_PER_BEAT: usize = 64;

/// What fills a cell up.
#[derive(Clone, Copy, Debug)]
enum Filler {
    /// Comments between events.
    Comments,
    /// White space after JSON.
    Spaces,
}

/// Content on its way into cells. Knows no time: somebody calls [`Shaper::beat`].
#[derive(Debug)]
pub(crate) struct Shaper {
    shape: Shape,
    merged: Merged,
    /// Bytes that are ready to go: always up to the end of an event.
    ready: VecDeque<u8>,
    filler: Filler,
    per_beat: usize,
    sent: u32,
    ended: bool,
    /// How many chunks there will be, once that is known.
    total: Option<u32>,
}

impl Shaper {
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            merged: Merged::default(),
            ready: VecDeque::new(),
            filler: Filler::Comments,
            per_beat: 1,
            sent: 0,
            ended: false,
            total: None,
        }
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Chunks went out that are no content: heads, signs of life.
    pub(crate) fn sent(&mut self, cells: usize) {
        self.sent += cells as u32; // a few
    }

    /// Takes whole events.
    pub(crate) fn push(&mut self, events: &[u8]) {
        self.merged.push(events, &mut self.ready);
    }

    /// Takes a whole JSON text instead of events.
    pub(crate) fn push_json(&mut self, json: &str) {
        self.filler = Filler::Spaces;
        self.ready.extend(json.as_bytes());
    }

    /// No more content will come.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.ready.len() + self.merged.len()
    }

    /// The contents of the next chunks, all of one length.
    pub(crate) fn beat(&mut self) -> Vec<Vec<u8>> {
        self.merged.flush(&mut self.ready);
        let room = oblivious_http::room(self.shape.cell);
        if self.ready.len() > LONGEST_WAIT * self.per_beat * room {
            self.per_beat = (2 * self.per_beat).min(MOST_PER_BEAT);
        }
        let mut cells = Vec::new();
        while cells.len() < self.per_beat && !self.is_over() {
            cells.push(self.cell(room));
            self.sent(1);
            if self.ended && self.waiting() == 0 && self.total.is_none() {
                self.total = Some(self.shape.total(self.sent));
            }
        }
        cells
    }

    /// Whether all has gone that goes.
    pub(crate) fn is_over(&self) -> bool {
        self.total.is_some_and(|total| self.sent >= total)
    }

    fn cell(&mut self, room: usize) -> Vec<u8> {
        let take = room.min(self.ready.len());
        let mut cell: Vec<u8> = self.ready.drain(..take).collect();
        match (self.filler, room - cell.len()) {
            (_, 0) => {}
            (Filler::Spaces, _) => cell.resize(room, b' '),
            // An empty line after the end of an event is nothing.
            (Filler::Comments, 1) => cell.push(b'\n'),
            (Filler::Comments, _) => {
                cell.push(b':');
                cell.resize(room - 1, b' ');
                cell.push(b'\n');
            }
        }
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        cell: 130,
        beat: Duration::from_millis(100),
        fewest: 4,
        factor: 2,
        multiple: 16,
    };

    /// All that goes out, and how many chunks each beat had.
    fn run(shaper: &mut Shaper) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut beats) = (Vec::new(), Vec::new());
        while !shaper.is_over() {
            let cells = shaper.beat();
            assert!(cells.iter().all(|cell| cell.len() == 128));
            beats.push(cells.len());
            assert!(beats.len() < 1000, "no end");
            bytes.extend(cells.concat());
        }
        (bytes, beats)
    }

    fn token(text: &str) -> String {
        let choice =
            serde_json::json!({ "index": 0, "delta": { "content": text }, "finish_reason": null });
        let id = "chatcmpl-7";
        format!(
            "data: {}\n\n",
            serde_json::json!({ "id": id, "model": "m", "choices": [choice] })
        )
    }

    /// The text of all events, comments left out.
    fn text(bytes: &[u8]) -> String {
        let text = std::str::from_utf8(bytes).unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| {
                let event: serde_json::Value = serde_json::from_str(data).unwrap();
                event["choices"][0]["delta"]["content"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn numbers_of_chunks_are_few() {
        let totals: Vec<u32> = (0..50).map(|needed| SHAPE.total(needed)).collect();
        for (needed, total) in totals.iter().enumerate() {
            assert!(*total >= needed as u32);
        }
        let mut few = totals;
        few.dedup();
        assert_eq!(few, [4, 8, 16, 32, 48, 64]);
    }

    #[test]
    fn what_goes_out_depends_on_the_number_of_cells_alone() {
        let run_of = |pieces: &[&str]| {
            let mut shaper = Shaper::new(SHAPE);
            shaper.sent(1);
            for piece in pieces {
                shaper.push(token(piece).as_bytes());
            }
            shaper.end();
            let (bytes, beats) = run(&mut shaper);
            assert_eq!(text(&bytes), pieces.concat());
            beats
        };
        let one = run_of(&["It costs $40."]);
        assert_eq!(one, [1, 1, 1]);
        assert_eq!(run_of(&["It", " costs", " $", "40", "."]), one);
        assert_eq!(run_of(&[]), one);
    }

    #[test]
    fn each_length_of_content_fills_its_cells_exactly() {
        for len in 0..400 {
            let mut shaper = Shaper::new(SHAPE);
            let long = "x".repeat(len);
            shaper.push(token(&long).as_bytes());
            shaper.end();
            assert_eq!(text(&run(&mut shaper).0), long);
        }
    }

    #[test]
    fn a_fast_upstream_does_not_wait_for_minutes() {
        let mut shaper = Shaper::new(SHAPE);
        let long = "x".repeat(100_000);
        shaper.push(token(&long).as_bytes());
        shaper.end();
        let (bytes, beats) = run(&mut shaper);
        assert_eq!(text(&bytes), long);
        assert!(beats.len() < 60, "{}", beats.len());
        assert!(beats[..beats.len() - 1].is_sorted());
        assert_eq!(beats.iter().sum::<usize>() % SHAPE.multiple as usize, 0);
    }

    #[test]
    fn an_error_stays_json() {
        let mut shaper = Shaper::new(SHAPE);
        shaper.push_json(r#"{"error":{}}"#);
        shaper.end();
        let (bytes, _) = run(&mut shaper);
        assert_eq!(bytes.len(), 4 * 128);
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(json, serde_json::json!({ "error": {} }));
    }
}
