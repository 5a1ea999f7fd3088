//! Page, relay, gateway and a scripted upstream, each on its own loopback port.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
    serve::ListenerExt,
};
use futures::stream;
use gateway::{Kind, Settings, Upstream};
use oblivious_http::{Event, GatewayKeys, Opener, REQUEST_TYPE, Sealed, Terms, VerifiedKey, seal};
use query::{ChatRequest, Message, PrivacyLevel, Role, Traffic};
use relay::native;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

/// The upstream's bearer token.
pub const UPSTREAM_KEY: &str = "upstream-key";

/// What the upstream does next with its answer.
pub enum Step {
    /// Sends these bytes.
    Send(&'static str),
    /// Breaks the connection.
    Cut,
    /// Ends the answer as HTTP ends it.
    End,
}

/// What the upstream does with one request.
enum Script {
    Status(u16),
    /// Answers 429 with these header fields.
    Limited(&'static [(&'static str, &'static str)]),
    /// Answers as the steps come.
    Stream(mpsc::UnboundedReceiver<Step>),
    /// Never begins to answer.
    Silent,
}

/// What the upstream got.
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
    /// Resolves when the answer is given up: its body or the handler was dropped.
    pub gone: oneshot::Receiver<()>,
}

#[derive(Clone)]
struct Upstreamed {
    script: Arc<Mutex<Option<Script>>>,
    asked: mpsc::UnboundedSender<Asked>,
}

/// All servers of one test.
pub struct Rig {
    pub relay: String,
    pub gateway: String,
    pub keys: GatewayKeys,
    script: Arc<Mutex<Option<Script>>>,
    asked: mpsc::UnboundedReceiver<Asked>,
}

impl Rig {
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// With a gateway of these settings.
    pub async fn with(settings: Settings) -> Self {
        Self::run(settings, native::Settings::default()).await
    }

    /// With a gateway and a relay of these settings.
    pub async fn run(settings: Settings, relay: native::Settings) -> Self {
        Self::before_kind(Kind::OpenAi, settings, relay).await
    }

    /// With an upstream that speaks as Anthropic does.
    pub async fn anthropic() -> Self {
        Self::before_kind(
            Kind::Anthropic,
            Settings::default(),
            native::Settings::default(),
        )
        .await
    }

    async fn before_kind(kind: Kind, settings: Settings, relay: native::Settings) -> Self {
        let (asked_sender, asked) = mpsc::unbounded_channel();
        let script = Arc::new(Mutex::new(None));
        let upstreamed = Upstreamed {
            script: script.clone(),
            asked: asked_sender,
        };
        let upstream = listen(Router::new().fallback(scripted).with_state(upstreamed)).await;
        Self {
            script,
            asked,
            ..Self::between(kind, &format!("{upstream}/v1"), settings, relay).await
        }
    }

    /// Relay and gateway before some upstream.
    pub async fn before(upstream: &str) -> Self {
        let relay = native::Settings::default();
        Self::between(Kind::OpenAi, upstream, Settings::default(), relay).await
    }

    async fn between(
        kind: Kind,
        upstream: &str,
        settings: Settings,
        relay: native::Settings,
    ) -> Self {
        log();
        let keys = GatewayKeys::generate().unwrap();
        let upstream = Upstream::new(
            kind,
            upstream,
            Some(UPSTREAM_KEY.to_owned()),
            gateway::SILENCE,
        )
        .unwrap();
        let gateway = listen(gateway::app(keys.clone(), upstream, settings).unwrap()).await;
        let relay = listen(native::app(&gateway, relay).unwrap()).await;
        Self {
            relay,
            gateway,
            keys,
            script: Arc::default(),
            asked: mpsc::unbounded_channel().1,
        }
    }

    /// The next request is answered with this status.
    pub fn answer_status(&self, status: u16) {
        *self.script.lock().unwrap() = Some(Script::Status(status));
    }

    /// The next request is refused for a rate limit, with these header fields.
    pub fn answer_limited(&self, headers: &'static [(&'static str, &'static str)]) {
        *self.script.lock().unwrap() = Some(Script::Limited(headers));
    }

