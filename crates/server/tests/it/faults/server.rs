//! The real binary as a child process. It is ended by its pid, and never outlives its test.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::installation::Installation;
use super::stopwatch::Stopwatch;

/// The promise: a node answers again this soon after any end (F01).
const RESTART: Duration = Duration::from_secs(5);

/// A running server.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
    /// The issuer it printed.
    pub(super) issuer: String,
    log: JoinHandle<()>,
    said: Said,
}

/// What a server has logged so far.
type Said = Arc<Mutex<String>>;

impl Server {
    /// Starts it on a free port and waits for its first line, within the promised time.
    pub(super) async fn start(installation: &Installation) -> Self {
        let started = Stopwatch::start();
        let server = Self::start_with(command(installation)).await;
        let (took, limit) = (started.elapsed(), RESTART);
        assert!(took < limit, "it took {took:?} to start");
        server
    }

    /// Starts a prepared command.
    pub(super) async fn start_with(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("the binary starts");
        let errors = child.stderr.take().expect("piped");
        let said = Said::default();
        let log = tokio::spawn(keep_reading(errors, said.clone()));
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let greeted = timeout(4 * RESTART, greeting(lines)).await.expect("it says where it is");
        let (issuer, lines) = greeted;
        tokio::spawn(drain(lines));
        let port = issuer.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), issuer, log, said }
    }

    /// What it has logged so far.
    pub(super) fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// As `kill -9`.
    pub(super) async fn kill(mut self) {
        self.child.start_kill().expect("it runs");
        self.child.wait().await.expect("it ends");
    }

    /// Sends SIGTERM.
    pub(super) fn ask_to_stop(&self) {
        self.signal("-TERM");
    }

    /// Stands still until it is killed.
    pub(super) fn pause(&self) {
        self.signal("-STOP");
    }

    fn signal(&self, signal: &str) {
        let mut kill = std::process::Command::new("kill");
        kill.args([signal, &self.pid().to_string()]);
        assert!(kill.status().expect("kill runs").success());
    }

    /// Waits for its end, at most `limit`.
    pub(super) async fn ended(mut self, limit: Duration) -> ExitStatus {
        timeout(limit, self.child.wait()).await.expect("it ends in time").expect("it is ours")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.log.abort();
    }
}

/// The command that serves an installation on free ports.
pub(super) fn command(installation: &Installation) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyhaven"));
    command.arg("--data").arg(installation.data()).arg("serve");
    command.args(["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"]);
    // Nothing of the test's own environment is a setting.
    command.env_clear().env("KEYHAVEN_LOG_LEVEL", "warn");
    if let Some(url) = installation.database() {
        command.args(["--database", url]);
    }
    command
}

/// Reads up to the line with the URL.
async fn greeting(
    mut lines: Lines<BufReader<ChildStdout>>,
) -> (String, Lines<BufReader<ChildStdout>>) {
    while let Some(line) = lines.next_line().await.expect("text") {
        if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://")) {
            return (url.to_owned(), lines);
        }
    }
    panic!("it ended without saying where it is");
}

/// What it says must not fill a pipe; it is shown when the test fails.
#[expect(clippy::print_stderr, reason = "the server's own words, for whoever reads a failure")]
async fn keep_reading(errors: tokio::process::ChildStderr, said: Said) {
    let mut lines = BufReader::new(errors).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        eprintln!("server: {line}");
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&line);
        said.push('\n');
    }
}

async fn drain(lines: Lines<BufReader<ChildStdout>>) {
    let mut rest = Vec::new();
    let _ = lines.into_inner().take(64 << 20).read_to_end(&mut rest).await;
}
