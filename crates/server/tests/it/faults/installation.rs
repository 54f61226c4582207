//! One installation under test: a data directory, a database on either engine, and clients that
//! the faults are tried with.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven::app::{Clock, Origin};
use keyhaven::boot::{self, Node};
use keyhaven::config::{Config, Loaded, Sources};
use keyhaven_protocol::client::{AuthMethod, Client, Profile, Standing, TokenFormat};
use keyhaven_protocol::id::ClientId;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::relying_party::RelyingParty;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::Outcome;
use keyhaven_store::client_secrets::NewSecret;
use keyhaven_store::clients::ClientRecord;
use tempfile::TempDir;

use super::cluster::Database;
use super::stopwatch::{dice, real_clock};

/// Where a node keeps its facts. Several nodes may run on one.
pub(super) struct Installation {
    folder: TempDir,
    database: Option<Database>,
}

/// A registered client and how it proves itself.
pub(super) struct Registered {
    pub(super) client: Client,
    pub(super) secret: String,
    /// For `private_key_jwt`.
    pub(super) key: SigningKey,
}

/// What a client is registered as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// Opaque tokens, HTTP Basic.
    Opaque,
    /// JWTs, HTTP Basic.
    Jwt,
    /// Opaque tokens, `private_key_jwt`.
    Asserting,
}

impl Installation {
    pub(super) fn sqlite() -> Self {
        Self { folder: folder(), database: None }
    }

    /// A new database on the PostgreSQL all tests share.
    pub(super) fn postgres() -> Self {
        Self::on(Database::shared())
    }

    pub(super) fn on(database: Database) -> Self {
        Self { folder: folder(), database: Some(database) }
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn database(&self) -> Option<&str> {
        self.database.as_ref().map(Database::url)
    }

    pub(super) fn config(&self) -> Config {
        let mut sources = Sources::default();
        let mut set = |name: &str, value: String| sources.flags.insert(name.to_owned(), value);
        set("data", self.data().display().to_string());
        if let Some(url) = self.database() {
            set("database", url.to_owned());
        }
        Loaded::read(&sources).expect("a configuration").config
    }

    /// A node in this process, without listeners or jobs.
    pub(super) async fn open(&self, clock: Clock) -> Node {
        self.try_open(clock).await.expect("the node opens")
    }

    pub(super) async fn try_open(&self, clock: Clock) -> anyhow::Result<Node> {
        boot::open(&self.config(), ISSUER.to_owned(), clock, dice()).await
    }

    /// Registers clients through a node that is gone afterwards.
    pub(super) async fn register<const N: usize>(&self, kinds: [As; N]) -> [Registered; N] {
        let node = self.open(real_clock(0)).await;
        let mut registered = Vec::with_capacity(N);
        for kind in kinds {
            registered.push(register(&node, kind).await);
        }
        node.app.store.engine().close().await.expect("closes");
        registered.try_into().ok().expect("one for each")
    }
}

/// The issuer of nodes in this process.
pub(super) const ISSUER: &str = "http://localhost:8484";

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("keyhaven-fault-").tempdir().expect("a temporary folder")
}

/// Registers a client with the longest lives and the longest grace window.
pub(super) async fn register(node: &Node, kind: As) -> Registered {
    let app = &node.app;
    let key = SigningKey::generate(Algorithm::Es256).expect("a key");
    let secret = NewSecret::mint(app.id(), &app.dice.bytes());
    let client = client(ClientId(app.id()), kind, &key);
    let record = ClientRecord {
        client: client.clone(),
        groups: Vec::new(),
        created_at: app.clock.now(),
        disabled_at: None,
        revision: 1,
    };
    let first_secret = (kind != As::Asserting).then_some(&secret);
    let made = app.store.register_client(&record, first_secret, app.act("test", &origin())).await;
    assert_eq!(made.expect("registers"), Outcome::Done);
    Registered { client, secret: secret.text.reveal().to_owned(), key }
}

fn client(id: ClientId, kind: As, key: &SigningKey) -> Client {
    let asserting = kind == As::Asserting;
    let keys = format!(r#"{{"keys":[{}]}}"#, key.jwk().to_value());
    Client {
        id,
        public_id: id.to_string(),
        organization: None,
        name: "Under test".into(),
        standing: Standing::Active,
        profile: Profile::Strict,
        auth_method: if asserting { AuthMethod::PrivateKeyJwt } else { AuthMethod::Basic },
        secrets: Vec::new(),
        assertion_alg: asserting.then(|| "ES256".into()),
        keys: asserting.then_some(keys),
        keys_uri: None,
        grant_types: vec!["client_credentials".into(), "refresh_token".into()],
        scopes: Scopes::parse("read write").expect("scopes"),
        audience: None,
        token_format: if kind == As::Jwt { TokenFormat::Jwt } else { TokenFormat::Opaque },
        token_alg: "ES256".into(),
        access_ttl: Seconds(600),
        refresh_idle: Seconds(3_600),
        refresh_absolute: Seconds(7_200),
        refresh_grace: Seconds(300),
        not_before: Timestamp(0),
        party: RelyingParty::default(),
    }
}

pub(super) fn origin() -> Origin {
    Origin { address: std::net::Ipv4Addr::LOCALHOST.into(), request: "test".into() }
}

impl Registered {
    /// A signed assertion (RFC 7523 §3) for `audience` that can be used until `exp`.
    pub(super) fn assertion(&self, jti: &str, audience: &str, exp: Timestamp) -> String {
        let id = &self.client.public_id;
        let header = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, self.key.kid());
        let claims = format!(
            r#"{{"iss":"{id}","sub":"{id}","aud":"{audience}","jti":"{jti}","exp":{}}}"#,
            exp.0
        );
        let (header, claims) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let input = format!("{header}.{claims}");
        let signature = self.key.sign(input.as_bytes()).expect("signs");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
