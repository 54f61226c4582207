//! Bytes on a socket: what a careful client library would never send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a test waits for what must happen, before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
pub(crate) struct Wire {
    stream: TcpStream,
    seen: Vec<u8>,
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header field, if the answer has it.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let is = |line: &&str| {
            line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
        };
        self.head.lines().find(is).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, seen: Vec::new() }
    }

    /// Sends bytes; a server that has hung up is found out by reading.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Whether bytes can still be sent.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// One answer with a `Content-Length`.
    pub(crate) async fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = find(&self.seen, b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read_some().await > 0, "closed before an answer: {:?}", self.text());
        };
        let head = String::from_utf8_lossy(&self.seen[..end]).into_owned();
        let mut answer = Answer {
            status: head.get(9..12).and_then(|code| code.parse().ok()).unwrap(),
            head,
            body: String::new(),
        };
        let length = answer.field("content-length").map_or(0, |text| text.parse().unwrap());
        while self.seen.len() < end + length {
            assert!(self.read_some().await > 0, "closed inside a body");
        }
        answer.body = String::from_utf8_lossy(&self.seen[end..end + length]).into_owned();
        self.seen.drain(..end + length);
        answer
    }

    /// Reads until this text has come.
    pub(crate) async fn until(&mut self, text: &str) {
        while find(&self.seen, text.as_bytes()).is_none() {
            assert!(self.read_some().await > 0, "closed before {text}: {:?}", self.text());
        }
    }

    /// Everything until the server closes the connection.
    pub(crate) async fn until_closed(&mut self) -> Vec<u8> {
        while self.read_some().await > 0 {}
        std::mem::take(&mut self.seen)
    }

    /// Bytes read; 0 when the server closed or reset the connection.
    async fn read_some(&mut self) -> usize {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.seen)).await;
        read.expect("the server neither answered nor closed").unwrap_or(0)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}

/// Sends one request on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut wire = Wire::open(address).await;
    wire.send(request).await;
    wire.answer().await
}

/// `GET path` with the fields given.
pub(crate) async fn get(address: SocketAddr, path: &str, fields: &str) -> Answer {
    ask(address, format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n")).await
}

pub(crate) fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
