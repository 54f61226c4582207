//! From configuration to a node that can answer: database, master key, signing keys, first run.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use keyhaven_connect::send::{Client as Outside, Trust};
use keyhaven_protocol::client::{AuthMethod, Client, Profile, Standing, TokenFormat};
use keyhaven_protocol::id::{ClientId, Id, OrganizationId};
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::relying_party::RelyingParty;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::client_secrets::NewSecret;
use keyhaven_store::clients::ClientRecord;
use keyhaven_store::engine::{self, Engine, Location, Options};
use keyhaven_store::organizations::Organization;
use keyhaven_store::refusals::Explanation;
use keyhaven_store::{Outcome, Store, instance};
use tokio::sync::mpsc;

use crate::app::{
    App, Clock, Dice, HandOutSettings, NewClients, Origin, PrivateKeys, Settings, Shared,
};
use crate::certificates::extra_authorities;
use crate::client_keys::ClientKeys;
use crate::config::Config;
use crate::key_limits::KeyLimits;
use crate::keyring::KeyRing;
use crate::limits::FailureLimit;
use crate::mail::Post;
use crate::master_key::{Fresh, MasterKeys};
use crate::pace::Pace;
use crate::password_pool::PasswordPool;
use crate::refusals::RefusalLog;
use crate::upstream::Upstreams;
use crate::vault::Vault;
use crate::vault::return_origins::{ReturnOrigins, origin_of};

/// The fact that names the master key everything is sealed with.
pub const SEALED_BY: &str = "sealed_by";

/// A node before it serves.
pub struct Node {
    /// What routes share.
    pub app: Shared,
    /// Where refusals come out, for the job that writes them.
    pub refusals: mpsc::Receiver<Explanation>,
}

/// The client that the first run makes, so that the first token is one line away.
pub struct FirstClient {
    /// Its `client_id`.
    pub id: ClientId,
    /// Its secret, shown once.
    pub secret: Secret,
}

/// Where the configuration says the database is.
#[must_use]
pub fn location(config: &Config) -> Option<Location> {
    match &config.database.0 {
        Some(url) => Location::parse(url.reveal()),
        None => Some(Location::Sqlite(config.data.clone())),
    }
}

/// Opens everything a node needs. Call it on the runtime that will serve.
pub async fn open(config: &Config, issuer: String, clock: Clock, dice: Dice) -> Result<Node> {
    make_private_directory(&config.data)?;
    let location = location(config).context("database: expected postgres://… or sqlite:DIR")?;
    let engine = engine::open(&location, Options::default())
        .await
        .with_context(|| format!("the database at {location:?} cannot be opened"))?;
    open_over(engine, config, issuer, clock, dice).await
}

/// As [`open`], over an engine that is open already.
pub async fn open_over(
    engine: Arc<dyn Engine>,
    config: &Config,
    issuer: String,
    clock: Clock,
    dice: Dice,
) -> Result<Node> {
    let master = load_master_keys(config, engine.as_ref(), &dice).await?;
    let store = Store::new(engine, master.sealer()?);
    store.load_ended(clock.now()).await?;
    store.known().heard(clock.tick());
    let keys = KeyRing::load(&store).await.context("the signing keys cannot be opened")?;
    let (log, refusals) = RefusalLog::new();
    let settings = settings(config, issuer);
    let failures = FailureLimit::default();
    let pace = Pace::new(&clock);
    let secret = store.instance_secret(dice.bytes(), dice.bytes()).await?;
    let private = PrivateKeys::of_secret(&secret);
    let trust = Trust { extra: extra_authorities(config)? };
    let outside =
        Outside::new(config.egress_allow.0.clone(), &trust).context("TLS of outgoing requests")?;
    let client_keys = ClientKeys::new(outside.clone());
    let upstreams = Upstreams::new(outside.clone());
    let vault = Vault::new(Id::v7(clock.millis(), dice.bytes()), outside.clone());
    let post = Post::new(config.mail_smtp.0.as_ref(), &config.mail_from, &config.data)?;
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let passwords = PasswordPool::new(processors);
    let app = Arc::new(App {
        store,
        keys,
        settings,
        clock,
        pace,
        dice,
        private,
        refusals: log,
        failures,
        key_limits: KeyLimits::default(),
        post,
        outside,
        upstreams,
        client_keys,
        passwords,
        vault,
    });
    ensure_signing_key(&app, config).await?;
    Ok(Node { app, refusals })
}

/// What an operator must know before the first request: where mail goes, what we may reach beyond the
/// public internet, and whom we believe beside the system's authorities.
pub fn announce(app: &App, config: &Config) {
    if let Some(path) = &config.extra_ca.0 {
        tracing::warn!(file = %path.display(), "outgoing requests believe these authorities too (extra_ca)");
    }
    if let Some(folder) = app.post.outbox() {
        tracing::info!(folder = %folder.display(), "no mail server is configured: mail is written here");
    }
    for entry in app.outside.egress().entries() {
        tracing::warn!(entry, "outgoing requests may reach this (egress_allow)");
    }
}

async fn load_master_keys(config: &Config, engine: &dyn Engine, dice: &Dice) -> Result<MasterKeys> {
    let sealed_by = instance::find_fact(engine, SEALED_BY).await?;
    let fresh = if sealed_by.is_some() { Fresh::No } else { Fresh::Yes };
    let master = MasterKeys::load(config, fresh, dice).await?;
    let current = master.names().next().context("no master key")?;
    if fresh == Fresh::Yes {
        instance::state_fact(engine, SEALED_BY, &current).await?;
    }
    let sealed_by = instance::find_fact(engine, SEALED_BY).await?.unwrap_or(current);
    if !master.names().any(|name| name == sealed_by) {
        bail!("the database is sealed with master key {sealed_by}, which is not loaded");
    }
    Ok(master)
}

