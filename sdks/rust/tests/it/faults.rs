//! The shared fault server (`sdks/wire/server.mjs`), one process for each test that asks.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// What a token endpoint grants.
pub(crate) fn token(name: &str) -> Value {
    json!({"status": 200, "body": {"access_token": name, "expires_in": 600}})
}

/// The form that a request carried.
pub(crate) fn form(request: &Value) -> Value {
    let text = request["body"].as_str().expect("a body");
    let url = reqwest::Url::parse(&format!("http://x.example/?{text}")).expect("a form");
    url.query_pairs().map(|(name, value)| (name.into_owned(), json!(value))).collect()
}

/// A fault server; it ends with this.
pub(crate) struct Faults {
    process: Child,
    origin: String,
}

/// Answers that were told, and where.
pub(crate) struct Told {
    pub(crate) url: String,
    control: String,
}

impl Faults {
    pub(crate) fn start() -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/server.mjs");
        let mut process = Command::new("node")
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs the fault server");
        let mut port = String::new();
        let output = process.stdout.take().expect("its output is ours");
        BufReader::new(output).read_line(&mut port).expect("it prints its port");
        Self { process, origin: format!("http://127.0.0.1:{}", port.trim()) }
    }

    /// Says what to answer.
    pub(crate) async fn tell(&self, name: &str, answers: &Value) -> Told {
        let control = format!("{}/control/{name}", self.origin);
        let put = reqwest::Client::new().put(&control).body(answers.to_string());
        put.send().await.expect("the fault server listens");
        Told { url: format!("{}/s/{name}", self.origin), control }
    }
}

impl Told {
    /// Lets the server describe itself (RFC 8414).
    pub(crate) async fn describe(&self, body: &Value) {
        let answers = json!([{"status": 200, "body": body}]).to_string();
        let put = reqwest::Client::new().put(format!("{}.metadata", self.control)).body(answers);
        put.send().await.expect("the fault server listens");
    }

    /// What came.
    pub(crate) async fn came(&self) -> Vec<Value> {
        let answer = reqwest::get(&self.control).await.expect("the fault server answers");
        let body = answer.bytes().await.expect("a body");
        serde_json::from_slice(&body).expect("a list of requests")
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
