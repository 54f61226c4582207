//! A75, as far as the edge goes: what passes through headers, query and body reaches no log line
//! and no metric, at any level, over both protocols, whether it is served, refused or panics.

use keyhaven::config::{LogFormat, LogLevel};

use super::log_forging::logged;
use crate::small_server::{SmallServer, patient};
use crate::wire::Wire;

const MARKER: &str = "kh_secret_marker";

fn requests() -> Vec<String> {
    let secret =
        format!("Authorization: Bearer {MARKER}\r\nCookie: __Host-sid={MARKER}\r\nDPoP: {MARKER}");
    let get = |path: &str| {
        format!("GET {path}?code={MARKER} HTTP/1.1\r\nHost: {MARKER}\r\n{secret}\r\n\r\n")
    };
    let body = format!("client_secret={MARKER}");
    let length = body.len();
    let post = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\n{secret}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let encoded = post.replace("Host: a", "Host: a\r\nContent-Encoding: gzip");
    let broken = format!("GET /{MARKER} HTTP/9.9\r\n{MARKER}\r\n\r\n");
    vec![get("/hello"), get(&format!("/{MARKER}")), get("/panic"), post, encoded, broken]
}

#[test]
fn no_marker_in_logs_or_metrics() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut metrics = String::new();
    let text = logged(LogFormat::Json, LogLevel::Trace, || {
        runtime.block_on(async {
            let server = SmallServer::start(patient()).await;
            for request in requests() {
                let mut wire = Wire::open(server.address).await;
                wire.send(request).await;
                wire.answer().await;
            }
            let mut http2 = Wire::open(server.address).await;
            let mut headers = b"\x82\x86\x44\x06/hello\x41\x01a\x00\x01x\x10".to_vec();
            headers.extend(MARKER.as_bytes());
            let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0".to_vec();
            bytes.extend([u8::try_from(headers.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
            bytes.extend(headers);
            bytes.extend(b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0");
            http2.send(bytes).await;
            http2.until_closed().await;
            metrics = server.metrics.render();
        });
    });
    assert!(text.contains("turned away"), "something was logged: {text}");
    assert!(text.contains(r#""route":"/hello""#), "by template: {text}");
    assert!(!text.contains(MARKER), "{text}");
    assert!(metrics.contains("keyhaven_requests_total"), "{metrics}");
    assert!(!metrics.contains(MARKER), "{metrics}");
}
