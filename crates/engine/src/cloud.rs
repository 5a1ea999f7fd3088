//! The cloud's half of an answer: pseudonymise, ask, seal, post, open, restore.

use std::cell::Cell;

use oblivious_http::{Event, Opener, Sealed, Terms};
use privacy::{Findings, Releasable, Restored, Restorer};
use query::{Error, ErrorCode, Patience, Piece, Policy, Sent, Source, Traffic, Usage, UsageByTier};
use router::RateLimit;

use crate::{
    Clock, Consent, Decision, Engine, LocalModel, Reply, Signals, Transport,
    answer::{Left, Outcome},
    completion::{Completed, Completion, refusal},
    engine::WayOut,
    event_stream::EventStream,
    keys::GatewayKey,
    measure::Stopwatch,
    ways::{Tries, Way},
};

/// Longest sealed error that is kept, bytes.
const LONGEST_ERROR: usize = 16 << 10;

impl<L: LocalModel, T: Transport, C: Clock, S: Signals, K: Consent> Engine<L, T, C, S, K> {
    /// Through relay and gateway; why there is left to say. `left` has what may have left the device, also where an error ends the answer.
    pub(crate) async fn answer_in_the_cloud(
        &self,
        WayOut {
            cloud,
            detector,
            rounds,
        }: &WayOut<'_, T>,
        findings: &Findings<'_>,
        policy: &Policy,
        on_piece: &mut dyn FnMut(Piece),
        left: &mut Option<Left>,
    ) -> Result<Outcome, Error> {
        let mut releasable = self.release(findings)?;
        let preview = privacy::preview(findings, &self.vault.borrow());
        match self.consent.decide(&preview).await? {
            Decision::Send => {}
            Decision::SendWith(edits) => {
                let findings = {
                    let vault = &mut self.vault.borrow_mut();
                    privacy::edit_masks(&edits, detector, &policy.privacy, vault);
                    privacy::find_with(detector, findings.request(), &policy.privacy, vault)
                };
                releasable = self.release(&self.for_endpoint(findings))?;
            }
            Decision::Keep => {
                return Err(Error::new(
                    ErrorCode::ConsentDeclined,
                    "it was not allowed to leave this device; nothing was sent",
                ));
            }
        }

        let said = Said::default();
        let watch = Stopwatch::start(&self.clock);
        let mut on_piece = |piece: Piece| {
            watch.piece(&piece, &self.clock);
            on_piece(piece);
        };
        // What is restricted leaves only to the endpoint that was attested.
        let (ways, mut received) = self.usable(&cloud.ways, releasable.only_to()).await;
        let is_awaited = policy.patience != Patience::Patient;
        let ways = ways.into_iter();
        let mut tries = Tries::new(ways, &self.clock, self.seeds, *rounds, is_awaited);
        // For this question alone: with another one, a token that may have been seen would join the two.
        let mut unspent = None;
        while let Some(way) = tries.next().await {
            let token = match unspent.take() {
                Some(token) => Some(token),
                None => cloud.tokens.take().await?,
            };
            let attempts = Attempts {
                way,
                traffic: cloud.traffic,
                token: token.as_deref(),
                releasable: &releasable,
                said: &said,
            };
            received = self.attempt(&attempts, &mut on_piece, left).await;
            match &received {
                Ok(_) => way.answered(),
                Err(error) => {
                    tries.failed(way, error);
                    unspent = token.filter(|_| costs_no_token(error.code));
                }
            }
            if received.is_ok() || watch.has_begun() {
                break;
            }
        }
        let went = received.as_ref().map(|(completed, _)| &completed.usage);
        self.note_cloud(&watch, went, &said.limit.get());
        let (completed, restored) = received?;

        Ok(Outcome {
            finish_reasons: vec![completed.finish_reason],
            source: Source::Cloud,
            reasons: Vec::new(),
            confidence: None,
            calibrated: false,
            doubt: None,
            left: left.take(),
            restored,
            usage: UsageByTier {
                cloud: completed.usage,
                local: Usage::default(),
            },
        })
    }
}

