//! A77: clients that take their time: a byte of header now and then, a dripped body, nothing at
//! all, an answer nobody reads.

use std::time::Duration;

use keyhaven::http::limits::Limits;
use tokio::time::sleep;

use crate::small_server::{SHORT, SmallServer, patient};
use crate::wire::{Wire, get};

#[tokio::test]
async fn a_dripped_header_section_is_closed_although_bytes_keep_coming() {
    let server = SmallServer::start(Limits { header_read: SHORT, ..patient() }).await;
    let mut wire = Wire::open(server.address).await;
    wire.send("GET /hello HTTP/1.1\r\n").await;
    // Ends when the server has hung up: writing to a closed connection fails.
    while wire.try_send(b"x").await {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(wire.until_closed().await.is_empty(), "closed without an answer");
}

#[tokio::test]
async fn a_second_header_section_is_timed_like_the_first() {
    let server = SmallServer::start(Limits { header_read: SHORT, ..patient() }).await;
    let mut wire = Wire::open(server.address).await;
    wire.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(wire.answer().await.status, 200);
    wire.send("GET /hello HTTP/1.1\r\nHost").await;
    assert!(wire.until_closed().await.is_empty());
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let server = SmallServer::start(Limits { header_read: SHORT, ..patient() }).await;
    assert!(Wire::open(server.address).await.until_closed().await.is_empty());
}

#[tokio::test]
async fn an_idle_connection_outlives_the_header_time_but_not_the_idle_time() {
    let limits = Limits { header_read: SHORT / 3, idle: SHORT * 4, ..patient() };
    let server = SmallServer::start(limits).await;
    let mut wire = Wire::open(server.address).await;
    wire.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(wire.answer().await.status, 200);
    sleep(SHORT).await;
    wire.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(wire.answer().await.status, 200, "still open after the header time");
    assert!(wire.until_closed().await.is_empty(), "and closed after the idle time");
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed() {
    let server = SmallServer::start(Limits { idle: SHORT, ..patient() }).await;
    let mut wire = Wire::open(server.address).await;
    wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    wire.until_closed().await;
}

#[tokio::test]
async fn a_dripped_body_is_answered_408_and_closed() {
    let server = SmallServer::start(Limits { body_read: SHORT, ..patient() }).await;
    let mut wire = Wire::open(server.address).await;
    wire.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\nab").await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.field("connection")), (408, Some("close")));
    assert!(answer.field("x-request-id").is_some());
    wire.until_closed().await;
    assert_eq!(server.metric("keyhaven_requests_turned_away_total{reason=\"body_too_slow\"}"), 1.0);
}

#[tokio::test]
async fn a_route_that_never_answers_is_answered_503() {
    let server = SmallServer::start(Limits { request: SHORT, ..patient() }).await;
    let answer = get(server.address, "/never", "").await;
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
}

#[tokio::test]
async fn many_idle_connections_do_not_keep_others_out() {
    let server = SmallServer::start(Limits { header_read: SHORT, ..patient() }).await;
    let mut idle = Vec::new();
    for _ in 0..400 {
        idle.push(Wire::open(server.address).await);
    }
    assert_eq!(get(server.address, "/hello", "").await.status, 200);
    for wire in &mut idle {
        assert!(wire.until_closed().await.is_empty());
    }
}

#[tokio::test]
async fn one_address_gets_only_its_share_of_connections() {
    let limits = Limits { connections_per_address: 2, ..patient() };
    let server = SmallServer::start(limits).await;
    let mut first = Wire::open(server.address).await;
    let mut second = Wire::open(server.address).await;
    for wire in [&mut first, &mut second] {
        wire.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(wire.answer().await.status, 200);
    }
    assert!(Wire::open(server.address).await.until_closed().await.is_empty());
    assert_eq!(server.metric("keyhaven_connections_refused_total"), 1.0);
}
