//! The authorization server metadata document (RFC 8414), served at both well-known paths. It
//! states only what is true: lists follow from the code that implements them.

use serde_json::{Value, json};

use crate::client::AuthMethod;
use crate::grants::GRANTS;
use crate::jose::algorithm::Algorithm;

/// The document for `issuer`, a URL without a trailing slash.
#[must_use]
pub fn document(issuer: &str) -> Value {
    let grant_types: Vec<_> = GRANTS.iter().map(|grant| grant.name()).collect();
    let all_methods = methods(|_| true);
    let confidential = methods(|method| method != AuthMethod::None);
    let algorithms: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
    json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
        "introspection_endpoint": format!("{issuer}/oauth2/introspect"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "response_types_supported": [],
        "grant_types_supported": grant_types,
        "token_endpoint_auth_methods_supported": all_methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": all_methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "service_documentation": format!("{issuer}/docs"),
    })
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
