//! F05, as far as the edge goes: the readiness check has a deadline, and slow means "degraded".

use std::sync::Arc;
use std::time::Duration;

use keyhaven::http::operator::{self, Check, Operator, Readiness};
use keyhaven::http::stop::Stop;
use keyhaven::telemetry::metrics::Metrics;

use crate::small_server::SmallServer;
use crate::wire::{Answer, get};

async fn ready(check: Check, stop: Stop) -> Answer {
    let metrics = Metrics::new().unwrap();
    let deadline = Duration::from_millis(50);
    let routes = operator::routes(Operator { check, deadline, metrics, stop });
    let server = SmallServer::start_with(routes, |_| {}).await;
    assert_eq!(get(server.address, "/health/live", "").await.status, 200, "alive in any case");
    let metrics = get(server.address, "/metrics", "").await;
    assert!(metrics.body.contains("process_resident_memory_bytes"), "{metrics:?}");
    get(server.address, "/health/ready", "").await
}

fn says(readiness: Readiness) -> Check {
    Arc::new(move || Box::pin(std::future::ready(readiness.clone())))
}

#[tokio::test]
async fn a_check_that_does_not_end_means_degraded() {
    let never: Check = Arc::new(|| Box::pin(std::future::pending()));
    let answer = ready(never, Stop::new()).await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("\"degraded\""), "{answer:?}");
}

#[tokio::test]
async fn readiness_is_what_the_check_says() {
    for (readiness, status, word) in [
        (Readiness::Ready, 200, "ready"),
        (Readiness::Degraded("slow".to_owned()), 200, "degraded"),
        (Readiness::Unready("gone".to_owned()), 503, "unready"),
    ] {
        let answer = ready(says(readiness), Stop::new()).await;
        assert_eq!(answer.status, status);
        assert!(answer.body.contains(&format!("\"status\":\"{word}\"")), "{answer:?}");
    }
}

#[tokio::test]
async fn a_node_that_stops_is_not_ready() {
    let stop = Stop::new();
    stop.ask();
    let answer = ready(says(Readiness::Ready), stop).await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("stopping"), "{answer:?}");
}