impl<L: LocalModel, T: Transport, C: Clock, S: Signals, K: Consent> Engine<L, T, C, S, K> {
    /// The ways whose key is known, and is the one that what leaves is bound to; and what a question ends with that finds
    /// none of them to take.
    async fn usable<'w>(
        &self,
        ways: &'w [Way<T>],
        only_to: Option<&str>,
    ) -> (Vec<&'w Way<T>>, Result<(Completed, Restored), Error>) {
        let (mut usable, mut unknown) = (Vec::new(), Vec::new());
        let mut why = left_alone();
        for way in ways {
            if unknown.contains(&&way.keys) {
                continue;
            }
            match way.keys.now(&way.transport, &self.clock).await {
                Ok(key) if only_to.is_none_or(|only| only == key.verified.fingerprint()) => {
                    usable.push(way);
                }
                Ok(_) => why = rotated(),
                Err(error) => {
                    why = error;
                    unknown.push(&way.keys);
                }
            }
        }
        (usable, Err(why))
    }

    /// Takes this way; a second time if the gateway says that the device's clock is wrong, or if it has other keys by now.
    async fn attempt(
        &self,
        attempts: &Attempts<'_, T>,
        on_piece: &mut dyn FnMut(Piece),
        left: &mut Option<Left>,
    ) -> Result<(Completed, Restored), Error> {
        let Attempts {
            way,
            traffic,
            token,
            releasable,
            said,
        } = *attempts;
        let mut date_s = self.clock.unix_s();
        let mut corrected = false;
        let mut key = way.keys.now(&way.transport, &self.clock).await?;
        let mut rekeyed = false;
        loop {
            // Each attempt is sealed anew, with a key of its own: a gateway takes no sealed request twice.
            // A gateway that refuses the date has not looked at the token, nor has one that cannot open the request.
            let terms = Terms {
                date_s,
                traffic,
                token,
            };
            let (sealed, opener) = oblivious_http::seal(&key.verified, releasable, &terms)
                .map_err(|error| {
                    let code = match error {
                        oblivious_http::Error::NotAttested { .. } => ErrorCode::PrivacyBlocked,
                        _ => ErrorCode::Internal,
                    };
                    Error::new(code, format!("sealing: {error}"))
                })?;
            note_sent(left, releasable, &sealed, way.transport.relay(), &key);
            let restorer = self.vault.borrow().restorer(releasable);
            let answer = CloudAnswer::new(opener, restorer, said);
            let received = receive(&way.transport, &sealed, answer, on_piece).await;
            match (&received, said.date_s.take()) {
                // For this question alone: a correction that is kept would be a mark by which the gateway could know
                // the page again.
                (Err(error), Some(date)) if error.code == ErrorCode::ClockSkewed && !corrected => {
                    (date_s, corrected) = (date, true);
                }
                // It has rotated its keys since the lists were compared.
                (Err(error), _) if error.code == ErrorCode::KeyMismatch && !rekeyed => {
                    let other = way.keys.instead_of(&key, &way.transport, &self.clock);
                    match other.await? {
                        Some(other) => (key, rekeyed) = (other, true),
                        None => return received,
                    }
                }
                _ => return received,
            }
        }
    }

    /// What leaves.
    fn release(&self, findings: &Findings<'_>) -> Result<Releasable, Error> {
        privacy::pseudonymize(findings, &mut self.vault.borrow_mut())
            .map_err(|blocked| Error::new(ErrorCode::PrivacyBlocked, blocked.to_string()))
    }
}

/// What the attempts to take one way have in common.
struct Attempts<'a, T> {
    way: &'a Way<T>,
    traffic: Traffic,
    token: Option<&'a str>,
    releasable: &'a Releasable,
    said: &'a Said,
}

/// Whether a gateway that this came from, if it was reached at all, has spent no token.
fn costs_no_token(code: ErrorCode) -> bool {
    use ErrorCode::*;
    matches!(code, RelayUnavailable | GatewayUnavailable | KeyMismatch)
}

/// Adds an attempt to what has left the device.
fn note_sent(
    left: &mut Option<Left>,
    releasable: &Releasable,
    sealed: &Sealed,
    relay: &str,
    key: &GatewayKey,
) {
    let before = left.take().map(|left| left.sent);
    let (bytes, attempts) = before.map_or((0, 0), |sent| (sent.bytes, sent.attempts));
    let more = u32::try_from(sealed.bytes().len()).unwrap_or(u32::MAX);
    *left = Some(Left {
        sent: Sent {
            text: sealed.text().to_owned(),
            bytes: bytes.saturating_add(more),
            attempts: attempts + 1,
            relay: relay.to_owned(),
            key_id: sealed.key_fingerprint().to_owned(),
            targeted: key.targeted.clone(),
        },
        replaced: releasable.replaced().to_vec(),
    });
}

/// The evidence was of a key that is not the gateway's any more.
fn rotated() -> Error {
    Error::new(
        ErrorCode::EvidenceStale,
        "the gateway has another key than the one that its hardware vouched for; ask again, with new evidence",
    )
}

