//! A60, A62: a client names its own address, or a proxy's view of the request.

use keyhaven::config::{Network, Setting};

use crate::small_server::{SmallServer, routes};
use crate::wire::get;

async fn client_behind(proxies: &[&str], fields: &str) -> String {
    let networks = proxies.iter().map(|text| Network::parse(text).unwrap()).collect();
    let server = SmallServer::start_with(routes(), |front| front.proxies = networks).await;
    let answer = get(server.address, "/who", fields).await;
    answer.body.split(' ').next().unwrap().to_owned()
}

/// A60
#[tokio::test]
async fn x_forwarded_for_without_a_trusted_proxy_is_ignored() {
    assert_eq!(client_behind(&[], "X-Forwarded-For: 198.51.100.7\r\n").await, "127.0.0.1");
    let elsewhere = ["10.0.0.0/8"];
    assert_eq!(client_behind(&elsewhere, "X-Forwarded-For: 198.51.100.7\r\n").await, "127.0.0.1");
}

/// A60
#[tokio::test]
async fn only_the_hop_before_the_trusted_proxies_counts() {
    let fields = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 198.51.100.7, 127.0.0.2\r\n";
    assert_eq!(client_behind(&["127.0.0.0/8"], fields).await, "198.51.100.7");
}

/// A62
#[tokio::test]
async fn look_alike_headers_have_no_effect() {
    for field in [
        "X_Forwarded_For: 6.6.6.6",
        "Forwarded: for=6.6.6.6",
        "X-Real-IP: 6.6.6.6",
        "X-Client-IP: 6.6.6.6",
        "True-Client-IP: 6.6.6.6",
    ] {
        let client = client_behind(&["127.0.0.0/8"], &format!("{field}\r\n")).await;
        assert_eq!(client, "127.0.0.1", "{field}");
    }
}

/// A62
#[tokio::test]
async fn a_header_cannot_choose_the_route() {
    let server = SmallServer::start_with(routes(), |_| {}).await;
    for field in ["X-Original-URL: /page", "X-Rewrite-URL: /page", "X-Forwarded-Uri: /page"] {
        let answer = get(server.address, "/hello", &format!("{field}\r\n")).await;
        assert_eq!(answer.body, "hello", "{field}");
    }
    let overridden = get(server.address, "/token", "X-HTTP-Method-Override: POST\r\n").await;
    assert_eq!(overridden.status, 405);
}

/// A62
#[tokio::test]
async fn a_request_id_from_outside_is_replaced() {
    let server = SmallServer::start_with(routes(), |_| {}).await;
    let theirs = "5b0c1d1e-7c7a-4f0e-9d5e-6b1f0f3f9a11";
    let answer = get(server.address, "/who", &format!("X-Request-Id: {theirs}\r\n")).await;
    let ours = answer.field("x-request-id").unwrap();
    assert_ne!(ours, theirs);
    assert_eq!(answer.body.split(' ').nth(1), Some(ours), "handler and answer have one id");
    let next = get(server.address, "/hello", "").await;
    assert_ne!(next.field("x-request-id"), Some(ours));
}
