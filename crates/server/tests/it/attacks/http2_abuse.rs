//! A79: HTTP/2 frames in quantities no client needs (CVE-2023-44487, RUSTSEC-2024-0003, -0332).

use crate::small_server::{SmallServer, patient};
use crate::wire::{Wire, get};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// GET http://a/hello in HPACK (RFC 7541 appendix A: 2 = GET, 6 = http, 4 = :path, 1 = :authority).
const GET_HELLO: &[u8] = b"\x82\x86\x44\x06/hello\x41\x01a";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

fn begin() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// The error codes of the GOAWAY frames, and the kinds of all frames.
fn read(mut bytes: &[u8]) -> (Vec<u32>, Vec<u8>) {
    let (mut codes, mut kinds) = (Vec::new(), Vec::new());
    while bytes.len() >= 9 {
        let length =
            usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]);
        let Some(payload) = bytes.get(9..9 + length) else { break };
        kinds.push(bytes[3]);
        if bytes[3] == GOAWAY {
            codes.push(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        bytes = &bytes[9 + length..];
    }
    (codes, kinds)
}

/// RFC 9113 §7.
const ENHANCE_YOUR_CALM: u32 = 0xb;

async fn ends_calmly(server: &SmallServer, frames: &[u8]) {
    let mut wire = Wire::open(server.address).await;
    wire.send(begin()).await;
    wire.send(frames).await;
    let (codes, _) = read(&wire.until_closed().await);
    assert!(codes.contains(&ENHANCE_YOUR_CALM), "{codes:?}");
    assert_eq!(get(server.address, "/hello", "").await.status, 200, "others are served");
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served() {
    let server = SmallServer::start(patient()).await;
    let mut wire = Wire::open(server.address).await;
    wire.send(begin()).await;
    wire.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, GET_HELLO)).await;
    // A last GOAWAY of the client lets the server close when it has answered.
    wire.send(frame(GOAWAY, 0, 0, &[0; 8])).await;
    let (codes, kinds) = read(&wire.until_closed().await);
    assert!(kinds.contains(&HEADERS) && kinds.contains(&DATA), "{kinds:?} {codes:?}");
}

#[tokio::test]
async fn rapid_reset_ends_the_connection() {
    let server = SmallServer::start(patient()).await;
    let burst: Vec<u8> = (0..2_000)
        .flat_map(|n| {
            let stream = 2 * n + 1;
            let mut pair = frame(HEADERS, END_STREAM | END_HEADERS, stream, GET_HELLO);
            pair.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            pair
        })
        .collect();
    ends_calmly(&server, &burst).await;
}

#[tokio::test]
async fn a_continuation_flood_ends_the_connection() {
    let server = SmallServer::start(patient()).await;
    // Literal fields without indexing, each 15 KiB, in a section that never ends.
    let mut field = b"\x00\x01x\x7f\x81\x76".to_vec();
    field.extend([b'a'; 15_232]);
    let mut flood = frame(HEADERS, END_STREAM, 1, GET_HELLO);
    for _ in 0..500 {
        flood.extend(frame(CONTINUATION, 0, 1, &field));
    }
    ends_calmly(&server, &flood).await;
}

#[tokio::test]
async fn a_flood_of_empty_continuations_ends_the_connection() {
    let server = SmallServer::start(patient()).await;
    let mut flood = frame(HEADERS, END_STREAM, 1, GET_HELLO);
    for _ in 0..5_000 {
        flood.extend(frame(CONTINUATION, 0, 1, &[]));
    }
    ends_calmly(&server, &flood).await;
}

#[tokio::test]
async fn streams_in_error_end_the_connection() {
    let server = SmallServer::start(patient()).await;
    // Connection-specific fields are a stream error each (RFC 9113 §8.2.2).
    let mut malformed = GET_HELLO.to_vec();
    malformed.extend(b"\x00\x0aconnection\x05close");
    let burst: Vec<u8> = (0..2_000)
        .flat_map(|n| frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &malformed))
        .collect();
    ends_calmly(&server, &burst).await;
}
