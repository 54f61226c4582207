//! TLS by the binary itself: the same server as behind a proxy, a certificate that is renewed while it
//! runs, and authorities of the operator's own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Longer than a new certificate needs to be noticed on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A certificate for this machine and its key, as files.
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Pair {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { certificate: made.cert.der().to_vec(), key: made.signing_key.serialize_der() }
    }

    fn write(&self, folder: &Path) {
        std::fs::write(folder.join("key.pem"), pem("PRIVATE KEY", &self.key)).unwrap();
        std::fs::write(folder.join("cert.pem"), pem("CERTIFICATE", &self.certificate)).unwrap();
    }

    /// A client that believes this certificate and no other.
    #[expect(clippy::disallowed_methods, reason = "a test is its own caller")]
    fn believer(&self) -> reqwest::Client {
        let certificate = reqwest::Certificate::from_der(&self.certificate).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([certificate]);
        client
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn command(folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyhaven"));
    command.env_clear().envs(settings.iter().copied()).stdin(Stdio::null());
    command.arg("--data").arg(folder.join("data")).arg("serve");
    command.args(["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"]);
    command
}

fn with_tls(folder: &Path) -> Command {
    let path = |name: &str| folder.join(name).display().to_string();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    command(folder, &[("KEYHAVEN_TLS_CERTIFICATE", &certificate), ("KEYHAVEN_TLS_KEY", &key)])
}

/// A server that ends with the test, and where it is.
struct Running {
    _process: tokio::process::Child,
    _output: BufReader<tokio::process::ChildStdout>,
    url: String,
}

async fn serve(command: Command) -> Running {
    let mut command = tokio::process::Command::from(command);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut process = command.spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).await.unwrap();
    let url = line.split_whitespace().find(|word| word.contains("://")).unwrap().to_owned();
    Running { _process: process, _output: output, url }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn the_binary_speaks_tls_as_a_proxy_in_front_would() {
    let folder = TempDir::new().unwrap();
    let pair = Pair::new();
    pair.write(folder.path());
    let running = serve(with_tls(folder.path())).await;
    assert!(running.url.starts_with("https://localhost:"), "{}", running.url);
    let client = pair.believer();
    let document = format!("{}/.well-known/openid-configuration", running.url);
    let answer = client.get(&document).send().await.unwrap();
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    let document: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(document["issuer"], running.url.as_str());
    let page = client.get(format!("{}/login", running.url)).send().await.unwrap();
    let cookies = page.headers().get_all("set-cookie").iter();
    let cookies: Vec<_> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(!cookies.is_empty());
    assert!(cookies.iter().all(|cookie| cookie.contains("; Secure")), "{cookies:?}");
    // Nothing is answered without TLS.
    let port = running.url.rsplit(':').next().unwrap().parse().unwrap();
    let mut plain = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // The connection may be reset instead of closed; either way nothing was said in plain.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/"));
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_while_the_server_runs() {
    let folder = TempDir::new().unwrap();
    let (old, new) = (Pair::new(), Pair::new());
    old.write(folder.path());
    let running = serve(with_tls(folder.path())).await;
    let url = format!("{}/.well-known/jwks.json", running.url);
    assert!(old.believer().get(&url).send().await.is_ok());
    assert!(new.believer().get(&url).send().await.is_err());
    // Half of a renewal changes nothing.
    std::fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    assert!(old.believer().get(&url).send().await.is_ok());
    new.write(folder.path());
    let renewed = async {
        while new.believer().get(&url).send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.expect("the new certificate is served");
}

#[test]
fn certificates_that_cannot_serve_are_refused_at_start() {
    let folder = TempDir::new().unwrap();
    let (one, other) = (Pair::new(), Pair::new());
    let refused = |command: &mut Command, why: &str| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(why), "{}", said(&output));
    };
    refused(&mut with_tls(folder.path()), "cert.pem");
    one.write(folder.path());
    std::fs::write(folder.path().join("key.pem"), pem("PRIVATE KEY", &other.key)).unwrap();
    refused(&mut with_tls(folder.path()), "tls_certificate and tls_key");
    let path = folder.path().join("cert.pem").display().to_string();
    refused(
        &mut command(folder.path(), &[("KEYHAVEN_TLS_CERTIFICATE", &path)]),
        "tls_certificate needs tls_key",
    );
    one.write(folder.path());
    let mut contradicting = with_tls(folder.path());
    contradicting.env("KEYHAVEN_ISSUER", "http://localhost:8484");
    refused(&mut contradicting, "its URL begins with https://");
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    let empty = folder.path().join("empty.pem").display().to_string();
    refused(&mut command(folder.path(), &[("KEYHAVEN_EXTRA_CA", &empty)]), "no certificate in it");
}

#[tokio::test]
async fn what_widens_our_reach_is_announced_at_start() {
    let folder = TempDir::new().unwrap();
    Pair::new().write(folder.path());
    let authorities = folder.path().join("cert.pem").display().to_string();
    let settings = [
        ("KEYHAVEN_EXTRA_CA", authorities.as_str()),
        ("KEYHAVEN_EGRESS_ALLOW", "idp.internal, 10.1.0.0/16"),
        ("KEYHAVEN_LOG_FORMAT", "json"),
    ];
    let mut command = tokio::process::Command::from(command(folder.path(), &settings));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut said = String::new();
    let wanted = ["(extra_ca)", "idp.internal", "10.1.0.0/16"];
    let announced = async {
        while wanted.iter().any(|word| !said.contains(word)) {
            let line = log.next_line().await.unwrap();
            said += &line.expect("everything is announced before the log ends");
        }
    };
    tokio::time::timeout(PATIENCE, announced).await.expect("it is announced");
}
