//! Other people's proxies in front of an API, with the configuration our documents show: each lets
//! through whom we know, tells refusals apart, and passes on nothing a caller says of itself.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::routing::get;
use keyhaven::routes;
use keyhaven::telemetry::per_route::Routes;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::harness::Server;
use crate::small_server::SmallServer;
use crate::wire::{Answer, ask};

mod caddy;
mod envoy;
mod nginx;
mod traefik;

/// A proxy that does not serve by then has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What Keyhaven tells an API of its caller, and what a caller might claim.
const SAID: &[&str] = &["subject", "client", "user", "organization", "project", "scopes"];

/// Where everything is.
struct Places {
    proxy: u16,
    keyhaven: SocketAddr,
    backend: SocketAddr,
    folder: TempDir,
}

impl Places {
    /// A file of our documents, with these ports instead of its own: first by marks, because one
    /// port may look like a part of another.
    fn with_addresses(&self, documented: &str) -> String {
        assert!(documented.contains("8484") && documented.contains("8080"), "whom does it ask?");
        let marks = [("8000", "@p@"), ("8484", "@k@"), ("8080", "@b@")];
        let marked =
            marks.iter().fold(documented.to_owned(), |text, (own, mark)| text.replace(own, mark));
        let ports = [self.proxy, self.keyhaven.port(), self.backend.port()];
        marks
            .iter()
            .zip(ports)
            .fold(marked, |text, ((_, mark), port)| text.replace(mark, &port.to_string()))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

/// A running proxy.
struct Proxy {
    places: Places,
    child: Child,
    _backend: SmallServer,
}

impl Proxy {
    /// Starts one in front of `keyhaven`, and waits until it asks there.
    async fn start(keyhaven: SocketAddr, command: impl FnOnce(&Places) -> Command) -> Self {
        let routes = Routes::new().route("/{*path}", get(say_who));
        let backend = SmallServer::start_with(routes, |_| ()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places { proxy: free_port(), keyhaven, backend: backend.address, folder };
        let log = std::fs::File::create(places.folder.path().join("log")).expect("a file");
        let mut command = command(&places);
        command.current_dir(places.folder.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a file")).stderr(log);
        let child = command.spawn().expect("it is installed: cargo xtask setup");
        let mut proxy = Self { places, child, _backend: backend };
        let serving = tokio::time::timeout(PATIENCE, proxy.serving()).await;
        assert!(serving.is_ok(), "it does not serve: {}", proxy.log());
        proxy
    }

    async fn serving(&mut self) {
        let mut asks = false;
        while !asks {
            let ended = self.child.try_wait().expect("it is ours");
            assert!(ended.is_none(), "it ended: {}", self.log());
            tokio::task::yield_now().await;
            asks = TcpStream::connect(self.address()).await.is_ok()
                && self.get(None).await.status == 401;
        }
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.places.proxy))
    }

    fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.places.folder.path().join(name));
        read("log").unwrap_or_default() + &read("error.log").unwrap_or_default()
    }

    /// A request of a caller who claims to be somebody.
    async fn get(&self, credential: Option<&str>) -> Answer {
        let authorization =
            credential.map(|text| format!("Authorization: Bearer {text}\r\n")).unwrap_or_default();
        let claims: String =
            SAID.iter().map(|name| format!("X-Auth-{name}: claimed\r\n")).collect();
        let request = format!(
            "GET /things HTTP/1.1\r\nHost: api.test\r\n{authorization}{claims}Connection: close\r\n\r\n"
        );
        ask(self.address(), request).await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The backend: everything it was told of its caller.
async fn say_who(headers: HeaderMap) -> String {
    let said = |name: &&str| {
        let all: Vec<&str> = headers
            .get_all(format!("x-auth-{name}"))
            .iter()
            .map(|value| value.to_str().expect("text"))
            .collect();
        format!("{name}={}", all.join(","))
    };
    SAID.iter().map(said).collect::<Vec<_>>().join(" ")
}

/// Keyhaven behind a socket, on a free port.
async fn in_front_of(server: &Server) -> SmallServer {
    SmallServer::start_with(routes::public(server.app.clone()), |_| ()).await
}

/// What every proxy must do with the configuration of its document. How it names the word of a
/// refusal and whether it tells a caller who is let through of its limits differ.
async fn keeps_the_rules(server: &Server, proxy: &Proxy) {
    let limits = json!([{"name": "burst", "limit": 2, "window": 60}]);
    let key = server.a_key(json!({"rate_limits": limits})).await;
    let narrow = server.a_key(json!({"scopes": "other"})).await;

    let answer = proxy.get(Some(&key.text)).await;
    assert_eq!(answer.status, 200, "{answer:?} {}", proxy.log());
    let tenant = server.organization;
    let expected =
        format!("subject={tenant} client= user= organization={tenant} project= scopes=read write");
    assert_eq!(answer.body, expected, "what the caller claimed is overwritten");

    assert_eq!(proxy.get(None).await.status, 401);
    assert_eq!(proxy.get(Some("kh_key_x")).await.status, 401);
    let answer = proxy.get(Some(&narrow.text)).await;
    assert_eq!((answer.status, answer.field("x-auth-reason")), (403, Some("insufficient_scope")));

    assert_eq!(proxy.get(Some(&key.text)).await.status, 200);
    let answer = proxy.get(Some(&key.text)).await;
    assert_eq!((answer.status, answer.field("retry-after")), (429, Some("30")), "{answer:?}");

    let (token, path) = (server.an_administrator().await, format!("/v1/keys/{}", key.id));
    server.ask("DELETE", &path).bearer(&token).send().await.expect(200);
    assert_eq!(proxy.get(Some(&key.text)).await.status, 401);
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A program among the Python packages of the clients, where `cargo xtask setup` puts it.
fn packaged(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_keyhaven")).ancestors().nth(2).expect("target");
    target.join("clients/python/bin").join(name)
}
