//! A client as a test needs it: sound unless the test says otherwise.

use keyhaven_protocol::client::{AuthMethod, Client, Profile, Standing, TokenFormat};
use keyhaven_protocol::id::{ClientId, GroupId, OrganizationId};
use keyhaven_protocol::relying_party::RelyingParty;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::client_secrets::NewSecret;
use keyhaven_store::clients::ClientRecord;
use keyhaven_store::groups::Group;
use keyhaven_store::{Outcome, Reach};

use super::Server;

/// A registered client and what it knows.
#[derive(Clone)]
pub(crate) struct AClient {
    /// Its `client_id`.
    pub(crate) id: String,
    /// Its secret; empty for a client without one.
    pub(crate) secret: String,
    /// Its id.
    pub(crate) key: ClientId,
    /// Its groups, oldest first.
    pub(crate) groups: Vec<GroupId>,
}

impl AClient {
    /// Disables or alters it, as an administrator does.
    pub(crate) async fn alter(&self, server: &Server, edit: impl FnOnce(&mut ClientRecord)) {
        let store = &server.app().store;
        let before = store.find_client_record(Reach::Instance, self.key).await;
        let before = before.expect("storage works").expect("the client is there");
        let mut after = before.clone();
        edit(&mut after);
        let outcome = store.update_client(&before, &after, "{}", server.act()).await;
        assert_eq!(outcome.expect("storage works"), Outcome::Done);
    }

    /// Deletes it.
    pub(crate) async fn delete(&self, server: &Server) {
        let store = &server.app().store;
        let client = store.find_client(self.key).await.expect("storage works");
        let client = client.expect("the client is there");
        let outcome = store.delete_client(&client, server.act()).await;
        assert_eq!(outcome.expect("storage works"), Outcome::Done);
    }
}

/// A client that is being described.
pub(crate) struct Building<'a> {
    server: &'a Server,
    record: ClientRecord,
    groups: Vec<&'static str>,
}

impl<'a> Building<'a> {
    pub(super) fn new(server: &'a Server) -> Self {
        let id = ClientId(server.app().id());
        let client = Client {
            id,
            public_id: id.to_string(),
            organization: Some(server.organization),
            name: "A test's".into(),
            standing: Standing::Active,
            profile: Profile::Strict,
            auth_method: AuthMethod::Basic,
            secrets: Vec::new(),
            assertion_alg: None,
            keys: None,
            keys_uri: None,
            grant_types: vec!["client_credentials".into(), "refresh_token".into()],
            scopes: Scopes::parse("read write").expect("sound scopes"),
            audience: None,
            token_format: TokenFormat::Jwt,
            token_alg: "ES256".into(),
            access_ttl: Seconds(300),
            refresh_idle: Seconds(1_000),
            refresh_absolute: Seconds(5_000),
            refresh_grace: Seconds(90),
            not_before: Timestamp(0),
            party: RelyingParty::default(),
        };
        let record = ClientRecord {
            client,
            groups: Vec::new(),
            created_at: server.app().clock.now(),
            disabled_at: None,
            revision: 1,
        };
        Self { server, record, groups: Vec::new() }
    }

    /// Alters what the methods below do not name.
    pub(crate) fn but(mut self, edit: impl FnOnce(&mut Client)) -> Self {
        edit(&mut self.record.client);
        self
    }

    /// Its access tokens are references.
    pub(crate) fn opaque(self) -> Self {
        self.but(|client| client.token_format = TokenFormat::Opaque)
    }

    /// It keeps no secret.
    pub(crate) fn public(self) -> Self {
        self.but(|client| client.auth_method = AuthMethod::None)
    }

    /// It sends its secret in the body.
    pub(crate) fn post(self) -> Self {
        self.but(|client| client.auth_method = AuthMethod::Post)
    }

    /// It signs assertions with the private half of `keys`, a JWK Set.
    pub(crate) fn assertions(self, keys: &str, alg: &str) -> Self {
        self.but(|client| {
            client.auth_method = AuthMethod::PrivateKeyJwt;
            client.keys = Some(keys.into());
            client.assertion_alg = Some(alg.into());
        })
    }

    /// It may ask for these scopes.
    pub(crate) fn scopes(self, text: &str) -> Self {
        self.but(|client| client.scopes = Scopes::parse(text).expect("sound scopes"))
    }

    /// Its tokens are for this resource.
    pub(crate) fn audience(self, audience: &str) -> Self {
        self.but(|client| client.audience = Some(audience.into()))
    }

    /// It may use these grant types only.
    pub(crate) fn grants(self, names: &[&str]) -> Self {
        self.but(|client| {
            client.grant_types = names.iter().map(|name| (*name).to_owned()).collect();
        })
    }

    /// It belongs to this tenant.
    pub(crate) fn of(self, organization: OrganizationId) -> Self {
        self.but(|client| client.organization = Some(organization))
    }

    /// It is tied to a new group of this name.
    pub(crate) fn group(mut self, name: &'static str) -> Self {
        self.groups.push(name);
        self
    }

    /// Registers it.
    pub(crate) async fn build(mut self) -> AClient {
        let app = self.server.app();
        for name in std::mem::take(&mut self.groups) {
            let id = make_group(self.server, &self.record.client, name).await;
            self.record.groups.push(id);
        }
        let client = &self.record.client;
        let keeps_secret = matches!(client.auth_method, AuthMethod::Basic | AuthMethod::Post);
        let secret = keeps_secret.then(|| NewSecret::mint(app.id(), &app.dice.bytes()));
        let act = self.server.act();
        let outcome = app.store.register_client(&self.record, secret.as_ref(), act).await;
        assert_eq!(outcome.expect("storage works"), Outcome::Done);
        AClient {
            id: client.public_id.clone(),
            secret: secret.map_or_else(String::new, |secret| secret.text.reveal().to_owned()),
            key: client.id,
            groups: self.record.groups,
        }
    }
}

async fn make_group(server: &Server, client: &Client, name: &str) -> GroupId {
    // Ids made in one millisecond have no order.
    server.present.pass_millis(1);
    let group = Group {
        id: GroupId(server.app().id()),
        organization: client.organization.expect("a group belongs to an organization"),
        name: name.into(),
        bio: None,
        created_at: server.app().clock.now(),
    };
    let outcome = server.app().store.create_group(&group, server.act()).await;
    assert_eq!(outcome.expect("storage works"), Outcome::Done);
    group.id
}
