//! A page that asks, without a browser: it seals, posts, opens what comes, and says how the answer ended.

use std::{
    cell::Cell,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use oblivious_http::{Error, Event, Opener, REQUEST_TYPE, Terms, VerifiedKey, seal};
use privacy::{Releasable, Vault};
use query::{ChatRequest, Message, PrivacyLevel, Role, Traffic};
use reqwest::{Client, Response, header::CONTENT_TYPE};
use tokio::time::{sleep, timeout};

use crate::{
    ending::{Ending, code},
    script::{Pieces, Plan},
};

/// An answer that takes longer counts as one that never ended. Longer than any time limit on the way but the
/// upstream's silence, which nobody here waits for.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A connection on which nothing is asked is closed after this time.
const IDLE: Duration = Duration::from_secs(10);

/// A question, ready to be asked any number of times.
pub struct Question {
    /// What the upstream will do with it.
    pub plan: Plan,
    releasable: Releasable,
    json: Vec<u8>,
}

impl Question {
    /// A question that this plan answers.
    ///
    /// # Errors
    /// If the privacy layer does not release it.
    pub fn new(plan: Plan) -> Result<Self> {
        Self::saying(plan, "Where do storks sleep?", "")
    }

    /// A question of this text, with more in the name of its model.
    ///
    /// # Errors
    /// If the privacy layer does not release it.
    pub fn saying(plan: Plan, text: &str, more: &str) -> Result<Self> {
        let request = ChatRequest {
            messages: vec![Message::new(Role::User, text)],
            model: Some(format!("{} {more}", plan.model())),
            stream: Some(true),
            ..ChatRequest::default()
        };
        let mut vault = Vault::new();
        let findings = privacy::find(&request, PrivacyLevel::Balanced, &vault);
        Ok(Self {
            plan,
            releasable: privacy::pseudonymize(&findings, &mut vault)
                .context("releasing the question")?,
            json: serde_json::to_vec(&request)?,
        })
    }

    /// As `seal` takes it.
    pub fn releasable(&self) -> &Releasable {
        &self.releasable
    }
}

/// How a question travels.
#[derive(Clone, Debug)]
pub enum Way {
    /// Sealed, to a relay.
    Sealed {
        /// The relay's URL.
        relay: String,
        /// The gateway's.
        key: VerifiedKey,
        /// How the answer is to come.
        traffic: Traffic,
    },
    /// As it is, to the URL of a chat completion.
    Plain(String),
}

/// How a page reads its answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Between two reads.
    pub rests: Duration,
    /// Goes away after so many pieces.
    pub leaves_after: Option<u32>,
    /// Goes away after this time.
    pub patience: Option<Duration>,
}

/// What came of a question.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub ending: Ending,
    /// From sending the request to the first piece.
    pub first: Option<Duration>,
    /// What came.
    pub pieces: Pieces,
}

impl Answer {
    fn of(ending: Ending) -> Self {
        Self {
            ending,
            first: None,
            pieces: Pieces::default(),
        }
    }
}

/// Asks over one way, over connections that are kept.
pub struct Page {
    http: Client,
    way: Way,
    /// Answers of which a piece has come and that have not ended.
    pub answering: Cell<usize>,
}

impl Page {
    /// A page that asks over this way.
    ///
    /// # Errors
    /// If there is no HTTP client.
    pub fn new(way: Way) -> Result<Self> {
        Ok(Self {
            http: http_client()?,
            way,
            answering: Cell::new(0),
        })
    }

    /// Asks, and reads to the end.
    pub async fn ask(&self, question: &Question, manner: Manner) -> Answer {
        match &self.way {
            Way::Plain(_) => {
                let body = question.json.clone();
                self.exchange(body, None, question, manner).await
            }
            Way::Sealed { .. } => match self.sealed(question, now_s()) {
                Ok((body, opener)) => self.exchange(body, Some(opener), question, manner).await,
                Err(error) => Answer::of(Ending::Wrong(format!("sealing: {error}"))),
            },
        }
    }

    /// A question sealed at some time, and what opens the answer, for [`Page::exchange`].
    ///
    /// # Errors
    /// If the way is not sealed, or the sealing library refuses.
    pub fn sealed(&self, question: &Question, date_s: u64) -> Result<(Vec<u8>, Opener)> {
        let Way::Sealed { key, traffic, .. } = &self.way else {
            bail!("nothing is sealed on this way");
        };
        let terms = Terms {
            date_s,
            traffic: *traffic,
            token: None,
        };
        let (sealed, opener) = seal(key, &question.releasable, &terms)?;
        Ok((sealed.bytes().to_vec(), opener))
    }

