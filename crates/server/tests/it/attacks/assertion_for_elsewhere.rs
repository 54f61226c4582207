//! A39: an assertion that was made for another server, for several, or by an old rule.

use keyhaven_protocol::client::Profile;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use serde_json::{Value, json};

use crate::harness::{Answer, ISSUER, Server, assertion, key_set};

async fn sent(server: &Server, profile: Profile, claims: Value) -> Answer {
    let key = SigningKey::generate(Algorithm::Es256).expect("a key");
    let client = server.a_client().assertions(&key_set(&key), "ES256");
    let client = client.but(|client| client.profile = profile).build().await;
    let jwt = assertion(server, &client, &key, claims);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", jwt.as_str()),
    ];
    server.post("/oauth2/token").form(&form).await
}

#[tokio::test]
async fn the_audience_is_our_issuer_alone() {
    let server = Server::start().await;
    let elsewhere = "assertion aud is another server";
    let several = "assertion aud is missing or not a single string";
    let token_url = format!("{ISSUER}/oauth2/token");
    for (audience, reason) in [
        (json!("https://other.test"), elsewhere),
        (json!(token_url), elsewhere),
        (json!(format!("{ISSUER}/")), elsewhere),
        (json!(format!("{ISSUER}.evil.test")), elsewhere),
        (json!([ISSUER]), several),
        (json!([ISSUER, "https://other.test"]), several),
        (Value::Null, several),
    ] {
        let answer = sent(&server, Profile::Strict, json!({ "aud": audience })).await;
        answer.refused(&server, 401, "invalid_client", reason);
    }
    sent(&server, Profile::Strict, json!({ "aud": ISSUER })).await.expect(200);
}

#[tokio::test]
async fn the_token_url_is_accepted_of_compatible_clients_only() {
    let server = Server::start().await;
    let token_url = json!({ "aud": format!("{ISSUER}/oauth2/token") });
    sent(&server, Profile::OidcCompat, token_url.clone()).await.expect(200);
    let answer = sent(&server, Profile::Fapi2, token_url).await;
    answer.refused(&server, 401, "invalid_client", "assertion aud is another server");
}

#[tokio::test]
async fn an_assertion_lives_five_minutes_at_most_and_speaks_for_its_own_client() {
    let server = Server::start().await;
    let now = server.present.now();
    for (claims, reason) in [
        (json!({ "exp": now + 400 }), "assertion lives longer than 5 minutes"),
        (json!({ "exp": now }), "assertion expired"),
        (json!({ "nbf": now + 60 }), "assertion is not valid yet"),
        (json!({ "iss": "https://other.test" }), "assertion iss and sub are not the client"),
        (json!({ "jti": "" }), "assertion jti is empty or longer than 255 bytes"),
    ] {
        let answer = sent(&server, Profile::Strict, claims).await;
        answer.refused(&server, 401, "invalid_client", reason);
    }
}
