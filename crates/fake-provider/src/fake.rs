//! A running fake provider, and what a test may tell it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::act::{Act, Endpoint};
use crate::authorize;
use crate::books::Books;
use crate::rules::Rules;
use crate::serve::{self, Shared};

/// A provider that runs until it is dropped.
pub struct Fake {
    shared: Shared,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// Starts one on a free port of this machine.
    pub async fn start(rules: Rules) -> io::Result<Self> {
        Self::start_at("127.0.0.1:0", rules).await
    }

    /// Starts one at `address`.
    pub async fn start_at(address: &str, rules: Rules) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Shared {
            books: Arc::new(Mutex::new(Books::new(rules))),
            url: format!("http://{address}").into(),
        };
        let task = tokio::spawn(serve::serve(listener, shared.clone()));
        Ok(Self { shared, address, task })
    }

    /// `http://127.0.0.1:PORT`: its issuer, and the beginning of all its URLs.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Where it listens; an operator's egress list must allow it.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A definition of it, as an organization would write one under `key`.
    #[must_use]
    pub fn definition(&self, key: &str) -> Value {
        let url = self.url();
        json!({
            "key": key,
            "name": "Fake provider",
            "facts": { "urls": "own" },
            "authorize": { "url": format!("{url}/authorize") },
            "callback": { "iss": url },
            "token": { "url": format!("{url}/token"), "auth": "basic" },
            "reply": { "expires": [
                { "at": "/expires_in" }, { "at": "/expires_at", "as": "epoch" },
            ] },
            "refresh": { "kind": "rotating" },
            "revoke": { "url": format!("{url}/revoke") },
            "account": { "url": format!("{url}/userinfo"), "id": "/sub", "label": "/email" },
            "api": { "base": format!("{url}/api/") },
        })
    }

    /// What the next request to `endpoint` meets; further calls queue up behind.
    pub fn next(&self, endpoint: Endpoint, act: Act) {
        self.shared.books().plan(endpoint, act);
    }

    /// What every request to `endpoint` meets for which nothing is queued; `None` for nothing.
    pub fn always(&self, endpoint: Endpoint, act: Option<Act>) {
        self.shared.books().plan_always(endpoint, act);
    }

    /// Changes its ways.
    pub fn change(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.shared.books().rules);
    }

    /// Who is signed in at it.
    pub fn sign_in(&self, account: &str) {
        account.clone_into(&mut self.shared.books().account);
    }

    /// How many requests `endpoint` has met, whatever became of them.
    #[must_use]
    pub fn requests(&self, endpoint: Endpoint) -> usize {
        self.counted(serve::word(endpoint))
    }

    /// How many code exchanges it has acted on.
    #[must_use]
    pub fn exchanges(&self) -> usize {
        self.counted("exchange")
    }

    /// How many refreshes it has acted on.
    #[must_use]
    pub fn refreshes(&self) -> usize {
        self.counted("refresh")
    }

    /// How many requests for a token without a user it has acted on: client credentials, assertions.
    #[must_use]
    pub fn remints(&self) -> usize {
        self.counted("remint")
    }

    /// Whose account an access token opens; `None` for one that opens nothing.
    #[must_use]
    pub fn account_of(&self, access: &str) -> Option<String> {
        self.shared.books().account_of(access).map(str::to_owned)
    }

    /// The most requests to `/token` that were under way at once.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.counted("most_at_once")
    }

    /// How many grants are alive.
    #[must_use]
    pub fn live_grants(&self) -> usize {
        self.shared.books().live_grants()
    }

    /// Ends the grant that a token of either kind belongs to, as a user does in their settings.
    pub fn end_grant(&self, token: &str) {
        self.shared.books().end(token);
    }

    /// Ends every grant.
    pub fn end_all_grants(&self) {
        self.shared.books().end_all();
    }

    /// Makes every access token worthless to the API.
    pub fn expire_access_tokens(&self) {
        self.shared.books().expire_access_tokens();
    }

    /// A grant as if a user had consented: an access and a refresh token.
    #[must_use]
    pub fn grant(&self, account: &str, scope: &str) -> (String, String) {
        let issued = self.shared.books().grant(account, scope, true);
        (issued.access, issued.refresh.unwrap_or_default())
    }

    /// Where a browser sent to `authorization_url` is sent back to; `None` if a page is shown.
    #[must_use]
    pub fn consent(&self, authorization_url: &str) -> Option<String> {
        let query = authorization_url.split_once('?')?.1;
        let mut books = self.shared.books();
        books.count(serve::word(Endpoint::Authorize));
        let act = books.act(Endpoint::Authorize);
        let issuer = match act {
            Some(Act::WrongIssuer) => "https://another-issuer.example",
            _ => &self.shared.url,
        };
        authorize::authorize(&mut books, query, issuer).location
    }

    fn counted(&self, what: &str) -> usize {
        self.shared.books().counts.get(what).copied().unwrap_or_default()
    }
}
