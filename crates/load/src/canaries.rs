//! Words that nobody else writes, sent along every way that relay and gateway know, and then looked for in all that
//! these two leave behind.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use futures::{AsyncWriteExt, executor::block_on, future::join_all, io::Cursor};
use oblivious_http::{REQUEST_TYPE, VerifiedKey, date};
use oorandom::Rand64;
use query::Traffic;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    ending::Ending,
    figures::Figures,
    page::{Manner, Page, Question, Way, http_client, now_s},
    script::{End, Plan},
    stack::{Programs, Stack, UPSTREAM_KEY, keys},
    upstream::Upstream,
};

/// At least so many are sent.
const CANARIES: usize = 50;

/// Every way is walked by this.
struct Canaries {
    random: Rand64,
    sent: Vec<String>,
    http: Client,
    stack: Stack,
    /// What did not end as it should.
    unexpected: Vec<String>,
}

/// Sends them and looks for them. Relay and gateway log all there is.
///
/// # Errors
/// If a part does not start.
pub async fn canaries(programs: &Programs) -> Result<Figures> {
    let upstream = Upstream::listening_closely();
    let (url, serving) = upstream.listen().await?;
    let mut canaries = Canaries {
        random: Rand64::new(now_s().into()),
        sent: Vec::new(),
        http: http_client()?,
        stack: Stack::before(programs, &url)?,
        unexpected: Vec::new(),
    };
    canaries.in_questions().await?;
    canaries.in_sealed_messages().await?;
    canaries.outside_of_the_seal().await?;
    let heard = upstream.heard();
    serving.abort();
    // The port is free once the task is gone.
    let _ = serving.await;
    canaries.before_nobody(programs).await?;

    let mut figures = Figures::of("canaries");
    let sent = &canaries.sent;
    figures.put("sent", sent.len());
    figures.must("enough", sent.len() >= CANARIES);
    // Otherwise nothing would have been tested.
    let arrived = sent.iter().filter(|canary| heard.contains(*canary)).count();
    figures.put("reached_the_upstream", arrived);
    figures.must("many_reached_the_upstream", arrived >= 20);
    figures.put("unexpected", canaries.unexpected.clone());
    figures.must("all_ended_as_they_should", canaries.unexpected.is_empty());
    // Ended, they have written all.
    let Stack { relay, gateway, .. } = canaries.stack;
    drop((relay, gateway));
    let found = found(&programs.folder, sent)?;
    figures.put("found", found.clone());
    figures.must("none_found", found.is_empty());
    for log in ["relay.log", "gateway.log"] {
        let text = fs::read_to_string(programs.folder.join(log))?;
        figures.put(&format!("{log}_bytes"), text.len());
        figures.must(
            &format!("{log}_is_at_its_most_talkative"),
            text.contains("TRACE"),
        );
    }
    Ok(figures)
}

impl Canaries {
    /// A new word, which stays as it is wherever it goes: twelve letters that mean nothing.
    fn word(&mut self) -> String {
        let letters = (0..12).map(|_| char::from(b'a' + self.random.rand_range(0..26) as u8)); // below 26
        let canary: String = letters.collect();
        self.sent.push(canary.clone());
        canary
    }

    fn expect(&mut self, what: &str, ending: &Ending, expected: &[Ending]) {
        if !expected.contains(ending) {
            self.unexpected.push(format!("{what}: {ending}"));
        }
    }

    /// In the text of a question and in the name of its model, whatever the upstream does.
    async fn in_questions(&mut self) -> Result<()> {
        let refused = |status, code: &str| vec![Ending::Refused(status, code.to_owned())];
        // What breaks off at once may break off before the relay has written the head.
        let broken = vec![Ending::Cut, Ending::Unreachable];
        let ends = [
            (End::Whole, vec![Ending::Whole]),
            (End::Cut, broken.clone()),
            (End::Unfinished, broken.clone()),
            (End::Failed, broken),
            (End::Silent, vec![Ending::Left]),
            (End::NoStream, refused(502, "upstream-failed")),
            (End::Status(401), refused(502, "upstream-unauthorized")),
            (End::Status(404), refused(400, "invalid-request")),
            (End::Status(429), refused(429, "upstream-rate-limited")),
            (End::Status(500), refused(502, "upstream-failed")),
        ];
        for traffic in [Traffic::Off, Traffic::Balanced] {
            let page = Page::new(self.stack.way(traffic)?)?;
            let questions: Vec<Question> = ends
                .iter()
                .map(|(end, _)| self.question(*end))
                .collect::<Result<_>>()?;
            let asking = questions.iter().map(|question| {
                let silent = question.plan.end == End::Silent;
                let manner = Manner {
                    patience: silent.then_some(Duration::from_secs(1)),
                    ..Manner::default()
                };
                page.ask(question, manner)
            });
            let answers = join_all(asking).await;
            for ((end, expected), answer) in ends.iter().zip(answers) {
                let what = format!("{end:?}, {}", traffic.name());
                self.expect(&what, &answer.ending, expected);
            }
        }
        Ok(())
    }