/// Every way failed lately, and nobody waits for the answer.
fn left_alone() -> Error {
    Error::new(
        ErrorCode::RelayUnavailable,
        "every relay failed just now, and is left alone for a while; try again later",
    )
}

/// Sends, and takes in the reply to its end.
async fn receive(
    transport: &impl Transport,
    sealed: &Sealed,
    mut answer: CloudAnswer<'_>,
    on_piece: &mut dyn FnMut(Piece),
) -> Result<(Completed, Restored), Error> {
    let mut reply = transport.post(sealed).await?;
    while let Some(bytes) = reply.chunk().await.map_err(broken_off)? {
        on_piece(Piece::text(answer.push(&bytes)?));
    }
    let (rest, completed, restored) = answer.finish()?;
    on_piece(Piece::text(rest));
    Ok((completed, restored))
}

/// What a reply says beside its text.
#[derive(Default)]
struct Said {
    limit: Cell<RateLimit>,
    /// The gateway's date, seconds since 1970-01-01 00:00 UTC.
    date_s: Cell<Option<u64>>,
}

/// A reply on its way from sealed bytes to text.
struct CloudAnswer<'l> {
    opener: Opener,
    plain: PlainAnswer<'l>,
}

/// Behind the seal.
struct PlainAnswer<'l> {
    said: &'l Said,
    restorer: Restorer,
    status: Option<u16>,
    events: EventStream,
    completion: Completion,
    error: Vec<u8>,
}

impl<'l> CloudAnswer<'l> {
    fn new(opener: Opener, restorer: Restorer, said: &'l Said) -> Self {
        let plain = PlainAnswer {
            said,
            restorer,
            status: None,
            events: EventStream::default(),
            completion: Completion::default(),
            error: Vec::new(),
        };
        Self { opener, plain }
    }

    /// Takes sealed bytes, split anywhere; returns the text that they complete.
    fn push(&mut self, sealed: &[u8]) -> Result<String, Error> {
        let opened = self.opener.push(sealed).map_err(|error| {
            Error::new(
                ErrorCode::SealBroken,
                format!("the reply: {error}; ask again, or through another relay"),
            )
        })?;
        self.plain.read(opened)
    }

    /// The reply has ended: the last of the text, what the upstream said of it, what became of the placeholders.
    fn finish(self) -> Result<(String, Completed, Restored), Error> {
        let Self { opener, mut plain } = self;
        let mut text = plain.read(
            opener
                .finish()
                .map_err(|error| interrupted(&error.to_string()))?,
        )?;
        match plain.status {
            Some(200) => {}
            Some(status) => return Err(refusal(status, &plain.error)),
            None => return Err(interrupted("it ended before it began")),
        }
        let completed = plain
            .completion
            .finish()
            .ok_or_else(|| interrupted("the cloud model stopped in mid-answer"))?;
        let (rest, restored) = plain.restorer.finish();
        text.push_str(&rest);
        Ok((text, completed, restored))
    }
}

impl PlainAnswer<'_> {
    fn read(&mut self, opened: Vec<Event>) -> Result<String, Error> {
        let mut text = String::new();
        for event in opened {
            match event {
                Event::Head { status, headers } => {
                    self.status = Some(status);
                    let fields = headers.iter();
                    let fields = fields.map(|(name, value)| (name.as_str(), value.as_str()));
                    self.said.limit.set(RateLimit::read(fields));
                    let date = headers.iter().find(|(name, _)| name == "date");
                    let date = date.and_then(|(_, date)| oblivious_http::date::parse(date));
                    self.said.date_s.set(date);
                }
                Event::Body(bytes) if self.status == Some(200) => {
                    for data in self.events.push(&bytes)? {
                        text.push_str(&self.restorer.push(&self.completion.push(&data)?));
                    }
                }
                Event::Body(bytes) => {
                    let room = LONGEST_ERROR.saturating_sub(self.error.len());
                    self.error.extend(bytes.iter().take(room));
                }
            }
        }
        Ok(text)
    }
}

/// The connection broke in mid-reply. Whatever broke it, the answer is not whole.
fn broken_off(error: Error) -> Error {
    match error.code {
        ErrorCode::Offline | ErrorCode::Disposed | ErrorCode::UpstreamInterrupted => error,
        _ => interrupted(&error.message),
    }
}

fn interrupted(why: &str) -> Error {
    Error::new(
        ErrorCode::UpstreamInterrupted,
        format!("the answer broke off: {why}; ask again"),
    )
}
