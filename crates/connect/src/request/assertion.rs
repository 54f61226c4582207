//! Signed proofs: `client_assertion` and the JWT grant (RFC 7523), and secrets that are JWTs.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::jose::signing_key::SigningKey;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::compose::Params;
use super::{App, Misconfigured, Stamp};
use crate::provider::{Assertion, AssertionParam, Template, Values};

/// What signs.
pub(super) enum Signer<'a> {
    /// The app's own key, and what the provider calls it.
    Key(&'a SigningKey, &'a str),
    /// HMAC-SHA256 under the client's secret.
    Secret(&'a str),
}

impl<'a> Signer<'a> {
    /// The app's key.
    pub(super) fn key(app: &App<'a>) -> Result<Self, Misconfigured> {
        let key = app.key.ok_or_else(|| Misconfigured::new("the app has no signing key"))?;
        Ok(Self::Key(key, app.key_id.unwrap_or(key.kid())))
    }

    fn header(&self) -> Value {
        match self {
            Self::Key(key, kid) => {
                json!({ "alg": key.algorithm().name(), "kid": kid, "typ": "JWT" })
            }
            Self::Secret(_) => json!({ "alg": "HS256", "typ": "JWT" }),
        }
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Misconfigured> {
        match self {
            Self::Key(key, _) => key
                .sign(input)
                .map_err(|_| Misconfigured::new("the app's signing key does not sign")),
            Self::Secret(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                Ok(hmac::sign(&key, input).as_ref().to_vec())
            }
        }
    }
}

/// The proof as a compact JWS (RFC 7515 §3.1).
pub(super) fn signed(
    rules: &Assertion,
    signer: &Signer<'_>,
    app: &App<'_>,
    audience: &str,
    values: &Values<'_>,
    stamp: &Stamp,
) -> Result<Zeroizing<String>, Misconfigured> {
    let said = |template: &Option<Template>, otherwise: &str| match template {
        Some(template) => template.fill(values).map_err(|name| Misconfigured::unsaid(&name)),
        None => Ok(otherwise.to_owned()),
    };
    let mut claims = Map::new();
    claims.insert("iss".into(), said(&rules.iss, app.client_id)?.into());
    claims.insert("sub".into(), said(&rules.sub, app.client_id)?.into());
    claims.insert("aud".into(), said(&rules.aud, audience)?.into());
    claims.insert("iat".into(), stamp.now.0.into());
    claims.insert("exp".into(), stamp.now.plus(rules.lifetime.0).0.into());
    claims.insert("jti".into(), stamp.jti.clone().into());
    for (name, template) in &rules.claims {
        if let Ok(value) = template.fill(values) {
            claims.insert(name.clone(), value.into());
        }
    }
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", encode(&signer.header()), encode(&Value::Object(claims)));
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(input.as_bytes())?);
    Ok(Zeroizing::new(format!("{input}.{signature}")))
}

/// Puts the proof where the provider looks for it.
pub(super) fn add(param: AssertionParam, jwt: &str, params: &mut Params) {
    match param {
        AssertionParam::ClientAssertion => {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            params.add("client_assertion_type", kind);
            params.add("client_assertion", jwt);
        }
        AssertionParam::Assertion => params.add("assertion", jwt),
        AssertionParam::ClientSecret => params.add("client_secret", jwt),
    }
}