    fn question(&mut self, end: End) -> Result<Question> {
        let (text, model) = (self.word(), self.word());
        Question::saying(Plan::short(end), &format!("What is a {text}?"), &model)
    }

    /// Where no page of ours writes: in method, path and fields of the sealed message, and in what is no question.
    async fn in_sealed_messages(&mut self) -> Result<()> {
        const POST: &str = "POST";
        const PATH: &str = "/v1/chat/completions";
        let json = json!({ "model": Plan::short(End::Whole).model() }).to_string();
        let path = format!("/{}", self.word());
        let (method, field, body, named) = (self.word(), self.word(), self.word(), self.word());
        let (value, traffic, stale) = (self.word(), self.word(), self.word());
        let long = format!("{}{}", self.word(), " ".repeat(20_000));
        let now = date::format(now_s());
        let hour_ago = date::format(now_s() - 3600);
        let messages = [
            inner(&method, PATH, &[("date", &now)], &json),
            inner(POST, &path, &[("date", &now)], &json),
            inner(POST, PATH, &[("date", &now), (&named, "1")], &json),
            inner(POST, PATH, &[("date", &now), ("cookie", &value)], &json),
            inner(
                POST,
                PATH,
                &[("date", &now), ("tidegate-traffic", &traffic)],
                &json,
            ),
            inner(POST, PATH, &[("date", &field)], &json),
            inner(POST, PATH, &[("date", &hour_ago)], &stale),
            inner(POST, PATH, &[("date", &now)], &body),
            inner(POST, PATH, &[("date", &now)], &long),
        ];
        for message in messages {
            // Their answers are sealed: outside all is well.
            let status = self.post(&sealed(&message?)?).await?;
            self.must(status == 200, "a sealed message");
        }
        // What opens and is no message, is cut off, was sealed to nobody's key, or comes twice.
        let nothing = self.word();
        let status = self.post(&sealed(nothing.as_bytes())?).await?;
        self.must(status == 422, "no message");
        let question = self.question(End::Whole)?;
        let page = Page::new(self.stack.way(Traffic::Off)?)?;
        let (whole, opener) = page.sealed(&question, now_s())?;
        let status = self.post(&whole[..whole.len() - 20]).await?;
        self.must(status == 400, "a truncated message");
        let status = self.post(&whole).await?;
        self.must(status == 200, "a whole message");
        let again = page.exchange(whole, Some(opener), &question, Manner::default());
        let replayed = Ending::Refused(400, "replayed".to_owned());
        let ending = again.await.ending;
        self.expect("again", &ending, &[replayed]);
        let stranger = oblivious_http::GatewayKeys::generate()?.config_list()?;
        let page = Page::new(Way::Sealed {
            relay: self.stack.relay.url.clone(),
            key: VerifiedKey::pinned(&stranger)?,
            traffic: Traffic::Off,
        })?;
        let ending = page.ask(&question, Manner::default()).await.ending;
        let mismatch = Ending::Problem(400, "key-mismatch".to_owned());
        self.expect("a stranger's key", &ending, &[mismatch]);
        Ok(())
    }

