//! Compressed replies, which we do not ask for and some servers send.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use keyhaven_connect::failure::{Failure, FailureKind};

use crate::server::{Act, Server, client, post};

async fn sending(encoding: &str, body: &[u8]) -> Server {
    let mut reply = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    reply.extend_from_slice(body);
    Server::start(Act::Say(reply)).await
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zlibbed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test]
async fn known_encodings_are_undone() {
    let body = br#"{"access_token":"at"}"#;
    for (encoding, sent) in [
        ("gzip", gzipped(body)),
        ("X-GZIP", gzipped(body)),
        ("deflate", zlibbed(body)),
        ("deflate", deflated(body)),
        ("identity", body.to_vec()),
    ] {
        let server = sending(encoding, &sent).await;
        let reply = post(&client(), server.url()).await.expect(encoding);
        assert_eq!(reply.body.as_slice(), body, "{encoding}");
    }
}

#[tokio::test]
async fn a_bomb_is_stopped_at_the_limit() {
    let bomb = gzipped(&vec![0; 64 << 20]);
    assert!(bomb.len() < 1 << 20);
    let server = sending("gzip", &bomb).await;
    let failure = post(&client(), server.url()).await.expect_err("a bomb");
    assert_eq!(failure, Failure::after(FailureKind::TooLarge));
}

#[tokio::test]
async fn unknown_and_broken_encodings_are_no_reply() {
    let mut cut = gzipped(&[7; 5000]);
    cut.truncate(cut.len() / 2);
    for (encoding, sent) in [
        ("br", b"xx".to_vec()),
        ("gzip, gzip", gzipped(b"{}")),
        ("gzip", b"{}".to_vec()),
        ("gzip", cut),
        ("deflate", b"{}".to_vec()),
    ] {
        let server = sending(encoding, &sent).await;
        let failure = post(&client(), server.url()).await.expect_err(encoding);
        assert_eq!(failure, Failure::after(FailureKind::BadEncoding), "{encoding}");
    }
}
