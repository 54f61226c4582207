//! Where the client does not go, and what it does not follow.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use keyhaven_connect::failure::{Failure, FailureKind};
use keyhaven_connect::send::{Client, Outgoing, Resolver};
use url::Url;

use crate::server::{Act, Server, allowing, client, post};

const OK: &str = "HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 2\n\n{}";

fn refused(rule: &'static str) -> Failure {
    Failure::before(FailureKind::Refused(rule))
}

/// A name that a test decides about.
fn knowing(client: Client, name: &str, addresses: &[&str]) -> Client {
    let addresses = addresses.iter().map(|text| text.parse().expect(text)).collect();
    client.resolving_by(Resolver::Fixed(Arc::new(HashMap::from([(name.to_owned(), addresses)]))))
}

#[tokio::test]
async fn loopback_is_refused_without_a_connection() {
    let server = Server::saying(OK).await;
    let url = format!("https://127.0.0.1:{}/", server.address.port());
    let strict = allowing(&[]);
    let failure = post(&strict, Url::parse(&url).expect("a URL")).await.expect_err("refused");
    assert_eq!(failure, refused("URL's port is not 443"));
    let failure = post(&strict, server.url()).await.expect_err("refused");
    assert_eq!(failure, refused("URL is not https"));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_public_name_that_resolves_inwards_is_refused() {
    let url = Url::parse("https://idp.example.com/").expect("a URL");
    for (addresses, reason) in [
        (&["127.0.0.1"][..], "loopback"),
        (&["::1"], "not global unicast"),
        (&["169.254.169.254"], "link-local or cloud metadata"),
        (&["::ffff:10.0.0.1"], "private"),
        (&["93.184.216.34", "10.0.0.1"], "private"),
    ] {
        let client = knowing(allowing(&[]), "idp.example.com", addresses);
        assert_eq!(post(&client, url.clone()).await.expect_err("refused"), refused(reason));
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_unresolved_and_unsent() {
    let client = knowing(allowing(&[]), "other.example.com", &["93.184.216.34"]);
    let url = Url::parse("https://idp.example.com/").expect("a URL");
    let failure = post(&client, url).await.expect_err("unresolved");
    assert_eq!(failure, Failure::before(FailureKind::Unresolved));
}

#[tokio::test]
async fn an_allowed_name_is_reached_at_the_address_it_resolved_to() {
    let server = Server::saying(OK).await;
    let port = server.address.port();
    let client = allowing(&[&format!("idp.corp:{port}")]);
    let client = knowing(client, "idp.corp", &["127.0.0.1"]);
    let url = Url::parse(&format!("http://idp.corp:{port}/token")).expect("a URL");
    assert_eq!(post(&client, url).await.expect("a reply").status, 200);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_exception_for_one_port_opens_no_other() {
    let server = Server::saying(OK).await;
    let other = allowing(&["127.0.0.2/32", "localhost:1"]);
    let failure = post(&other, server.url()).await.expect_err("refused");
    assert_eq!(failure, refused("URL is not https"));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_a_reply_and_is_not_followed() {
    let target = Server::saying(OK).await;
    for status in ["301", "302", "303", "307", "308"] {
        let head =
            format!("HTTP/1.1 {status} x\nLocation: {}\nContent-Length: 0\n\n", target.url());
        let server = Server::saying(&head).await;
        let reply = post(&client(), server.url()).await.expect("a reply");
        assert_eq!(reply.status.to_string(), status);
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn every_request_has_a_connection_of_its_own() {
    let server = Server::start(Act::Say(OK.replace('\n', "\r\n").into_bytes())).await;
    let client = client();
    for _ in 0..3 {
        post(&client, server.url()).await.expect("a reply");
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_reply_that_is_passed_on_goes_through_the_same_gates() {
    let (span, server) = (Duration::from_secs(10), Server::saying(OK).await);
    let strict = allowing(&[]);
    let refusal = strict.open(Outgoing::get_json(server.url()), span).await.expect_err("refused");
    assert_eq!(refusal, refused("URL is not https"));
    let url = Url::parse("https://api.example.com/").expect("a URL");
    for address in ["127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"] {
        let client = knowing(allowing(&[]), "api.example.com", &["93.184.216.34", address]);
        let failure = client.open(Outgoing::get_json(url.clone()), span).await;
        assert!(matches!(failure.expect_err("refused").kind, FailureKind::Refused(_)), "{address}");
    }
    assert_eq!(server.connections(), 0);
}
