//! Grants that work once: codes, refresh tokens, device codes, assertions. A repetition after a lost
//! answer looks like theft, unless the server gives the same tokens again to whoever repeats a request
//! under its key. Keyhaven says in its metadata that it does, for a minute.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::Token;
use super::endpoint::{ClientCredentials, Form};
use crate::client::plain_http;
use crate::error::{Error, Kind};
use crate::send::new_key;

/// How long after the first try a repetition may go out; the server keeps its answer for a minute.
const WINDOW: Duration = Duration::from_secs(45);
const DISCOVERY: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;

/// What is known of servers, and the keys of requests that got no answer: whoever asks the same again
/// uses the same.
#[derive(Default)]
struct Known {
    unanswered: HashMap<String, (String, Instant)>,
    servers: HashMap<String, bool>,
}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    /// The key of a request, and until when it may be repeated.
    fn key_of(&mut self, words: &str) -> (String, Instant) {
        let now = Instant::now();
        self.unanswered.retain(|_, (_, until)| now < *until);
        let fresh = || (new_key(), now + WINDOW);
        self.unanswered.entry(words.to_owned()).or_insert_with(fresh).clone()
    }
}

/// What a server says of itself (RFC 8414), as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    #[serde(default)]
    token_endpoint: String,
    #[serde(default)]
    keyhaven_idempotent_tokens: bool,
}

impl ClientCredentials {
    /// Asks for a token by a grant that works once; again when no answer came and the server is ours.
    pub(super) async fn ask_once(&self, form: Form) -> Result<Token, Error> {
        if !self.is_ours().await {
            return self.ask(form, None).await;
        }
        let words = format!("{} {} {form:?}", self.token_endpoint(), self.id);
        let (key, until) = known().key_of(&words);
        let mut tries = 1;
        loop {
            // Each time anew: a proof of the client's is good once.
            let asked = self.ask(form.clone(), Some(&key)).await;
            let Some(told) = asked.as_ref().err().and_then(lost) else {
                known().unanswered.remove(&words);
                return asked;
            };
            let bound = Duration::from_millis(500 << (tries - 1));
            let wait = bound.mul_f64(fastrand::f64()).max(told);
            if tries == TRIES || Instant::now() + wait > until {
                return asked;
            }
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }

    /// Whether the server's metadata says that it is one of ours. Asked once.
    async fn is_ours(&self) -> bool {
        if let Some(ours) = self.ours {
            return ours;
        }
        let name = format!("{} {}", self.issuer, self.token_endpoint());
        let answer = known().servers.get(&name).copied();
        if let Some(ours) = answer {
            return ours;
        }
        // A server that cannot be asked is nobody's until it can.
        let Some(ours) = self.described_as_ours().await else { return false };
        known().servers.insert(name, ours);
        ours
    }

    async fn described_as_ours(&self) -> Option<bool> {
        let issuer = self.issuer.trim_end_matches('/');
        let Ok(mut place) = reqwest::Url::parse(issuer) else { return Some(false) };
        let path = place.path().trim_end_matches('/').to_owned();
        place.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        let request = plain_http().ok()?.get(place).timeout(DISCOVERY);
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let body = answer.bytes().await.ok()?;
        if status.is_server_error() {
            return None;
        }
        let told = serde_json::from_slice::<Metadata>(&body).ok().filter(|_| status == 200);
        Some(told.is_some_and(|told| {
            told.keyhaven_idempotent_tokens
                && told.issuer == issuer
                && told.token_endpoint == self.token_endpoint()
        }))
    }
}

/// How long to wait at least, if the server may have acted although we hear no answer to that.
fn lost(error: &Error) -> Option<Duration> {
    let is_lost = matches!(error.kind(), Kind::Connection | Kind::Timeout)
        || matches!(error.status(), Some(408 | 425 | 429 | 502 | 503 | 504));
    is_lost.then(|| error.retry_after().unwrap_or_default())
}
