//! The authorization server metadata document (RFC 8414), served at both well-known paths. It
//! states only what is true: lists follow from the code that implements them.

use serde_json::{Value, json};

use crate::authorize::{ACR_MULTIPLE, ACR_SINGLE, ResponseMode};
use crate::client::AuthMethod;
use crate::grants::GRANTS;
use crate::jose::algorithm::Algorithm;
use crate::person;

/// No registry has a word for it: a token request under an `Idempotency-Key` may be repeated within a
/// minute and gets the same tokens. A client that does not read this must not repeat what works once.
const IDEMPOTENT_TOKENS: &str = "keyhaven_idempotent_tokens";

/// The document for `issuer`, a URL without a trailing slash.
#[must_use]
pub fn document(issuer: &str) -> Value {
    let grant_types: Vec<_> = GRANTS.iter().map(|grant| grant.name()).collect();
    let all_methods = methods(|_| true);
    let confidential = methods(|method| method != AuthMethod::None);
    let algorithms: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth2/authorize"),
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "userinfo_endpoint": format!("{issuer}/oauth2/userinfo"),
        "pushed_authorization_request_endpoint": format!("{issuer}/oauth2/par"),
        "end_session_endpoint": format!("{issuer}/oauth2/logout"),
        "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
        "introspection_endpoint": format!("{issuer}/oauth2/introspect"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "grant_types_supported": grant_types,
        "token_endpoint_auth_methods_supported": all_methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": all_methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "service_documentation": format!("{issuer}/docs"),
        IDEMPOTENT_TOKENS: true,
    });
    for (name, value) in sign_in(&algorithms) {
        document[name] = value;
    }
    document
}

/// What the authorization endpoint and its surroundings can do.
fn sign_in(algorithms: &[&str]) -> Vec<(&'static str, Value)> {
    let modes: Vec<_> = ResponseMode::ALL.iter().map(|mode| mode.as_str()).collect();
    let scopes = ["openid"].into_iter().chain(person::SCOPES).chain(["offline_access"]);
    let of_login = ["sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "sid"];
    let claims = of_login.into_iter().chain(person::claims());
    vec![
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(modes)),
        ("scopes_supported", json!(scopes.collect::<Vec<_>>())),
        ("claims_supported", json!(claims.collect::<Vec<_>>())),
        ("claim_types_supported", json!(["normal"])),
        ("claims_parameter_supported", json!(true)),
        ("request_parameter_supported", json!(false)),
        ("request_uri_parameter_supported", json!(false)),
        ("request_object_signing_alg_values_supported", json!(algorithms)),
        ("require_pushed_authorization_requests", json!(false)),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("prompt_values_supported", json!(["none", "login", "consent", "select_account"])),
        ("display_values_supported", json!(["page"])),
        ("ui_locales_supported", json!(["en"])),
        ("acr_values_supported", json!([ACR_SINGLE, ACR_MULTIPLE])),
        ("subject_types_supported", json!(["public", "pairwise"])),
        ("id_token_signing_alg_values_supported", json!(algorithms)),
        ("userinfo_signing_alg_values_supported", json!(algorithms)),
        ("dpop_signing_alg_values_supported", json!(algorithms)),
        ("backchannel_logout_supported", json!(true)),
        ("backchannel_logout_session_supported", json!(true)),
    ]
}

fn methods(keep: impl Fn(AuthMethod) -> bool) -> Vec<&'static str> {
    AuthMethod::ALL.iter().copied().filter(|method| keep(*method)).map(AuthMethod::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_grant_type_is_implemented() {
        let document = document("https://issuer.test");
        for name in document["grant_types_supported"].as_array().unwrap() {
            assert!(crate::grants::find(name.as_str().unwrap()).is_ok(), "{name}");
        }
    }

    #[test]
    fn no_member_is_null_and_every_url_is_ours() {
        let document = document("https://issuer.test");
        for (name, value) in document.as_object().unwrap() {
            assert!(!value.is_null(), "{name}");
            if let Some(url) = value.as_str() {
                assert!(url.starts_with("https://issuer.test"), "{name}");
            }
        }
    }

    #[test]
    fn a_public_client_cannot_introspect_and_the_document_says_so() {
        let methods =
            &document("https://issuer.test")["introspection_endpoint_auth_methods_supported"];
        assert!(!methods.as_array().unwrap().iter().any(|method| method == "none"));
    }
}
