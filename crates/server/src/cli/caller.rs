//! Who answers the command line: the routes of `/v1` in this process over the data directory, or a
//! running server by HTTP. Both speak the same wire, so a verb does not know which it is.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use keyhaven_protocol::scope::ADMIN;
use keyhaven_store::Reach;
use keyhaven_store::engine::Location;
use keyhaven_store::refusals::Explanation;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::ServiceExt;

use super::World;
use super::refused::Refused;
use crate::api::administrator::Administrator;
use crate::app::Shared;
use crate::config::{Config, Issuer, Setting};
use crate::refusals::RefusalLog;
use crate::{api, boot};

/// The most items one page of a list has.
const PAGE: usize = 100;

/// Whether an instance that is not there may be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    Allowed,
    Refused,
}

/// Who answers.
pub(super) enum Caller {
    InProcess(Box<InProcess>),
    Remote(Remote),
}

/// The routes over a store that this process opened.
pub(super) struct InProcess {
    app: Shared,
    router: Router,
    administrator: Administrator,
    refusals: Mutex<mpsc::Receiver<Explanation>>,
}

/// A running server.
pub(super) struct Remote {
    http: reqwest::Client,
    url: String,
    credential: String,
}

/// One request to `/v1`.
#[derive(Clone)]
pub(super) struct Ask {
    method: Method,
    path: String,
    query: String,
    body: Option<Value>,
}

impl Ask {
    /// A request to the path below `/v1` made of these segments.
    pub(super) fn new(method: Method, segments: &[&str]) -> Self {
        let mut path = String::from("/v1");
        for segment in segments {
            path.push('/');
            push_encoded(&mut path, segment);
        }
        Self { method, path, query: String::new(), body: None }
    }

    pub(super) fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments)
    }

    pub(super) fn post(segments: &[&str], body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::POST, segments) }
    }

    pub(super) fn patch(segments: &[&str], body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::PATCH, segments) }
    }

    pub(super) fn delete(segments: &[&str]) -> Self {
        Self::new(Method::DELETE, segments)
    }

    /// Gives it a body.
    pub(super) fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Adds a parameter, if there is a value for it.
    pub(super) fn with(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.query.push(if self.query.is_empty() { '?' } else { '&' });
            self.query.push_str(name);
            self.query.push('=');
            push_encoded(&mut self.query, value);
        }
        self
    }

    fn target(&self) -> String {
        format!("{}{}", self.path, self.query)
    }
}

impl Caller {
    /// Opens the instance that the configuration names. It does not matter whether a server runs on
    /// it: the database takes both.
    pub(super) async fn in_process(
        config: &Config,
        beginning: Beginning,
        world: World,
    ) -> Result<Self> {
        if beginning == Beginning::Refused {
            refuse_nothing(config)?;
        }
        let issuer = config.issuer_for(config.listen).as_str().to_owned();
        let node = boot::open(config, issuer, world.clock, world.dice).await?;
        node.app.store.known().share();
        Ok(Self::over(node))
    }

    /// The routes over an opened node.
    fn over(node: boot::Node) -> Self {
        let administrator = Administrator { reach: Reach::Instance, actor: actor() };
        let router = api::router(node.app.clone()).into_router();
        let refusals = Mutex::new(node.refusals);
        Self::InProcess(Box::new(InProcess { app: node.app, router, administrator, refusals }))
    }

    /// The routes beside a server in this process, whose jobs write its refusals down.
    pub(super) fn beside(app: Shared) -> Self {
        let (_, refusals) = RefusalLog::new();
        Self::over(boot::Node { app, refusals })
    }

    /// A running server, for the bearer of `credential` or the client in the environment.
    pub(super) async fn remote(url: &str, credential: Option<&str>, world: &World) -> Result<Self> {
        let url = Issuer::parse(url.trim_end_matches('/')).map_err(anyhow::Error::msg);
        let url = url.context("--url")?.as_str().to_owned();
        let http = client()?;
        let credential = match credential.or_else(|| world.variable("KEYHAVEN_CREDENTIAL")) {
            Some(credential) => credential.to_owned(),
            None => fetch_token(&http, &url, world).await?,
        };
        Ok(Self::Remote(Remote { http, url, credential }))
    }

    /// Asks, and returns the document of the answer; an answer without a body is null. A refusal
    /// is a [`Refused`].
    pub(super) async fn ask(&self, ask: Ask) -> Result<Value> {
        let (status, bytes) = match self {
            Self::InProcess(here) => here.answer(ask).await?,
            Self::Remote(there) => there.answer(ask).await?,
        };
        if !is_success(status) {
            return Err(Refused::read(status, &bytes).into());
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).context("the answer is not JSON")
    }

