//! A72: a callback with a missing, unknown, spent or expired state, or one of another connector; and
//! a lying issuer. Nothing is stored, and no code is sent.

use keyhaven_fake_provider::{Act, Endpoint};

use crate::harness::{Server, path_of};

const UNKNOWN: &str = "eyJzdGF0ZSI6ICJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwgImNvbm5lY3Rvcl9pZCI6ICIifQ==";

#[tokio::test]
async fn a72_a_stray_callback_stores_nothing() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    for query in [
        String::new(),
        "?code=x".to_owned(),
        "?code=x&state=".to_owned(),
        "?code=x&state=AAAA".to_owned(),
        "?error=access_denied".to_owned(),
        format!("?code=x&state={UNKNOWN}"),
        format!("?code=x&state={UNKNOWN}&state={UNKNOWN}"),
        format!("?code=x&state={}", "A".repeat(20_000)),
    ] {
        let path = format!("/connectors/oauth/callback{query}");
        let body = server.get(&path).send().await.expect(400);
        assert_eq!(body["error"]["code"], "HTTP_BAD_REQUEST", "{query}");
        let page = server.get(&path).header("Accept", "text/html,*/*").send().await;
        assert_eq!(page.status, 400);
        assert!(page.text().contains("error-page") || page.text().contains("<h1"), "{query}");
    }
    assert!(connector.connections(&server).await.is_empty());
    assert_eq!(connector.fake.requests(Endpoint::Token), 0);
}

#[tokio::test]
async fn a72_an_expired_flow_says_so_and_exchanges_nothing() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let back = connector.fake.consent(&connector.start(&server).await).expect("consent");
    server.present.pass(600);
    let late = server.get(path_of(&back)).send().await;
    assert!(late.header("location").ends_with("oauth_error=flow_expired"), "{late:?}");
    assert_eq!(connector.fake.requests(Endpoint::Token), 0);
}

#[tokio::test]
async fn a72_a_callback_counts_once() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let back = connector.fake.consent(&connector.start(&server).await).expect("consent");
    connector.fake.next(Endpoint::Token, Act::Delay(200));
    let path = path_of(&back);
    let both = tokio::join!(server.get(path).send(), server.get(path).send());
    assert_eq!(both.0.header("location"), both.1.header("location"));
    assert_eq!(connector.fake.exchanges(), 1);
    assert_eq!(connector.connections(&server).await.len(), 1);
}

#[tokio::test]
async fn a_callback_at_another_connector_s_path_is_nobody_s() {
    let server = Server::with_providers().await;
    let (one, other) = (server.a_connector().await, server.a_connector().await);
    let back = one.fake.consent(&one.start(&server).await).expect("consent");
    let crossed = path_of(&back).replace(&one.id, &other.id);
    assert_eq!(server.get(&crossed).send().await.status, 400);
    assert_eq!(one.fake.requests(Endpoint::Token), 0);
    assert_eq!(server.get(path_of(&back)).send().await.status, 302, "its own still works");
}

#[tokio::test]
async fn a_provider_that_answers_in_another_s_name_gets_no_code() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    connector.fake.next(Endpoint::Authorize, Act::WrongIssuer);
    let back = connector.fake.consent(&connector.start(&server).await).expect("consent");
    let answer = server.get(path_of(&back)).send().await;
    assert!(answer.header("location").contains("oauth_error="), "{answer:?}");
    assert_eq!(connector.fake.requests(Endpoint::Token), 0);
}
