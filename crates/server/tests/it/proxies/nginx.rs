//! A real nginx with `docs/forward-auth/nginx.conf`, in front of a backend that says whom it was
//! told about.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use keyhaven::routes;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::Server;
use crate::small_server::SmallServer;
use crate::wire::{Answer, ask};

const DOCUMENTED: &str = include_str!("../../../../../docs/forward-auth/nginx.conf");

/// A proxy of the test's own.
struct Nginx {
    address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Nginx {
    async fn before(keyhaven: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (front, back) = (free_port(), free_port());
        let documented = DOCUMENTED
            .replace("127.0.0.1:8484", &keyhaven.to_string())
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{back}"))
            .replace("listen 8000;", &format!("listen 127.0.0.1:{front};"));
        let here = folder.path().display();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let paths = paths.map(|name| format!("{name}_temp_path {here}/{name};")).concat();
        let whole = format!(
            "daemon off; master_process off; pid {here}/pid; error_log {here}/error.log warn;
             events {{}}
             http {{
               access_log off; {paths}
               {documented}
               server {{
                 listen 127.0.0.1:{back};
                 location / {{
                   default_type text/plain;
                   return 200 \"subject=$http_x_auth_subject scopes=$http_x_auth_scopes\";
                 }}
               }}
             }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, whole).expect("a file");
        let child = Command::new(program())
            .arg("-e")
            .arg(folder.path().join("start.log"))
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .spawn()
            .expect("nginx is installed: cargo xtask setup");
        let address = SocketAddr::from(([127, 0, 0, 1], front));
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::task::yield_now().await;
        }
        Self { address, child, _folder: folder }
    }

    /// A request of a caller who claims to be somebody.
    async fn get(&self, credential: Option<&str>) -> Answer {
        let authorization =
            credential.map(|text| format!("Authorization: Bearer {text}\r\n")).unwrap_or_default();
        let request = format!(
            "GET /things HTTP/1.1\r\nHost: api.test\r\n{authorization}X-Auth-Subject: admin\r\n\
             X-Auth-Scopes: everything\r\nConnection: close\r\n\r\n"
        );
        ask(self.address, request).await
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> &'static str {
    let usual = "/usr/sbin/nginx";
    if std::path::Path::new(usual).exists() { usual } else { "nginx" }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_lets_through_whom_we_know_and_tells_refusals_apart() {
    let server = Server::start().await;
    let front = SmallServer::start_with(routes::public(server.app.clone()), |_| ()).await;
    let nginx = Nginx::before(front.address).await;
    let limits = json!([{"name": "burst", "limit": 2, "window": 60}]);
    let key = server.a_key(json!({"rate_limits": limits})).await;
    let narrow = server.a_key(json!({"scopes": "other"})).await;

    let answer = nginx.get(Some(&key.text)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = format!("subject={} scopes=read write", server.organization);
    assert_eq!(answer.body, expected, "what the caller claimed is overwritten");
    assert_eq!(answer.field("ratelimit"), Some("\"burst\";r=1;t=30"));

    assert_eq!(nginx.get(None).await.status, 401);
    assert_eq!(nginx.get(Some("kh_key_x")).await.status, 401);
    let answer = nginx.get(Some(&narrow.text)).await;
    assert_eq!((answer.status, answer.field("x-auth-reason")), (403, Some("insufficient_scope")));

    assert_eq!(nginx.get(Some(&key.text)).await.status, 200);
    let answer = nginx.get(Some(&key.text)).await;
    assert_eq!((answer.status, answer.field("retry-after")), (429, Some("30")));

    let (token, path) = (server.an_administrator().await, format!("/v1/keys/{}", key.id));
    server.ask("DELETE", &path).bearer(&token).send().await.expect(200);
    assert_eq!(nginx.get(Some(&key.text)).await.status, 401);
}
