//! `keyhaven-examples WORLD`: calls every operation of a world in order. It prints a line of JSON for
//! each: whether it went well, or the class of the error. What a debug log would show of all of it goes
//! into `WORLD.log`.

mod programs;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::File;
use std::io::Write as _;
use std::sync::OnceLock;

use keyhaven_sdk::{Client, Error, Kind, Security};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct World {
    #[serde(rename = "serverURL")]
    server_url: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    id: String,
    #[serde(default)]
    security: BTreeMap<String, String>,
    given: BTreeMap<String, String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("say which world")?;
    LOG.get_or_init(|| File::create(format!("{file}.log")).ok());
    let world: World = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let mut out = std::io::stdout();
    for step in &world.steps {
        writeln!(out, "{}", step.run(&world.server_url).await?)?;
    }
    Ok(())
}

impl Step {
    async fn run(&self, url: &str) -> Result<Value, Box<dyn std::error::Error>> {
        let mut builder = Client::builder().server_url(url);
        if let Some(bearer) = self.security.get("bearer") {
            builder = builder.security(Security::bearer(bearer.as_str()));
        }
        if let Some(name) = self.security.get("username") {
            let password = self.security.get("password").cloned().unwrap_or_default();
            builder = builder.security(Security::basic(name.as_str(), password.as_str()));
        }
        let client = builder.build()?;
        debug(&self.id, &client);
        let given = |name: &str| self.given.get(name).cloned().unwrap_or_default();
        let called = programs::call(&self.id, &client, &given).await;
        if let Some(Err(error)) = &called {
            debug(&self.id, error);
        }
        Ok(match called.ok_or_else(|| format!("no program for {}", self.id))? {
            Ok(_) => json!({"id": self.id, "ok": true}),
            Err(error) => json!({
                "id": self.id, "ok": false, "error": class(&error), "status": error.status(),
                "message": error.to_string(),
            }),
        })
    }
}

/// The class of an error, as the other SDKs call it.
fn class(error: &Error) -> String {
    match error.kind() {
        Kind::Refused => error.refusal().map(|told| told.name().to_owned()).unwrap_or_default(),
        Kind::Api => "APIError".to_owned(),
        Kind::Connection => "ConnectionError".to_owned(),
        Kind::Timeout => "RequestTimeoutError".to_owned(),
        Kind::InvalidRequest => "InvalidRequestError".to_owned(),
        Kind::ResponseValidation => "ResponseValidationError".to_owned(),
        kind => format!("{kind:?}"),
    }
}

static LOG: OnceLock<Option<File>> = OnceLock::new();

/// What a debug log would show.
fn debug(what: &str, value: &impl Debug) {
    if let Some(Some(mut log)) = LOG.get().map(Option::as_ref) {
        drop(writeln!(log, "{what} {value:?}"));
    }
}

/// An answer as JSON.
fn shown(answer: &(impl serde::Serialize + Debug)) -> Value {
    debug("answer", answer);
    serde_json::to_value(answer).unwrap_or_default()
}

/// Members whose names are data.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
