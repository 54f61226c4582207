//! A78: requests that two servers could cut in different places (RFC 9112 §6.3, §5.2).

use crate::small_server::{SmallServer, patient};
use crate::wire::Wire;

/// Sends `request` and a second one behind it: the first must be refused and nothing follow.
async fn is_refused_and_closed(request: &str, status: u16) {
    let server = SmallServer::start(patient()).await;
    let mut wire = Wire::open(server.address).await;
    wire.send(request).await;
    wire.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, status, "{request:?}: {answer:?}");
    let rest = wire.until_closed().await;
    assert!(rest.is_empty(), "{request:?}: {:?}", String::from_utf8_lossy(&rest));
}

fn post(fields: &str, body: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}")
}

#[tokio::test]
async fn content_length_beside_transfer_encoding_is_refused_in_either_order() {
    let body = "0\r\n\r\n";
    let orders = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "transfer-encoding: chunked\r\nX: y\r\ncontent-length: 5",
    ];
    for fields in orders {
        is_refused_and_closed(&post(fields, body), 400).await;
    }
}

#[tokio::test]
async fn two_content_lengths_are_refused_even_if_they_agree() {
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: 0x5",
    ] {
        is_refused_and_closed(&post(fields, "abcde"), 400).await;
    }
}

#[tokio::test]
async fn strange_transfer_encodings_are_refused() {
    for fields in [
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding : chunked",
    ] {
        is_refused_and_closed(&post(fields, "0\r\n\r\n"), 400).await;
    }
}

#[tokio::test]
async fn a_folded_header_line_is_refused() {
    is_refused_and_closed("GET /hello HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400).await;
}

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    is_refused_and_closed("GET /hello HTTP/1.1\r\n\r\n", 400).await;
    is_refused_and_closed("GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400).await;
}

#[tokio::test]
async fn one_framing_after_the_other_is_served() {
    let server = SmallServer::start(patient()).await;
    let mut wire = Wire::open(server.address).await;
    let chunked = post("Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n");
    let counted = post("Content-Length: 2", "de");
    wire.send(format!("{counted}{chunked}{counted}")).await;
    for body in ["de", "abc", "de"] {
        assert_eq!(wire.answer().await.body, body);
    }
}
