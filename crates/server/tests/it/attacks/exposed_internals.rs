//! A76: metrics, health, debug and profiler on the public port.

use crate::small_server::{SmallServer, routes};
use crate::wire::get;

#[tokio::test]
async fn the_public_port_has_no_internals() {
    let server = SmallServer::start_with(routes(), |_| {}).await;
    for path in [
        "/metrics",
        "/health",
        "/health/live",
        "/health/ready",
        "/healthz",
        "/debug/pprof/",
        "/debug",
        "/actuator/env",
        "/status",
    ] {
        assert_eq!(get(server.address, path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn answers_name_no_software() {
    let server = SmallServer::start_with(routes(), |_| {}).await;
    for path in ["/hello", "/panic", "/gone"] {
        let answer = get(server.address, path, "").await;
        assert_eq!(answer.field("server"), None);
        assert_eq!(answer.field("x-powered-by"), None);
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        assert!(!answer.body.contains("marker-in-panic") && !answer.body.contains(".rs"));
    }
}

#[tokio::test]
async fn browsers_insist_on_tls_only_where_the_issuer_has_it() {
    let plain = SmallServer::start_with(routes(), |_| {}).await;
    assert_eq!(get(plain.address, "/hello", "").await.field("strict-transport-security"), None);
    let secure = SmallServer::start_with(routes(), |front| front.insist_on_tls = true).await;
    let answer = get(secure.address, "/hello", "").await;
    assert_eq!(answer.field("strict-transport-security"), Some("max-age=31536000"));
}