async fn ensure_signing_key(app: &App, config: &Config) -> Result<()> {
    let algorithm =
        Algorithm::parse(config.signing_algorithm.as_str()).context("signing_algorithm")?;
    app.keys.ensure(app, algorithm, app.act("system", &origin())).await?;
    Ok(())
}

fn return_origins(config: &Config, issuer: &str) -> ReturnOrigins {
    let own = origin_of(&origin_part(issuer)).unwrap_or_else(|| issuer.to_owned());
    let origins = config.connector_return_origins.0.iter().map(|origin| origin.0.clone());
    let (private, team) = (&config.connector_settings_path, &config.connector_team_settings_path);
    ReturnOrigins::new(&own, origins.collect(), private, team)
}

/// An issuer may have a path; its origin has none.
fn origin_part(issuer: &str) -> String {
    let from = issuer.find("://").map_or(0, |at| at + 3);
    let end = issuer[from..].find('/').map_or(issuer.len(), |at| from + at);
    issuer[..end].to_owned()
}

fn settings(config: &Config, issuer: String) -> Settings {
    Settings {
        return_origins: return_origins(config, &issuer),
        token_endpoint: format!("{issuer}/oauth2/token"),
        issuer,
        json_token_type: config.moov_token_type,
        json_expires_in: config.moov_expires_in,
        jsonapi_errors: config.jsonapi_error_shape,
        jsonapi_include: config.jsonapi_include_organization,
        dpop_nonces: config.dpop_nonces,
        jsonapi_organization: config.jsonapi_organization_auth,
        signing_rotation: Seconds(config.signing_rotation.0.saturating_mul(86_400)),
        audit_window: Seconds(config.audit_retention_days.0.saturating_mul(86_400)),
        sign_up: config.sign_up,
        dashboard: config.dashboard_origin.0.clone().map(|origin| origin.0),
        dashboard_landing: config.dashboard_landing.0.clone(),
        session_idle: config.session_idle_ttl.0,
        session_absolute: config.session_absolute_ttl.0,
        new_clients: NewClients {
            token_alg: config.signing_algorithm.as_str().to_owned(),
            access_ttl: config.access_token_ttl.0,
            refresh_idle: config.refresh_idle_ttl.0,
            refresh_absolute: config.refresh_absolute_ttl.0,
            refresh_grace: config.refresh_grace.0,
        },
        hand_out: HandOutSettings {
            unit: config.hand_out_unit.0.clone(),
            key_prefix: config.hand_out_key_prefix.0.clone(),
            scopes: config.hand_out_scopes.0.clone(),
        },
    }
}

/// On an empty database: the first organization with a client that can get a token. `None` when
/// there is an organization already, or when another node was faster.
pub async fn first_run(app: &App) -> Result<Option<FirstClient>> {
    let organization = Organization {
        id: OrganizationId(app.id()),
        name: "Default".into(),
        slug: "default".into(),
        created_at: app.clock.now(),
        disabled_at: None,
    };
    if app.store.has_organizations().await? {
        return Ok(None);
    }
    let origin = origin();
    if app.store.create_organization(&organization, app.act("system", &origin)).await?
        != Outcome::Done
    {
        return Ok(None);
    }
    let secret = NewSecret::mint(app.id(), &app.dice.bytes());
    let record = first_client(app, organization.id)?;
    let act = app.act("system", &origin);
    match app.store.register_client(&record, Some(&secret), act).await? {
        Outcome::Done => Ok(Some(FirstClient { id: record.client.id, secret: secret.text })),
        other => bail!("the first client could not be registered: {other:?}"),
    }
}

fn first_client(app: &App, organization: OrganizationId) -> Result<ClientRecord> {
    let defaults = &app.settings.new_clients;
    let id = ClientId(app.id());
    let scopes = Scopes::parse("read write").map_err(anyhow::Error::msg)?;
    Ok(ClientRecord {
        client: Client {
            id,
            public_id: id.to_string(),
            organization: Some(organization),
            name: "First client".into(),
            standing: Standing::Active,
            profile: Profile::Strict,
            auth_method: AuthMethod::Basic,
            secrets: Vec::new(),
            assertion_alg: None,
            keys: None,
            keys_uri: None,
            grant_types: vec!["client_credentials".into(), "refresh_token".into()],
            scopes,
            audience: None,
            token_format: TokenFormat::Jwt,
            token_alg: defaults.token_alg.clone(),
            access_ttl: defaults.access_ttl,
            refresh_idle: defaults.refresh_idle,
            refresh_absolute: defaults.refresh_absolute,
            refresh_grace: defaults.refresh_grace,
            not_before: Timestamp(0),
            party: RelyingParty::default(),
        },
        groups: Vec::new(),
        created_at: app.clock.now(),
        disabled_at: None,
        revision: 1,
    })
}

/// The origin of what a start does.
#[must_use]
pub fn origin() -> Origin {
    Origin { address: std::net::Ipv4Addr::LOCALHOST.into(), request: "start".into() }
}

fn make_private_directory(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("the data directory {} cannot be made", path.display()))
}
