//! A server of the test's own: a fresh database, a clock that only the test moves, a database that
//! fails on demand, and the private reason of every refusal.

mod a_client;
mod a_connection;
pub(crate) mod a_key;
mod a_person;
mod a_proof;
mod a_receiver;
mod a_window;
mod an_api;
mod an_app;
mod answer;
mod ask;
mod authenticator;
mod fake_upstream;
mod forge;
mod outbox;
mod place;
mod signing_in;
mod watched;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use keyhaven::app::{App, Clock, Dice, Origin, Shared};
use keyhaven::boot::{self, Node};
use keyhaven::config::{Config, Loaded, Sources};
use keyhaven::http::stop::Stop;
use keyhaven::telemetry::metrics::Metrics;
use keyhaven::{jobs, routes};
use keyhaven_protocol::id::OrganizationId;
use keyhaven_store::engine::{Options, open};
use keyhaven_store::organizations::Organization;
use keyhaven_store::refusals::Explanation;
use keyhaven_store::{Act, Outcome};
use tokio::sync::mpsc;

pub(crate) use a_client::{AClient, Building};
pub(crate) use a_connection::{Connector, REACHABLE, forgiving, path_of};
pub(crate) use a_key::{AKey, challenge_of};
pub(crate) use a_person::{APerson, a_browsers_origin};
pub(crate) use a_proof::{
    JWT_BEARER, a_signing_key, asserted, opens, proof, proof_of, proof_with, push,
};
pub(crate) use a_receiver::{AReceiver, Message};
pub(crate) use a_window::{AWindow, field_of};
pub(crate) use an_api::{AnApi, Piece, ProxyScene};
pub(crate) use an_app::{CALLBACK, VERIFIER, asks, continuation_of, query_of};
pub(crate) use answer::{Answer, reason, the};
pub(crate) use ask::Ask;
pub(crate) use authenticator::Authenticator;
pub(crate) use fake_upstream::{FakeUpstream, answered};
pub(crate) use forge::{assertion, assertion_claims, claims_of, forged, key_set, signed, with_mac};
pub(crate) use place::Place;
pub(crate) use signing_in::{ABrowser, refused};
pub(crate) use watched::{Deeds, Watched, watching};

/// What every server of these tests calls itself.
pub(crate) const ISSUER: &str = "https://keyhaven.test";

/// When every test begins, in seconds.
pub(crate) const START: i64 = 1_800_000_000;

/// Expands to one test per engine for each promise listed.
macro_rules! on_every_engine {
    [$($promise:ident),* $(,)?] => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$promise($crate::harness::Place::sqlite()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let place = $crate::harness::Place::postgres().await;
                super::$promise(place.clone()).await;
                place.discard().await;
            })*
        }
    };
}

/// The present, which stands still until a test moves it.
#[derive(Clone)]
pub(crate) struct Present(Arc<AtomicU64>);

impl Present {
    /// Lets wall clock and monotonic clock run this many seconds ahead.
    pub(crate) fn pass(&self, seconds: u64) {
        self.pass_millis(seconds * 1_000);
    }

    /// As [`Self::pass`], in milliseconds.
    pub(crate) fn pass_millis(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// Sets both clocks back by this many seconds of those that were passed.
    pub(crate) fn back(&self, seconds: u64) {
        self.0.fetch_sub(seconds * 1_000, Ordering::Relaxed);
    }

    /// The present in whole seconds.
    pub(crate) fn now(&self) -> i64 {
        START + i64::try_from(self.0.load(Ordering::Relaxed) / 1_000).expect("a short test")
    }

    fn clock(&self) -> Clock {
        let (wall, monotonic) = (self.0.clone(), self.0.clone());
        let start = u64::try_from(START).expect("after 1970") * 1_000;
        Clock::new(
            move || start + wall.load(Ordering::Relaxed),
            move || monotonic.load(Ordering::Relaxed),
        )
    }
}

/// One node under test.
pub(crate) struct Server {
    /// What its routes share, for looking behind the curtain.
    pub(crate) app: Shared,
    /// Its time.
    pub(crate) present: Present,
    /// Its database, which fails and counts on demand.
    pub(crate) database: Arc<Watched>,
    /// The organization that clients of [`Self::a_client`] belong to.
    pub(crate) organization: OrganizationId,
    router: Router,
    refusals: Mutex<mpsc::Receiver<Explanation>>,
    place: Place,
    settings: Vec<(&'static str, &'static str)>,
    stop: Stop,
    metrics: Metrics,
}

impl Server {
    /// A fresh node over SQLite.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A fresh node over SQLite with these settings.
    pub(crate) async fn with(settings: &[(&'static str, &'static str)]) -> Self {
        Self::on(&Place::sqlite(), settings).await
    }

