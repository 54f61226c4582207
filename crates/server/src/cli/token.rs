//! `keyhaven token inspect`: what a token says, and whether it counts, by the same check that every
//! endpoint asks. The token itself is never printed.

use std::io::Read;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use keyhaven_protocol::credential::{self, Kind};
use serde_json::{Value, json};

use super::caller::{Ask, Caller};
use super::explain::with_hint;
use super::print::Printer;
use super::refused::Refused;

/// A token has at most this many bytes.
const MOST: u64 = 64 * 1024;

/// A running server writes explanations beside the requests: this often it is asked again.
const ATTEMPTS: u32 = 20;

const FIELDS: &[&str] = &[
    "alive",
    "kind",
    "format",
    "note",
    "rule",
    "hint",
    "compared",
    "code",
    "id",
    "client_id",
    "subject",
    "organization",
    "scopes",
    "audience",
    "issued_at",
    "expires_at",
    "grant",
];

/// Verbs on tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Say what a token is, whether it counts, and if not the exact rule that refuses it.
    Inspect(Inspect),
}

/// The token to inspect.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The token, or - to read it from the input, where no other process sees it.
    token: String,
}

impl Token {
    /// The issuer that the token names, if it is one that this computer may have served under.
    pub(super) fn issuer(&self) -> Option<String> {
        let Self::Inspect(inspect) = self;
        let claims = part(&inspect.token, 1)?;
        claims["iss"].as_str().map(str::to_owned)
    }

    /// Reads the token from the input, if it is to come from there.
    pub(super) fn read(self) -> Result<Self> {
        let Self::Inspect(Inspect { mut token }) = self;
        if token == "-" {
            token.clear();
            std::io::stdin().take(MOST).read_to_string(&mut token)?;
        }
        Ok(Self::Inspect(Inspect { token: token.trim().to_owned() }))
    }

    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let Self::Inspect(Inspect { token }) = self;
        if token.is_empty() {
            bail!("there is no token to inspect");
        }
        let mut told = looks(&token);
        match caller.ask(Ask::post(&["check"], json!({ "credential": token }))).await {
            Ok(principal) => {
                merge(&mut told, principal);
                told["alive"] = json!(true);
                if !printer.is_json() {
                    told["claims"] = Value::Null;
                }
            }
            Err(error) => {
                let refused = error.downcast::<Refused>()?;
                if refused.document["reason"] != "invalid_token" {
                    return Err(refused.into());
                }
                told["alive"] = json!(false);
                let code = refused.code().context("the refusal has no code")?;
                told["code"] = json!(code);
                merge(&mut told, explained(caller, code).await);
            }
        }
        printer.item(&told, FIELDS)
    }
}

/// What can be seen without believing it.
fn looks(token: &str) -> Value {
    if let (Some(header), Some(claims)) = (part(token, 0), part(token, 1)) {
        return json!({ "kind": "jwt", "header": header, "claims": claims });
    }
    match credential::parse(token) {
        Some(presented) => {
            let (kind, id) = (presented.kind, presented.id.to_string());
            let mut told = json!({ "kind": kind.word(), "id": id });
            if kind != Kind::Access {
                told["note"] =
                    json!("only access tokens are checked; this is judged where it is used");
            }
            told
        }
        None => json!({ "kind": "unknown" }),
    }
}

/// One JSON part of a JWT.
fn part(token: &str, at: usize) -> Option<Value> {
    let text = token.split('.').nth(at)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

/// The rule behind a refusal, once it has been written down.
async fn explained(caller: &Caller, code: &str) -> Value {
    for _ in 0..ATTEMPTS {
        if let Ok(refusal) = caller.ask(Ask::get(&["refusals", code])).await {
            let refusal = with_hint(refusal);
            return json!({
                "rule": refusal["reason"],
                "compared": refusal["compared"],
                "hint": refusal["hint"],
            });
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    json!({})
}

fn merge(told: &mut Value, more: Value) {
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        let worth = more.into_iter().filter(|(name, value)| !value.is_null() && name != "active");
        told.extend(worth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_of_any_kind_is_unknown() {
        assert_eq!(looks("hello"), json!({ "kind": "unknown" }));
        assert_eq!(looks("a.b.c"), json!({ "kind": "unknown" }));
    }

    #[test]
    fn a_jwt_is_read_without_being_believed() {
        let told = looks("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwOi8vbG9jYWxob3N0OjEifQ.");
        assert_eq!(told["header"]["alg"], "none");
        assert_eq!(told["claims"]["iss"], "http://localhost:1");
    }
}
