//! F19: a handler panics. That request is answered 500; the process, and the connection, live.

use crate::small_server::{SmallServer, patient};
use crate::wire::Wire;

#[tokio::test]
async fn a_panic_is_that_requests_500_and_nothing_else() {
    let server = SmallServer::start(patient()).await;
    let mut wire = Wire::open(server.address).await;
    for _ in 0..3 {
        wire.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 500);
        assert!(answer.field("x-request-id").is_some());
        wire.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(wire.answer().await.body, "hello", "the connection lives");
    }
    let panics = "keyhaven_requests_turned_away_total{reason=\"panicked\"}";
    assert_eq!(server.metric(panics), 3.0);
    let served = "keyhaven_requests_total{route=\"/hello\",status=\"2xx\"}";
    assert_eq!(server.metric(served), 3.0);
}
