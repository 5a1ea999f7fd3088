//! A sealed reply as the gateway makes it, without I/O and without time: what comes from the upstream goes in, what
//! goes to the relay comes out.

use std::time::Duration;

use oblivious_http::Sealer;
use query::Traffic;

use crate::{
    error::SealedError,
    sse::{Events, HEARTBEAT, Progress},
    traffic::{Shape, Shaper},
};

/// A reply on its way. Every method returns bytes for the wire.
#[derive(Debug)]
pub struct Reply {
    sealer: Sealer,
    traffic: Traffic,
    events: Events,
    shaper: Option<Shaper>,
    /// The head, until a beat takes it along.
    head: Option<(u16, Vec<(String, String)>)>,
    begun: bool,
    over: bool,
}

/// The upstream's answer broke off, or cannot be sealed: there is no way to go on, and what was sent is not whole.
#[derive(Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the upstream's answer broke off")
    }
}

impl std::error::Error for Interrupted {}

impl From<oblivious_http::Error> for Interrupted {
    fn from(error: oblivious_http::Error) -> Self {
        tracing::error!(%error, "sealing failed");
        Self
    }
}

impl Reply {
    /// A reply that nothing is known of yet.
    pub fn new(sealer: Sealer, traffic: Traffic) -> Self {
        Self {
            sealer,
            traffic,
            events: Events::new(),
            shaper: Shape::of(traffic).map(Shaper::new),
            head: None,
            begun: false,
            over: false,
        }
    }

    /// How often [`Reply::beat`] wants to be called, from the first moment on; none if all goes as it comes.
    pub fn every(&self) -> Option<Duration> {
        self.shaper.as_ref().map(|shaper| shaper.shape().beat)
    }

    /// Whether all has been said.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether the upstream has nothing more to say.
    pub fn has_heard_all(&self) -> bool {
        self.events.progress() == Progress::Done
    }

    /// Whether there is room for more of the upstream's answer: what a slow page has not taken yet is not piled up.
    pub fn has_room(&self) -> bool {
        const MOST: usize = 64 << 10;
        self.shaper
            .as_ref()
            .is_none_or(|shaper| shaper.waiting() < MOST)
    }

    /// The upstream has begun to answer; `limits` are the header fields of its rate limit.
    ///
    /// # Errors
    /// If sealing fails.
    pub fn begin(&mut self, limits: Vec<(String, String)>) -> Result<Vec<u8>, Interrupted> {
        let mut headers = vec![
            ("content-type".to_owned(), "text/event-stream".to_owned()),
            (Traffic::FIELD.to_owned(), self.traffic.name().to_owned()),
        ];
        headers.extend(limits);
        self.put_head(200, headers)
    }

    /// There will be no answer, and why.
    pub(crate) fn refuse(&mut self, error: &SealedError) -> Result<Vec<u8>, Interrupted> {
        let mut bytes = self.put_head(error.status, error.headers())?;
        match &mut self.shaper {
            Some(shaper) => {
                shaper.push_json(&error.json());
                shaper.end();
            }
            None => {
                bytes.extend(self.sealer.chunk(error.json().as_bytes())?);
                bytes.extend(self.finish()?);
            }
        }
        Ok(bytes)
    }

    /// Takes bytes of the upstream's event stream.
    ///
    /// # Errors
    /// If it reports an error or is no event stream.
    pub fn upstream(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Interrupted> {
        let events = self.events.push(bytes);
        let progress = self.events.progress();
        if progress == Progress::Failed {
            return Err(Interrupted);
        }
        let done = progress == Progress::Done;
        if let Some(shaper) = &mut self.shaper {
            shaper.push(&events);
            if done {
                shaper.end();
            }
            return Ok(Vec::new());
        }
        let mut sealed = self.sealer.chunk(&events)?;
        if done {
            sealed.extend(self.finish()?);
        }
        Ok(sealed)
    }

    /// Nothing has come for a while: a sign of life, where there is no beat.
    ///
    /// # Errors
    /// If sealing fails.
    pub fn alive(&mut self) -> Result<Vec<u8>, Interrupted> {
        Ok(match (&self.shaper, self.begun) {
            (Some(_), _) => Vec::new(),
            (None, false) => self.sealer.informational(102)?,
            (None, true) => self.sealer.chunk(HEARTBEAT)?,
        })
    }

    /// What goes out with a beat: always as much.
    ///
    /// # Errors
    /// If sealing fails.
    pub fn beat(&mut self) -> Result<Vec<u8>, Interrupted> {
        let Some(shaper) = &mut self.shaper else {
            return Ok(Vec::new());
        };
        let cell = shaper.shape().cell;
        let cells = match (self.head.take(), self.begun) {
            (Some((status, headers)), _) => {
                let headers: Vec<(&str, &str)> = headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                let cells = self.sealer.head_in_cells(status, &headers, cell)?;
                self.begun = true;
                shaper.sent(cells.len());
                cells
            }
            (None, false) => {
                let cells = self.sealer.head_in_cells(102, &[], cell)?;
                shaper.sent(cells.len());
                cells
            }
            (None, true) => {
                let contents = shaper.beat();
                let cells = contents.iter().map(|content| self.sealer.chunk(content));
                cells.collect::<Result<_, _>>()?
            }
        };
        let mut bytes = cells.concat();
        if shaper.is_over() {
            bytes.extend(self.finish()?);
        }
        Ok(bytes)
    }

    /// Seals the head at once, or keeps it for the next beat.
    fn put_head(
        &mut self,
        status: u16,
        headers: Vec<(String, String)>,
    ) -> Result<Vec<u8>, Interrupted> {
        if self.shaper.is_some() {
            self.head = Some((status, headers));
            return Ok(Vec::new());
        }
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.begun = true;
        Ok(self.sealer.head(status, &headers)?)
    }

    fn finish(&mut self) -> Result<Vec<u8>, Interrupted> {
        self.over = true;
        Ok(self.sealer.finish()?)
    }
}
