//! What operators watch of the vault: how flows, exchanges and refreshes begin and end, how long a
//! provider takes, how much life a token had left. Labelled by provider and connector and never by
//! user; an organization's own providers are one, and connectors have names up to a bound, so that no
//! tenant makes the metrics grow.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use keyhaven_connect::catalogue::find_provider;
use keyhaven_protocol::id::ConnectorId;
use keyhaven_store::connections::StatusCount;
use metrics::Label;

use crate::telemetry::metrics::Metrics;

/// Connectors with a name of their own in the metrics of one node; the others are one, `other`.
const MOST_CONNECTORS: usize = 200;

/// Where numbers go, once this node has a place for them.
#[derive(Default)]
pub struct Numbers {
    metrics: OnceLock<Metrics>,
    connectors: Mutex<HashSet<ConnectorId>>,
}

/// A provider, a connector and a state, as the metrics name them.
pub type Series = (&'static str, String, &'static str);

/// What a number is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The provider's key.
    pub provider: &'a str,
    /// The connector.
    pub connector: ConnectorId,
}

impl Numbers {
    /// From here on numbers go there.
    pub fn go_to(&self, metrics: &Metrics) {
        // A second node in one process, as in tests, keeps its own.
        let _ = self.metrics.set(metrics.clone());
    }

    /// A refresh ended, after `millis` at the provider; the token before it had `left` seconds to live.
    pub fn refreshed(
        &self,
        about: About<'_>,
        outcome: &'static str,
        millis: u64,
        left: Option<i64>,
    ) {
        self.count("keyhaven_vault_refreshes_total", about, Some(("outcome", outcome)));
        self.took("keyhaven_vault_refresh_seconds", about, millis);
        let (Some(metrics), Some(left)) = (self.metrics.get(), left) else { return };
        let left = left.max(0) as f64;
        metrics.labelled_histogram(LEFT_AT_REFRESH, self.labels(about)).record(left);
    }

    /// A code was exchanged, or not, after `millis` at the provider.
    pub fn exchanged(&self, about: About<'_>, outcome: &'static str, millis: u64) {
        self.count("keyhaven_vault_exchanges_total", about, Some(("outcome", outcome)));
        self.took("keyhaven_vault_exchange_seconds", about, millis);
    }

    /// A flow began.
    pub fn flow_began(&self, about: About<'_>) {
        self.count("keyhaven_vault_flows_started_total", about, None);
    }

    /// A flow ended.
    pub fn flow_ended(&self, about: About<'_>, outcome: &'static str) {
        self.count("keyhaven_vault_flows_total", about, Some(("outcome", outcome)));
    }

    /// A callback belonged to no flow.
    pub fn stray_callback(&self, outcome: &'static str) {
        let Some(metrics) = self.metrics.get() else { return };
        metrics
            .counter("keyhaven_vault_stray_callbacks_total", &[("outcome", outcome)])
            .increment(1);
    }

    /// A caller waited for another node's refresh, or adopted what it brought.
    pub fn waited(&self, how: &'static str) {
        let Some(metrics) = self.metrics.get() else { return };
        metrics.counter("keyhaven_vault_lease_waits_total", &[("how", how)]).increment(1);
    }

    /// How many connections stand in which state. Connectors that share a name are added up; what was
    /// `shown` before and is not there any more is zero.
    pub fn show_connections(&self, counts: &[StatusCount], shown: &mut BTreeSet<Series>) {
        let Some(metrics) = self.metrics.get() else { return };
        let mut sums: BTreeMap<_, i64> =
            std::mem::take(shown).into_iter().map(|series| (series, 0)).collect();
        for one in counts {
            let series = (label(&one.provider), self.name(one.connector), one.status.as_str());
            *sums.entry(series).or_default() += one.count;
        }
        for ((provider, connector, status), count) in sums {
            let labels = vec![
                Label::new("provider", provider),
                Label::new("connector", connector.clone()),
                Label::new("status", status),
            ];
            metrics.labelled_gauge("keyhaven_vault_connections", labels).set(count as f64);
            if count > 0 {
                shown.insert((provider, connector, status));
            }
        }
    }

    fn count(
        &self,
        name: &'static str,
        about: About<'_>,
        further: Option<(&'static str, &'static str)>,
    ) {
        let Some(metrics) = self.metrics.get() else { return };
        let mut labels = self.labels(about);
        labels.extend(further.map(|(name, value)| Label::new(name, value)));
        metrics.labelled_counter(name, labels).increment(1);
    }

    fn took(&self, name: &'static str, about: About<'_>, millis: u64) {
        let Some(metrics) = self.metrics.get() else { return };
        let seconds = std::time::Duration::from_millis(millis).as_secs_f64();
        metrics.labelled_histogram(name, self.labels(about)).record(seconds);
    }

    fn labels(&self, about: About<'_>) -> Vec<Label> {
        let connector = self.name(about.connector);
        vec![Label::new("provider", label(about.provider)), Label::new("connector", connector)]
    }

    /// The connector's id, for as many as may have a name.
    fn name(&self, connector: ConnectorId) -> String {
        let mut named = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if !named.contains(&connector) && named.len() >= MOST_CONNECTORS {
            return "other".to_owned();
        }
        named.insert(connector);
        connector.to_string()
    }
}

/// How much life the token before had left when it was renewed, in seconds.
pub const LEFT_AT_REFRESH: &str = "keyhaven_vault_left_at_refresh_seconds";

/// A shipped provider's key; what an organization defined is its own business.
fn label(provider: &str) -> &'static str {
    find_provider(provider).map_or("own", |shipped| &shipped.key)
}

#[cfg(test)]
mod tests {
    use keyhaven_protocol::id::Id;

    use super::*;

    #[test]
    fn no_number_of_connectors_makes_more_than_so_many_names() {
        let numbers = Numbers::default();
        let name = |number: u64| numbers.name(ConnectorId(Id::v7(number, [1; 10])));
        let names: HashSet<String> = (0..1_000).map(name).collect();
        assert_eq!(names.len(), MOST_CONNECTORS + 1);
        assert_eq!(name(999), "other");
        assert_ne!(name(0), "other", "who has a name keeps it");
    }
}
