//! What a page, a stranger or an upstream may do to relay and gateway, and how it has to end.

use std::time::Duration;

use anyhow::Result;
use oorandom::Rand64;
use reqwest::Url;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    ending::Ending,
    page::{DEADLINE, Manner, Page, Question, now_s},
    script::{End, Plan},
};

/// One thing to do, and what has to come of it.
pub struct Act {
    /// What it is called where it is counted.
    pub name: &'static str,
    /// Of all acts, this many in [`Acts::weights`].
    weight: u64,
    question: Question,
    manner: Manner,
    how: How,
    expected: Vec<Ending>,
}

/// How it is done.
#[derive(Clone, Copy)]
enum How {
    /// As a page asks.
    Ask,
    /// Bytes that nobody sealed, this many.
    Unsealed(usize),
    /// A sealed request without its end.
    Truncated,
    /// The same sealed request twice.
    Twice,
    /// Sealed an hour ago.
    Stale,
    /// These bytes on a connection, and then nothing.
    Half(&'static str),
    /// Bytes that are no HTTP.
    Noise,
}

/// Half a head, and a whole one with the beginning of a body.
const HALF_A_HEAD: &str = "POST / HTTP/1.1\r\nhost: relay\r\ncontent-type: mess";
const HALF_A_BODY: &str = "POST / HTTP/1.1\r\nhost: relay\r\ncontent-type: message/ohttp-chunked-req\r\ncontent-length: 2000\r\n\r\nthe beginning of";
/// How long somebody holds a connection who sends no more.
const HELD: Duration = Duration::from_secs(2);

impl Act {
    /// Does it; how it ended.
    pub async fn run(&self, page: &Page, relay: &str) -> Ending {
        let ask = |body, opener| page.exchange(body, opener, &self.question, self.manner);
        let sealed = |date_s| {
            let sealed = page.sealed(&self.question, date_s);
            sealed.map_err(|error| Ending::Wrong(format!("sealing: {error}")))
        };
        let doing = async {
            Ok(match self.how {
                How::Ask => page.ask(&self.question, self.manner).await.ending,
                How::Unsealed(length) => ask(vec![7; length], None).await.ending,
                How::Truncated => {
                    let (mut body, opener) = sealed(now_s())?;
                    body.truncate(body.len() / 2);
                    ask(body, Some(opener)).await.ending
                }
                How::Twice => {
                    let (body, opener) = sealed(now_s())?;
                    // The first answer is thrown away: what opens one of them opens the other.
                    let first = ask(body.clone(), None).await.ending;
                    if matches!(first, Ending::Unreachable | Ending::Problem(..)) {
                        return Ok(first);
                    }
                    ask(body, Some(opener)).await.ending
                }
                How::Stale => {
                    let (body, opener) = sealed(now_s() - 3600)?;
                    ask(body, Some(opener)).await.ending
                }
                How::Half(bytes) => half(relay, bytes).await,
                How::Noise => noise(relay).await,
            })
        };
        doing.await.unwrap_or_else(|ending| ending)
    }

