//! A35: requests to the token endpoint that are no token requests. JSON is not among them: at this
//! path it belongs to the JSON family by contract.

use crate::harness::Server;

const CREDENTIALS: &str = "grant_type=client_credentials";

#[tokio::test]
async fn only_post_is_answered() {
    let server = Server::start().await;
    for path in ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/oauth/token"] {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let answer = server.ask(method, path).send().await;
            assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn other_media_types_are_415_and_say_what_to_send() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let reason = "the body is neither a form nor JSON";
    let types = ["multipart/form-data; boundary=x", "text/plain", "application/xml", "form"];
    for path in ["/oauth2/token", "/oauth2/revoke"] {
        for media_type in types {
            let answer = server.post(path).basic(&client).raw(media_type, CREDENTIALS).await;
            answer.refused(&server, 415, "invalid_request", reason);
        }
        server.post(path).basic(&client).send().await.refused(
            &server,
            415,
            "invalid_request",
            reason,
        );
    }
}

#[tokio::test]
async fn two_content_types_are_none() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let request = server.post("/oauth2/token").basic(&client).header("content-type", "text/plain");
    let answer = request.raw("application/x-www-form-urlencoded", CREDENTIALS).await;
    answer.refused(&server, 415, "invalid_request", "the body is neither a form nor JSON");
}

#[tokio::test]
async fn parameters_in_the_url_are_refused_even_beside_a_sound_body() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let reason = "parameters belong in the body, not in the URL";
    for query in ["grant_type=client_credentials", "scope=read", "x"] {
        let request = server.post(&format!("/oauth2/token?{query}")).basic(&client);
        let answer = request.form(&[("grant_type", "client_credentials")]).await;
        answer.refused(&server, 400, "invalid_request", reason);
    }
    let token = server.token(&client).await;
    let revoked = server.post(&format!("/oauth2/revoke?token={token}")).basic(&client);
    revoked.form(&[("token", &token)]).await.refused(&server, 400, "invalid_request", reason);
    assert!(server.is_active(&client, &token).await);
}

#[tokio::test]
async fn json_sent_under_the_form_type_is_read_as_json() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let body = r#"{"grant_type":"client_credentials","scope":"read"}"#;
    let request = server.post("/oauth2/token").basic(&client);
    let answer = request.raw("application/x-www-form-urlencoded", body).await;
    assert_eq!(answer.expect(200)["token_type"], "jwt", "the JSON family's vocabulary");
}
