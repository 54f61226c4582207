//! What happens by itself, beside the requests. Each job is a file; all end when told to stop.

mod clock;
mod explain;
mod farewells;
mod hear;
mod holds;
mod key_uses;
mod keys;
mod logout;
mod mail;
mod measure;
mod purge;
mod refresh_due;
mod seen;
mod token_reads;
mod webhooks;

use std::future::Future;
use std::time::Duration;

use keyhaven_store::Error;
use keyhaven_store::refusals::Explanation;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::app::{Origin, Shared};
use crate::http::stop::Stop;
use crate::telemetry::metrics::Metrics;

pub use refresh_due::RefreshDue;

/// Something done again and again.
trait Round: Send {
    /// The job's name in logs.
    const NAME: &'static str;
    /// The pause between two rounds.
    const PERIOD: Duration;

    /// One round.
    fn round(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Starts every job. They end soon after `stop` is asked for.
pub fn start(
    app: &Shared,
    refusals: mpsc::Receiver<Explanation>,
    metrics: &Metrics,
    stop: &Stop,
) -> JoinSet<()> {
    app.vault.numbers.go_to(metrics);
    let mut jobs = JoinSet::new();
    jobs.spawn(again(measure::Measure::new(app.clone(), metrics), stop.clone()));
    jobs.spawn(again(clock::Clock { app: app.clone() }, stop.clone()));
    jobs.spawn(again(hear::Hear::new(app.clone()), stop.clone()));
    jobs.spawn(again(holds::Holds { app: app.clone() }, stop.clone()));
    jobs.spawn(again(key_uses::KeyUses { app: app.clone() }, stop.clone()));
    jobs.spawn(again(keys::Keys { app: app.clone() }, stop.clone()));
    jobs.spawn(again(logout::Logout { app: app.clone() }, stop.clone()));
    jobs.spawn(again(mail::Mail { app: app.clone(), stop: stop.clone() }, stop.clone()));
    jobs.spawn(again(purge::Purge { app: app.clone(), stop: stop.clone() }, stop.clone()));
    jobs.spawn(again(RefreshDue::new(app.clone()), stop.clone()));
    jobs.spawn(again(farewells::Farewells { app: app.clone() }, stop.clone()));
    jobs.spawn(again(webhooks::Webhooks { app: app.clone() }, stop.clone()));
    jobs.spawn(token_reads::run(app.clone(), stop.clone()));
    jobs.spawn(seen::run(app.clone(), stop.clone()));
    jobs.spawn(explain::run(app.clone(), refusals, stop.clone()));
    jobs
}

/// Runs rounds until told to stop. A round that fails is logged once per streak of failures and
/// tried again.
async fn again<R: Round>(mut job: R, stop: Stop) {
    let mut failing = false;
    let mut stopping = Box::pin(stop.asked());
    loop {
        match job.round().await {
            Ok(()) if failing => {
                failing = false;
                tracing::info!(job = R::NAME, "works again");
            }
            Ok(()) => {}
            Err(error) => {
                if !failing {
                    tracing::warn!(job = R::NAME, %error, "failed; trying again");
                }
                failing = true;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(R::PERIOD) => {}
            () = &mut stopping => return,
        }
    }
}

/// The origin of what a job does.
fn origin(name: &str) -> Origin {
    Origin { address: std::net::Ipv4Addr::LOCALHOST.into(), request: format!("job:{name}") }
}