    /// Asks for a list, page by page, until `most` items are there or none is left. `next` tells
    /// where the rest begins.
    pub(super) async fn list(&self, ask: Ask, most: usize, cursor: Option<&str>) -> Result<Value> {
        let mut items = Vec::new();
        let mut next = cursor.map(str::to_owned);
        loop {
            let size = PAGE.min(most - items.len()).to_string();
            let ask = ask.clone().with("limit", Some(&size)).with("cursor", next.as_deref());
            let mut page = self.ask(ask).await?;
            next = page["next"].as_str().map(str::to_owned);
            if let Some(found) = page["items"].as_array_mut() {
                items.append(found);
            }
            if next.is_none() || items.len() >= most {
                break;
            }
        }
        Ok(match next {
            None => json!({ "items": items }),
            Some(next) => json!({ "items": items, "next": next }),
        })
    }

    /// Lets go of the database.
    pub(super) async fn close(self) {
        if let Self::InProcess(here) = self
            && let Err(error) = here.app.store.engine().close().await
        {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }
}

impl InProcess {
    async fn answer(&self, ask: Ask) -> Result<(u16, Vec<u8>)> {
        let target = ask.target();
        let mut request = Request::builder().method(ask.method).uri(target);
        let body = match &ask.body {
            None => Body::empty(),
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(serde_json::to_vec(body)?)
            }
        };
        let mut request = request.body(body)?;
        request.extensions_mut().insert(self.administrator.clone());
        let response = self.router.clone().oneshot(request).await?;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await?.to_bytes().to_vec();
        self.keep_refusals().await?;
        Ok((status, bytes))
    }

    /// What a server does by a job: our refusals can be explained, too.
    async fn keep_refusals(&self) -> Result<()> {
        let mut batch = Vec::new();
        {
            let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            while let Ok(refusal) = refusals.try_recv() {
                batch.push(refusal);
            }
        }
        if !batch.is_empty() {
            self.app.store.record_refusals(batch).await?;
        }
        Ok(())
    }
}

impl Remote {
    async fn answer(&self, ask: Ask) -> Result<(u16, Vec<u8>)> {
        let url = format!("{}{}", self.url, ask.target());
        let mut request = self.http.request(ask.method, url);
        request = request.header(AUTHORIZATION, format!("Bearer {}", self.credential));
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| unreached(&self.url, &error))?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().await?.to_vec()))
    }
}

const fn is_success(status: u16) -> bool {
    matches!(status, 200..300)
}

/// The client for the one server the operator named. It follows no redirects: a credential goes
/// where it was sent, or nowhere.
#[expect(clippy::disallowed_methods, reason = "the URL is the operator's own, not a stranger's")]
pub(super) fn client() -> Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(30))
        .user_agent(concat!("keyhaven/", env!("CARGO_PKG_VERSION")));
    client.build().context("the HTTP client cannot be made")
}

async fn fetch_token(http: &reqwest::Client, url: &str, world: &World) -> Result<String> {
    let (Some(id), Some(secret)) =
        (world.variable("KEYHAVEN_CLIENT_ID"), world.variable("KEYHAVEN_CLIENT_SECRET"))
    else {
        bail!(
            "--url needs an administrator's credential: --credential TOKEN, KEYHAVEN_CREDENTIAL, or \
             KEYHAVEN_CLIENT_ID and KEYHAVEN_CLIENT_SECRET"
        );
    };
    let form = [("grant_type", "client_credentials"), ("scope", ADMIN)];
    let request = http.post(format!("{url}/oauth2/token")).basic_auth(id, Some(secret)).form(&form);
    let response = request.send().await.map_err(|error| unreached(url, &error))?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await?;
    if !is_success(status) {
        return Err(Refused::read(status, &bytes).into());
    }
    let answer: Value = serde_json::from_slice(&bytes).context("the token answer is not JSON")?;
    let token = answer["access_token"].as_str().context("the token answer has no access_token")?;
    Ok(token.to_owned())
}

pub(super) fn unreached(url: &str, error: &reqwest::Error) -> anyhow::Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    anyhow::anyhow!("{url} cannot be reached: {cause}")
}

fn refuse_nothing(config: &Config) -> Result<()> {
    match boot::location(config) {
        Some(Location::Sqlite(directory)) if !directory.join("keyhaven.db").exists() => bail!(
            "there is no instance in {}. Begin one with `keyhaven serve` or `keyhaven org create`, \
             or name another by --data.",
            directory.display()
        ),
        _ => Ok(()),
    }
}

/// How the audit names whoever runs the command.
fn actor() -> String {
    let uid = rustix::process::getuid().as_raw();
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse::<u32>().ok()? == uid).then(|| name.to_owned())
    });
    format!("cli:{}", name.unwrap_or_else(|| uid.to_string()))
}

/// Percent-encodes all that is not unreserved (RFC 3986 §2.3).
fn push_encoded(path: &mut String, segment: &str) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment_of_the_path() {
        let ask = Ask::get(&["organizations", "../a b?c#d"]).with("limit", Some("1"));
        assert_eq!(ask.target(), "/v1/organizations/..%2Fa%20b%3Fc%23d?limit=1");
    }
}
