//! A server that says exactly the bytes a test wants, and counts who came.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use keyhaven_connect::egress::Egress;
use keyhaven_connect::failure::Failure;
use keyhaven_connect::send::{Client, Limits, Outgoing, Reply, Trust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A listening server; it ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

/// What the server does once it has read a request's head.
#[derive(Clone)]
pub(crate) enum Act {
    /// Writes these bytes and closes.
    Say(Vec<u8>),
    /// Writes the first, then the second again and again.
    Repeat(Vec<u8>, Vec<u8>),
    /// Writes these bytes and holds the connection.
    SayAndHold(Vec<u8>),
    /// Closes at once.
    HangUp,
    /// Holds the connection without a word.
    Hold,
}

impl Server {
    pub(crate) async fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, act.clone()));
            }
        });
        Self { address, connections }
    }

    pub(crate) async fn saying(text: &str) -> Self {
        Self::start(Act::Say(text.replace('\n', "\r\n").into_bytes())).await
    }

    pub(crate) fn url(&self) -> Url {
        Url::parse(&format!("http://{}/token?a=b", self.address)).expect("a URL")
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, act: Act) {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(count) if count > 0 => head.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    }
    match act {
        Act::Say(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Act::Repeat(first, again) => {
            let _ = stream.write_all(&first).await;
            while stream.write_all(&again).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
        Act::HangUp => {}
        Act::Hold => hold(&mut stream).await,
        Act::SayAndHold(bytes) => {
            let _ = stream.write_all(&bytes).await;
            hold(&mut stream).await;
        }
    }
}

/// Until the client leaves.
async fn hold(stream: &mut TcpStream) {
    let mut chunk = [0; 1024];
    while stream.read(&mut chunk).await.is_ok_and(|count| count > 0) {}
}

/// A client that may reach this machine.
pub(crate) fn client() -> Client {
    allowing(&["127.0.0.0/8"])
}

pub(crate) fn allowing(entries: &[&str]) -> Client {
    let egress = Egress::parse(entries.iter().copied()).expect("entries");
    Client::new(egress, &Trust::default()).expect("a client")
}

/// Limits that a test can wait for.
pub(crate) const BRIEF: Limits =
    Limits { total: Duration::from_millis(400), body: 64 * 1024, types: &[] };

pub(crate) async fn post(client: &Client, url: Url) -> Result<Reply, Failure> {
    let request =
        Outgoing::post(url, "application/x-www-form-urlencoded", b"grant_type=x".to_vec());
    client.send(request, Limits { total: Duration::from_secs(10), ..Limits::TOKEN }).await
}