    /// The next request is never answered.
    pub fn answer_never(&self) {
        *self.script.lock().unwrap() = Some(Script::Silent);
    }

    /// The next request is answered with a stream, step by step.
    pub fn answer_steps(&self) -> mpsc::UnboundedSender<Step> {
        let (steps, script) = mpsc::unbounded_channel();
        *self.script.lock().unwrap() = Some(Script::Stream(script));
        steps
    }

    /// The request that the upstream got.
    pub async fn asked(&mut self) -> Asked {
        soon(self.asked.recv()).await.unwrap()
    }

    /// Seals a question and posts it to the relay.
    pub async fn ask(&self, question: &str) -> Result<Page, Failure> {
        ask(&self.relay, &self.key(), question).await
    }

    /// The gateway's best key.
    pub fn key(&self) -> VerifiedKey {
        VerifiedKey::pinned(&self.keys.config_list().unwrap()).unwrap()
    }

    /// How many requests the upstream has got that nobody has looked at.
    pub fn asked_beside(&mut self) -> usize {
        std::iter::from_fn(|| self.asked.try_recv().ok()).count()
    }
}

/// Now, and an answer as it comes.
pub fn terms() -> Terms<'static> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Terms {
        date_s: now.unwrap().as_secs(),
        traffic: Traffic::Off,
        token: None,
    }
}

/// Seals a question to `key` and posts it to `relay`.
pub async fn ask(relay: &str, key: &VerifiedKey, question: &str) -> Result<Page, Failure> {
    let (sealed, opener) = sealed(key, question, &terms());
    send(relay, &sealed, opener).await
}

/// A sealed question, and what opens the answer.
pub fn sealed(key: &VerifiedKey, question: &str, terms: &Terms<'_>) -> (Sealed, Opener) {
    let request = ChatRequest {
        messages: vec![Message::new(Role::User, question)],
        model: Some("cloud-model".to_owned()),
        ..ChatRequest::default()
    };
    let mut vault = privacy::Vault::new();
    let findings = privacy::find(&request, PrivacyLevel::Balanced, &vault);
    let releasable = privacy::pseudonymize(&findings, &mut vault).unwrap();
    seal(key, &releasable, terms).unwrap()
}

/// Posts a sealed question to `relay`.
pub async fn send(relay: &str, sealed: &Sealed, opener: Opener) -> Result<Page, Failure> {
    let reply = post(relay, REQUEST_TYPE, sealed.bytes().to_vec()).await;
    if reply.status() != 200 {
        let status = reply.status().as_u16();
        return Err(Failure::Problem(
            status,
            serde_json::from_str(&reply.text().await.unwrap()).unwrap(),
        ));
    }
    Ok(Page {
        reply,
        opener,
        text: sealed.text().to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    })
}

/// Posts as a browser does, with what a browser tells about itself.
pub async fn post(url: &str, content_type: &str, body: Vec<u8>) -> reqwest::Response {
    let request = reqwest::Client::new()
        .post(url)
        .header("content-type", content_type)
        .header("user-agent", "Browser of somebody")
        .header("origin", "https://page.example")
        .header("cookie", "who=somebody")
        .body(body);
    soon(request.send()).await.unwrap()
}

/// How a question failed on its way.
#[derive(Debug)]
pub enum Failure {
    /// In the clear, from relay or gateway.
    Problem(u16, serde_json::Value),
    /// The reply's connection broke.
    Broken,
    /// The reply's seal is not whole.
    Seal(oblivious_http::Error),
}

