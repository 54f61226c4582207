//! Counts and latencies of each route, in atomics of our own: the exporter keeps every sample of a
//! histogram until somebody folds it, which at a hundred thousand requests a second costs more than
//! the requests. Rendered as Prometheus text beside everything else.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the latency buckets, in nanoseconds and as Prometheus writes them.
const BOUNDS: [(u64, &str); 14] = [
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (5_000_000_000, "5"),
];

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// How the requests of one route end.
#[derive(Debug, Default)]
pub(crate) struct RouteCounts {
    template: String,
    by_class: [AtomicU64; CLASSES.len()],
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl RouteCounts {
    /// The route's template, for log lines.
    pub(crate) fn template(&self) -> &str {
        &self.template
    }

    /// Counts one answer.
    pub(crate) fn answered(&self, status: u16, after: Duration) {
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        self.by_class[class].fetch_add(1, Relaxed);
        let nanoseconds = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|(bound, _)| nanoseconds <= *bound);
        self.buckets[bucket.unwrap_or(BOUNDS.len())].fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Relaxed);
    }
}

/// The routes by template.
#[derive(Default)]
pub(super) struct Routes(Mutex<BTreeMap<String, Arc<RouteCounts>>>);

impl Routes {
    /// The counts of a template, the same ones for every method and each call.
    pub(super) fn of(&self, template: &str) -> Arc<RouteCounts> {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(RouteCounts { template: template.to_owned(), ..Default::default() });
        Arc::clone(routes.entry(template.to_owned()).or_insert_with(new))
    }

    /// Appends the exposition text (templates are ours and need no escaping).
    pub(super) fn render(&self, out: &mut String) {
        let routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.push_str(
            "# HELP keyhaven_requests_total Answers by route template and status class.\n",
        );
        out.push_str("# TYPE keyhaven_requests_total counter\n");
        for (route, counts) in routes.iter() {
            render_classes(route, counts, out);
        }
        out.push_str(
            "# HELP keyhaven_request_duration_seconds From the whole request to its answer.\n",
        );
        out.push_str("# TYPE keyhaven_request_duration_seconds histogram\n");
        for (route, counts) in routes.iter() {
            render_latency(route, counts, out);
        }
    }
}

// Writing to a String cannot fail.

fn render_classes(route: &str, counts: &RouteCounts, out: &mut String) {
    for (class, count) in CLASSES.iter().zip(&counts.by_class) {
        let count = count.load(Relaxed);
        if count > 0 {
            let labels = format!("route=\"{route}\",status=\"{class}\"");
            let _ = writeln!(out, "keyhaven_requests_total{{{labels}}} {count}");
        }
    }
}

fn render_latency(route: &str, counts: &RouteCounts, out: &mut String) {
    const NAME: &str = "keyhaven_request_duration_seconds";
    let bounds = BOUNDS.iter().map(|(_, text)| *text).chain(std::iter::once("+Inf"));
    let mut below = 0;
    for (bound, bucket) in bounds.zip(&counts.buckets) {
        below += bucket.load(Relaxed);
        let _ = writeln!(out, "{NAME}_bucket{{route=\"{route}\",le=\"{bound}\"}} {below}");
    }
    let seconds = Duration::from_nanos(counts.nanoseconds.load(Relaxed)).as_secs_f64();
    let _ = writeln!(out, "{NAME}_sum{{route=\"{route}\"}} {seconds}");
    let _ = writeln!(out, "{NAME}_count{{route=\"{route}\"}} {below}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_counts_in_its_bucket_and_all_above() {
        let routes = Routes::default();
        routes.of("/token").answered(200, Duration::from_micros(100));
        routes.of("/token").answered(404, Duration::from_millis(3));
        routes.of("/token").answered(503, Duration::from_secs(9));
        let mut text = String::new();
        routes.render(&mut text);
        for line in [
            "keyhaven_requests_total{route=\"/token\",status=\"2xx\"} 1",
            "keyhaven_requests_total{route=\"/token\",status=\"4xx\"} 1",
            "keyhaven_request_duration_seconds_bucket{route=\"/token\",le=\"0.0001\"} 1",
            "keyhaven_request_duration_seconds_bucket{route=\"/token\",le=\"0.0025\"} 1",
            "keyhaven_request_duration_seconds_bucket{route=\"/token\",le=\"0.005\"} 2",
            "keyhaven_request_duration_seconds_bucket{route=\"/token\",le=\"+Inf\"} 3",
            "keyhaven_request_duration_seconds_sum{route=\"/token\"} 9.0031",
            "keyhaven_request_duration_seconds_count{route=\"/token\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
