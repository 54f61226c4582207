//! A83: JSON that two parsers would read differently, or that exhausts one. 400; in the JSON:API
//! family 409, which is its word for a bad body.

use crate::harness::Server;

fn tricks() -> Vec<(Vec<u8>, &'static str)> {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(1_000), "}".repeat(1_000));
    let duplicate = r#"{"grant_type":"refresh_token","grant_type":"client_credentials"}"#;
    let hidden = r#"{"data":{"type":"token","attributes":{"scope":"a","scope":"b"}}}"#;
    vec![
        (duplicate.into(), "duplicate key in JSON"),
        (hidden.into(), "duplicate key in JSON"),
        (deep.into(), "JSON nested too deep"),
        (r#"{"a":1e400}"#.into(), "JSON number out of range"),
        (r#"{"a":"\ud800"}"#.into(), "lone surrogate in JSON"),
        (r#"{"a":"\u0000"}"#.into(), "NUL in a JSON string"),
        (r#"{"a":1}{"a":2}"#.into(), "trailing bytes after JSON"),
        (b"{\"a\":\"\xff\"}".to_vec(), "malformed JSON"),
        (b"{'a':1}".to_vec(), "malformed JSON"),
        (b"{".to_vec(), "malformed JSON"),
        (b"\xef\xbb\xbf{}".to_vec(), "malformed JSON"),
    ]
}

#[tokio::test]
async fn the_json_family_refuses_ambiguous_json() {
    let server = Server::start().await;
    for path in ["/oauth2/token", "/oauth2/revoke"] {
        for (body, reason) in tricks() {
            let answer = server.post(path).raw("application/json", body).await;
            answer.refused(&server, 400, "invalid_request", reason);
        }
    }
}

#[tokio::test]
async fn the_json_api_family_refuses_ambiguous_json() {
    let server = Server::start().await;
    for media_type in ["application/json", "application/vnd.api+json"] {
        for (body, reason) in tricks() {
            let answer = server.post("/pub/oauth/token").raw(media_type, body).await;
            answer.refused_json_api(&server, 409, "InvalidBodyParameter", reason);
        }
    }
}

#[tokio::test]
async fn members_of_the_wrong_type_are_refused_by_name() {
    let server = Server::start().await;
    for (body, reason) in [
        (r#"{"grant_type":["client_credentials"]}"#, "grant_type is not a string"),
        (r#"{"grant_type":"refresh_token","refresh_token":{}}"#, "refresh_token is not a string"),
        (r#"{"scope":7}"#, "scope is not a string"),
        (r#"["client_credentials"]"#, "the body is not a JSON object"),
        ("null", "the body is not a JSON object"),
    ] {
        let answer = server.post("/oauth2/token").raw("application/json", body).await;
        answer.refused(&server, 400, "invalid_request", reason);
    }
}
