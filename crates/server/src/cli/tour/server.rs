//! The throw-away server: the real listener and jobs over a directory that goes with it.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::http::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};

use super::outside_service::{CLIENT_ID, OutsideService, PROVIDER};
use crate::app::Shared;
use crate::cli::World;
use crate::cli::caller::{Ask, Caller};
use crate::config::{Config, Loaded, Sources};
use crate::http::operator::{self, Operator};
use crate::http::stop::Stop;
use crate::http::turned_away::problem;
use crate::serve::{self, Bound, Served};
use crate::telemetry::metrics::Metrics;
use crate::{boot, jobs, routes};

/// Where people are sent back to in the end.
pub(super) const HUB: &str = "https://hub.example";

/// A running server nobody will miss.
pub(super) struct ThrowAway {
    app: Shared,
    address: SocketAddr,
    stop: Stop,
    jobs: JoinSet<()>,
    serving: JoinHandle<()>,
    directory: TempDir,
}

/// Whom the tour is shown to.
pub(super) struct Visitor {
    pub(super) organization: String,
    pub(super) group: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    /// Another organization of the same person.
    pub(super) other_organization: String,
    /// Signs the person in, once.
    pub(super) ticket: String,
    /// An API key of the organization.
    pub(super) key: String,
    /// A client that administers what its organization has connected, and its secret.
    pub(super) platform: (String, String),
    /// A connector to the outside service.
    pub(super) connector: String,
}

impl ThrowAway {
    pub(super) async fn start(world: World, outside: &OutsideService) -> Result<Self> {
        let directory = tempfile::tempdir().context("a directory for the throw-away server")?;
        let config = settings(&directory, outside)?;
        let metrics = Metrics::new().context("metrics")?;
        let bound = serve::bind(&config).await?;
        let address = bound.public_address;
        let issuer = config.issuer_for(address).as_str().to_owned();
        let seed = world.dice.bytes();
        let node = boot::open(&config, issuer, world.clock, world.dice).await?;
        let (app, stop) = (node.app, Stop::new());
        let jobs = jobs::start(&app, node.refusals, &metrics, &stop);
        let serving = spawn(bound, config, app.clone(), metrics, seed, stop.clone());
        Ok(Self { app, address, stop, jobs, serving, directory })
    }

