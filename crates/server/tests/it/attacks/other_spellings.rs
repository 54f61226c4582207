//! A81: other spellings of our paths. Each is 404, or has the policy of the one it means.

use crate::harness::Server;

#[tokio::test]
async fn only_the_exact_path_is_served() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    for path in [
        "//oauth2/token",
        "/oauth2//token",
        "/oauth2/token/",
        "/oauth2/token;x=1",
        "/oauth2/%74oken",
        "/%6Fauth2/token",
        "/oauth2/./token",
        "/x/../oauth2/token",
        "/oauth2/revoke/../token",
        "/OAUTH2/token",
        "/oauth2%2ftoken",
        "/pub/oauth2/token",
        "/pub//oauth/token",
        "/pub/pub/oauth/token",
    ] {
        let answer = server.post(path).basic(&client).form(&[("grant_type", "client_credentials")]);
        assert_eq!(answer.await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_token_id_that_looks_like_a_path_stays_an_id() {
    let server = Server::start().await;
    for path in ["/oauth/token/..%2f..%2fadmin/groups", "/pub/oauth/token/%2e%2e/organization"] {
        let answer = server.get(path).send().await;
        answer.refused_json_api(&server, 401, "Unauthorized", "no bearer token in the request");
    }
}
