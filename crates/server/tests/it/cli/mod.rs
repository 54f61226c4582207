//! The real binary, as people and scripts run it: each test on a directory of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

mod beside;
mod connections;
mod documents;
mod keys;
mod looking;
mod nouns;

/// An instance that commands are run on.
pub(crate) struct Instance {
    folder: TempDir,
    data: PathBuf,
}

/// A server running on an instance. It ends with the test.
pub(crate) struct Running {
    process: Child,
    /// Held open: whoever prints into a closed pipe ends.
    _output: BufReader<ChildStdout>,
    pub(crate) url: String,
}

fn keyhaven() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyhaven"));
    command.env_clear().stdin(Stdio::null());
    command
}

impl Instance {
    /// A directory with an organization in it.
    pub(crate) fn begun() -> Self {
        let begun = Self::empty();
        begun.json(&["org", "create", "--name", "Acme Health"]);
        begun
    }

    /// A directory without an instance.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self { folder, data }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.data
    }

    /// What stands beside the directory.
    pub(crate) fn outside(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command on this directory.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        keyhaven().args(words).arg("--data").arg(self.path()).output().unwrap()
    }

    /// The document of a command that must succeed.
    #[track_caller]
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let output = self.run(&[words, &["--json"]].concat());
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{words:?}: {why}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// The document on the error output of a command that must fail.
    #[track_caller]
    pub(crate) fn refused(&self, words: &[&str]) -> Value {
        let output = self.run(&[words, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?} said something on stdout");
        serde_json::from_slice(&output.stderr).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Makes a client that gets tokens: its id and secret.
    pub(crate) fn client(&self, flags: &[&str]) -> (String, String) {
        let made = self.json(&[&["client", "create", "--name", "x"], flags].concat());
        (text(&made, "client_id"), text(&made, "client_secret"))
    }

    /// Starts the server and waits for its first line, which says where it is.
    pub(crate) fn serve(&self) -> Running {
        let mut command = keyhaven();
        command.args(["serve", "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"]);
        command.arg("--data").arg(self.path());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.expect("the first line names the URL").to_owned();
        Running { process, _output: output, url }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing more to do about it then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    /// Runs a command against this server by HTTP, as this client.
    pub(crate) fn run(&self, (id, secret): &(String, String), words: &[&str]) -> Output {
        let mut command = keyhaven();
        command.env("KEYHAVEN_CLIENT_ID", id).env("KEYHAVEN_CLIENT_SECRET", secret);
        command.args(words).args(["--url", &self.url, "--json"]).output().unwrap()
    }

    /// The document of a command that must succeed.
    #[track_caller]
    pub(crate) fn json(&self, client: &(String, String), words: &[&str]) -> Value {
        let output = self.run(client, words);
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{words:?}: {why}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A JSON POST, as an API behind the server would send it.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = http().post(format!("{}{path}", self.url)).json(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
    }

    /// A charge under a name; its status.
    pub(crate) async fn charge(&self, token: &str, name: &str, body: &Value) -> u16 {
        let request = http().post(format!("{}/v1/usage/charge", self.url)).bearer_auth(token);
        let request = request.header("idempotency-key", name).json(body);
        request.send().await.unwrap().status().as_u16()
    }

    /// An access token for a client.
    pub(crate) async fn token(&self, client: &(String, String)) -> String {
        self.token_for(client, "").await
    }

    /// An access token for a client, with this scope; what it may have anyway when that is empty.
    pub(crate) async fn token_for(&self, (id, secret): &(String, String), scope: &str) -> String {
        let request =
            http().post(format!("{}/oauth2/token", self.url)).basic_auth(id, Some(secret));
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend((!scope.is_empty()).then_some(("scope", scope)));
        let request = request.form(&form);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        text(&answer, "access_token")
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is its own caller")]
fn http() -> reqwest::Client {
    reqwest::Client::new()
}

#[track_caller]
pub(crate) fn text(document: &Value, member: &str) -> String {
    document[member].as_str().unwrap_or_else(|| panic!("no {member} in {document}")).to_owned()
}
