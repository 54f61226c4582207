//! Counters, gauges and histograms for Prometheus. Handles are made once; counting on the path of
//! a request is an atomic addition. Rendering happens on the operator listener.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use super::route_counts::{RouteCounts, Routes};
use crate::http::turned_away::TurnedAway;
use crate::vault::numbers::LEFT_AT_REFRESH;

/// Upper bounds of the latency histogram, in seconds.
const LATENCY: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// Upper bounds of how long a token still lives when it is renewed, in seconds.
const LIFE_LEFT: &[f64] =
    &[0.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 21_600.0, 86_400.0];

const METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// What this process counts.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    routes: Routes,
    open: Gauge,
    refused: Counter,
    turned_away: [Counter; REASONS.len()],
    dropped_lines: Counter,
    resident: Gauge,
}

const REASONS: [TurnedAway; 10] = [
    TurnedAway::AmbiguousFraming,
    TurnedAway::Host,
    TurnedAway::TargetTooLong,
    TurnedAway::HeaderTooLarge,
    TurnedAway::BodyTooLarge,
    TurnedAway::BodyEncoded,
    TurnedAway::BodyBroken,
    TurnedAway::BodyTooSlow,
    TurnedAway::TooSlow,
    TurnedAway::Panicked,
];

impl Metrics {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// Never with the bounds above; the builder's signature allows it.
    pub fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), LATENCY)?
            .set_buckets_for_metric(Matcher::Full(LEFT_AT_REFRESH.to_owned()), LIFE_LEFT)?
            .build_recorder();
        let recorder = Arc::new(recorder);
        describe(recorder.as_ref());
        let counter = |name, labels| recorder.register_counter(&key(name, labels), &METADATA);
        let gauge = |name| recorder.register_gauge(&key(name, vec![]), &METADATA);
        let inner = Inner {
            handle: recorder.handle(),
            routes: Routes::default(),
            open: gauge("keyhaven_connections_open"),
            refused: counter("keyhaven_connections_refused_total", vec![]),
            turned_away: REASONS.map(|why| {
                let reason = vec![Label::new("reason", why.as_str())];
                counter("keyhaven_requests_turned_away_total", reason)
            }),
            dropped_lines: counter("keyhaven_log_lines_dropped_total", vec![]),
            resident: gauge("process_resident_memory_bytes"),
            recorder,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// A counter of somebody else's; keep the handle.
    pub fn counter(&self, name: &'static str, labels: &[(&'static str, &'static str)]) -> Counter {
        self.0.recorder.register_counter(&key(name, own(labels)), &METADATA)
    }

    /// A gauge of somebody else's; keep the handle.
    pub fn gauge(&self, name: &'static str, labels: &[(&'static str, &'static str)]) -> Gauge {
        self.0.recorder.register_gauge(&key(name, own(labels)), &METADATA)
    }

    /// As [`Self::counter`], with values made at run time; the caller sees to it that they are few.
    pub fn labelled_counter(&self, name: &'static str, labels: Vec<Label>) -> Counter {
        self.0.recorder.register_counter(&key(name, labels), &METADATA)
    }

    /// As [`Self::gauge`], with values made at run time; the caller sees to it that they are few.
    pub fn labelled_gauge(&self, name: &'static str, labels: Vec<Label>) -> Gauge {
        self.0.recorder.register_gauge(&key(name, labels), &METADATA)
    }

    /// As [`Self::histogram`], with values made at run time; the caller sees to it that they are few.
    pub fn labelled_histogram(&self, name: &'static str, labels: Vec<Label>) -> Histogram {
        self.0.recorder.register_histogram(&key(name, labels), &METADATA)
    }

    /// A histogram of somebody else's, for what is rarer than requests (samples are kept until
    /// folded); keep the handle. A name ending in `_seconds` has buckets.
    pub fn histogram(
        &self,
        name: &'static str,
        labels: &[(&'static str, &'static str)],
    ) -> Histogram {
        self.0.recorder.register_histogram(&key(name, own(labels)), &METADATA)
    }

    /// The counts of a route template.
    pub(super) fn route(&self, template: &str) -> Arc<RouteCounts> {
        self.0.routes.of(template)
    }

    /// The counter of log lines that were dropped because the sink was blocked.
    pub fn dropped_lines(&self) -> Counter {
        self.0.dropped_lines.clone()
    }

    /// The exposition text.
    #[must_use]
    pub fn render(&self) -> String {
        if let Some(bytes) = resident_bytes() {
            self.0.resident.set(bytes);
        }
        let mut text = self.0.handle.render();
        self.0.routes.render(&mut text);
        text
    }

    /// Folds samples into buckets now and then, so that they do not pile up between two scrapes.
    pub async fn keep_small(self) {
        let mut every = tokio::time::interval(Duration::from_secs(1));
        loop {
            every.tick().await;
            self.0.handle.run_upkeep();
        }
    }

    pub(crate) fn connection_opened(&self) {
        self.0.open.increment(1.0);
    }

    pub(crate) fn connection_closed(&self) {
        self.0.open.decrement(1.0);
    }

    pub(crate) fn connections_refused(&self, count: u64) {
        self.0.refused.increment(count);
    }

    pub(crate) fn turned_away(&self, why: TurnedAway) {
        if let Some(at) = REASONS.iter().position(|reason| *reason == why) {
            self.0.turned_away[at].increment(1);
        }
    }
}

fn own(labels: &[(&'static str, &'static str)]) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label::new(*name, *value)).collect()
}

fn key(name: &'static str, labels: Vec<Label>) -> Key {
    Key::from_parts(name, labels)
}

fn describe(recorder: &PrometheusRecorder) {
    let counters = [
        ("keyhaven_requests_turned_away_total", "Requests refused before or outside a route."),
        (
            "keyhaven_connections_refused_total",
            "Connections closed unserved: limits or descriptors.",
        ),
        ("keyhaven_log_lines_dropped_total", "Log lines dropped because the sink was blocked."),
    ];
    for (name, about) in counters {
        recorder.describe_counter(name.into(), None, about.into());
    }
    recorder.describe_gauge("keyhaven_connections_open".into(), None, "Open connections.".into());
    let resident = "process_resident_memory_bytes";
    recorder.describe_gauge(resident.into(), None, "Memory this process holds.".into());
}

/// The second field of /proc/self/statm, in pages of 4 KiB (the size on every target we release).
fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u32 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(f64::from(pages) * 4096.0)
}
