//! A78: a 1 MB URL, a 100 KB header section, too many fields, a large or compressed body. Each is
//! refused with its own status, which the client can read although it is still sending.

use crate::small_server::{SmallServer, patient};
use crate::wire::{Answer, Wire, ask};

async fn refused(request: &str, status: u16) -> Answer {
    let server = SmallServer::start(patient()).await;
    let mut wire = Wire::open(server.address).await;
    wire.send(request).await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(answer.field("x-request-id").is_some());
    assert!(wire.until_closed().await.is_empty(), "nothing follows");
    answer
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn post(length: usize, fields: &str) -> String {
    let head =
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{fields}\r\n");
    head + &"a".repeat(length)
}

#[tokio::test]
async fn a_long_url_is_414() {
    for size in [16 * 1024, 40_000, 1_000_000] {
        refused(&get(&format!("/hello?{}", "a".repeat(size)), ""), 414).await;
    }
}

#[tokio::test]
async fn a_large_header_section_is_431() {
    refused(&get("/hello", &format!("X: {}\r\n", "a".repeat(17_000))), 431).await;
    refused(&get("/hello", &format!("X: {}\r\n", "a".repeat(100_000))), 431).await;
    let many: String = (0..60).map(|n| format!("X-{n}: {}\r\n", "a".repeat(1_700))).collect();
    refused(&get("/hello", &many), 431).await;
}

#[tokio::test]
async fn more_than_64_fields_are_431() {
    let fields = |count: usize| (1..count).map(|n| format!("X-{n}: a\r\n")).collect::<String>();
    refused(&get("/hello", &fields(65)), 431).await;
    let server = SmallServer::start(patient()).await;
    assert_eq!(ask(server.address, get("/hello", &fields(64))).await.status, 200);
}

#[tokio::test]
async fn a_large_body_is_413_before_and_while_it_arrives() {
    refused(&post(64 * 1024 + 1, ""), 413).await;
    refused(&post(2_000_000, ""), 413).await;
    let chunk = format!("8000\r\n{}\r\n", "a".repeat(0x8000));
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    refused(&(chunked + &chunk.repeat(3) + "0\r\n\r\n"), 413).await;
}

#[tokio::test]
async fn a_body_as_large_as_allowed_arrives_whole() {
    let server = SmallServer::start(patient()).await;
    let answer = ask(server.address, post(64 * 1024, "")).await;
    assert_eq!((answer.status, answer.body.len()), (200, 64 * 1024));
}

#[tokio::test]
async fn a_compressed_body_is_415() {
    for coding in ["gzip", "br", "deflate", "identity, gzip"] {
        refused(&post(10, &format!("Content-Encoding: {coding}\r\n")), 415).await;
    }
    let server = SmallServer::start(patient()).await;
    let plain = ask(server.address, post(2, "Content-Encoding: identity\r\n")).await;
    assert_eq!(plain.status, 200);
}
