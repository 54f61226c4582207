//! Whether a failure says that the request may have arrived.

use keyhaven_connect::failure::{Failure, FailureKind};
use tokio::net::TcpListener;
use url::Url;

use crate::server::{Act, Server, client, post};

#[tokio::test]
async fn a_closed_port_took_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let failure = post(&client(), Url::parse(&url).expect("a URL")).await.expect_err("closed");
    assert_eq!(failure, Failure::before(FailureKind::Unconnected));
}

#[tokio::test]
async fn a_connection_closed_without_a_reply_may_have_taken_all() {
    let server = Server::start(Act::HangUp).await;
    let failure = post(&client(), server.url()).await.expect_err("hung up");
    assert_eq!(failure, Failure::after(FailureKind::BrokenOff));
}

#[tokio::test]
async fn a_reply_that_breaks_off_may_have_taken_all() {
    let server = Server::saying("HTTP/1.1 200 OK\nContent-Length: 100\n\n{\"access").await;
    let failure = post(&client(), server.url()).await.expect_err("broken off");
    assert_eq!(failure, Failure::after(FailureKind::BrokenOff));
}

#[tokio::test]
async fn bytes_that_are_not_http_may_have_taken_all() {
    let server = Server::saying("SSH-2.0-OpenSSH_9.6\n").await;
    let failure = post(&client(), server.url()).await.expect_err("not HTTP");
    assert_eq!(failure, Failure::after(FailureKind::BrokenOff));
}

#[tokio::test]
async fn any_status_is_a_reply() {
    for status in [200, 201, 400, 401, 403, 429, 500, 503] {
        let head = format!("HTTP/1.1 {status} x\nRetry-After: 7\nContent-Length: 2\n\n{{}}");
        let reply = post(&client(), Server::saying(&head).await.url()).await.expect("a reply");
        assert_eq!((reply.status, reply.header("retry-after")), (status, Some("7")));
    }
}

#[test]
fn nothing_that_was_said_is_printed() {
    let url = Url::parse("https://idp.example.com/token?secret=marker").expect("a URL");
    let request = keyhaven_connect::send::Outgoing::post(url, "text/plain", b"marker".to_vec());
    assert_eq!(format!("{request:?}"), "POST idp.example.com");
}