    /// Whether it may end so where nothing else was wrong.
    pub fn expects(&self, ending: &Ending) -> bool {
        self.expected.contains(ending)
    }
}

/// All that is done, some of it more often.
pub struct Acts {
    acts: Vec<Act>,
    weights: u64,
}

impl Acts {
    /// Every fault, and between them whole answers, which are more than half of all.
    ///
    /// # Errors
    /// If the privacy layer does not release a question.
    pub fn new() -> Result<Self> {
        let sealed = |status, code: &str| vec![Ending::Refused(status, code.to_owned())];
        let problem = |status, code: &str| Ending::Problem(status, code.to_owned());
        let ms = Duration::from_millis;
        // What breaks off at once may break off before the relay has written the head.
        let broken = vec![Ending::Cut, Ending::Unreachable];
        let answer = |name, plan| {
            (
                name,
                10,
                plan,
                Manner::default(),
                How::Ask,
                vec![Ending::Whole],
            )
        };
        let short = |name, end, expected| {
            let (plan, manner) = (Plan::short(end), Manner::default());
            (name, 2, plan, manner, How::Ask, expected)
        };
        let posted = |name, how, expected| {
            let (plan, manner) = (Plan::short(End::Whole), Manner::default());
            (name, 2, plan, manner, how, expected)
        };
        let leaves = |name, plan, manner| (name, 3, plan, manner, How::Ask, vec![Ending::Left]);
        let after = |pieces| Manner {
            leaves_after: Some(pieces),
            ..Manner::default()
        };
        let patient = Manner {
            patience: Some(ms(1500)),
            ..Manner::default()
        };
        let slow = Manner {
            rests: ms(20),
            ..Manner::default()
        };
        let silent = Plan {
            pieces: 0,
            ..Plan::short(End::Silent)
        };
        let all = vec![
            answer("a short answer", Plan::whole(10, ms(20), 12)),
            answer("a long answer", Plan::whole(60, ms(50), 40)),
            answer("a fast answer", Plan::whole(300, ms(1), 200)),
            (
                "a slow reader",
                5,
                Plan::whole(500, ms(1), 1500),
                slow,
                How::Ask,
                vec![Ending::Whole],
            ),
            leaves(
                "the page leaves in mid-answer",
                Plan::whole(60, ms(50), 40),
                after(5),
            ),
            leaves("the page leaves a silent upstream", silent, patient),
            leaves(
                "the page leaves an upstream that fell silent",
                Plan::short(End::Silent),
                patient,
            ),
            short("the upstream is cut", End::Cut, broken.clone()),
            short(
                "the upstream does not finish",
                End::Unfinished,
                broken.clone(),
            ),
            short("the upstream fails in mid-answer", End::Failed, broken),
            short(
                "the upstream does not stream",
                End::NoStream,
                sealed(502, "upstream-failed"),
            ),
            short(
                "the upstream refuses the key",
                End::Status(401),
                sealed(502, "upstream-unauthorized"),
            ),
            short(
                "the upstream refuses the request",
                End::Status(404),
                sealed(400, "invalid-request"),
            ),
            short(
                "the upstream's rate limit",
                End::Status(429),
                sealed(429, "upstream-rate-limited"),
            ),
            short(
                "the upstream breaks",
                End::Status(500),
                sealed(502, "upstream-failed"),
            ),
            posted(
                "garbage",
                How::Unsealed(700),
                vec![problem(400, "key-mismatch")],
            ),
            posted(
                "oversize",
                How::Unsealed(1_500_000),
                vec![problem(413, "invalid-request")],
            ),
            posted(
                "truncated",
                How::Truncated,
                vec![problem(400, "seal-broken"), problem(400, "key-mismatch")],
            ),
            posted("twice", How::Twice, sealed(400, "replayed")),
            posted("stale", How::Stale, sealed(400, "clock-skewed")),
            posted("half a head", How::Half(HALF_A_HEAD), vec![Ending::Left]),
            posted("half a body", How::Half(HALF_A_BODY), vec![Ending::Left]),
            posted("noise", How::Noise, vec![Ending::Cut]),
        ];
        let acts: Vec<Act> = all
            .into_iter()
            .map(|(name, weight, plan, manner, how, expected)| {
                Ok(Act {
                    name,
                    weight,
                    question: Question::new(plan)?,
                    manner,
                    how,
                    expected,
                })
            })
            .collect::<Result<_>>()?;
        let weights = acts.iter().map(|act| act.weight).sum();
        Ok(Self { acts, weights })
    }

    /// Each once.
    pub fn all(&self) -> impl Iterator<Item = &Act> {
        self.acts.iter()
    }

    /// One of them.
    pub fn any(&self, random: &mut Rand64) -> Option<&Act> {
        let mut at = random.rand_range(0..self.weights);
        self.acts.iter().find(|act| {
            let found = at < act.weight;
            at = at.saturating_sub(act.weight);
            found
        })
    }
}

/// A connection on which no more comes than this. [`Ending::Left`], unless nobody listens.
async fn half(relay: &str, bytes: &str) -> Ending {
    let Some(mut connection) = connect(relay).await else {
        return Ending::Unreachable;
    };
    if connection.write_all(bytes.as_bytes()).await.is_err() {
        return Ending::Cut;
    }
    sleep(HELD).await;
    Ending::Left
}

/// A connection on which no HTTP comes: whatever the server says, it has to end it.
async fn noise(relay: &str) -> Ending {
    let Some(mut connection) = connect(relay).await else {
        return Ending::Unreachable;
    };
    let noise: Vec<u8> = (0..4096u32).map(|at| (at * 37 % 251) as u8).collect();
    let talking = async {
        let _ = connection.write_all(&noise).await;
        let mut answer = Vec::new();
        // A reset is an end, too.
        let _ = connection.read_to_end(&mut answer).await;
    };
    match timeout(DEADLINE, talking).await {
        Ok(()) => Ending::Cut,
        Err(_) => Ending::Hung,
    }
}

async fn connect(relay: &str) -> Option<TcpStream> {
    let url = Url::parse(relay).ok()?;
    TcpStream::connect((url.host_str()?, url.port()?))
        .await
        .ok()
}