    /// Makes the visitor: an organization with a group, a client tied to it, and a connector.
    pub(super) async fn prepare(&self, outside: &OutsideService) -> Result<Visitor> {
        let caller = Caller::beside(self.app.clone());
        let org = json!({ "name": "North Health", "slug": "north-health" });
        let org = id(&caller.ask(Ask::post(&["organizations"], org)).await?, "id")?;
        let group = json!({ "name": "North Clinic", "bio": "Everybody up north" });
        let group = caller.ask(Ask::post(&["organizations", &org, "groups"], group)).await?;
        let group = id(&group, "id")?;
        let client = json!({
            "name": "The visitor",
            "organization": org,
            "groups": [group],
            "grant_types": ["client_credentials", "refresh_token"],
            "scope": "/accounts.read /ping.read",
        });
        let client = caller.ask(Ask::post(&["clients"], client)).await?;
        let (other_organization, ticket) = person(&caller, &org).await?;
        let key = json!({ "label": "The visitor's", "organization": org, "scopes": "notes.read" });
        let key = caller.ask(Ask::post(&["keys"], key)).await?;
        let (connector, platform) = connector(&caller, &org, outside).await?;
        Ok(Visitor {
            key: id(&key, "secret")?,
            platform,
            connector,
            other_organization,
            ticket,
            organization: org,
            group,
            client_id: id(&client, "client_id")?,
            client_secret: id(&client, "client_secret")?,
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.app.settings.issuer
    }

    /// The one connection under the visitor's connector.
    pub(super) async fn connection_of(&self, visitor: &Visitor) -> Result<String> {
        let caller = Caller::beside(self.app.clone());
        let ask = Ask::get(&["connections"])
            .with("organization", Some(&visitor.organization))
            .with("connector", Some(&visitor.connector));
        let listed = caller.ask(ask).await?;
        id(&listed["items"][0], "id")
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it and removes what it left.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.stop.ask();
        self.serving.await.context("the throw-away server broke")?;
        while self.jobs.join_next().await.is_some() {}
        self.app.store.engine().close().await.context("the database did not close cleanly")?;
        self.directory.close().context("the throw-away directory stays behind")
    }
}

/// Makes a person of two organizations, and a ticket that signs them in: the second organization and
/// the ticket.
async fn person(caller: &Caller, first: &str) -> Result<(String, String)> {
    let other = json!({ "name": "South Health", "slug": "south-health" });
    let other = id(&caller.ask(Ask::post(&["organizations"], other)).await?, "id")?;
    let user = json!({ "email": "ada@north.example", "name": "Ada Byron" });
    let user = id(&caller.ask(Ask::post(&["users"], user)).await?, "id")?;
    for organization in [first, &other] {
        let member = json!({ "user": user, "role": "member" });
        caller.ask(Ask::post(&["organizations", organization, "members"], member)).await?;
    }
    let ticket = caller.ask(Ask::post(&["tickets"], json!({ "user": user }))).await?;
    Ok((other, id(&ticket, "shared_token")?))
}

/// Makes a connector to the outside service, and a client that may use what is connected by it.
async fn connector(
    caller: &Caller,
    org: &str,
    outside: &OutsideService,
) -> Result<(String, (String, String))> {
    let definition = Ask::new(Method::PUT, &["organizations", org, "providers", PROVIDER]);
    let definition = definition.body(json!({ "definition": outside.definition() }));
    caller.ask(definition).await?;
    let connector = json!({
        "organization": org, "provider": PROVIDER, "name": "Outside notes",
        "client_id": CLIENT_ID, "client_secret": outside.client_secret(), "scopes": ["notes"],
    });
    let connector = caller.ask(Ask::post(&["connectors"], connector)).await?;
    let client = json!({
        "name": "The platform",
        "organization": org,
        "auth_method": "client_secret_post",
        "grant_types": ["client_credentials"],
        "scope": "connector:read keyhaven:admin",
    });
    let client = caller.ask(Ask::post(&["clients"], client)).await?;
    let platform = (id(&client, "client_id")?, id(&client, "client_secret")?);
    Ok((id(&connector, "id")?, platform))
}

/// Nothing of the machine's configuration counts: no environment, no file but the directory's own.
fn settings(directory: &TempDir, outside: &OutsideService) -> Result<Config> {
    let mut sources = Sources::default();
    let data = directory.path().display().to_string();
    let reachable = outside.address().to_string();
    let flags = [
        ("data", data.as_str()),
        ("listen", "127.0.0.1:0"),
        ("operator_listen", "127.0.0.1:0"),
        ("egress_allow", &reachable),
        ("connector_return_origins", HUB),
    ];
    sources.flags.extend(flags.map(|(key, text)| (key.to_owned(), text.to_owned())));
    Ok(Loaded::read(&sources)?.config)
}

fn spawn(
    bound: Bound,
    config: Config,
    app: Shared,
    metrics: Metrics,
    seed: [u8; 16],
    stop: Stop,
) -> JoinHandle<()> {
    let served = Served {
        routes: routes::public(app.clone()),
        operator: operator::routes(Operator {
            check: routes::readiness(app),
            deadline: std::time::Duration::from_secs(2),
            metrics: metrics.clone(),
            stop: stop.clone(),
        }),
        render: problem,
        metrics,
        seed,
        tls: None,
    };
    tokio::spawn(async move {
        serve::serve(bound, &config, served, &stop, std::future::pending()).await;
    })
}

fn id(document: &serde_json::Value, name: &str) -> Result<String> {
    let text = document[name].as_str().with_context(|| format!("the answer has no {name}"))?;
    Ok(text.to_owned())
}
