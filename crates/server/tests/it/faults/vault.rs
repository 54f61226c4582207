//! A connector at a fake provider, for faults that are tried on the real binary.

use std::collections::BTreeSet;
use std::time::Duration;

use hyper::Method;
use keyhaven_fake_provider::{Fake, Reuse, Rules};
use keyhaven_protocol::scope::Scopes;
use keyhaven_store::{Outcome, Reach};
use serde_json::{Value, json};
use tokio::process::Command;

use super::installation::{As, Installation, Registered, origin, register};
use super::server::{Server, command};
use super::stopwatch::{Stopwatch, real_clock};
use super::wire::{Answer, Caller, Order};

/// A connection that does not mend for so long does not mend. Longer than two leases.
const MENDED_WITHIN: Duration = Duration::from_secs(90);

/// A provider, its connector in an installation, and who administers it.
pub(super) struct Vault {
    pub(super) fake: Fake,
    pub(super) connector: String,
    pub(super) organization: String,
    admin: Registered,
}

/// An administrator at one server.
pub(super) struct Session {
    caller: Caller,
    token: String,
}

impl Vault {
    /// Registers provider and connector in a new installation, through a server that is gone
    /// afterwards. `grace` is what the provider's definition says of spent refresh tokens.
    pub(super) async fn furnish(installation: &Installation, rules: Rules, grace: &str) -> Self {
        let admin = administrator(installation).await;
        let fake = Fake::start(rules).await.expect("the fake provider starts");
        let empty = String::new();
        let mut vault = Self { fake, connector: empty.clone(), organization: empty, admin };
        let server = vault.serve(installation).await;
        let mut session = vault.session(&server).await;
        let body = json!({ "name": "North Health", "slug": "north" });
        vault.organization = session.post("/v1/organizations", &body).await.text("id");
        let mut definition = vault.fake.definition("fake");
        definition["refresh"] = json!({ "kind": "rotating", "reuse_grace": grace });
        let path = format!("/v1/organizations/{}/providers/fake", vault.organization);
        let put = session.ask(Method::PUT, path, &json!({ "definition": definition })).await;
        assert_eq!(put.status, 200, "{put:?}");
        let body = json!({
            "organization": vault.organization, "provider": "fake", "name": "Fake",
            "client_id": "fake-client", "client_secret": "fake-client-secret", "scopes": ["read"],
        });
        vault.connector = session.post("/v1/connectors", &body).await.text("id");
        server.kill().await;
        vault
    }

    /// The command of a server that may reach the provider.
    pub(super) fn command(&self, installation: &Installation) -> Command {
        let mut command = command(installation);
        command.env("KEYHAVEN_EGRESS_ALLOW", self.fake.address().to_string());
        command
    }

    pub(super) async fn serve(&self, installation: &Installation) -> Server {
        Server::start_with(self.command(installation)).await
    }

    pub(super) async fn session(&self, server: &Server) -> Session {
        let mut caller = Caller::patient(server.address);
        let order = Order::issue_for(&self.admin, "keyhaven:admin");
        let token = caller.ask(&order).await.text("access_token");
        Session { caller, token }
    }

    /// Takes over a grant of the provider's that has no access token yet; the connection's id.
    pub(super) async fn import(&self, session: &mut Session, account: &str) -> String {
        let (_, refresh) = self.fake.grant(account, "read");
        let body = json!({
            "connector": self.connector, "account": account, "refresh_token": refresh,
            "scopes": ["read"],
        });
        session.post("/v1/connections", &body).await.text("id")
    }
}

impl Session {
    pub(super) fn bearer(&self) -> &str {
        &self.token
    }

    pub(super) async fn ask(&mut self, method: Method, path: String, body: &Value) -> Answer {
        self.caller.ask(&Order::bearing(method, path, &self.token, body)).await
    }

    /// Makes something that is not there yet.
    pub(super) async fn post(&mut self, path: &str, body: &Value) -> Answer {
        let made = self.ask(Method::POST, path.to_owned(), body).await;
        assert!(matches!(made.status, 200 | 201), "{path}: {made:?}");
        made
    }

    pub(super) async fn get(&mut self, path: String) -> Value {
        let found = self.ask(Method::GET, path, &Value::Null).await;
        assert_eq!(found.status, 200, "{found:?}");
        found.body
    }

    /// Asks for a connection's token.
    pub(super) async fn token(&mut self, connection: &str) -> Answer {
        let path = format!("/v1/connections/{connection}/token");
        self.ask(Method::POST, path, &json!({})).await
    }

    /// Asks until there is a token; in between it may only hear "not now".
    pub(super) async fn token_at_last(&mut self, connection: &str) -> String {
        let since = Stopwatch::start();
        loop {
            let answer = self.token(connection).await;
            if answer.status == 200 {
                return answer.text("access_token");
            }
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.retry_after.is_some(), "{answer:?}");
            assert!(since.elapsed() < MENDED_WITHIN, "it does not mend: {answer:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(super) async fn status(&mut self, connection: &str) -> String {
        let shown = self.get(format!("/v1/connections/{connection}")).await;
        shown["status"].as_str().expect("a status").to_owned()
    }

    /// What its timeline says, without order.
    pub(super) async fn told(&mut self, connection: &str) -> BTreeSet<String> {
        let told = self.get(format!("/v1/connections/{connection}/timeline")).await;
        let events = told["items"].as_array().expect("a list").iter();
        events.map(|event| event["what"].as_str().expect("a word").to_owned()).collect()
    }
}

/// A provider that answers the token spent last once more, and ends a grant whose older one is sent.
pub(super) fn forgives_the_last() -> Rules {
    Rules { reuse: Reuse::ForgiveLast, ..Rules::default() }
}

async fn administrator(installation: &Installation) -> Registered {
    let node = installation.open(real_clock(0)).await;
    let admin = register(&node, As::Jwt).await;
    let (app, store) = (&node.app, &node.app.store);
    let found = store.find_client_record(Reach::Instance, admin.client.id).await.expect("reads");
    let before = found.expect("the client is there");
    let mut after = before.clone();
    after.client.scopes = Scopes::parse("keyhaven:admin").expect("a scope");
    let act = app.act("test", &origin());
    let changed = store.update_client(&before, &after, "{}", act).await.expect("commits");
    assert_eq!(changed, Outcome::Done);
    store.engine().close().await.expect("closes");
    admin
}

/// Waits until something holds; gives up after a time no machine needs.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let since = Stopwatch::start();
    while !holds() {
        assert!(since.elapsed() < MENDED_WITHIN, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
