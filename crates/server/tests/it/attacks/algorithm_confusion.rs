//! A40: HS256 keyed with the public key, and every spelling of `none`, at each verifier: client
//! assertions and access tokens.

use keyhaven::operations::check::{Need, check};
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use serde_json::{Value, json};

use crate::harness::{
    Server, assertion_claims, claims_of, forged, key_set, reason, signed, with_mac,
};

const FORBIDDEN: &str = "JWS alg is not allowed";

#[tokio::test]
async fn a_client_assertion_by_another_kind_of_algorithm_is_refused() {
    let server = Server::start().await;
    let key = SigningKey::generate(Algorithm::Es256).expect("a key");
    let set = key_set(&key);
    let client = server.a_client().assertions(&set, "ES256").build().await;
    let claims = assertion_claims(&server, &client, json!({}));
    let header = |alg: &str| json!({ "alg": alg, "kid": key.kid(), "typ": "JWT" });
    let rs256 = SigningKey::generate(Algorithm::EdDsa).expect("a key");
    for (jwt, reason) in [
        (with_mac(&header("HS256"), &claims, set.as_bytes()), FORBIDDEN),
        (forged(&header("none"), &claims, |_| vec![0]), FORBIDDEN),
        (forged(&header("None"), &claims, |_| vec![0]), FORBIDDEN),
        (forged(&header("es256"), &claims, |input| key.sign(input).expect("signs")), FORBIDDEN),
        (forged(&header("none"), &claims, |_| Vec::new()), "JWS has an empty part"),
        (signed(&header("EdDSA"), &claims, &rs256), "assertion alg is not the registered one"),
    ] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", jwt.as_str()),
        ];
        let answer = server.post("/oauth2/token").form(&form).await;
        answer.refused(&server, 401, "invalid_client", reason);
    }
}

#[tokio::test]
async fn an_access_token_by_another_kind_of_algorithm_is_no_credential() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let claims = claims_of(&server.token(&client).await);
    let published = server.get("/.well-known/jwks.json").send().await;
    let document: Value = serde_json::from_slice(&published.body).expect("a key set");
    let kid = &document["keys"][0]["kid"];
    let header = |alg: &str| json!({ "alg": alg, "kid": kid, "typ": "at+jwt" });
    for (token, expected) in [
        (with_mac(&header("HS256"), &claims, &published.body), FORBIDDEN),
        (forged(&header("none"), &claims, |_| vec![0]), FORBIDDEN),
        (forged(&header("nOnE"), &claims, |_| vec![0]), FORBIDDEN),
        (forged(&header("none"), &claims, |_| Vec::new()), "JWS has an empty part"),
        (forged(&header("RS256"), &claims, |_| vec![0; 256]), "alg does not fit the key"),
        (forged(&header("ES256"), &claims, |_| vec![0; 64]), "signature does not verify"),
    ] {
        assert_eq!(reason(check(server.app(), &token, &Need::default()).await), expected);
        assert!(!server.is_active(&client, &token).await);
    }
}

#[tokio::test]
async fn a_key_named_by_the_token_itself_is_not_looked_at() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let claims = claims_of(&server.token(&client).await);
    let own = SigningKey::generate(Algorithm::Es256).expect("a key");
    for header in [
        json!({ "alg": "ES256", "kid": own.kid(), "typ": "at+jwt", "jwk": own.jwk().to_value() }),
        json!({ "alg": "ES256", "kid": own.kid(), "typ": "at+jwt", "jku": "https://e.test/k" }),
    ] {
        let token = signed(&header, &claims, &own);
        let refused = check(server.app(), &token, &Need::default()).await;
        assert_eq!(reason(refused), "kid names no known key");
    }
}
