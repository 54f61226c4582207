//! Sizes and backlogs as metrics: a database that grows without end shows here first.

use std::collections::BTreeSet;
use std::time::Duration;

use keyhaven_store::Error;
use metrics::Gauge;

use super::Round;
use crate::app::Shared;
use crate::telemetry::metrics::Metrics;
use crate::vault::numbers::Series;

pub(super) struct Measure {
    app: Shared,
    bytes: Gauge,
    log_bytes: Gauge,
    waiting: Gauge,
    backlog: Gauge,
    unexplained: Gauge,
    due: Gauge,
    lag: Gauge,
    under_way: Gauge,
    paused: Gauge,
    rounds: u64,
    shown: BTreeSet<Series>,
}

/// Connections are counted by state once in so many rounds.
const COUNTED_EVERY: u64 = 4;

impl Measure {
    pub(super) fn new(app: Shared, metrics: &Metrics) -> Self {
        Self {
            app,
            bytes: metrics.gauge("keyhaven_store_bytes", &[]),
            log_bytes: metrics.gauge("keyhaven_store_log_bytes", &[]),
            waiting: metrics.gauge("keyhaven_store_commits_waiting", &[]),
            backlog: metrics.gauge("keyhaven_store_purge_backlog_rows", &[]),
            unexplained: metrics.gauge("keyhaven_refusals_not_recorded", &[]),
            due: metrics.gauge("keyhaven_vault_connections_due", &[]),
            lag: metrics.gauge("keyhaven_vault_refresh_lag_seconds", &[]),
            under_way: metrics.gauge("keyhaven_vault_refreshes_under_way", &[]),
            paused: metrics.gauge("keyhaven_vault_hosts_paused", &[]),
            rounds: 0,
            shown: BTreeSet::new(),
        }
    }
}

impl Round for Measure {
    const NAME: &'static str = "measure";
    const PERIOD: Duration = Duration::from_secs(15);

    async fn round(&mut self) -> Result<(), Error> {
        let store = &self.app.store;
        let measure = store.engine().measure().await?;
        self.bytes.set(measure.bytes as f64);
        self.log_bytes.set(measure.log_bytes as f64);
        self.waiting.set(measure.waiting as f64);
        self.backlog.set(store.measure_backlog(self.app.clock.now()).await? as f64);
        self.unexplained.set(self.app.refusals.dropped() as f64);
        if self.rounds.is_multiple_of(COUNTED_EVERY) {
            self.count_connections().await?;
        }
        self.rounds += 1;
        self.measure_vault().await
    }
}

impl Measure {
    /// Connections by state.
    async fn count_connections(&mut self) -> Result<(), Error> {
        let counts = self.app.store.count_all_connections().await?;
        self.app.vault.numbers.show_connections(&counts, &mut self.shown);
        Ok(())
    }

    /// What is due, how late the oldest of it is, and which hosts are left alone.
    async fn measure_vault(&self) -> Result<(), Error> {
        let (store, vault) = (&self.app.store, &self.app.vault);
        let now = self.app.clock.now();
        self.due.set(store.count_due(now).await? as f64);
        let lag = store.find_oldest_due(now).await?.map_or(0, |at| now.since(at).0);
        self.lag.set(lag as f64);
        self.under_way.set(vault.flights.count() as f64);
        self.paused.set(vault.hosts.count_paused(self.app.clock.tick()) as f64);
        Ok(())
    }
}
