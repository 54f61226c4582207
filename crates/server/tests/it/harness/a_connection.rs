//! A connector over the fake provider, and an administrator who uses it: what tests of connections
//! begin with.

use keyhaven_fake_provider::{Fake, Reuse, Rules};
use serde_json::{Value, json};

use super::{AClient, Answer, Server, the};

/// What a server needs to reach the fake provider of a test.
pub(crate) const REACHABLE: &[(&str, &str)] =
    &[("egress_allow", "127.0.0.1"), ("connector_return_origins", "https://hub.example")];

/// An organization's connector at a provider of the test's own.
pub(crate) struct Connector {
    /// The provider.
    pub(crate) fake: Fake,
    /// The connector's id.
    pub(crate) id: String,
    admin: AClient,
}

impl Server {
    /// A server that may reach a fake provider.
    pub(crate) async fn with_providers() -> Self {
        Self::with(REACHABLE).await
    }

    /// A connector of the test's organization at a new fake provider.
    pub(crate) async fn a_connector(&self) -> Connector {
        self.a_connector_with(Rules::default(), json!({}), json!({})).await
    }

    /// As [`Self::a_connector`], with the provider's ways, more of its definition, and more of the
    /// connector.
    pub(crate) async fn a_connector_with(
        &self,
        rules: Rules,
        definition: Value,
        more: Value,
    ) -> Connector {
        self.a_connector_at("fake", rules, definition, more).await
    }

    /// As [`Self::a_connector_with`], with a key of the provider's own: one of several.
    pub(crate) async fn a_connector_at(
        &self,
        key: &str,
        rules: Rules,
        definition: Value,
        more: Value,
    ) -> Connector {
        let fake = Fake::start(rules).await.expect("the fake provider starts");
        let admin = self.a_client().scopes("keyhaven:admin connector:read").build().await;
        let connector = Connector { fake, id: String::new(), admin };
        let mut defined = connector.fake.definition(key);
        merge(&mut defined, definition);
        let path = format!("/v1/organizations/{}/providers/{key}", self.organization);
        let body = json!({ "definition": defined });
        self.ask("PUT", &path).bearer(&connector.admin(self).await).json(body).await.expect(200);
        let mut body = json!({
            "provider": key, "name": "Fake", "client_id": "fake-client",
            "client_secret": "fake-client-secret", "scopes": ["read"],
        });
        merge(&mut body, more);
        let made = self
            .post("/v1/connectors")
            .bearer(&connector.admin(self).await)
            .json(body)
            .await
            .expect(201);
        Connector { id: the(&made["id"]), ..connector }
    }
}

impl Connector {
    /// A token of an administrator of the test's organization. It lives for minutes only.
    pub(crate) async fn admin(&self, server: &Server) -> String {
        self.token_for(server, "keyhaven:admin").await
    }

    /// As [`Self::admin`], with other scopes of the same client.
    pub(crate) async fn token_for(&self, server: &Server, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let answer = server.post("/oauth2/token").basic(&self.admin).form(&form).await;
        the(&answer.expect(200)["access_token"])
    }

    /// Starts a flow for nobody in particular, as a program does.
    pub(crate) async fn start(&self, server: &Server) -> String {
        let path = format!("/v1/connectors/{}/authorization", self.id);
        let started =
            server.post(&path).bearer(&self.admin(server).await).json(json!({})).await.expect(200);
        the(&started["authorization_url"])
    }

    /// Connects the account that is signed in at the provider; the connection's id.
    pub(crate) async fn connect(&self, server: &Server) -> String {
        // What happens in one millisecond has no order in a timeline.
        server.present.pass_millis(1);
        let url = self.start(server).await;
        let back = self.fake.consent(&url).expect("consent");
        let answer = server.get(path_of(&back)).send().await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        self.connections(server).await.pop().expect("a connection")
    }

    /// The ids of the connector's connections, oldest first.
    pub(crate) async fn connections(&self, server: &Server) -> Vec<String> {
        let path = format!("/v1/connections?connector={}", self.id);
        let listed = server.get(&path).bearer(&self.admin(server).await).send().await.expect(200);
        let items = listed["items"].as_array().expect("a list");
        items.iter().map(|one| the(&one["id"])).collect()
    }

    /// Asks for a connection's token.
    pub(crate) async fn token(&self, server: &Server, connection: &str) -> Answer {
        self.token_with(server, connection, json!({})).await
    }

    /// As [`Self::token`], with a wish.
    pub(crate) async fn token_with(
        &self,
        server: &Server,
        connection: &str,
        wish: Value,
    ) -> Answer {
        let path = format!("/v1/connections/{connection}/token");
        server.post(&path).bearer(&self.admin(server).await).json(wish).await
    }

    /// The text of a connection's token.
    pub(crate) async fn access(&self, server: &Server, connection: &str) -> String {
        the(&self.token(server, connection).await.expect(200)["access_token"])
    }

    /// A connection as it is shown.
    pub(crate) async fn shown(&self, server: &Server, connection: &str) -> Value {
        let path = format!("/v1/connections/{connection}");
        server.get(&path).bearer(&self.admin(server).await).send().await.expect(200)
    }

    /// What its timeline says, oldest first.
    pub(crate) async fn timeline(&self, server: &Server, connection: &str) -> Vec<String> {
        let path = format!("/v1/connections/{connection}/timeline");
        let listed = server.get(&path).bearer(&self.admin(server).await).send().await.expect(200);
        let items = listed["items"].as_array().expect("a list");
        items.iter().rev().map(|one| the(&one["what"])).collect()
    }
}

/// A provider whose spent refresh tokens still answer, for `grace` seconds by its definition.
pub(crate) fn forgiving(grace: &str) -> (Rules, Value) {
    let rules = Rules { reuse: Reuse::Forgive, ..Rules::default() };
    (rules, json!({ "refresh": { "kind": "rotating", "reuse_grace": grace } }))
}

/// The path of one of our own URLs.
pub(crate) fn path_of(url: &str) -> &str {
    url.strip_prefix(super::ISSUER).unwrap_or_else(|| panic!("{url} is not ours"))
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}
