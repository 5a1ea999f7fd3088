//! A gateway that is asked to end while it answers.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use oblivious_http::{Event, Opener, REQUEST_TYPE, Sealed, Terms, VerifiedKey, seal};
use query::{ChatRequest, Message, PrivacyLevel, Role, Traffic};
use rustix::process::{Pid, Signal, kill_process};

use super::server::{Server, exchange, get, send, split};

const BEGINNING: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"In nests.\"}}]}\n\n";
const END: &str = "data: [DONE]\n\n";

/// A cloud model that answers one question, and ends its answer when it is told to. Its base URL.
fn upstream(end: mpsc::Receiver<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        write!(stream, "{head}{BEGINNING}").unwrap();
        end.recv().unwrap();
        write!(stream, "{END}").unwrap();
    });
    format!("http://{address}/v1")
}

fn read_request(stream: &mut TcpStream) {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut buffer).unwrap();
        request.extend(&buffer[..n]);
        let Some((head, body)) = split(&request) else {
            continue;
        };
        let length = head.to_lowercase();
        let length = length.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() >= length {
            return;
        }
    }
}

fn question(gateway: &str) -> (Sealed, Opener) {
    let (_, _, configs) = exchange(gateway, "GET /ohttp-keys", "", &[]);
    let request = ChatRequest {
        messages: vec![Message::new(Role::User, "Where do storks sleep?")],
        ..ChatRequest::default()
    };
    let mut vault = privacy::Vault::new();
    let findings = privacy::find(&request, PrivacyLevel::Balanced, &vault);
    let releasable = privacy::pseudonymize(&findings, &mut vault).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let terms = Terms {
        date_s: now.as_secs(),
        traffic: Traffic::Off,
        token: None,
    };
    let key = VerifiedKey::pinned(&configs).unwrap();
    seal(&key, &releasable, &terms).unwrap()
}

/// The value of a metric without labels.
fn metric(address: &str, name: &str) -> String {
    let (status, page) = get(address, "/metrics");
    assert_eq!(status, 200);
    let line = page
        .lines()
        .find(|line| line.split(' ').next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("{name} is not in {page}"));
    line.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn a_gateway_ends_what_it_has_begun_and_takes_nothing_new() {
    let (end, told) = mpsc::channel();
    let seed = std::env::temp_dir().join(format!("tidegate-drain-{}", std::process::id()));
    let mut gateway = Server::start(&[
        "gateway",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
        "--seed",
        &seed.display().to_string(),
        "--upstream-url",
        &upstream(told),
    ]);
    std::fs::remove_file(seed).unwrap();
    let metrics = gateway.next_address();
    let address = gateway.address.clone();
    assert_eq!(gateway.get("/readyz"), (200, "ready".to_owned()));

    let sealed_type = format!("content-type: {REQUEST_TYPE}\r\n");
    let (sealed, mut opener) = question(&address);
    let mut reply = send(&address, "POST /gateway", &sealed_type, sealed.bytes());
    let (mut answer, mut buffer, mut text) = (Vec::new(), [0; 4096], Vec::new());
    let mut opened = 0;
    let mut open = |answer: &[u8], text: &mut Vec<u8>| {
        let Some((_, body)) = split(answer) else {
            return;
        };
        for event in opener.push(&body[opened..]).unwrap() {
            if let Event::Body(bytes) = event {
                text.extend(bytes);
            }
        }
        opened = body.len();
    };
    while !String::from_utf8_lossy(&text).contains("nests") {
        let n = reply.read(&mut buffer).unwrap();
        answer.extend(&buffer[..n]);
        open(&answer, &mut text);
    }

    kill_process(Pid::from_child(&gateway.process), Signal::TERM).unwrap();
    // The signal takes a moment; asking is the only way to see it.
    let draining = (503, "draining".to_owned());
    while gateway.get("/readyz") != draining {}
    assert_eq!(gateway.get("/healthz"), (200, "ok".to_owned()));
    assert_eq!(metric(&metrics, "tidegate_gateway_answers_under_way"), "1");
    let (another, _) = question(&address);
    let (status, head, problem) =
        exchange(&address, "POST /gateway", &sealed_type, another.bytes());
    let problem: serde_json::Value = serde_json::from_slice(&problem).unwrap();
    assert_eq!(
        (status, &problem["code"]),
        (503, &"gateway-unavailable".into())
    );
    assert!(head.contains("retry-after: 2"), "{head}");

    end.send(()).unwrap();
    reply.read_to_end(&mut answer).unwrap();
    open(&answer, &mut text);
    let text = String::from_utf8(text).unwrap();
    let content: String = text
        .split_inclusive("\n\n")
        .filter(|event| !event.starts_with(':'))
        .collect();
    assert_eq!(content, [BEGINNING, END].concat());
    opener.finish().unwrap();
    assert_eq!(gateway.process.wait().unwrap().code(), Some(0));
}