/// A page that waits for its answer.
pub struct Page {
    reply: reqwest::Response,
    opener: Opener,
    /// What was sealed.
    pub text: String,
    /// The header fields inside the seal, once the status is known.
    pub headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Page {
    /// The reply as it comes, and what opens it.
    pub fn into_parts(self) -> (reqwest::Response, Opener) {
        (self.reply, self.opener)
    }

    /// The status inside the seal.
    pub async fn status(&mut self) -> u16 {
        loop {
            let chunk = soon(self.reply.chunk()).await.unwrap().unwrap();
            let mut events = self.opener.push(&chunk).unwrap().into_iter();
            // Before the head, there may be signs of life.
            if let Some(event) = events.next() {
                let Event::Head { status, headers } = event else {
                    panic!("content before the head")
                };
                self.headers = headers;
                self.take(events);
                return status;
            }
        }
    }

    /// Waits for bytes that add nothing to the content.
    pub async fn a_sign_of_life_comes(&mut self) {
        let before = self.content();
        let chunk = soon(self.reply.chunk()).await.unwrap().unwrap();
        let events = self.opener.push(&chunk).unwrap();
        assert!(
            !events
                .iter()
                .any(|event| matches!(event, Event::Head { .. })),
            "this was the head"
        );
        self.take(events.into_iter());
        assert_eq!(self.content(), before);
    }

    /// Waits until the content so far, comments left out, is exactly this.
    pub async fn body_becomes(&mut self, wanted: &str) {
        while self.content() != wanted {
            let chunk = soon(self.reply.chunk()).await.unwrap();
            let chunk =
                chunk.unwrap_or_else(|| panic!("the reply ended with {:?}", self.content()));
            let events = self.opener.push(&chunk).unwrap();
            self.take(events.into_iter());
        }
    }

    /// Reads to the end; the whole content, comments left out.
    pub async fn finish(mut self) -> Result<String, Failure> {
        while let Some(chunk) = soon(self.reply.chunk())
            .await
            .map_err(|_| Failure::Broken)?
        {
            let events = self.opener.push(&chunk).map_err(Failure::Seal)?;
            self.take(events.into_iter());
        }
        let content = self.content();
        self.opener.finish().map_err(Failure::Seal)?;
        Ok(content)
    }

    fn take(&mut self, events: impl Iterator<Item = Event>) {
        for event in events {
            if let Event::Body(bytes) = event {
                self.body.extend(bytes);
            }
        }
    }

    fn content(&self) -> String {
        let text = String::from_utf8(self.body.clone()).unwrap();
        text.split_inclusive("\n\n")
            .filter(|event| !event.starts_with(':'))
            .collect()
    }
}

/// Fails a test that hangs. Nothing here takes a tenth of it.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("nothing happened for 20 s")
}

/// Serves on a free port of loopback; the URL.
pub async fn listen(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap());
    tokio::spawn(async move {
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, app).await.unwrap()
    });
    url
}

/// The upstream.
async fn scripted(State(upstreamed): State<Upstreamed>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    assert_eq!(parts.method, "POST");
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let (alive, gone) = oneshot::channel();
    let asked = Asked {
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
        gone,
    };
    upstreamed
        .asked
        .send(asked)
        .unwrap_or_else(|_| panic!("the test is over"));
    let script = upstreamed
        .script
        .lock()
        .unwrap()
        .take()
        .expect("no script for this request");
    match script {
        Script::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Script::Limited(headers) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            (status, AppendHeaders(headers.iter().copied())).into_response()
        }
        Script::Silent => {
            let _alive = OnDrop(Some(alive));
            std::future::pending().await
        }
        Script::Stream(steps) => {
            let body = stream::unfold((steps, OnDrop(Some(alive))), |(mut steps, alive)| async {
                let bytes = match steps.recv().await? {
                    Step::Send(text) => Ok(Bytes::from_static(text.as_bytes())),
                    Step::Cut => Err(std::io::Error::other("cut")),
                    Step::End => return None,
                };
                Some((bytes, (steps, alive)))
            });
            (
                [(header::CONTENT_TYPE, "text/event-stream")],
                Body::from_stream(body),
            )
                .into_response()
        }
    }
}

/// Says that it was dropped.
struct OnDrop(Option<oneshot::Sender<()>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        // Mostly nobody waits for it.
        let _ = self.0.take().unwrap().send(());
    }
}

/// All that relay, gateway and the libraries below them log, from the finest level up.
pub fn logged() -> String {
    String::from_utf8(log().lock().unwrap().clone()).unwrap()
}

fn log() -> &'static Arc<Mutex<Vec<u8>>> {
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    LOG.get_or_init(|| {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = lines.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || Writer(writer.clone()))
            .init();
        lines
    })
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
