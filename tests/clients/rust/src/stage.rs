//! A server, an app's registration, and somebody with a browser: `tests/browser/stage.mjs`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use openidconnect::reqwest::blocking::Client;
use openidconnect::reqwest::redirect::Policy;
use openidconnect::url::Url;
use serde::Deserialize;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../browser/stage.mjs");

/// What the stage says of itself.
#[derive(Deserialize)]
pub struct Told {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    pub callback: String,
    pub bye: String,
    pub email: String,
    pub name: String,
}

pub struct Stage {
    pub told: Told,
    /// As both crates advise: it follows no redirects.
    pub http: Client,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Stage {
    pub fn open() -> Self {
        let mut command = Command::new("node");
        command.arg(PROGRAM).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("node runs");
        let input = process.stdin.take().expect("piped");
        let mut output = BufReader::new(process.stdout.take().expect("piped"));
        let told = serde_json::from_str(&read(&mut output)).expect("the stage's first line");
        let http = Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { told, http, process, input, output }
    }

    /// Opens `address` in the browser; where that led.
    pub fn visit(&mut self, address: &Url) -> Url {
        writeln!(self.input, "{address}").expect("the stage listens");
        read(&mut self.output).parse().expect("an address")
    }

    /// Sends the browser to an authorization endpoint; what it brings to the app.
    pub fn ask(&mut self, address: &Url) -> BTreeMap<String, String> {
        let landed = self.visit(address);
        assert!(landed.as_str().starts_with(&self.told.callback), "{landed}");
        landed.query_pairs().into_owned().collect()
    }

    pub fn close(self) {
        let Self { mut process, input, .. } = self;
        drop(input);
        assert!(process.wait().expect("the stage ends").success());
    }
}

fn read(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    let length = output.read_line(&mut line).expect("the stage writes");
    assert!(length > 0, "the stage ended; it says why above");
    line.trim().to_owned()
}
