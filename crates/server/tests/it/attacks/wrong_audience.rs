//! A48: a token for one resource at another.

use keyhaven::operations::check::{Need, check};

use crate::harness::{ISSUER, Server, claims_of, reason};

fn at(audience: &str) -> Need {
    Need { audience: Some(audience.into()), ..Need::default() }
}

#[tokio::test]
async fn a_token_counts_only_at_its_own_resource() {
    let server = Server::start().await;
    let jwt = server.a_client().audience("https://a.test").build().await;
    let opaque = server.a_client().audience("https://a.test").opaque().build().await;
    for client in [&jwt, &opaque] {
        let token = server.token(client).await;
        check(server.app(), &token, &at("https://a.test")).await.expect("its own resource");
        for other in ["https://b.test", ISSUER, "https://a.test/", ""] {
            let refused = check(server.app(), &token, &at(other)).await;
            assert_eq!(reason(refused), "the token is for another audience", "{other}");
        }
    }
    assert_eq!(claims_of(&server.token(&jwt).await)["aud"], "https://a.test");
}

#[tokio::test]
async fn a_resource_the_client_is_not_registered_for_is_an_invalid_target() {
    let server = Server::start().await;
    let client = server.a_client().audience("https://a.test").build().await;
    for resource in ["https://b.test", "https://a.test#x", "a.test"] {
        let form = [("grant_type", "client_credentials"), ("resource", resource)];
        let answer = server.post("/oauth2/token").basic(&client).form(&form).await;
        let reason = "resource is not the client's audience";
        answer.refused(&server, 400, "invalid_target", reason);
    }
}

#[tokio::test]
async fn a_resource_server_of_another_tenant_sees_only_tokens_meant_for_it() {
    let server = Server::start().await;
    let client = server.a_client().audience("https://a.test").build().await;
    let elsewhere = server.an_organization("Elsewhere", "elsewhere").await;
    let a = server.a_client().of(elsewhere).audience("https://a.test").build().await;
    let b = server.a_client().of(elsewhere).audience("https://b.test").build().await;
    let token = server.token(&client).await;
    assert!(server.is_active(&a, &token).await);
    assert!(!server.is_active(&b, &token).await);
}
