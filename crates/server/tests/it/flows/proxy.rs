//! Calls to an outside API through a connection: its token is added on the way and never shown.

use std::sync::Arc;

use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use keyhaven::http::limits::Limits;
use keyhaven_fake_provider::{Act, Endpoint};
use tokio::sync::Notify;

use crate::harness::{Piece, Place, ProxyScene as Scene, REACHABLE, Server};
use crate::small_server::{SHORT, SmallServer, patient};
use crate::wire::{self, Wire};

on_every_engine![a_call_goes_to_the_connection_s_own_api_with_its_token];

async fn a_call_goes_to_the_connection_s_own_api_with_its_token(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let admin = connector.admin(&server).await;
    let path = format!("/v1/connections/{connection}/proxy/files/7?limit=2");
    let answer = server.get(&path).bearer(&admin).header("cookie", "a=b").send().await;
    let body = answer.expect(200);
    assert_eq!(body["sub"], "account-1", "{body}");
    assert_eq!(body["path"], "/api/files/7", "{body}");
    assert_eq!(answer.header("keyhaven-proxy"), "upstream");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-security-policy").contains("sandbox"));
    assert!(!answer.text().contains("fake-access-token"), "{}", answer.text());
    let path = "/v1/audit?action=connection.token_read";
    let read = server.get(path).bearer(&admin).send().await.expect(200);
    assert!(read["items"][0].to_string().contains("proxy"), "{read}");
}

#[tokio::test]
async fn a_token_that_the_api_refuses_is_replaced_once() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let admin = connector.admin(&server).await;
    let path = format!("/v1/connections/{connection}/proxy/me");
    connector.fake.expire_access_tokens();
    server.get(&path).bearer(&admin).send().await.expect(200);
    assert_eq!(connector.fake.refreshes(), 1);
    connector.fake.expire_access_tokens();
    let refused = server.get(&path).bearer(&admin).send().await;
    assert_eq!(refused.status, 401, "once a minute, and the API's word is passed on");
    assert_eq!(refused.header("keyhaven-proxy"), "upstream");
    assert_eq!(connector.fake.refreshes(), 1);
}

#[tokio::test]
async fn our_own_refusals_say_that_they_are_ours() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let admin = connector.admin(&server).await;
    let by = async |token: &str, rest: &str| {
        let path = format!("/v1/connections/{connection}/proxy{rest}");
        let answer = server.get(&path).bearer(token).send().await;
        assert_eq!(answer.header("keyhaven-proxy"), "keyhaven", "{answer:?}");
        answer.status
    };
    for rest in ["/%2e%2e/token", "/a/..%2f..%2ftoken", "/../token"] {
        let asked = connector.fake.requests(Endpoint::Token);
        assert_eq!(by(&admin, rest).await, 400, "{rest}");
        assert_eq!(connector.fake.requests(Endpoint::Token), asked, "{rest}");
    }
    let south = server.an_organization("South", "south").await;
    let other = server.a_client().of(south).scopes("connection:token").build().await;
    let other = server.token(&other).await;
    assert_eq!(by(&other, "/me").await, 404, "a neighbour's connection");
    server.present.pass(3_600);
    let admin = connector.admin(&server).await;
    connector.fake.next(Endpoint::Token, Act::Html(500));
    assert_eq!(by(&admin, "/me").await, 503, "the provider gives no token now");
    connector.fake.end_all_grants();
    server.present.pass(60);
    let admin = connector.admin(&server).await;
    assert_eq!(by(&admin, "/me").await, 409, "its user is needed");
    let path = format!("/v1/connections/{connection}/proxy/me");
    let nobody = server.get(&path).send().await;
    assert_eq!((nobody.status, nobody.header("keyhaven-proxy")), (401, "keyhaven"));
}

#[tokio::test]
async fn a_body_of_any_size_is_passed_on_while_it_arrives() {
    const PIECE: usize = 64 * 1024;
    let scene = Scene::set().await;
    let go = Arc::new(Notify::new());
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nfirst";
    scene.api.say_pieces(vec![
        Piece::Bytes(head.into()),
        Piece::Wait(go.clone()),
        Piece::Again(vec![b'x'; PIECE], 256),
    ]);
    let response = scene.ask("GET", "/big").open().await;
    let mut body = response.into_body().into_data_stream();
    let first = body.next().await.expect("a piece").expect("no failure");
    assert_eq!(&first[..], b"first", "before the API has said the rest");
    go.notify_one();
    let mut length = 0;
    while let Some(piece) = body.next().await {
        length += piece.expect("no failure").len();
    }
    assert_eq!(length, 256 * PIECE);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_whole_body() {
    let scene = Scene::set().await;
    scene.api.say("HTTP/1.1 200 OK\nContent-Length: 100\n\nhalf");
    let response = scene.ask("GET", "/half").open().await;
    assert!(response.into_body().collect().await.is_err());
}

/// The scene's routes behind the real listener, on which an idle connection does not live long.
async fn listening(scene: &Scene) -> SmallServer {
    let routes = keyhaven::routes::public(scene.server.app.clone());
    let limits = Limits { idle: SHORT, ..patient() };
    SmallServer::start_with(routes, |front| front.limits = limits).await
}

#[tokio::test]
async fn a_connection_is_not_idle_while_a_body_arrives() {
    let scene = Scene::set().await;
    let front = listening(&scene).await;
    let go = Arc::new(Notify::new());
    scene.api.say_pieces(vec![
        Piece::Bytes("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nfirst".into()),
        Piece::Wait(go.clone()),
        Piece::Bytes("the rest".into()),
    ]);
    let mut wire = Wire::open(front.address).await;
    let (path, admin) = (scene.path("/slow"), &scene.admin);
    let fields = format!("Host: a.test\r\nConnection: close\r\nAuthorization: Bearer {admin}");
    wire.send(format!("GET {path} HTTP/1.1\r\n{fields}\r\n\r\n")).await;
    wire.until("first").await;
    // Longer than an idle connection lives.
    tokio::time::sleep(3 * SHORT).await;
    go.notify_one();
    let all = String::from_utf8(wire.until_closed().await).expect("a text");
    assert!(all.contains("keyhaven-proxy: upstream"), "{all}");
    assert!(all.contains("the rest") && all.ends_with("0\r\n\r\n"), "{all}");
}

#[tokio::test]
async fn whoever_is_turned_away_at_the_door_hears_that_it_was_ours() {
    let scene = Scene::set().await;
    let front = listening(&scene).await;
    let path = scene.path("/files");
    let length = 10 * 1024 * 1024 + 1;
    let head = format!("POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n");
    let answer = wire::ask(front.address, head).await;
    assert_eq!((answer.status, answer.field("keyhaven-proxy")), (413, Some("keyhaven")));
    let other =
        "POST /v1/connections/1/token HTTP/1.1\r\nHost: a.test\r\nContent-Length: 70000\r\n\r\n";
    let answer = wire::ask(front.address, other).await;
    assert_eq!((answer.status, answer.field("keyhaven-proxy")), (413, None));
    assert_eq!(scene.api.heard(), Vec::<String>::new());
}