    /// In what is not sealed at all, at the relay and at the gateway.
    async fn outside_of_the_seal(&mut self) -> Result<()> {
        let urls = [
            self.stack.relay.url.clone(),
            self.stack.gateway.url.clone() + "gateway",
        ];
        for url in urls {
            let (path, parameter, method) = (self.word(), self.word(), self.word().to_uppercase());
            self.sent.push(method.clone());
            let (body, agent, cookie, name) = (self.word(), self.word(), self.word(), self.word());
            let (content_type, long) = (self.word(), self.word().repeat(100_000));
            let post = |url: &str| self.http.post(url).header("content-type", REQUEST_TYPE);
            let method = Method::from_bytes(method.as_bytes())?;
            let requests = [
                post(&format!("{url}/{path}")).body(body.clone()),
                post(&format!("{url}?{parameter}=1")).body(body.clone()),
                post(&url)
                    .header("user-agent", agent)
                    .header("cookie", cookie)
                    .header(name, "1")
                    .body(body),
                self.http.request(method, &url),
                self.http.post(&url).header("content-type", content_type),
                post(&url).body(long),
            ];
            let mut statuses = Vec::new();
            for request in requests {
                statuses.push(request.send().await?.status());
            }
            let refused = statuses.iter().all(StatusCode::is_client_error);
            self.must(refused, "what is not sealed");
        }
        // Half of a head, and no head.
        for format in ["GET /# HTTP/1.1\r\nhost: #", "# # #\r\n\r\n"] {
            let text = format.replace('#', &self.word());
            let url = self.stack.relay.url.trim_start_matches("http://");
            let mut connection = TcpStream::connect(url.trim_end_matches('/')).await?;
            connection.write_all(text.as_bytes()).await?;
        }
        Ok(())
    }

    /// To a gateway without an upstream, and to a relay without a gateway.
    async fn before_nobody(&mut self, programs: &Programs) -> Result<()> {
        let page = Page::new(self.stack.way(Traffic::Off)?)?;
        let question = self.question(End::Whole)?;
        let ending = page.ask(&question, Manner::default()).await.ending;
        let failed = Ending::Refused(502, "upstream-failed".to_owned());
        self.expect("no upstream", &ending, &[failed]);
        // Another in its place, so that this one ends.
        let gateway = programs.gateway(crate::process::free_address()?, &self.stack.relay.url)?;
        std::mem::replace(&mut self.stack.gateway, gateway).kill()?;
        let question = self.question(End::Whole)?;
        let ending = page.ask(&question, Manner::default()).await.ending;
        let unavailable = Ending::Problem(502, "gateway-unavailable".to_owned());
        self.expect("no gateway", &ending, &[unavailable]);
        self.sent.push(UPSTREAM_KEY.to_owned());
        Ok(())
    }

    async fn post(&self, body: &[u8]) -> Result<u16> {
        let request = self.http.post(&self.stack.relay.url);
        let request = request.header("content-type", REQUEST_TYPE);
        let reply = request.body(body.to_vec()).send().await?;
        let status = reply.status().as_u16();
        // Read to its end, whatever that is.
        let _ = reply.bytes().await;
        Ok(status)
    }

    fn must(&mut self, holds: bool, what: &str) {
        if !holds {
            self.unexpected.push(what.to_owned());
        }
    }
}

/// Binary HTTP (RFC 9292) with whatever fields.
fn inner(method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Result<Vec<u8>> {
    let text = |text: &str| text.as_bytes().to_vec();
    let mut message = bhttp::Message::request(text(method), text("https"), Vec::new(), text(path));
    for (name, value) in fields {
        message.put_header(*name, *value);
    }
    message.write_content(body);
    let mut bytes = Vec::new();
    message.write_bhttp(bhttp::Mode::KnownLength, &mut bytes)?;
    Ok(bytes)
}

/// Any bytes, sealed to the gateway's best key, by the library alone.
fn sealed(plaintext: &[u8]) -> Result<Vec<u8>> {
    let list = keys()?.config_list()?;
    // The first config, without the length before it (RFC 9458 §3.2).
    let (length, configs) = list.split_first_chunk().context("no key config")?;
    let config = &configs[..usize::from(u16::from_be_bytes(*length)).min(configs.len())];
    let mut wire = Cursor::new(Vec::new());
    block_on(async {
        let client = ohttp::ClientRequest::from_encoded_config(config)?;
        let mut sealer = client.encapsulate_stream(&mut wire)?;
        sealer.write_all(plaintext).await?;
        sealer.close().await?;
        anyhow::Ok(())
    })?;
    Ok(wire.into_inner())
}

/// Which of these words stand in which files below this folder.
fn found(folder: &Path, words: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let files = files(folder)?;
    ensure!(
        !files.is_empty(),
        "{}: nothing was logged",
        folder.display()
    );
    for file in files {
        let bytes = fs::read(&file)?;
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        for word in words {
            if let Some(at) = text.find(&word.to_lowercase()) {
                let line = text[..at].lines().count();
                found.push(format!("{}:{line}: {word}", file.display()));
            }
        }
    }
    Ok(found)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}
