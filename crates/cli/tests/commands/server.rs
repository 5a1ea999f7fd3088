//! A server as somebody runs it, and what it answers.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout},
};

use super::start;

/// A server that goes with the test, and its address.
pub struct Server {
    pub process: Child,
    pub address: String,
    says: BufReader<ChildStdout>,
}

impl Server {
    /// It says where it listens.
    pub fn start(words: &[&str]) -> Self {
        let mut process = start(words);
        let mut says = BufReader::new(process.stdout.take().unwrap());
        Self {
            address: address(&mut says),
            process,
            says,
        }
    }

    /// Where it listens next, as it says.
    pub fn next_address(&mut self) -> String {
        address(&mut self.says)
    }

    /// Status and content.
    pub fn get(&self, path: &str) -> (u16, String) {
        get(&self.address, path)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `name  http://address/…`.
fn address(says: &mut impl BufRead) -> String {
    let mut line = String::new();
    says.read_line(&mut line).unwrap();
    let url = line.split_whitespace().nth(1);
    let address = url.and_then(|url| url.strip_prefix("http://"));
    let address = address.and_then(|address| address.split('/').next());
    address.unwrap_or_else(|| panic!("{line:?}")).to_owned()
}

/// Status and content of what is at `http://address/path`.
pub fn get(address: &str, path: &str) -> (u16, String) {
    let (status, _, body) = exchange(address, &format!("GET {path}"), "", &[]);
    (status, String::from_utf8(body).unwrap())
}

/// Status, head and content of a whole answer.
pub fn exchange(
    address: &str,
    request_line: &str,
    headers: &str,
    body: &[u8],
) -> (u16, String, Vec<u8>) {
    let mut answer = Vec::new();
    send(address, request_line, headers, body)
        .read_to_end(&mut answer)
        .unwrap();
    let (head, body) = split(&answer).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, body.to_vec())
}

/// A request of HTTP/1.0: the answer's content comes as it is, and ends with the connection.
pub fn send(address: &str, request_line: &str, headers: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request_line} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {length}\r\n{headers}\r\n"
    )
    .unwrap();
    stream.write_all(body).unwrap();
    stream
}

/// Head and content, once the head is there.
pub fn split(answer: &[u8]) -> Option<(String, &[u8])> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    Some((head, &answer[end + 4..]))
}
