//! A47: an ID token, honestly signed by us, where an access token belongs.

use keyhaven::operations::check::{Need, check};
use keyhaven_protocol::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use crate::harness::{Server, claims_of, reason, signed};

#[tokio::test]
async fn only_an_access_token_opens_anything_whoever_signed_the_rest() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let claims = claims_of(&server.token(&client).await);
    let id = "an ID token is not an access token";
    for (typ, expected) in [
        (json!("JWT"), id),
        (json!("jwt"), id),
        (Value::Null, "JWS typ is not a string"),
        (json!("logout+jwt"), "typ is not at+jwt"),
        (json!("application/JWT"), id),
    ] {
        let token = honestly_signed(&server, &json!({ "typ": typ }), &claims);
        assert_eq!(reason(check(server.app(), &token, &Need::default()).await), expected, "{typ}");
        let answer = server.get("/oauth/token/x/groups").bearer(&token).send().await;
        answer.refused_json_api(&server, 401, "Unauthorized", expected);
        assert!(!server.is_active(&client, &token).await);
    }
    let untyped = honestly_signed(&server, &json!({}), &claims);
    let expected = "token has no typ, so it is not an access token";
    assert_eq!(reason(check(server.app(), &untyped, &Need::default()).await), expected);
}

/// Signed by the server's own key.
fn honestly_signed(server: &Server, extra: &Value, claims: &Value) -> String {
    let ring = server.app().keys.now();
    let now = server.app().clock.now();
    let key = ring.signer(Algorithm::Es256, now).expect("a key signs").key();
    let mut header = json!({ "alg": "ES256", "kid": key.kid() });
    for (name, value) in extra.as_object().expect("an object") {
        header[name] = value.clone();
    }
    signed(&header, claims, key)
}
