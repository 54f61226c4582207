//! Signed request objects (RFC 9101), taken at the pushed authorization endpoint only: nothing is
//! fetched, and only what is inside the signed object counts (§6.3).

use serde_json::Value;

use crate::client::Client;
use crate::jose::SKEW;
use crate::jose::algorithm::Algorithm;
use crate::jose::claims::ClaimSet;
use crate::jose::compact::parse_compact;
use crate::jose::jwk_set::JwkSet;
use crate::jose::verifying_key::KeySet;
use crate::params::Params;
use crate::refusal::{Code, Refusal};
use crate::time::{Seconds, Timestamp};

/// The longest life of a request object (FAPI 2.0 Message Signing §5.3.1).
const MAX_LIFETIME: Seconds = Seconds(3_600);

/// The parameters inside the request object that `client` signed for us.
pub fn open(jwt: &str, client: &Client, issuer: &str, now: Timestamp) -> Result<Params, Refusal> {
    open_rules(jwt, client, issuer, now)
        .map_err(|reason| Refusal::new(Code::InvalidRequestObject, reason).on("request"))
}

/// The key a request object says it was signed with.
#[must_use]
pub fn kid_of(jwt: &str) -> Option<String> {
    parse_compact(jwt).ok().and_then(|jws| jws.header.kid)
}

fn open_rules(
    jwt: &str,
    client: &Client,
    issuer: &str,
    now: Timestamp,
) -> Result<Params, &'static str> {
    let jws = parse_compact(jwt)?;
    let typ_fits = jws.header.typ.is_none()
        || jws.header.typ_is("JWT")
        || jws.header.typ_is("oauth-authz-req+jwt");
    if !typ_fits {
        return Err("request object typ is another kind of token");
    }
    let algorithm = jws.header.algorithm;
    if !may_sign(algorithm, client.party.request_object_alg) {
        return Err("request object alg is not the registered one");
    }
    let keys = client.keys.as_deref().ok_or("client has no registered keys")?;
    let keys = KeySet::prepare(&JwkSet::parse(keys.as_bytes())?)?;
    let key = match &jws.header.kid {
        Some(kid) => keys.find(kid, algorithm),
        None => keys.find_only(algorithm),
    }?;
    key.verify(jws.signing_input, &jws.signature)?;
    let claims = ClaimSet::parse(&jws.payload)?;
    judge_claims(&claims, &client.public_id, issuer, now)?;
    params_of(&claims)
}

fn may_sign(algorithm: Algorithm, registered: Option<Algorithm>) -> bool {
    registered.is_none_or(|registered| registered == algorithm)
}

fn judge_claims(
    claims: &ClaimSet,
    client_id: &str,
    issuer: &str,
    now: Timestamp,
) -> Result<(), &'static str> {
    if claims.text("iss", "request object iss is missing or not a string")? != client_id {
        return Err("request object iss is not the client");
    }
    if claims.text("client_id", "request object client_id is missing or not a string")? != client_id
    {
        return Err("request object client_id is another client");
    }
    if claims.text("aud", "request object aud is missing or not a single string")? != issuer {
        return Err("request object aud is another server");
    }
    let exp = claims.time("exp", "request object exp is missing or not whole seconds")?;
    if exp <= now {
        return Err("request object expired");
    }
    let nbf = claims.optional_time("nbf", "request object nbf is not whole seconds")?;
    if nbf.is_some_and(|nbf| nbf > now.plus(SKEW)) {
        return Err("request object is not valid yet");
    }
    if exp > nbf.unwrap_or(now).plus(MAX_LIFETIME).plus(SKEW) {
        return Err("request object lives longer than an hour");
    }
    if claims.contains("request") || claims.contains("request_uri") {
        return Err("request object holds another request");
    }
    Ok(())
}

/// The claims as parameters: texts as they are, numbers and objects as their JSON.
fn params_of(claims: &ClaimSet) -> Result<Params, &'static str> {
    let mut pairs = Vec::new();
    for (name, value) in claims.iter() {
        if matches!(name.as_str(), "iss" | "aud" | "exp" | "nbf" | "iat" | "jti" | "sub") {
            continue;
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Object(_) => value.to_string(),
            _ => return Err("a member of the request object is neither text, number nor object"),
        };
        pairs.push((name.clone(), text));
    }
    Params::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .map_err(|_| "the request object's members make no parameters")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::client_auth::tests::a_client;
    use crate::jose::forge;
    use crate::relying_party::RelyingParty;

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const ISSUER: &str = "https://issuer.test";

    fn client() -> Client {
        let keys = JwkSet::new(vec![forge::key(Algorithm::Es256).jwk().clone()]);
        Client { keys: Some(keys.to_value().to_string()), ..a_client() }
    }

    fn open_edited(
        edit: impl FnOnce(&mut Map<String, Value>, &mut RelyingParty),
    ) -> Result<Params, String> {
        let mut client = client();
        let mut claims = json!({
            "iss": client.public_id, "client_id": client.public_id, "aud": ISSUER,
            "exp": NOW.0 + 60, "nbf": NOW.0, "response_type": "code", "max_age": 7,
            "claims": {"userinfo": {}},
        });
        edit(claims.as_object_mut().unwrap(), &mut client.party);
        let key = forge::key(Algorithm::Es256);
        let header = json!({"alg": "ES256", "kid": key.kid(), "typ": "oauth-authz-req+jwt"});
        let jwt = forge::signed(&header.to_string(), &claims.to_string(), key);
        open(&jwt, &client, ISSUER, NOW).map_err(|refusal| refusal.reason.into_owned())
    }

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut Map<String, Value>, &mut RelyingParty), reason: &str) {
        assert_eq!(open_edited(edit).expect_err("was accepted"), reason);
    }

    #[test]
    fn what_was_signed_is_what_was_asked() {
        let params = open_edited(|_, _| ()).unwrap();
        assert_eq!(params.get("response_type"), Some("code"));
        assert_eq!(params.get("max_age"), Some("7"));
        assert_eq!(params.get("claims"), Some("{\"userinfo\":{}}"));
        assert_eq!(params.get("exp"), None);
    }

    #[test]
    fn an_object_for_elsewhere_or_another_time_is_refused() {
        refused(|c, _| c["iss"] = "x".into(), "request object iss is not the client");
        refused(|c, _| c["client_id"] = "x".into(), "request object client_id is another client");
        refused(|c, _| c["aud"] = "https://e.test".into(), "request object aud is another server");
        refused(
            |c, _| c["aud"] = json!([ISSUER]),
            "request object aud is missing or not a single string",
        );
        refused(|c, _| c["exp"] = NOW.0.into(), "request object expired");
        refused(|c, _| c["nbf"] = (NOW.0 + 11).into(), "request object is not valid yet");
        refused(
            |c, _| c["exp"] = (NOW.0 + 3_611).into(),
            "request object lives longer than an hour",
        );
        refused(
            |c, _| drop(c.insert("request".into(), "x".into())),
            "request object holds another request",
        );
        refused(
            |c, _| c["max_age"] = json!([1]),
            "a member of the request object is neither text, number nor object",
        );
        refused(
            |_, party| party.request_object_alg = Some(Algorithm::Ps256),
            "request object alg is not the registered one",
        );
    }
}
