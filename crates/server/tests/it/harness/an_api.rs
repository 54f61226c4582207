//! An outside API that keeps every request as it was on the wire and says whatever bytes a test wants.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use keyhaven_fake_provider::Rules;
use serde_json::json;

use super::{Answer, Ask, Connector, Server};

/// What it says when nothing else is wanted.
const FINE: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// The API; it ends with the test's runtime.
pub(crate) struct AnApi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    said: Mutex<Vec<Piece>>,
    heard: Mutex<Vec<String>>,
    arrived: AtomicUsize,
}

/// A part of an answer.
#[derive(Clone)]
pub(crate) enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, so many times.
    Again(Vec<u8>, usize),
    /// Nothing until the test says so.
    Wait(Arc<Notify>),
}

impl AnApi {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let fine = vec![Piece::Bytes(FINE.into())];
        let shared = Arc::new(Shared {
            said: Mutex::new(fine),
            heard: Mutex::default(),
            arrived: AtomicUsize::new(0),
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, serving.clone()));
            }
        });
        Self { address, shared }
    }

    /// Where it is, with a path of its own.
    pub(crate) fn base(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// `host:port`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// From now on it says this; line ends become CRLF.
    pub(crate) fn say(&self, text: &str) {
        self.say_pieces(vec![Piece::Bytes(text.replace('\n', "\r\n").into_bytes())]);
    }

    /// From now on it says these, one after the other.
    pub(crate) fn say_pieces(&self, pieces: Vec<Piece>) {
        *self.shared.said.lock().unwrap_or_else(PoisonError::into_inner) = pieces;
    }

    /// How many bytes of requests have come so far, whole or not.
    pub(crate) fn arrived(&self) -> usize {
        self.shared.arrived.load(Ordering::Relaxed)
    }

    /// The requests since the last call, head and body, as they were on the wire.
    pub(crate) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    while !is_whole(&bytes) {
        match stream.read(&mut chunk).await {
            Ok(count) if count > 0 => {
                shared.arrived.fetch_add(count, Ordering::Relaxed);
                bytes.extend_from_slice(&chunk[..count]);
            }
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    shared.heard.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    let said = shared.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for piece in said {
        let written = match piece {
            Piece::Bytes(bytes) => stream.write_all(&bytes).await,
            Piece::Again(bytes, times) => repeat(&mut stream, &bytes, times).await,
            Piece::Wait(go) => {
                go.notified().await;
                Ok(())
            }
        };
        if written.is_err() {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

async fn repeat(stream: &mut TcpStream, bytes: &[u8], times: usize) -> std::io::Result<()> {
    for _ in 0..times {
        stream.write_all(bytes).await?;
    }
    Ok(())
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// A connection whose API is one of the test's.
pub(crate) struct ProxyScene {
    pub(crate) server: Server,
    pub(crate) api: AnApi,
    pub(crate) connector: Connector,
    connection: String,
    pub(crate) admin: String,
}

impl ProxyScene {
    /// A server with such a connection.
    pub(crate) async fn set() -> Self {
        let (server, api) = (Server::with_providers().await, AnApi::start().await);
        let definition = json!({ "api": { "base": api.base() } });
        let connector = server.a_connector_with(Rules::default(), definition, json!({})).await;
        let connection = connector.connect(&server).await;
        let admin = connector.admin(&server).await;
        Self { server, api, connector, connection, admin }
    }

    /// The path of a call through it.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/connections/{}/proxy{rest}", self.connection)
    }

    /// A call through it, by an administrator.
    pub(crate) fn ask(&self, method: &str, rest: &str) -> Ask<'_> {
        self.server.ask(method, &self.path(rest)).bearer(&self.admin)
    }

    /// A GET through it.
    pub(crate) async fn get(&self, rest: &str) -> Answer {
        self.ask("GET", rest).send().await
    }
}