    /// Posts a body, whatever it is, and reads what comes as the answer to this question.
    pub async fn exchange(
        &self,
        body: Vec<u8>,
        opener: Option<Opener>,
        question: &Question,
        manner: Manner,
    ) -> Answer {
        let mut answer = Answer::of(Ending::Hung);
        let (limit, late) = match manner.patience {
            Some(patience) => (patience, Ending::Left),
            None => (DEADLINE, Ending::Hung),
        };
        let reading = self.read(body, opener, (question, manner), &mut answer);
        answer.ending = timeout(limit, reading).await.unwrap_or(late);
        if answer.first.is_some() {
            self.answering.set(self.answering.get() - 1);
        }
        answer
    }

    async fn read(
        &self,
        body: Vec<u8>,
        opener: Option<Opener>,
        (question, manner): (&Question, Manner),
        answer: &mut Answer,
    ) -> Ending {
        let (url, content_type) = match &self.way {
            Way::Plain(url) => (url, "application/json"),
            Way::Sealed { relay, .. } => (relay, REQUEST_TYPE),
        };
        let request = self.http.post(url).header(CONTENT_TYPE, content_type);
        let sent = Instant::now();
        let mut reply = match request.body(body).send().await {
            Err(_) => return Ending::Unreachable,
            Ok(reply) if reply.status() != 200 => return problem(reply).await,
            Ok(reply) => reply,
        };
        let mut reading = Reading {
            opener,
            status: 200,
            error: Vec::new(),
        };
        loop {
            let chunk = match reply.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return reading.end(question, &mut answer.pieces),
                Err(_) => return Ending::Cut,
            };
            if let Err(error) = reading.push(&chunk, &mut answer.pieces) {
                return Ending::Wrong(format!("opening: {error}"));
            }
            let count = answer.pieces.count;
            if answer.first.is_none() && count > 0 {
                answer.first = Some(sent.elapsed());
                self.answering.set(self.answering.get() + 1);
            }
            if manner.leaves_after.is_some_and(|after| count >= after) {
                return Ending::Left;
            }
            if !manner.rests.is_zero() {
                sleep(manner.rests).await;
            }
        }
    }
}

/// What a reply is read with.
struct Reading {
    opener: Option<Opener>,
    /// Inside the seal.
    status: u16,
    /// The content, if it is an error.
    error: Vec<u8>,
}

impl Reading {
    fn push(&mut self, bytes: &[u8], pieces: &mut Pieces) -> Result<(), Error> {
        let Some(opener) = &mut self.opener else {
            pieces.push(bytes);
            return Ok(());
        };
        let events = opener.push(bytes)?;
        self.take(events, pieces);
        Ok(())
    }

    fn take(&mut self, events: Vec<Event>, pieces: &mut Pieces) {
        for event in events {
            match event {
                Event::Head { status, .. } => self.status = status,
                Event::Body(bytes) if self.status == 200 => pieces.push(&bytes),
                Event::Body(bytes) => self.error.extend(bytes),
            }
        }
    }

    /// The connection has ended as it should.
    fn end(&mut self, question: &Question, pieces: &mut Pieces) -> Ending {
        if let Some(opener) = self.opener.take() {
            match opener.finish() {
                Ok(events) => self.take(events, pieces),
                Err(Error::Truncated) => return Ending::Cut,
                Err(error) => return Ending::Wrong(format!("opening: {error}")),
            }
        }
        if self.status == 200 {
            return match pieces.are_all_of(&question.plan) {
                true => Ending::Whole,
                false => {
                    Ending::Wrong(format!("an answer that seems whole and is not: {pieces:?}"))
                }
            };
        }
        match code(&self.error, "/error/code") {
            Some(code) => Ending::Refused(self.status, code),
            None => Ending::Wrong(format!("a sealed {} without a code", self.status)),
        }
    }
}

async fn problem(reply: Response) -> Ending {
    let status = reply.status().as_u16();
    match reply.bytes().await {
        Err(_) => Ending::Cut,
        Ok(body) => match code(&body, "/code") {
            Some(code) => Ending::Problem(status, code),
            None => Ending::Wrong(format!("{status} without a code")),
        },
    }
}

/// A client whose connections are kept.
///
/// # Errors
/// If the system's TLS roots cannot be read.
pub fn http_client() -> Result<Client> {
    // A client wants a provider of TLS even where nobody speaks it; a second call says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().tcp_nodelay(true);
    // Shorter than relay and gateway keep a connection on which nothing comes.
    Ok(client.pool_idle_timeout(IDLE).build()?)
}

/// Seconds since 1970-01-01 00:00 UTC.
pub fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}
