//! Request bodies through a connection: passed on while they arrive, bounded, and sent twice only where
//! they are still here.

use std::time::Duration;

use keyhaven::http::limits::Limits;

use crate::harness::ProxyScene as Scene;
use crate::small_server::{SHORT, SmallServer, patient};
use crate::wire::{Answer, Wire};

const LARGE: usize = 512 * 1024;

/// The scene's routes behind the real listener.
async fn listening(scene: &Scene, limits: Limits) -> SmallServer {
    let routes = keyhaven::routes::public(scene.server.app.clone());
    SmallServer::start_with(routes, |front| front.limits = limits).await
}

/// A request begun, with `fields` that say how long its body is.
async fn begun(scene: &Scene, front: &SmallServer, fields: &str) -> Wire {
    let mut wire = Wire::open(front.address).await;
    let (path, admin) = (scene.path("/files"), &scene.admin);
    let head = format!("POST {path} HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer {admin}");
    wire.send(format!("{head}\r\n{fields}\r\n\r\n")).await;
    wire
}

fn is_ours(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.field("keyhaven-proxy")), (status, Some("keyhaven")));
    assert_eq!(answer.field("connection"), Some("close"), "the rest of the body is nobody's");
}

#[tokio::test]
async fn a_large_body_goes_on_while_it_arrives() {
    let scene = Scene::set().await;
    let front = listening(&scene, patient()).await;
    let mut wire = begun(&scene, &front, &format!("Content-Length: {LARGE}")).await;
    wire.send(vec![b'a'; LARGE / 2]).await;
    while scene.api.arrived() < LARGE / 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(scene.api.heard(), Vec::<String>::new(), "the API has not got all of it");
    wire.send(vec![b'b'; LARGE / 2]).await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.field("keyhaven-proxy")), (200, Some("upstream")));
    let heard = scene.api.heard();
    let [request] = &heard[..] else { panic!("{} requests", heard.len()) };
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    assert!(head.to_ascii_lowercase().contains(&format!("content-length: {LARGE}")), "{head}");
    assert!(head.contains("Bearer fake-access-token"), "{head}");
    assert_eq!(body.len(), LARGE);
    assert!(body.ends_with('b'));
}

#[tokio::test]
async fn a_large_body_without_a_length_goes_on_in_pieces() {
    let scene = Scene::set().await;
    let front = listening(&scene, patient()).await;
    let mut wire = begun(&scene, &front, "Transfer-Encoding: chunked").await;
    let piece = "c".repeat(0x8000);
    for _ in 0..4 {
        wire.send(format!("8000\r\n{piece}\r\n")).await;
    }
    wire.send("0\r\n\r\n").await;
    assert_eq!(wire.answer().await.status, 200);
    let heard = scene.api.heard();
    let [request] = &heard[..] else { panic!("{} requests", heard.len()) };
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    assert!(head.to_ascii_lowercase().contains("transfer-encoding: chunked"), "{head}");
    assert_eq!(body.matches('c').count(), 4 * 0x8000);
}

#[tokio::test]
async fn a_body_above_the_limit_is_too_large_whether_it_says_so_or_not() {
    let scene = Scene::set().await;
    let limits = Limits { passed_on: 100_000, ..patient() };
    let front = listening(&scene, limits).await;
    let mut wire = begun(&scene, &front, "Content-Length: 100001").await;
    is_ours(&wire.answer().await, 413);
    assert_eq!(scene.api.arrived(), 0, "nothing went on");
    let mut wire = begun(&scene, &front, "Transfer-Encoding: chunked").await;
    let piece = "c".repeat(0x8000);
    for _ in 0..4 {
        wire.send(format!("8000\r\n{piece}\r\n")).await;
    }
    is_ours(&wire.answer().await, 413);
    assert_eq!(scene.api.heard(), Vec::<String>::new(), "no whole request");
    let mut wire = begun(&scene, &front, "Content-Length: 100000").await;
    wire.send(vec![b'd'; 100_000]).await;
    assert_eq!(wire.answer().await.status, 200);
}

#[tokio::test]
async fn whoever_stops_sending_is_let_go() {
    let scene = Scene::set().await;
    let front = listening(&scene, Limits { body_read: SHORT, ..patient() }).await;
    for fields in ["Content-Length: 1000", "Content-Length: 200000"] {
        let mut wire = begun(&scene, &front, fields).await;
        wire.send("some of it").await;
        is_ours(&wire.answer().await, 408);
    }
    assert_eq!(scene.api.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn only_a_body_that_is_still_here_is_sent_again() {
    for (length, times) in [(60_000, 2), (70_000, 1)] {
        let scene = Scene::set().await;
        scene.api.say("HTTP/1.1 401 Unauthorized\nContent-Length: 0\n\n");
        let body = "x".repeat(length);
        let refused = scene.ask("POST", "/files").raw("text/plain", body).await;
        assert_eq!((refused.status, refused.header("keyhaven-proxy")), (401, "upstream"));
        assert_eq!(scene.api.heard().len(), times, "{length}");
        assert_eq!(scene.connector.fake.refreshes(), 1, "the next call has another token");
    }
}
