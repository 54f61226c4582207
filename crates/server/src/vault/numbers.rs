//! What operators watch of the vault: how refreshes and flows end, how long a provider takes. Labelled
//! by provider and never by user; an organization's own providers are one.

use std::sync::OnceLock;

use crate::telemetry::metrics::Metrics;
use crate::vault::provider_of::Found;

/// Where numbers go, once this node has a place for them.
#[derive(Default)]
pub struct Numbers(OnceLock<Metrics>);

impl Numbers {
    /// From here on numbers go there.
    pub fn go_to(&self, metrics: &Metrics) {
        // A second node in one process, as in tests, keeps its own.
        let _ = self.0.set(metrics.clone());
    }

    /// A refresh ended, after `millis` at the provider.
    pub fn refreshed(&self, provider: &Found, outcome: &'static str, millis: u64) {
        let Some(metrics) = self.0.get() else { return };
        let labels = [("provider", label(provider)), ("outcome", outcome)];
        metrics.counter("keyhaven_vault_refreshes_total", &labels).increment(1);
        let seconds = std::time::Duration::from_millis(millis).as_secs_f64();
        let labels = [("provider", label(provider))];
        metrics.histogram("keyhaven_vault_refresh_seconds", &labels).record(seconds);
    }

    /// A flow ended.
    pub fn flow_ended(&self, outcome: &'static str) {
        let Some(metrics) = self.0.get() else { return };
        metrics.counter("keyhaven_vault_flows_total", &[("outcome", outcome)]).increment(1);
    }

    /// A caller waited for another node's refresh, or adopted what it brought.
    pub fn waited(&self, how: &'static str) {
        let Some(metrics) = self.0.get() else { return };
        metrics.counter("keyhaven_vault_lease_waits_total", &[("how", how)]).increment(1);
    }
}

fn label(provider: &Found) -> &'static str {
    match provider {
        Found::Shipped(provider) => &provider.key,
        Found::Own(_) => "own",
    }
}
