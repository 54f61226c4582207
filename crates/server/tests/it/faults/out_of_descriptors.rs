//! F18: the process has no descriptors left. Clients are turned away at once instead of hanging,
//! those who are in are served, and when descriptors are back so is everybody.

use super::child::Process;
use crate::wire::{Wire, get};

#[tokio::test]
async fn without_descriptors_clients_are_turned_away_and_later_served() {
    let process = Process::start("ulimit -n 48").await;
    let mut inside = Wire::open(process.address).await;
    inside.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(inside.answer().await.status, 200);
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(Wire::open(process.address).await);
    }
    // The last one found no descriptor: it is closed without an answer, soon.
    let last = crowd.last_mut().unwrap();
    assert!(last.until_closed().await.is_empty());
    inside.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(inside.answer().await.status, 200, "who is in is served");
    drop(crowd);
    // The server notices the closed connections in its own time; some try then succeeds.
    loop {
        let mut wire = Wire::open(process.address).await;
        wire.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        if wire.until_closed().await.starts_with(b"HTTP/1.1 200") {
            break;
        }
    }
    assert_eq!(get(process.address, "/hello", "").await.body, "hello");
}
