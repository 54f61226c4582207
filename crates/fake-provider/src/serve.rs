//! Connections in, answers out.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Request as Message;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};

use crate::act::{Act, Endpoint};
use crate::answer::{self, Answer, Plain};
use crate::books::Books;
use crate::rules::Rules;
use crate::token::Request;
use crate::{authorize, token};

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) books: Arc<Mutex<Books>>,
    pub(crate) url: Arc<str>,
}

impl Shared {
    /// The books, whatever happened to whoever held them last.
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until the listener is dropped with its task.
pub(crate) async fn serve(listener: TcpListener, shared: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, shared.clone()));
    }
}

async fn converse(stream: TcpStream, shared: Shared) {
    let service = service_fn(move |message| {
        let shared = shared.clone();
        async move {
            let hung_up = || io::Error::other("hangs up");
            respond(&shared, message).await.ok_or_else(hung_up)
        }
    });
    // A connection that ends badly is what it is here for.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(shared: &Shared, message: Message<Incoming>) -> Answer {
    let (head, body) = message.into_parts();
    let path = head.uri.path().to_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let bytes = body.collect().await.ok()?.to_bytes();
    let header = |name: &str| Some(head.headers.get(name)?.to_str().ok()?.to_owned());
    let now = now() + shared.books().rules.clock_ahead;
    let date = http_date(now);
    if path == "/control" {
        return control(shared, &bytes).said(&date);
    }
    let Some(endpoint) = endpoint(&path) else {
        return Plain::page(404, "<h1>No page</h1>").said(&date);
    };
    let _place = (endpoint == Endpoint::Token).then(|| Place::taken(shared));
    let act = {
        let mut books = shared.books();
        books.count(word(endpoint));
        books.act(endpoint)
    };
    if let Some(act) = &act {
        wait(act).await;
        if let Some(said) = answer::instead(act, &date) {
            return said;
        }
    }
    let form = form_urlencoded::parse(&bytes).into_owned().collect::<HashMap<_, _>>();
    let request = Request { authorization: header("authorization"), form, now };
    let issuer = match act {
        Some(Act::WrongIssuer) => "https://another-issuer.example",
        _ => &shared.url,
    };
    let plain = {
        let mut books = shared.books();
        match endpoint {
            Endpoint::Authorize => authorize::authorize(&mut books, &query, issuer),
            Endpoint::Token => token::token(&mut books, &request),
            Endpoint::Revoke => token::revoke(&mut books, &request),
            Endpoint::Userinfo | Endpoint::Api => token::protected(&books, &request, &path),
        }
    };
    match act {
        Some(act) => plain.bent(&act, &date),
        None => plain.said(&date),
    }
}

/// A token request under way. It ends however it ends.
struct Place(Shared);

impl Place {
    fn taken(shared: &Shared) -> Self {
        shared.books().enter();
        Self(shared.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.books().leave();
    }
}

async fn wait(act: &Act) {
    match act {
        Act::Delay(ms) => tokio::time::sleep(Duration::from_millis(*ms)).await,
        Act::WaitFor(gate) => gate.pass().await,
        _ => {}
    }
}

fn endpoint(path: &str) -> Option<Endpoint> {
    Some(match path {
        "/authorize" => Endpoint::Authorize,
        "/token" => Endpoint::Token,
        "/revoke" => Endpoint::Revoke,
        "/userinfo" => Endpoint::Userinfo,
        _ if path.starts_with("/api/") => Endpoint::Api,
        _ => return None,
    })
}

/// The word under which requests to an endpoint are counted.
pub(crate) const fn word(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Authorize => "authorize",
        Endpoint::Token => "token",
        Endpoint::Revoke => "revoke",
        Endpoint::Userinfo => "userinfo",
        Endpoint::Api => "api",
    }
}

/// What other processes may tell it, since they cannot call its functions.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Control {
    rules: Option<Rules>,
    account: Option<String>,
    next: Vec<(Endpoint, Act)>,
    always: Vec<(Endpoint, Option<Act>)>,
    end_all_grants: bool,
    expire_access_tokens: bool,
}

/// `/control`: obeys, and says how often each endpoint was asked.
fn control(shared: &Shared, body: &[u8]) -> Plain {
    let text = if body.is_empty() { b"{}".as_slice() } else { body };
    let control: Control = match serde_json::from_slice(text) {
        Ok(control) => control,
        Err(error) => return Plain::refusal(400, "bad_control", &error.to_string()),
    };
    let mut books = shared.books();
    if let Some(rules) = control.rules {
        books.rules = rules;
    }
    if let Some(account) = control.account {
        books.account = account;
    }
    control.next.into_iter().for_each(|(endpoint, act)| books.plan(endpoint, act));
    control.always.into_iter().for_each(|(endpoint, act)| books.plan_always(endpoint, act));
    if control.end_all_grants {
        books.end_all();
    }
    if control.expire_access_tokens {
        books.expire_access_tokens();
    }
    Plain::json(200, &serde_json::json!(books.counts))
}

#[expect(clippy::disallowed_methods, reason = "another machine has a clock of its own")]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |span| i64::try_from(span.as_secs()).unwrap_or(i64::MAX))
}

/// RFC 9110 §5.6.7.
fn http_date(now: i64) -> String {
    let at = jiff::Timestamp::from_second(now).unwrap_or_default();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
