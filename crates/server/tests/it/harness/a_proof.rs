//! What an app that signs and binds sends: assertions beside a form, proofs beside tokens (RFC 9449),
//! and pushed requests (RFC 9126).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::secret::Digest;
use serde_json::{Value, json};

use super::{AClient, Answer, ISSUER, Server, assertion, signed};

/// How a client says that it signs (RFC 7523 §2.2).
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A new key of this algorithm.
pub(crate) fn a_signing_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("a key")
}

/// A proof by `key` for a request of this server (RFC 9449 §4.2), altered by the members of `edit`.
pub(crate) fn proof_with(
    server: &Server,
    key: &SigningKey,
    method: &str,
    path: &str,
    edit: &Value,
) -> String {
    let header =
        json!({"typ": "dpop+jwt", "alg": key.algorithm().name(), "jwk": key.jwk().to_value()});
    let mut claims = json!({
        "htm": method, "htu": format!("{ISSUER}{path}"), "iat": server.present.now(),
        "jti": server.app().id().to_string(),
    });
    for (name, value) in edit.as_object().expect("an edit is an object") {
        claims[name] = value.clone();
    }
    signed(&header, &claims, key)
}

/// A proof for a request that brings no access token.
pub(crate) fn proof(server: &Server, key: &SigningKey, method: &str, path: &str) -> String {
    proof_with(server, key, method, path, &json!({}))
}

/// A proof for a request that brings this access token.
pub(crate) fn proof_of(
    server: &Server,
    key: &SigningKey,
    method: &str,
    path: &str,
    token: &str,
) -> String {
    let hash = URL_SAFE_NO_PAD.encode(Digest::of(token.as_bytes()).0);
    proof_with(server, key, method, path, &json!({ "ath": hash }))
}

/// Sends a form as a client that signs its assertions, with a proof by `dpop` if there is one.
pub(crate) async fn asserted(
    server: &Server,
    (client, key): (&AClient, &SigningKey),
    path: &str,
    dpop: Option<&SigningKey>,
    form: &[(&str, &str)],
) -> Answer {
    let assertion = assertion(server, client, key, json!({}));
    let own = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())];
    let ask = match dpop {
        Some(dpop) => server.post(path).header("dpop", proof(server, dpop, "POST", path)),
        None => server.post(path),
    };
    ask.form(&[form, &own].concat()).await
}

/// Pushes the request that this address of the authorization endpoint makes.
pub(crate) async fn push(server: &Server, client: &AClient, request: &str) -> Answer {
    let form = request.split_once('?').expect("a query").1.to_owned();
    let ask = server.post("/oauth2/par").basic(client);
    ask.raw("application/x-www-form-urlencoded", form).await
}

/// The address that opens a pushed request.
pub(crate) fn opens(client: &AClient, uri: &str) -> String {
    let pairs = [("client_id", client.id.as_str()), ("request_uri", uri)];
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("/oauth2/authorize?{query}")
}