    /// A fresh node in an empty place.
    pub(crate) async fn on(place: &Place, settings: &[(&'static str, &'static str)]) -> Self {
        let present = Present(Arc::new(AtomicU64::new(0)));
        let mut server = Self::open(place, settings, present).await;
        server.organization = server.an_organization("North Health", "north").await;
        server
    }

    /// Another node over the same database, with the same clock.
    pub(crate) async fn beside(&self) -> Self {
        let mut other = Self::open(&self.place, &self.settings, self.present.clone()).await;
        other.organization = self.organization;
        other
    }

    async fn open(
        place: &Place,
        settings: &[(&'static str, &'static str)],
        present: Present,
    ) -> Self {
        let config = config(place, settings);
        let engine = open(&place.location, Options::default()).await.expect("the engine opens");
        let database = Arc::new(Watched::new(engine));
        let node =
            boot::open_over(database.clone(), &config, ISSUER.into(), present.clock(), dice());
        let Node { app, refusals } = node.await.expect("the node opens");
        let metrics = Metrics::new().expect("metrics");
        Self {
            router: routes::public(app.clone()).into_router(),
            present,
            database,
            organization: OrganizationId(app.id()),
            app,
            refusals: Mutex::new(refusals),
            place: place.clone(),
            settings: settings.to_vec(),
            stop: Stop::new(),
            metrics,
        }
    }

    /// Starts the jobs of a node, such as the one that hears of changes made elsewhere. They end
    /// with the test's runtime.
    pub(crate) fn start_jobs(&self) {
        let (_, none) = mpsc::channel(1);
        jobs::start(&self.app, none, &self.metrics, &self.stop).detach_all();
    }

    /// Waits until the jobs have heard of everything that has changed so far, as they do several times a
    /// second.
    pub(crate) async fn hear_all(&self) {
        self.present.pass_millis(1);
        let tick = self.app.clock.tick();
        while !self.app.store.known().is_fresh(tick + keyhaven_store::known::FRESH_MILLIS) {
            tokio::task::yield_now().await;
        }
    }

    /// Creates a tenant.
    pub(crate) async fn an_organization(&self, name: &str, slug: &str) -> OrganizationId {
        let organization = Organization {
            id: OrganizationId(self.app.id()),
            name: name.into(),
            slug: slug.into(),
            created_at: self.app.clock.now(),
            disabled_at: None,
        };
        let outcome = self.app.store.create_organization(&organization, self.act()).await;
        assert_eq!(outcome.expect("storage works"), Outcome::Done);
        organization.id
    }

    /// A client that says `read write` and proves itself by Basic, to be altered and built.
    pub(crate) fn a_client(&self) -> Building<'_> {
        Building::new(self)
    }

    /// A deed of the test's.
    pub(crate) fn act(&self) -> Act {
        let origin =
            Origin { address: std::net::Ipv4Addr::LOCALHOST.into(), request: "a test".into() };
        self.app.act("test", &origin)
    }

    /// What an operator's scrape would show.
    pub(crate) fn metrics(&self) -> String {
        self.metrics.render()
    }

    /// What was refused since the last call, oldest first.
    pub(crate) fn refusals(&self) -> Vec<Explanation> {
        let mut receiver = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    /// The one refusal since the last call.
    #[track_caller]
    pub(crate) fn refusal(&self) -> Explanation {
        let mut all = self.refusals();
        assert_eq!(all.len(), 1, "one refusal was expected: {all:?}");
        all.remove(0)
    }

    /// Where its database is.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The node as operations see it.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }
}

fn config(place: &Place, settings: &[(&'static str, &'static str)]) -> Config {
    let mut sources = Sources::default();
    let data = place.data().display().to_string();
    sources.flags.insert("data".into(), data);
    for (key, value) in settings {
        sources.flags.insert((*key).into(), (*value).into());
    }
    Loaded::read(&sources).expect("the settings are sound").config
}

#[expect(clippy::disallowed_methods, reason = "a test wires its own node, as main does")]
fn dice() -> Dice {
    Dice::new(|out| aws_lc_rs::rand::fill(out).expect("the system's random generator works"))
}
