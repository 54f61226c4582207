//! What a provider says of itself (OpenID Connect Discovery §3, RFC 8414 §2). It is believed only if
//! it says it is the issuer we asked (§4.3): otherwise one provider could speak for another (A73).

use serde_json::Value;

use super::preset::{Preset, parse_issuer};
use crate::json;

const MAX_DOCUMENT: usize = 64 * 1024;

/// The parts of a provider's metadata that a sign-in uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its issuer, exactly as configured.
    pub issuer: String,
    /// Where the browser is sent.
    pub authorization_endpoint: String,
    /// Where the code is redeemed.
    pub token_endpoint: String,
    /// Where its keys are; none for a provider without ID tokens.
    pub jwks_uri: Option<String>,
    /// Where the person's claims are.
    pub userinfo_endpoint: Option<String>,
    /// Whether its answers carry `iss` (RFC 9207 §3).
    pub sends_iss: bool,
    /// How we prove who we are when we redeem.
    pub secret_in: SecretIn,
}

/// Where a confidential client's secret goes (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretIn {
    /// The `Authorization` header.
    Header,
    /// The form.
    Form,
}

/// Where an issuer keeps its metadata (OpenID Connect Discovery §4.1).
#[must_use]
pub fn location(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

impl Metadata {
    /// Reads a document fetched for `issuer`.
    pub fn parse(document: &[u8], issuer: &str) -> Result<Self, &'static str> {
        let value = json::parse_within(MAX_DOCUMENT, document)?;
        if value.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err("metadata is of another issuer");
        }
        let required = |name, missing| endpoint(&value, name, issuer)?.ok_or(missing);
        Ok(Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: required(
                "authorization_endpoint",
                "metadata has no authorization_endpoint",
            )?,
            token_endpoint: required("token_endpoint", "metadata has no token_endpoint")?,
            jwks_uri: Some(required("jwks_uri", "metadata has no jwks_uri")?),
            userinfo_endpoint: endpoint(&value, "userinfo_endpoint", issuer)?,
            sends_iss: value.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
            secret_in: secret_in(&value),
        })
    }

    /// GitHub publishes none, so it is written down here.
    #[must_use]
    pub fn github() -> Self {
        Self {
            issuer: Preset::Github.issuer().unwrap_or_default().to_owned(),
            authorization_endpoint: "https://github.com/login/oauth/authorize".into(),
            token_endpoint: "https://github.com/login/oauth/access_token".into(),
            jwks_uri: None,
            userinfo_endpoint: Some("https://api.github.com/user".into()),
            sends_iss: false,
            secret_in: SecretIn::Form,
        }
    }
}

/// A URL of the document: sound, and no less protected than the issuer.
fn endpoint(value: &Value, name: &str, issuer: &str) -> Result<Option<String>, &'static str> {
    let Some(found) = value.get(name) else { return Ok(None) };
    let text = found.as_str().ok_or("a metadata endpoint is not a string")?;
    let before_query = text.split('?').next().unwrap_or_default();
    if text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a metadata endpoint is no sound URL");
    }
    parse_issuer(before_query).map_err(|_| "a metadata endpoint is no sound URL")?;
    if issuer.starts_with("https://") && !text.starts_with("https://") {
        return Err("a metadata endpoint is http although the issuer is https");
    }
    Ok(Some(text.to_owned()))
}

/// The header is the default (RFC 8414 §2) and the better place; the form where that is all there is.
fn secret_in(value: &Value) -> SecretIn {
    let listed = value.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let has = |name: &str| listed.is_some_and(|methods| methods.iter().any(|one| one == name));
    if has("client_secret_post") && !has("client_secret_basic") {
        SecretIn::Form
    } else {
        SecretIn::Header
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://idp.test";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://idp.test/authorize?tenant=1",
            "token_endpoint": "https://idp.test/token",
            "jwks_uri": "https://keys.idp.test/jwks",
            "userinfo_endpoint": "https://idp.test/userinfo",
        })
    }

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut Value), rule: &str) {
        let mut document = document();
        edit(&mut document);
        assert_eq!(Metadata::parse(document.to_string().as_bytes(), ISSUER), Err(rule));
    }

    #[test]
    fn a_sound_document_is_read() {
        let metadata = Metadata::parse(document().to_string().as_bytes(), ISSUER).unwrap();
        assert_eq!(metadata.authorization_endpoint, "https://idp.test/authorize?tenant=1");
        assert_eq!((metadata.sends_iss, metadata.secret_in), (false, SecretIn::Header));
    }

    #[test]
    fn a73_another_issuers_document_is_refused() {
        let rule = "metadata is of another issuer";
        for other in ["https://idp.test/", "https://evil.test", "HTTPS://idp.test"] {
            refused(|document| document["issuer"] = other.into(), rule);
        }
        refused(|document| document["issuer"] = json!([ISSUER]), rule);
    }

    #[test]
    fn endpoints_are_sound_urls() {
        let unsound = "a metadata endpoint is no sound URL";
        for odd in ["javascript:alert(1)", "https://a@e.test/", "https://e.test/#x", "//e.test", ""]
        {
            refused(|document| document["authorization_endpoint"] = odd.into(), unsound);
        }
        refused(
            |document| document["token_endpoint"] = "http://idp.test/token".into(),
            "a metadata endpoint is http although the issuer is https",
        );
        refused(
            |document| document["jwks_uri"] = Value::Null,
            "a metadata endpoint is not a string",
        );
    }

    #[test]
    fn a_secret_goes_into_the_form_only_where_it_must() {
        let read = |methods: Value| {
            let mut document = document();
            document["token_endpoint_auth_methods_supported"] = methods;
            Metadata::parse(document.to_string().as_bytes(), ISSUER).unwrap().secret_in
        };
        assert_eq!(read(json!(["client_secret_post"])), SecretIn::Form);
        assert_eq!(read(json!(["client_secret_post", "client_secret_basic"])), SecretIn::Header);
        assert_eq!(read(json!(["private_key_jwt"])), SecretIn::Header);
    }

    #[test]
    fn metadata_lies_below_the_issuer() {
        let well_known = "https://idp.test/r/.well-known/openid-configuration";
        assert_eq!(location("https://idp.test/r"), well_known);
        assert_eq!(location("https://idp.test/r/"), well_known);
    }
}
