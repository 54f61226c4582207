//! Sizes and backlogs as metrics: a database that grows without end shows here first.

use std::time::Duration;

use keyhaven_store::Error;
use metrics::Gauge;

use super::Round;
use crate::app::Shared;
use crate::telemetry::metrics::Metrics;

pub(super) struct Measure {
    app: Shared,
    bytes: Gauge,
    log_bytes: Gauge,
    waiting: Gauge,
    backlog: Gauge,
    unexplained: Gauge,
}

impl Measure {
    pub(super) fn new(app: Shared, metrics: &Metrics) -> Self {
        Self {
            app,
            bytes: metrics.gauge("keyhaven_store_bytes", &[]),
            log_bytes: metrics.gauge("keyhaven_store_log_bytes", &[]),
            waiting: metrics.gauge("keyhaven_store_commits_waiting", &[]),
            backlog: metrics.gauge("keyhaven_store_purge_backlog_rows", &[]),
            unexplained: metrics.gauge("keyhaven_refusals_not_recorded", &[]),
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
        Ok(())
    }
}
